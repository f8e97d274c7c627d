//! Reading a script: every mistake of all lines at once, each at its place and with what to write instead.

use std::ops::Range;

use super::word::{Word, words};
use super::{Code, Command, Final, Hours, Line, Once, Script};

/// A line that the device would not understand as its author means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1.
    pub line: usize,
    /// The bytes of the line that are meant; empty at its end where something is missing.
    pub span: Range<usize>,
    /// What is wrong, as a lower-case phrase.
    pub message: String,
    /// What to write.
    pub hint: String,
}

/// A mistake in a line, before its number is known.
type Mistake = (Range<usize>, String, String);

/// Reads a script. Lines of other commands are kept as they stand; the verbs of UP0, UP1 and WLANMGR0 must be
/// complete.
pub fn read(text: &str) -> Result<Script, Vec<Wrong>> {
    let (mut lines, mut wrongs) = (Vec::new(), Vec::new());
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        match read_line(line) {
            Ok(read) => lines.push(read),
            Err((span, message, hint)) => wrongs.push(Wrong { line: index + 1, span, message, hint }),
        }
    }
    if wrongs.is_empty() { Ok(Script { lines }) } else { Err(wrongs) }
}

fn read_line(line: &str) -> Result<Line, Mistake> {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return Ok(Line::Blank);
    }
    if trimmed.starts_with('#') {
        return Ok(Line::Comment(trimmed.to_owned()));
    }
    if let Some((at, sign)) = trimmed.char_indices().find(|(_, sign)| sign.is_control() && *sign != '\t') {
        let at = line.len() - line.trim_start().len() + at;
        let message = format!("the line holds the control character U+{:04X}", u32::from(sign));
        return Err((at..at + sign.len_utf8(), message, "save the script as plain text".into()));
    }
    let words = words(line);
    let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
    let mut rest = Rest { words: words.get(4..).unwrap_or_default(), end: line.trim_end().len() };
    let command = match texts.as_slice() {
        ["mod", "cmd", "UP1", "check", ..] => check(&mut rest)?,
        ["mod", "cmd", "UP1", "times", ..] => times(&mut rest)?,
        ["mod", "cmd", "UP1", "poll", ..] => Command::Poll,
        ["mod", "cmd", "UP1", "provision", ..] => {
            Command::Provision(rest.number("the number", "write `mod cmd UP1 provision 1`")?)
        }
        ["mod", "cmd", "UP0", "scfg", ..] => save(&mut rest)?,
        ["mod", "cmd", "UP0", "cfg", ..] => {
            let (url, then, serial) =
                rest.transfer("cfg", "http://192.0.2.5/configs/site.txt", "iresetn", "1")?;
            Command::Load { url, then, serial }
        }
        ["mod", "cmd", "UP0", verb, ..] if Code::ALL.iter().any(|code| code.word() == *verb) => {
            let code = Code::ALL.into_iter().find(|code| code.word() == *verb).unwrap_or(Code::Firmware);
            let (url, then, serial) = match code {
                Code::Firmware => rest.transfer(verb, "http://192.0.2.5/firmware/", "ireset", "04-5656")?,
                Code::Boot => rest.transfer(verb, "http://192.0.2.5/firmware/", "ireboot", "205")?,
                Code::Radio => {
                    rest.transfer(verb, "http://192.0.2.5/bmc/PCS04fd.bin", "ireset", "PCS04fd")?
                }
            };
            Command::Fetch { code, url, then, serial }
        }
        ["mod", "cmd", "WLANMGR0", "activate-pwr", ..] => Command::StayAwake(true),
        ["mod", "cmd", "WLANMGR0", "deactivate-pwr", ..] => Command::StayAwake(false),
        ["mod", "cmd", module, ..]
            if ["UP0", "UP1", "WLANMGR0"].iter().any(|m| m != module && m.eq_ignore_ascii_case(module)) =>
        {
            let hint = format!("write `{}`", module.to_ascii_uppercase());
            return Err((words[2].span(), format!("the device has no module `{module}`"), hint));
        }
        [word] if Final::of(word).is_some_and(|last| last != Final::Nothing) => {
            rest.words = &[];
            Command::Restart(Final::of(word).unwrap_or(Final::Nothing))
        }
        _ => return Ok(Line::Command(Command::Other(trimmed.to_owned()))),
    };
    rest.nothing_more()?;
    Ok(Line::Command(command))
}

fn check(rest: &mut Rest<'_, '_>) -> Result<Command, Mistake> {
    let hint = "write `mod cmd UP1 check ser 2026-11-20`";
    let then = rest.last(hint)?;
    Ok(Command::Check { then, serial: rest.serial(hint)? })
}

