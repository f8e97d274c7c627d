//! Requests on their way out: turns, first copies, further copies, answers.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, trace};

use super::order::{End, Order, Reply};
use super::{Due, Endpoint, Subscription};
use crate::domain::phone::LineId;
use crate::ports::DialogOutcome;
use crate::sip::exchange::{Ask, Exchange, Next};
use crate::sip::message::uri::Uri;
use crate::sip::message::{Message, Start};
use crate::sip::route::{Destination, Route, Transport};
use crate::sip::transaction::client::{ClientTransaction, Input, Output};
use crate::sip::transport;

/// The magic cookie of RFC 3261 section 8.1.1.7; our number follows in 16 hexadecimal digits.
const COOKIE: &str = "z9hG4bK";

/// A request under way. No `Debug`: its bytes may hold a digest.
pub(super) struct Pending {
    transaction: ClientTransaction,
    /// Gone once the final answer came; the rest stays for timer K.
    under_way: Option<Box<UnderWay>>,
}

/// What is needed until the final answer.
pub(super) struct UnderWay {
    exchange: Exchange,
    line: LineId,
    bytes: Bytes,
    reply: Reply,
    /// When timer F of the first try fires; the end of all tries.
    give_up: Instant,
    /// For how long each try of the request is copied.
    copies_for: Option<Duration>,
    /// Copies of earlier tries.
    earlier: u32,
}

impl Endpoint {
    /// Puts an order into its lane.
    pub(super) fn wait_for_turn(&mut self, order: Order) {
        let lane = usize::from(!matches!(order.ask, Ask::Notify(_)));
        let lane = &mut self.lanes[lane];
        lane.waiting.push_back(order);
        lane.next.get_or_insert_with(Instant::now);
    }

    /// Sends what may go now.
    pub(super) async fn release(&mut self) {
        let now = Instant::now();
        for index in 0..self.lanes.len() {
            while self.lanes[index].next.is_some_and(|next| next <= now) {
                let lane = &mut self.lanes[index];
                let Some(order) = lane.waiting.front() else {
                    lane.next = None;
                    break;
                };
                if !order.reply.is_abandoned()
                    && let Err(later) = lane.pace.take(now)
                {
                    lane.next = Some(later);
                    break;
                }
                if let Some(order) = lane.waiting.pop_front()
                    && !order.reply.is_abandoned()
                {
                    self.begin(now, order).await;
                }
            }
        }
    }

    async fn begin(&mut self, now: Instant, order: Order) {
        let Order { ask, target, patience, copies_for, mut reply } = order;
        let route = match Route::to(&target, self.settings.proxy, self.settings.local) {
            Ok(route) => route,
            Err(why) => {
                reply.end(End::NotSent(why.to_string()), 0);
                return;
            }
        };
        let (call_id, tag) =
            (format!("{:032x}", rand::random::<u128>()), format!("{:08x}", rand::random::<u32>()));
        let timer_f = self.settings.timers.give_up();
        let give_up = now + patience.map_or(timer_f, |patience| patience.min(timer_f));
        if let Reply::Dialogs(sender) = reply {
            let user = Uri::parse(&route.uri).ok().and_then(|uri| uri.user.map(str::to_owned));
            let users = std::iter::once(target.line.user.to_string()).chain(user).collect();
            let subscription = Subscription { tag: tag.clone(), users, reply: sender, until: give_up };
            self.subscriptions.insert(call_id.clone(), subscription);
            self.due.push(Reverse((give_up, Due::Subscription(call_id.clone()))));
            reply = Reply::Subscription;
        }
        let exchange = Exchange::new(ask, route, call_id, tag);
        let line = target.line;
        let under_way =
            UnderWay { exchange, line, bytes: Bytes::new(), reply, give_up, copies_for, earlier: 0 };
        self.attempt(now, Box::new(under_way)).await;
    }

