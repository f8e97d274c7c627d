//! What may be staged, what may not, and what stands in the folder afterwards.

use super::*;
use tempfile::TempDir;

const D785: &str = "snomD785-10.1.198.19-SIP-r.bin";

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("source")).unwrap();
        Self { dir }
    }

    fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    fn releases(&self) -> PathBuf {
        self.dir.path().join("state/releases")
    }

    fn put(&self, file: &str, content: &[u8]) -> PathBuf {
        let path = self.source().join(file);
        fs::write(&path, content).unwrap();
        path
    }

    fn add(&self, source: &Path, name: Option<&str>) -> Result<Staged, AddError> {
        add(&self.releases(), source, name, &mut |_| {})
    }
}

fn manifest_with(more: &str) -> String {
    format!(
        "name = \"n\"\n[[image]]\nfile = \"{D785}\"\nvendor = \"snom\"\nmodels = [\"D785\"]\nversion = \"10.1.198.19\"\n{more}"
    )
}

fn problems(result: Result<Staged, AddError>) -> String {
    match result {
        Err(AddError::Problems(problems)) => texts(&problems),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_snom_image_tells_by_its_name_what_it_is_for() {
    let place = Place::new();
    let file = place.put(D785, b"image");
    let staged = place.add(&file, Some("nov")).unwrap();
    let image = &staged.release.images[0];
    assert_eq!((image.vendor.as_str(), image.models[0].as_str()), ("snom", "D785"));
    assert_eq!((image.version.as_str(), image.size), ("10.1.198.19", 5));
    assert_eq!(image.sha256, "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d");
    assert_eq!(fs::read(place.releases().join("nov").join(D785)).unwrap(), b"image");
    assert!(!staged.already && staged.warnings.is_empty());
}

#[test]
fn a_single_image_needs_a_name_and_a_telling_file() {
    let place = Place::new();
    let file = place.put(D785, b"image");
    assert!(problems(place.add(&file, None)).contains("needs a release name\nhint: give one with `--name`"));
    assert!(problems(place.add(&file, Some("../n"))).contains("`../n` cannot be a release's name"));
    let other = place.put("firmware.bin", b"image");
    assert!(problems(place.add(&other, Some("nov"))).contains("does not tell vendor, model and version"));
    assert!(matches!(place.add(&place.source().join("none"), Some("n")), Err(AddError::Io { .. })));
    assert!(!place.releases().exists());
}

#[test]
fn a_folder_is_staged_whole_and_a_second_time_changes_nothing() {
    let place = Place::new();
    place.put(D785, b"image");
    place.put(MANIFEST, manifest_with("from_at_least = \"8.9.3.68\"\n").as_bytes());
    assert!(!place.add(&place.source(), None).unwrap().already);
    assert!(place.add(&place.source(), None).unwrap().already);
    let names: Vec<_> = fs::read_dir(place.releases()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["n"], "nothing half-done is left");
    place.put(D785, b"another");
    assert!(problems(place.add(&place.source(), None)).contains("choose another name"));
    assert_eq!(fs::read(place.releases().join("n").join(D785)).unwrap(), b"image");
}

#[test]
fn what_the_manifest_says_of_the_file_must_be_so() {
    let place = Place::new();
    place.put(D785, b"image");
    for (more, told) in [
        ("size = 4\n", "`image.size`: says 4, the file has 5 bytes"),
        (&format!("sha256 = \"{}\"\n", "0".repeat(64)), "`image.sha256`: the file's is 6105d6cc"),
    ] {
        place.put(MANIFEST, manifest_with(more).as_bytes());
        let told_now = problems(place.add(&place.source(), None));
        assert!(told_now.contains(told), "{told_now}");
        assert!(told_now.contains("release.toml:2: "), "{told_now}");
    }
    place.put(MANIFEST, manifest_with("").replace("10.1.198.19\"\n", "10.1.99\"\n").as_bytes());
    assert!(problems(place.add(&place.source(), None)).contains("the file's name says D785 10.1.198.19"));
    place.put(MANIFEST, manifest_with("").as_bytes());
    place.put(D785, b"");
    assert!(problems(place.add(&place.source(), None)).contains("is empty"));
    fs::remove_file(place.source().join(D785)).unwrap();
    assert!(problems(place.add(&place.source(), None)).contains("put the image beside the manifest"));
    assert!(problems(place.add(&place.source(), Some("m"))).contains("says `n`, the command line `m`"));
}

#[test]
fn two_images_for_one_model_are_refused_with_both_lines() {
    let place = Place::new();
    place.put("a.bin", b"a");
    place.put("b.bin", b"b");
    let image = |file: &str| {
        format!("[[image]]\nfile = \"{file}\"\nvendor = \"htek\"\nmodels = [\"UC903\"]\nversion = \"2\"\n")
    };
    place.put(MANIFEST, format!("name = \"n\"\n{}{}", image("a.bin"), image("b.bin")).as_bytes());
    let told = problems(place.add(&place.source(), None));
    assert!(
        told.contains("release.toml:7: `image.models`: the image of line 2 is for htek UC903 too"),
        "{told}"
    );
    let boot = || image("b.bin").replace("vendor", "part = \"boot\"\nvendor");
    place.put(MANIFEST, format!("name = \"n\"\n{}{}", image("a.bin"), boot()).as_bytes());
    let staged = place.add(&place.source(), None).unwrap();
    assert_eq!(staged.release.images.len(), 2, "firmware and boot code of one model");
    let twice = format!("name = \"n\"\n{}{}", boot().replace("b.bin", "a.bin"), boot());
    place.put(MANIFEST, twice.as_bytes());
    let told = problems(place.add(&place.source(), None));
    assert!(told.contains("the boot image of line 2 is for htek UC903 too"), "{told}");
    place.put(MANIFEST, format!("name = \"n\"\n{}{}", image("a.bin"), image("a.bin")).as_bytes());
    assert!(problems(place.add(&place.source(), None)).contains("`a.bin` is listed on line 2 already"));
}

#[test]
fn an_innovaphones_file_is_called_after_its_product_or_otherwise() {
    let place = Place::new();
    let manifest = |file: &str, part: &str, model: &str| {
        place.put(file, b"x");
        let text = format!(
            "name = \"n\"\n[[image]]\nfile = \"{file}\"\npart = \"{part}\"\nvendor = \"innovaphone\"\n\
             models = [\"{model}\"]\nversion = \"125555\"\n"
        );
        place.put(MANIFEST, text.as_bytes());
    };
    for (file, part, model, why) in [
        ("ip222.bin", "firmware", "IP232", "the firmware of IP232 is called `ip232.bin`"),
        ("boot.bin", "boot", "IPVA", "IPVA has no boot code that could be brought to it"),
        ("m.bin", "uxm", "IP222", "innovaphones have no uxm images"),
    ] {
        manifest(file, part, model);
        let told = problems(place.add(&place.source(), None));
        assert!(told.contains(&format!("release.toml:2: `image.models`: {why}")), "{told}");
    }
    manifest("ip222.bin", "firmware", "IP222");
    assert!(place.add(&place.source(), None).is_ok());
}

#[test]
fn an_image_too_long_for_tftp_is_staged_with_a_warning() {
    let place = Place::new();
    let file = place.put(D785, b"");
    File::options().write(true).open(&file).unwrap().set_len(TFTP_LIMIT + 1).unwrap();
    let staged = place.add(&file, Some("long")).unwrap();
    let told = staged.warnings[0].to_string();
    assert!(told.contains("has 33553920 bytes, too many for a rescue over TFTP"), "{told}");
    assert!(
        told.contains("65535 blocks of 512 bytes, 33553919 in all\nhint: a phone that loses power"),
        "{told}"
    );
    File::options().write(true).open(&file).unwrap().set_len(TFTP_LIMIT).unwrap();
    assert!(place.add(&file, Some("just")).unwrap().warnings.is_empty());
}

#[test]
fn a_folder_without_a_manifest_says_what_to_write() {
    let place = Place::new();
    assert!(
        problems(place.add(&place.source(), None))
            .contains("release.toml: no such file\nhint: write a manifest")
    );
}

#[test]
fn the_stepping_stone_to_a_newer_image_stands_in_the_same_release() {
    let place = Place::new();
    let image = |version: &str, more: &str| {
        let file = format!("snomD785-{version}-SIP-r.bin");
        place.put(&file, version.as_bytes());
        format!(
            "[[image]]\nfile = \"{file}\"\nvendor = \"snom\"\nmodels = [\"D785\"]\nversion = \"{version}\"\n{more}"
        )
    };
    let stones = [
        image("8.9.3.80", ""),
        image("10.1.64.14", "from_at_least = \"8.9.3\"\n"),
        image("10.1.198.19", "from_at_least = \"10.1.64\"\n"),
    ];
    place.put(MANIFEST, format!("name = \"n\"\n{}", stones.concat()).as_bytes());
    assert_eq!(place.add(&place.source(), None).unwrap().release.images.len(), 3);
    let gap = stones[2].replace("10.1.64\"", "10.1.99\"");
    place.put(MANIFEST, format!("name = \"m\"\n{}{gap}", stones[1]).as_bytes());
    let told = problems(place.add(&place.source(), None));
    assert!(
        told.contains("release.toml:8: `image.models`: the image of line 2 is for snom D785 too"),
        "{told}"
    );
    assert!(told.contains("`from_at_least`"), "{told}");
}

#[test]
fn a_chained_image_stands_beside_the_firmware_of_its_version() {
    let place = Place::new();
    place.put(D785, b"image");
    place.put("chain.bin", b"c");
    let second = |version: &str| {
        format!(
            "[[image]]\nfile = \"chain.bin\"\npart = \"chained\"\nvendor = \"snom\"\nmodels = [\"D785\"]\nversion = \"{version}\"\n"
        )
    };
    place.put(MANIFEST, manifest_with(&second("10.1.64.14")).as_bytes());
    let told = problems(place.add(&place.source(), None));
    assert!(
        told.contains("release.toml:7: `image.part`: nothing of this release is written before it"),
        "{told}"
    );
    place.put(MANIFEST, manifest_with(&second("10.1.198.19")).as_bytes());
    let staged = place.add(&place.source(), None).unwrap();
    let chained = staged.release.beside(Part::Chained, &staged.release.images[0]);
    assert_eq!(chained.map(|image| image.file.as_str()), Some("chain.bin"));
}

#[test]
fn a_snom_of_the_three_hundreds_gets_no_bootloader() {
    let place = Place::new();
    place.put("boot.bin", b"b");
    let text = "name = \"n\"\n[[image]]\nfile = \"boot.bin\"\npart = \"boot\"\nvendor = \"snom\"\nmodels = [\"320\"]\nversion = \"1\"\n";
    place.put(MANIFEST, text.as_bytes());
    let told = problems(place.add(&place.source(), None));
    assert!(
        told.contains("release.toml:2: `image.part`: a snom 320 has no field for a bootloader"),
        "{told}"
    );
    place.put(MANIFEST, text.replace("\"320\"", "\"D785\"").as_bytes());
    assert!(place.add(&place.source(), None).is_ok());
}

#[test]
fn the_image_of_a_module_tells_its_kind_by_its_name_and_is_for_whatever_phone_it_hangs_on() {
    let place = Place::new();
    let file = place.put("snomUXM-2.1.1.bin", b"module");
    let image = place.add(&file, Some("uxm")).unwrap().release.images.remove(0);
    assert_eq!(image.part, Part::Uxm);
    assert_eq!((image.models.len(), image.version.as_str()), (0, "2.1.1"));
    let text = "name = \"n\"\n[[image]]\nfile = \"snomUXM-2.1.1.bin\"\nvendor = \"snom\"\nversion = \"2.1.1\"\npart = \"d7c\"\n";
    place.put(MANIFEST, text.as_bytes());
    assert!(
        problems(place.add(&place.source(), None))
            .contains("`image.part`: the file's name says module UXM 2.1.1")
    );
    let phone = text.replace("part = \"d7c\"", "models = [\"D785\"]");
    place.put(MANIFEST, phone.as_bytes());
    assert!(
        problems(place.add(&place.source(), None))
            .contains("`image.part`: the file's name says module UXM 2.1.1")
    );
    let other = place.put("snomUXM-2.0.7.bin", b"old");
    assert!(place.add(&other, Some("uxm-old")).is_ok());
    let two = text.replace("part = \"d7c\"", "part = \"uxm\"");
    let second = two[two.find("[[").unwrap()..].replace("2.1.1", "2.0.7");
    place.put(MANIFEST, format!("{two}{second}").as_bytes());
    let told = problems(place.add(&place.source(), None));
    assert!(told.contains("the uxm image of line 2 is for modules of every snom too"), "{told}");
}

#[test]
fn files_that_are_no_images_have_no_version_and_several_may_be_for_one_model() {
    let place = Place::new();
    for file in ["logo.png", "a.mp3", "b.mp3"] {
        place.put(file, file.as_bytes());
    }
    let file = |file: &str, part: &str, more: &str| {
        format!(
            "[[image]]\nfile = \"{file}\"\npart = \"{part}\"\nvendor = \"unify\"\nmodels = [\"CP600\"]\n{more}"
        )
    };
    let manifest = |files: &[String]| format!("name = \"n\"\n{}", files.concat());
    let good = [file("logo.png", "logo", ""), file("a.mp3", "ringtone", ""), file("b.mp3", "ringtone", "")];
    place.put(MANIFEST, manifest(&good).as_bytes());
    let staged = place.add(&place.source(), None).unwrap();
    assert!(staged.warnings.is_empty(), "{:?}", staged.warnings);
    assert!(place.add(&place.source(), None).unwrap().already, "what was written is read again");
    let written = fs::read_to_string(place.releases().join("n").join(MANIFEST)).unwrap();
    assert!(!written.contains("version"), "{written}");
    let more = "version = \"1\"\nhardware = [\"2\"]\nuse_defaults = true\n";
    let other = file("a.mp3", "ringtone", "").replace("unify", "snom");
    place.put(MANIFEST, manifest(&[file("logo.png", "logo", more)]).as_bytes());
    let told = problems(place.add(&place.source(), None));
    for key in ["version", "hardware", "use_defaults"] {
        assert!(
            told.contains(&format!("`image.{key}`: means nothing for a logo\nhint: leave it out")),
            "{told}"
        );
    }
    for vendor in ["snom", "innovaphone"] {
        place.put(MANIFEST, manifest(&[other.replace("snom", vendor)]).as_bytes());
        let told = problems(place.add(&place.source(), None));
        assert!(told.contains(&format!("nobody tells a phone of {vendor} to load a ringtone")), "{told}");
    }
}
