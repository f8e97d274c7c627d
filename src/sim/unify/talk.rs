//! One conversation of a phone with its deployment service.

use super::memory::Taken;
use super::xml::{self, Item, Told};
use super::{Client, Left, web};
use crate::sim::diary::What;

/// How a conversation ended.
pub(super) enum Ended {
    /// Nothing is to be done.
    Over,
    /// It is to call again once its call has ended.
    CallAgain,
    /// It has to reboot.
    Left(Left),
}

/// No service asks more of a phone.
const MOST_ORDERS: u32 = 50;

impl Client {
    /// Calls its service for this reason, and does what it is told.
    pub(super) async fn talk(&mut self, reason: &str) -> Ended {
        self.talk_about(reason, &[]).await
    }

    /// The same, with more to tell.
    pub(super) async fn talk_about(&mut self, reason: &str, more: &[Item]) -> Ended {
        let Some(url) = self.house.deployment() else { return Ended::Over };
        let mut nonce = self.nonce();
        let items: Vec<Item> = self.items().into_iter().take(5).chain(more.iter().cloned()).collect();
        let mut body = xml::message(&nonce, None, reason, None, &items);
        let (mut cookie, mut deployment, mut restart) = (None::<String>, None::<Told>, false);
        let mut files = None::<Told>;
        let mut rest: Vec<Item> = Vec::new();
        for nth in 0..MOST_ORDERS {
            let answer = web::post(self.ip, &url, cookie.as_deref(), body).await;
            if nth == 0 {
                let status = answer.as_ref().map_or(0, |answer| answer.status);
                self.write(What::ServiceCalled { reason: reason.to_owned(), status });
            }
            let Some(answer) = answer.filter(|answer| answer.status == 200) else { break };
            cookie = answer.cookie.or(cookie);
            // Whoever does not repeat the number is not who was called.
            let Some(told) = xml::read(&answer.body).filter(|told| told.nonce == nonce) else { break };
            self.write(What::ServiceSaid { action: told.action.clone() });
            let busy = self.busy();
            let (mut tells, mut status, mut parts) = (Vec::new(), "accepted", None);
            match told.action.as_str() {
                "CleanUp" => {
                    if told.item("send-solicited") == Some("true") {
                        return Ended::CallAgain;
                    }
                    break;
                }
                "ReadItems" | "ReadAllItems" => {
                    // What it does not know it leaves out.
                    let all = told.action == "ReadAllItems";
                    let wanted = |item: &Item| {
                        all || told.items.iter().any(|o| o.name == item.name && o.index == item.index)
                    };
                    tells = self.items().into_iter().filter(wanted).collect();
                    if self.make.in_parts {
                        rest = tells.split_off(tells.len() / 2);
                        parts = Some(true);
                    }
                }
                "GetNextFragment" => {
                    tells = std::mem::take(&mut rest);
                    parts = Some(false);
                }
                "WriteItems" if busy => status = "busy",
                "WriteItems" => status = if self.takes(&told.items) { "accepted" } else { "failed" },
                "SoftwareDeployment" if busy && told.item("file-priority") == Some("normal") => {
                    status = "busy"
                }
                "SoftwareDeployment" => deployment = Some(told.clone()),
                "FileDeployment" => files = Some(told.clone()),
                "Restart" if told.items.is_empty() => restart = true,
                _ => status = "failed",
            }
            nonce = self.nonce();
            body = xml::message(&nonce, parts, "reply-to", Some((&told.action, status)), &tells);
        }
        if restart && !self.never_leaves {
            return Ended::Left(Left::Restart);
        }
        if let Some(told) = files.filter(|_| !self.never_leaves) {
            Box::pin(self.bring(&told)).await;
        }
        let Some(told) = deployment.filter(|_| !self.never_leaves) else { return Ended::Over };
        // What a phone tells of a deployment is a conversation of its own.
        match Box::pin(self.deploy(&told)).await {
            Some(left) => Ended::Left(left),
            None => Ended::Over,
        }
    }

    /// Takes settings; whether it did.
    fn takes(&self, items: &[Item]) -> bool {
        match self.memory().write(&self.make, items) {
            Taken::Changed(items) => {
                self.write(What::SettingsWritten { items });
                true
            }
            Taken::Refused => false,
        }
    }

    /// All it could tell of itself.
    fn items(&self) -> Vec<Item> {
        let item = Item::new;
        let device = if self.model.starts_with("OpenStage") {
            self.model.clone()
        } else {
            format!("OpenScape Desk Phone {}", self.model)
        };
        let mut items = vec![
            item("device-type", &device),
            item("related-device-type", &device),
            item("software-type", "Siemens SIP"),
            item("mac-addr", &self.mac.to_string().to_uppercase()),
            item("contact-me-uri", &format!("http://{}:8085/contact_dls.html/ContactDLS", self.ip)),
            item("software-version", &self.spelt_version()),
            item("part-number", &self.make.part),
            item("e164", "2117"),
        ];
        items.extend(self.memory().items());
        items
    }
}
