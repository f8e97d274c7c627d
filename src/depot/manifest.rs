//! `release.toml`: which images make up a release, read with every problem named, written complete.

use std::fmt::Write as _;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use crate::domain::firmware::{Image, ModuleKind, Part, Release, Version};
use crate::domain::phone::{Hardware, Model, Vendor};

/// The manifest's name, beside the images.
pub const MANIFEST: &str = "release.toml";

const KEYS: [&str; 2] = ["name", "image"];
const IMAGE_KEYS: [&str; 12] = [
    "file",
    "vendor",
    "models",
    "version",
    "sha256",
    "size",
    "from_at_least",
    "from_at_most",
    "hardware",
    "part",
    "chained",
    "bootloader",
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
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n[[image]]\nfile = {}\nvendor = {}\n{}version = {}\nsha256 = {}\nsize = {}\n",
            quoted(&image.file),
            quoted(image.vendor.as_str()),
            if models.is_empty() { String::new() } else { format!("models = {}\n", list(&models)) },
            quoted(image.version.as_str()),
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
        write_part(&mut text, &image.part);
    }
    text
}

fn write_part(text: &mut String, part: &Part) {
    // Writing to a String does not fail.
    match part {
        Part::Phone { chained, bootloader } => {
            for (key, file) in [("chained", chained), ("bootloader", bootloader)] {
                if let Some(file) = file {
                    let _ = writeln!(text, "{key} = {}", quoted(file));
                }
            }
        }
        Part::Module(_) | Part::Chained | Part::Bootloader => {
            let _ = writeln!(text, "part = {}", quoted(part.slug()));
        }
    }
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
        let vendor = self.required(value, table, "vendor", "vendor = \"snom\"");
        let version = self.required(value, table, "version", "version = \"10.1.198.19\"");
        let part = self.part(table);
        // A module's image is for whatever phone it hangs on, a chained one for whom its first one is.
        let models =
            if part.is_phone() || table.contains_key("models") { self.models(value, table) } else { vec![] };
        if let (Some(name), Some(at)) = (&file, table.get("file"))
            && !is_file_name(name)
        {
            let hint = "use a plain name without folders: letters, digits, `.`, `-`, `_` and `+`";
            self.wrong(at, "image.file", format!("`{name}` cannot be served"), hint);
        }
        let version = version.and_then(|text| self.version(table, "version", &text));
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
            vendor: Vendor::new(&vendor?),
            models,
            version: version?,
            sha256: sha256.unwrap_or_default(),
            size: size.unwrap_or_default(),
            from_at_least,
            from_at_most,
            hardware: hardware.into_iter().map(Hardware::new).collect(),
            part,
        };
        Some(DraftImage { image, line: line_of(self.text, value.span().start), has_sha256, has_size })
    }

    /// What of a phone the image is for.
    fn part(&mut self, table: &DeTable<'_>) -> Part {
        let mut named = |key: &str| {
            let at = table.get(key)?;
            let file = self.text(at, &format!("image.{key}"))?;
            if !is_file_name(&file) {
                let hint = "name a file of this release, which has an `[[image]]` of its own";
                self.wrong(at, &format!("image.{key}"), format!("`{file}` cannot be served"), hint);
            }
            Some(file)
        };
        let beside = Part::Phone { chained: named("chained"), bootloader: named("bootloader") };
        let Some(at) = table.get("part") else { return beside };
        let part = match self.text(at, "image.part").as_deref() {
            Some("phone") | None => return beside,
            Some("uxm") => Part::Module(ModuleKind::Uxm),
            Some("d7c") => Part::Module(ModuleKind::D7c),
            Some("chained") => Part::Chained,
            Some("bootloader") => Part::Bootloader,
            Some(other) => {
                let message = format!("`{other}` is no part of a phone");
                self.wrong(
                    at,
                    "image.part",
                    message,
                    "write `phone`, `uxm`, `d7c`, `chained` or `bootloader`",
                );
                return beside;
            }
        };
        if !beside.is_plain() {
            let message = format!("an image for `{}` has nothing beside it", part.slug());
            let hint = "`chained` and `bootloader` belong to the phone's own image";
            self.wrong(at, "image.part", message, hint);
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
#[path = "manifest_tests.rs"]
mod tests;
