//! Every key a file may have, table by table.

/// The keys of one table.
#[derive(Debug, PartialEq, Eq)]
pub struct Keys {
    /// The table as its author writes it; empty for the top of the file.
    pub table: &'static str,
    /// The keys that are understood.
    pub known: &'static [&'static str],
    /// Keys of a later version: refused, but not called a mistake.
    pub later: &'static [&'static str],
}

/// The top of `sipherd.toml`.
pub const SETTINGS: Keys = Keys {
    table: "",
    known: &[
        "state",
        "policies",
        "zone",
        "inventory",
        "sip",
        "depot",
        "pbx",
        "ops",
        "api",
        "log",
        "site",
        "timing",
        "pace",
    ],
    later: &["store", "budget", "blackout", "notify"],
};
/// `[sip]`.
pub const SIP: Keys = Keys {
    table: "[sip]",
    known: &[
        "listen",
        "advertise",
        "user",
        "outbound_proxy",
        "trigger",
        "notifies_per_second",
        "credentials",
    ],
    later: &["transport", "tls"],
};
/// `[depot]`.
pub const DEPOT: Keys =
    Keys { table: "[depot]", known: &["listen", "url"], later: &["tftp", "ftp", "tls", "s3"] };
/// `[[pbx]]`.
pub const PBX: Keys = Keys {
    table: "[[pbx]]",
    known: &["name", "kind", "ami", "user", "secret", "secret_file", "stale_after", "reconcile"],
    later: &["tls"],
};
/// `[ops]`.
pub const OPS: Keys = Keys { table: "[ops]", known: &["listen"], later: &[] };
/// `[api]`.
pub const API: Keys = Keys { table: "[api]", known: &["socket"], later: &["listen", "tokens"] };
/// `[log]`.
pub const LOG: Keys = Keys { table: "[log]", known: &["format", "filter"], later: &[] };
/// `[site.NAME]`.
pub const SITE: Keys = Keys { table: "[site.NAME]", known: &["zone"], later: &["down_at_once", "bandwidth"] };
/// `[timing.VENDOR]`.
pub const TIMING: Keys = Keys {
    table: "[timing.VENDOR]",
    known: &["answer", "leave", "leave_busy", "boot_at_least", "boot", "fetch", "flash", "gap", "boots"],
    later: &[],
};
/// `[pace]` of `sipherd.toml`.
pub const FLEET_PACE: Keys =
    Keys { table: "[pace]", known: &["down_at_once"], later: &["per", "notify_rate"] };

/// All tables of `sipherd.toml`.
pub const SETTINGS_TABLES: [&Keys; 10] =
    [&SETTINGS, &SIP, &DEPOT, &PBX, &OPS, &API, &LOG, &SITE, &TIMING, &FLEET_PACE];

/// The top of a policy.
pub const POLICY: Keys = Keys {
    table: "",
    known: &["about", "priority", "select", "update", "reboot", "window", "idle", "pace", "retry"],
    later: &["blackout", "coverage", "wave", "brake", "test"],
};
/// `[select]`.
pub const SELECT: Keys = Keys {
    table: "[select]",
    known: &["vendor", "model", "site", "tag", "mac", "line"],
    later: &["version", "not", "hardware", "pbx"],
};
/// `[update]`.
pub const UPDATE: Keys = Keys { table: "[update]", known: &["release"], later: &["channel"] };
/// `[reboot]`.
pub const REBOOT: Keys = Keys { table: "[reboot]", known: &[], later: &["every"] };
/// `[[window]]`.
pub const WINDOW: Keys = Keys {
    table: "[[window]]",
    known: &["days", "from", "to", "length", "cron", "zone"],
    later: &["last_start", "dst"],
};
/// `[idle]`.
pub const IDLE: Keys = Keys { table: "[idle]", known: &["quiet", "probe"], later: &["busy", "by"] };
/// `[pace]` of a policy.
pub const PACE: Keys = Keys {
    table: "[pace]",
    known: &["down_at_once"],
    later: &["per", "notify_rate", "downloads", "bandwidth", "spread"],
};
/// `[retry]`.
pub const RETRY: Keys = Keys { table: "[retry]", known: &["attempts", "backoff"], later: &["not_after"] };

/// All tables of a policy.
pub const POLICY_TABLES: [&Keys; 8] = [&POLICY, &SELECT, &UPDATE, &REBOOT, &WINDOW, &IDLE, &PACE, &RETRY];

/// The columns of the inventory.
pub const INVENTORY_COLUMNS: [&str; 8] =
    ["mac", "pbx", "lines", "vendor", "model", "hardware", "site", "tags"];

/// The columns of the SIP credentials.
pub const CREDENTIALS_COLUMNS: [&str; 4] = ["pbx", "line", "username", "password"];

/// The one of these names that was probably meant.
pub fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let text = text.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&text, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}
