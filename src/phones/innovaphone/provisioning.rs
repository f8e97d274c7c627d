//! The first answer to a device that does not say who it is: an update URL with which it does.

use std::fmt::Write as _;

use super::poll::KEYS;
use super::request::FOLDER;
use super::script::{Command, Line, Script};

/// The update URL that names the device, tells what runs and what its clock shows. `base` is the depot's own URL.
pub fn update_url(base: &str) -> String {
    let keys: Vec<String> = KEYS.iter().map(|(key, meta)| format!("{key}={meta}")).collect();
    format!("{}{FOLDER}/update?{}", base.trim_end_matches('/'), keys.join("&"))
}

/// The script that has a device poll that URL from now on, as the maker's own update server does it: it forgets the
/// one it got by DHCP, else it would go on asking there.
pub fn script(base: &str) -> Script {
    let lines = [
        format!("config add UP1 /url {}", encoded(&update_url(base))),
        "config add UP1 /no-dhcp".to_owned(),
        "config write".to_owned(),
        "config activate".to_owned(),
    ];
    let commands = lines.into_iter().map(|line| Line::Command(Command::Other(line)));
    let told = Line::Comment("# sipherd: poll this URL from now on, it tells who asks".to_owned());
    Script { lines: std::iter::once(told).chain(commands).collect() }
}

/// Everything but letters, digits and `-_.~` as `%23` (RFC 3986 section 2.3).
fn encoded(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::phone::Mac;
    use crate::phones::innovaphone::request::{Asks, visit};
    use crate::phones::innovaphone::url::{Facts, Pattern};

    #[test]
    fn the_device_is_told_its_url_as_the_makers_server_does() {
        assert_eq!(
            script("http://192.0.2.5:8480").to_string(),
            "# sipherd: poll this URL from now on, it tells who asks\r\n\
             config add UP1 /url http%3A%2F%2F192.0.2.5%3A8480%2Finnovaphone%2Fupdate%3Fsn%3D%23m%26type%3D%23t%26\
             hwid%3D%23h%26ip%3D%23i%26runs%3D%23F%26bootcode%3D%23B%26hw%3D%23H%26now%3D%23d\r\n\
             config add UP1 /no-dhcp\r\n\
             config write\r\n\
             config activate\r\n"
        );
    }

    #[test]
    fn what_the_device_makes_of_it_tells_everything() {
        let mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);
        let facts = Facts {
            firmware: "04-5679".into(),
            boot: "205".into(),
            hardware: "102".into(),
            product: "IP222".into(),
            mac,
            address: [192, 0, 2, 7].into(),
        };
        let made = Pattern::read(&update_url("http://h")).unwrap().expand(
            &facts,
            DateTime::UNIX_EPOCH.naive_utc(),
            0,
        );
        let (path, query) = made.strip_prefix("http://h").unwrap().split_once('?').unwrap();
        let request = visit(path, Some(query)).unwrap().unwrap();
        assert_eq!(
            (request.mac, request.asks, request.product.unwrap().as_str()),
            (mac, Asks::Script, "IP222")
        );
        let (poll, builds) = (&request.poll, &request.poll.builds);
        assert_eq!(builds.firmware.as_ref().unwrap().as_str(), "04-5679");
        assert_eq!(
            (builds.boot.as_ref().unwrap().as_str(), builds.hardware.as_deref()),
            ("205", Some("102"))
        );
        assert_eq!((poll.address, poll.has_no_time()), (Some([192, 0, 2, 7].into()), true));
    }
}
