//! TFTP on the wire: RFC 1350, with the options of RFC 2347.

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    /// It wants to read.
    Read(Ask),
    /// It wants to write, which nobody may.
    Write,
    /// It has everything up to this block.
    Ack(u16),
    /// It gives up.
    Error {
        /// Its reason as a number.
        code: u16,
        /// Its reason in words.
        text: String,
    },
    /// Something only a server sends.
    Foreign,
}

/// A request to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// The file's name as it was sent.
    pub name: String,
    /// How its bytes are written on the wire.
    pub mode: Mode,
    /// Options, their names in lower case, in the order they were sent; one that is there twice counts once.
    pub options: Vec<(String, String)>,
}

/// How bytes are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As they are.
    Octet,
    /// With ends of lines as a network terminal has them: LF as CR LF, CR as CR NUL.
    Netascii,
}

/// A datagram that is no TFTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// Too short, or its kind is unknown.
    #[error("this is no TFTP")]
    NoTftp,
    /// A request without its parts, or with bytes that are no text.
    #[error("a request has a file, a mode and pairs of options, each ended by a zero byte")]
    NoRequest,
    /// A mode nobody has used in decades.
    #[error("the mode must be octet or netascii")]
    Mode,
}

/// Numbers of errors.
pub(super) mod code {
    /// The text says what is wrong.
    pub const SEE_TEXT: u16 = 0;
    /// There is no such file, for this client.
    pub const NOT_FOUND: u16 = 1;
    /// It is there, and not for this client.
    pub const ACCESS: u16 = 2;
    /// That is no TFTP.
    pub const ILLEGAL: u16 = 4;
}

const MOST_OPTIONS: usize = 16;
const LONGEST_ERROR: usize = 200;

/// Reads a datagram.
pub(super) fn parse(datagram: &[u8]) -> Result<Packet, Malformed> {
    let (kind, rest) = datagram.split_first_chunk::<2>().ok_or(Malformed::NoTftp)?;
    let number = || rest.first_chunk::<2>().map(|n| u16::from_be_bytes(*n)).ok_or(Malformed::NoTftp);
    match u16::from_be_bytes(*kind) {
        1 => ask(rest).map(Packet::Read),
        2 => Ok(Packet::Write),
        3 | 6 => Ok(Packet::Foreign),
        4 => number().map(Packet::Ack),
        5 => {
            let text = rest.get(2..).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
            let text = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(200).collect();
            number().map(|code| Packet::Error { code, text })
        }
        _ => Err(Malformed::NoTftp),
    }
}

fn ask(rest: &[u8]) -> Result<Ask, Malformed> {
    // Every part ends with a zero byte, so what follows the last one is empty. Some clients pad it with more of them.
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split(|byte| *byte == 0) {
        parts.push(std::str::from_utf8(part).map_err(|_| Malformed::NoRequest)?);
    }
    if parts.pop() != Some("") || parts.len() < 2 {
        return Err(Malformed::NoRequest);
    }
    let (name, mode) = (parts[0], parts[1]);
    let mode = match mode.to_ascii_lowercase().as_str() {
        "octet" => Mode::Octet,
        "netascii" => Mode::Netascii,
        _ => return Err(Malformed::Mode),
    };
    let mut options: Vec<(String, String)> = Vec::new();
    for pair in parts[2..].chunks(2).take(MOST_OPTIONS) {
        let [name, value] = pair else { break };
        let name = name.to_ascii_lowercase();
        // RFC 2347: an option may stand in a request once.
        if !name.is_empty() && options.iter().all(|(known, _)| *known != name) {
            options.push((name, (*value).to_owned()));
        }
    }
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Malformed::NoRequest);
    }
    Ok(Ask { name: name.to_owned(), mode, options })
}

/// The head of a block of data; its bytes follow.
pub(super) fn data_head(block: u16) -> [u8; 4] {
    let [high, low] = block.to_be_bytes();
    [0, 3, high, low]
}

