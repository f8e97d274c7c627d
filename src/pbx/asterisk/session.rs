//! One connection to Asterisk's manager, from login to its end: asks, listens, and tells the daemon what changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::answers::{Answers, Asked, PATIENCE, Took, message};
use super::device;
use super::ended::SessionError;
use super::hints::{self, Endpoints, Hints};
use super::login::login;
use super::picture::{self, Contacts};
use super::queues::Queues;
use super::reading::Reading;
use super::survey::{Survey, turn};
use super::wire::{Action, Block, Blocks};
use super::{AsteriskSettings, Dial, Stream};
use crate::domain::phone::LineId;
use crate::domain::policy::Group;
use crate::ports::{Groups, NotifyOutcome, PbxEvent, PbxNews, Picture};

/// Asterisk has so long to finish booting once it accepted the login.
pub(super) const BOOT: Duration = Duration::from_secs(60);
/// The events we read; Asterisk is asked to send no others.
const EVENTS: [&str; 7] = [
    "DeviceStateChange",
    "ContactStatus",
    "QueueMemberAdded",
    "QueueMemberRemoved",
    "QueueMemberPause",
    "FullyBooted",
    "Shutdown",
];

/// A queue's member that joins, pauses or goes on is told as a device too: `Queue:support_pause_PJSIP/1001`.
const PAUSE_DEVICE: (&str, &str) = ("Queue:", "_pause_");

/// Where an answer goes, or why there is none.
pub(super) type Reply<T> = oneshot::Sender<Result<T, String>>;

/// What the daemon asks of a session.
pub(super) enum Ask {
    /// The state of one device at this moment; gives Asterisk's word for it.
    State(String, Reply<String>),
    /// The do-not-disturb switches of one endpoint.
    Switches(Arc<str>, Reply<BTreeSet<Arc<str>>>),
    /// The endpoints with an agent at this moment; nothing where `app_queue` is not loaded.
    Agents(Reply<Option<Endpoints>>),
    /// A NOTIFY.
    Notify(Action, oneshot::Sender<NotifyOutcome>),
}

