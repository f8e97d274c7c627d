//! A phone's calls: dialling, ringing, talking, hanging up, and being cut off by a reboot.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::TimeDelta;

use super::stack::{Desk, Due, transaction};
use crate::sim::diary::{Cause, CutBy, What};
use crate::sim::wire::{Packet, uri_of, user_of};

/// How long a caller lets it ring, in the building's time.
const PATIENCE: TimeDelta = TimeDelta::seconds(45);
/// But at least so long in real time: on a busy machine packets need it.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);
/// What a phone that goes down says in `Reason` (RFC 3326), so that the other end knows it was no hanging up.
const GOING_DOWN: &str = "SIP ;cause=503 ;text=\"phone goes down\"";

/// One call of a phone; it exists from dialling or ringing on.
pub(super) struct Call {
    /// The other party's number.
    pub with: String,
    /// It was answered.
    pub up: bool,
    side: Side,
}

/// Which end of the call this phone is.
enum Side {
    /// It dialled.
    Ours {
        invite: Packet,
        lasts: TimeDelta,
        /// The 2xx, once it came: its To and Contact are needed for the BYE.
        answer: Option<Packet>,
    },
    /// It was rung.
    Theirs { invite: Packet, from: SocketAddr },
}

impl Call {
    /// Whether this phone dialled.
    pub fn is_ours(&self) -> bool {
        matches!(self.side, Side::Ours { .. })
    }
}