/// The options that are agreed to.
pub(super) fn option_ack(options: &[(&str, u64)]) -> Vec<u8> {
    let mut packet = vec![0, 6];
    for (name, value) in options {
        packet.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
    }
    packet
}

/// An error, in words that a phone's screen or an administrator's client shows.
pub(super) fn error(code: u16, text: &str) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    let mut packet = vec![0, 5, high, low];
    packet.extend(
        text.chars()
            .map(|c| if c.is_ascii_graphic() || c == ' ' { c as u8 } else { b'?' })
            .take(LONGEST_ERROR),
    );
    packet.push(0);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &[&str]) -> Result<Packet, Malformed> {
        let mut datagram = vec![0, 1];
        datagram.extend(parts.iter().flat_map(|part| part.bytes().chain([0])));
        parse(&datagram)
    }

    #[test]
    fn a_request_is_read_with_its_options() {
        let Ok(Packet::Read(ask)) =
            read(&["/x.bin", "OCTET", "blkSize", "1428", "tsize", "0", "blksize", "8"])
        else {
            panic!()
        };
        assert_eq!((ask.name.as_str(), ask.mode), ("/x.bin", Mode::Octet));
        let options: Vec<_> =
            ask.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(options, [("blksize", "1428"), ("tsize", "0")], "the second blksize counts for nothing");
        assert!(matches!(read(&["x", "netascii"]), Ok(Packet::Read(Ask { mode: Mode::Netascii, .. }))));
        assert!(matches!(read(&["x", "octet", "odd"]), Ok(Packet::Read(ask)) if ask.options.is_empty()));
    }

    #[test]
    fn a_request_that_is_none_is_refused() {
        for parts in [&[][..], &["x"], &["", "octet"], &["a\nb", "octet"]] {
            assert_eq!(read(parts), Err(Malformed::NoRequest), "{parts:?}");
        }
        assert_eq!(read(&["x", "mail"]), Err(Malformed::Mode));
        assert_eq!(parse(b"\0\x01x\0octet"), Err(Malformed::NoRequest), "the last part is not ended");
        assert_eq!(parse(b"\0\x01\xff\0octet\0"), Err(Malformed::NoRequest));
        for rubbish in [&b""[..], b"\0", b"\0\x04\0", b"\0\x05", b"\0\x07xx", b"REGISTER sip:x SIP/2.0"] {
            assert_eq!(parse(rubbish), Err(Malformed::NoTftp), "{rubbish:?}");
        }
    }

    #[test]
    fn the_rest_is_read_and_written_as_the_rfc_has_it() {
        assert_eq!(parse(b"\0\x04\x01\x02"), Ok(Packet::Ack(258)));
        assert_eq!(parse(b"\0\x02x\0octet\0"), Ok(Packet::Write));
        assert_eq!(parse(b"\0\x03\0\x01data"), Ok(Packet::Foreign));
        assert_eq!(
            parse(b"\0\x05\0\x03Disk full\0"),
            Ok(Packet::Error { code: 3, text: "Disk full".into() })
        );
        assert_eq!(parse(b"\0\x05\0\0no zero"), Ok(Packet::Error { code: 0, text: "no zero".into() }));
        assert_eq!(data_head(65_535), [0, 3, 255, 255]);
        assert_eq!(option_ack(&[("blksize", 1428), ("tsize", 5)]), b"\0\x06blksize\x001428\0tsize\x005\0");
        assert_eq!(error(code::NOT_FOUND, "nö\n"), b"\0\x05\0\x01n??\0");
        assert_eq!(error(0, &"x".repeat(500)).len(), 205);
    }

    proptest::proptest! {
        #[test]
        fn no_datagram_brings_it_down(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), kind in 0..8u8) {
            let _ = parse(&bytes);
            let _ = parse(&[&[0, kind], &bytes[..]].concat());
        }
    }
}