impl Ask {
    /// Answers that it cannot be done; nothing was sent.
    pub(super) fn refuse(self, why: &str) {
        match self {
            Self::State(_, reply) => drop(reply.send(Err(why.to_owned()))),
            Self::Switches(_, reply) => drop(reply.send(Err(why.to_owned()))),
            Self::Agents(reply) => drop(reply.send(Err(why.to_owned()))),
            Self::Notify(_, reply) => drop(reply.send(NotifyOutcome::NotSent { why: why.to_owned() })),
        }
    }
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
    contacts: Reading,
    queues: Reading,
    /// Who waits for the agents: of the reading under way, and of one that has not begun.
    agents_asked: Vec<Reply<Option<Endpoints>>>,
    agents_wanted: Vec<Reply<Option<Endpoints>>>,
    hints: Hints,
    /// Do-not-disturb switches that are set.
    switches: BTreeSet<Arc<str>>,
    /// Queues, ring groups and agents as last told.
    groups: Groups,
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
            contacts: Reading::at_rest(now),
            queues: Reading::at_rest(now),
            agents_asked: Vec::new(),
            agents_wanted: Vec::new(),
            hints: Hints::default(),
            switches: BTreeSet::new(),
            groups: Groups::default(),
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
                    self.contacts.stale();
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
        [&self.contacts, &self.queues].iter().filter_map(|reading| reading.due()).fold(due, Instant::min)
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
        if self.booted && self.contacts.due().is_some_and(|due| due <= now) {
            return self.read_contacts().await;
        }
        if self.booted && self.queues.due().is_some_and(|due| due <= now) {
            return self.read_queues().await;
        }
        if self.answers.is_empty() && self.answered + self.settings.stale_probe <= now {
            self.ask(Action::new("Ping"), Asked::Ping).await?;
        }
        Ok(())
    }

    async fn begin_survey(&mut self) -> Result<(), SessionError> {
        self.survey = Some(Survey::default());
        self.survey_due = Instant::now() + self.settings.reconcile;
        if !self.contacts.is_open() {
            self.read_contacts().await?;
        }
        for asked in [Asked::Devices, Asked::Channels, Asked::Hints] {
            self.ask(Action::new(asked.action()), asked).await?;
        }
        match self.queues.is_open() {
            true => Ok(()),
            false => self.read_queues().await,
        }
    }

    async fn read_contacts(&mut self) -> Result<(), SessionError> {
        self.contacts.begin();
        self.ask(Action::new("PJSIPShowContacts"), Asked::Contacts).await
    }

    async fn read_queues(&mut self) -> Result<(), SessionError> {
        self.queues.begin();
        self.agents_asked.append(&mut self.agents_wanted);
        self.ask(Action::new("QueueStatus"), Asked::Queues).await
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
            Some("ContactStatus") => self.contacts.stale(),
            Some("QueueMemberAdded" | "QueueMemberRemoved" | "QueueMemberPause") => self.queues.stale(),
            Some("DeviceStateChange") => {
                if let (Some(device), Some(state)) = (block.get("Device"), block.get("State")) {
                    return self.hear_device(device, state).await;
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn hear_device(&mut self, device: &str, state: &str) -> Result<(), SessionError> {
        if let Some(endpoint) = device::endpoint_of_device(device) {
            let (user, state) = (Arc::<str>::from(endpoint), device::of_device(state));
            if let Some(survey) = &mut self.survey {
                survey.later.push((user.clone(), state));
            }
            if self.told() {
                return self.tell(PbxNews::Calls(self.line(user), state)).await;
            }
        } else if hints::owner(device).is_some() {
            let (switch, set) = (Arc::<str>::from(device), hints::is_set(state));
            if let Some(survey) = &mut self.survey {
                survey.later_switches.push((switch.clone(), set));
            }
            turn(&mut self.switches, switch, set);
            if self.told() {
                for user in self.hints.silenced_by(device) {
                    let set = self.hints.switches_of(&user).iter().any(|own| self.switches.contains(own));
                    self.tell(PbxNews::DoNotDisturb(self.line(user), set)).await?;
                }
            }
        } else if device.starts_with(PAUSE_DEVICE.0) && device.contains(PAUSE_DEVICE.1) {
            // Comes with `call`, also to a manager user who may not read the class `agent`.
            self.queues.stale();
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
                self.contacts.end();
                let contacts = picture::contacts(&items)?;
                match &mut self.survey {
                    Some(survey) => survey.contacts = Some(contacts),
                    None => self.tell_changed(contacts).await?,
                }
            }
            Asked::Devices => self.survey.get_or_insert_default().devices = Some(items),
            Asked::Channels => self.survey.get_or_insert_default().channels = Some(items),
            Asked::Hints => self.survey.get_or_insert_default().hints = Some(Hints::read(&items)?),
            Asked::Queues => {
                self.queues.end();
                // A list ends with an event; the answer is a response only where nobody knows of queues.
                let queues = block.event().map(|_| Queues::read(&items)).transpose()?;
                for reply in self.agents_asked.drain(..) {
                    drop(reply.send(Ok(queues.as_ref().map(|queues| queues.agents(&self.hints)))));
                }
                if !self.agents_wanted.is_empty() {
                    self.queues.at_once();
                }
                match &mut self.survey {
                    Some(survey) => survey.queues = Some(queues),
                    None => {
                        let groups = self.groups_of(queues.as_ref());
                        if groups != self.groups {
                            self.groups = groups.clone();
                            self.tell(PbxNews::Groups(groups)).await?;
                        }
                    }
                }
            }
        }
        self.finish_survey().await
    }

    async fn finish_survey(&mut self) -> Result<(), SessionError> {
        let Some(survey) = self.survey.take_if(|survey| survey.is_complete()) else { return Ok(()) };
        let found = survey.finish()?;
        self.hints = found.hints;
        self.switches = found.switches;
        self.groups = self.groups_of(found.queues.as_ref());
        let listed =
            found.contacts.iter().flat_map(|(user, list)| list.iter().map(move |contact| (user, contact)));
        let silent: Endpoints =
            self.switches.iter().flat_map(|switch| self.hints.silenced_by(switch)).collect();
        let picture = Picture {
            contacts: listed.map(|(user, contact)| (self.line(user.clone()), contact.clone())).collect(),
            calls: found.calls.into_iter().map(|(user, state)| (self.line(user), state)).collect(),
            groups: self.groups.clone(),
            do_not_disturb: Some(self.lines(silent)),
        };
        self.known = Some(found.contacts);
        self.tell(PbxNews::Picture(picture)).await
    }

    /// Queues, ring groups and agents, as far as Asterisk knows of them.
    fn groups_of(&self, queues: Option<&Queues>) -> Groups {
        let ring =
            self.hints.ring_groups().into_iter().map(|(name, phones)| (Group::RingGroup(name), phones));
        let rung = queues.map(|queues| queues.phones(&self.hints)).unwrap_or_default();
        let rung = rung.into_iter().map(|(name, phones)| (Group::Queue(name), phones));
        Groups {
            members: ring.chain(rung).map(|(group, phones)| (group, self.lines(phones))).collect(),
            agents: queues.map(|queues| self.lines(queues.agents(&self.hints))),
        }
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
            Ask::State(device, reply) => {
                let variable = format!("DEVICE_STATE({device})");
                self.ask(Action::new("Getvar").with("Variable", &variable)?, Asked::State(reply)).await
            }
            Ask::Switches(endpoint, reply) => {
                drop(reply.send(Ok(self.hints.switches_of(&endpoint))));
                Ok(())
            }
            Ask::Agents(reply) => {
                self.agents_wanted.push(reply);
                // One that is under way may have looked already; the next one answers all who ask until it begins.
                match self.queues.is_open() {
                    true => Ok(()),
                    false => self.read_queues().await,
                }
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

    fn lines(&self, endpoints: Endpoints) -> Vec<LineId> {
        endpoints.into_iter().map(|user| self.line(user)).collect()
    }
}
