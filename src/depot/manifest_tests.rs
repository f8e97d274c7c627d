//! Manifests: read, written, and every problem of a bad one.

use super::*;

const WHOLE: &str = r#"name = "2026-11"

[[image]]
file = "snomD785-10.1.198.19-SIP-r.bin"
vendor = "snom"
models = ["D785"]
version = "10.1.198.19"
sha256 = "3f986ab55255622ac3650bde821f6d88dea3da12a77228f62d1a6b2d36f0efa7"
size = 96256
from_at_least = "8.9.3.68"
hardware = ["2"]
"#;

fn messages(text: &str) -> Vec<String> {
    read(Path::new(MANIFEST), text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_manifest_survives_writing_and_reading() {
    let draft = read(Path::new(MANIFEST), WHOLE).unwrap();
    let images = draft.images.iter().map(|draft| draft.image.clone()).collect();
    let release = Release { name: draft.name.clone().unwrap(), images };
    assert_eq!(write(&release), WHOLE);
    assert!(draft.images[0].has_sha256 && draft.images[0].has_size);
    assert_eq!(draft.images[0].line, 3);
}

#[test]
fn what_of_a_phone_an_image_is_for_survives_writing_and_reading() {
    let text = r#"name = "r"

[[image]]
file = "snomD335-10.1.198.19-SIP-r.bin"
vendor = "snom"
models = ["D335"]
version = "10.1.198.19"
sha256 = "3f986ab55255622ac3650bde821f6d88dea3da12a77228f62d1a6b2d36f0efa7"
size = 41000000
chained = "snomD335-10.1.198.19-ramdisk-chained-update-r.bin"
bootloader = "snomD335-boot.bin"

[[image]]
file = "snomD335-10.1.198.19-ramdisk-chained-update-r.bin"
vendor = "snom"
models = []
version = "10.1.198.19"
sha256 = "3f986ab55255622ac3650bde821f6d88dea3da12a77228f62d1a6b2d36f0efa7"
size = 10576
part = "chained"

[[image]]
file = "snomUXM-2.1.1.bin"
vendor = "snom"
models = ["D785"]
version = "2.1.1"
sha256 = "3f986ab55255622ac3650bde821f6d88dea3da12a77228f62d1a6b2d36f0efa7"
size = 96256
part = "uxm"
"#
    .replace("models = []\n", "");
    let draft = read(Path::new(MANIFEST), &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let images = draft.images.iter().map(|draft| draft.image.clone()).collect();
    let release = Release { name: "r".into(), images };
    assert_eq!(release.images[2].part, Part::Module(ModuleKind::Uxm));
    assert_eq!(release.images[1].models, []);
    assert_eq!(write(&release), text);
}

#[test]
fn a_part_that_no_phone_has_is_refused_with_its_line() {
    let image = |more: &str| {
        format!(
            "name = \"r\"\n[[image]]\nfile = \"a.bin\"\nvendor = \"snom\"\nmodels = [\"D785\"]\nversion = \"1.2\"\n{more}\n"
        )
    };
    for (more, wanted) in [
        (
            "part = \"handset\"",
            "error: release.toml:7: `image.part`: `handset` is no part of a phone\nhint: write",
        ),
        ("chained = \"../x\"", "error: release.toml:7: `image.chained`: `../x` cannot be served\nhint: "),
        (
            "part = \"uxm\"\nchained = \"b.bin\"",
            "error: release.toml:7: `image.part`: an image for `uxm` has nothing",
        ),
    ] {
        let messages = messages(&image(more));
        assert!(messages.len() == 1 && messages[0].starts_with(wanted), "{messages:#?}");
    }
}

#[test]
fn the_shipped_example_is_in_order() {
    let text = include_str!("../../examples/release/release.toml");
    let draft = read(Path::new(MANIFEST), text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(draft.name.as_deref(), Some("snom-10.1.198"));
    assert_eq!(draft.images.len(), 2);
    let text = include_str!("../../examples/release-uxm/release.toml");
    let draft = read(Path::new(MANIFEST), text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    // What snom publishes for this file.
    let sha256 = "3f986ab55255622ac3650bde821f6d88dea3da12a77228f62d1a6b2d36f0efa7";
    assert_eq!(draft.images[0].image.sha256, sha256);
    assert_eq!(draft.images[0].image.part, Part::Module(ModuleKind::Uxm));
}

#[test]
fn every_problem_is_named_with_its_place() {
    let text = r#"name = "../x"
colour = "red"

[[image]]
file = "a/b.bin"
vendr = "snom"
models = []
version = "beta"
sha256 = "12"
size = -1
from_at_least = "10"
from_at_most = "9"
"#;
    let messages = messages(text);
    for wanted in [
        "error: release.toml:1: `name`: `../x` cannot be a release's name\nhint: ",
        "error: release.toml:2: `colour`: unknown key\nhint: known keys are name, image",
        "error: release.toml:5: `image.file`: `a/b.bin` cannot be served\nhint: ",
        "error: release.toml:6: `image.vendr`: unknown key\nhint: did you mean `vendor`?",
        "error: release.toml:4: `image.vendor`: missing\nhint: add `vendor = \"snom\"`",
        "error: release.toml:7: `image.models`: names no model\nhint: ",
        "error: release.toml:8: `image.version`: `beta` is not a firmware version\nhint: ",
        "error: release.toml:9: `image.sha256`: not a SHA-256\nhint: ",
        "error: release.toml:10: `image.size`: not a length in bytes\nhint: ",
        "error: release.toml:12: `image.from_at_most`: no version is at least 10 and at most 9\nhint: ",
    ] {
        assert!(messages.iter().any(|message| message.starts_with(wanted)), "{wanted}\n{messages:#?}");
    }
    assert_eq!(messages.len(), 10, "{messages:#?}");
}

#[test]
fn what_is_not_toml_is_reported_with_its_line() {
    assert!(messages("name = \"a\"\n[[image]\n")[0].starts_with("error: release.toml:2: "));
    assert!(messages("")[0].contains("`image`: no image"));
    assert!(messages("image = 3")[0].contains("not a list of images"));
}

#[test]
fn names_that_would_leave_the_folder_are_refused() {
    for name in ["", ".", "..", ".x", "a/b", "a\\b", "a b", "a\0", "ä", "-x", MANIFEST, "firmware.xml"] {
        assert!(!is_file_name(name), "{name}");
    }
    assert!(is_file_name("snomD785-10.1.198.19-SIP-r.bin"));
}
