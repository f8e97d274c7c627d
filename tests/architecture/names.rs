//! Reads which paths a Rust file names, in `use` trees and elsewhere; comments and literals say nothing.

use std::iter::Peekable;

/// A path a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its parts. What lies in this crate begins with `crate`, whatever way it was written.
    pub path: Vec<String>,
}

impl Named {
    /// The path as it would be written.
    pub fn text(&self) -> String {
        self.path.join("::")
    }

    /// Whether it is this path or something in it.
    pub fn is_in(&self, path: &str) -> bool {
        self.text() == path || self.text().starts_with(&format!("{path}::"))
    }
}

/// Every path that the text of the file at `file` (from the root of the crate: `src/sip/agent.rs`) names.
pub fn names(file: &str, text: &str) -> Vec<Named> {
    let mut reader = Reader { tokens: &tokens(text), at: 0, module: module_of(file), inline: Vec::new() };
    let mut found = Vec::new();
    let mut depth = 0;
    while let Some((line, token)) = reader.next() {
        match token {
            "use" => reader.tree(line, &mut Vec::new(), &mut found),
            "mod" if reader.ahead(1) == "{" => {
                let name = reader.ahead(0).to_owned();
                reader.inline.push((name, depth));
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                reader.inline.pop_if(|(_, outside)| *outside == depth);
            }
            _ if is_word(token) && reader.ahead(0) == "::" => {
                let mut path = vec![token.to_owned()];
                while reader.ahead(0) == "::" && is_word(reader.ahead(1)) {
                    reader.next();
                    path.extend(reader.next().map(|(_, part)| part.to_owned()));
                }
                found.push(reader.named(line, &path));
            }
            _ => {}
        }
    }
    found
}

/// The module a file is: `src/sip/mod.rs` is `sip`, and `gates_tests.rs` the tests of `gates`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_prefix("src/").unwrap_or(file);
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let last = parts.pop().unwrap_or_default();
    match (last.as_str(), last.strip_suffix("_tests")) {
        ("mod" | "lib" | "main", _) => {}
        (_, Some(of)) => parts.extend([of.to_owned(), "tests".to_owned()]),
        (_, None) => parts.push(last),
    }
    parts
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

struct Reader<'a> {
    tokens: &'a [(usize, String)],
    at: usize,
    module: Vec<String>,
    /// Modules written inside the file that are open here, each with the depth of braces outside it.
    inline: Vec<(String, i32)>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let (line, token) = self.tokens.get(self.at)?;
        self.at += 1;
        Some((*line, token))
    }

    fn ahead(&self, n: usize) -> &'a str {
        self.tokens.get(self.at + n).map_or("", |(_, token)| token)
    }

    /// The rest of a `use` tree whose beginning is `path`.
    fn tree(&mut self, line: usize, path: &mut Vec<String>, found: &mut Vec<Named>) {
        let outside = path.len();
        loop {
            match self.ahead(0) {
                "{" => {
                    self.next();
                    while !matches!(self.ahead(0), "}" | "") {
                        let line = self.tokens.get(self.at).map_or(line, |(line, _)| *line);
                        self.tree(line, path, found);
                        if self.ahead(0) == "," {
                            self.next();
                        }
                    }
                    self.next();
                    path.truncate(outside);
                    return;
                }
                "::" => {
                    self.next();
                }
                "as" => {
                    self.next();
                    self.next();
                }
                token if is_word(token) || token == "*" => {
                    path.push(token.to_owned());
                    self.next();
                }
                _ => break,
            }
        }
        if path.len() > outside {
            found.push(self.named(line, path));
        }
        path.truncate(outside);
    }

    fn named(&self, line: usize, path: &[String]) -> Named {
        let mut here: Vec<String> = vec!["crate".to_owned()];
        here.extend(self.module.iter().cloned());
        here.extend(self.inline.iter().map(|(name, _)| name.clone()));
        let mut rest = path;
        match path[0].as_str() {
            "crate" | "sipherd" => {
                here.truncate(1);
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    here.pop();
                    rest = &rest[1..];
                }
            }
            _ => here.clear(),
        }
        here.extend(rest.iter().cloned());
        Named { line, path: here }
    }
}

/// Words, `::` and single signs, each with its line.
pub fn tokens(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            '/' if rest.peek() == Some(&'*') => line += block_comment(&mut rest),
            '"' => line += string(&mut rest, 0, true),
            '\'' => quote(&mut rest),
            ':' if rest.next_if_eq(&':').is_some() => found.push((line, "::".to_owned())),
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                let literal = matches!(word.as_str(), "r" | "b" | "br" | "c" | "cr");
                let mut hashes = 0;
                while literal && word.ends_with('r') && rest.next_if_eq(&'#').is_some() {
                    hashes += 1;
                }
                if literal && rest.next_if_eq(&'"').is_some() {
                    line += string(&mut rest, hashes, !word.ends_with('r'));
                } else if hashes == 0 {
                    found.push((line, word));
                }
            }
            c if c.is_whitespace() => {}
            c => found.push((line, c.to_string())),
        }
    }
    found
}

/// Skips to the end of a block comment, which may hold others; tells how many lines it took.
fn block_comment(rest: &mut Peekable<impl Iterator<Item = char>>) -> usize {
    let (mut depth, mut lines) = (1, 0);
    rest.next();
    while let Some(c) = rest.next() {
        match c {
            '\n' => lines += 1,
            '/' if rest.next_if_eq(&'*').is_some() => depth += 1,
            '*' if rest.next_if_eq(&'/').is_some() => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    lines
}

/// Skips to the end of a string that ends with so many `#`; tells how many lines it took.
fn string(rest: &mut Peekable<impl Iterator<Item = char>>, hashes: usize, escapes: bool) -> usize {
    let mut lines = 0;
    while let Some(c) = rest.next() {
        match c {
            '\n' => lines += 1,
            '\\' if escapes => lines += usize::from(rest.next() == Some('\n')),
            '"' if (0..hashes).all(|_| rest.next_if_eq(&'#').is_some()) => break,
            _ => {}
        }
    }
    lines
}

/// Skips a character in quotes; a lifetime stays, as a word nobody looks for.
fn quote(rest: &mut Peekable<impl Iterator<Item = char>>) {
    match rest.next() {
        Some('\\') => {
            rest.next();
            while rest.next_if(|c| *c != '\'').is_some() {}
            rest.next();
        }
        Some(_) => {
            rest.next_if_eq(&'\'');
        }
        None => {}
    }
}
