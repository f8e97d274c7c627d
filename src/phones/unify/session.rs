//! One conversation of a phone with its deployment service, as a machine: what each message is answered.
//!
//! ```text
//! start-up ────────▶ ReadItems ──reply──▶ (decision) ──▶ order ──reply──▶ next order … ──▶ CleanUp
//!                                             │  settings: ReadItems, WriteItems where they differ, ReadItems again
//! solicited, changes ─ all told? ───────▶     ▲            │ busy:   CleanUp with send-solicited
//!                  └─ no ─▶ ReadItems ──reply─┘            │ failed: CleanUp
//! status ─────────────────────────────────────────────────────────▶ CleanUp
//! anything out of order ──────────────────────────────────────────▶ CleanUp, with the reason
//! ```
//!
//! The phone begins, and each message is answered once, with its own nonce.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::item::Items;
use super::message::{Action, Message, Reason, Status};
use super::order::{MediaFile, Order, Setting, Software};
use super::who::Who;
use super::writing::{Compared, Writing};
use crate::domain::files::FileStatus;
use crate::domain::items::ItemsFound;

/// A phone that says nothing for so long has hung up.
pub const PATIENCE: TimeDelta = TimeDelta::seconds(120);

/// No conversation needs more messages.
const MOST_MESSAGES: u32 = 300;

/// Why a phone called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It has started.
    Started,
    /// It asks what it is to do: it was told to call, or something changed.
    Asks,
}

/// Something a phone is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Change those of these settings that differ; it is read back what they are then.
    Write(Vec<Setting>),
    /// Load an image, and then reboot by itself.
    Install(Software),
    /// Load these files, which are no images.
    Deploy(Vec<MediaFile>),
    /// Reboot.
    Reboot,
}

/// What a phone said that others should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It will not do what it was told.
    Refused(String),
    /// It is in a call, and calls again when that has ended.
    Deferred(String),
    /// What it told of the settings it was to have.
    Settings(ItemsFound),
    /// How the deployment of files went that are no images.
    Files(Vec<FileStatus>),
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Decide what this phone is to do, and hand that to [`Session::decide`].
    Decide(Arrival, Who),
    /// Answer with this.
    Answer(Order),
}

/// What a message means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What comes next.
    pub next: Next,
    /// What the phone said.
    pub news: Option<News>,
    /// What was odd about it, for the log.
    pub odd: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// For the phone's first message.
    Call,
    /// For the items it was asked for.
    Items(Arrival),
    /// For the settings that are compared.
    Settings,
    /// For a decision.
    Decision,
    /// For what becomes of an order.
    Reply(Action),
    /// For nothing: it is over.
    Over,
}

/// A conversation.
#[derive(Debug, Clone)]
pub struct Session {
    waits: Waits,
    last: DateTime<Utc>,
    messages: u32,
    items: Items,
    jobs: VecDeque<Job>,
    /// The settings that are being written.
    writing: Writing,
}

