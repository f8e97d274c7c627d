//! The keys of `sipherd.toml`.

use super::Value::{Duration, Named, Number, OneOrMore, Table, Tables, Text, Word};
use super::{CONFIGS, DEPOT, FTP, Form, Key, Keys, PER, PHONES, REALM, RESCUE, SNOM, TFTP, TLS, Value};

/// The top of `sipherd.toml`.
pub static SETTINGS: Keys = Keys {
    table: "",
    about: "The daemon's configuration.",
    keys: &[
        Key::new(
            "zone",
            Text(Form::Zone),
            "\"Europe/Berlin\"",
            "whose clock a window means that names no zone, for phones whose site names none",
        )
        .needed(),
        Key::new("state", Text(Form::Path), "\"state\"", "the folder for all that must survive a restart")
            .or("\"/var/lib/sipherd\""),
        Key::new("policies", Text(Form::Path), "\"policies\"", "the folder of policies").or("\"policies\""),
        Key::new("inventory", Text(Form::Path), "\"phones.csv\"", "the list of phones").else_("none is read"),
        Key::new(
            "profiles",
            Text(Form::Path),
            "\"profiles\"",
            "the folder of your own profiles of makers, laid over the shipped ones",
        )
        .else_("the shipped ones alone"),
        Key::new(
            "edit_grace",
            Duration { least: "0s", most: "1d" },
            "\"5m\"",
            "a policy that was edited so lately is not acted on yet; `\"0s\"` acts at once",
        )
        .or("\"90s\""),
        Key::new("sip", Table(&SIP), "{ listen = \"192.0.2.5:5070\" }", "the SIP side"),
        Key::new("web", Table(&WEB), "{ port = 80 }", "the web servers of the phones themselves"),
        Key::new("depot", Table(&DEPOT), "{ url = \"http://192.0.2.5:8480\" }", "the firmware server")
            .needed(),
        Key::new(
            "deployment",
            Table(&DEPLOYMENT),
            "{ url = \"https://192.0.2.5:18443\" }",
            "the service that Unify phones call",
        )
        .else_("Unify phones are told nothing"),
        Key::new("pbx", Tables(&PBX), "[{ name = \"pbx1\", kind = \"asterisk\" }]", "the PBXs").needed(),
        Key::new("ops", Table(&OPS), "{ listen = \"127.0.0.1:9480\" }", "metrics and health")
            .else_("they are served nowhere"),
        Key::new("api", Table(&API), "{ socket = \"sipherd.sock\" }", "where the commands reach the daemon"),
        Key::new("log", Table(&LOG), "{ format = \"json\" }", "what is logged, and how"),
        Key::new("pace", Table(&FLEET_PACE), "{ down_at_once = 50 }", "what holds over all policies"),
        Key::new(
            "channel",
            Named(&CHANNEL),
            "{ stable = { releases = \"snom-10.1.198\" } }",
            "releases by a name that stays",
        ),
        Key::new("site", Named(&SITE), "{ berlin = {} }", "the places phones stand at"),
        Key::new("snom", Table(&SNOM), "{ templates = \"snom\" }", "what snoms are served and asked"),
        Key::new("realm", Named(&REALM), "{ berlin = {} }", "firmware realms of snoms"),
        Key::new(
            "timing",
            Named(&TIMING),
            "{ snom = { boot = \"5m\" } }",
            "deadlines that differ from the maker's profile",
        ),
    ],
    later: &["store", "budget", "blackout", "notify"],
    misnamed: &[
        ("timezone", "it is called `zone`"),
        ("tz", "it is called `zone`"),
        ("phones", "it is called `inventory`"),
        ("realms", "each has a table of its own: `[realm.berlin]`"),
        ("sites", "each has a table of its own: `[site.berlin]`"),
        ("channels", "each has a table of its own: `[channel.stable]`"),
    ],
};

/// `[sip]`.
pub static SIP: Keys = Keys {
    table: "[sip]",
    about: "The SIP side: where NOTIFYs leave from, and who sends them.",
    keys: &[
        Key::new("listen", Text(Form::Address), "\"192.0.2.5:5070\"", "the UDP address NOTIFYs leave from")
            .or("\"0.0.0.0:5070\""),
        Key::new(
            "advertise",
            Text(Form::Address),
            "\"198.51.100.5:5070\"",
            "what Via and Contact say instead, behind address translation",
        )
        .else_("the address of `listen`"),
        Key::new("user", Text(Form::Name), "\"sipherd\"", "the user part of From").or("\"sipherd\""),
        Key::new("outbound_proxy", Text(Form::Address), "\"192.0.2.10:5060\"", "where all requests go first")
            .else_("to the phones"),
        Key::new(
            "trigger",
            Word(&["direct", "through-pbx"]),
            "\"direct\"",
            "who sends the NOTIFY: sipherd, or the PBX asked by it",
        )
        .or("\"direct\""),
        Key::new("notifies_per_second", Number { least: 1, most: 10_000 }, "20", "over all phones").or("20"),
        Key::new(
            "credentials",
            Text(Form::Path),
            "\"sip-credentials.csv\"",
            "the list of passwords for phones that ask for one",
        )
        .else_("none"),
    ],
    later: &["transport", "tls"],
    misnamed: &[("proxy", "it is called `outbound_proxy`"), ("bind", "it is called `listen`")],
};

