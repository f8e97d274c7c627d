//! From where a phone may ask for what is its alone.

use super::*;
use crate::ports::Standing;

impl Night {
    fn standing(&mut self, mac: Mac, source: &str) -> Standing {
        let (reply, mut answer) = oneshot::channel();
        self.daemon.read(Mail::Standing(mac, source.parse().unwrap(), reply));
        for act in std::mem::take(&mut self.daemon.acts) {
            self.daemon.perform(act, false);
        }
        answer.try_recv().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_stands_where_one_of_its_lines_is_registered_from() {
    let mut night = Night::new();
    let other = Mac::new([0, 4, 0x13, 0, 0, 9]);
    assert_eq!(night.standing(mac(), "10.0.0.1"), Standing::Unregistered);
    assert_eq!(night.standing(other, "10.0.0.1"), Standing::Stranger);
    night
        .tell(PbxNews::Picture(Picture { contacts: vec![(line(), Night::contact())], ..Picture::default() }));
    assert_eq!(night.standing(mac(), "10.0.0.1"), Standing::OwnPlace);
    assert_eq!(night.standing(mac(), "10.0.0.2"), Standing::Elsewhere);
    let hidden = Contact { source: None, ..Night::contact() };
    night.tell(PbxNews::Contacts(line(), vec![hidden]));
    assert_eq!(
        night.standing(mac(), "10.0.0.1"),
        Standing::Elsewhere,
        "nobody told from where it is registered"
    );
    night.tell(PbxNews::Contacts(line(), Vec::new()));
    assert_eq!(night.standing(mac(), "10.0.0.1"), Standing::Unregistered);
}

#[tokio::test(start_paused = true)]
async fn what_the_depot_tells_stands_in_the_history() {
    let mut night = Night::new();
    night.daemon.read(Mail::Happened(Some(mac()), "handed-in", "its configuration".to_owned()));
    night.daemon.step().await;
    let kept = night.ledger.kept.lock().unwrap();
    let told = |change: &Change| matches!(change, Change::Entry(entry) if entry.kind == "handed-in" && entry.mac == Some(mac()));
    assert!(kept.iter().any(told), "{kept:?}");
}
