//! The line protocol of Asterisk's manager interface: blocks of `Key: Value` lines that end with an empty line.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a line that are kept; what Asterisk itself has to say about a phone is far shorter.
const LINE_MAX: usize = 16 * 1024;
/// Lines of a block that are kept.
const FIELDS_MAX: usize = 512;

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The other side closed the connection.
    #[error("asterisk closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    /// Somebody else lives on that port.
    #[error(
        "`{0}` is no greeting of asterisk's manager; hint: `ami` is the address of manager.conf, port 5038"
    )]
    NotAsterisk(String),
}

/// One response or event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Block {
    fields: Vec<(String, String)>,
    /// Something in it was longer than we keep, so it must not be believed.
    pub(super) overlong: bool,
}

impl Block {
    /// The value of this key, in upper or lower case; of several the first.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    /// The value of this key unless it is absent or empty.
    pub(super) fn filled(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| !value.is_empty())
    }

    /// The event's name; a response has none.
    pub(super) fn event(&self) -> Option<&str> {
        self.get("Event")
    }

    fn take_line(&mut self, line: &[u8], cut: bool) {
        self.overlong |= cut;
        if self.fields.len() == FIELDS_MAX {
            self.overlong = true;
            return;
        }
        // Bytes that are no UTF-8 (a display name in Latin-1) must not cost us the rest of the block.
        let line = String::from_utf8_lossy(line);
        if let Some((key, value)) = line.split_once(':') {
            self.fields.push((key.trim().to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
        }
    }
}

/// Reads blocks. Dropping the future of [`Blocks::next`] loses nothing: it waits for bytes and nowhere else.
pub(super) struct Blocks<R> {
    read: R,
    buffer: BytesMut,
    /// Bytes at the buffer's front in which no line end was found.
    scanned: usize,
    /// The line being read has already lost bytes.
    cutting: bool,
    /// The block being read, and whether a line of it came yet.
    block: Block,
    begun: bool,
}

impl<R: AsyncRead + Unpin> Blocks<R> {
    /// Blocks from this connection.
    pub(super) fn new(read: R) -> Self {
        let buffer = BytesMut::with_capacity(LINE_MAX);
        Self { read, buffer, scanned: 0, cutting: false, block: Block::default(), begun: false }
    }

    /// The version in the greeting, which is one line without an empty one behind it.
    pub(super) async fn greeting(&mut self) -> Result<String, WireError> {
        loop {
            if let Some((line, _)) = self.line() {
                let text = String::from_utf8_lossy(&line);
                let plain = || text.chars().filter(|c| !c.is_control()).take(40).collect();
                let version = text.strip_prefix("Asterisk Call Manager/");
                return version.map(str::to_owned).ok_or_else(|| WireError::NotAsterisk(plain()));
            }
            self.more().await?;
        }
    }

    /// The next block.
    pub(super) async fn next(&mut self) -> Result<Block, WireError> {
        loop {
            while let Some((line, cut)) = self.line() {
                if !line.is_empty() || cut {
                    self.begun = true;
                    self.block.take_line(&line, cut);
                } else if std::mem::take(&mut self.begun) {
                    return Ok(std::mem::take(&mut self.block));
                }
            }
            self.more().await?;
        }
    }

    /// The next whole line without its end, and whether it was cut to length.
    fn line(&mut self) -> Option<(BytesMut, bool)> {
        let Some(at) = self.buffer[self.scanned..].iter().position(|b| *b == b'\n') else {
            if self.buffer.len() > LINE_MAX {
                self.cutting = true;
                self.buffer.truncate(LINE_MAX);
            }
            self.scanned = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.scanned + at);
        self.buffer.advance(1);
        self.scanned = 0;
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        let cut = std::mem::take(&mut self.cutting) || line.len() > LINE_MAX;
        line.truncate(LINE_MAX);
        Some((line, cut))
    }

    async fn more(&mut self) -> Result<(), WireError> {
        self.buffer.reserve(LINE_MAX);
        match self.read.read_buf(&mut self.buffer).await? {
            0 => Err(WireError::Closed),
            _ => Ok(()),
        }
    }
}

/// A value would have broken out of its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` would hold a control character or more than {LINE_MAX} bytes")]
pub(super) struct Unsendable {
    /// The key; its value may be a secret.
    pub(super) key: &'static str,
}

/// A request to Asterisk, line by line. No value can add a line of its own.
#[derive(Debug)]
pub(super) struct Action(String);

impl Action {
    /// The action of this name.
    pub(super) fn new(name: &'static str) -> Self {
        Self(format!("Action: {name}\r\n"))
    }

    /// One more line.
    pub(super) fn with(mut self, key: &'static str, value: &str) -> Result<Self, Unsendable> {
        if value.len() > LINE_MAX || value.chars().any(char::is_control) {
            return Err(Unsendable { key });
        }
        self.0.push_str(&format!("{key}: {value}\r\n"));
        Ok(self)
    }

    /// The bytes to send, with this number to know the answer by.
    pub(super) fn numbered(self, id: u64) -> String {
        format!("{}ActionID: {id}\r\n\r\n", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn blocks_of(text: &[u8]) -> Vec<Block> {
        let mut blocks = Blocks::new(text);
        let mut all = Vec::new();
        while let Ok(block) = blocks.next().await {
            all.push(block);
        }
        all
    }

    #[tokio::test]
    async fn a_block_ends_with_an_empty_line_whatever_the_line_ends_are() {
        let all = blocks_of(b"Event: A\r\nX: 1: 2\r\n\r\n\r\nevent: B\nY:\n\nEvent: half").await;
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].event(), all[0].get("x")), (Some("A"), Some("1: 2")));
        assert_eq!((all[1].event(), all[1].get("Y"), all[1].filled("Y")), (Some("B"), Some(""), None));
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_cost_only_themselves() {
        let all = blocks_of(b"Event: A\r\nName: M\xfcller\r\nnonsense\r\nX: 1\r\n\r\n").await;
        assert_eq!(all[0].get("Name"), Some("M\u{fffd}ller"));
        assert_eq!(all[0].get("X"), Some("1"));
    }

    #[tokio::test]
    async fn a_line_without_end_takes_no_memory_and_spoils_only_its_block() {
        let mut text = b"Event: A\r\nX: ".to_vec();
        text.resize(3 * 1024 * 1024, b'x');
        text.extend_from_slice(b"\r\n\r\nEvent: B\r\n\r\n");
        let mut blocks = Blocks::new(text.as_slice());
        let first = blocks.next().await.unwrap();
        assert!(first.overlong && first.get("X").unwrap().len() <= LINE_MAX);
        let second = blocks.next().await.unwrap();
        assert!(!second.overlong && second.event() == Some("B"));
        assert!(blocks.buffer.capacity() < 8 * LINE_MAX, "{}", blocks.buffer.capacity());
    }

    #[tokio::test]
    async fn a_block_without_end_is_marked() {
        let text = format!("{}\r\n", "X: 1\r\n".repeat(FIELDS_MAX + 1));
        let all = blocks_of(text.as_bytes()).await;
        assert!(all[0].overlong && all[0].fields.len() == FIELDS_MAX);
    }

    #[tokio::test]
    async fn another_service_on_the_port_is_named() {
        let error = Blocks::new(&b"SSH-2.0-OpenSSH_9.2\r\n"[..]).greeting().await.unwrap_err();
        assert!(error.to_string().starts_with("`SSH-2.0-OpenSSH_9.2` is no greeting"), "{error}");
    }

    #[test]
    fn no_value_can_add_a_line() {
        for evil in ["a\r\nAction: Command", "a\nb", "a\rb", "a\0b", "\u{85}"] {
            let refused = Action::new("PJSIPNotify").with("URI", evil).unwrap_err();
            assert_eq!(refused, Unsendable { key: "URI" }, "{evil:?}");
        }
        let sent = Action::new("Ping").with("X", "1").unwrap().numbered(7);
        assert_eq!(sent, "Action: Ping\r\nX: 1\r\nActionID: 7\r\n\r\n");
    }
}
