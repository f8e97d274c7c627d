//! What a phone does with a NOTIFY, and what it tells about its dialogs.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::Misfit;
use super::makers::{Wish, maker};
use super::stack::{Desk, transaction};
use crate::sim::diary::{Cause, What};
use crate::sim::wire::{Packet, credentials_fit, uri_of};

impl Desk<'_> {
    /// A NOTIFY came.
    pub(super) fn order(&mut self, packet: &Packet, from: SocketAddr) -> Option<Cause> {
        let (call_id, event) = (packet.get("Call-ID").to_owned(), packet.get("Event").to_owned());
        let copy = !self.seen.insert(transaction(packet));
        self.write(What::Notify { call_id: call_id.clone(), event: event.clone(), copy });
        if self.is_silent() {
            return None;
        }
        if let Some(bytes) = self.remembered.get(&transaction(packet)).cloned() {
            if !self.loses_this_one() {
                self.send(&bytes, from);
            }
            return None;
        }
        let wish = maker(&self.life.spec).wish(packet, self.registration.call_id());
        let (code, phrase) = self.verdict(packet, wish);
        self.write(What::Answered { call_id: call_id.clone(), status: code });
        let mut answer = self.answer(packet, code, phrase);
        match code {
            401 => {
                let (realm, nonce) = (self.life.registrar.ip(), &self.nonce);
                answer = answer.with(
                    "WWW-Authenticate",
                    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\""),
                );
            }
            489 => answer = answer.with("Allow-Events", "check-sync, dialog"),
            _ => {}
        }
        if code == 200 && self.loses_this_one() {
            self.remembered.insert(transaction(packet), answer.bytes());
        } else {
            self.reply_with(packet, from, &answer);
        }
        if code != 200 || self.life.spec.misfit == Misfit::NeverLeaves {
            return None;
        }
        let cause = Cause::ByNotify { call_id };
        if let Some(done) = self.check_sync_action(&event, &cause) {
            return done;
        }
        match wish {
            Wish::AtOnce | Wish::WhenIdle if self.life.spec.misfit == Misfit::ResyncsOnly => {
                self.wants_settings = true;
                None
            }
            Wish::AtOnce => Some(cause),
            Wish::WhenIdle => {
                self.promised.get_or_insert(cause);
                self.leave_if_idle()
            }
            Wish::Resync if self.life.spec.misfit == Misfit::RebootsToResync => Some(cause),
            Wish::Resync => {
                self.wants_settings = true;
                None
            }
            Wish::Nothing | Wish::AsWritten | Wish::Malformed | Wish::Unknown => None,
        }
    }

    /// A SUBSCRIBE came: a one-shot look at the dialogs (RFC 6665 section 4.4.3, RFC 4235).
    pub(super) fn subscribed(&mut self, packet: &Packet, from: SocketAddr) {
        let tells = maker(&self.life.spec).tells_dialogs;
        if !packet.get("Event").starts_with("dialog") || !tells || self.life.house.lies() {
            let answer = self.answer(packet, 489, "Bad Event").with("Allow-Events", "check-sync");
            self.reply_with(packet, from, &answer);
            return;
        }
        let answer = self.answer(packet, 200, "OK").with("Expires", "0");
        self.reply_with(packet, from, &answer);
        let body = self.dialog_info();
        let notify = self
            .request("NOTIFY", uri_of(packet.get("Contact")))
            .with("From", answer.get("To"))
            .with("To", packet.get("From"))
            .with("Call-ID", packet.get("Call-ID"))
            .with("CSeq", "1 NOTIFY")
            .with("Event", "dialog")
            .with("Subscription-State", "terminated;reason=timeout")
            .with_body("application/dialog-info+xml", body);
        self.ask(&notify, from);
    }

    fn dialog_info(&self) -> String {
        let entity = format!("sip:{}@{}", self.life.spec.user, self.life.registrar);
        let mut text = format!(
            "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\" \
             state=\"full\" entity=\"{entity}\">\r\n"
        );
        for (nth, (call_id, call)) in self.calls.iter().enumerate() {
            let state = if call.up { "confirmed" } else { "early" };
            let way = if call.is_ours() { "initiator" } else { "recipient" };
            // Writing into a String cannot fail.
            let _ = write!(
                text,
                "<dialog id=\"{nth}\" call-id=\"{call_id}\" direction=\"{way}\"><state>{state}</state></dialog>\r\n"
            );
        }
        text + "</dialog-info>\r\n"
    }

    fn verdict(&self, packet: &Packet, wish: Wish) -> (u16, &'static str) {
        if let Misfit::Refuses(code) = self.life.spec.misfit {
            return (code, "Refused");
        }
        if !self.is_me(packet) {
            return (404, "Not Found");
        }
        let (user, secret) = (&self.life.spec.user, &self.life.spec.password);
        let credentials = packet.get("Authorization");
        if self.life.spec.challenges && !credentials_fit(credentials, &self.nonce, "NOTIFY", user, secret) {
            return (401, "Unauthorized");
        }
        match wish {
            Wish::Unknown => (489, "Bad Event"),
            Wish::AsWritten | Wish::Malformed => (400, "Bad Request"),
            Wish::WhenIdle | Wish::AtOnce | Wish::Resync | Wish::Nothing => (200, "OK"),
        }
    }

    fn is_silent(&self) -> bool {
        let since = self.life.first_registered.map(|at| self.life.house.now() - at);
        match (self.life.spec.misfit, since) {
            (Misfit::SilentFor(time), Some(since)) => since < time,
            (_, _) => false,
        }
    }

    fn loses_this_one(&mut self) -> bool {
        let loses = self.life.oks_to_lose > 0;
        self.life.oks_to_lose = self.life.oks_to_lose.saturating_sub(1);
        loses
    }
}
