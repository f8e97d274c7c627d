//! What holds for one snom beyond its profile: modules its model takes, and what its administrator's settings files say.

use std::sync::LazyLock;

use super::{Papers, least_firmware, takes_modules};
use crate::domain::check_sync::CheckSync;
use crate::domain::firmware::{ModuleKind, Version};
use crate::domain::modules::ModuleTerms;
use crate::domain::phone::Phone;
use crate::domain::rules::Special;
use crate::domain::trip::{Trigger, Way};

/// The oldest firmware that updates a UXM and a D7C; `None` were they no versions.
static LEAST: LazyLock<Option<[Version; 2]>> = LazyLock::new(|| {
    let least = |kind| Version::parse(least_firmware(kind)).ok();
    Some([least(ModuleKind::Uxm)?, least(ModuleKind::D7c)?])
});

/// What holds for this phone.
pub fn special(papers: &Papers, phone: &Phone) -> Special {
    let (model, realm) = (phone.model.as_ref(), phone.realm.as_ref());
    let modules = LEAST.as_ref().map(|[least_uxm, least_d7c]| ModuleTerms {
        has_port: model.is_some_and(takes_modules),
        least_uxm: least_uxm.clone(),
        least_d7c: least_d7c.clone(),
        urls: papers.module_urls,
    });
    let update_policy = papers.value(model, phone.mac, realm, "update_policy");
    Special {
        modules,
        update_policy: update_policy.filter(|value| *value != "auto_update").map(Into::into),
        check_sync: papers.check_sync(model, phone.mac, realm),
    }
}

/// The ways of asking that are left for a phone: it is sent no check-sync that would do something else than is `wanted`.
pub fn harmless(check_sync: CheckSync, triggers: &[Trigger], wanted: CheckSync) -> Vec<Trigger> {
    let harms = |trigger: &&Trigger| match &trigger.way {
        Way::Notify(notice) => {
            let name = notice.event.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case("check-sync") && !check_sync.does(wanted)
        }
        Way::Web { .. } | Way::ContactMe | Way::Poll => false,
    };
    triggers.iter().filter(|trigger| !harms(trigger)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::templates::{Scope, Templates};
    use super::*;
    use crate::domain::phone::{KnownBy, Mac, Model};
    use crate::phones::snom::Template;

    fn papers(settings: &str) -> Papers {
        let text = format!("<settings><phone-settings>{settings}</phone-settings></settings>");
        let mut templates = Templates::default();
        templates.put(Scope::General, Template::read(&text).unwrap());
        Papers { templates, ..Papers::default() }
    }

    fn phone() -> Phone {
        let mut phone = Phone::new(Mac::new([0, 4, 0x13, 0, 0, 1]), KnownBy::Inventory);
        phone.model = Some(Model::new("D785"));
        phone
    }

    #[test]
    fn a_phone_that_any_check_sync_wipes_is_left_the_other_ways() {
        let special = special(&papers("<checksync_action>factory-reset</checksync_action>"), &phone());
        assert_eq!(special.check_sync, CheckSync::Destroys);
        let all = [
            Trigger::waiting("reboot"),
            Trigger::event("Check-Sync;reboot=true"),
            Trigger::event("check-sync"),
            Way::Web { path: "/x".into() }.into(),
            Way::Poll.into(),
        ];
        let others = [all[0].clone(), all[3].clone(), all[4].clone()];
        assert_eq!(harmless(special.check_sync, &all, CheckSync::Reboots), others);
        assert_eq!(harmless(CheckSync::Follows, &all, CheckSync::Reboots), all);
        for (does, reboots, syncs) in [
            (CheckSync::Reboots, true, false),
            (CheckSync::Syncs, false, true),
            (CheckSync::Registers, false, false),
        ] {
            for (wanted, stays) in [(CheckSync::Reboots, reboots), (CheckSync::Syncs, syncs)] {
                let left = harmless(does, &all, wanted);
                assert_eq!(left, if stays { all.to_vec() } else { others.to_vec() }, "{does:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn what_the_model_and_the_settings_files_say_is_told() {
        let of = |settings: &str| special(&papers(settings), &phone());
        let plain = of("");
        let modules = plain.modules.clone().unwrap();
        assert!(modules.has_port && plain.update_policy.is_none());
        assert_eq!(plain.check_sync, CheckSync::Follows);
        assert_eq!(modules.least(ModuleKind::Uxm).as_str(), "8.9.3.68");
        assert_eq!(modules.least(ModuleKind::D7c).as_str(), "10.1.64.14");
        assert_eq!(
            of("<update_policy>settings_only</update_policy>").update_policy.as_deref(),
            Some("settings_only")
        );
        assert_eq!(of("<update_policy>auto_update</update_policy>").update_policy, None);
    }
}
