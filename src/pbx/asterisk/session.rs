//! One connection to Asterisk's manager, from login to its end: asks, listens, and tells the daemon what changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::answers::{Answers, Asked, BadAnswer, PATIENCE, Took, message};
use super::device;
use super::login::login;
use super::picture::{self, Calls, Contacts, Incomplete};
use super::wire::{Action, Block, Blocks, Unsendable, WireError};
use super::{AsteriskSettings, Dial, Stream};
use crate::domain::phone::{CallState, LineId};
use crate::ports::{NotifyOutcome, PbxEvent, PbxNews, Picture};

/// Events that arrive close together cause one reading of the contacts.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// The contacts are not read for more than one part in five of the time: a whole fleet that registers anew raises
/// an event a phone, and each reading costs Asterisk something.
const READING_SHARE: u32 = 4;
/// Asterisk has so long to finish booting once it accepted the login.
const BOOT: Duration = Duration::from_secs(60);
/// The events we read; Asterisk is asked to send no others.
const EVENTS: [&str; 4] = ["DeviceStateChange", "ContactStatus", "FullyBooted", "Shutdown"];

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The connection could not be made.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Reading failed.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Writing failed.
    #[error("the connection broke: {0}")]
    Write(#[from] std::io::Error),
    /// Nothing came while logging in, or a question could not be written.
    #[error("asterisk is silent")]
    Silent,
    /// The user or its secret is wrong, or it may not come from here.
    #[error(
        "asterisk refused the manager user `{user}`: {message}; \
         hint: see its secret, `permit` and `deny` in manager.conf"
    )]
    LoginRefused {
        /// The user.
        user: String,
        /// Asterisk's words.
        message: String,
    },
    /// Booting took too long, or the event that tells is kept from us.
    #[error(
        "no `FullyBooted` within {} s; hint: the manager user needs read = system,call,reporting", BOOT.as_secs()
    )]
    NotBooted,
    /// An answer that must not be believed.
    #[error(transparent)]
    Answer(#[from] BadAnswer),
    /// A list held something that cannot be understood.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// A name from the configuration cannot be sent.
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
    /// Asterisk said goodbye.
    #[error("asterisk is shutting down")]
    ShuttingDown,
    /// Nobody listens to the news any more.
    #[error("the daemon has gone")]
    Unheard,
}

/// What the daemon asks of a session.
pub(super) enum Ask {
    /// The state of one endpoint at this moment; gives Asterisk's word for it.
    State(Arc<str>, oneshot::Sender<Result<String, String>>),
    /// A NOTIFY.
    Notify(Action, oneshot::Sender<NotifyOutcome>),
}

impl Ask {
    /// Answers that it cannot be done; nothing was sent.
    pub(super) fn refuse(self, why: &str) {
        match self {
            Self::State(_, reply) => drop(reply.send(Err(why.to_owned()))),
            Self::Notify(_, reply) => drop(reply.send(NotifyOutcome::NotSent { why: why.to_owned() })),
        }
    }
}

/// Three lists being read, and what was heard meanwhile.
#[derive(Default)]
struct Survey {
    contacts: Option<Contacts>,
    devices: Option<Vec<Block>>,
    channels: Option<Vec<Block>>,
    /// Changes that came after the lists were asked for: they are newer than what the lists hold.
    later: Vec<(Arc<str>, CallState)>,
}

/// A connection in use.
pub(super) struct Session<'a> {
    settings: &'a AsteriskSettings,
    events: &'a mpsc::Sender<PbxEvent>,
    read: Blocks<ReadHalf<Box<dyn Stream>>>,
    write: WriteHalf<Box<dyn Stream>>,
    answers: Answers,
    booted: bool,
    opened: Instant,
    survey: Option<Survey>,
    survey_due: Instant,
    /// Contacts as last told; nothing before the first picture.
    known: Option<Contacts>,
    contacts_due: Option<Instant>,
    /// When the reading of the contacts began, and since when it is over and how soon it may be repeated.
    reading_since: Option<Instant>,
    rest_until: Instant,
    answered: Instant,
}

