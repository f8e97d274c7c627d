//! What comes in: responses go to their requests, requests get their answer, junk gets silence.

use std::cmp::Reverse;
use std::net::SocketAddr;

use tokio::time::Instant;
use tracing::debug;

use super::{Due, Endpoint, MAX_ANSWERED};
use crate::ports::DialogOutcome;
use crate::sip::answer;
use crate::sip::dialog::{self, DIALOG_INFO};
use crate::sip::message::address::Address;
use crate::sip::message::{Malformed, Message, MessageError};
use crate::sip::route::{Destination, Transport};
use crate::sip::transaction::server::{Key, ServerTransaction};
use crate::sip::transport::FlowEvent;

impl Endpoint {
    /// A datagram came.
    pub(super) async fn datagram(&mut self, message: Result<Message, Malformed>, source: SocketAddr) {
        let from = Destination { transport: Transport::Udp, address: source };
        self.message(message, from).await;
    }

    /// A flow has news.
    pub(super) async fn flow_event(&mut self, event: FlowEvent) {
        match event {
            FlowEvent::Opened { peer, flow, outgoing } => self.flows.opened(peer, flow, outgoing),
            FlowEvent::Message { peer, bytes } => {
                let from = Destination { transport: Transport::Tcp, address: peer };
                self.message(Message::parse(&bytes), from).await;
            }
            FlowEvent::Closed { peer, flow, unreachable } => {
                self.flows.closed(peer, flow);
                // A flow that closes later may have delivered the request: only timer F ends that.
                if let Some(why) = unreachable {
                    self.unreachable(peer, why);
                }
            }
        }
    }

    async fn message(&mut self, message: Result<Message, Malformed>, from: Destination) {
        match message {
            Ok(message) if message.method().is_none() => self.response(&message).await,
            Ok(request) => self.request(&request, from).await,
            Err(Malformed { why: MessageError::Empty, .. }) => {}
            Err(Malformed { why, answerable }) => {
                debug!(peer = %from.address, %why, "malformed message");
                if let Some(request) = answerable
                    && let Some(status) = answer::to_malformed(&request, why)
                {
                    self.answer(&request, status, from).await;
                }
            }
        }
    }

    async fn request(&mut self, request: &Message, from: Destination) {
        let key = Key::of(request);
        if let Some(known) = key.as_ref().and_then(|key| self.answered.get(key)) {
            let again = known.again();
            return self.send_answer(request, again, from).await;
        }
        let subscription = self.subscription_of(request);
        let Some(status) = answer::status(request, subscription.is_some()) else { return };
        if let (200, Some(call_id)) = (status, subscription) {
            self.dialogs_told(&call_id, request);
        }
        self.answer(request, status, from).await;
    }

    async fn answer(&mut self, request: &Message, status: u16, from: Destination) {
        let tag = format!("{:08x}", rand::random::<u32>());
        let response = match answer::response(request, status, from.address, &tag) {
            Ok(response) => response,
            Err(why) => {
                debug!(peer = %from.address, %why, "no answer could be built");
                return;
            }
        };
        let reliable = from.transport == Transport::Tcp;
        let kept =
            ServerTransaction::answered(Instant::now(), response.clone(), self.settings.timers, reliable);
        if let (Some(kept), Some(key), true) = (kept, Key::of(request), self.answered.len() < MAX_ANSWERED) {
            self.due.push(Reverse((kept.deadline(), Due::Answered(key.clone()))));
            self.answered.insert(key, kept);
        }
        self.send_answer(request, response, from).await;
    }

    async fn send_answer(&mut self, request: &Message, response: bytes::Bytes, from: Destination) {
        let to = match from.transport {
            Transport::Udp => Destination { address: answer::return_address(request, from.address), ..from },
            Transport::Tcp => from,
        };
        if let Err(why) = self.send(to, response).await {
            debug!(peer = %to.address, why, "an answer could not be sent");
        }
    }

    /// The Call-ID of the subscription that a NOTIFY belongs to.
    fn subscription_of(&self, request: &Message) -> Option<String> {
        let call_id = request.call_id().filter(|_| request.method() == Some("NOTIFY"))?;
        let subscription = self.subscriptions.get(call_id)?;
        let to = Address::parse(request.to()?).ok()?;
        let ours = to.tag()? == subscription.tag.as_str() && request.event() == Some("dialog");
        ours.then(|| call_id.to_owned())
    }

    /// A NOTIFY of ours came, perhaps before the answer to its SUBSCRIBE.
    fn dialogs_told(&mut self, call_id: &str, notify: &Message) {
        let Some(subscription) = self.subscriptions.get(call_id) else { return };
        let ended = notify.subscription_state().is_none_or(|state| state.eq_ignore_ascii_case("terminated"));
        let outcome = if notify.body.is_empty() {
            if !ended {
                // Nothing known yet; the document follows, or timer N.
                return;
            }
            DialogOutcome::Unknown { why: "the phone's NOTIFY holds no dialog document".to_owned() }
        } else if notify.content_type().is_some_and(|kind| kind.eq_ignore_ascii_case(DIALOG_INFO)) {
            let users: Vec<&str> = subscription.users.iter().map(String::as_str).collect();
            dialog::read(&notify.body, &users)
        } else {
            DialogOutcome::Unknown { why: "the phone's NOTIFY holds something else than dialogs".to_owned() }
        };
        self.end_subscription(call_id, outcome);
    }
}
