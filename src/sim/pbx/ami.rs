//! The PBX's AMI, worded as recorded from Asterisk 22: login, lists, NOTIFY, and events.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Office;
use super::book::{Book, Leg};
use super::groups;
use super::switchboard::{Errand, address_of};
use crate::sim::wire::{md5_hex, user_of};

/// The challenge of every login; its secrecy is not what is simulated here.
const CHALLENGE: &str = "184520651";
/// The line NOTIFYs to a `URI` are sent on behalf of (`default_outbound_endpoint`).
const OUTBOUND: &str = "out";

/// An AMI event or answer: lines of `Key: Value`.
pub(super) struct Event(String);

impl Event {
    /// A block that begins with this line.
    fn new(key: &str, value: &str) -> Self {
        Self(format!("{key}: {value}\r\n"))
    }

    /// An event of a class.
    pub fn of(name: &str, class: &str) -> Self {
        Self::new("Event", name).with("Privilege", &format!("{class},all")).with("SystemName", "pocket")
    }

    /// One more line.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        // Writing into a String cannot fail.
        let _ = write!(self.0, "{key}: {value}\r\n");
        self
    }

    /// The block as it goes out.
    pub fn text(&self) -> String {
        format!("{}\r\n", self.0)
    }

    /// A contact came or went.
    pub fn contact(user: &str, uri: &str, status: &str) -> Self {
        Self::of("ContactStatus", "system")
            .with("URI", uri)
            .with("ContactStatus", status)
            .with("AOR", user)
            .with("EndpointName", user)
            .with("RoundtripUsec", "0")
    }

    /// An endpoint has a contact, or none any more.
    pub fn peer(user: &str, status: &str) -> Self {
        Self::of("PeerStatus", "system")
            .with("ChannelType", "PJSIP")
            .with("Peer", &format!("PJSIP/{user}"))
            .with("PeerStatus", status)
    }

    /// A line's state changed.
    pub fn device(user: &str, state: &str) -> Self {
        Self::device_named(&format!("PJSIP/{user}"), state)
    }

    /// The state of a device of any kind changed.
    pub fn device_named(device: &str, state: &str) -> Self {
        Self::of("DeviceStateChange", "call").with("Device", device).with("State", state)
    }

    /// A channel was made.
    pub fn new_channel(leg: &Leg, exten: &str, state: &str, words: &str) -> Self {
        Self::of("Newchannel", "call").channel(leg, exten, state, words)
    }

    /// A channel ended.
    pub fn hangup(leg: &Leg) -> Self {
        Self::of("Hangup", "call")
            .channel(leg, "", "6", "Up")
            .with("Cause", "16")
            .with("Cause-txt", "Normal Clearing")
    }

    fn channel(self, leg: &Leg, exten: &str, state: &str, words: &str) -> Self {
        let unique = format!("pocket-1.{}", leg.number);
        self.with("Channel", &leg.channel)
            .with("ChannelState", state)
            .with("ChannelStateDesc", words)
            .with("CallerIDNum", &leg.user)
            .with("Context", "phones")
            .with("Exten", exten)
            .with("Priority", "1")
            .with("Uniqueid", &unique)
            .with("Linkedid", &unique)
    }
}

/// Takes connections for ever.
pub(super) async fn listen(
    listener: TcpListener,
    office: Arc<Office>,
    errands: mpsc::UnboundedSender<Errand>,
    tasks: &TaskTracker,
    off: &CancellationToken,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let clerk = Clerk {
            office: Arc::clone(&office),
            errands: errands.clone(),
            logged_in: false,
            wants_events: true,
            challenged: false,
            filters: Vec::new(),
        };
        let off = off.clone();
        tasks.spawn(async move {
            tokio::select! {
                // A broken connection is the client's business.
                _ = clerk.attend(stream) => {}
                () = off.cancelled() => {}
            }
        });
    }
}

/// Serves one connection.
struct Clerk {
    office: Arc<Office>,
    errands: mpsc::UnboundedSender<Errand>,
    logged_in: bool,
    wants_events: bool,
    challenged: bool,
    /// Once there is one, only events that contain one of them are sent.
    filters: Vec<String>,
}

