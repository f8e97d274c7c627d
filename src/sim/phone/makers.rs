//! What the phones of each maker write of themselves, and what they take for an order: one row a maker.

use super::PhoneSpec;
use crate::sim::wire::{Packet, parameter};

/// What an event asks of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Reboot once the calls have ended.
    WhenIdle,
    /// Reboot at once, calls or not.
    AtOnce,
    /// Read the settings anew, calls or not.
    Resync,
    /// An event that is taken and changes nothing here.
    Nothing,
    /// What the lines of the body say.
    AsWritten,
    /// An order that is not written as it must be.
    Malformed,
    /// An event the phone does not know.
    Unknown,
}

/// One maker's phones, as its documents and recordings of them have it.
pub(super) struct Maker {
    name: &'static str,
    /// `User-Agent` in SIP; `{model}`, `{version}`, `{mac}` (with colons), `{MA-C}` (with hyphens), `{bare}` and `{BARE}`
    /// (without) are filled.
    sip: &'static str,
    /// The same in HTTP.
    http: &'static str,
    /// The settings file it asks for.
    file: &'static str,
    /// Events, by their name and, where it is there, `;reboot=true`.
    events: &'static [(&'static str, Wish)],
    /// It answers a dialog SUBSCRIBE.
    pub tells_dialogs: bool,
    /// As it comes from its maker, it challenges a NOTIFY.
    pub challenges: bool,
}

const PAIR: &[(&str, Wish)] = &[("check-sync;reboot=true", Wish::AtOnce), ("check-sync", Wish::Resync)];

/// A maker without peculiarities.
const OTHER: Maker = Maker {
    name: "",
    sip: "",
    http: "",
    file: "{bare}.cfg",
    events: PAIR,
    tells_dialogs: false,
    challenges: false,
};

