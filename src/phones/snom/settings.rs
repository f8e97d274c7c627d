//! The settings document: the administrator's settings with sipherd's own keys among them.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::template::{FIRST, Setting, Template};

/// Whose value of a key is served where the administrator writes one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wins {
    /// sipherd's: the administrator's is left out of the document, and `check` says so.
    Sipherd,
    /// The administrator's: sipherd writes its own only where there is none, and `check` says what that means.
    Administrator,
}

/// A key that sipherd itself has something to say about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnKey {
    /// Its name.
    pub name: &'static str,
    /// Who wins.
    pub wins: Wins,
    /// Why, for `check`: behind "because".
    pub why: &'static str,
}

const GATE: &str = "firmware reaches a phone only through the document that sipherd serves to it";
const POLLS: &str = "sipherd writes its own only where you write none";

/// All of them.
pub const OWN_KEYS: [OwnKey; 11] = [
    OwnKey { name: "firmware_status", wins: Wins::Sipherd, why: GATE },
    OwnKey { name: "firmware", wins: Wins::Sipherd, why: GATE },
    OwnKey { name: "bootloader", wins: Wins::Sipherd, why: GATE },
    OwnKey {
        name: "firmware_uxm",
        wins: Wins::Sipherd,
        why: "the phone keeps there which module image it wrote last, and would write yours again at every load",
    },
    OwnKey { name: "update_policy", wins: Wins::Administrator, why: "what you forbid stays forbidden" },
    OwnKey {
        name: "setting_server",
        wins: Wins::Administrator,
        why: "sipherd writes one only for phones of a realm, and there its own",
    },
    OwnKey { name: "prov_polling_enabled", wins: Wins::Administrator, why: POLLS },
    OwnKey { name: "prov_polling_mode", wins: Wins::Administrator, why: POLLS },
    OwnKey { name: "prov_polling_period", wins: Wins::Administrator, why: POLLS },
    OwnKey { name: "prov_polling_time", wins: Wins::Administrator, why: POLLS },
    OwnKey { name: "settings_refresh_timer", wins: Wins::Administrator, why: POLLS },
];

/// What sipherd writes into a phone's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own<'a> {
    /// The URL of the phone's firmware document.
    pub firmware_status: &'a str,
    /// The setting server of the phone's realm; `None` where it has none, and the administrator's value stays.
    pub setting_server: Option<&'a str>,
    /// How often the phone is to read its settings, in seconds; `None` leaves that to the phone.
    pub poll_seconds: Option<i64>,
}

/// The settings document of a phone: `templates` are the administrator's files for it, the most general first. Where two
/// of them have a setting of one name and index, the later one's is served.
pub fn settings(templates: &[&Template], own: Own<'_>) -> Vec<u8> {
    let chosen = chosen(templates, own);
    let has = |name: &str| chosen.iter().any(|setting| setting.name == name);
    let mut attributes = templates.iter().rev().map(|template| template.attributes.as_str());
    let attributes = attributes.find(|text| !text.is_empty()).unwrap_or("");
    let mut text =
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><settings><phone-settings{attributes}>");
    // It is effective only where it stands first.
    chosen.iter().filter(|setting| setting.name == FIRST).for_each(|setting| text += &setting.bytes);
    write(&mut text, "firmware_status", own.firmware_status);
    if !has("update_policy") {
        write(&mut text, "update_policy", "auto_update");
    }
    if let Some(server) = own.setting_server {
        write(&mut text, "setting_server", server);
    }
    let polls = ["prov_polling_enabled", "prov_polling_mode", "prov_polling_period", "prov_polling_time"];
    if let Some(seconds) = own.poll_seconds
        && !polls.iter().chain(&["settings_refresh_timer"]).any(|name| has(name))
    {
        write(&mut text, "prov_polling_enabled", "on");
        write(&mut text, "prov_polling_mode", "rel");
        write(&mut text, "prov_polling_period", &seconds.to_string());
    }
    chosen.iter().filter(|setting| setting.name != FIRST).for_each(|setting| text += &setting.bytes);
    if let Some(last) = templates.last() {
        text += &last.tail;
    }
    text += "</phone-settings>";
    templates.iter().flat_map(|template| &template.sections).for_each(|section| text += section);
    text += if templates.is_empty() { "</settings>" } else { "\n</settings>\n" };
    text.into_bytes()
}

/// The settings document that sends a phone to another server for its settings, and says nothing else.
pub fn redirection(setting_server: &str) -> Vec<u8> {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?><settings><phone-settings>".to_owned();
    write(&mut text, "setting_server", setting_server);
    text += "</phone-settings></settings>";
    text.into_bytes()
}

