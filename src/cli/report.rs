//! What commands print: tables, times, counts; colour only on a terminal, and not against NO_COLOR.

use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, Utc};
use comfy_table::{Cell, ContentArrangement, Table};
use serde::Serialize;

use crate::domain::firmware::Version;
use crate::ports::PhoneView;

/// Where a command prints to.
pub struct Screen {
    out: Box<dyn Write>,
    terminal: bool,
    colour: bool,
    json: bool,
}

/// How much a word wants to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Done.
    Good,
    /// Waiting.
    Notice,
    /// Failed.
    Bad,
}

impl Tone {
    /// The tone of a phone's state.
    pub fn of_state(state: &str) -> Self {
        match state {
            "verified" | "rebooted" | "resynced" | "already-current" => Self::Good,
            "failed" => Self::Bad,
            "waiting" => Self::Plain,
            _ => Self::Notice,
        }
    }

    /// The tone of a kind of history entry.
    pub fn of_entry(kind: &str) -> Self {
        match kind {
            "verified" | "rebooted" | "resynced" | "already-current" => Self::Good,
            "failed" => Self::Bad,
            _ => Self::Plain,
        }
    }
}

impl Screen {
    /// Standard output, as it is: terminal or not.
    pub fn of_stdout(json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        // https://no-color.org: any value that is not empty.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Self { out: Box::new(io::stdout().lock()), terminal, colour: terminal && !unwanted, json }
    }

    /// Whether programs read it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a value for programs.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        writeln!(self.out)
    }

    /// Prints bytes as they are, such as a file that is on its way into another.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Prints a line.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.parts(&[(text, Tone::Plain)])
    }

    /// Prints a line whose parts have tones of their own.
    pub fn parts(&mut self, parts: &[(&str, Tone)]) -> io::Result<()> {
        let painted: String = parts.iter().map(|(text, tone)| self.paint(&clean(text), *tone)).collect();
        writeln!(self.out, "{}", painted.trim_end())
    }

    fn paint(&self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Notice => "33",
            Tone::Bad => "1;31",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints rows under headings; on a terminal long cells are wrapped to its width, elsewhere a row is a line.
    pub fn table(&mut self, headings: &[&str], rows: Vec<Vec<(String, Tone)>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        if self.terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            // Asked for before colour is refused, which would hide the terminal and its width with it.
            if let Some(width) = table.width() {
                table.set_width(width);
            }
        }
        if !self.colour {
            table.force_no_tty();
        }
        table.set_header(headings.to_vec());
        for row in rows {
            let last = row.len().saturating_sub(1);
            let shown = row.into_iter().enumerate().map(|(column, (text, tone))| {
                // Programs split a row at its blanks: no cell but the last may be empty.
                let dash = text.is_empty() && column < last;
                (if dash { "-".to_owned() } else { clean(&text).replace('\n', " ") }, tone)
            });
            table.add_row(shown.map(|(text, tone)| match tone {
                Tone::Plain => Cell::new(text),
                Tone::Good => Cell::new(text).fg(comfy_table::Color::DarkGreen),
                Tone::Notice => Cell::new(text).fg(comfy_table::Color::DarkYellow),
                Tone::Bad => Cell::new(text).fg(comfy_table::Color::DarkRed),
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        writeln!(self.out, "{}", table.trim_fmt())
    }
}

/// Text without control characters: names and versions come from the network, and could write to the terminal of
/// whoever reads them.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// `412 verified, 3 waiting, 1 failed`: the largest first.
pub fn tally<'a>(counts: impl IntoIterator<Item = (&'a str, usize)>) -> String {
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, n)| *n > 0).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    counts.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}

/// `1 phone`, `2 phones`.
pub fn phones(n: usize) -> String {
    if n == 1 { "1 phone".to_owned() } else { format!("{n} phones") }
}

/// `10.1.64.14 → 10.1.198`, or what of it is known.
pub fn versions(runs: Option<&Version>, target: Option<&Version>) -> String {
    match (runs, target) {
        (Some(runs), Some(target)) if runs == target => runs.to_string(),
        (Some(runs), Some(target)) => format!("{runs} → {target}"),
        (Some(runs), None) => runs.to_string(),
        (None, Some(target)) => format!("? → {target}"),
        (None, None) => String::new(),
    }
}

/// `snom D785`, or what of it is known.
pub fn kind(phone: &PhoneView) -> String {
    let words = [phone.vendor.as_ref().map(|v| v.as_str()), phone.model.as_ref().map(|m| m.as_str())];
    let known: Vec<_> = words.into_iter().flatten().collect();
    if known.is_empty() { "unknown phone".to_owned() } else { known.join(" ") }
}

/// The name people know a phone by.
pub fn label(phone: &PhoneView) -> String {
    phone.lines.first().cloned().unwrap_or_else(|| phone.mac.to_string())
}

/// An instant that sorts as text.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Reads an instant from a command line.
pub fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let form = "write it as 2026-11-20T22:00:00+01:00 or 2026-11-20T21:00:00Z";
    text.parse::<DateTime<chrono::FixedOffset>>().map(|t| t.to_utc()).map_err(|e| format!("{e}; {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_begins_with_the_most() {
        let counts = [("failed", 1), ("cancelled", 0), ("verified", 412), ("waiting", 3), ("away", 3)];
        assert_eq!(tally(counts), "412 verified, 3 away, 3 waiting, 1 failed");
        assert_eq!(tally([]), "");
    }

    #[test]
    fn versions_tell_what_is_known() {
        let old = Version::parse("10.1.64.14").unwrap();
        let new = Version::parse("10.1.198").unwrap();
        for (runs, target, expected) in [
            (Some(&old), Some(&new), "10.1.64.14 → 10.1.198"),
            (Some(&new), Some(&new), "10.1.198"),
            (None, Some(&new), "? → 10.1.198"),
            (Some(&old), None, "10.1.64.14"),
            (None, None, ""),
        ] {
            assert_eq!(versions(runs, target), expected);
        }
    }

    #[test]
    fn an_instant_needs_its_zone() {
        assert_eq!(stamp(instant("2026-11-20T22:00:00+01:00").unwrap()), "2026-11-20 21:00:00Z");
        assert!(instant("2026-11-20 22:00").unwrap_err().ends_with("or 2026-11-20T21:00:00Z"));
    }

    #[test]
    fn a_phone_cannot_write_to_the_terminal() {
        assert_eq!(clean("snom\x1b]0;owned\x07\u{9b}2J\r"), "snom\u{fffd}]0;owned\u{fffd}\u{fffd}2J\u{fffd}");
    }

    #[test]
    fn colour_stays_away_from_what_is_no_terminal() {
        let screen = |colour| Screen { out: Box::new(io::sink()), terminal: false, colour, json: false };
        assert_eq!(screen(false).paint("failed", Tone::Bad), "failed");
        assert_eq!(screen(true).paint("failed", Tone::Bad), "\x1b[1;31mfailed\x1b[0m");
    }
}
