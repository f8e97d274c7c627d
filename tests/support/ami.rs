//! The manager interface of an Asterisk that says exactly what a test wants, over loopback.

use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use sipherd::domain::phone::PbxName;
use sipherd::pbx::asterisk::{AsteriskSettings, Dial, Stream};
use sipherd::ports::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

const SECRET: &str = "never-say-this-aloud";
const CHALLENGE: &str = "161803398";

/// Waits for sipherd to connect.
pub struct Manager(Way);

enum Way {
    Loopback(TcpListener),
    Wire(Mutex<mpsc::UnboundedReceiver<DuplexStream>>),
}

impl Manager {
    /// One on a free port of the loopback.
    pub async fn start() -> Self {
        Self(Way::Loopback(TcpListener::bind("127.0.0.1:0").await.unwrap()))
    }

    /// One on a virtual wire, for tests with a paused clock: that clock does not know of bytes in a real socket.
    pub fn virtual_wire() -> (Self, Dial) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let dial: Dial = Arc::new(move |_| {
            let (near, far) = tokio::io::duplex(65_536);
            let sent = sender.send(far).map(|()| Box::new(near) as Box<dyn Stream>);
            Box::pin(std::future::ready(sent.map_err(|_| std::io::ErrorKind::ConnectionRefused.into())))
        });
        (Self(Way::Wire(Mutex::new(receiver))), dial)
    }

    /// How sipherd reaches it.
    pub fn settings(&self) -> AsteriskSettings {
        AsteriskSettings {
            name: PbxName::new("yard"),
            ami: match &self.0 {
                Way::Loopback(listener) => listener.local_addr().unwrap().to_string(),
                Way::Wire(_) => "wire".into(),
            },
            user: "sipherd".into(),
            secret: Secret::new(SECRET),
            reconcile: Duration::from_secs(300),
            stale_probe: Duration::from_secs(5),
            reconnect: (Duration::from_secs(1), Duration::from_secs(40)),
            jitter_seed: 3,
        }
    }

    /// The next connection, before anything is said.
    pub async fn accept(&self) -> Talk {
        let stream: Box<dyn Stream> = match &self.0 {
            Way::Loopback(listener) => Box::new(listener.accept().await.unwrap().0),
            Way::Wire(dialled) => Box::new(dialled.lock().await.recv().await.unwrap()),
        };
        let (read, write) = tokio::io::split(stream);
        Talk { read: BufReader::new(read), write }
    }

    /// The next connection, logged in, booted and its filters set.
    pub async fn admit(&self) -> Talk {
        let mut talk = self.accept().await;
        talk.admit("Event: FullyBooted\n\n").await;
        talk
    }

    /// The next connection, with its first survey answered by these lists.
    pub async fn serve(&self, contacts: &[String], devices: &[(&str, &str)], channels: &[String]) -> Talk {
        let mut talk = self.admit().await;
        talk.survey(contacts, devices, channels).await;
        talk
    }
}

/// One connection.
pub struct Talk {
    read: BufReader<ReadHalf<Box<dyn Stream>>>,
    write: WriteHalf<Box<dyn Stream>>,
}

/// What sipherd sent.
pub struct Asked(Vec<(String, String)>);

impl Asked {
    /// The values of a key.
    pub fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, _)| k == key).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a key that must be there.
    pub fn get(&self, key: &str) -> &str {
        self.all(key).first().unwrap_or_else(|| panic!("no {key} in {:?}", self.0))
    }

    /// Its number.
    pub fn id(&self) -> &str {
        self.get("ActionID")
    }
}

impl Talk {
    /// Says these lines; `\n` ends a line.
    pub async fn say(&mut self, text: &str) {
        self.write.write_all(text.replace('\n', "\r\n").as_bytes()).await.unwrap();
    }

    /// Says these bytes as they are.
    pub async fn say_bytes(&mut self, bytes: &[u8]) {
        self.write.write_all(bytes).await.unwrap();
    }

    /// The next action, which must have this name; pings before it are answered.
    pub async fn asked(&mut self, action: &str) -> Asked {
        loop {
            let asked = self.next().await.unwrap_or_else(|| panic!("closed before {action}"));
            if asked.get("Action") == action {
                return asked;
            }
            assert_eq!(asked.get("Action"), "Ping", "instead of {action}: {:?}", asked.0);
            self.answer(&asked, "Success", "Ping: Pong\n").await;
        }
    }

    /// The next action; nothing when sipherd closed the connection.
    pub async fn next(&mut self) -> Option<Asked> {
        let mut fields = Vec::new();
        loop {
            let mut line = String::new();
            match self.read.read_line(&mut line).await {
                Ok(0) | Err(_) => return None,
                Ok(_) if line == "\r\n" => return Some(Asked(fields)),
                Ok(_) => {}
            }
            assert!(!line.contains(SECRET), "the secret was sent");
            let (key, value) = line.strip_suffix("\r\n").unwrap().split_once(": ").unwrap();
            fields.push((key.to_owned(), value.to_owned()));
        }
    }

    /// Answers an action.
    pub async fn answer(&mut self, asked: &Asked, response: &str, more: &str) {
        self.say(&format!("Response: {response}\nActionID: {}\n{more}\n", asked.id())).await;
    }