impl Session {
    /// One in which nothing was said yet.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            waits: Waits::Call,
            last: now,
            messages: 0,
            items: Items::default(),
            jobs: VecDeque::new(),
            writing: Writing::default(),
        }
    }

    /// When it is given up if the phone says nothing more.
    pub fn deadline(&self) -> DateTime<Utc> {
        self.last + PATIENCE
    }

    /// Whether nothing more can come.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.waits == Waits::Over || now >= self.deadline()
    }

    /// The phone, once it said who it is.
    pub fn who(&self) -> Option<Who> {
        Who::read(&self.items).ok()
    }

    /// Takes in a message.
    pub fn hear(&mut self, now: DateTime<Utc>, message: Message) -> Heard {
        let late = now >= self.deadline();
        self.last = now;
        self.messages += 1;
        if late || self.messages > MOST_MESSAGES {
            let why = if late { "it comes too late" } else { "the conversation does not end" };
            return self.odd(format!("{}: {why}", message.reason.as_str()));
        }
        match (message.reason, self.waits) {
            (Reason::StartUp, Waits::Call) => {
                self.items = message.items;
                self.ask_who(Arrival::Started, true)
            }
            (Reason::Solicited | Reason::LocalChanges | Reason::InventoryChanges, Waits::Call) => {
                self.items = message.items;
                self.ask_who(Arrival::Asks, false)
            }
            (Reason::Status, Waits::Call) => {
                self.items = message.items;
                self.waits = Waits::Over;
                let files = Some(files_told(&self.items)).filter(|files| !files.is_empty());
                let news =
                    deployment_failed(&self.items, |kind| OF_IMAGES.contains(&kind)).map(News::Refused);
                let news = news.or(files.map(News::Files));
                Heard { next: Next::Answer(Order::GOODBYE), news, odd: None }
            }
            (Reason::ReplyTo { action, status }, Waits::Items(arrival)) => {
                if !matches!(action, Action::ReadItems | Action::GetNextFragment) {
                    return self.odd(format!("it answers {}, not ReadItems", action.as_str()));
                }
                self.told(arrival, status, message.items, message.more)
            }
            (Reason::ReplyTo { action, status }, Waits::Settings) => {
                if !matches!(action, Action::ReadItems | Action::GetNextFragment) {
                    return self.odd(format!("it answers {}, not ReadItems", action.as_str()));
                }
                match status {
                    Status::Accepted => self.told_settings(message.items, message.more),
                    Status::Failed | Status::Busy => self.replied(Action::ReadItems, status, &message.items),
                }
            }
            (Reason::ReplyTo { action, status }, Waits::Reply(awaited)) => {
                if action != awaited {
                    let (action, awaited) = (action.as_str(), awaited.as_str());
                    return self.odd(format!("it answers {action}, not {awaited}"));
                }
                self.replied(action, status, &message.items)
            }
            (
                reason,
                Waits::Call
                | Waits::Items(_)
                | Waits::Settings
                | Waits::Decision
                | Waits::Reply(_)
                | Waits::Over,
            ) => self.odd(format!("{} out of order", reason.as_str())),
        }
    }

    /// Takes in what the phone is to do; gives what it is answered.
    pub fn decide(&mut self, jobs: impl IntoIterator<Item = Job>) -> Order {
        if self.waits != Waits::Decision {
            self.waits = Waits::Over;
            return Order::GOODBYE;
        }
        self.jobs = jobs.into_iter().collect();
        self.next_job()
    }

    /// A phone that has just started is always asked: what it runs now is what everybody wants to know.
    fn ask_who(&mut self, arrival: Arrival, always: bool) -> Heard {
        match Who::read(&self.items) {
            Err(no_phone) => self.odd(no_phone.to_string()),
            Ok(who) if who.is_whole() && !always => {
                self.waits = Waits::Decision;
                Heard { next: Next::Decide(arrival, who), news: None, odd: None }
            }
            Ok(_) => {
                self.waits = Waits::Items(arrival);
                self.answer(Order::ReadItems(Who::ITEMS))
            }
        }
    }

    fn told(&mut self, arrival: Arrival, status: Status, items: Items, more: bool) -> Heard {
        let before = self.who().map(|who| who.mac);
        match status {
            Status::Accepted => self.items.take_in(items),
            // Then what it said by itself must do.
            Status::Failed | Status::Busy => {}
        }
        match Who::read(&self.items) {
            Err(no_phone) => self.odd(no_phone.to_string()),
            Ok(who) if before.is_some_and(|mac| mac != who.mac) => {
                self.odd(format!("it is {} all of a sudden", who.mac))
            }
            Ok(_) if more && status == Status::Accepted => self.answer(Order::GetNextFragment),
            Ok(who) => {
                self.waits = Waits::Decision;
                Heard { next: Next::Decide(arrival, who), news: None, odd: None }
            }
        }
    }

    /// It tells what its settings are.
    fn told_settings(&mut self, items: Items, more: bool) -> Heard {
        self.writing.take_in(items);
        if more {
            return self.answer(Order::GetNextFragment);
        }
        match self.writing.compare() {
            Compared::Differ(order) => {
                self.waits = Waits::Reply(order.action());
                self.answer(order)
            }
            Compared::Over(found) => {
                let order = if matches!(found, ItemsFound::AsWanted { .. }) {
                    self.next_job()
                } else {
                    self.waits = Waits::Over;
                    Order::GOODBYE
                };
                Heard { news: Some(News::Settings(found)), ..self.answer(order) }
            }
        }
    }

    fn replied(&mut self, action: Action, status: Status, items: &Items) -> Heard {
        let what = action.as_str();
        match status {
            // That it took them is not believed; what it tells now is.
            Status::Accepted if action == Action::WriteItems => {
                self.waits = Waits::Settings;
                let order = self.writing.read_again();
                self.answer(order)
            }
            Status::Accepted => {
                let order = self.next_job();
                self.answer(order)
            }
            Status::Busy => {
                self.waits = Waits::Over;
                let news = Some(News::Deferred(format!("it is busy: {what} has to wait")));
                let order = Order::CleanUp { send_solicited: true, because: None };
                Heard { next: Next::Answer(order), news, odd: None }
            }
            Status::Failed => {
                self.waits = Waits::Over;
                let why =
                    deployment_failed(items, |_| true).unwrap_or_else(|| format!("it said no to {what}"));
                Heard { next: Next::Answer(Order::GOODBYE), news: Some(News::Refused(why)), odd: None }
            }
        }
    }

    fn next_job(&mut self) -> Order {
        let order = match self.jobs.pop_front() {
            None => {
                self.waits = Waits::Over;
                return Order::GOODBYE;
            }
            Some(Job::Write(settings)) if settings.is_empty() => return self.next_job(),
            Some(Job::Write(settings)) => {
                self.waits = Waits::Settings;
                self.writing = Writing::new(settings);
                return self.writing.read();
            }
            Some(Job::Install(software)) => Order::Software(software),
            Some(Job::Deploy(files)) => Order::Files(files),
            Some(Job::Reboot) => Order::Restart,
        };
        self.waits = Waits::Reply(order.action());
        order
    }

    fn answer(&self, order: Order) -> Heard {
        Heard { next: Next::Answer(order), news: None, odd: None }
    }

    fn odd(&mut self, odd: String) -> Heard {
        self.waits = Waits::Over;
        let order = Order::CleanUp { send_solicited: false, because: Some("unexpected message") };
        Heard { next: Next::Answer(order), news: None, odd: Some(odd) }
    }
}

