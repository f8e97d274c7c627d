//! Advice about URLs: what a device cannot ask, and metacharacters that do not do what they seem to.

use std::net::{IpAddr, Ipv4Addr};

use chrono::DateTime;

use super::{Commands, Findings, Rule};
use crate::domain::phone::Mac;
use crate::phones::innovaphone::script::{Code, Command};
use crate::phones::innovaphone::url::{Facts, Meta, Pattern, Untold};

pub(super) fn look(commands: &Commands<'_>, found: &mut Findings) {
    let mut rolling = None;
    for (line, command) in commands {
        match command {
            Command::Fetch { code, url, .. } => {
                address(*line, url, found);
                literal(*line, url, found);
                if *code == Code::Radio && url.ends_with('/') {
                    let message = "a radio code's file must be named: what the device appends has no `.bin`";
                    let hint = format!("write the whole name: `{url}PCS04fd.bin`");
                    found.add(*line, Rule::Address, url, message, hint);
                }
            }
            Command::Load { url, .. } => {
                address(*line, url, found);
                literal(*line, url, found);
                if url.rsplit('/').next().is_some_and(|file| file.starts_with("update")) {
                    let message =
                        "this looks like an update script; commands of UP0 do not work inside `cfg`";
                    found.add(*line, Rule::Address, url, message, "let it hold configuration lines only");
                }
            }
            Command::Save { url, .. } => {
                address(*line, url, found);
                match Pattern::read(url) {
                    Ok(pattern) => saving(*line, url, &pattern, &mut rolling, found),
                    Err(unknown) => {
                        let sequence = url.get(unknown.span).unwrap_or("#");
                        let message = format!("`{sequence}` is no metacharacter");
                        let hint = "there are #F #B #H #h #m #d #i and #b with the number of backups: `#b5`";
                        found.add(*line, Rule::Metacharacters, sequence, message, hint);
                    }
                }
            }
            _ => {}
        }
    }
}

fn address(line: usize, url: &str, found: &mut Findings) {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        let message = format!("`{url}` is no address of a web server: the device shows failed(502)");
        found.add(line, Rule::Address, url, message, "write `http://192.0.2.5/…`");
        return;
    };
    let host = rest.split(['/', '?']).next().unwrap_or("");
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let bare = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    if bare.parse::<IpAddr>().is_err() {
        let message = format!("`{bare}` is a name: devices with old firmware take IP addresses only");
        found.add(line, Rule::Address, bare, message, "write the server's IP address");
    }
}

fn literal(line: usize, url: &str, found: &mut Findings) {
    if url.contains('#') {
        let message = "metacharacters are replaced in the URL of `scfg` and in the update URL only";
        found.add(line, Rule::Metacharacters, url, message, "write the file's name in full");
    }
}

fn saving(line: usize, url: &str, pattern: &Pattern, rolling: &mut Option<usize>, found: &mut Findings) {
    if pattern.metas().any(|meta| meta == Meta::Product) {
        let message = "`#t` is replaced in the update URL only";
        found.add(line, Rule::Metacharacters, "#t", message, "`#h` begins with the product");
    }
    if !pattern.metas().any(Meta::names_device) {
        let message =
            "nothing in the URL differs from device to device: each overwrites the others' configuration";
        found.add(line, Rule::Metacharacters, url, message, "put `#h` or `#m` into the file's name");
    }
    if pattern.told(&pattern.expand(&sample(), DateTime::UNIX_EPOCH.naive_utc(), 0)) == Err(Untold::Ambiguous)
    {
        let message = "what arrives can be read in more than one way, and so be filed under another device";
        found.add(line, Rule::Metacharacters, url, message, "part the metacharacters with `/` or `_`");
    }
    if let Some(meta) = pattern.metas().find(|meta| matches!(meta, Meta::Backup(_))) {
        match rolling {
            Some(first) => found.add(
                line,
                Rule::Metacharacters,
                meta.to_string(),
                format!(
                    "line {first} uses the rolling index already, and a script has one only: the two overlap"
                ),
                "use `#d` in one of them",
            ),
            None => *rolling = Some(line),
        }
    }
}

/// The device of the maker's own examples.
fn sample() -> Facts {
    Facts {
        firmware: "08-12345".into(),
        boot: "401".into(),
        hardware: "102".into(),
        product: "IP1200".into(),
        mac: Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]),
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
    }
}
