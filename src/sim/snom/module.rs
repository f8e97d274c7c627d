//! How a snom updates its expansion module: what it requires, and how long it takes.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use super::{Flash, single};
use crate::domain::phone::Mac;
use crate::sim::diary::What;
use crate::sim::house::House;

/// "It is preparing": from the last byte on.
const PREPARES: TimeDelta = TimeDelta::seconds(25);
/// "The update is in progress": behind that.
const WRITES: TimeDelta = TimeDelta::seconds(8);
/// The information page shows the new version behind that.
const SHOWS: TimeDelta = TimeDelta::seconds(10);

/// Why the phone leaves a module image alone; `None` when it fetches it.
pub(in crate::sim) fn left_alone(flash: &Flash, url: &str) -> Option<&'static str> {
    let module = single(&flash.modules);
    let file = url.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or("");
    let least = if file.starts_with("snomD7C") { [10, 1, 64, 14] } else { [8, 9, 3, 68] };
    if !flash.make.usb {
        Some("no USB port")
    } else if older(&flash.runs, least) {
        Some("phone firmware too old")
    } else if module.is_none() {
        Some("not exactly one module")
    } else if module.is_some_and(|module| module.powered) {
        Some("external power")
    } else if flash.firmware_uxm == url {
        Some("same URL")
    } else if module.is_some_and(|module| module.d7c != file.starts_with("snomD7C")) {
        Some("another kind of module")
    } else {
        None
    }
}

fn older(runs: &str, least: [u32; 4]) -> bool {
    let mut numbers = runs.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let runs: Vec<u32> = (0..4).map(|_| numbers.next().unwrap_or(0)).collect();
    runs.as_slice() < least.as_slice()
}

/// Writes an image that was fetched whole to the module, if it is still alone.
pub(in crate::sim) async fn update_module(flash: &Mutex<Flash>, house: &House, mac: Mac, url: &str) {
    let at = |flash: &Mutex<Flash>| flash.lock().unwrap_or_else(PoisonError::into_inner).modules.clone();
    let before = at(flash);
    house.write(mac, What::ModulePrepares);
    house.pass(PREPARES).await;
    house.pass(WRITES).await;
    let version = {
        let mut flash = flash.lock().unwrap_or_else(PoisonError::into_inner);
        if flash.modules != before {
            None
        } else {
            let version = version_in(url);
            if let [module] = flash.modules.as_mut_slice() {
                module.version.clone_from(&version);
            }
            flash.firmware_uxm = url.to_owned();
            Some(version)
        }
    };
    let Some(version) = version else {
        return house.write(mac, What::ModuleLeft { why: "unplugged while it was written".to_owned() });
    };
    house.write(mac, What::ModuleFlashed { version });
    house.pass(SHOWS).await;
    let mut flash = flash.lock().unwrap_or_else(PoisonError::into_inner);
    flash.shown = single(&flash.modules).map(|module| module.version.clone());
}

/// `2.1.1` of `…/snomUXM-2.1.1.bin?module=3`, `1.0.2` of `…/snomD7C-1.0.2-r.bin`.
fn version_in(url: &str) -> String {
    let file = url.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or("");
    let behind = file.split('-').nth(1).unwrap_or("");
    behind.trim_end_matches(".bin").to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{Make, Module};
    use super::*;

    #[test]
    fn a_phone_updates_a_single_module_on_usb_power_and_no_url_twice() {
        let make = Make { usb: true, modules: vec![Module::uxm("2.0.7")], ..Make::default() };
        let mut flash = Flash::new(make, "8.9.3.68");
        let url = "http://d/snom/0/snomUXM-2.1.1.bin?module=3";
        assert_eq!(left_alone(&flash, url), None);
        assert_eq!(left_alone(&flash, "http://d/snomD7C-1.0.2-r.bin"), Some("phone firmware too old"));
        flash.firmware_uxm = url.to_owned();
        assert_eq!(left_alone(&flash, url), Some("same URL"));
        assert_eq!(left_alone(&flash, "http://d/snomUXM-2.1.1.bin?module=4"), None);
        flash.plug(vec![Module::uxm("1"), Module::uxm("1")]);
        assert_eq!(left_alone(&flash, url), Some("not exactly one module"));
        flash.plug(vec![Module::uxm("1").powered()]);
        assert_eq!(left_alone(&flash, url), Some("external power"));
        flash.runs = "8.9.3.67".into();
        assert_eq!(left_alone(&flash, url), Some("phone firmware too old"));
        flash.make.usb = false;
        assert_eq!(left_alone(&flash, url), Some("no USB port"));
        assert_eq!(
            (version_in(url).as_str(), version_in("/snomD7C-1.0.2-r.bin").as_str()),
            ("2.1.1", "1.0.2")
        );
    }
}