/// The administrator's settings that are served, in the order of the files.
fn chosen<'a>(templates: &[&'a Template], own: Own<'_>) -> Vec<&'a Setting> {
    let sipherds = |name: &str| {
        let key = OWN_KEYS.iter().find(|key| key.name == name);
        let realm = name == "setting_server" && own.setting_server.is_some();
        realm || key.is_some_and(|key| key.wins == Wins::Sipherd)
    };
    let mut chosen: Vec<&Setting> = Vec::new();
    for setting in templates.iter().flat_map(|template| &template.settings) {
        if sipherds(&setting.name) {
            continue;
        }
        match chosen.iter_mut().find(|old| old.name == setting.name && old.index == setting.index) {
            Some(old) => *old = setting,
            None => chosen.push(setting),
        }
    }
    chosen
}

fn write(text: &mut String, name: &str, value: &str) {
    // Writing into a String does not fail.
    let _ = write!(text, "<{name} perm=\"R\">{}</{name}>", escape(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Own<'_> =
        Own { firmware_status: "http://d/snom/0/firmware.xml", setting_server: None, poll_seconds: None };

    fn template(settings: &str) -> Template {
        Template::read(&format!("<settings><phone-settings>{settings}</phone-settings></settings>")).unwrap()
    }

    fn served(templates: &[&Template], own: Own<'_>) -> String {
        String::from_utf8(settings(templates, own)).unwrap()
    }

    #[test]
    fn without_templates_the_settings_name_the_firmware_document_and_let_it_install() {
        assert_eq!(
            served(&[], OWN),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?>"#,
                r#"<settings><phone-settings>"#,
                r#"<firmware_status perm="R">http://d/snom/0/firmware.xml</firmware_status>"#,
                r#"<update_policy perm="R">auto_update</update_policy>"#,
                r#"</phone-settings></settings>"#
            )
        );
    }

    #[test]
    fn what_must_stand_first_stands_first_and_a_particular_file_replaces_a_general_one() {
        let general = template(
            "<a idx=\"1\">1</a><auto_reboot_on_setting_change perm=\"\">on</auto_reboot_on_setting_change><a idx=\"2\">2</a>",
        );
        let one = template("<a idx=\"1\">one</a>");
        let text = served(&[&general, &one], OWN);
        assert!(text.contains("<phone-settings><auto_reboot_on_setting_change perm=\"\">on</"), "{text}");
        assert!(
            text.contains("<a idx=\"1\">one</a><a idx=\"2\">2</a>") && !text.contains(">1</a>"),
            "{text}"
        );
    }

    #[test]
    fn an_administrators_update_policy_and_polling_are_served_and_their_firmware_is_not() {
        let own = template(
            "<update_policy perm=\"!\">settings_only</update_policy><firmware_status>http://x</firmware_status>\
             <firmware>http://x</firmware><firmware_uxm>http://x</firmware_uxm><settings_refresh_timer>60</settings_refresh_timer>",
        );
        let text = served(&[&own], Own { poll_seconds: Some(3600), ..OWN });
        assert!(text.contains("<update_policy perm=\"!\">settings_only</update_policy>"), "{text}");
        assert!(text.contains("<settings_refresh_timer>60</settings_refresh_timer>"), "{text}");
        assert!(
            !text.contains("auto_update") && !text.contains("http://x") && !text.contains("prov_polling")
        );
        let text = served(&[], Own { poll_seconds: Some(3600), ..OWN });
        assert!(text.contains("<prov_polling_enabled perm=\"R\">on</prov_polling_enabled><prov_polling_mode perm=\"R\">rel</prov_polling_mode><prov_polling_period perm=\"R\">3600</prov_polling_period>"));
    }

    #[test]
    fn the_setting_server_is_the_realms_else_the_administrators() {
        let own = template("<setting_server>http://mine</setting_server>");
        assert!(served(&[&own], OWN).contains("<setting_server>http://mine</setting_server>"));
        let text = served(&[&own], Own { setting_server: Some("http://r?mac={mac}&a"), ..OWN });
        assert!(
            text.contains("<setting_server perm=\"R\">http://r?mac={mac}&amp;a</setting_server>"),
            "{text}"
        );
        assert!(!text.contains("http://mine"));
        assert_eq!(
            String::from_utf8(redirection("http://r/snom.htm?mac={mac}")).unwrap(),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?><settings><phone-settings>"#,
                r#"<setting_server perm="R">http://r/snom.htm?mac={mac}</setting_server></phone-settings></settings>"#
            )
        );
    }

    #[test]
    fn no_key_is_sipherds_twice() {
        let names: std::collections::BTreeSet<&str> = OWN_KEYS.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), OWN_KEYS.len());
    }
}
