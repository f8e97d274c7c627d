//! What makers' documents and other provisioning systems say of their phones, written down a second time: a wrong word in a
//! profile must not pass because everything else is made from it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;

use sipherd::config::profiles::shipped;
use sipherd::domain::phone::Vendor;
use sipherd::domain::trip::{Trigger, Way};

/// One maker: how it is asked to reboot and to read its settings, its own files, the setting that names its firmware, the
/// boots of an update, and the minutes its phones have to boot.
struct Fact {
    vendor: &'static str,
    reboot: &'static [&'static str],
    resync: &'static [&'static str],
    files: &'static [&'static str],
    firmware: &'static str,
    boots: Option<u8>,
    minutes: i64,
}

const OTHER: Fact =
    Fact { vendor: "", reboot: &[], resync: &[], files: &[], firmware: "", boots: None, minutes: 3 };

const REBOOT: &str = "check-sync;reboot=true";
const RESYNC: &str = "check-sync;reboot=false";
const SYNC: &str = "check-sync";

const FACTS: &[Fact] = &[
    Fact { vendor: "ale", resync: &[SYNC], files: &["{mac}.cfg"], ..OTHER },
    Fact { vendor: "algo", reboot: &[REBOOT], resync: &[SYNC], ..OTHER },
    Fact { vendor: "audiocodes", reboot: &[REBOOT], resync: &[RESYNC], files: &["{mac}.cfg"], ..OTHER },
    Fact {
        vendor: "avaya",
        reboot: &[REBOOT],
        resync: &[RESYNC],
        files: &["{mac}.cfg", "SIP{mac}.cfg"],
        firmware: "SET APPNAME",
        minutes: 5,
        ..OTHER
    },
    Fact { vendor: "cisco", reboot: &[SYNC], files: &["SIP{mac}.cnf"], ..OTHER },
    Fact {
        vendor: "cisco-enterprise",
        reboot: &["service-control action=reset"],
        resync: &["service-control action=check-version"],
        files: &["SEP{mac}.cnf.xml", "CTLSEP{mac}.tlv", "ITLSEP{mac}.tlv"],
        firmware: "loadInformation",
        minutes: 5,
        ..OTHER
    },
    Fact {
        vendor: "cisco-spa",
        reboot: &["reboot (may wait)"],
        resync: &["resync"],
        files: &["{mac}.xml"],
        firmware: "Upgrade_Rule",
        ..OTHER
    },
    Fact {
        vendor: "digium",
        reboot: &[SYNC],
        resync: &[SYNC],
        files: &["{mac}.cfg"],
        firmware: "<firmware url>",
        ..OTHER
    },
    Fact {
        vendor: "fanvil",
        reboot: &[REBOOT],
        resync: &[SYNC],
        files: &["{mac}.cfg"],
        firmware: "Auto_Image_URL",
        ..OTHER
    },
    Fact { vendor: "generic", reboot: &[REBOOT], resync: &[RESYNC], ..OTHER },
    Fact {
        vendor: "gigaset",
        reboot: &[REBOOT],
        resync: &[RESYNC],
        files: &["{mac}.xml"],
        minutes: 5,
        ..OTHER
    },
    Fact { vendor: "gigaset-n510", resync: &[RESYNC], files: &["{mac}.xml"], minutes: 5, ..OTHER },
    Fact {
        vendor: "grandstream",
        reboot: &[REBOOT, "sys-control"],
        resync: &[SYNC, "resync"],
        files: &["cfg{mac}.xml"],
        firmware: "P192",
        ..OTHER
    },
    Fact {
        vendor: "htek",
        reboot: &[REBOOT],
        resync: &["resync", SYNC],
        files: &["cfg{mac}.xml"],
        firmware: "P192",
        ..OTHER
    },
    Fact { vendor: "innovaphone", reboot: &["poll (waits)"], boots: Some(1), minutes: 20, ..OTHER },
    Fact {
        vendor: "linksys",
        reboot: &["reboot_now", "restart_now"],
        files: &["{mac}.xml"],
        firmware: "Upgrade_Rule",
        ..OTHER
    },
    Fact {
        vendor: "mitel",
        reboot: &[SYNC],
        resync: &[SYNC],
        files: &["{mac}.cfg"],
        firmware: "firmware server",
        minutes: 5,
        ..OTHER
    },
    Fact {
        vendor: "panasonic",
        reboot: &[REBOOT],
        resync: &[SYNC],
        files: &["Config{mac}.cfg"],
        firmware: "FIRM_FILE_PATH",
        ..OTHER
    },
    Fact {
        vendor: "poly",
        reboot: &[SYNC],
        resync: &[SYNC],
        files: &["{mac}.cfg"],
        firmware: "APP_FILE_PATH",
        minutes: 5,
        ..OTHER
    },
    Fact {
        vendor: "snom",
        reboot: &["reboot (waits)", REBOOT],
        resync: &[RESYNC],
        firmware: "firmware_status",
        boots: Some(2),
        ..OTHER
    },
    Fact {
        vendor: "snom-dect",
        reboot: &[REBOOT],
        files: &["snom{model}-{mac}.htm"],
        firmware: "fp_fwu_sw_version",
        minutes: 5,
        ..OTHER
    },
    Fact { vendor: "technicolor", reboot: &[REBOOT], resync: &[SYNC], ..OTHER },
    Fact { vendor: "thomson", ..OTHER },
    Fact {
        vendor: "unify",
        reboot: &["contact-me"],
        resync: &["contact-me"],
        boots: Some(1),
        minutes: 5,
        ..OTHER
    },
    Fact {
        vendor: "yealink",
        reboot: &[REBOOT],
        resync: &[RESYNC],
        files: &["{mac}.cfg"],
        firmware: "static.firmware.url",
        ..OTHER
    },
];