/// `[web]`.
pub static WEB: Keys = Keys {
    table: "[web]",
    about: "The HTTP servers that phones run themselves: their own pages, and the deployment client of Unify phones.",
    keys: &[
        Key::new("port", Number { least: 1, most: 65_535 }, "80", "the port of their web servers").or("80"),
        Key::new(
            "contact_me_port",
            Number { least: 1, most: 65_535 },
            "8085",
            "the port on which Unify phones are asked to contact the deployment service",
        )
        .or("8085"),
        Key::new(
            "credentials",
            Text(Form::Path),
            "\"web-credentials.csv\"",
            "the list of passwords for web servers that ask for one",
        )
        .else_("none"),
    ],
    later: &[],
    misnamed: &[],
};

/// `[deployment]`.
pub static DEPLOYMENT: Keys = Keys {
    table: "[deployment]",
    about: "The service that Unify phones call to be told what to do; their images come from it too.",
    keys: &[
        Key::new("listen", Text(Form::Address), "\"0.0.0.0:18443\"", "the TCP address it is served on")
            .or("\"0.0.0.0:18443\""),
        Key::new(
            "url",
            Text(Form::Free),
            "\"https://192.0.2.5:18443\"",
            "the same as the phones see it: scheme, host and port; plain http for laboratories",
        )
        .needed(),
        Key::new(
            "path",
            Text(Form::Free),
            "\"/DeploymentService/LoginService\"",
            "the path that phones send their messages to",
        )
        .or("\"/DeploymentService/LoginService\""),
        Key::new(
            "certificate",
            Text(Form::Path),
            "\"depot.pem\"",
            "the file of its certificate, in PEM, with those up to the root",
        )
        .else_("that of `[depot.tls]`"),
        Key::new("key", Text(Form::Path), "\"depot-key.pem\"", "the file of the certificate's key, in PEM")
            .else_("that of `[depot.tls]`"),
        Key::new(
            "images",
            Word(&["service", "ftp"]),
            "\"ftp\"",
            "where phones load their images: from this service, or by FTP from `[depot.ftp]` with an account for each phone",
        )
        .or("\"service\""),
        Key::new(
            "polling",
            OneOrMore(&Text(Form::Name)),
            "[\"home-office\"]",
            "phones with one of these tags cannot be asked to call: they poll (DCMP), or fetch a file (DMS)",
        )
        .else_("all are asked to call"),
    ],
    later: &[],
    misnamed: &[("cert", "it is called `certificate`"), ("port", "it is a part of `listen`, and of `url`")],
};

/// `[[pbx]]`.
pub static PBX: Keys = Keys {
    table: "[[pbx]]",
    about: "A PBX; at least one, because without it nobody knows which phone is in a call.",
    keys: &[
        Key::new("name", Text(Form::Name), "\"pbx1\"", "the inventory calls it so").needed(),
        Key::new("kind", Word(&["asterisk"]), "\"asterisk\"", "`\"asterisk\"`; FreePBX is one").needed(),
        Key::new("ami", Text(Form::Host), "\"127.0.0.1:5038\"", "host and port of the manager interface")
            .or("\"127.0.0.1:5038\""),
        Key::new("user", Text(Form::Free), "\"sipherd\"", "the manager user of manager.conf").needed(),
        Key::new(
            "secret_file",
            Text(Form::Path),
            "\"ami-secret\"",
            "a file with the manager's secret on one line",
        ),
        Key::new("secret", Text(Form::Free), "\"…\"", "the secret itself; the file is better")
            .else_("one of the two must be there"),
        Key::new(
            "stale_after",
            Duration { least: "1s", most: "10m" },
            "\"30s\"",
            "a view of the PBX that is older counts as none",
        )
        .or("\"30s\""),
        Key::new(
            "reconcile",
            Duration { least: "1s", most: "1h" },
            "\"30s\"",
            "how often everything is read anew",
        )
        .or("\"30s\""),
    ],
    later: &["tls"],
    misnamed: &[
        ("password", "it is called `secret`"),
        ("type", "it is called `kind`"),
        ("host", "it is called `ami`"),
    ],
};

/// `[ops]`.
pub static OPS: Keys = Keys {
    table: "[ops]",
    about: "Metrics and health for monitoring.",
    keys: &[Key::new(
        "listen",
        Text(Form::Address),
        "\"127.0.0.1:9480\"",
        "the TCP address of metrics and health",
    )
    .needed()],
    later: &[],
    misnamed: &[],
};

