//! The two documents a snom is served: its settings, and the one that names its firmware.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::domain::firmware::Version;
use crate::domain::phone::{Mac, Model};

/// The settings document: where the firmware document is, and leave to install without a question.
///
/// `base` is the depot's own URL without a slash at its end.
pub fn settings(base: &str, mac: Mac) -> Vec<u8> {
    let pointer = format!("{base}/snom/{}/firmware.xml", mac.bare_upper());
    written(|writer| {
        writer.create_element("settings").write_inner_content(|writer| {
            writer.create_element("phone-settings").write_inner_content(|writer| {
                for (name, value) in [("firmware_status", pointer.as_str()), ("update_policy", "auto_update")]
                {
                    let setting = writer.create_element(name).with_attribute(("perm", "R"));
                    setting.write_text_content(BytesText::new(value))?;
                }
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    })
}

/// The firmware document: it names the image at this URL, or none.
pub fn firmware(url: Option<&str>) -> Vec<u8> {
    written(|writer| {
        writer.create_element("firmware-settings").write_inner_content(|writer| {
            if let Some(url) = url {
                let image = writer.create_element("firmware").with_attribute(("perm", ""));
                image.write_text_content(BytesText::new(url))?;
            }
            Ok(())
        })?;
        Ok(())
    })
}

/// The URL under which one phone finds an image; it carries the MAC so that every request can be told apart.
pub fn image_url(base: &str, mac: Mac, file: &str) -> String {
    format!("{base}/snom/{}/{file}", mac.bare_upper())
}

/// How snom names the image that holds this version for this model.
pub fn image_name(model: &Model, version: &Version) -> String {
    format!("snom{model}-{version}-SIP-r.bin")
}

fn written(body: impl FnOnce(&mut Writer<Vec<u8>>) -> std::io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let declared = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)));
    // Writing to memory does not fail; if it ever did, a phone must not get half a document.
    match declared.and_then(|()| body(&mut writer)) {
        Ok(()) => writer.into_inner(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x04, 0x13, 0x92, 0x2d, 0x24]);
    const BASE: &str = "http://10.0.0.5:8080";

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_settings_name_the_firmware_document_and_let_it_install() {
        assert_eq!(
            text(settings(BASE, MAC)),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?>"#,
                r#"<settings><phone-settings>"#,
                r#"<firmware_status perm="R">http://10.0.0.5:8080/snom/000413922D24/firmware.xml</firmware_status>"#,
                r#"<update_policy perm="R">auto_update</update_policy>"#,
                r#"</phone-settings></settings>"#
            )
        );
    }

    #[test]
    fn the_firmware_document_names_one_image() {
        let name = image_name(&Model::new("D785"), &Version::parse("10.1.198.19").unwrap());
        assert_eq!(
            text(firmware(Some(&image_url(BASE, MAC, &name)))),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?>"#,
                r#"<firmware-settings>"#,
                r#"<firmware perm="">http://10.0.0.5:8080/snom/000413922D24/snomD785-10.1.198.19-SIP-r.bin</firmware>"#,
                r#"</firmware-settings>"#
            )
        );
    }

    #[test]
    fn without_an_image_the_firmware_document_is_empty() {
        assert_eq!(
            text(firmware(None)),
            r#"<?xml version="1.0" encoding="utf-8"?><firmware-settings></firmware-settings>"#
        );
    }

    #[test]
    fn what_xml_would_misread_is_escaped() {
        let document = text(firmware(Some("http://x/?a=1&b=<2>")));
        assert!(document.contains("http://x/?a=1&amp;b=&lt;2&gt;</firmware>"), "{document}");
    }
}
