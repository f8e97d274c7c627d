//! What a snom does besides its service: reads its settings by itself, updates its expansion module, obeys its web server.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::download;
use super::stack::{Desk, Due};
use crate::sim::diary::{Cause, What};
use crate::sim::snom::{Flash, left_alone, update_module};

/// An errand beside the phone's service that brings nothing back.
pub(super) type Work = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

impl Desk<'_> {
    /// Its settings memory, if it is a snom that has one.
    fn flash(&self) -> Option<&Arc<Mutex<Flash>>> {
        self.life.flash.as_ref()
    }

    /// It reads its settings by itself, if they say so.
    pub(super) fn plan_settings(&mut self) {
        let every = self.flash().and_then(|flash| flash.lock().unwrap_or_else(PoisonError::into_inner).poll);
        if let (Some(every), false) = (every, self.plans_settings) {
            self.plans_settings = true;
            self.after(every, Due::Settings);
        }
    }

    /// It is up: the web server answers, and shows what it runs.
    pub(super) fn web_is_up(&self, up: bool) {
        if let Some(flash) = self.flash() {
            let mut flash = flash.lock().unwrap_or_else(PoisonError::into_inner);
            flash.up = up;
            flash.runs.clone_from(&self.life.version);
        }
    }

    /// What a check-sync does, whatever it says, where the setting `checksync_action` says so.
    pub(super) fn check_sync_action(&mut self, event: &str, cause: &Cause) -> Option<Option<Cause>> {
        let action = {
            let flash = self.flash()?.lock().unwrap_or_else(PoisonError::into_inner);
            flash.checksync_action.clone()
        };
        if !event.trim_start().to_ascii_lowercase().starts_with("check-sync") {
            return None;
        }
        match action.as_str() {
            "factory-reset" => {
                self.write(What::FactoryReset);
                Some(Some(cause.clone()))
            }
            "delete-contacts" => {
                self.write(What::ContactsDeleted);
                Some(None)
            }
            "reboot" => Some(Some(cause.clone())),
            "sync" => {
                self.wants_settings = true;
                Some(None)
            }
            "reregister" => {
                self.register();
                Some(None)
            }
            _ => None,
        }
    }

    /// Fetches and writes the image of its module that its firmware document names.
    pub(super) fn begin_module(&mut self) -> Work {
        let flash = Arc::clone(self.flash()?);
        let url = flash.lock().unwrap_or_else(PoisonError::into_inner).module_offer.take()?;
        let (spec, house, errand) = (self.life.spec.clone(), self.life.house.clone(), self.life.errand());
        let left = left_alone(&flash.lock().unwrap_or_else(PoisonError::into_inner), &url);
        if let Some(why) = left {
            self.write(What::ModuleLeft { why: why.to_owned() });
            return None;
        }
        Some(Box::pin(async move {
            if download::whole(&spec, &house, &errand, &url).await {
                update_module(&flash, &house, spec.mac, &url).await;
            }
        }))
    }
}