/// `[api]`.
pub static API: Keys = Keys {
    table: "[api]",
    about: "Where the commands reach the daemon.",
    keys: &[Key::new(
        "socket",
        Text(Form::Path),
        "\"/run/sipherd/sipherd.sock\"",
        "the Unix socket the commands talk to",
    )
    .or("\"/run/sipherd/sipherd.sock\"")],
    later: &["listen", "tokens"],
    misnamed: &[],
};

/// `[log]`.
pub static LOG: Keys = Keys {
    table: "[log]",
    about: "What is logged, and how.",
    keys: &[
        Key::new("format", Word(&["text", "json"]), "\"text\"", "for people, or for machines").or("\"text\""),
        Key::new("filter", Text(Form::Free), "\"info,sipherd::sip=debug\"", "levels, for all and for parts")
            .or("\"info\""),
    ],
    later: &[],
    misnamed: &[("level", "it is called `filter`")],
};

/// `[pace]` of `sipherd.toml`.
pub static FLEET_PACE: Keys = Keys {
    table: "[pace]",
    about: "What holds over all policies and jobs.",
    keys: &[
        Key::new("down_at_once", PHONES, "50", "phones under way at once over all policies")
            .else_("each policy minds its own"),
        Key::new("per", Table(&PER), "{ site = 20, switch = 4 }", "the same for parts of the fleet"),
        Key::new(
            "registrations",
            Text(Form::Rate),
            "\"20/s\"",
            "registrations that returning phones cause at each PBX, one for each line",
        ),
    ],
    later: &["notify_rate"],
    misnamed: &[],
};

/// `[channel.NAME]`.
pub static CHANNEL: Keys = Keys {
    table: "[channel.NAME]",
    about: "Releases by a name that stays when they change: `[channel.stable]`.",
    keys: &[Key::new(
        "releases",
        OneOrMore(&Value::Text(Form::Name)),
        "[\"snom-10.1.198\", \"snom-10.1.64\"]",
        "staged releases; a phone gets the first that has an image for its model",
    )
    .needed()],
    later: &[],
    misnamed: &[("release", "it is called `releases`, for one or several")],
};

/// `[site.NAME]`.
pub static SITE: Keys = Keys {
    table: "[site.NAME]",
    about: "A place phones stand at: `[site.new-york]`; it may be empty.",
    keys: &[Key::new("zone", Text(Form::Zone), "\"America/New_York\"", "the site's clock")
        .else_("the one at the top of the file")],
    later: &["down_at_once", "bandwidth"],
    misnamed: &[("timezone", "it is called `zone`"), ("tz", "it is called `zone`")],
};

const DEADLINE: Value = Duration { least: "1s", most: "1d" };

/// `[timing.VENDOR]`.
pub static TIMING: Keys = Keys {
    table: "[timing.VENDOR]",
    about: "Where phones are slower, or faster, than their maker's profile says; what is left out stays as it has it.",
    keys: &[
        // Timer F of RFC 3261: no final answer can be ruled out earlier than after 32 s.
        Key::new(
            "answer",
            Duration { least: "32s", most: "1h" },
            "\"40s\"",
            "from the NOTIFY to its final answer",
        ),
        Key::new("leave", DEADLINE, "\"60s\"", "from the answer to the first sign of leaving"),
        Key::new("leave_busy", DEADLINE, "\"2h\"", "the same for a phone that waits for its call"),
        Key::new(
            "boot_at_least",
            DEADLINE,
            "\"20s\"",
            "no phone of this kind boots faster; a request for settings before that is a poll, and no copy of the NOTIFY leaves after it",
        ),
        Key::new("boot", DEADLINE, "\"4m\"", "from leaving to the first sign of life"),
        Key::new("fetch", DEADLINE, "\"10m\"", "from the first byte of the image to the last"),
        Key::new("flash", DEADLINE, "\"10m\"", "from the last byte to the next sign of life"),
        Key::new("gap", DEADLINE, "\"5m\"", "least time between two NOTIFYs to one phone"),
        Key::new("boots", Number { least: 1, most: 5 }, "2", "boots of a whole update"),
    ],
    later: &[],
    misnamed: &[],
};

/// All tables of `sipherd.toml`.
pub static SETTINGS_TABLES: [&Keys; 21] = [
    &SETTINGS,
    &SIP,
    &WEB,
    &DEPOT,
    &TLS,
    &TFTP,
    &RESCUE,
    &FTP,
    &CONFIGS,
    &DEPLOYMENT,
    &PBX,
    &OPS,
    &API,
    &LOG,
    &FLEET_PACE,
    &PER,
    &CHANNEL,
    &SITE,
    &SNOM,
    &REALM,
    &TIMING,
];
