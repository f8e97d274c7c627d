//! `release.toml`: which images make up a release, read with every problem named, written complete.

use std::fmt::Write as _;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::media;
use super::problem::Problem;
use crate::domain::firmware::{Handling, Image, Part, Release, Version};
use crate::domain::phone::{Hardware, Model, Vendor};

/// The manifest's name, beside the images.
pub const MANIFEST: &str = "release.toml";

const KEYS: [&str; 2] = ["name", "image"];
const IMAGE_KEYS: [&str; 12] = [
    "file",
    "part",
    "vendor",
    "models",
    "version",
    "sha256",
    "size",
    "from_at_least",
    "from_at_most",
    "hardware",
    "override",
    "use_defaults",
];

/// A manifest as its author wrote it: lengths and hashes may still be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    /// The release's name.
    pub name: Option<String>,
    /// Its images.
    pub images: Vec<DraftImage>,
}

/// One image of a draft; `image.sha256` and `image.size` are only meant where `has_…` says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DraftImage {
    /// What the author wrote.
    pub image: Image,
    /// The line its table begins on, counted from 1.
    pub line: usize,
    /// The author wrote the hash.
    pub has_sha256: bool,
    /// The author wrote the length.
    pub has_size: bool,
}

/// Reads a manifest; the error holds every problem in it.
pub(super) fn read(file: &Path, text: &str) -> Result<Draft, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problem = |error: &toml::de::Error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            Problem::error(file, error.message().trim().to_owned()).at(line)
        };
        return Err(errors.iter().map(problem).collect());
    }
    let mut reader = Reader { file, text, problems: Vec::new() };
    let draft = reader.release(table.get_ref());
    if reader.problems.is_empty() { Ok(draft) } else { Err(reader.problems) }
}

/// The complete manifest of a release.
pub(super) fn write(release: &Release) -> String {
    let mut text = format!("name = {}\n", quoted(&release.name));
    for image in &release.images {
        let models: Vec<&str> = image.models.iter().map(Model::as_str).collect();
        let part = match image.part {
            Part::Firmware => String::new(),
            part => format!("part = {}\n", quoted(part.word())),
        };
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n[[image]]\nfile = {}\n{part}vendor = {}\n{}{}sha256 = {}\nsize = {}\n",
            quoted(&image.file),
            quoted(image.vendor.as_str()),
            if models.is_empty() { String::new() } else { format!("models = {}\n", list(&models)) },
            match image.part.is_media() {
                true => String::new(),
                false => format!("version = {}\n", quoted(image.version.as_str())),
            },
            quoted(&image.sha256),
            image.size,
        );
        for (key, version) in [("from_at_least", &image.from_at_least), ("from_at_most", &image.from_at_most)]
        {
            if let Some(version) = version {
                let _ = writeln!(text, "{key} = {}", quoted(version.as_str()));
            }
        }
        if !image.hardware.is_empty() {
            let levels: Vec<&str> = image.hardware.iter().map(Hardware::as_str).collect();
            let _ = writeln!(text, "hardware = {}", list(&levels));
        }
        let Handling { overrides, use_defaults } = image.handling;
        for (key, _) in
            [("override", overrides), ("use_defaults", use_defaults)].iter().filter(|(_, set)| *set)
        {
            let _ = writeln!(text, "{key} = true");
        }
    }
    text
}

/// Whether a release may bear this name: it becomes a folder's name and a word on the command line.
pub(super) fn is_release_name(name: &str) -> bool {
    is_plain(name, 64)
}

/// Whether a file may bear this name: it becomes the last part of a URL.
pub(super) fn is_file_name(name: &str) -> bool {
    is_plain(name, 128) && name != MANIFEST && name != "firmware.xml"
}

