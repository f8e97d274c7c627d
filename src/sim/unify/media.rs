//! How a phone gets files that are no images: each by itself, without a reboot, and what it tells of them.

use super::Client;
use super::fetch::{BETWEEN_TRIES, Got, TRIES};
use super::talk::Ended;
use super::xml::{Item, Told};
use crate::sim::diary::What;

impl Client {
    /// Carries out a file deployment, one file after the other.
    pub(super) async fn bring(&mut self, told: &Told) {
        let indices: Vec<Option<u32>> =
            told.items.iter().filter(|item| item.name == "file-type").map(|item| item.index).collect();
        let mut tells = Vec::new();
        for index in &indices {
            let item = |name| told.at(name, *index);
            let file = item("file-name").or(item("file-https-base-url")).unwrap_or_default();
            let file = file.rsplit('/').next().unwrap_or_default().to_owned();
            let kind = item("file-type").unwrap_or_default().to_owned();
            let status = if self.bring_one(told, *index, &file, &kind).await { "ok" } else { "failed" };
            let about = [
                ("file-deployment-status", status.to_owned()),
                ("file-deployment-type", kind),
                ("file-deployment-name", file),
            ];
            tells.extend(about.map(|(name, value)| Item { name: name.to_owned(), index: *index, value }));
        }
        let fetches = matches!(self.make.mode, super::Mode::Fetches { .. });
        if self.make.tells_status && !fetches && (indices.len() == 1 || self.make.tells_each) {
            match self.talk_about("status", &tells).await {
                Ended::Left(_) | Ended::CallAgain | Ended::Over => {}
            }
        }
    }

    /// Gets one file; whether it has it then.
    async fn bring_one(&mut self, told: &Told, index: Option<u32>, file: &str, kind: &str) -> bool {
        let mut bytes = Vec::new();
        for _ in 0..TRIES {
            match self.get(told, index, &mut bytes).await {
                Got::Whole => {
                    let length = bytes.len() as u64;
                    self.write(What::ImageComplete { bytes: length });
                    if self.make.rejects_files.iter().any(|known| known == file) {
                        self.write(What::FileRejected { file: file.to_owned() });
                        return false;
                    }
                    self.memory().keep(file, bytes);
                    let (file, kind) = (file.to_owned(), kind.to_owned());
                    self.write(What::FileKept { file, kind, bytes: length });
                    return true;
                }
                Got::Broken => self.write(What::ImageBroke { at: bytes.len() as u64 }),
                Got::Refused => break,
            }
            if self.make.gives_up {
                break;
            }
            self.house.pass(BETWEEN_TRIES).await;
        }
        self.write(What::UpdateGivenUp);
        false
    }
}