/// A way of asking in one line: the event, the first line of its body, and whether the maker says that it waits.
fn spelt(trigger: &Trigger) -> String {
    let way = match &trigger.way {
        Way::Notify(notice) => match &notice.body {
            Some((_, body)) => format!("{} {}", notice.event, body.lines().next().unwrap_or_default()),
            None => notice.event.clone(),
        },
        Way::Web { path } => path.clone(),
        Way::ContactMe => "contact-me".to_owned(),
        Way::Poll => "poll".to_owned(),
    };
    match (trigger.waits_for_idle, trigger.may_wait) {
        (true, _) => way + " (waits)",
        (false, true) => way + " (may wait)",
        (false, false) => way,
    }
}

#[test]
fn the_shipped_profiles_say_what_the_makers_say() {
    let makers = shipped();
    for fact in FACTS {
        let vendor = fact.vendor;
        let maker = makers.known(&Vendor::new(vendor)).unwrap_or_else(|| panic!("{vendor}"));
        let all = |triggers: &[Trigger]| triggers.iter().map(spelt).collect::<Vec<_>>();
        assert_eq!(all(&maker.reboot), fact.reboot, "{vendor}");
        assert_eq!(all(&maker.resync), fact.resync, "{vendor}");
        let files: Vec<&str> = maker.own_files.iter().map(|file| file.as_str()).collect();
        assert_eq!(files, fact.files, "{vendor}");
        assert_eq!(maker.firmware_setting.as_deref().unwrap_or_default(), fact.firmware, "{vendor}");
        assert_eq!(maker.update_boots, fact.boots, "{vendor}");
        assert_eq!(maker.timing.boot.num_minutes(), fact.minutes, "{vendor}");
    }
    let told: BTreeSet<&str> = FACTS.iter().map(|fact| fact.vendor).collect();
    let there: BTreeSet<&str> = makers.all().map(|maker| maker.vendor.as_str()).collect();
    assert_eq!(told, there);
}

#[test]
fn the_order_of_an_enterprise_cisco_has_all_its_lines() {
    let makers = shipped();
    let maker = makers.known(&Vendor::new("cisco-enterprise")).unwrap();
    for (trigger, action) in [(&maker.reboot[0], "reset"), (&maker.resync[0], "check-version")] {
        let zeros = "{0000000000000000}";
        let body = format!(
            "action={action}\r\nRegisterCallId={{{{register_call_id}}}}\r\nConfigVersionStamp={zeros}\r\n\
             DialplanVersionStamp={zeros}\r\nSoftkeyVersionStamp={zeros}\r\n"
        );
        assert_eq!(trigger.notice().unwrap().body, Some(("text/plain".to_owned(), body)));
    }
}

#[test]
fn makers_whose_phones_must_be_set_up_for_it_have_a_hazard_that_names_the_setting() {
    let makers = shipped();
    for (vendor, words) in [
        ("yealink", "sip.notify_reboot_enable"),
        ("poly", "voIpProt.SIP.specialEvent.checkSync.alwaysReboot"),
        ("poly", "voIpProt.SIP.requestValidation"),
        ("grandstream", "password of the line"),
        ("cisco-spa", "Forced_Resync_Delay"),
        ("cisco-spa", "Resync_From_SIP"),
        ("cisco-spa", "Auth_Resync-Reboot"),
        ("cisco", "syncinfo.xml"),
        ("cisco-enterprise", "TCP"),
        ("mitel", "Whitelist Proxy"),
        ("gigaset", "CheckSyncRebootEnabled"),
        ("gigaset", "SIP.Checksync.Simple"),
        ("gigaset", "factory-reset"),
        ("gigaset-n510", "reboot=true"),
        ("audiocodes", "EnableSIPRemoteReset"),
        ("technicolor", "sw_notify_autoprovision"),
        ("technicolor", "AuthNotifyCheckSync"),
        ("snom", "checksync_action"),
        ("snom-dect", "handsets"),
        ("ale", "telnet"),
    ] {
        let maker = makers.known(&Vendor::new(vendor)).unwrap();
        assert!(maker.hazards.iter().any(|hazard| hazard.contains(words)), "{vendor}: {words}");
    }
}
