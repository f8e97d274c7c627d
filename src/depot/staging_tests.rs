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
        ("m.bin", "module", "IP222", "innovaphones have no modules"),
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
    assert!(staged.warnings[0].to_string().contains("too many for a rescue over TFTP"));
}

#[test]
fn a_folder_without_a_manifest_says_what_to_write() {
    let place = Place::new();
    assert!(
        problems(place.add(&place.source(), None))
            .contains("release.toml: no such file\nhint: write a manifest")
    );
}
