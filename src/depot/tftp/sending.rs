//! Which block goes out next: windows, acknowledgements, and going back to what was lost. It reads no clock and no socket.

use bytes::Bytes;

use super::options::Agreed;
use super::packet::{Mode, data_head};

/// An image on its way.
///
/// ```text
///   acknowledged ────────┐         sent ───────┐
///   1 2 3 … a            │ a+1 … s             │ s+1 …
///   the client has them  │ on their way        │ go out while s - a < window
/// ```
///
/// Blocks are counted from 1 without an end; on the wire the count wraps from 65535 to 0, as clients expect that can
/// read long files at all.
#[derive(Debug)]
pub(super) struct Sending {
    image: Bytes,
    mode: Mode,
    block: usize,
    window: u64,
    acknowledged: u64,
    /// Where the block behind the acknowledged ones begins.
    start: Cursor,
    sent: u64,
    /// Where the block behind the sent ones begins.
    front: Cursor,
    /// The last block, once it was made: the first one that is not full.
    last: Option<u64>,
    /// It went back to the start of this very window already, because the client asked for it.
    went_back: bool,
}

/// What an acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// The client has more than before.
    More,
    /// The client has everything.
    All,
    /// It misses a block: what is behind it goes out again.
    Gap,
    /// Old or repeated: nothing is sent for it. RFC 1350's Sorcerer's Apprentice would double every block from here on.
    Repeated,
}

impl Sending {
    /// All blocks are still to go.
    pub fn new(image: Bytes, mode: Mode, agreed: &Agreed) -> Self {
        Self {
            image,
            mode,
            block: agreed.block,
            window: agreed.window,
            acknowledged: 0,
            start: Cursor::default(),
            sent: 0,
            front: Cursor::default(),
            last: None,
            went_back: false,
        }
    }

    /// The most bytes of the image that the next block takes, if one may go out now.
    pub fn next(&self) -> Option<usize> {
        let open =
            self.sent - self.acknowledged < self.window && self.last.is_none_or(|last| self.sent < last);
        open.then(|| self.block.min(self.image.len() - self.front.at).max(1))
    }

    /// Writes the next block, as a whole packet.
    pub fn write(&mut self, packet: &mut Vec<u8>) {
        self.sent += 1;
        packet.clear();
        packet.extend_from_slice(&data_head(wire(self.sent)));
        self.front.take(&self.image, self.mode, self.block, |bytes| packet.extend_from_slice(bytes));
        if packet.len() < 4 + self.block {
            self.last = Some(self.sent);
        }
    }

    /// The client says what it has.
    pub fn acknowledge(&mut self, block: u16) -> Acknowledged {
        let more = u64::from(block.wrapping_sub(wire(self.acknowledged)));
        let on_the_way = self.sent - self.acknowledged;
        if more > on_the_way {
            return Acknowledged::Repeated;
        }
        if more == 0 {
            // Within a window it says that the first block was lost (RFC 7440); said once, it is enough.
            if self.window == 1 || on_the_way == 0 || self.went_back {
                return Acknowledged::Repeated;
            }
            self.went_back = true;
            self.go_back();
            return Acknowledged::Gap;
        }
        for _ in 0..more {
            self.start.take(&self.image, self.mode, self.block, |_| {});
        }
        self.acknowledged += more;
        self.went_back = false;
        if self.last == Some(self.acknowledged) {
            Acknowledged::All
        } else if more < on_the_way {
            self.go_back();
            Acknowledged::Gap
        } else {
            Acknowledged::More
        }
    }

    /// Everything that is not acknowledged goes out again.
    pub fn go_back(&mut self) {
        self.sent = self.acknowledged;
        self.front = self.start;
    }

    /// Whether the last block went out at least once and nothing is to go out again.
    pub fn is_sent(&self) -> bool {
        self.last == Some(self.sent)
    }

    /// The first byte of the image that the client is not known to have.
    pub fn at(&self) -> u64 {
        self.start.at as u64
    }
}

/// A block's number on the wire.
#[expect(clippy::cast_possible_truncation, reason = "it wraps after 65535")]
fn wire(block: u64) -> u16 {
    block as u16
}

/// A place in an image, as it goes out.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    at: usize,
    /// The byte at `at` becomes two in a text, and the first of them has gone.
    half: bool,
}

impl Cursor {
    /// Takes up to so many bytes as they go out, and moves behind them.
    fn take(&mut self, image: &Bytes, mode: Mode, size: usize, mut out: impl FnMut(&[u8])) {
        if mode == Mode::Octet {
            let end = (self.at + size).min(image.len());
            out(&image[self.at..end]);
            self.at = end;
            return;
        }
        for _ in 0..size {
            let Some(byte) = image.get(self.at) else { return };
            let (first, second) = match byte {
                b'\n' => (b'\r', Some(b'\n')),
                b'\r' => (b'\r', Some(0)),
                other => (*other, None),
            };
            match second {
                Some(second) if self.half => out(&[second]),
                Some(_) => {
                    out(&[first]);
                    self.half = true;
                    continue;
                }
                None => out(&[first]),
            }
            self.half = false;
            self.at += 1;
        }
    }
}

#[cfg(test)]
#[path = "sending_tests.rs"]
mod tests;
