//! Products: what their files are called, and what they cannot do.

use std::fmt;

use super::script::Code;

/// A product's short name in capitals, as its information page has it: `IP222`, `IP1200`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product(String);

/// These have no boot code of their own, by the list of the maker's own update server.
const WITHOUT_BOOT_CODE: [&str; 8] =
    ["IPVA", "IPVADECT", "SWPHONE", "MYPBXA", "MYPBXI", "IPBS", "IPBS2", "PBL"];

/// And these no firmware that an update server could bring.
const WITHOUT_FIRMWARE: [&str; 5] = ["SWPHONE", "MYPBXI", "IPBS", "IPBS2", "PBL"];

/// Firmware files that are not called after the product.
const OTHER_NAMES: [(&str, &str); 1] = [("MYPBXA", "mypbx.apk")];

/// What stands before the product in the name of a script.
const SCRIPT: &str = "update-";

impl Product {
    /// Reads a name: letters and digits, perhaps with a variant behind them: `IP29-2`.
    pub fn new(name: &str) -> Option<Self> {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let good = name.len() <= 32 && name.split('-').count() <= 2 && name.split('-').all(part);
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

    /// Whether it has firmware that a script could bring.
    pub fn has_firmware(&self) -> bool {
        !WITHOUT_FIRMWARE.contains(&self.as_str())
    }

    /// What the maker calls the file of this code: `ip222.bin`, `boot222.bin`; `None` for what the product has none of,
    /// and for radio code, whose files are called after their build.
    pub fn file(&self, code: Code) -> Option<String> {
        let other = OTHER_NAMES.iter().find(|(product, _)| *product == self.0).map(|(_, file)| *file);
        // The variant behind a `-` shares the files.
        let root = self.0.split('-').next().unwrap_or(&self.0).to_ascii_lowercase();
        match (code, other) {
            (Code::Firmware, Some(file)) if self.has_firmware() => Some(file.to_owned()),
            (Code::Firmware, None) if self.has_firmware() => Some(format!("{root}.bin")),
            (Code::Boot, _) if self.has_boot_code() => {
                Some(format!("boot{}.bin", root.strip_prefix("ip").unwrap_or(&root)))
            }
            (Code::Firmware | Code::Boot | Code::Radio, _) => None,
        }
    }

    /// What stands against a file as this code of the product: it has no such code, or the maker calls another product's
    /// file so. Names that are none of the maker's stand for anything.
    pub fn against(&self, code: Code, file: &str) -> Option<String> {
        let makers = |file: &str| {
            let stem = file.strip_suffix(".bin")?;
            let rest = stem.strip_prefix("boot").or_else(|| stem.strip_prefix("ip"))?;
            rest.starts_with(|c: char| c.is_ascii_digit()).then_some(())
        };
        match (self.file(code), code) {
            (_, Code::Radio) => None,
            (None, _) => Some(format!("{self} has no {} that could be brought to it", code.called())),
            (Some(own), _) if own != file && makers(file).is_some() => {
                Some(format!("the {} of {self} is called `{own}`", code.called()))
            }
            (Some(_), _) => None,
        }
    }

    /// Whether `reboot` and `ireboot` work.
    pub fn can_reboot(&self) -> bool {
        self.0 != "IP21"
    }

    /// Whether it is on a wireless network, and so saves power while it downloads: the IP72 and its kin.
    pub fn is_wireless(&self) -> bool {
        self.0.starts_with("IP72")
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

    #[test]
    fn files_are_called_as_the_maker_calls_them() {
        let file = |name: &str, code| Product::new(name).unwrap().file(code);
        for (product, firmware, boot) in [
            ("IP222", Some("ip222.bin"), Some("boot222.bin")),
            ("ip110A", Some("ip110a.bin"), Some("boot110a.bin")),
            ("IP29-2", Some("ip29.bin"), Some("boot29.bin")),
            ("IPVA", Some("ipva.bin"), None),
            ("mypbxa", Some("mypbx.apk"), None),
            ("swphone", None, None),
        ] {
            assert_eq!(file(product, Code::Firmware).as_deref(), firmware, "{product}");
            assert_eq!(file(product, Code::Boot).as_deref(), boot, "{product}");
        }
        assert_eq!(file("IP1200", Code::Radio), None);
        let against = |name: &str, code, file| Product::new(name).unwrap().against(code, file);
        assert_eq!(against("IP222", Code::Firmware, "ip222.bin"), None);
        assert_eq!(against("IP222", Code::Firmware, "12r2-of-222.bin"), None);
        assert_eq!(against("IP1200", Code::Radio, "boot1200.bin"), None);
        for (name, code, file) in [
            ("IP232", Code::Firmware, "ip222.bin"),
            ("IP222", Code::Firmware, "boot222.bin"),
            ("IP222", Code::Boot, "ip222.bin"),
            ("IPVA", Code::Boot, "anything.bin"),
        ] {
            assert!(against(name, code, file).is_some(), "{name} {code:?} {file}");
        }
        for name in ["", "-", "IP29-", "IP-2-9", "IP 222", "#t"] {
            assert_eq!(Product::new(name), None, "{name}");
        }
    }
}
