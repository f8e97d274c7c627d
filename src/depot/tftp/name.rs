//! What a file's name asks for: over TFTP it is all a client tells of itself.

use crate::domain::phone::{Mac, Model, Vendor};
use crate::phones::{Makers, generic, snom};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wants {
    /// `snom/<MAC>/<file>`: the image a phone is permitted, as over HTTP; other makers' in folders of their own.
    Image {
        /// The phone.
        mac: Mac,
        /// Its maker.
        vendor: Vendor,
        /// The image's file.
        file: String,
    },
    /// A phone's own file, as its maker names it: `SEP0004F2ABCDEF.cnf.xml`. Not served, but the phone was seen.
    Own {
        /// The phone.
        mac: Mac,
    },
    /// What the bootloader of a broken phone asks for: `snom320.bin`.
    Rescue {
        /// The phone's maker.
        vendor: Vendor,
        /// Its model.
        model: Model,
    },
    /// None of these.
    Nothing,
}

/// Reads a name, with a `/` in front or without.
pub(super) fn read(makers: &Makers, name: &str) -> Wants {
    let name = name.trim_start_matches('/');
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        [maker, mac, file] if is_clean(maker) && is_clean(file) => match mac.parse() {
            Ok(mac) => Wants::Image { mac, vendor: Vendor::new(maker), file: (*file).to_owned() },
            Err(_) => Wants::Nothing,
        },
        [file] => match (snom::rescued_by(file), generic::owner(makers, file)) {
            (Some(model), _) => Wants::Rescue { vendor: Vendor::SNOM, model },
            (None, Some(mac)) => Wants::Own { mac },
            (None, None) => Wants::Nothing,
        },
        _ => Wants::Nothing,
    }
}

fn is_clean(part: &str) -> bool {
    let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    (1..=128).contains(&part.len()) && !part.starts_with('.') && part.bytes().all(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "000413922D24";

    #[test]
    fn an_image_is_named_as_over_http_with_a_slash_in_front_or_without() {
        let file = "snomD785-10.1.198.19-SIP-r.bin";
        let wanted = Wants::Image { mac: MAC.parse().unwrap(), vendor: Vendor::SNOM, file: file.to_owned() };
        for name in [
            format!("snom/{MAC}/{file}"),
            format!("/snom/{MAC}/{file}"),
            format!("snom/{}/{file}", MAC.to_lowercase()),
        ] {
            assert_eq!(read(&Makers::default(), &name), wanted, "{name}");
        }
        assert!(matches!(
            read(&Makers::default(), "innovaphone/00-90-33-03-0d-f0/ip222.bin"),
            Wants::Image { vendor, .. } if vendor.as_str() == "innovaphone"
        ));
    }

    #[test]
    fn a_broken_snom_asks_by_its_model_alone() {
        for (name, model) in [("snom320.bin", "320"), ("/snom820-r.bin", "820"), ("snomD785.bin", "D785")] {
            assert_eq!(
                read(&Makers::default(), name),
                Wants::Rescue { vendor: Vendor::SNOM, model: Model::new(model) },
                "{name}"
            );
        }
    }

    #[test]
    fn no_name_leads_out_of_the_depot() {
        for name in [
            "",
            "/",
            "..",
            "../etc/passwd",
            "/etc/passwd",
            "snom/../x",
            "snom/000413922D24/../x",
            "snom/000413922D24/",
            "snom/000413922D24/.x",
            "snom/000413922D24/a/b",
            "snom/x/y",
            "..\\..\\x",
            "snom.bin",
            "snom320.bin/x",
            "y000000000028.cfg",
        ] {
            assert_eq!(read(&Makers::default(), name), Wants::Nothing, "{name}");
        }
    }
}