const MAKERS: &[Maker] = &[
    // It takes no NOTIFY and is told what to do by the script it polls.
    Maker { name: "innovaphone", sip: "innovaphone {model}/{version}", events: &[], ..OTHER },
    // What it writes is nowhere told, nor whether it takes a NOTIFY: its service tells it what to do.
    Maker { name: "unify", sip: "{model} SIP {version}", events: &[], ..OTHER },
    Maker {
        name: "snom",
        sip: "snom{model}/{version}",
        http: "Mozilla/4.0 (compatible; snom{model}-SIP {version} 2010.12-00004 {BARE} SXM:0 UXM:0)",
        file: "snom{model}-{BARE}.htm",
        events: &[
            ("reboot", Wish::WhenIdle),
            ("check-sync;reboot=true", Wish::AtOnce),
            ("check-sync", Wish::Resync),
        ],
        tells_dialogs: true,
        ..OTHER
    },
    Maker {
        name: "yealink",
        sip: "Yealink SIP-{model} {version}",
        http: "Yealink SIP-{model} {version} {mac}",
        tells_dialogs: true,
        ..OTHER
    },
    Maker {
        name: "grandstream",
        sip: "Grandstream {model} {version}",
        http: "Grandstream Model HW {model} SW {version} DevId {bare}",
        file: "cfg{bare}.xml",
        events: &[
            ("check-sync;reboot=true", Wish::AtOnce),
            ("sys-control", Wish::AtOnce),
            ("check-sync", Wish::Resync),
            ("resync", Wish::Resync),
        ],
        challenges: true,
        ..OTHER
    },
    Maker {
        name: "cisco-spa",
        sip: "Cisco/{model}-{version}",
        http: "Cisco/{model}-{version} ({BARE})(CBT141400UK)",
        file: "{bare}.xml",
        // `Forced_Resync_Delay`: nothing happens while a line is active.
        events: &[("reboot", Wish::WhenIdle), ("resync", Wish::Resync), ("report", Wish::Nothing)],
        challenges: true,
        ..OTHER
    },
    Maker {
        // The multiplatform phones: those of the SPA in everything but their name.
        name: "cisco-mpp",
        sip: "Cisco-{model}/{version}",
        http: "Cisco-{model}/{version} ({bare})",
        file: "{bare}.xml",
        events: &[("reboot", Wish::WhenIdle), ("resync", Wish::Resync), ("report", Wish::Nothing)],
        challenges: true,
        ..OTHER
    },
    Maker {
        name: "cisco-enterprise",
        sip: "Cisco-{model}/{version}",
        http: "Cisco-{model}/{version}",
        file: "SEP{BARE}.cnf.xml",
        events: &[("service-control", Wish::AsWritten)],
        ..OTHER
    },
    Maker {
        // With `alwaysReboot` 1; without it a misfit that only reads its settings.
        name: "poly",
        sip: "PolycomVVX-{model}-UA/{version}",
        http: "FileTransport PolycomVVX-{model}-UA/{version} Type/Application",
        events: &[("check-sync", Wish::AtOnce), ("check-sync;reboot=true", Wish::AtOnce)],
        ..OTHER
    },
    Maker {
        // With `CheckSyncRebootEnabled` 1; without it a misfit that only reads its settings.
        name: "gigaset",
        sip: "Gigaset {model}/{version}",
        http: "Gigaset {model}/{version};{BARE}",
        file: "{BARE}.xml",
        ..OTHER
    },
    Maker {
        // It has no reboot.
        name: "gigaset-n510",
        sip: "{model}/{version}",
        http: "{model}/{version};{BARE}",
        file: "{BARE}.xml",
        events: &[("check-sync", Wish::Resync), ("check-sync;reboot=true", Wish::Resync)],
        ..OTHER
    },
    Maker {
        name: "linksys",
        sip: "Linksys/{model}-{version}",
        http: "Linksys/{model}-{version} ({BARE})",
        file: "{bare}.xml",
        events: &[("reboot_now", Wish::AtOnce), ("restart_now", Wish::AtOnce)],
        ..OTHER
    },
    Maker {
        // Its settings say whether a check-sync reboots it: here they do.
        name: "mitel",
        sip: "Aastra {model}/{version}",
        http: "Mitel{model} MAC:{MA-C} V:{version}-SIP",
        file: "{BARE}.cfg",
        events: &[("check-sync", Wish::AtOnce), ("check-sync;reboot=true", Wish::AtOnce)],
        ..OTHER
    },
    Maker {
        name: "panasonic",
        sip: "Panasonic_{model}/{version} ({bare})",
        http: "Panasonic_{model}/{version} ({bare})",
        file: "Config{BARE}.cfg",
        ..OTHER
    },
    Maker {
        name: "fanvil",
        sip: "Fanvil {model} {version} {bare}",
        http: "Fanvil {model} {version} {bare}",
        ..OTHER
    },
    Maker {
        name: "htek",
        sip: "Htek {model} {version} {mac}",
        http: "Htek {model} {version} {mac}",
        file: "cfg{bare}.xml",
        events: &[("check-sync;reboot=true", Wish::AtOnce), ("resync", Wish::Resync)],
        ..OTHER
    },
    Maker {
        name: "avaya",
        sip: "lib/1.0 AVAYA/{model}-{version} (MAC:{bare})",
        http: "lib/1.0 AVAYA/{model}-{version} (MAC:{bare})",
        ..OTHER
    },
    Maker {
        name: "audiocodes",
        sip: "AUDC-IPPhone/{version} ({model}-Rev0; {BARE})",
        http: "AUDC-IPPhone/{version} ({model}-Rev0; {BARE})",
        ..OTHER
    },
    Maker {
        name: "digium",
        sip: "Digium {model} {version}",
        http: "Digium {model} {version}",
        events: &[("check-sync", Wish::AtOnce)],
        ..OTHER
    },
    Maker {
        // With another number in its `syncinfo.xml`; with the same one it would do nothing.
        name: "cisco",
        sip: "Cisco-{model}/{version}",
        http: "Cisco-{model}/{version}",
        file: "SIP{BARE}.cnf",
        events: &[("check-sync", Wish::AtOnce)],
        ..OTHER
    },
    Maker {
        name: "snom-dect",
        sip: "Mozilla/4.0 (compatible; Snom {model} {version} {bare})",
        http: "Mozilla/4.0 (compatible; Snom {model} {version} {bare})",
        file: "snom{model}-{BARE}.htm",
        events: &[("check-sync;reboot=true", Wish::AtOnce)],
        ..OTHER
    },
    Maker {
        // It has no reboot.
        name: "ale",
        sip: "ALE {model} {version} {bare}",
        http: "ALE {model} {version} {bare}",
        events: &[("check-sync", Wish::Resync), ("check-sync;reboot=true", Wish::Resync)],
        ..OTHER
    },
];

/// The row of this phone's maker.
pub(super) fn maker(spec: &PhoneSpec) -> &'static Maker {
    named(&spec.vendor)
}

/// The row of the maker of this name; one nobody knows has no peculiarities.
pub(super) fn named(vendor: &str) -> &'static Maker {
    MAKERS.iter().find(|maker| maker.name == vendor).unwrap_or(&OTHER)
}

impl Maker {
    /// The `User-Agent` of its SIP messages while it runs this version.
    pub fn sip_user_agent(&self, spec: &PhoneSpec, version: &str) -> String {
        match self.sip {
            "" => format!("{} {} {version}", spec.vendor, spec.model),
            text => filled(text, spec, version),
        }
    }

    /// The `User-Agent` of its HTTP requests while it runs this version.
    pub fn http_user_agent(&self, spec: &PhoneSpec, version: &str) -> String {
        match self.http {
            "" => format!("{} {} {version} {}", spec.vendor, spec.model, spec.mac.bare_upper()),
            text => filled(text, spec, version),
        }
    }

