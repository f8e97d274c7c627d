//! Firmware realms: whoever's setting server a phone asks decides its settings, its firmware and its bootloader.

use std::collections::BTreeMap;

use super::firmware_status;
use super::settings::{Own, settings};
use super::template::Template;
use super::templates::Templates;
use crate::domain::check_sync::CheckSync;
use crate::domain::modules::ModuleUrls;
use crate::domain::phone::{Mac, Model, Realm};

/// A realm, as far as the documents are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RealmPapers {
    /// Its setting server, where that is somebody else's; `None` is this depot, below the realm's own path.
    pub setting_server: Option<String>,
    /// Its own settings files; they hold over those of the depot.
    pub templates: Templates,
}

/// All that settings documents are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Papers {
    /// The administrator's settings files.
    pub templates: Templates,
    /// The realms.
    pub realms: BTreeMap<Realm, RealmPapers>,
    /// How often phones are to read their settings, in seconds; `None` leaves that to the phones.
    pub poll_seconds: Option<i64>,
    /// What keeps phones from passing over the image of a module.
    pub module_urls: ModuleUrls,
}

impl Papers {
    /// The URL that a phone of this realm asks for its settings; `None` for a realm that is not there. `base` is the
    /// depot's own URL without a slash at its end. The phone puts its MAC in the place of `{mac}`.
    pub fn setting_server(&self, base: &str, realm: &Realm) -> Option<String> {
        let papers = self.realms.get(realm)?;
        let own = || format!("{base}/realm/{realm}/snom.htm?mac={{mac}}");
        Some(papers.setting_server.clone().unwrap_or_else(own))
    }

    /// Whether the realm's setting server is this depot.
    pub fn is_here(&self, realm: &Realm) -> bool {
        self.realms.get(realm).is_some_and(|papers| papers.setting_server.is_none())
    }

    /// The settings document of a phone that asks as one of this realm.
    pub fn settings(&self, base: &str, mac: Mac, model: Option<&Model>, realm: Option<&Realm>) -> Vec<u8> {
        let firmware_status = firmware_status(base, mac);
        let setting_server = realm.and_then(|realm| self.setting_server(base, realm));
        let own = Own {
            firmware_status: &firmware_status,
            setting_server: setting_server.as_deref(),
            poll_seconds: self.poll_seconds,
        };
        settings(&self.templates_of(model, mac, realm), own)
    }

    /// What the administrator's files say of a setting for a phone of this realm.
    pub fn value(&self, model: Option<&Model>, mac: Mac, realm: Option<&Realm>, name: &str) -> Option<&str> {
        let of_realm = self.of_realm(realm).and_then(|templates| templates.value(model, mac, name));
        of_realm.or_else(|| self.templates.value(model, mac, name))
    }

    /// What a phone does with a check-sync: what its realm's files say, else the depot's; and the worst, if any says that.
    pub fn check_sync(&self, model: Option<&Model>, mac: Mac, realm: Option<&Realm>) -> CheckSync {
        let here = self.templates.check_sync(model, mac);
        let there = self.of_realm(realm).map_or(CheckSync::Follows, |own| own.check_sync(model, mac));
        match (here, there) {
            (CheckSync::Destroys, _) | (_, CheckSync::Destroys) => CheckSync::Destroys,
            (here, CheckSync::Follows) => here,
            (_, there) => there,
        }
    }

    fn of_realm(&self, realm: Option<&Realm>) -> Option<&Templates> {
        Some(&self.realms.get(realm?)?.templates)
    }

    fn templates_of(&self, model: Option<&Model>, mac: Mac, realm: Option<&Realm>) -> Vec<&Template> {
        let mut all = self.templates.of(model, mac);
        all.extend(self.of_realm(realm).map(|own| own.of(model, mac)).unwrap_or_default());
        all
    }
}

