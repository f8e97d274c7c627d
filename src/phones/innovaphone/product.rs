//! Products: what their files are called, and what they cannot do.

use std::fmt;

use super::script::Code;

/// A product's short name in capitals, as its information page has it: `IP222`, `IP1200`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product(String);

/// These have no boot code of their own.
const WITHOUT_BOOT_CODE: [&str; 6] = ["IPVA", "SWPHONE", "MYPBXA", "MYPBXI", "IPBS", "IPBS2"];

/// What stands before the product in the name of a script.
const SCRIPT: &str = "update-";

impl Product {
    /// Reads a name: letters and digits.
    pub fn new(name: &str) -> Option<Self> {
        let good = !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric());
        good.then(|| Self(name.to_ascii_uppercase()))
    }

    /// The name in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The product a script is for, by the script's name: `update-ip1200.htm`, `update-ip1200.txt`, `update-ip1200`.
    pub fn of_script(file: &str) -> Option<Self> {
        let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
        let (head, name) = stem.split_at_checked(SCRIPT.len())?;
        head.eq_ignore_ascii_case(SCRIPT).then(|| Self::new(name)).flatten()
    }

    /// The name of its script: what the device appends to an update URL that ends with a slash.
    pub fn script(&self) -> String {
        format!("{SCRIPT}{}.htm", self.0.to_ascii_lowercase())
    }

    /// Whether it has boot code that a script could bring.
    pub fn has_boot_code(&self) -> bool {
        !WITHOUT_BOOT_CODE.contains(&self.as_str())
    }

    /// Whether `reboot` and `ireboot` work.
    pub fn can_reboot(&self) -> bool {
        self.0 != "IP21"
    }

    /// Whether it is on a wireless network, and so saves power while it downloads.
    pub fn is_wireless(&self) -> bool {
        self.0 == "IP72"
    }

    /// The address that is really asked: a URL with a slash at its end is completed by the product's file name.
    pub fn address(&self, code: Code, url: &str) -> String {
        let file = match code {
            _ if !url.ends_with('/') => String::new(),
            Code::Firmware => format!("{}.bin", self.0),
            Code::Boot => format!("boot{}.bin", self.0.trim_start_matches("IP")),
            // Whatever is appended, it is not what the file is called.
            Code::Radio => String::new(),
        };
        format!("{url}{file}")
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_tells_its_product_by_its_name() {
        for file in ["update-ip1200.htm", "update-ip1200.txt", "update-ip1200", "UPDATE-IP1200.HTM"] {
            let product = Product::of_script(file).unwrap();
            assert_eq!(
                (product.as_str(), product.script().as_str()),
                ("IP1200", "update-ip1200.htm"),
                "{file}"
            );
        }
        for file in ["update.htm", "update-.htm", "update-a b.htm", "site.txt", "", "updaté-ip1"] {
            assert_eq!(Product::of_script(file), None, "{file}");
        }
    }

    #[test]
    fn a_slash_at_the_end_is_completed() {
        let product = Product::new("ip222").unwrap();
        assert_eq!(product.address(Code::Firmware, "http://h/fw/"), "http://h/fw/IP222.bin");
        assert_eq!(product.address(Code::Boot, "http://h/fw/"), "http://h/fw/boot222.bin");
        assert_eq!(product.address(Code::Radio, "http://h/fw/"), "http://h/fw/");
        assert_eq!(product.address(Code::Firmware, "http://h/fw.bin"), "http://h/fw.bin");
        assert!(product.has_boot_code() && product.can_reboot());
        assert!(!Product::new("ipva").unwrap().has_boot_code());
        assert!(!Product::new("ip21").unwrap().can_reboot());
    }
}
