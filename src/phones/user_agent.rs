//! Recognising a phone by the User-Agent it sends in SIP or HTTP; what is not known is never guessed.

use super::Sighting;
use crate::domain::firmware::Version;
use crate::domain::phone::{Mac, Model, Vendor};

/// Longer texts are nobody's User-Agent.
const LONGEST: usize = 400;

/// What this User-Agent tells; `None` when no maker known here writes such a one.
///
/// On most phones the text can be set by their owner: it is evidence, never the only identity.
pub fn recognise(user_agent: &str) -> Option<Sighting> {
    let text = user_agent.trim();
    if text.len() > LONGEST || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return None;
    }
    READERS.iter().find_map(|reader| reader(text))
}

const READERS: [fn(&str) -> Option<Sighting>; 15] = [
    snom_sip,
    snom_http,
    grandstream_http,
    in_words,
    poly,
    cisco_spa,
    cisco_79xx,
    mitel_http,
    aastra_sip,
    panasonic,
    gigaset,
    avaya,
    audiocodes,
    technicolor,
    innovaphone,
];

/// `snomD785/10.1.64.14`
fn snom_sip(text: &str) -> Option<Sighting> {
    let (model, version) = first_word(text.strip_prefix("snom")?).split_once('/')?;
    let model = snom_model(model)?;
    Some(Sighting { model: Some(model), version: version_of(version), ..of(Vendor::SNOM) })
}

/// `Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)`
fn snom_http(text: &str) -> Option<Sighting> {
    let words = text.strip_prefix("Mozilla/4.0 (compatible; ")?.strip_suffix(')')?;
    let mut words = words.split_whitespace();
    let first = words.next()?;
    if first == "Snom" {
        let model = Some(plain_model(words.next()?)?);
        let version = words.next().and_then(version_of);
        let mac = words.find_map(mac_of);
        return Some(Sighting { model, version, mac, ..of(Vendor::new("snom-dect")) });
    }
    let model = Some(snom_model(first.strip_prefix("snom")?.strip_suffix("-SIP")?)?);
    let version = words.next().and_then(version_of);
    let tail: Vec<&str> = words.collect();
    let mac = tail.iter().find_map(|word| mac_of(word));
    let modules = tail.iter().find_map(|word| word.strip_prefix("UXM:")?.parse().ok());
    Some(Sighting { model, version, mac, modules, ..of(Vendor::SNOM) })
}

/// `Grandstream Model HW GXP1628 SW 1.0.4.138 DevId c074ad2bd859`
fn grandstream_http(text: &str) -> Option<Sighting> {
    let (model, rest) = text.strip_prefix("Grandstream Model HW ")?.split_once(" SW ")?;
    let (version, device) = rest.split_once(" DevId ").unwrap_or((rest, ""));
    let model = Some(plain_model(model)?);
    Some(Sighting {
        model,
        version: version_of(version),
        mac: mac_of(device),
        ..of(Vendor::new("grandstream"))
    })
}

/// Makers that write `Name model version mac`, with blanks in between and the MAC only in HTTP:
/// `Yealink SIP-T46G 28.82.0.20`, `Fanvil X6U Pro 0.0.10 0c383e2cd782`.
fn in_words(text: &str) -> Option<Sighting> {
    let (name, rest) = text.split_once(' ')?;
    let vendor = match name {
        "Yealink" | "Grandstream" | "Fanvil" | "Htek" => Vendor::new(name),
        "ALE" => Vendor::new("ale"),
        _ => return None,
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let dotted = |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit());
    let at = words.iter().position(dotted).unwrap_or(words.len());
    if at == 0 || at > 3 {
        return None;
    }
    let model = words[..at].join(" ");
    let model = Some(plain_model(model.strip_prefix("SIP-").unwrap_or(&model))?);
    let version = words.get(at).and_then(|word| version_of(word));
    let mac = words.get(at + 1).and_then(|word| mac_of(word));
    Some(Sighting { model, version, mac, ..of(vendor) })
}

/// `PolycomVVX-VVX_500-UA/5.5.0.20556`, in HTTP behind `FileTransport`.
fn poly(text: &str) -> Option<Sighting> {
    let text = first_word(text.strip_prefix("FileTransport ").unwrap_or(text));
    let (family, rest) = text.strip_prefix("Polycom")?.split_once('-')?;
    let (model, version) = rest.split_once("-UA/")?;
    let digits = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let mac = version[digits..].strip_prefix('_').and_then(mac_of);
    plain_model(family)?;
    let model = Some(plain_model(model)?);
    Some(Sighting { model, version: version_of(&version[..digits]), mac, ..of(Vendor::new("poly")) })
}

