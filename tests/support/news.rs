//! What a PBX adapter tells, awaited one by one.

use std::time::Duration;

use sipherd::domain::phone::{CallState, Contact, LineId};
use sipherd::ports::{Groups, PbxEvent, PbxNews, Picture};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than anything here takes on a machine under load, or on a paused clock.
const PATIENCE: Duration = Duration::from_secs(120);

/// The receiving end of an adapter.
pub struct News(mpsc::Receiver<PbxEvent>);

impl News {
    /// A channel for an adapter, and its end.
    pub fn channel() -> (mpsc::Sender<PbxEvent>, Self) {
        let (sender, receiver) = mpsc::channel(1024);
        (sender, Self(receiver))
    }

    /// The first news that `wanted` takes; others before it are dropped.
    pub async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&PbxNews) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let found = timeout(PATIENCE, async {
            while let Some(event) = self.0.recv().await {
                match wanted(&event.news) {
                    Some(found) => return Some(found),
                    None => passed.push(event.news),
                }
            }
            None
        });
        match found.await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("the adapter ended before {what}; it told {passed:#?}"),
            Err(_) => panic!("{what} never came; the adapter told {passed:#?}"),
        }
    }

    /// The next whole picture.
    pub async fn picture(&mut self) -> Picture {
        self.until("a picture", |news| match news {
            PbxNews::Picture(picture) => Some(picture.clone()),
            _ => None,
        })
        .await
    }

    /// Why the connection is lost.
    pub async fn lost(&mut self) -> String {
        self.until("a loss", |news| match news {
            PbxNews::Lost { why } => Some(why.clone()),
            _ => None,
        })
        .await
    }

    /// The next contacts of this line.
    pub async fn contacts(&mut self, wanted: &LineId) -> Vec<Contact> {
        self.until(&format!("contacts of {wanted}"), |news| match news {
            PbxNews::Contacts(line, contacts) if line == wanted => Some(contacts.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until this line is told to be doing this.
    pub async fn calls(&mut self, wanted: &LineId, state: CallState) {
        self.until(&format!("{state:?} of {wanted}"), |news| match news {
            PbxNews::Calls(line, told) if line == wanted && *told == state => Some(()),
            _ => None,
        })
        .await;
    }

    /// The next queues, ring groups and agents that are not what they were.
    pub async fn groups(&mut self) -> Groups {
        self.until("groups", |news| match news {
            PbxNews::Groups(groups) => Some(groups.clone()),
            _ => None,
        })
        .await
    }

    /// The next line that has do-not-disturb, or has it no more.
    pub async fn do_not_disturb(&mut self) -> (LineId, bool) {
        self.until("do-not-disturb", |news| match news {
            PbxNews::DoNotDisturb(line, set) => Some((line.clone(), *set)),
            _ => None,
        })
        .await
    }

    /// Waits for the next word that the view is fresh.
    pub async fn fresh(&mut self) {
        self.until("freshness", |news| matches!(news, PbxNews::Fresh).then_some(())).await;
    }
}
