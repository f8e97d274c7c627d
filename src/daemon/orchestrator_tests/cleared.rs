//! What is known of a phone's `firmware_uxm` when answers come late.

use super::*;
use crate::domain::modules::{KeptUrl, Modules, NotCleared};

impl Night {
    /// The phone was asked to clear it, and its web server answers so; what is known then.
    fn answers(&mut self, status: u16) -> KeptUrl {
        self.daemon.read(Mail::Cleared(mac(), answer(status, "")));
        self.kept_url()
    }

    fn kept_url(&self) -> KeptUrl {
        self.daemon.fleet.get(mac()).unwrap().modules.as_ref().unwrap().kept_url
    }

    fn asks_to_clear(&mut self) {
        self.daemon.pages.clearing.insert(mac());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_behind_the_offer_does_not_count() {
    let mut night = Night::new();
    let now = night.daemon.hands.clock.now();
    let told = Modules::told(None, 1, None, None, now);
    night.daemon.fleet.get_mut(mac()).unwrap().modules = Some(Box::new(told));
    assert_eq!(night.answers(200), KeptUrl::Unknown, "it was not asked");
    night.asks_to_clear();
    assert_eq!(night.answers(200), KeptUrl::Cleared);
    night.daemon.may_write_its_url(mac());
    assert_eq!(night.kept_url(), KeptUrl::Unknown, "it was handed a URL");

    night.asks_to_clear();
    night.daemon.may_write_its_url(mac());
    assert_eq!(night.answers(200), KeptUrl::Unknown, "it may have written it behind its answer");
    night.asks_to_clear();
    let KeptUrl::Stays { why, .. } = night.answers(302) else { panic!("it is a login page") };
    assert_eq!(why, NotCleared::Refused { status: 302 });
}
