//! Firmware as the simulated innovaphones know it: what is in a file, whatever it is called.

use super::unit::Part;

/// The first word of every image.
const MAGIC: &str = "INNOVAPHONE";

/// The bytes of an image for this product, so many of them.
pub fn image(product: &str, part: Part, build: &str, length: usize) -> Vec<u8> {
    let mut bytes =
        format!("{MAGIC} {} {} {build}\n", product.to_ascii_uppercase(), part.word()).into_bytes();
    let more = length.saturating_sub(bytes.len());
    bytes.extend((0..more).map(|n| (n % 251).to_le_bytes()[0]));
    bytes
}

/// The build in an image that is made for this product; `None` when it is for another one, or none at all.
pub(super) fn build_in(bytes: &[u8], product: &str, part: Part) -> Option<String> {
    let head = bytes.split(|byte| *byte == b'\n').next()?;
    let words: Vec<&str> = std::str::from_utf8(head).ok()?.split(' ').collect();
    match words.as_slice() {
        [MAGIC, made_for, what, build] if made_for.eq_ignore_ascii_case(product) && *what == part.word() => {
            Some((*build).to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_for_one_product_and_one_part() {
        let bytes = image("ip222", Part::Prot, "125555", 1000);
        assert_eq!(bytes.len(), 1000);
        assert_eq!(build_in(&bytes, "IP222", Part::Prot).as_deref(), Some("125555"));
        assert_eq!(build_in(&bytes, "IP232", Part::Prot), None);
        assert_eq!(build_in(&bytes, "IP222", Part::Boot), None);
        assert_eq!(build_in(b"<html>", "IP222", Part::Prot), None);
    }
}