    /// Sends a request as a new transaction.
    async fn attempt(&mut self, now: Instant, mut under_way: Box<UnderWay>) {
        let key: u64 = rand::random();
        let branch = format!("{COOKIE}{key:016x}");
        let cnonce = if under_way.exchange.challenged() {
            format!("{:016x}", rand::random::<u64>())
        } else {
            String::new()
        };
        let copies = under_way.earlier;
        under_way.bytes = match under_way.exchange.next_try(&self.settings.identity, &branch, &cnonce) {
            Ok(bytes) => bytes,
            Err(why) => return self.finish(under_way, End::NotSent(why.to_string()), copies),
        };
        let destination = under_way.exchange.route().destination;
        if let Err(why) = self.send(destination, under_way.bytes.clone()).await {
            let end = if copies == 0 { End::NotSent(why) } else { End::NoAnswer };
            return self.finish(under_way, end, copies);
        }
        trace!(method = under_way.exchange.ask().method(), to = %destination.address, "sent");
        let reliable = destination.transport == Transport::Tcp;
        let transaction = ClientTransaction::begin(now, under_way.give_up, self.settings.timers, reliable)
            .copies_until(under_way.copies_for.map(|length| now + length));
        if let Reply::Notify(id, _) = &under_way.reply {
            self.orders.insert(*id, key);
        }
        if let Some(deadline) = transaction.deadline() {
            self.due.push(Reverse((deadline, Due::Client(key))));
        }
        self.pending.insert(key, Pending { transaction, under_way: Some(under_way) });
    }

    pub(super) async fn send(&mut self, to: Destination, bytes: Bytes) -> Result<(), String> {
        let Destination { transport, address } = to;
        match transport {
            Transport::Udp => transport::send_datagram(&self.udp, &bytes, address)
                .await
                .map_err(|error| format!("sending to {address} failed: {error}")),
            Transport::Tcp => self
                .flows
                .send(address, bytes)
                .map_err(|error| format!("sending to {address} failed: {error}")),
        }
    }

    /// A copy, the end, or nothing yet.
    pub(super) async fn client_timer(&mut self, now: Instant, key: u64) {
        let Some(pending) = self.pending.get_mut(&key) else { return };
        let abandoned = pending.under_way.as_ref().is_some_and(|under_way| under_way.reply.is_abandoned());
        let input = if abandoned { Input::Stop } else { Input::Timer };
        let output = pending.transaction.handle(now, input);
        let copy = match (output, &pending.under_way) {
            (Some(Output::Send), Some(under_way)) => {
                Some((under_way.exchange.route().destination, under_way.bytes.clone()))
            }
            _ => None,
        };
        match pending.transaction.deadline() {
            Some(deadline) => self.due.push(Reverse((deadline, Due::Client(key)))),
            None => {
                let end = if abandoned { End::Stopped } else { End::NoAnswer };
                self.remove(key, end);
            }
        }
        if let Some((destination, bytes)) = copy
            && let Err(why) = self.send(destination, bytes).await
        {
            // The first copy went out: only timer F can tell that nobody answers.
            debug!(to = %destination.address, why, "a copy could not be sent");
        }
    }