impl<'a> Session<'a> {
    /// Connects and logs in.
    pub(super) async fn open(
        settings: &'a AsteriskSettings,
        dial: &Dial,
        events: &'a mpsc::Sender<PbxEvent>,
    ) -> Result<Self, SessionError> {
        let connecting = timeout(PATIENCE, dial(settings.ami.clone())).await;
        let stream = connecting
            .map_err(|_| SessionError::Silent)?
            .map_err(|error| SessionError::Connect { address: settings.ami.clone(), error })?;
        let (read, mut write) = tokio::io::split(stream);
        let mut read = Blocks::new(read);
        let logging_in = login(&mut read, &mut write, &settings.user, &settings.secret);
        let booted = timeout(PATIENCE, logging_in).await.map_err(|_| SessionError::Silent)??;
        let now = Instant::now();
        let mut session = Self {
            settings,
            events,
            read,
            write,
            answers: Answers::default(),
            booted,
            opened: now,
            survey: None,
            survey_due: now,
            known: None,
            contacts_due: None,
            reading_since: None,
            rest_until: now,
            answered: now,
        };
        for event in EVENTS {
            let filter =
                Action::new("Filter").with("Operation", "Add")?.with("Filter", &format!("Event: {event}"))?;
            session.ask(filter, Asked::Filter).await?;
        }
        Ok(session)
    }

    /// Whether a whole picture was told.
    pub(super) fn told(&self) -> bool {
        self.known.is_some()
    }

    /// Works until something ends it.
    pub(super) async fn run(&mut self, asks: &mut mpsc::Receiver<Ask>, refresh: &Notify) -> SessionError {
        loop {
            let due = self.due();
            // Blocks first: what lies in the socket already must not be called late.
            let step = tokio::select! {
                biased;
                block = self.read.next() => match block {
                    Ok(block) => self.take(block).await,
                    Err(error) => Err(error.into()),
                },
                Some(ask) = asks.recv() => self.serve(ask).await,
                () = refresh.notified() => {
                    self.contacts_stale();
                    Ok(())
                }
                () = sleep_until(due) => self.tick().await,
            };
            if let Err(error) = step {
                return error;
            }
        }
    }

    /// When there is something to do without being told.
    fn due(&self) -> Instant {
        let mut due = self.answers.deadline().unwrap_or(self.answered + self.settings.stale_probe);
        if !self.booted {
            return due.min(self.opened + BOOT);
        }
        if self.survey.is_none() {
            due = due.min(self.survey_due);
        }
        if self.reading_since.is_none() {
            due = due.min(self.contacts_due.unwrap_or(due));
        }
        due
    }

    async fn tick(&mut self) -> Result<(), SessionError> {
        if let Some(late) = self.answers.overdue() {
            return Err(late.into());
        }
        let now = Instant::now();
        if !self.booted && self.opened + BOOT <= now {
            return Err(SessionError::NotBooted);
        }
        if self.booted && self.survey.is_none() && self.survey_due <= now {
            return self.begin_survey().await;
        }
        if self.booted && self.reading_since.is_none() && self.contacts_due.is_some_and(|due| due <= now) {
            return self.read_contacts().await;
        }
        if self.answers.is_empty() && self.answered + self.settings.stale_probe <= now {
            self.ask(Action::new("Ping"), Asked::Ping).await?;
        }
        Ok(())
    }

    async fn begin_survey(&mut self) -> Result<(), SessionError> {
        self.survey = Some(Survey::default());
        self.survey_due = Instant::now() + self.settings.reconcile;
        if self.reading_since.is_none() {
            self.read_contacts().await?;
        }
        self.ask(Action::new("DeviceStateList"), Asked::Devices).await?;
        self.ask(Action::new("CoreShowChannels"), Asked::Channels).await
    }

    async fn read_contacts(&mut self) -> Result<(), SessionError> {
        self.contacts_due = None;
        self.reading_since = Some(Instant::now());
        self.ask(Action::new("PJSIPShowContacts"), Asked::Contacts).await
    }

    fn contacts_stale(&mut self) {
        let soon = (Instant::now() + DEBOUNCE).max(self.rest_until);
        self.contacts_due.get_or_insert(soon);
    }

    async fn take(&mut self, block: Block) -> Result<(), SessionError> {
        match self.answers.take(block)? {
            Took::Part => Ok(()),
            Took::Event(block) => self.hear(&block).await,
            Took::Answer(asked, block, items) => {
                self.answered = Instant::now();
                self.believe(asked, &block, items).await?;
                match self.told() {
                    true => self.tell(PbxNews::Fresh).await,
                    false => Ok(()),
                }
            }
        }
    }

