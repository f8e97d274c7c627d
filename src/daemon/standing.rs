//! Whether a phone asks from its own place, for what is that phone's alone.

use std::net::IpAddr;

use tokio::sync::oneshot;

use super::orchestrator::{Act, Orchestrator};
use crate::domain::phone::Mac;
use crate::ports::Standing;

impl Orchestrator {
    /// Answers once everything before is kept.
    pub(super) fn tell_standing(&mut self, mac: Mac, source: IpAddr, reply: oneshot::Sender<Standing>) {
        let standing = self.standing(mac, source);
        // Whoever asked and went away needs no answer.
        self.acts.push(Act::Answer(Box::new(move || {
            let _ = reply.send(standing);
        })));
    }

    fn standing(&self, mac: Mac, source: IpAddr) -> Standing {
        let Some(phone) = self.fleet.get(mac) else { return Standing::Stranger };
        let contacts = phone.lines.values().filter_map(|line| line.contact.as_ref());
        let mut from = contacts.map(|contact| contact.source.map(|source| source.ip())).peekable();
        if from.peek().is_none() {
            Standing::Unregistered
        } else if from.any(|registered| registered == Some(source)) {
            Standing::OwnPlace
        } else {
            // A contact whose source the PBX does not tell proves nothing: fail closed.
            Standing::Elsewhere
        }
    }
}