impl Clerk {
    async fn attend(mut self, stream: TcpStream) -> std::io::Result<()> {
        let mut events = self.office.events.subscribe();
        let mut restarts = self.office.restarts.subscribe();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"Asterisk Call Manager/11.0.0\r\n").await?;
        let mut action: Vec<(String, String)> = Vec::new();
        loop {
            tokio::select! {
                line = lines.next_line() => match line? {
                    None => return Ok(()),
                    Some(line) if !line.trim().is_empty() => {
                        if let Some((key, value)) = line.split_once(':') {
                            action.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
                        }
                    }
                    Some(_) if action.is_empty() => {}
                    Some(_) => {
                        let (answer, stay) = self.act(&Action(std::mem::take(&mut action)));
                        writer.write_all(answer.as_bytes()).await?;
                        if !stay {
                            return Ok(());
                        }
                    }
                },
                event = events.recv() => match event {
                    Ok(text) if self.wants(&text) => writer.write_all(text.as_bytes()).await?,
                    Ok(_) => {}
                    // A listener that slow is cut off, so that it notices.
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return Ok(()),
                },
                _ = restarts.changed() => return Ok(()),
            }
        }
    }

    fn wants(&self, event: &str) -> bool {
        let passes =
            self.filters.is_empty() || self.filters.iter().any(|filter| event.contains(filter.as_str()));
        self.logged_in && self.wants_events && passes
    }

    /// The answer to an action, and whether the connection stays.
    fn act(&mut self, action: &Action) -> (String, bool) {
        let name = action.get("action").to_ascii_lowercase();
        let answer = match name.as_str() {
            "challenge" => {
                self.challenged = true;
                action.success().with("Challenge", CHALLENGE).text()
            }
            "login" => return self.login(action),
            "logoff" => {
                let bye = action.response("Goodbye").with("Message", "Thanks for all the fish.");
                return (bye.text(), false);
            }
            _ if !self.logged_in => action.error("Permission denied"),
            "ping" => {
                let now = self.office.house.now().timestamp();
                action.success().with("Ping", "Pong").with("Timestamp", &format!("{now}.000000")).text()
            }
            "events" => {
                self.wants_events =
                    !matches!(action.get("eventmask").to_ascii_lowercase().as_str(), "off" | "");
                action.success().with("Events", if self.wants_events { "On" } else { "Off" }).text()
            }
            "filter" if action.get("operation").eq_ignore_ascii_case("add") => {
                self.filters.push(action.get("filter").to_owned());
                action.success().with("Message", "Success").text()
            }
            "pjsipshowcontacts" => self.contacts(action),
            "devicestatelist" => self.states(action),
            "coreshowchannels" => self.channels(action),
            "queuestatus" => groups::queue_status(action, &self.office.book()),
            "extensionstatelist" => groups::hints(action, &self.office.book(), self.office.spec.lines.keys()),
            "getvar" => self.variable(action),
            "pjsipnotify" => self.notify(action),
            _ => action.error(&format!(
                "Invalid/unknown command: {}. Use Action: ListCommands to show available commands.",
                action.get("action")
            )),
        };
        (answer, true)
    }

    fn login(&mut self, action: &Action) -> (String, bool) {
        let spec = &self.office.spec;
        let right = if action.get("authtype").eq_ignore_ascii_case("md5") {
            self.challenged && action.get("key") == md5_hex(&format!("{CHALLENGE}{}", spec.ami_secret))
        } else {
            action.get("secret") == spec.ami_secret
        };
        if !right || action.get("username") != spec.ami_user {
            return (action.error("Authentication failed"), false);
        }
        self.logged_in = true;
        self.wants_events = !action.get("events").eq_ignore_ascii_case("off");
        let mut answer = action.success().with("Message", "Authentication accepted").text();
        if self.wants_events {
            let booted = Event::new("Event", "FullyBooted").with("Privilege", "system,all");
            answer += &booted.with("Uptime", "1").with("Status", "Fully Booted").text();
        }
        (answer, true)
    }

    fn contacts(&self, action: &Action) -> String {
        let book = self.office.book();
        if book.contacts.is_empty() {
            return action.error("No Contacts found");
        }
        let mut list = action.list("A listing of Contacts follows, presented as ContactList events");
        for (user, contact) in &book.contacts {
            let event = action
                .item("ContactList")
                .with("ObjectType", "contact")
                .with("ObjectName", &format!("{user};@{}", md5_hex(&contact.uri)))
                .with("ViaAddr", &contact.source.ip().to_string())
                .with("QualifyTimeout", "3.000000")
                .with("Qualify2xxOnly", "false")
                .with("CallId", &contact.shown_call_id)
                .with("RegServer", "pocket")
                .with("PruneOnBoot", "no")
                .with("Path", "")
                .with("Endpoint", user)
                .with("ViaPort", &contact.source.port().to_string())
                .with("AuthenticateQualify", "no")
                .with("Uri", &contact.uri)
                .with("QualifyFrequency", "0")
                .with("UserAgent", &contact.user_agent)
                .with("ExpirationTime", &contact.expires.timestamp().to_string())
                .with("OutboundProxy", "")
                .with("Status", "NonQualified")
                .with("RoundtripUsec", "N/A");
            list += &event.text();
        }
        list + &action.complete("ContactListComplete", book.contacts.len())
    }

    fn states(&self, action: &Action) -> String {
        let book = self.office.book();
        let mut list = action.list("Device State Changes will follow");
        for user in self.office.spec.lines.keys() {
            let event = action
                .item("DeviceStateChange")
                .with("Device", &format!("PJSIP/{user}"))
                .with("State", self.state(&book, user));
            list += &event.text();
        }
        let mut count = self.office.spec.lines.len();
        for (device, state) in book.groups.devices() {
            count += 1;
            let event = action.item("DeviceStateChange").with("Device", &device).with("State", state);
            list += &event.text();
        }
        list + &action.complete("DeviceStateListComplete", count)
    }

    fn channels(&self, action: &Action) -> String {
        let book = self.office.book();
        let mut list = action.list("Channels will follow");
        let mut count = 0;
        for call in book.calls.values().filter(|_| !self.office.house.lies()) {
            let seconds = (self.office.house.now() - call.began).num_seconds();
            let length = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
            let (callee_state, words) = if call.up { ("6", "Up") } else { ("5", "Ringing") };
            let (caller_state, ring) = if call.up { ("6", "Up") } else { ("4", "Ring") };
            for (leg, exten, state, words) in [
                (&call.callee, "", callee_state, words),
                (&call.caller, call.callee.user.as_str(), caller_state, ring),
            ] {
                if leg.address.is_some() {
                    count += 1;
                    let event = action.item("CoreShowChannel").channel(leg, exten, state, words);
                    list += &event.with("Duration", &length).with("BridgeId", "").text();
                }
            }
        }
        list + &action.complete("CoreShowChannelsComplete", count)
    }

    fn variable(&self, action: &Action) -> String {
        let name = action.get("variable");
        let device = name.strip_prefix("DEVICE_STATE(").and_then(|rest| rest.strip_suffix(')'));
        let book = self.office.book();
        let value = match device.map(|device| (device, device.strip_prefix("PJSIP/"))) {
            Some((_, Some(user))) if self.office.spec.lines.contains_key(user) => self.state(&book, user),
            Some((_, Some(_))) => "INVALID",
            Some((device, None)) => book.groups.switch_state(device).unwrap_or("UNKNOWN"),
            None => "",
        };
        action.success().with("Variable", name).with("Value", value).text()
    }

    fn notify(&self, action: &Action) -> String {
        let (endpoint, uri) = (action.get("endpoint"), action.get("uri"));
        let variables = action.variables();
        if variables.is_empty() {
            return action.error("PJSIPNotify requires either an Option or Variable(s)");
        }
        let target = match (endpoint.is_empty(), uri.is_empty()) {
            (false, true) if !self.office.spec.lines.contains_key(endpoint) => {
                return action.error(&format!("Unable to retrieve endpoint {endpoint}"));
            }
            (false, true) => {
                let book = self.office.book();
                let contact = book.contacts.get(endpoint);
                contact.map(|contact| (endpoint.to_owned(), contact.uri.clone(), contact.source))
            }
            (true, false) => match address_of(uri) {
                Some(to) => {
                    let source = self.office.book().contacts.get(user_of(uri)).map(|contact| contact.source);
                    Some((OUTBOUND.to_owned(), uri.to_owned(), source.unwrap_or(to)))
                }
                None => return action.error(&format!("Unable to send to {uri}")),
            },
            (_, _) => return action.error("PJSIPNotify requires exactly one of Endpoint or URI"),
        };
        if let Some((from, uri, to)) = target {
            // A switchboard that is gone sends nothing, and AMI says nothing of it.
            let _ = self.errands.send(Errand::Notify { from, uri, to, variables });
        }
        action.success().with("Message", "NOTIFY sent").text()
    }

    fn state(&self, book: &Book, user: &str) -> &'static str {
        if self.office.house.lies() { "NOT_INUSE" } else { book.device_state(user) }
    }
}

/// What a client asked for: keys in lower case, in their order.
pub(super) struct Action(Vec<(String, String)>);

impl Action {
    fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, value)| value)
    }

    /// All `Variable` lines, each split at its commas as Asterisk does.
    fn variables(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .filter(|(key, _)| key == "variable")
            .flat_map(|(_, value)| value.split(','))
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect()
    }

    fn response(&self, word: &str) -> Event {
        self.tagged(Event::new("Response", word))
    }

    fn success(&self) -> Event {
        self.response("Success")
    }

    fn error(&self, message: &str) -> String {
        self.response("Error").with("Message", message).text()
    }

    /// The beginning of a list.
    pub fn list(&self, message: &str) -> String {
        self.success().with("EventList", "start").with("Message", message).text()
    }

    /// An item of a list.
    pub fn item(&self, event: &str) -> Event {
        self.tagged(Event::new("Event", event))
    }

    /// The end of a list.
    pub fn complete(&self, event: &str, items: usize) -> String {
        self.item(event).with("EventList", "Complete").with("ListItems", &items.to_string()).text()
    }

    fn tagged(&self, event: Event) -> Event {
        match self.get("actionid") {
            "" => event,
            id => event.with("ActionID", id),
        }
    }
}
