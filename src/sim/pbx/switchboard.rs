//! The PBX's SIP side: takes registrations, passes calls on between two lines, and sends NOTIFYs it is told to send.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Office;
use super::ami::Event;
use super::book::{Call, Contact, Leg};
use crate::sim::wire::{Packet, credentials_fit, host_of, md5_hex, parameter, uri_of, user_of};

/// The branch of what is passed on: this before the branch it came with, so that copies stay copies.
const PASSED_ON: &str = "z9hG4bK-on-";
/// The echo test's number.
const ECHO: &str = "600";
/// T1, T2 and timer F of RFC 3261, in real time: eleven copies.
const TIMING: (Duration, Duration, Duration) =
    (Duration::from_millis(500), Duration::from_secs(4), Duration::from_secs(32));

/// What the AMI, or a test, has the switchboard do.
#[derive(Debug)]
pub(in crate::sim) enum Errand {
    /// Send a NOTIFY and never tell what became of it.
    Notify {
        /// The line it is sent on behalf of.
        from: String,
        /// The Request-URI.
        uri: String,
        /// Where the packets go.
        to: SocketAddr,
        /// Headers, and body lines as `Content`.
        variables: Vec<(String, String)>,
    },
    /// Forget a line's contact.
    Vanish {
        /// The line.
        user: String,
    },
}

/// The SIP side.
pub(super) struct Switchboard {
    office: Arc<Office>,
    socket: UdpSocket,
    inbox: mpsc::UnboundedReceiver<Errand>,
    expiries: BTreeSet<(DateTime<Utc>, String)>,
    sent: HashMap<String, Sent>,
    resends: BTreeMap<(Instant, u64), String>,
    count: u64,
}

struct Sent {
    bytes: Vec<u8>,
    to: SocketAddr,
    wait: Duration,
    ends: Instant,
}

impl Switchboard {
    /// A switchboard nobody serves yet.
    pub fn new(office: Arc<Office>, socket: UdpSocket, inbox: mpsc::UnboundedReceiver<Errand>) -> Self {
        Self {
            office,
            socket,
            inbox,
            expiries: BTreeSet::new(),
            sent: HashMap::new(),
            resends: BTreeMap::new(),
            count: 0,
        }
    }

