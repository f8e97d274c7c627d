//! A phone's registration: the digest, the refresh, and the Contact that is new after each boot.

use chrono::TimeDelta;

use super::life::Life;
use super::stack::{Desk, Due};
use crate::sim::diary::What;
use crate::sim::wire::{Packet, answer_challenge};

/// The registration of one boot.
pub(super) struct Registration {
    /// The registrar accepted it in this boot.
    pub done: bool,
    /// The value of `line=` in its Contact; a snom draws it anew at each boot.
    pub line: String,
    /// Its Contact URI.
    pub contact: String,
    /// The tag of its From and To headers.
    pub tag: String,
    call_id: String,
    cseq: u32,
    challenge: Option<String>,
    refused_once: bool,
}

impl Registration {
    /// A registration not begun yet.
    pub fn new(life: &mut Life) -> Self {
        let (user, address) = (&life.spec.user, life.address);
        let bare = life.spec.mac.bare_upper().to_lowercase();
        let same = life.spec.same_contact;
        let contact = format!("sip:{user}@{address}");
        let drawn = life.token();
        let line = if same { bare[4..].to_owned() } else { drawn[..8].to_owned() };
        let contact = if life.spec.vendor == "snom" { format!("{contact};line={line}") } else { contact };
        let call_id = format!("{bare}-{}", &life.token()[..10]);
        let tag = life.token()[..8].to_owned();
        Self { done: false, line, contact, tag, call_id, cseq: 0, challenge: None, refused_once: false }
    }
}

impl Registration {
    /// The Call-ID of this boot's REGISTERs.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }
}

impl Desk<'_> {
    /// Sends a REGISTER.
    pub(super) fn register(&mut self) {
        let request = self.register_request(self.life.spec.pace.expires);
        self.ask(&request, self.life.registrar);
    }

    /// Takes the registration back; nobody waits for the answer.
    pub(super) fn unregister(&mut self) {
        let request = self.register_request(TimeDelta::zero());
        self.send(&request.bytes(), self.life.registrar);
    }

    /// The registrar answered.
    pub(super) fn registered(&mut self, answer: &Packet) {
        match answer.code() {
            200..300 => {
                self.registration.refused_once = false;
                self.after(self.life.spec.pace.expires / 2, Due::Register);
                if !self.registration.done {
                    self.registration.done = true;
                    let now = self.life.house.now();
                    self.life.first_registered.get_or_insert(now);
                    self.write(What::Registered);
                }
            }
            401 | 407 if !self.registration.refused_once => {
                self.registration.refused_once = true;
                let header = if answer.code() == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
                self.registration.challenge = Some(answer.get(header).to_owned());
                self.register();
            }
            status => {
                self.write(What::RegisterRefused { status });
                self.registration.refused_once = false;
                self.registration.challenge = None;
                self.after(TimeDelta::seconds(300), Due::Register);
            }
        }
    }

    fn register_request(&mut self, expires: TimeDelta) -> Packet {
        let registrar = self.life.registrar;
        let (uri, aor) = (format!("sip:{registrar}"), format!("sip:{}@{registrar}", self.life.spec.user));
        self.registration.cseq += 1;
        let request = self
            .request("REGISTER", &uri)
            .with("From", format!("<{aor}>;tag={}", self.registration.tag))
            .with("To", format!("<{aor}>"))
            .with("Call-ID", self.registration.call_id.clone())
            .with("CSeq", format!("{} REGISTER", self.registration.cseq))
            .with("Expires", expires.num_seconds().to_string())
            .with("Allow-Events", "dialog");
        let Some(challenge) = self.registration.challenge.clone() else { return request };
        let cnonce = self.life.token();
        let (user, secret) = (&self.life.spec.user, &self.life.spec.password);
        let credentials = answer_challenge(&challenge, "REGISTER", &uri, user, secret, &cnonce);
        request.with("Authorization", credentials)
    }
}