    /// Logs sipherd in, checking its proof, and says something before the filters.
    pub async fn admit(&mut self, then: &str) {
        self.say("Asterisk Call Manager/11.0.0\n").await;
        let challenge = self.asked("Challenge").await;
        self.answer(&challenge, "Success", &format!("Challenge: {CHALLENGE}\n")).await;
        let login = self.asked("Login").await;
        let proof = hex::encode(Md5::digest(format!("{CHALLENGE}{SECRET}").as_bytes()));
        assert_eq!((login.get("Username"), login.get("Key")), ("sipherd", proof.as_str()));
        self.answer(&login, "Success", "Message: Authentication accepted\n").await;
        self.say(then).await;
        for _ in 0..7 {
            let filter = self.asked("Filter").await;
            self.answer(&filter, "Error", "Message: Permission denied\n").await;
        }
    }

    /// Answers the questions of a survey, with no hint and no queue.
    pub async fn survey(&mut self, contacts: &[String], devices: &[(&str, &str)], channels: &[String]) {
        let asked = self.asked("PJSIPShowContacts").await;
        self.contacts(&asked, contacts).await;
        let asked = self.asked("DeviceStateList").await;
        self.list(&asked, &devices.iter().map(|(name, state)| device(name, state)).collect::<Vec<_>>()).await;
        let asked = self.asked("CoreShowChannels").await;
        self.list(&asked, channels).await;
        self.groups(&[], Some(&[])).await;
    }

    /// Answers the two questions of a survey about hints and queues; without queues nothing that knows of them is loaded.
    pub async fn groups(&mut self, hints: &[String], queues: Option<&[String]>) {
        let asked = self.asked("ExtensionStateList").await;
        match hints {
            [] => self.answer(&asked, "Error", "Message: No dialplan hints are available\n").await,
            _ => self.list(&asked, hints).await,
        }
        self.queues(queues).await;
    }

    /// Answers the question for the queues.
    pub async fn queues(&mut self, queues: Option<&[String]>) {
        let asked = self.asked("QueueStatus").await;
        match queues {
            Some(queues) => self.list(&asked, queues).await,
            None => {
                let message = "Message: Invalid/unknown command: QueueStatus. Use Action: ListCommands to show \
                               available commands.\n";
                self.answer(&asked, "Error", message).await;
            }
        }
    }

    /// Answers with contacts; none is an error in Asterisk's words.
    pub async fn contacts(&mut self, asked: &Asked, contacts: &[String]) {
        match contacts {
            [] => self.answer(asked, "Error", "Message: No Contacts found\n").await,
            _ => self.list(asked, contacts).await,
        }
    }

    /// Answers with a whole list.
    pub async fn list(&mut self, asked: &Asked, items: &[String]) {
        self.begin_list(asked, items).await;
        self.end_list(asked, items.len()).await;
    }

    /// Begins a list.
    pub async fn begin_list(&mut self, asked: &Asked, items: &[String]) {
        self.answer(asked, "Success", "EventList: start\nMessage: A list follows\n").await;
        for item in items {
            let (event, rest) = item.split_once('\n').unwrap();
            self.say(&format!("{event}\nActionID: {}\n{rest}\n", asked.id())).await;
        }
    }

    /// Ends a list, announcing so many items.
    pub async fn end_list(&mut self, asked: &Asked, items: usize) {
        let id = asked.id();
        self.say(&format!("Event: End\nActionID: {id}\nEventList: Complete\nListItems: {items}\n\n")).await;
    }
}

/// A device's state, as an item of a list or, as it is, an event.
pub fn device(name: &str, state: &str) -> String {
    format!("Event: DeviceStateChange\nDevice: {name}\nState: {state}\n")
}

/// A hint, as an item of a list.
pub fn hint(exten: &str, context: &str, devices: &str) -> String {
    format!(
        "Event: ExtensionStatus\nExten: {exten}\nContext: {context}\nHint: {devices}\nStatus: 0\nStatusText: Idle\n"
    )
}

/// A queue, as an item of a list.
pub fn queue(name: &str) -> String {
    format!("Event: QueueParams\nQueue: {name}\nMax: 0\nStrategy: ringall\nCalls: 0\n")
}

/// A member of a queue, as an item of a list.
pub fn member(queue: &str, interface: &str, state_interface: &str, paused: bool) -> String {
    format!(
        "Event: QueueMember\nQueue: {queue}\nName: {interface}\nLocation: {interface}\nStateInterface: {state_interface}\n\
         Membership: dynamic\nPaused: {}\n",
        u8::from(paused)
    )
}

/// A contact.
pub fn contact(user: &str, call_id: &str, agent: &str, expires: i64) -> String {
    format!(
        "Event: ContactList\nObjectName: {user};@fc9fae6c\nViaAddr: 127.20.0.1\nViaPort: 5060\nCallId: {call_id}\n\
         Endpoint: {user}\nUri: sip:{user}@127.20.0.1:5060;line=2c03007c\nUserAgent: {agent}\n\
         ExpirationTime: {expires}\n"
    )
}

/// The events of this name in a recording, without their number and without the words of the recording's client.
pub fn recorded(file: &str, event: &str) -> Vec<String> {
    let wanted = format!("Event: {event}\n");
    let blocks = recording(file);
    let found =
        blocks.split("\n\n").map(|block| format!("{}\n", block.trim())).filter(|b| b.starts_with(&wanted));
    let unnumbered = |block: String| {
        let lines = block.lines().filter(|line| !line.starts_with("ActionID:"));
        lines.map(|line| format!("{line}\n")).collect()
    };
    found.map(unnumbered).collect()
}

/// A recording's text.
pub fn recording(file: &str) -> String {
    let path = format!("{}/tests/fixtures/transcripts/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().replace('\r', "")
}
