//! What client and server agree on before the first block: RFC 2348 (blksize), 2349 (tsize, timeout), 7440 (windowsize).

use std::time::Duration;

use super::packet::{Ask, Mode};

/// Blocks have this many bytes unless something else is agreed on.
const USUAL_BLOCK: u64 = 512;
/// A window never holds more bytes than this, whatever a client asks for: what does not fit into its buffers is lost.
const WINDOW_BYTES: u64 = 512 * 1024;
/// Nor more blocks.
const WINDOW_BLOCKS: u64 = 64;

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Bytes of a block.
    pub block: usize,
    /// Blocks that may be on their way unacknowledged.
    pub window: u64,
    /// After this time without an acknowledgement blocks are sent again, where the client wishes so.
    pub timeout: Option<Duration>,
    /// What is answered; without an answer the first block goes out at once.
    pub answer: Vec<(&'static str, u64)>,
}

/// Agrees to what can be agreed to. RFC 2347: what is not understood or not possible is left out of the answer, and
/// holds as if it had not been asked for.
pub(super) fn agree(ask: &Ask, length: u64) -> Agreed {
    let mut agreed = Agreed { block: 512, window: 1, timeout: None, answer: Vec::new() };
    let (mut block, mut window) = (USUAL_BLOCK, None);
    for (name, value) in &ask.options {
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let Some(number) = plain.then(|| value.parse::<u64>().ok()).flatten() else { continue };
        match name.as_str() {
            "blksize" if (8..=65_464).contains(&number) => {
                block = number;
                agreed.answer.push(("blksize", number));
            }
            // A client that reads sends 0; how long a text becomes on the wire is not known before.
            "tsize" if ask.mode == Mode::Octet => agreed.answer.push(("tsize", length)),
            "timeout" if (1..=255).contains(&number) => {
                agreed.timeout = Some(Duration::from_secs(number));
                agreed.answer.push(("timeout", number));
            }
            "windowsize" if (1..=65_535).contains(&number) => {
                window = Some(agreed.answer.len());
                agreed.answer.push(("windowsize", number));
            }
            _ => {}
        }
    }
    // The server may answer with less than was asked for; how much less depends on the blocks.
    if let Some(window) = window.and_then(|at| agreed.answer.get_mut(at)) {
        window.1 = window.1.min(WINDOW_BLOCKS).min((WINDOW_BYTES / block).max(1));
        agreed.window = window.1;
    }
    agreed.block = usize::try_from(block).unwrap_or(agreed.block);
    agreed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(mode: Mode, options: &[(&str, &str)]) -> (Agreed, String) {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let agreed = agree(&Ask { name: "x".into(), mode, options }, 2_000_003);
        let text: Vec<String> = agreed.answer.iter().map(|(name, value)| format!("{name} {value}")).collect();
        (agreed, text.join(", "))
    }

    #[test]
    fn without_options_everything_is_as_ever() {
        let (agreed, text) = answer(Mode::Octet, &[]);
        assert_eq!((agreed.block, agreed.window, agreed.timeout, text.as_str()), (512, 1, None, ""));
    }

    #[test]
    fn what_is_possible_is_agreed_to_in_the_order_it_was_asked_for() {
        let asked =
            [("windowsize", "16"), ("tsize", "0"), ("utimeout", "5"), ("timeout", "3"), ("blksize", "1428")];
        let (agreed, text) = answer(Mode::Octet, &asked);
        assert_eq!(text, "windowsize 16, tsize 2000003, timeout 3, blksize 1428");
        assert_eq!((agreed.block, agreed.window, agreed.timeout), (1428, 16, Some(Duration::from_secs(3))));
    }

    #[test]
    fn the_bounds_of_the_rfcs_hold_and_what_is_beyond_them_is_left_out() {
        for (name, value, said) in [
            ("blksize", "7", ""),
            ("blksize", "8", "blksize 8"),
            ("blksize", "65464", "blksize 65464"),
            ("blksize", "65465", ""),
            ("blksize", "-1", ""),
            ("blksize", "+512", ""),
            ("blksize", "", ""),
            ("blksize", "99999999999999999999999", ""),
            ("timeout", "0", ""),
            ("timeout", "1", "timeout 1"),
            ("timeout", "255", "timeout 255"),
            ("timeout", "256", ""),
            ("windowsize", "0", ""),
            ("windowsize", "1", "windowsize 1"),
            ("windowsize", "65535", "windowsize 64"),
            ("windowsize", "65536", ""),
            ("multicast", "", ""),
        ] {
            assert_eq!(answer(Mode::Octet, &[(name, value)]).1, said, "{name} {value}");
        }
    }

    #[test]
    fn a_window_of_large_blocks_has_fewer_of_them() {
        assert_eq!(answer(Mode::Octet, &[("windowsize", "64"), ("blksize", "65464")]).0.window, 8);
        assert_eq!(answer(Mode::Octet, &[("blksize", "8192"), ("windowsize", "64")]).0.window, 64);
    }

    #[test]
    fn the_length_of_a_text_is_not_told() {
        assert_eq!(answer(Mode::Netascii, &[("tsize", "0"), ("blksize", "1024")]).1, "blksize 1024");
    }
}