fn times(rest: &mut Rest<'_, '_>) -> Result<Command, Mistake> {
    let (mut allow, mut initial) = (None, None);
    while let Some(word) = rest.next() {
        let twice = match word.text {
            "/allow" => allow.replace(rest.hours()?).is_some(),
            "/initial" => {
                let hint = "write the minutes after a boot: `/initial 6`";
                initial.replace(rest.number("the number of minutes", hint)?).is_some()
            }
            other => {
                let hint = "`times` takes `/allow` with hours and `/initial` with minutes";
                return Err((word.span(), format!("`times` does not know `{other}`"), hint.into()));
            }
        };
        if twice {
            let hint = "leave one of them out".into();
            return Err((word.span(), format!("`{}` stands here twice", word.text), hint));
        }
    }
    if allow.is_none() && initial.is_none() {
        let hint = "write `mod cmd UP1 times /allow 22,23,0,1,2,3,4 /initial 6`";
        return Err((rest.end..rest.end, "`times` has neither `/allow` nor `/initial`".into(), hint.into()));
    }
    Ok(Command::Times { allow, initial })
}

fn save(rest: &mut Rest<'_, '_>) -> Result<Command, Mistake> {
    let hint = "write `mod cmd UP0 scfg http://192.0.2.5/configs/#h.txt no-op WEEKLY /force 168`";
    let url = rest.url(hint)?;
    if rest.words.is_empty() {
        return Ok(Command::Save { url, once: None });
    }
    let then = rest.last(hint)?;
    let serial = rest.serial(hint)?;
    let force = match rest.words.first() {
        Some(word) if word.text == "/force" => {
            rest.next();
            Some(rest.number("the number of hours", hint)?)
        }
        _ => None,
    };
    Ok(Command::Save { url, once: Some(Once { then, serial, force }) })
}

/// The words of a line that nobody has read yet.
struct Rest<'w, 'l> {
    words: &'w [Word<'l>],
    end: usize,
}

impl<'l> Rest<'_, 'l> {
    fn next(&mut self) -> Option<Word<'l>> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    fn need(&mut self, what: &str, hint: &str) -> Result<Word<'l>, Mistake> {
        let end = self.end;
        self.next().ok_or_else(|| (end..end, format!("{what} is missing"), hint.to_owned()))
    }

    fn nothing_more(&self) -> Result<(), Mistake> {
        match self.words {
            [] => Ok(()),
            [first, ..] => {
                let message = format!("the command has ended before `{}`", first.text);
                Err((first.start..self.end, message, "leave it out, or begin a new line".into()))
            }
        }
    }

    /// `<url> <final-command> <serial>`.
    fn transfer(
        &mut self,
        verb: &str,
        url: &str,
        then: &str,
        serial: &str,
    ) -> Result<(String, Final, String), Mistake> {
        let hint = format!("write `mod cmd UP0 {verb} {url} {then} {serial}`");
        Ok((self.url(&hint)?, self.last(&hint)?, self.serial(&hint)?))
    }

    fn url(&mut self, hint: &str) -> Result<String, Mistake> {
        let word = self.need("the URL", hint)?;
        // What was copied off a page often lost its addresses.
        if Final::of(word.text).is_some() {
            let message = format!("the URL is missing before `{}`", word.text);
            return Err((word.span(), message, hint.to_owned()));
        }
        Ok(word.text.to_owned())
    }

    fn last(&mut self, hint: &str) -> Result<Final, Mistake> {
        let word = self.need("the final command", hint)?;
        Final::of(word.text).ok_or_else(|| {
            let message = format!("`{}` is no final command", word.text);
            let hint =
                "final commands are `ireset`, `iresetn`, `ireboot`, `reset`, `resetn`, `reboot` and `ser`";
            (word.span(), message, hint.to_owned())
        })
    }

    fn serial(&mut self, hint: &str) -> Result<String, Mistake> {
        let word = self.need("the serial", hint)?;
        if word.text.starts_with('/') {
            return Err((
                word.span(),
                format!("the serial is missing before `{}`", word.text),
                hint.to_owned(),
            ));
        }
        Ok(word.text.to_owned())
    }

    fn number(&mut self, what: &str, hint: &str) -> Result<u32, Mistake> {
        let word = self.need(what, hint)?;
        let digits = word.text.bytes().all(|byte| byte.is_ascii_digit());
        let wrong = || (word.span(), format!("`{}` is not a number", word.text), hint.to_owned());
        if digits { word.text.parse().map_err(|_| wrong()) } else { Err(wrong()) }
    }

    fn hours(&mut self) -> Result<Hours, Mistake> {
        let hint = "list hours from 0 to 23 with commas and without blanks: `/allow 22,23,0,1`";
        let word = self.need("the list of hours", hint)?;
        // `22, 23`: the device would read 22 alone.
        if word.text.ends_with(',') || self.words.first().is_some_and(|next| !next.text.starts_with('/')) {
            return Err((
                word.start..self.end,
                "the list of hours has a blank in it".into(),
                hint.to_owned(),
            ));
        }
        let mut hours = Vec::new();
        let mut start = word.start;
        for part in word.text.split(',') {
            let span = start..start + part.len();
            start = span.end + 1;
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            match part.parse::<u8>() {
                Ok(hour) if digits && hour < 24 => hours.push(hour),
                _ => return Err((span, format!("`{part}` is not an hour of the day"), hint.to_owned())),
            }
        }
        Hours::new(hours).ok_or_else(|| (word.span(), "no hour is listed".to_owned(), hint.to_owned()))
    }
}