/// `Cisco/SPA508G-7.4.4 (0002FDFF2103)(CBT141400UK)`, `Linksys/SPA-942-6.1.5(a) (88019FA42805)`
fn cisco_spa(text: &str) -> Option<Sighting> {
    let (maker, rest) = text.split_once("/SPA")?;
    let vendor = match maker {
        "Cisco" => Vendor::new("cisco-spa"),
        "Linksys" => Vendor::new("linksys"),
        _ => return None,
    };
    let (name, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    let (number, version) = name.rsplit_once('-')?;
    let number = number.trim_start_matches('-');
    plain_model(number)?;
    let mac = tail.split(['(', ')']).find_map(mac_of);
    Some(Sighting {
        model: Some(Model::new(format!("SPA{number}"))),
        version: version_of(version),
        mac,
        ..of(vendor)
    })
}

/// `Cisco-CP7960G/8.0`
fn cisco_79xx(text: &str) -> Option<Sighting> {
    let at = text.find("Cisco-CP79")?;
    let (model, version) = match first_word(&text[at + "Cisco-".len()..]).split_once('/') {
        Some((model, version)) => (model, version_of(version)),
        None => (first_word(&text[at + "Cisco-".len()..]), None),
    };
    Some(Sighting { model: Some(plain_model(model)?), version, ..of(Vendor::new("cisco")) })
}

/// `Mitel6920 MAC:00-08-5D-23-74-29 V:6.4.0.140-SIP`
fn mitel_http(text: &str) -> Option<Sighting> {
    let rest = text.strip_prefix("Aastra").or_else(|| text.strip_prefix("Mitel"))?;
    let (model, rest) = rest.split_once(" MAC:")?;
    let (mac, version) = rest.split_once(" V:")?;
    let version = version_of(version.strip_suffix("-SIP").unwrap_or(version));
    Some(Sighting { model: Some(plain_model(model)?), version, mac: mac_of(mac), ..of(Vendor::new("mitel")) })
}

/// `Aastra 6757i/2.6.0.2010`
fn aastra_sip(text: &str) -> Option<Sighting> {
    let (model, version) = first_word(text.strip_prefix("Aastra ")?).split_once('/')?;
    let model = Some(plain_model(model)?);
    Some(Sighting { model, version: version_of(version), ..of(Vendor::new("mitel")) })
}

/// `Panasonic_KX-UT113/01.133 (0080f0c8c381)`
fn panasonic(text: &str) -> Option<Sighting> {
    let (model, rest) = text.strip_prefix("Panasonic_")?.split_once('/')?;
    let version = version_of(first_word(rest));
    let mac = rest.split(['(', ')']).find_map(mac_of);
    Some(Sighting { model: Some(plain_model(model)?), version, mac, ..of(Vendor::new("panasonic")) })
}

/// `Gigaset N870 IP PRO/83.V2.11.0+build.a546b91;7C2F80E0D605`, on the N510 without the maker's name.
fn gigaset(text: &str) -> Option<Sighting> {
    let named = text.strip_prefix("Gigaset ").or_else(|| text.starts_with("N510 IP PRO/").then_some(text))?;
    let (model, rest) = named.split_once('/')?;
    let (version, mac) = rest.split_once(';').unwrap_or((rest, ""));
    let model = Some(plain_model(model)?);
    Some(Sighting { model, version: version_of(version), mac: mac_of(mac), ..of(Vendor::new("gigaset")) })
}

/// `AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)`, behind words of the HTTP library.
fn avaya(text: &str) -> Option<Sighting> {
    let at = text.find("AVAYA/")?;
    let rest = &text[at + "AVAYA/".len()..];
    let (model, version) = first_word(rest).split_once('-')?;
    let mac = rest.split(['(', ')']).find_map(|word| mac_of(word.strip_prefix("MAC:")?));
    Some(Sighting {
        model: Some(plain_model(model)?),
        version: version_of(version),
        mac,
        ..of(Vendor::new("avaya"))
    })
}

/// `AUDC-IPPhone/2.2.8.61 (440HDG-Rev0; 00908F602AAC)`
fn audiocodes(text: &str) -> Option<Sighting> {
    let (version, rest) = text.strip_prefix("AUDC-IPPhone/")?.split_once(" (")?;
    let (model, mac) = rest.strip_suffix(')')?.split_once("; ")?;
    let model = Some(plain_model(model.split_once("-Rev").map_or(model, |(model, _)| model))?);
    Some(Sighting { model, version: version_of(version), mac: mac_of(mac), ..of(Vendor::new("audiocodes")) })
}

/// `THOMSON ST2030 hw5 fw2.74 00-14-7F-E1-47-B3`
fn technicolor(text: &str) -> Option<Sighting> {
    let mut words = text.strip_prefix("THOMSON ")?.split_whitespace();
    let model = Some(plain_model(words.next()?)?);
    let rest: Vec<&str> = words.collect();
    let version = rest.iter().find_map(|word| version_of(word.strip_prefix("fw")?));
    let mac = rest.iter().find_map(|word| mac_of(word));
    Some(Sighting { model, version, mac, ..of(Vendor::new("technicolor")) })
}

/// `innovaphone IP222/10.1.64.14`
fn innovaphone(text: &str) -> Option<Sighting> {
    let (model, version) = first_word(text.strip_prefix("innovaphone ")?).split_once('/')?;
    let model = Some(plain_model(model)?);
    Some(Sighting { model, version: version_of(version), ..of(Vendor::INNOVAPHONE) })
}

fn of(vendor: Vendor) -> Sighting {
    Sighting { vendor, model: None, version: None, mac: None, modules: None }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// snom writes its models in upper case on the case and in mixed case elsewhere.
pub(super) fn snom_model(text: &str) -> Option<Model> {
    let model = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    (model && text.bytes().any(|b| b.is_ascii_digit())).then(|| Model::new(text.to_ascii_uppercase()))
}

fn plain_model(text: &str) -> Option<Model> {
    let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let model = !text.is_empty() && text.len() <= 32 && text.chars().all(clean);
    model.then(|| Model::new(text))
}

fn version_of(text: &str) -> Option<Version> {
    let number = text.len() <= 60 && text.starts_with(|c: char| c.is_ascii_digit());
    number.then(|| Version::parse(text).ok())?
}

fn mac_of(text: &str) -> Option<Mac> {
    text.parse().ok()
}

#[cfg(test)]
#[path = "user_agent_tests.rs"]
mod tests;
