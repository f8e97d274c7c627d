//! The firmware document: which images a snom is to fetch, its own first and its expansion module's second.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use crate::domain::firmware::Version;
use crate::domain::modules::ModuleUrls;
use crate::domain::phone::{Mac, Model};

/// What a firmware document names; one without anything names nothing, and the phone finds nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firmware<'a> {
    /// The URL of the phone's own image, with the URL of what is to be written after it, where it needs that.
    pub phone: Option<PhoneImage<'a>>,
    /// The URL of the expansion module's image.
    pub module: Option<String>,
}

/// The phone's own image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneImage<'a> {
    /// The model, which decides whether there is a field for a bootloader.
    pub model: Option<&'a Model>,
    /// Its URL.
    pub url: String,
    /// The URL of the image that must be written behind it (a chained update, D3xx).
    pub chained: Option<String>,
    /// The URL of its bootloader; left out for models that must not have one.
    pub bootloader: Option<String>,
}

/// Whether a model has a bootloader of its own to be named: "for snom190 and snom3xx only the firmware field is used".
/// That a model not listed there has one is for the manifest to say.
pub fn may_have_bootloader(model: &Model) -> bool {
    let name = model.as_str();
    let three_hundreds = name.len() == 3 && name.starts_with('3') && name.bytes().all(|b| b.is_ascii_digit());
    name != "190" && !three_hundreds
}

/// The firmware document.
pub fn firmware(named: &Firmware<'_>) -> Vec<u8> {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?><firmware-settings>".to_owned();
    if let Some(image) = &named.phone {
        write(&mut text, "firmware", &with_chain(&image.url, image.chained.as_deref()));
        match (image.model.map(may_have_bootloader), image.bootloader.as_deref()) {
            (Some(true), Some(url)) => write(&mut text, "bootloader", url),
            // "If it is set, remove its content": somebody may have set it before.
            (Some(false), _) => write(&mut text, "bootloader", ""),
            (Some(true), None) | (None, _) => {}
        }
    }
    if let Some(url) = &named.module {
        write(&mut text, "firmware_uxm", url);
    }
    text += "</firmware-settings>";
    text.into_bytes()
}

/// The URL under which one phone finds an image; it carries the MAC so that every request can be told apart.
pub fn image_url(base: &str, mac: Mac, file: &str) -> String {
    format!("{base}/snom/{}/{file}", mac.bare_upper())
}

/// The URL of a module's image. A phone passes over a URL that it has written already. So `order`, which differs from one
/// module to the next, is part of it, unless the phone's setting is cleared before each order.
pub fn module_url(base: &str, mac: Mac, file: &str, urls: ModuleUrls, order: u64) -> String {
    let url = image_url(base, mac, file);
    match urls {
        ModuleUrls::Changing => format!("{url}?module={order}"),
        ModuleUrls::Cleared => url,
    }
}

/// The URL of a phone's firmware document.
pub fn firmware_status(base: &str, mac: Mac) -> String {
    format!("{base}/snom/{}/firmware.xml", mac.bare_upper())
}

/// How snom names the image that holds this version for this model.
pub fn image_name(model: &Model, version: &Version) -> String {
    format!("snom{model}-{version}-SIP-r.bin")
}

/// The phone puts its MAC in the place of `{mac}` by itself.
fn with_chain(url: &str, chained: Option<&str>) -> String {
    match chained {
        Some(chained) => format!("{url}?mac={{mac}}&chained_url={}", encoded(chained)),
        None => url.to_owned(),
    }
}

/// A text as a value in a query (RFC 3986 section 2): all but the unreserved characters as `%` and two digits.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

