//! What is wrong with a file, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::code::Code;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing is loaded until it is mended.
    Error,
    /// It is loaded, but may not do what its author thinks.
    Warning,
}

/// Where in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The first character after what is meant, in the same line; equal to `column` where nothing is underlined.
    pub end_column: usize,
    /// The line's text; `None` where it might hold a secret.
    #[serde(skip)]
    pub text: Option<String>,
    /// The bytes of the text that are meant.
    #[serde(skip)]
    pub span: Range<usize>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of problem it is.
    pub code: Code,
    /// The file, as the user would name it.
    pub file: PathBuf,
    /// Where in the file; `None` for the file as a whole.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What is wrong, as a lower-case phrase.
    pub message: String,
    /// What was perhaps meant.
    pub near: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    /// An error in this file.
    pub fn error(file: &Path, message: impl Into<String>) -> Self {
        let (file, message) = (file.to_owned(), message.into());
        let (severity, code) = (Severity::Error, Code::Mistake);
        Self { severity, code, file, place: None, message, near: None, hint: None }
    }

    /// A warning about this file.
    pub fn warning(file: &Path, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, code: Code::Doubtful, ..Self::error(file, message) }
    }

    /// The same problem, of this kind.
    pub fn code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// The same problem at this place.
    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The same problem with what to do.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same problem with what was perhaps meant.
    pub fn near(self, near: Option<String>) -> Self {
        Self { near, ..self }
    }

    /// `file:line: message`, without the severity: for logs and editors.
    pub fn one_line(&self) -> String {
        let line = self.place.as_ref().map(|place| format!(":{}", place.line)).unwrap_or_default();
        let near = self.near.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        format!("{}{line}: {}{near}", self.file.display(), self.message)
    }
}

impl Problem {
    /// What is wrong, what was perhaps meant and what to do, a line each, without the place.
    pub fn in_full(&self) -> String {
        let near = self.near.iter().map(|near| format!("\ndid you mean `{near}`?"));
        let hint = self.hint.iter().map(|hint| format!("\nhint: {hint}"));
        near.chain(hint).fold(self.message.clone(), |text, line| text + &line)
    }
}

impl fmt::Display for Problem {
    /// With the line it stands on, in the manner of rustc.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let path = self.file.display().to_string();
        let near = self.near.as_ref().map(|near| format!("did you mean `{near}`?"));
        let mut group = level.primary_title(self.message.as_str()).elements(None::<Origin<'_>>);
        let mut said = false;
        match &self.place {
            Some(Place { line, text: Some(text), span, .. }) => {
                said = true;
                group = group.element(
                    Snippet::source(text.as_str())
                        .line_start(*line)
                        .path(path)
                        .annotation(AnnotationKind::Primary.span(span.clone()).label(near.clone())),
                );
            }
            Some(Place { line, column, .. }) => {
                group = group.element(Origin::path(path).line(*line).char_column(*column));
            }
            None => group = group.element(Origin::path(path)),
        }
        let unsaid = near.filter(|_| !said);
        for hint in unsaid.iter().chain(&self.hint) {
            group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
        }
        f.write_str(&Renderer::plain().render(&[group]))
    }
}

/// Everything that is wrong, in the order of the files and lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The problems; at least one is an error when loading was refused.
    pub problems: Vec<Problem>,
    /// How many files were read.
    pub files: usize,
}

impl Report {
    /// Whether anything forbids loading.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// `1 error, 1 warning in 7 files`.
    pub fn counts(&self) -> String {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        format!(
            "{}, {} in {}",
            count(self.count(Severity::Error), "error"),
            count(self.count(Severity::Warning), "warning"),
            count(self.files, "file")
        )
    }

    /// How many problems are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}\n")?;
        }
        f.write_str(&self.counts())
    }
}

impl std::error::Error for Report {}
