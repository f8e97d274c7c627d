//! A device's configuration, as `scfg` hands it in: which of its lines change by themselves.

/// The lines by which two configurations of a device are compared, without those that change by themselves and empty
/// ones.
///
/// The maker's own update server leaves the same lines out: what the update client remembers, the tickets of TLS
/// sessions, and the items of call lists.
pub fn lasting(configuration: &[u8]) -> impl Iterator<Item = &[u8]> {
    configuration
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .filter(|line| !line.is_empty() && !changes_by_itself(line))
}

fn changes_by_itself(line: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 3] =
        [b"vars create UPDATE/", b"config change UP1 /", b"vars create TLS0/TICKET/"];
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) || is_call(line)
}

/// `mod cmd FLASHDIR0 add-item …)(type=…(info=…`: items of other lists have no type or no info.
fn is_call(line: &[u8]) -> bool {
    let after =
        |text: &[u8], word: &[u8]| text.windows(word.len()).position(|w| w == word).map(|at| at + word.len());
    let Some(rest) = line.strip_prefix(b"mod cmd FLASHDIR0 add-item ") else { return false };
    after(rest, b")(type=").is_some_and(|at| after(&rest[at..], b"(info=").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_change_by_themselves_are_left_out() {
        let configuration = "config change PHONE APP0 /lang de\r\n\
            vars create UPDATE/PROT p 13r3-5656\r\n\
            config change UP1 /url http://192.0.2.5/\r\n\
            vars create TLS0/TICKET/0 pb 0011\r\n\
            mod cmd FLASHDIR0 add-item 101 (cn=x)(type=call)(info=2117)\r\n\
            mod cmd FLASHDIR0 add-item 101 (cn=Reception)(h323=100)\r\n\
            \r\n\
            vars create PHONE/DIR p 1\n";
        let left: Vec<&str> =
            lasting(configuration.as_bytes()).map(|line| std::str::from_utf8(line).unwrap()).collect();
        assert_eq!(
            left,
            [
                "config change PHONE APP0 /lang de",
                "mod cmd FLASHDIR0 add-item 101 (cn=Reception)(h323=100)",
                "vars create PHONE/DIR p 1"
            ]
        );
    }

    #[test]
    fn words_in_the_middle_of_a_line_change_nothing() {
        let text =
            b"config add UP1 /url x\nxvars create UPDATE/PROT\nmod cmd FLASHDIR0 add-item (info=1)(type=call";
        assert_eq!(lasting(text).count(), 3);
        assert_eq!(lasting(b"").count(), 0);
        assert_eq!(lasting(b"\xff\xfe\r").collect::<Vec<_>>(), [b"\xff\xfe"]);
    }
}