/// What phones call the kind of a deployment that is one of an image, or nothing at all.
const OF_IMAGES: [&str; 2] = ["", "APP"];

/// Which file was not deployed, by the items of a phone that tells how a deployment of such a kind went.
fn deployment_failed(items: &Items, of_kind: impl Fn(&str) -> bool) -> Option<String> {
    let mut told = deployments(items).filter(|(kind, _)| of_kind(kind));
    told.find_map(|(_, status)| status.failed)
}

/// How the deployment of files went that are no images.
fn files_told(items: &Items) -> Vec<FileStatus> {
    let told = deployments(items).filter(|(kind, _)| !OF_IMAGES.contains(kind));
    told.map(|(_, status)| status).collect()
}

/// Each deployment that a phone tells of, with its kind.
fn deployments(items: &Items) -> impl Iterator<Item = (&str, FileStatus)> {
    items.all("file-deployment-status").map(|item| {
        let about = |name: &str| items.at(name, item.index).unwrap_or_default();
        // Some tell the whole path.
        let name = about("file-deployment-name").rsplit(['/', '\\']).next().filter(|name| !name.is_empty());
        let failed = (!item.value.eq_ignore_ascii_case("ok"))
            .then(|| format!("it did not deploy {}: {}", name.unwrap_or("its file"), item.value));
        (about("file-deployment-type"), FileStatus { file: name.map(str::to_owned), failed })
    })
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