    /// Serves for ever.
    pub async fn serve(mut self) {
        let mut buffer = vec![0; 8192];
        loop {
            let resend = self.resends.keys().next().map(|(at, _)| *at);
            let expiry =
                self.expiries.first().map(|(at, _)| Instant::now() + self.office.house.clock.until(*at));
            let next = resend.into_iter().chain(expiry).min();
            tokio::select! {
                got = self.socket.recv_from(&mut buffer) => {
                    if let Ok((length, from)) = got
                        && let Some(packet) = Packet::read(&buffer[..length])
                    {
                        self.packet(packet, from);
                    }
                }
                Some(errand) = self.inbox.recv() => self.errand(errand),
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    self.expire();
                    self.resend();
                }
            }
        }
    }

    fn packet(&mut self, packet: Packet, from: SocketAddr) {
        match packet.method() {
            _ if packet.code() > 0 => self.response(packet),
            "REGISTER" => self.register(&packet, from),
            "INVITE" => self.invite(packet, from),
            "BYE" | "CANCEL" | "ACK" => self.in_dialog(packet, from),
            "OPTIONS" => self.reply(&packet, from, 200, "OK"),
            _ => self.reply(&packet, from, 405, "Method Not Allowed"),
        }
    }

    // -------------------------------------------------------------------------------- registrations

    fn register(&mut self, packet: &Packet, from: SocketAddr) {
        let user = user_of(uri_of(packet.get("To"))).to_owned();
        let Some(password) = self.office.spec.lines.get(&user) else {
            return self.reply(packet, from, 404, "Not Found");
        };
        let nonce = md5_hex(&format!("nonce {}", self.office.sip));
        if !credentials_fit(packet.get("Authorization"), &nonce, "REGISTER", &user, password) {
            let challenge = Packet::answer(packet, 401, "Unauthorized", "registrar").with(
                "WWW-Authenticate",
                format!("Digest realm=\"asterisk\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\""),
            );
            return self.send(&challenge, from);
        }
        let seconds = parameter(packet.get("Contact"), "expires").unwrap_or(packet.get("Expires"));
        let seconds: i64 = seconds.parse().unwrap_or(3600);
        let answer = Packet::answer(packet, 200, "OK", "registrar");
        if seconds == 0 {
            self.remove_contact(&user);
            return self.send(&answer, from);
        }
        let contact = Contact {
            uri: uri_of(packet.get("Contact")).to_owned(),
            source: from,
            user_agent: packet.get("User-Agent").to_owned(),
            call_id: packet.get("Call-ID").to_owned(),
            shown_call_id: packet.get("Call-ID").to_owned(),
            expires: self.office.house.now() + TimeDelta::seconds(seconds.min(86_400)),
        };
        self.expiries.insert((contact.expires, user.clone()));
        let header = format!("<{}>;expires={seconds}", contact.uri);
        self.put_contact(&user, contact);
        self.send(&answer.with("Contact", header), from);
    }

    /// Takes a contact over. The same URI again is no event, whatever Call-ID it came with.
    fn put_contact(&mut self, user: &str, mut contact: Contact) {
        let (uri, call_id) = (contact.uri.clone(), contact.call_id.clone());
        let old = self.office.book().contacts.remove(user);
        if let Some(old) = old.as_ref().filter(|old| old.uri == uri) {
            contact.shown_call_id.clone_from(&old.shown_call_id);
        }
        self.office.book().contacts.insert(user.to_owned(), contact);
        if old.as_ref().is_some_and(|old| old.call_id != call_id) {
            self.hang_up_after_boot(user);
        }
        match old {
            Some(old) if old.uri == uri => {}
            Some(old) => {
                self.tell(&Event::contact(user, &uri, "NonQualified"));
                self.tell(&Event::contact(user, &old.uri, "Removed"));
            }
            None => {
                self.tell_state(user);
                self.tell(&Event::peer(user, "Reachable"));
                self.tell(&Event::contact(user, &uri, "NonQualified"));
            }
        }
    }

    fn remove_contact(&mut self, user: &str) {
        let Some(old) = self.office.book().contacts.remove(user) else { return };
        self.tell_state(user);
        self.tell(&Event::peer(user, "Unreachable"));
        self.tell(&Event::contact(user, &old.uri, "Removed"));
    }

    fn expire(&mut self) {
        let now = self.office.house.now();
        while self.expiries.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, user)) = self.expiries.pop_first() else { return };
            let over = self.office.book().contacts.get(&user).is_some_and(|contact| contact.expires <= now);
            if over {
                self.remove_contact(&user);
            }
        }
    }

    // ---------------------------------------------------------------------------------------- calls

    fn invite(&mut self, mut packet: Packet, from: SocketAddr) {
        let call_id = packet.get("Call-ID").to_owned();
        let known = self.office.book().calls.get(&call_id).cloned();
        let call = match known {
            Some(call) => call,
            None => match self.new_call(&packet, from) {
                Ok(call) => call,
                Err((code, phrase)) => return self.reply(&packet, from, code, phrase),
            },
        };
        let Some(to) = call.callee.address else {
            let answer = Packet::answer(&packet, 200, "OK", "echo")
                .with("Contact", format!("<sip:{ECHO}@{}>", self.office.sip))
                .with_body("application/sdp", packet.body.clone());
            self.send(&answer, from);
            return self.answered(&call_id, answer.get("To"));
        };
        packet.set("Contact", format!("<sip:{}>", self.office.sip));
        self.pass_on(packet, &call.callee.uri, to);
    }

    fn new_call(&mut self, packet: &Packet, from: SocketAddr) -> Result<Call, (u16, &'static str)> {
        let dialled = user_of(packet.uri()).to_owned();
        let call = {
            let mut book = self.office.book();
            let caller = book.line_at(from).ok_or((403, "Forbidden"))?.to_owned();
            let callee = match book.contacts.get(&dialled) {
                Some(contact) => (Some(contact.source), contact.uri.clone()),
                None if dialled == ECHO => (None, String::new()),
                None if self.office.spec.lines.contains_key(&dialled) => {
                    return Err((480, "Temporarily Unavailable"));
                }
                None => return Err((404, "Not Found")),
            };
            let mut leg = |user: String, address, uri| {
                let number = book.channels;
                book.channels += 1;
                let channel = format!("PJSIP/{user}-{number:08x}");
                Leg { user, address, uri, channel, number }
            };
            let caller = leg(caller, Some(from), uri_of(packet.get("Contact")).to_owned());
            let callee = leg(dialled, callee.0, callee.1);
            let call = Call {
                caller,
                callee,
                up: false,
                from: packet.get("From").to_owned(),
                to: packet.get("To").to_owned(),
                began: self.office.house.now(),
            };
            book.calls.insert(packet.get("Call-ID").to_owned(), call.clone());
            call
        };
        self.tell_call(&Event::new_channel(&call.caller, &call.callee.user, "4", "Ring"));
        self.tell_state(&call.caller.user);
        if call.callee.address.is_some() {
            self.tell_call(&Event::new_channel(&call.callee, "", "5", "Ringing"));
            self.tell_state(&call.callee.user);
        }
        Ok(call)
    }

    fn in_dialog(&mut self, packet: Packet, from: SocketAddr) {
        let call_id = packet.get("Call-ID").to_owned();
        let method = packet.method().to_owned();
        let Some(call) = self.office.book().calls.get(&call_id).cloned() else {
            if method != "ACK" {
                self.reply(&packet, from, 481, "Call/Transaction Does Not Exist");
            }
            return;
        };
        if method != "ACK" {
            self.end_call(&call_id);
        }
        let other = if call.caller.address == Some(from) { &call.callee } else { &call.caller };
        match other.address {
            Some(to) => self.pass_on(packet, &other.uri, to),
            None if method == "ACK" => {}
            None => self.reply(&packet, from, 200, "OK"),
        }
    }

    fn response(&mut self, mut packet: Packet) {
        if !packet.branch().starts_with(PASSED_ON) {
            if packet.code() >= 200 {
                self.sent.remove(packet.branch());
            }
            return;
        }
        if packet.method() == "INVITE" {
            let call_id = packet.get("Call-ID").to_owned();
            match packet.code() {
                200..300 => {
                    packet.set("Contact", format!("<sip:{}>", self.office.sip));
                    self.answered(&call_id, packet.get("To"));
                }
                300.. => self.end_call(&call_id),
                _ => {}
            }
        }
        if let Some(top) = packet.headers.iter().position(|(name, _)| name == "Via") {
            packet.headers.remove(top);
        }
        let back = packet.get("Via").split([' ', ';']).nth(1).and_then(|host| host.parse().ok());
        if let Some(to) = back {
            self.send(&packet, to);
        }
    }

    fn answered(&mut self, call_id: &str, to: &str) {
        let call = match self.office.book().calls.get_mut(call_id) {
            Some(call) if !call.up => {
                call.up = true;
                to.clone_into(&mut call.to);
                call.clone()
            }
            Some(_) | None => return,
        };
        self.tell_state(&call.callee.user);
    }

    fn end_call(&mut self, call_id: &str) {
        let Some(call) = self.office.book().calls.remove(call_id) else { return };
        for leg in [&call.caller, &call.callee] {
            if leg.address.is_some() {
                self.tell_call(&Event::hangup(leg));
                self.tell_state(&leg.user);
            }
        }
    }

    /// A phone that has booted has no calls; should its BYE have been lost, the other end is told now. Calls that
    /// still ring are left to those who dialled them.
    fn hang_up_after_boot(&mut self, user: &str) {
        let of_user = |call: &Call| call.up && (call.caller.user == user || call.callee.user == user);
        let stale: Vec<(String, Call)> = {
            let book = self.office.book();
            let calls = book.calls.iter().filter(|(_, call)| of_user(call));
            calls.map(|(id, call)| (id.clone(), call.clone())).collect()
        };
        for (call_id, call) in stale {
            self.end_call(&call_id);
            let (other, from, to) = if call.caller.user == user {
                (&call.callee, &call.from, &call.to)
            } else {
                (&call.caller, &call.to, &call.from)
            };
            if let Some(address) = other.address {
                let branch = format!("z9hG4bKPj{}", self.token());
                let bye = Packet::request("BYE", &other.uri)
                    .with("Via", format!("SIP/2.0/UDP {};branch={branch}", self.office.sip))
                    .with("Max-Forwards", "70")
                    .with("From", from)
                    .with("To", to)
                    .with("Call-ID", call_id)
                    .with("CSeq", "100 BYE");
                self.send_until_answered(branch, &bye, address);
            }
        }
    }

    /// Passes a request on without keeping a transaction: whoever sent it resends it.
    fn pass_on(&self, mut packet: Packet, uri: &str, to: SocketAddr) {
        let via = format!("SIP/2.0/UDP {};branch={PASSED_ON}{}", self.office.sip, packet.branch());
        packet.headers.insert(0, ("Via".to_owned(), via));
        if let crate::sim::wire::Start::Request { uri: old, .. } = &mut packet.start {
            uri.clone_into(old);
        }
        self.send(&packet, to);
    }

    // -------------------------------------------------------------------------------------- errands

    fn errand(&mut self, errand: Errand) {
        match errand {
            Errand::Vanish { user } => self.remove_contact(&user),
            Errand::Notify { from, uri, to, variables } => self.notify(&from, &uri, to, variables),
        }
    }

    fn notify(&mut self, from: &str, uri: &str, to: SocketAddr, variables: Vec<(String, String)>) {
        let (sip, token) = (self.office.sip, self.token());
        let branch = format!("z9hG4bKPj{token}");
        let mut packet = Packet::request("NOTIFY", uri)
            .with("Via", format!("SIP/2.0/UDP {sip};rport;branch={branch}"))
            .with("From", format!("<sip:{from}@{}>;tag={}", sip.ip(), &token[..8]))
            .with("To", format!("<{uri}>"))
            .with("Contact", format!("<sip:{from}@{sip}>"))
            .with("Call-ID", token)
            .with("CSeq", format!("{} NOTIFY", self.count))
            .with("Subscription-State", "terminated")
            .with("Max-Forwards", "70")
            .with("User-Agent", "Asterisk");
        let mut body: Vec<String> = Vec::new();
        for (name, value) in variables {
            if name.eq_ignore_ascii_case("content") {
                body.push(value)
            } else {
                packet = packet.with(&name, value)
            }
        }
        packet.body = body.join("\r\n");
        self.send_until_answered(branch, &packet, to);
    }

    fn send_until_answered(&mut self, branch: String, packet: &Packet, to: SocketAddr) {
        self.send(packet, to);
        let (first, _, all) = TIMING;
        let sent = Sent { bytes: packet.bytes(), to, wait: first, ends: Instant::now() + all };
        self.sent.insert(branch.clone(), sent);
        self.resends.insert((Instant::now() + first, self.count), branch);
    }

    fn resend(&mut self) {
        while let Some((at, nth)) = self.resends.keys().next().copied() {
            if at > Instant::now() {
                return;
            }
            let Some(branch) = self.resends.remove(&(at, nth)) else { return };
            let Some(sent) = self.sent.get_mut(&branch) else { continue };
            if Instant::now() >= sent.ends {
                self.sent.remove(&branch);
                continue;
            }
            sent.wait = (sent.wait * 2).min(TIMING.1);
            let (to, next) = (sent.to, Instant::now() + sent.wait);
            // A full socket loses the copy; another follows.
            let _ = self.socket.try_send_to(&sent.bytes, to);
            self.resends.insert((next, nth), branch);
        }
    }

    // ------------------------------------------------------------------------------------- the wire

    fn reply(&self, request: &Packet, to: SocketAddr, code: u16, phrase: &str) {
        let tag = md5_hex(request.branch());
        self.send(&Packet::answer(request, code, phrase, &tag[..8]).with("Server", "Asterisk"), to);
    }

    fn send(&self, packet: &Packet, to: SocketAddr) {
        // A full socket loses a datagram, as a network would.
        let _ = self.socket.try_send_to(&packet.bytes(), to);
    }

    fn token(&mut self) -> String {
        self.count += 1;
        md5_hex(&format!("{} {}", self.office.sip, self.count))
    }

    fn tell(&self, event: &Event) {
        // Nobody may be listening.
        let _ = self.office.events.send(event.text().into());
    }

    /// Tells of a channel, unless everybody is to be thought idle.
    fn tell_call(&self, event: &Event) {
        if !self.office.house.lies() {
            self.tell(event);
        }
    }

    fn tell_state(&self, user: &str) {
        if user == ECHO {
            return;
        }
        let state =
            if self.office.house.lies() { "NOT_INUSE" } else { self.office.book().device_state(user) };
        self.tell(&Event::device(user, state));
    }
}

/// The address a SIP URI names, where it is one and not a name.
pub(super) fn address_of(uri: &str) -> Option<SocketAddr> {
    let host = host_of(uri);
    host.parse().ok().or_else(|| format!("{host}:5060").parse().ok())
}