/// The realm whose setting server this path belongs to.
pub(super) fn realm_in_path(path: &str) -> Option<Realm> {
    let (name, file) = path.strip_prefix("/realm/")?.split_once('/')?;
    let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (!name.is_empty() && name.len() <= 64 && name.bytes().all(clean) && !file.contains('/'))
        .then(|| Realm::new(name))
}

#[cfg(test)]
mod tests {
    use super::super::templates::Scope;
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x04, 0x13, 0x92, 0x2d, 0x24]);
    const BASE: &str = "http://d:8480";

    fn templates(settings: &str) -> Templates {
        let text = format!("<settings><phone-settings>{settings}</phone-settings></settings>");
        let mut templates = Templates::default();
        templates.put(Scope::General, Template::read(&text).unwrap());
        templates
    }

    fn papers() -> Papers {
        let berlin = RealmPapers { setting_server: None, templates: templates("<lang>de</lang>") };
        let away =
            RealmPapers { setting_server: Some("http://a/{mac}".into()), templates: Templates::default() };
        Papers {
            templates: templates("<lang>en</lang><tone>gb</tone>"),
            realms: [(Realm::new("berlin"), berlin), (Realm::new("away"), away)].into(),
            ..Papers::default()
        }
    }

    #[test]
    fn a_realm_has_settings_and_a_setting_server_of_its_own() {
        let (papers, berlin) = (papers(), Realm::new("berlin"));
        let text = String::from_utf8(papers.settings(BASE, MAC, None, Some(&berlin))).unwrap();
        assert!(
            text.contains("<setting_server perm=\"R\">http://d:8480/realm/berlin/snom.htm?mac={mac}</"),
            "{text}"
        );
        assert!(text.contains("<lang>de</lang><tone>gb</tone>") && !text.contains(">en<"), "{text}");
        let text = String::from_utf8(papers.settings(BASE, MAC, None, None)).unwrap();
        assert!(text.contains("<lang>en</lang>") && !text.contains("setting_server"), "{text}");
        assert_eq!(papers.value(None, MAC, Some(&berlin), "lang"), Some("de"));
        assert_eq!(papers.value(None, MAC, Some(&berlin), "tone"), Some("gb"));
        assert_eq!(papers.setting_server(BASE, &Realm::new("away")).as_deref(), Some("http://a/{mac}"));
        assert_eq!(papers.setting_server(BASE, &Realm::new("none")), None);
        assert!(papers.is_here(&berlin) && !papers.is_here(&Realm::new("away")));
    }

    #[test]
    fn a_realm_can_make_a_check_sync_dangerous_and_not_harmless() {
        let mut papers = papers();
        let berlin = Realm::new("berlin");
        papers.templates = templates("<checksync_action>factory-reset</checksync_action>");
        assert_eq!(papers.check_sync(None, MAC, Some(&berlin)), CheckSync::Destroys);
        papers.realms.get_mut(&berlin).unwrap().templates =
            templates("<checksync_action></checksync_action>");
        assert_eq!(
            papers.check_sync(None, MAC, Some(&berlin)),
            CheckSync::Destroys,
            "it may not have read them yet"
        );
        papers.templates = templates("<checksync_action>sync</checksync_action>");
        assert_eq!(papers.check_sync(None, MAC, None), CheckSync::Syncs);
        let own = templates("<checksync_action>reboot</checksync_action>");
        papers.realms.get_mut(&berlin).unwrap().templates = own;
        assert_eq!(papers.check_sync(None, MAC, Some(&berlin)), CheckSync::Reboots);
    }

    #[test]
    fn the_path_tells_the_realm() {
        assert_eq!(realm_in_path("/realm/berlin/snomD785.htm"), Some(Realm::new("berlin")));
        for path in
            ["/snomD785.htm", "/realm//snom.htm", "/realm/a/b/snom.htm", "/realm/a b/snom.htm", "/realm/x"]
        {
            assert_eq!(realm_in_path(path), None, "{path}");
        }
    }
}