impl Desk<'_> {
    /// Dials; a phone that is not registered or is already in a call does not.
    pub(super) fn dial(&mut self, to: &str, lasts: TimeDelta) {
        if !self.registration.done || !self.calls.is_empty() {
            return;
        }
        let registrar = self.life.registrar;
        let call_id = format!("{}-call", self.life.token());
        let uri = format!("sip:{to}@{registrar}");
        let sdp = self.sdp();
        let invite = self
            .request("INVITE", &uri)
            .with("From", format!("<sip:{}@{registrar}>;tag={}", self.life.spec.user, self.registration.tag))
            .with("To", format!("<{uri}>"))
            .with("Call-ID", call_id.clone())
            .with("CSeq", "1 INVITE")
            .with_body("application/sdp", sdp);
        self.ask(&invite, registrar);
        let side = Side::Ours { invite, lasts, answer: None };
        self.calls.insert(call_id.clone(), Call { with: to.to_owned(), up: false, side });
        self.after_at_least(PATIENCE, LEAST_PATIENCE, Due::NoReply(call_id));
    }

    /// An INVITE came.
    pub(super) fn rung(&mut self, packet: &Packet, from: SocketAddr) {
        if !self.calls.is_empty() {
            self.reply(packet, from, 486, "Busy Here");
            return;
        }
        self.reply(packet, from, 180, "Ringing");
        let call_id = packet.get("Call-ID").to_owned();
        let with = user_of(uri_of(packet.get("From"))).to_owned();
        let side = Side::Theirs { invite: packet.clone(), from };
        self.calls.insert(call_id.clone(), Call { with, up: false, side });
        self.after(self.life.spec.pace.ring, Due::PickUp(call_id));
    }

    /// Somebody picks up; the 200 is repeated until its ACK comes (RFC 3261 section 13.3.1.4).
    pub(super) fn pick_up(&mut self, call_id: &str) {
        let Some(Call { with, up, side: Side::Theirs { invite, from } }) = self.calls.get_mut(call_id) else {
            return;
        };
        *up = true;
        let (with, invite, from) = (with.clone(), invite.clone(), *from);
        let answer = self.answer(&invite, 200, "OK").with_body("application/sdp", self.sdp());
        self.remembered.insert(transaction(&invite), answer.bytes());
        self.send_until(ok_name(call_id), answer.bytes(), from);
        self.write(What::CallBegan { with, call_id: call_id.to_owned() });
    }

    /// An ACK came.
    pub(super) fn acknowledged(&mut self, packet: &Packet) {
        self.settled(&ok_name(packet.get("Call-ID")));
    }

    /// The INVITE was answered.
    pub(super) fn call_answered(&mut self, packet: &Packet) -> Option<Cause> {
        let (call_id, code) = (packet.get("Call-ID").to_owned(), packet.code());
        self.settled(&format!("INVITE {}", packet.branch()));
        if code < 200 {
            return None;
        }
        if code >= 300 {
            let call = self.calls.remove(&call_id)?;
            if let Side::Ours { invite, .. } = &call.side {
                self.acknowledge_failure(invite, packet);
            }
            self.write(What::CallFailed { call_id, status: code });
            return self.leave_if_idle();
        }
        let ack = self.in_dialog("ACK", packet);
        self.send(&ack.bytes(), self.life.registrar);
        match self.calls.get_mut(&call_id) {
            Some(Call { with, up, side: Side::Ours { lasts, answer, .. } }) => {
                if !*up {
                    *up = true;
                    *answer = Some(packet.clone());
                    let (with, lasts) = (with.clone(), *lasts);
                    self.write(What::CallBegan { with, call_id: call_id.clone() });
                    self.after(lasts, Due::HangUp(call_id));
                }
            }
            // Picked up in the moment the caller gave up.
            Some(_) | None => {
                let bye = self.in_dialog("BYE", packet);
                self.ask(&bye, self.life.registrar);
            }
        }
        None
    }

    /// The caller has said all.
    pub(super) fn hang_up(&mut self, call_id: &str) -> Option<Cause> {
        let call = self.calls.remove(call_id)?;
        let bye = self.bye(&call)?;
        self.ask(&bye, self.life.registrar);
        self.write(What::CallEnded { call_id: call_id.to_owned() });
        self.leave_if_idle()
    }

    /// Nobody picks up.
    pub(super) fn no_reply(&mut self, call_id: &str) -> Option<Cause> {
        if self.calls.get(call_id)?.up {
            return None;
        }
        let call = self.calls.remove(call_id)?;
        if let Side::Ours { invite, .. } = &call.side {
            self.settled(&format!("INVITE {}", invite.branch()));
            self.ask(&cancel(invite), self.life.registrar);
        }
        self.write(What::CallFailed { call_id: call_id.to_owned(), status: 408 });
        self.leave_if_idle()
    }

    /// A BYE came.
    pub(super) fn hung_up(&mut self, packet: &Packet, from: SocketAddr) -> Option<Cause> {
        let call_id = packet.get("Call-ID").to_owned();
        let Some(call) = self.calls.remove(&call_id) else {
            self.reply(packet, from, 481, "Call/Transaction Does Not Exist");
            return None;
        };
        self.reply(packet, from, 200, "OK");
        self.settled(&ok_name(&call_id));
        if packet.get("Reason") == GOING_DOWN {
            self.write(What::CallCut { with: call.with, call_id, by: CutBy::TheOther });
        } else {
            self.write(What::CallEnded { call_id });
        }
        self.leave_if_idle()
    }

    /// A CANCEL came.
    pub(super) fn cancelled(&mut self, packet: &Packet, from: SocketAddr) -> Option<Cause> {
        self.reply(packet, from, 200, "OK");
        let call_id = packet.get("Call-ID").to_owned();
        if self.calls.get(&call_id).is_none_or(|call| call.up) {
            return None;
        }
        let call = self.calls.remove(&call_id)?;
        if let Side::Theirs { invite, from } = &call.side {
            self.reply(invite, *from, 487, "Request Terminated");
        }
        if packet.get("Reason") == GOING_DOWN {
            self.write(What::CallCut { with: call.with, call_id, by: CutBy::TheOther });
        } else {
            self.write(What::CallFailed { call_id, status: 487 });
        }
        self.leave_if_idle()
    }

    /// The 200 was never acknowledged: the caller is gone (RFC 3261 section 13.3.1.4).
    pub(super) fn never_acknowledged(&mut self, call_id: &str) -> Option<Cause> {
        let call = self.calls.remove(call_id)?;
        if let Some(bye) = self.bye(&call) {
            self.ask(&bye, self.life.registrar);
        }
        self.write(What::CallFailed { call_id: call_id.to_owned(), status: 408 });
        self.leave_if_idle()
    }

    /// The phone goes down with calls on it.
    pub(super) fn drop_calls(&mut self, cause: &Cause) {
        for (call_id, call) in std::mem::take(&mut self.calls) {
            let farewell = match &call.side {
                _ if call.up => self.bye(&call),
                Side::Ours { invite, .. } => Some(cancel(invite)),
                Side::Theirs { invite, .. } => Some(self.answer(invite, 480, "Temporarily Unavailable")),
            };
            if let Some(farewell) = farewell {
                self.send(&farewell.with("Reason", GOING_DOWN).bytes(), self.life.registrar);
            }
            self.write(What::CallCut { with: call.with, call_id, by: CutBy::Me(cause.clone()) });
        }
    }

    fn bye(&mut self, call: &Call) -> Option<Packet> {
        match &call.side {
            Side::Ours { answer, .. } => {
                let answer = answer.as_ref()?;
                Some(self.in_dialog("BYE", answer))
            }
            Side::Theirs { invite, .. } => {
                let to = format!("{};tag={}", invite.get("To"), self.registration.tag);
                let bye = self.request("BYE", uri_of(invite.get("Contact")));
                Some(
                    bye.with("From", to)
                        .with("To", invite.get("From"))
                        .with("Call-ID", invite.get("Call-ID"))
                        .with("CSeq", "1 BYE"),
                )
            }
        }
    }

    /// A request of the caller in the dialog that this 2xx made.
    fn in_dialog(&mut self, method: &str, answer: &Packet) -> Packet {
        let number = if method == "ACK" { 1 } else { 2 };
        self.request(method, uri_of(answer.get("Contact")))
            .with("From", answer.get("From"))
            .with("To", answer.get("To"))
            .with("Call-ID", answer.get("Call-ID"))
            .with("CSeq", format!("{number} {method}"))
    }

    /// The ACK of a failure belongs to the INVITE's own transaction (RFC 3261 section 17.1.1.3).
    fn acknowledge_failure(&self, invite: &Packet, answer: &Packet) {
        let ack = Packet::request("ACK", invite.uri())
            .with("Via", invite.get("Via"))
            .with("Max-Forwards", "70")
            .with("From", invite.get("From"))
            .with("To", answer.get("To"))
            .with("Call-ID", invite.get("Call-ID"))
            .with("CSeq", "1 ACK");
        self.send(&ack.bytes(), self.life.registrar);
    }

    fn sdp(&self) -> String {
        let ip = self.life.address.ip();
        format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
    }
}

/// The name under which the 200 of a call is resent.
fn ok_name(call_id: &str) -> String {
    format!("200 {call_id}")
}

/// A CANCEL has the INVITE's Via, URI and number (RFC 3261 section 9.1).
fn cancel(invite: &Packet) -> Packet {
    let mut cancel = Packet::request("CANCEL", invite.uri()).with("Max-Forwards", "70");
    for name in ["Via", "From", "To", "Call-ID"] {
        cancel = cancel.with(name, invite.get(name));
    }
    cancel.with("CSeq", "1 CANCEL")
}
