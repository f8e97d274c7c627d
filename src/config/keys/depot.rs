//! The keys of `[depot]`: where firmware is served, in which ways, and what phones hand in.

use super::Value::{Number, OneOrMore, Table, Tables, Text};
use super::{Form, Key, Keys, Value};

/// `[depot]`.
pub static DEPOT: Keys = Keys {
    table: "[depot]",
    about: "The firmware server.",
    keys: &[
        Key::new("listen", Text(Form::Address), "\"0.0.0.0:8480\"", "the TCP address firmware is served on")
            .or("\"0.0.0.0:8480\""),
        Key::new(
            "url",
            Text(Form::Url),
            "\"http://192.0.2.5:8480\"",
            "the same as the phones see it, plain http",
        )
        .needed(),
        Key::new(
            "tls",
            Table(&TLS),
            "{ certificate = \"depot.crt\", key = \"depot.key\" }",
            "the same over HTTPS, beside plain HTTP",
        )
        .else_("no HTTPS is spoken"),
        Key::new(
            "tftp",
            Table(&TFTP),
            "{ listen = \"192.0.2.5:69\" }",
            "images over TFTP too; the table may be empty",
        )
        .else_("no TFTP is spoken"),
        Key::new(
            "rescue",
            Tables(&RESCUE),
            "[{ release = \"snom-10.1.198\" }]",
            "images for broken phones, over TFTP",
        )
        .else_("nobody is rescued"),
        Key::new(
            "ftp",
            Table(&FTP),
            "{ listen = \"192.0.2.5:21\" }",
            "images over FTP too; the table may be empty",
        )
        .else_("no FTP is spoken"),
        Key::new("configs", Table(&CONFIGS), "{ keep = 20 }", "the configurations that phones hand in"),
    ],
    later: &["s3"],
    misnamed: &[("https", "it is called `tls`"), ("backup", "it is called `configs`")],
};

/// `[depot.tls]`.
pub static TLS: Keys = Keys {
    table: "[depot.tls]",
    about: "The depot over HTTPS, from TLS 1.2 on.",
    keys: &[
        Key::new("listen", Text(Form::Address), "\"0.0.0.0:8443\"", "the TCP address HTTPS is spoken on")
            .or("\"0.0.0.0:8443\""),
        Key::new("url", Text(Form::Url), "\"https://depot.example:8443\"", "the same as the phones see it")
            .else_("`https`, the host of the depot's `url`, and the port of `listen`"),
        Key::new(
            "certificate",
            Text(Form::Path),
            "\"depot.crt\"",
            "its certificate in PEM, and behind it those up to the root; read again at a reload",
        )
        .needed(),
        Key::new(
            "key",
            Text(Form::Path),
            "\"depot.key\"",
            "the certificate's key in PEM, without a passphrase",
        )
        .needed(),
    ],
    later: &[],
    misnamed: &[("cert", "it is called `certificate`"), ("private_key", "it is called `key`")],
};

/// `[depot.tftp]`.
pub static TFTP: Keys = Keys {
    table: "[depot.tftp]",
    about: "Images over TFTP: to phones that are offered one, and to broken ones.",
    keys: &[
        Key::new(
            "listen",
            Text(Form::Address),
            "\"192.0.2.5:69\"",
            "the UDP address requests come to; where the machine has several, name the one phones ask",
        )
        .or("\"0.0.0.0:69\""),
        Key::new("transfers", Number { least: 1, most: 100_000 }, "500", "transfers at once").or("500"),
        Key::new("per_phone", Number { least: 1, most: 1_000 }, "2", "of them to one address").or("2"),
    ],
    later: &[],
    misnamed: &[],
};

/// `[[depot.rescue]]`.
pub static RESCUE: Keys = Keys {
    table: "[[depot.rescue]]",
    about: "What the bootloader of a broken phone is given when it asks by its model alone: the first that fits.",
    keys: &[
        Key::new("release", Text(Form::Name), "\"snom-10.1.198\"", "the staged release that has the images")
            .needed(),
        Key::new(
            "models",
            OneOrMore(&Value::Text(Form::Name)),
            "[\"D785\", \"320\"]",
            "for these models only",
        )
        .else_("all the release has images for"),
        Key::new(
            "networks",
            OneOrMore(&Value::Text(Form::Network)),
            "[\"192.0.2.0/24\"]",
            "for phones there only",
        )
        .else_("anywhere"),
    ],
    later: &[],
    misnamed: &[
        ("model", "it is called `models`, for one or several"),
        ("network", "it is called `networks`, for one or several"),
    ],
};

/// `[depot.ftp]`.
pub static FTP: Keys = Keys {
    table: "[depot.ftp]",
    about: "Images over FTP, to phones that were given an account for it.",
    keys: &[
        Key::new(
            "listen",
            Text(Form::Address),
            "\"192.0.2.5:21\"",
            "the TCP address FTP is spoken on; IPv4 alone",
        )
        .or("\"0.0.0.0:21\""),
        Key::new(
            "passive_ports",
            Text(Form::Ports),
            "\"50000-50499\"",
            "phones fetch from these; firewalls must let them in",
        )
        .or("\"50000-50499\""),
        Key::new(
            "advertise",
            Text(Form::Ipv4),
            "\"198.51.100.5\"",
            "the address phones are told to fetch from, behind address translation",
        )
        .else_("the one they came to"),
        Key::new("sessions", Number { least: 1, most: 100_000 }, "500", "phones logged in at once").or("500"),
    ],
    later: &[],
    misnamed: &[("ports", "it is called `passive_ports`")],
};

/// `[depot.configs]`.
pub static CONFIGS: Keys = Keys {
    table: "[depot.configs]",
    about: "The configurations that phones hand in, kept in the state folder.",
    keys: &[
        Key::new("keep", Number { least: 1, most: 10_000 }, "20", "differing ones of each phone; the oldest goes first")
            .or("10"),
        Key::new("longest_kb", Number { least: 1, most: 100_000 }, "2000", "the longest one, in kilobytes").or("2000"),
        Key::new(
            "networks",
            OneOrMore(&Value::Text(Form::Network)),
            "[\"192.0.2.0/24\"]",
            "phones of which no line is registered may hand in and fetch from here: those that boot, or were reset",
        )
        .else_("only from where a line of theirs is registered"),
    ],
    later: &[],
    misnamed: &[("network", "it is called `networks`, for one or several")],
};
