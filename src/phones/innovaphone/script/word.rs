//! The words of a line, and where they stand.

use std::ops::Range;

/// A word of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// Its text, without blanks.
    pub text: &'a str,
    /// Its first byte in the line.
    pub start: usize,
}

impl Word<'_> {
    /// Its bytes in the line.
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// The words of a line: blanks and tabs part them.
pub(super) fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, sign) in line.char_indices().chain([(line.len(), ' ')]) {
        match (start, sign.is_whitespace()) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.push(Word { text: &line[from..at], start: from });
                start = None;
            }
            (None, true) | (Some(_), false) => {}
        }
    }
    words
}
