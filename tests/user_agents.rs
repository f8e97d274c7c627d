//! One row for each User-Agent seen in the field, as the shipped profiles read it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use sipherd::config::profiles::shipped;
use sipherd::domain::phone::Model;
use sipherd::phones::{Sighting, generic};

fn recognise(text: &str) -> Option<Sighting> {
    shipped().recognise(text)
}

/// User-Agent, vendor, model, version, MAC.
const SEEN: &[(&str, &str, &str, &str, &str)] = &[
    // in SIP
    ("snom370/7.3.14", "snom", "370", "7.3.14", ""),
    ("snomD345/10.1.39.11", "snom", "D345", "10.1.39.11", ""),
    ("snomD785/10.1.64.14", "snom", "D785", "10.1.64.14", ""),
    ("Yealink SIP-T46G 28.82.0.20", "yealink", "T46G", "28.82.0.20", ""),
    ("Yealink SIP-T27G 69.86.0.15", "yealink", "T27G", "69.86.0.15", ""),
    ("Yealink T58 58.83.0.15", "yealink", "T58", "58.83.0.15", ""),
    ("PolycomVVX-VVX_500-UA/5.5.0.20556", "poly", "VVX_500", "5.5.0.20556", ""),
    ("Grandstream GRP2612W 1.0.5.67", "grandstream", "GRP2612W", "1.0.5.67", ""),
    ("Grandstream GXP2124 1.0.6.7", "grandstream", "GXP2124", "1.0.6.7", ""),
    ("Cisco/SPA504G-7.4.9c", "cisco-spa", "SPA504G", "7.4.9c", ""),
    ("Linksys/SPA942-6.1.5(a)", "linksys", "SPA942", "6.1.5(a)", ""),
    ("Cisco-CP7960G/8.0", "cisco", "CP7960G", "8.0", ""),
    ("Cisco-CP7940G", "cisco", "CP7940G", "", ""),
    ("Aastra 6757i/2.6.0.2010", "mitel", "6757i", "2.6.0.2010", ""),
    ("innovaphone IP222/10.1.64.14", "innovaphone", "IP222", "", ""),
    // in HTTP
    ("Mozilla/4.0 (compatible; snom320-SIP 8.4.18 1.1.3-s)", "snom", "320", "8.4.18", ""),
    (
        "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)",
        "snom",
        "D785",
        "10.1.33.33",
        "00:04:13:92:2d:24",
    ),
    (
        "Mozilla/4.0 (compatible; Snom M900 05.20.0001 000413b60680)",
        "snom-dect",
        "M900",
        "05.20.0001",
        "00:04:13:b6:06:80",
    ),
    ("Yealink SIP-T77U 185.87.0.10 44:db:d2:bd:b5:69", "yealink", "T77U", "185.87.0.10", "44:db:d2:bd:b5:69"),
    ("Yealink SIP-T77U 185.87.0.10 44dbd2bdb569", "yealink", "T77U", "185.87.0.10", "44:db:d2:bd:b5:69"),
    ("FileTransport PolycomVVX-VVX_400-UA/4.1.4.7430 Type/Application", "poly", "VVX_400", "4.1.4.7430", ""),
    ("FileTransport PolycomVVX-VVX_400-UA/4.1.4.7430 Type/Updater", "poly", "VVX_400", "4.1.4.7430", ""),
    (
        "Grandstream Model HW GXP1628 SW 1.0.4.138 DevId c074ad2bd859",
        "grandstream",
        "GXP1628",
        "1.0.4.138",
        "c0:74:ad:2b:d8:59",
    ),
    ("Aastra6731i MAC:00-08-5D-23-74-29 V:3.2.0.70-SIP", "mitel", "6731i", "3.2.0.70", "00:08:5d:23:74:29"),
    ("Mitel6920 MAC:00-08-5D-23-74-2A V:6.4.0.140-SIP", "mitel", "6920", "6.4.0.140", "00:08:5d:23:74:2a"),
    ("Cisco/SPA508G-7.4.4 (0002FDFF2103)(CBT141400UK)", "cisco-spa", "SPA508G", "7.4.4", "00:02:fd:ff:21:03"),
    ("Linksys/SPA-942-6.1.5(a) (88019FA42805)", "linksys", "SPA942", "6.1.5(a)", "88:01:9f:a4:28:05"),
    ("Fanvil X6U Pro 0.0.10 0c383e2cd782", "fanvil", "X6U Pro", "0.0.10", "0c:38:3e:2c:d7:82"),
    ("Htek UC903 2.0.4.2 00:1f:c1:1c:22:a9", "htek", "UC903", "2.0.4.2", "00:1f:c1:1c:22:a9"),
    ("Panasonic_KX-UT113/01.133 (0080f0c8c381)", "panasonic", "KX-UT113", "01.133", "00:80:f0:c8:c3:81"),
    (
        "N510 IP PRO/42.245.00.000.000;7C2F804DF9A9",
        "gigaset-n510",
        "N510 IP PRO",
        "42.245.00.000.000",
        "7c:2f:80:4d:f9:a9",
    ),
    (
        "Gigaset N870 IP PRO/83.V2.11.0+build.a546b91;7C2F80E0D605",
        "gigaset",
        "N870 IP PRO",
        "83.V2.11.0+build.a546b91",
        "7c:2f:80:e0:d6:05",
    ),
    ("lib/1.0 AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)", "avaya", "J179", "4.1.3.0.6", "c8:1f:ea:83:e8:5a"),
    ("ALE M3-CE 2.11.01.1604 3c28a620089e", "ale", "M3-CE", "2.11.01.1604", "3c:28:a6:20:08:9e"),
    (
        "AUDC-IPPhone/2.2.8.61 (440HDG-Rev0; 00908F602AAC)",
        "audiocodes",
        "440HDG",
        "2.2.8.61",
        "00:90:8f:60:2a:ac",
    ),
    ("Cisco-CP-8841-3PCC/11.0 (00562b043615)", "cisco-spa", "CP-8841-3PCC", "11.0", "00:56:2b:04:36:15"),
    ("Cisco-CP-8851-3PCC/11.3.7", "cisco-spa", "CP-8851-3PCC", "11.3.7", ""),
    ("Cisco-CP8841/12.5.1", "cisco-enterprise", "CP8841", "12.5.1", ""),
    ("Cisco-CP7821/12.5.1", "cisco-enterprise", "CP7821", "12.5.1", ""),
    ("Digium D40 1_4_0_0_57389", "digium", "D40", "1_4_0_0_57389", ""),
    ("Digium D60 2_7_0", "digium", "D60", "2_7_0", ""),
    ("THOMSON ST2030 hw5 fw2.74 00-14-7F-E1-47-B3", "thomson", "ST2030", "2.74", "00:14:7f:e1:47:b3"),
];

