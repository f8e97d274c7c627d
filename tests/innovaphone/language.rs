//! The language: every command read and printed, every mistake at its place.

use proptest::prelude::*;
use sipherd::phones::innovaphone::script::{Code, Command, Final, Hours, Line, Once, Script, read};

use super::script;

fn command(line: &str) -> Command {
    match script(line).lines.as_slice() {
        [Line::Command(command)] => command.clone(),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_command_is_read_and_printed() {
    let url = || "http://192.0.2.5/fw/".to_owned();
    let fetch = |code, then, serial: &str| Command::Fetch { code, url: url(), then, serial: serial.into() };
    for (line, wanted) in [
        ("mod cmd UP1 check ireset 7", Command::Check { then: Final::WhenIdle, serial: "7".into() }),
        (
            "mod cmd UP1 times /allow 12,22,23,0,1,2,3,4 /initial 6",
            Command::Times { allow: Hours::new(vec![12, 22, 23, 0, 1, 2, 3, 4]), initial: Some(6) },
        ),
        ("mod cmd UP1 times /initial 6", Command::Times { allow: None, initial: Some(6) }),
        (
            "mod cmd UP0 prot http://192.0.2.5/fw/ ireset 04-5656",
            fetch(Code::Firmware, Final::WhenIdle, "04-5656"),
        ),
        (
            "mod cmd UP0 prot http://192.0.2.5/fw/ ser 04-5679",
            fetch(Code::Firmware, Final::Nothing, "04-5679"),
        ),
        (
            "mod cmd UP0 boot http://192.0.2.5/fw/ ireboot 205",
            fetch(Code::Boot, Final::RebootWhenIdle, "205"),
        ),
        (
            "mod cmd UP0 bmc http://192.0.2.5/fw/ resetn PCS04fd",
            fetch(Code::Radio, Final::AtOnceIfNeeded, "PCS04fd"),
        ),
        ("mod cmd UP0 scfg http://192.0.2.5/fw/", Command::Save { url: url(), once: None }),
        (
            "mod cmd UP0 scfg http://192.0.2.5/fw/ no-op WEEKLY /force 168",
            Command::Save {
                url: url(),
                once: Some(Once { then: Final::Nothing, serial: "WEEKLY".into(), force: Some(168) }),
            },
        ),
        (
            "mod cmd UP0 cfg http://192.0.2.5/fw/ reset 1",
            Command::Load { url: url(), then: Final::AtOnce, serial: "1".into() },
        ),
        ("mod cmd UP1 poll", Command::Poll),
        ("mod cmd UP1 provision 3", Command::Provision(3)),
        ("mod cmd WLANMGR0 activate-pwr", Command::StayAwake(true)),
        ("mod cmd WLANMGR0 deactivate-pwr", Command::StayAwake(false)),
        ("iresetn", Command::Restart(Final::WhenIdleIfNeeded)),
        ("reboot", Command::Restart(Final::RebootAtOnce)),
        ("config change UP1 /poll 1", Command::Other("config change UP1 /poll 1".into())),
        ("config  write", Command::Other("config  write".into())),
    ] {
        assert_eq!(command(line), wanted, "{line}");
        assert_eq!(wanted.to_string(), line);
        if !matches!(wanted, Command::Other(_)) {
            let blanks = format!("  {}\t", line.replace(' ', "\t  "));
            assert_eq!(command(&blanks), wanted, "{line}, with blanks");
        }
    }
    let slash = "mod cmd UP0 prot http://192.0.2.5/fw/ /ser 04-5679";
    assert_eq!(command(slash), fetch(Code::Firmware, Final::Nothing, "04-5679"));
}

#[test]
fn every_mistake_is_told_at_its_place() {
    for (line, span, message) in [
        ("mod cmd UP0 prot ireset 04-5656", 17..23, "the URL is missing before `ireset`"),
        ("mod cmd UP0 scfg no-op WEEKLY /force 168", 17..22, "the URL is missing before `no-op`"),
        ("mod cmd UP0 prot", 16..16, "the URL is missing"),
        ("mod cmd UP0 boot http://h/ 205", 27..30, "`205` is no final command"),
        ("mod cmd UP0 boot http://h/ ireboot", 34..34, "the serial is missing"),
        ("mod cmd UP0 scfg http://h/ no-op /force 1", 33..39, "the serial is missing before `/force`"),
        ("mod cmd UP0 scfg http://h/ no-op A /force", 41..41, "the number of hours is missing"),
        ("mod cmd UP0 scfg http://h/ no-op A /force -1", 42..44, "`-1` is not a number"),
        ("mod cmd UP1 times", 17..17, "`times` has neither `/allow` nor `/initial`"),
        ("mod cmd UP1 times /allow", 24..24, "the list of hours is missing"),
        ("mod cmd UP1 times /allow 22,24,0", 28..30, "`24` is not an hour of the day"),
        ("mod cmd UP1 times /allow 22-4", 25..29, "`22-4` is not an hour of the day"),
        ("mod cmd UP1 times /allow 22, 23", 25..31, "the list of hours has a blank in it"),
        ("mod cmd UP1 times /allow 1 /allow 2", 27..33, "`/allow` stands here twice"),
        ("mod cmd UP1 times /until 5", 18..24, "`times` does not know `/until`"),
        ("mod cmd UP1 times /initial six", 27..30, "`six` is not a number"),
        ("mod cmd UP1 check 7", 18..19, "`7` is no final command"),
        ("mod cmd UP1 check ser 7 8", 24..25, "the command has ended before `8`"),
        ("mod cmd UP1 poll now", 17..20, "the command has ended before `now`"),
        ("mod cmd up0 prot http://h/ ireset 1", 8..11, "the device has no module `up0`"),
        ("config a\u{1}b", 8..9, "the line holds the control character U+0001"),
    ] {
        let wrongs = read(&format!("# first\r\n{line}\r\n")).unwrap_err();
        let told: Vec<_> =
            wrongs.iter().map(|wrong| (wrong.line, wrong.span.clone(), wrong.message.as_str())).collect();
        assert_eq!(told, [(2, span, message)], "{line}");
        assert!(!wrongs[0].hint.is_empty());
    }
    let all = read("mod cmd UP1 times\nconfig write\nmod cmd UP0 cfg\n").unwrap_err();
    assert_eq!(all.iter().map(|wrong| wrong.line).collect::<Vec<_>>(), [1, 3], "all in one run");
}

fn last() -> impl Strategy<Value = Final> {
    prop::sample::select(Final::ALL.to_vec())
}

fn line() -> impl Strategy<Value = Line> {
    let url = "http://192\\.0\\.2\\.5/[a-z#]{0,6}/?";
    let serial = "[A-Za-z0-9-]{1,8}".prop_filter("a final command", |text| Final::of(text).is_none());
    let hours = prop::collection::vec(0_u8..24, 1..6).prop_map(Hours::new);
    let codes = prop::sample::select(Code::ALL.to_vec());
    let restarts = last().prop_filter("does something", |last| *last != Final::Nothing);
    let once = (last(), serial.clone(), prop::option::of(0_u32..999));
    let command = prop_oneof![
        (last(), serial.clone()).prop_map(|(then, serial)| Command::Check { then, serial }),
        (hours, prop::option::of(0_u32..99)).prop_map(|(allow, initial)| Command::Times { allow, initial }),
        (codes, url, last(), serial.clone()).prop_map(|(code, url, then, serial)| Command::Fetch {
            code,
            url,
            then,
            serial
        }),
        (url, prop::option::of(once)).prop_map(|(url, once)| Command::Save {
            url,
            once: once.map(|(then, serial, force)| Once { then, serial, force }),
        }),
        (url, last(), serial).prop_map(|(url, then, serial)| Command::Load { url, then, serial }),
        Just(Command::Poll),
        (0_u32..9).prop_map(Command::Provision),
        any::<bool>().prop_map(Command::StayAwake),
        restarts.prop_map(Command::Restart),
        "(config|vars) [a-z /]{0,9}[a-z]".prop_map(Command::Other),
    ];
    prop_oneof![
        Just(Line::Blank),
        "#[ -~]{0,9}[!-~]".prop_map(Line::Comment),
        command.prop_map(Line::Command)
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(lines in prop::collection::vec(line(), 0..8)) {
        let script = Script { lines };
        prop_assert_eq!(read(&script.to_string()), Ok(script));
    }

    #[test]
    fn no_text_brings_the_reader_down(verb in "(check|times|prot|scfg|cfg|provision|)", rest in "\\PC{0,40}") {
        for text in [format!("mod cmd UP0 {verb} {rest}"), format!("mod cmd UP1 {verb} {rest}"), rest] {
            match read(&text) {
                Ok(script) => prop_assert_eq!(read(&script.to_string()), Ok(script)),
                Err(wrongs) => for wrong in wrongs {
                    let line = text.lines().nth(wrong.line - 1).unwrap();
                    prop_assert!(line.get(wrong.span.clone()).is_some(), "{:?}", wrong);
                },
            }
        }
    }
}