    /// An event that nobody asked for.
    async fn hear(&mut self, block: &Block) -> Result<(), SessionError> {
        match block.event().filter(|_| !block.overlong) {
            Some("FullyBooted") => self.booted = true,
            Some("Shutdown") => return Err(SessionError::ShuttingDown),
            Some("ContactStatus") => self.contacts_stale(),
            Some("DeviceStateChange") => {
                let device = block.get("Device").and_then(device::endpoint_of_device);
                if let (Some(endpoint), Some(state)) = (device, block.get("State")) {
                    let (user, state) = (Arc::<str>::from(endpoint), device::of_device(state));
                    if let Some(survey) = &mut self.survey {
                        survey.later.push((user.clone(), state));
                    }
                    if self.told() {
                        return self.tell(PbxNews::Calls(self.line(user), state)).await;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An answer with, for a list, all its items.
    async fn believe(&mut self, asked: Asked, block: &Block, items: Vec<Block>) -> Result<(), SessionError> {
        let success = block.get("Response") == Some("Success");
        match asked {
            Asked::Ping => {}
            Asked::Filter if success => {}
            Asked::Filter => tracing::debug!(message = message(block), "asterisk does not filter its events"),
            Asked::State(reply) => {
                let value = block.filled("Value").filter(|_| success);
                let why = || format!("{}; hint: is func_devstate.so loaded?", message(block));
                drop(reply.send(value.map(str::to_owned).ok_or_else(why)));
            }
            Asked::Notify(reply) => drop(reply.send(match success {
                true => NotifyOutcome::Blind,
                false => NotifyOutcome::NotSent { why: message(block) },
            })),
            Asked::Contacts => {
                let now = Instant::now();
                let took = self.reading_since.take().map_or(Duration::ZERO, |since| now - since);
                self.rest_until = now + took * READING_SHARE;
                let contacts = picture::contacts(&items)?;
                match &mut self.survey {
                    Some(survey) => survey.contacts = Some(contacts),
                    None => self.tell_changed(contacts).await?,
                }
            }
            Asked::Devices => self.survey.get_or_insert_default().devices = Some(items),
            Asked::Channels => self.survey.get_or_insert_default().channels = Some(items),
        }
        self.finish_survey().await
    }

    async fn finish_survey(&mut self) -> Result<(), SessionError> {
        let Some(Survey {
            contacts: Some(contacts),
            devices: Some(devices),
            channels: Some(channels),
            later,
        }) = self.survey.take_if(|s| s.contacts.is_some() && s.devices.is_some() && s.channels.is_some())
        else {
            return Ok(());
        };
        let mut calls: Calls = picture::calls(&devices, &channels)?;
        calls.extend(later);
        let listed = contacts.iter().flat_map(|(user, list)| list.iter().map(move |contact| (user, contact)));
        let picture = Picture {
            contacts: listed.map(|(user, contact)| (self.line(user.clone()), contact.clone())).collect(),
            calls: calls.into_iter().map(|(user, state)| (self.line(user), state)).collect(),
        };
        self.known = Some(contacts);
        self.tell(PbxNews::Picture(picture)).await
    }

    async fn tell_changed(&mut self, now: Contacts) -> Result<(), SessionError> {
        let before = self.known.replace(now.clone()).unwrap_or_default();
        for (user, list) in picture::changed(&before, &now) {
            self.tell(PbxNews::Contacts(self.line(user), list)).await?;
        }
        Ok(())
    }

    async fn serve(&mut self, ask: Ask) -> Result<(), SessionError> {
        if !self.booted {
            ask.refuse("asterisk is still booting");
            return Ok(());
        }
        match ask {
            Ask::State(endpoint, reply) => {
                let variable = format!("DEVICE_STATE(PJSIP/{endpoint})");
                self.ask(Action::new("Getvar").with("Variable", &variable)?, Asked::State(reply)).await
            }
            // Whoever asked gave up waiting: what was wanted then may be wrong now.
            Ask::Notify(_, reply) if reply.is_closed() => Ok(()),
            Ask::Notify(action, reply) => self.ask(action, Asked::Notify(reply)).await,
        }
    }

    async fn ask(&mut self, action: Action, asked: Asked) -> Result<(), SessionError> {
        let id = self.answers.ask(asked);
        let text = action.numbered(id);
        timeout(PATIENCE, self.write.write_all(text.as_bytes()))
            .await
            .map_err(|_| SessionError::Silent)??;
        Ok(())
    }

    async fn tell(&mut self, news: PbxNews) -> Result<(), SessionError> {
        let event = PbxEvent { pbx: self.settings.name.clone(), news };
        self.events.send(event).await.map_err(|_| SessionError::Unheard)
    }

    fn line(&self, user: Arc<str>) -> LineId {
        LineId { pbx: self.settings.name.clone(), user }
    }
}