fn write(text: &mut String, name: &str, url: &str) {
    // Writing into a String does not fail.
    let _ = write!(text, "<{name} perm=\"\">{}</{name}>", escape(url));
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x04, 0x13, 0x92, 0x2d, 0x24]);
    const BASE: &str = "http://10.0.0.5:8080";

    fn text(named: &Firmware<'_>) -> String {
        String::from_utf8(firmware(named)).unwrap()
    }

    fn image<'a>(model: Option<&'a Model>, file: &str) -> PhoneImage<'a> {
        PhoneImage { model, url: image_url(BASE, MAC, file), chained: None, bootloader: None }
    }

    #[test]
    fn the_firmware_document_names_one_image() {
        let name = image_name(&Model::new("D785"), &Version::parse("10.1.198.19").unwrap());
        assert_eq!(
            text(&Firmware { phone: Some(image(None, &name)), module: None }),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?>"#,
                r#"<firmware-settings>"#,
                r#"<firmware perm="">http://10.0.0.5:8080/snom/000413922D24/snomD785-10.1.198.19-SIP-r.bin</firmware>"#,
                r#"</firmware-settings>"#
            )
        );
    }

    #[test]
    fn the_phone_comes_first_and_its_module_second() {
        let model = Model::new("D785");
        let module = module_url(BASE, MAC, "snomUXM-2.1.1.bin", ModuleUrls::Changing, 7);
        let both = Firmware { phone: Some(image(Some(&model), "a.bin")), module: Some(module) };
        assert_eq!(
            text(&both),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?><firmware-settings>"#,
                r#"<firmware perm="">http://10.0.0.5:8080/snom/000413922D24/a.bin</firmware>"#,
                r#"<firmware_uxm perm="">http://10.0.0.5:8080/snom/000413922D24/snomUXM-2.1.1.bin?module=7</firmware_uxm>"#,
                r#"</firmware-settings>"#
            )
        );
    }

    #[test]
    fn without_an_image_the_firmware_document_is_empty() {
        assert_eq!(
            text(&Firmware::default()),
            r#"<?xml version="1.0" encoding="utf-8"?><firmware-settings></firmware-settings>"#
        );
    }

    #[test]
    fn a_chained_image_is_named_in_the_query_of_the_first() {
        let chained = image_url(BASE, MAC, "snomD335-10.1.198.19-ramdisk-chained-update-r.bin");
        let first = image(None, "snomD335-10.1.198.19-SIP-r.bin");
        let named = Firmware { phone: Some(PhoneImage { chained: Some(chained), ..first }), module: None };
        assert!(
            text(&named).contains(concat!(
                "/snomD335-10.1.198.19-SIP-r.bin?mac={mac}&amp;chained_url=http%3A%2F%2F10.0.0.5%3A8080%2Fsnom%2F",
                "000413922D24%2FsnomD335-10.1.198.19-ramdisk-chained-update-r.bin</firmware>"
            )),
            "{}",
            text(&named)
        );
    }

    #[test]
    fn a_bootloader_is_named_only_where_the_model_may_have_one() {
        let named = |model: Option<&Model>| {
            let bootloader = Some(image_url(BASE, MAC, "boot.bin"));
            text(&Firmware { phone: Some(PhoneImage { bootloader, ..image(model, "a.bin") }), module: None })
        };
        let d785 = Model::new("D785");
        assert!(
            named(Some(&d785))
                .contains("<bootloader perm=\"\">http://10.0.0.5:8080/snom/000413922D24/boot.bin</")
        );
        for model in ["190", "300", "320", "360", "370"].map(Model::new) {
            let emptied = "<bootloader perm=\"\"></bootloader>";
            assert!(named(Some(&model)).contains(emptied), "{model}");
        }
        assert!(!named(None).contains("bootloader"), "nobody knows what it is");
        assert!(may_have_bootloader(&Model::new("820")) && may_have_bootloader(&Model::new("D315")));
    }

    proptest::proptest! {
        #[test]
        fn no_two_orders_have_one_url_unless_the_phone_is_cleared(
            one: u64, other: u64, file in "[A-Za-z0-9.-]{1,30}", another in "[A-Za-z0-9.-]{1,30}"
        ) {
            let url = |urls, file: &str, order| module_url(BASE, MAC, file, urls, order);
            proptest::prop_assert_eq!(
                url(ModuleUrls::Changing, &file, one) == url(ModuleUrls::Changing, &another, other),
                one == other && file == another
            );
            proptest::prop_assert_eq!(
                url(ModuleUrls::Cleared, &file, one),
                url(ModuleUrls::Cleared, &file, other)
            );
        }
    }
}
