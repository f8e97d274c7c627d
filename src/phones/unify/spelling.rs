//! How Unify spells versions, and what an image says of itself by its name.

use crate::domain::firmware::Version;
use crate::domain::phone::Model;

/// A version as `file-sw-version` has it: at least four numbers with points between, `1.4.9.0` for `V1 R4.9.0`.
///
/// `None` for a version with text behind its numbers: nobody knows how that would be written.
pub fn dotted(version: &Version) -> Option<String> {
    let plain = version.as_str().replace(" R", ".").replace(['V', 'v', 'R', ' '], "");
    let mut numbers = plain.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
    while numbers.len() < 4 {
        numbers.push(0);
    }
    Some(numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
}

/// What an image's name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The model, as its phones report it.
    pub model: Model,
    /// The protocol it speaks: `SIP` or `HFA`.
    pub protocol: Protocol,
    /// What it brings.
    pub version: Version,
}

/// What a phone speaks with its PBX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// SIP: `Siemens SIP`.
    Sip,
    /// CorNet-IP, which sipherd knows nothing of: `Siemens HFA`.
    Hfa,
}

impl Protocol {
    /// As `software-type` and `file-sw-type` have it.
    pub const fn software_type(self) -> &'static str {
        match self {
            Self::Sip => "Siemens SIP",
            Self::Hfa => "Siemens HFA",
        }
    }

    /// The protocol of this software type.
    pub fn of(software_type: &str) -> Option<Self> {
        [Self::Sip, Self::Hfa].into_iter().find(|known| known.software_type() == software_type)
    }
}

/// Reads the name of an image: `OS_80_SIP_V1_R4_9_0.img`, `OS40_SIP_V3_R5_12_0.img`, `CP600_SIP_V1_R3_8_0.img`.
pub fn named(file: &str) -> Option<Named> {
    let stem = file.strip_suffix(".img")?;
    let parts: Vec<&str> = stem.split('_').collect();
    let at = parts.iter().position(|part| matches!(*part, "SIP" | "HFA"))?;
    let protocol = if parts.get(at) == Some(&"SIP") { Protocol::Sip } else { Protocol::Hfa };
    let (device, rest) = (parts.get(..at)?.concat(), parts.get(at + 1..)?);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let release = rest.iter().position(|part| part.starts_with('R'))?;
    let (major, minor) = (rest.get(..release)?, rest.get(release..)?);
    let major: Vec<&str> = major
        .iter()
        .enumerate()
        .map(|(n, part)| if n == 0 { part.strip_prefix('V').unwrap_or("") } else { part })
        .collect();
    let minor: Vec<&str> =
        minor.iter().enumerate().map(|(n, part)| if n == 0 { &part[1..] } else { part }).collect();
    if major.is_empty() || !major.iter().chain(&minor).all(|part| number(part)) {
        return None;
    }
    let version = Version::parse(&format!("V{} R{}", major.join("."), minor.join("."))).ok()?;
    Some(Named { model: model_of(&device)?, protocol, version })
}

/// The model of the device in an image's name: `OS80`, `CP600`.
fn model_of(device: &str) -> Option<Model> {
    if let Some(number) =
        device.strip_prefix("OS").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Some(Model::new(format!("OpenStage {number}")));
    }
    let digits = device.strip_prefix("CP")?;
    let good = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_alphanumeric());
    good.then(|| Model::new(device))
}

/// The model of a `device-type` item: `OpenStage 80` as it stands, `CP600` for `OpenScape Desk Phone CP600`.
pub fn model(device_type: &str) -> Option<Model> {
    let text = device_type.trim();
    let short = text.strip_prefix("OpenScape Desk Phone").unwrap_or(text).trim();
    let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    let good = !short.is_empty() && short.len() <= 40 && short.chars().all(clean);
    good.then(|| Model::new(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn a_version_has_two_spellings() {
        assert_eq!(version("V1 R4.9.0"), version("1.4.9.0"));
        for (text, dots) in [
            ("V1 R4.9.0", "1.4.9.0"),
            ("V3 R5.12.0", "3.5.12.0"),
            ("V1.1 R0.8.0", "1.1.0.8.0"),
            ("V1 R4", "1.4.0.0"),
            ("1.4.9.0", "1.4.9.0"),
        ] {
            assert_eq!(dotted(&version(text)).as_deref(), Some(dots), "{text}");
            assert_eq!(version(dots), version(text));
        }
        assert_eq!(dotted(&version("1.4.9-beta")), None);
    }

    #[test]
    fn an_image_tells_what_it_is_by_its_name() {
        let read = |file| named(file).map(|n| (n.model.as_str().to_owned(), n.protocol, n.version));
        let is = |model: &str, protocol, text| Some((model.to_owned(), protocol, version(text)));
        assert_eq!(read("OS_80_SIP_V1_R4_9_0.img"), is("OpenStage 80", Protocol::Sip, "1.4.9.0"));
        assert_eq!(read("OS40_SIP_V3_R5_12_0.img"), is("OpenStage 40", Protocol::Sip, "3.5.12"));
        assert_eq!(read("OS_20E_HFA_V2_R0_48_0.img"), is("OpenStage 20E", Protocol::Hfa, "2.0.48"));
        assert_eq!(read("CP600_SIP_V1_R3_8_0.img"), is("CP600", Protocol::Sip, "1.3.8"));
        assert_eq!(read("OS40_SIP_V1_1_R0_8_0.img"), is("OpenStage 40", Protocol::Sip, "1.1.0.8"));
        for file in [
            "firmware.img",
            "OS_80_SIP_V1_R4_9_0.bin",
            "OS_80_SIP_R4_9_0.img",
            "OS_80_SIP_V1_4_9_0.img",
            "OS_80_SIP_V1_Rx.img",
            "XX_80_SIP_V1_R4.img",
            "CP_SIP_V1_R4.img",
            "_SIP_V1_R4.img",
            "OS_80_SIP_V_R.img",
            ".img",
        ] {
            assert_eq!(read(file), None, "{file}");
        }
    }

    #[test]
    fn models_are_spelt_as_policies_write_them() {
        let read = |text| model(text).map(|model| model.as_str().to_owned());
        assert_eq!(read("OpenStage 80").as_deref(), Some("OpenStage 80"));
        assert_eq!(read(" OpenScape Desk Phone CP600 ").as_deref(), Some("CP600"));
        assert_eq!(read("OpenScape Desk Phone IP 55G").as_deref(), Some("IP 55G"));
        for text in ["", "OpenScape Desk Phone ", "a<b", "x\ny", &"x".repeat(41)] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_brings_it_down(file in "\\PC{0,40}", tail in "[A-Z0-9_]{0,20}") {
            let _ = named(&file);
            let _ = named(&format!("OS_80_SIP_{tail}.img"));
            let _ = model(&file);
        }
    }
}