fn is_plain(name: &str, longest: usize) -> bool {
    let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && name.len() <= longest && name.bytes().all(clean)
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(texts: &[&str]) -> String {
    toml::Value::from(texts.to_vec()).to_string()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn release(&mut self, table: &DeTable<'_>) -> Draft {
        self.unknown_keys(table, &KEYS, "");
        let name = table.get("name").and_then(|value| self.text(value, "name"));
        if let (Some(name), Some(value)) = (&name, table.get("name"))
            && !is_release_name(name)
        {
            let hint = "use letters, digits, `.`, `-`, `_` and `+`, at most 64, a letter or digit first";
            self.wrong(value, "name", format!("`{name}` cannot be a release's name"), hint);
        }
        let tables = match table.get("image").map(|value| (value, value.get_ref())) {
            Some((_, DeValue::Array(array))) => array.iter().collect(),
            Some((value, _)) => {
                self.wrong(value, "image", "not a list of images".into(), "write each image as `[[image]]`");
                return Draft { name, images: vec![] };
            }
            None => vec![],
        };
        if tables.is_empty() {
            let problem = Problem::error(self.file, "no image").of("image");
            self.problems.push(problem.hint("write a `[[image]]` table for each file of the release"));
        }
        let images = tables.into_iter().filter_map(|value| self.image(value)).collect();
        Draft { name, images }
    }

    fn image(&mut self, value: &Value<'_>) -> Option<DraftImage> {
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(value, "image", "not a table".into(), "write each image as `[[image]]`");
            return None;
        };
        self.unknown_keys(table, &IMAGE_KEYS, "image.");
        let file = self.required(value, table, "file", "file = \"snomD785-10.1.198.19-SIP-r.bin\"");
        let part = table.get("part").map_or(Some(Part::Firmware), |at| self.part(at));
        let vendor = self.required(value, table, "vendor", "vendor = \"snom\"");
        // A module is updated through whatever phone it hangs on.
        let of_any = part.is_some_and(|part| part.module().is_some()) && !table.contains_key("models");
        let models = if of_any { vec![] } else { self.models(value, table) };
        if let (Some(name), Some(at)) = (&file, table.get("file"))
            && !is_file_name(name)
        {
            let hint = "use a plain name without folders: letters, digits, `.`, `-`, `_` and `+`";
            self.wrong(at, "image.file", format!("`{name}` cannot be served"), hint);
        }
        let version = match part.filter(|part| part.is_media()) {
            Some(part) => self.no_version(table, part),
            None => self
                .required(value, table, "version", "version = \"10.1.198.19\"")
                .and_then(|text| self.version(table, "version", &text)),
        };
        let from_at_least = self.optional_version(table, "from_at_least");
        let from_at_most = self.optional_version(table, "from_at_most");
        if let (Some(least), Some(most), Some(at)) =
            (&from_at_least, &from_at_most, table.get("from_at_most"))
            && least > most
        {
            let message = format!("no version is at least {least} and at most {most}");
            self.wrong(at, "image.from_at_most", message, "exchange the two, or leave one out");
        }
        let hardware = table.get("hardware").map(|at| self.texts(at, "image.hardware")).unwrap_or_default();
        let sha256 = table.get("sha256").and_then(|at| self.sha256(at));
        let size = table.get("size").and_then(|at| self.size(at));
        let (has_sha256, has_size) = (sha256.is_some(), size.is_some());
        let image = Image {
            file: file?,
            part: part?,
            vendor: Vendor::new(&vendor?),
            models,
            version: version?,
            sha256: sha256.unwrap_or_default(),
            size: size.unwrap_or_default(),
            from_at_least,
            from_at_most,
            hardware: hardware.into_iter().map(Hardware::new).collect(),
            handling: Handling {
                overrides: self.flag(table, "override"),
                use_defaults: self.flag(table, "use_defaults"),
            },
        };
        Some(DraftImage { image, line: line_of(self.text, value.span().start), has_sha256, has_size })
    }

    /// What stands for the version of a file that is no image; keys that mean nothing there are told of.
    fn no_version(&mut self, table: &DeTable<'_>, part: Part) -> Option<Version> {
        for (key, at) in media::OF_IMAGES_ALONE.into_iter().filter_map(|key| Some((key, table.get(key)?))) {
            self.wrong(at, &format!("image.{key}"), format!("means nothing for a {part}"), "leave it out");
        }
        Some(Version::none())
    }

    fn part(&mut self, at: &Value<'_>) -> Option<Part> {
        let text = self.text(at, "image.part")?;
        let part = Part::of(&text);
        if part.is_none() {
            let words = Part::ALL.map(|part| format!("`{part}`")).join(", ");
            let hint = format!("write one of {words}, or leave the key out: it is the firmware");
            self.wrong(at, "image.part", format!("`{text}` is no part of a phone"), &hint);
        }
        part
    }

    fn models(&mut self, image: &Value<'_>, table: &DeTable<'_>) -> Vec<Model> {
        let Some(at) = table.get("models") else {
            self.missing(image, "models", "models = [\"D785\"]");
            return vec![];
        };
        let models = self.texts(at, "image.models");
        if matches!(at.get_ref(), DeValue::Array(array) if array.is_empty()) {
            self.wrong(
                at,
                "image.models",
                "names no model".into(),
                "name each model as the phones report it",
            );
        }
        models.into_iter().map(Model::new).collect()
    }

    fn required(
        &mut self,
        image: &Value<'_>,
        table: &DeTable<'_>,
        key: &str,
        example: &str,
    ) -> Option<String> {
        match table.get(key) {
            Some(value) => self.text(value, &format!("image.{key}")),
            None => {
                self.missing(image, key, example);
                None
            }
        }
    }

    fn missing(&mut self, image: &Value<'_>, key: &str, example: &str) {
        let hint = format!("add `{example}`");
        self.wrong(image, &format!("image.{key}"), "missing".into(), &hint);
    }

    fn optional_version(&mut self, table: &DeTable<'_>, key: &str) -> Option<Version> {
        let text = self.text(table.get(key)?, &format!("image.{key}"))?;
        self.version(table, key, &text)
    }

    fn version(&mut self, table: &DeTable<'_>, key: &str, text: &str) -> Option<Version> {
        let read = Version::parse(text);
        if let (Err(error), Some(at)) = (&read, table.get(key)) {
            self.wrong(at, &format!("image.{key}"), error.to_string(), "write it as the phone reports it");
        }
        read.ok()
    }

    fn sha256(&mut self, at: &Value<'_>) -> Option<String> {
        let text = self.text(at, "image.sha256")?.to_ascii_lowercase();
        let digits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits {
            let hint = "write 64 hexadecimal digits, or leave the key out: it is computed";
            self.wrong(at, "image.sha256", "not a SHA-256".into(), hint);
        }
        digits.then_some(text)
    }

    fn size(&mut self, at: &Value<'_>) -> Option<u64> {
        let number = at.get_ref().as_integer();
        let size = number.and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        if size.is_none() {
            let hint = "write the length in bytes, or leave the key out: it is computed";
            self.wrong(at, "image.size", "not a length in bytes".into(), hint);
        }
        size
    }

    fn flag(&mut self, table: &DeTable<'_>, key: &str) -> bool {
        let Some(at) = table.get(key) else { return false };
        match at.get_ref() {
            DeValue::Boolean(set) => *set,
            other => {
                let message = format!("is of type {}, not true or false", other.type_str());
                self.wrong(at, &format!("image.{key}"), message, "write `true`, or leave the key out");
                false
            }
        }
    }

    fn texts(&mut self, at: &Value<'_>, key: &str) -> Vec<String> {
        match at.get_ref() {
            DeValue::Array(array) => array.iter().filter_map(|value| self.text(value, key)).collect(),
            _ => {
                self.wrong(at, key, "not a list".into(), "write a list of texts: `[\"…\"]`");
                vec![]
            }
        }
    }

    fn text(&mut self, at: &Value<'_>, key: &str) -> Option<String> {
        match at.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            DeValue::String(_) => {
                self.wrong(at, key, "is empty".into(), "write a value, or leave the key out");
                None
            }
            other => {
                let message = format!("is of type {}, not text", other.type_str());
                self.wrong(at, key, message, "put the value into quotes");
                None
            }
        }
    }

    fn unknown_keys(&mut self, table: &DeTable<'_>, known: &[&str], prefix: &str) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let near = known.iter().find(|known| strsim::damerau_levenshtein(known, name) <= 2);
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys are {}", known.join(", ")),
            };
            let problem = Problem::error(self.file, "unknown key").at(line_of(self.text, key.span().start));
            self.problems.push(problem.of(&format!("{prefix}{name}")).hint(hint));
        }
    }

    fn wrong(&mut self, at: &Value<'_>, key: &str, message: String, hint: &str) {
        let line = line_of(self.text, at.span().start);
        self.problems.push(Problem::error(self.file, message).at(line).of(key).hint(hint));
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(release.images[0].part, Part::Firmware);
        assert!(draft.images[0].has_sha256 && draft.images[0].has_size);
        assert_eq!(draft.images[0].line, 3);
    }

    #[test]
    fn an_image_of_another_part_says_so() {
        for part in Part::ALL.into_iter().filter(|part| *part != Part::Firmware) {
            let mut text = WHOLE.replace("vendor =", &format!("part = \"{part}\"\nvendor ="));
            if part.is_media() {
                let image_alone = ["version =", "from_at_least =", "hardware ="];
                let lines = text.lines().filter(|line| !image_alone.iter().any(|key| line.starts_with(key)));
                text = lines.map(|line| format!("{line}\n")).collect();
            }
            let draft = read(Path::new(MANIFEST), &text).unwrap();
            assert_eq!(draft.images[0].image.part, part);
            let images = vec![draft.images[0].image.clone()];
            assert_eq!(write(&Release { name: "2026-11".into(), images }), text);
        }
        let named = WHOLE.replace("vendor =", "part = \"firmware\"\nvendor =");
        assert_eq!(
            read(Path::new(MANIFEST), &named),
            read(Path::new(MANIFEST), WHOLE).map(|mut draft| {
                draft.images[0].line = 3;
                draft
            })
        );
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
        assert_eq!((draft.images[0].image.part, draft.images[0].image.models.len()), (Part::Uxm, 0));
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let text = r#"name = "../x"
colour = "red"

[[image]]
file = "a/b.bin"
part = "shoe"
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
            "error: release.toml:6: `image.part`: `shoe` is no part of a phone\nhint: write one of `firmware`, `boot`, `radio`, ",
            "error: release.toml:7: `image.vendr`: unknown key\nhint: did you mean `vendor`?",
            "error: release.toml:4: `image.vendor`: missing\nhint: add `vendor = \"snom\"`",
            "error: release.toml:8: `image.models`: names no model\nhint: ",
            "error: release.toml:9: `image.version`: `beta` is not a firmware version\nhint: ",
            "error: release.toml:10: `image.sha256`: not a SHA-256\nhint: ",
            "error: release.toml:11: `image.size`: not a length in bytes\nhint: ",
            "error: release.toml:13: `image.from_at_most`: no version is at least 10 and at most 9\nhint: ",
        ] {
            assert!(messages.iter().any(|message| message.starts_with(wanted)), "{wanted}\n{messages:#?}");
        }
        assert_eq!(messages.len(), 11, "{messages:#?}");
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
}