    /// A response came.
    pub(super) async fn response(&mut self, response: &Message) {
        let Start::Response { status, .. } = response.start else { return };
        // More than one hop: the answer was not meant for us (RFC 3261 section 8.1.3.3).
        let branch = response.top_via().and_then(|via| via.branch).unwrap_or_default();
        let digits =
            branch.strip_prefix(COOKIE).filter(|digits| digits.len() == 16 && response.vias().count() == 1);
        let Some(key) = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) else { return };
        let Some(pending) = self.pending.get_mut(&key) else { return };
        let Some(under_way) = &pending.under_way else { return };
        if response.cseq().is_none_or(|cseq| cseq.method != under_way.exchange.ask().method()) {
            return;
        }
        let now = Instant::now();
        if pending.transaction.handle(now, Input::Response(status)) != Some(Output::Deliver) {
            return;
        }
        let copies = pending.transaction.copies();
        let under_way = pending.under_way.take();
        if pending.transaction.deadline().is_none() {
            self.pending.remove(&key);
        }
        let Some(mut under_way) = under_way else { return };
        self.forget_order(&under_way.reply);
        under_way.earlier += copies;
        if matches!(status, 401 | 407) && !matches!(under_way.exchange.ask(), Ask::Options) {
            let credentials = self.shared.credentials(&under_way.line);
            match under_way.exchange.challenge(response, status, credentials.as_ref()) {
                Next::Again if now < under_way.give_up => return self.attempt(now, under_way).await,
                Next::Again | Next::Final => {}
                Next::NoCredentials { realm } => {
                    let copies = under_way.earlier;
                    return self.finish(under_way, End::NoCredentials { status, realm }, copies);
                }
            }
        }
        let UnderWay { exchange, reply, .. } = *under_way;
        if let Some(outcome) = reply.answered(response, exchange.challenged()) {
            self.end_subscription(exchange.call_id(), outcome);
        }
    }

    /// No further copy of these orders; those still waiting never go.
    pub(super) fn obey_stops(&mut self, orders: &mut mpsc::Receiver<Order>) {
        let stops = self.shared.take_stops();
        if stops.is_empty() {
            return;
        }
        // An order given before its stop may still be in the queue.
        while let Ok(order) = orders.try_recv() {
            self.wait_for_turn(order);
        }
        for id in stops {
            if let Some(key) = self.orders.get(&id).copied() {
                self.remove(key, End::Stopped);
                continue;
            }
            let is_it = |order: &Order| matches!(&order.reply, Reply::Notify(known, _) if *known == id);
            let waiting = &mut self.lanes[0].waiting;
            if let Some(order) = waiting.iter().position(is_it).and_then(|at| waiting.remove(at)) {
                order.reply.end(End::Stopped, 0);
            }
        }
    }

    /// A flow that never came to be: nothing was sent over it.
    pub(super) fn unreachable(&mut self, peer: SocketAddr, why: std::io::ErrorKind) {
        let over_it = |(key, pending): (&u64, &Pending)| {
            let to = pending.under_way.as_ref()?.exchange.route().destination;
            (to == Destination { transport: Transport::Tcp, address: peer }).then_some(*key)
        };
        let keys: Vec<u64> = self.pending.iter().filter_map(over_it).collect();
        for key in keys {
            self.remove(key, End::NotSent(format!("no TCP connection to {peer}: {why}")));
        }
    }

    /// Tells the giver of a dialog question its end.
    pub(super) fn end_subscription(&mut self, call_id: &str, outcome: DialogOutcome) {
        if let Some(subscription) = self.subscriptions.remove(call_id) {
            // A giver that went away has nobody to be told.
            subscription.reply.send(outcome).ok();
        }
    }

    /// Going down: whoever waits is told that no further copy will go out.
    pub(super) fn end(&mut self) {
        let keys: Vec<u64> = self.pending.keys().copied().collect();
        for key in keys {
            self.remove(key, End::Stopped);
        }
    }

    fn remove(&mut self, key: u64, end: End) {
        let Some(Pending { transaction, under_way: Some(under_way) }) = self.pending.remove(&key) else {
            return;
        };
        let copies = under_way.earlier + transaction.copies();
        self.forget_order(&under_way.reply);
        self.finish(under_way, end, copies);
    }

    fn finish(&mut self, under_way: Box<UnderWay>, end: End, copies: u32) {
        let UnderWay { exchange, reply, .. } = *under_way;
        if let Some(outcome) = reply.end(end, copies) {
            self.end_subscription(exchange.call_id(), outcome);
        }
    }

    fn forget_order(&mut self, reply: &Reply) {
        if let Reply::Notify(id, _) = reply {
            self.orders.remove(id);
        }
    }
}
