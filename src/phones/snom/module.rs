//! Expansion modules of snom phones: which phones have a port for them, and what the phone tells about those attached.

use crate::domain::firmware::{ModuleKind, Version};
use crate::domain::modules::Attached;
use crate::domain::phone::Model;

/// The phone firmware that can update a module of this kind: 8.9.3.68 for the UXM, 10.1.64.14 for the D7C.
pub fn least_firmware(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::Uxm => "8.9.3.68",
        ModuleKind::D7c => "10.1.64.14",
    }
}

/// Whether the maker names this model among those with a USB port for modules: D3x5 and D7x5 (with the D335 and D735 since
/// August 2018), since January 2019 the D717.
pub fn takes_modules(model: &Model) -> bool {
    match model.as_str().as_bytes() {
        [b'D', b'3' | b'7', b'0'..=b'9', b'5'] => true,
        other => other == b"D717",
    }
}

/// How many modules a phone says it has, in the tail of its User-Agent: `UXM:1`, and `UXMC:1` for the D7C.
pub fn attached(user_agent: &str) -> Option<Attached> {
    if user_agent.len() > 400 || !user_agent.starts_with("Mozilla/4.0 (compatible; snom") {
        return None;
    }
    let count = |name: &str| {
        let mut words = user_agent.split([' ', ')']);
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix(':')?.parse::<u8>().ok())
    };
    let (uxm, d7c) = (count("UXM"), count("UXMC"));
    (uxm.is_some() || d7c.is_some()).then_some(Attached { uxm, d7c })
}

/// What an information page (`http://PHONE/info.htm`) says of the modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnPage {
    /// The number in the line "USB Expansion Module".
    pub count: u8,
    /// The version in the line below it, where there is one.
    pub version: Option<Version>,
}

/// Reads an information page; `None` when it has no line "USB Expansion Module" with a number.
///
/// The documents show the line and that the version stands below it, not the page's HTML: tags are taken for line ends,
/// and the first version behind the number within the next few lines is the module's.
pub fn on_page(page: &str) -> Option<OnPage> {
    const LINE: &str = "usb expansion module";
    /// A version further below belongs to something else.
    const LINES: usize = 4;
    let plain = without_tags(page);
    let mut words = plain.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = words.find(|line| line.to_ascii_lowercase().starts_with(LINE))?;
    let rest = head.get(LINE.len()..)?.trim_start_matches([':', ' ', '\u{a0}', 's']).trim();
    let count = if rest.is_empty() { words.next()? } else { rest };
    let count = count.trim_matches([':', ' ', '\u{a0}']).parse().ok()?;
    let version = (count > 0)
        .then(|| {
            words.take(LINES).find_map(|line| {
                line.split([' ', ':', '(', ')', ',']).find_map(|word| {
                    let dotted = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
                    dotted.then(|| Version::parse(word).ok()).flatten()
                })
            })
        })
        .flatten();
    Some(OnPage { count, version })
}

/// Tags become line ends, the few entities such pages have their characters.
fn without_tags(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut inside = false;
    for c in page.chars() {
        match c {
            '<' => {
                inside = true;
                text.push('\n');
            }
            '>' => inside = false,
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text.replace("&nbsp;", " ").replace("&#58;", ":").replace("&amp;", "&")
}

/// How snom names an image for a module: `snomUXM-2.1.1.bin`, `snomD7C-1.0.2-r.bin`.
pub fn module_in_name(file: &str) -> Option<(ModuleKind, Version)> {
    let stem = file.strip_prefix("snom")?.strip_suffix(".bin")?;
    let (kind, version) = if let Some(version) = stem.strip_prefix("UXM-") {
        (ModuleKind::Uxm, version)
    } else {
        (ModuleKind::D7c, stem.strip_prefix("D7C-")?.strip_suffix("-r")?)
    };
    let number = version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    number.then(|| Version::parse(version).ok()).flatten().map(|version| (kind, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_go_with_the_models_the_maker_names() {
        for model in
            ["D315", "D345", "D375", "D385", "D715", "D725", "D745", "D765", "D785", "D335", "D735", "D717"]
        {
            assert!(takes_modules(&Model::new(model)), "{model}");
        }
        for model in [
            "D120", "D712", "D710", "D862", "D865", "320", "820", "870", "PA1", "M900", "D7155", "D71",
            "D135",
        ] {
            assert!(!takes_modules(&Model::new(model)), "{model}");
        }
    }

    #[test]
    fn the_user_agent_counts_the_modules() {
        let of = |tail: &str| {
            attached(&format!("Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 x 000413922D24{tail})"))
        };
        assert_eq!(of(" SXM:0 UXM:1"), Some(Attached { uxm: Some(1), d7c: None }));
        assert_eq!(of(" SXM:0 UXM:0 UXMC:2"), Some(Attached { uxm: Some(0), d7c: Some(2) }));
        for tail in ["", " SXM:0", " UXM:", " UXM:x", " UXM:256", " XUXM:1"] {
            assert_eq!(of(tail), None, "{tail}");
        }
        assert_eq!(attached("snomD785/10.1.33.33 UXM:1"), None, "it is no request of a phone");
    }

    #[test]
    fn an_information_page_tells_how_many_modules_there_are_and_what_the_one_runs() {
        let page = |count: &str, below: &str| {
            format!(
                "<html><body><table><tr><td>Firmware-Version:</td><td>snomD785-SIP 10.1.64.14</td></tr>\
                 <tr><td>Rootfs-Version:</td><td>snomD785 jffs2 3.36</td></tr><tr><td>USB&nbsp;Expansion Module:</td><td>{count}</td></tr><tr><td>{below}</td></tr>\
                 <tr><td>Uptime</td><td>1.02.03</td></tr></table></body></html>"
            )
        };
        let read = |count: &str, below: &str| {
            on_page(&page(count, below)).map(|on| (on.count, on.version.map(|v| v.as_str().to_owned())))
        };
        assert_eq!(read("1", "Version: 2.0.7"), Some((1, Some("2.0.7".into()))));
        assert_eq!(read("1", "UXM 2.1.1 (rev 2)"), Some((1, Some("2.1.1".into()))));
        assert_eq!(read("0", ""), Some((0, None)));
        assert_eq!(read("3", "2.0.7"), Some((3, Some("2.0.7".into()))));
        for page in ["", "<html>Login</html>", "USB Expansion Module", "USB Expansion Module: many"] {
            assert_eq!(on_page(page), None, "{page}");
        }
        assert_eq!(on_page("USB Expansion Module: 1\n2.1.1\n").unwrap().count, 1);
    }

    #[test]
    fn an_image_for_a_module_tells_so_by_its_name() {
        let read = |file| module_in_name(file).map(|(kind, version)| (kind, version.as_str().to_owned()));
        assert_eq!(read("snomUXM-2.1.1.bin"), Some((ModuleKind::Uxm, "2.1.1".into())));
        assert_eq!(read("snomD7C-1.0.2-r.bin"), Some((ModuleKind::D7c, "1.0.2".into())));
        for file in ["snomD785-10.1.198.19-SIP-r.bin", "snomUXM-x.bin", "snomD7C-1.0.2.bin", "UXM-2.1.1.bin"]
        {
            assert_eq!(read(file), None, "{file}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_page_brings_it_down(page in "\\PC{0,80}", tail in "\\PC{0,20}") {
            let _ = on_page(&page);
            let _ = on_page(&format!("USB Expansion Module{tail}"));
            let _ = attached(&format!("Mozilla/4.0 (compatible; snom{tail}"));
            let _ = module_in_name(&tail);
        }
    }
}