#[test]
fn every_user_agent_seen_in_the_field_is_understood() {
    for (text, vendor, model, version, mac) in SEEN {
        let sighting = recognise(text).unwrap_or_else(|| panic!("{text}"));
        let spelled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        assert_eq!(sighting.vendor.as_str(), *vendor, "{text}");
        assert_eq!(sighting.model.map(|m| m.as_str().to_owned()), spelled(model), "{text}");
        assert_eq!(sighting.version.map(|v| v.as_str().to_owned()), spelled(version), "{text}");
        assert_eq!(sighting.mac.map(|m| m.to_string()), spelled(mac), "{text}");
    }
}

#[test]
fn the_expansion_modules_of_a_snom_are_counted() {
    let tail = |tail: &str| {
        let text = format!("Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12 000413922D24 {tail})");
        recognise(&text).unwrap().modules
    };
    assert_eq!(tail("SXM:0 UXM:1"), Some(1));
    assert_eq!(tail("SXM:0 UXM:2 UXMC:0"), Some(2));
    assert_eq!(tail("SXM:0"), None);
    assert_eq!(tail("SXM:0 UXM:many"), None);
}

#[test]
fn what_nobody_here_knows_is_not_guessed() {
    for text in [
        "",
        "Asterisk PBX 16.28.0",
        "baresip v1.0.0 (x86_64/linux)",
        "kamailio (5.6.3 (x86_64/linux))",
        "Mozilla/5.0 (X11; Linux x86_64)",
        "Mozilla/4.0 (compatible; MSIE 6.0)",
        "curl/7.88.1",
        "snom",
        "snom/1.2.3",
        "snomphone/1.2.3",
        "my snomD785/10.1.64.14",
        "Yealink",
        "Yealink 28.82.0.20",
        "Cisco/SPA",
        "innovaphone ",
        "snomD785\r\nX: y/10.1",
    ] {
        assert_eq!(recognise(text), None, "{text}");
    }
    assert_eq!(recognise(&"snomD785/1 ".repeat(100)), None);
}

const YEALINK: &str = "Yealink SIP-T46G 28.82.0.20 44:db:d2:bd:b5:69";

fn own_file(path: &str, agent: &str) -> Option<generic::OwnFile> {
    generic::visit(&shipped(), path, None, recognise(agent)?)
}

#[test]
fn a_phone_that_asks_for_its_own_file_is_known() {
    let own = own_file("/prov/44dbd2bdb569.cfg", YEALINK).unwrap();
    assert_eq!(own.mac.to_string(), "44:db:d2:bd:b5:69");
    assert_eq!(own.sighting.vendor.as_str(), "yealink");
    let grandstream = "Grandstream Model HW GXP1628 SW 1.0.4.138 DevId c074ad2bd859";
    assert!(own_file("/cfgc074ad2bd859.xml", grandstream).is_some());
    let base = "Mozilla/4.0 (compatible; Snom M900 05.20.0001 000413b60680)";
    assert!(own_file("/snomM900-000413B60680.htm", base).is_some());
    let unnamed = "PolycomVVX-VVX_500-UA/4.1.4.7430";
    assert_eq!(own_file("/0004f2abcdef.cfg", unnamed).unwrap().mac.to_string(), "00:04:f2:ab:cd:ef");
}

#[test]
fn a_file_for_everybody_or_of_somebody_else_is_nobodys() {
    for path in ["/y000000000028.cfg", "/000000000000.cfg", "/44dbd2bdb570.cfg", "/", "", "/44dbd2bdb569"] {
        assert_eq!(own_file(path, YEALINK), None, "{path}");
    }
    assert_eq!(own_file("/44dbd2bdb569.cfg", "curl/7.88.1"), None);
}

#[test]
fn a_version_that_is_no_number_is_unknown() {
    let sighting = recognise("snomD785/beta").unwrap();
    assert_eq!((sighting.model, sighting.version), (Some(Model::new("D785")), None));
}

proptest::proptest! {
    #[test]
    fn no_text_brings_it_down(text in "\\PC{0,80}", head in 0_usize..64) {
        let head = SEEN[head % SEEN.len()].0;
        let _ = recognise(&text);
        let _ = recognise(&format!("{head}{text}"));
        let cut = text.len().min(head.len());
        let _ = recognise(&head[..cut]);
    }
}
