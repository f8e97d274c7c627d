//! What differs between two configurations of a phone.

use similar::TextDiff;

use crate::phones::innovaphone::configuration::lasting;

/// The difference as `diff -u` writes it; empty when there is none.
///
/// Lines that change by themselves, and empty ones, are left out unless `all` is asked for. Bytes that are no UTF-8 are
/// shown as �.
pub fn difference(from: (&str, &[u8]), to: (&str, &[u8]), all: bool) -> String {
    let lines = |bytes: &[u8]| -> String {
        let every: Box<dyn Iterator<Item = &[u8]>> = if all {
            let end = |line: &[u8]| line.len() - usize::from(line.ends_with(b"\r"));
            Box::new(bytes.split_inclusive(|byte| *byte == b'\n').map(move |line| {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                &line[..end(line)]
            }))
        } else {
            Box::new(lasting(bytes))
        };
        every.map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect()
    };
    let (before, after) = (lines(from.1), lines(to.1));
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    diff.unified_diff().context_radius(3).header(from.0, to.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &[u8] =
        b"config change PHONE /lang de\r\nvars create UPDATE/CHECK p 1\r\nconfig change X /a\r\n";
    const AFTER: &[u8] =
        b"config change PHONE /lang en\r\nvars create UPDATE/CHECK p 2\r\nconfig change X /a\r\n";

    #[test]
    fn two_configurations_differ_by_their_lines() {
        assert_eq!(
            difference(("1", BEFORE), ("2", AFTER), false),
            "--- 1\n+++ 2\n@@ -1,2 +1,2 @@\n-config change PHONE /lang de\n+config change PHONE /lang en\n config change X /a\n"
        );
        let all = difference(("1", BEFORE), ("2", AFTER), true);
        assert!(
            all.contains("-vars create UPDATE/CHECK p 1\n")
                && all.contains("+vars create UPDATE/CHECK p 2\n"),
            "{all}"
        );
        assert!(!all.contains('\r'), "{all:?}");
    }

    #[test]
    fn equal_ones_do_not() {
        assert_eq!(difference(("1", BEFORE), ("2", BEFORE), true), "");
        assert_eq!(difference(("1", b"vars create UPDATE/X p 1"), ("2", b"\r\n"), false), "");
    }
}