    /// The name of its settings file.
    pub fn settings_file(&self, spec: &PhoneSpec) -> String {
        filled(self.file, spec, "")
    }

    /// What a NOTIFY asks of it; `call_id` is the one it has registered with.
    pub fn wish(&self, packet: &Packet, call_id: &str) -> Wish {
        let event = packet.get("Event");
        let name = event.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let reboot = parameter(event, "reboot").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let key = if reboot { format!("{name};reboot=true") } else { name };
        let wish =
            self.events.iter().find(|(event, _)| *event == key).map_or(Wish::Unknown, |(_, wish)| *wish);
        if wish == Wish::AsWritten { as_written(packet, call_id) } else { wish }
    }
}

/// What the body of a `service-control` asks: all its lines must be there, and the Call-ID empty or the phone's own.
fn as_written(packet: &Packet, call_id: &str) -> Wish {
    let value = |key: &str| packet.body.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let stamps = ["ConfigVersionStamp", "DialplanVersionStamp", "SoftkeyVersionStamp"];
    let stamped =
        stamps.iter().all(|key| value(key).is_some_and(|text| text.starts_with('{') && text.ends_with('}')));
    let mine = value("RegisterCallId").is_some_and(|text| text == "{}" || text == format!("{{{call_id}}}"));
    match value("action") {
        _ if packet.get("Content-Type") != "text/plain" || !stamped || !mine => Wish::Malformed,
        Some("reset" | "restart") => Wish::AtOnce,
        Some("check-version") => Wish::Resync,
        Some(_) | None => Wish::Malformed,
    }
}

fn filled(text: &str, spec: &PhoneSpec, version: &str) -> String {
    let bare = spec.mac.bare_upper();
    text.replace("{model}", &spec.model)
        .replace("{MA-C}", &spec.mac.to_string().to_uppercase().replace(':', "-"))
        .replace("{version}", version)
        .replace("{mac}", &spec.mac.to_string())
        .replace("{bare}", &bare.to_lowercase())
        .replace("{BARE}", &bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(vendor: &str, event: &str, body: &str) -> Wish {
        let mut packet = Packet::request("NOTIFY", "sip:1@127.0.0.1").with("Event", event);
        if !body.is_empty() {
            packet = packet.with_body("text/plain", body.to_owned());
        }
        named(vendor).wish(&packet, "abc@192.0.2.7")
    }

    #[test]
    fn each_maker_takes_its_own_events_and_no_others() {
        for (vendor, event, wish) in [
            ("snom", "reboot", Wish::WhenIdle),
            ("snom", "check-sync;reboot=TRUE", Wish::AtOnce),
            ("snom", "check-sync;reboot=false", Wish::Resync),
            ("yealink", "reboot", Wish::Unknown),
            ("grandstream", "sys-control", Wish::AtOnce),
            ("cisco-spa", "reboot", Wish::WhenIdle),
            ("cisco-spa", "report", Wish::Nothing),
            ("cisco-spa", "check-sync", Wish::Unknown),
            ("poly", "check-sync", Wish::AtOnce),
            ("gigaset", "check-sync", Wish::Resync),
            ("gigaset-n510", "check-sync;reboot=true", Wish::Resync),
            ("linksys", "check-sync", Wish::Unknown),
            ("mitel", "check-sync", Wish::AtOnce),
            ("htek", "check-sync", Wish::Unknown),
            ("snom-dect", "check-sync;reboot=false", Wish::Unknown),
            ("ale", "check-sync;reboot=true", Wish::Resync),
            ("somebody", "check-sync;reboot=true", Wish::AtOnce),
        ] {
            assert_eq!(asked(vendor, event, ""), wish, "{vendor} {event}");
        }
    }

    #[test]
    fn an_enterprise_cisco_wants_every_line_and_its_own_call_id() {
        let body = |action: &str, call_id: &str| {
            format!(
                "action={action}\r\nRegisterCallId={{{call_id}}}\r\nConfigVersionStamp={{0}}\r\n\
                 DialplanVersionStamp={{0}}\r\nSoftkeyVersionStamp={{0}}\r\n"
            )
        };
        for (body, wish) in [
            (body("reset", "abc@192.0.2.7"), Wish::AtOnce),
            (body("restart", ""), Wish::AtOnce),
            (body("check-version", "abc@192.0.2.7"), Wish::Resync),
            (body("reset", "another"), Wish::Malformed),
            (body("dance", ""), Wish::Malformed),
            (body("reset", "").replace("SoftkeyVersionStamp", "x"), Wish::Malformed),
            (String::new(), Wish::Malformed),
        ] {
            assert_eq!(asked("cisco-enterprise", "service-control", &body), wish, "{body}");
        }
    }
}
