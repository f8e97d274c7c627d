//! What Asterisk was asked and has not answered yet, each with its number and its deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::wire::Block;
use crate::ports::NotifyOutcome;

/// A question is answered, or the next item of a list comes, within this time; else Asterisk hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What was asked.
pub(super) enum Asked {
    /// Are you there?
    Ping,
    /// Send only events of one kind.
    Filter,
    /// Who is registered?
    Contacts,
    /// What is each device doing?
    Devices,
    /// Which channels are there?
    Channels,
    /// Which hints has the dialplan?
    Hints,
    /// Which queues are there, and who is in them?
    Queues,
    /// What is this one device doing right now?
    State(oneshot::Sender<Result<String, String>>),
    /// Send a NOTIFY.
    Notify(oneshot::Sender<NotifyOutcome>),
}

impl Asked {
    /// The action's name.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::Ping => "Ping",
            Self::Filter => "Filter",
            Self::Contacts => "PJSIPShowContacts",
            Self::Devices => "DeviceStateList",
            Self::Channels => "CoreShowChannels",
            Self::Hints => "ExtensionStateList",
            Self::Queues => "QueueStatus",
            Self::State(_) => "Getvar",
            Self::Notify(_) => "PJSIPNotify",
        }
    }

    fn wants_list(&self) -> bool {
        match self {
            Self::Contacts | Self::Devices | Self::Channels | Self::Hints | Self::Queues => true,
            Self::Ping | Self::Filter | Self::State(_) | Self::Notify(_) => false,
        }
    }
}

/// An answer that must not be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAnswer {
    /// It was refused.
    #[error(
        "asterisk refused {action}: {message}; hint: the manager user needs read = system,call,reporting,agent and write = system,call,reporting"
    )]
    Refused {
        /// The action.
        action: &'static str,
        /// Asterisk's words.
        message: String,
    },
    /// A list ended before all of it was there.
    #[error("the list of {action} is cut short: {got} items came, {told} were announced")]
    Truncated {
        /// The action.
        action: &'static str,
        /// Items that came.
        got: usize,
        /// What Asterisk says it sent.
        told: String,
    },
    /// A part of it was longer than anything we keep.
    #[error("the answer to {action} holds a line too long to be true")]
    Overlong {
        /// The action.
        action: &'static str,
    },
    /// Nothing came.
    #[error("no answer to {action} within {} s", PATIENCE.as_secs())]
    Missing {
        /// The action.
        action: &'static str,
    },
}

/// What a block was.
pub(super) enum Took {
    /// A final answer with its list, if one was asked for.
    Answer(Asked, Block, Vec<Block>),
    /// A part of an answer.
    Part,
    /// Not an answer: an event.
    Event(Block),
}

struct Open {
    asked: Asked,
    deadline: Instant,
    list: Option<Vec<Block>>,
}

/// The open questions.
#[derive(Default)]
pub(super) struct Answers {
    last: u64,
    open: BTreeMap<u64, Open>,
}

impl Answers {
    /// Opens a question and gives its number.
    pub(super) fn ask(&mut self, asked: Asked) -> u64 {
        self.last += 1;
        self.open.insert(self.last, Open { asked, deadline: Instant::now() + PATIENCE, list: None });
        self.last
    }

    /// Whether nothing is open.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// When the first open question is overdue.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().map(|open| open.deadline).min()
    }

    /// The overdue question.
    pub(super) fn overdue(&self) -> Option<BadAnswer> {
        let now = Instant::now();
        let late = self.open.values().find(|open| open.deadline <= now)?;
        Some(BadAnswer::Missing { action: late.asked.action() })
    }

    /// Puts a block where it belongs.
    pub(super) fn take(&mut self, block: Block) -> Result<Took, BadAnswer> {
        let id = block.get("ActionID").and_then(|id| id.parse().ok());
        let Some((id, open)) = id.and_then(|id: u64| Some((id, self.open.get_mut(&id)?))) else {
            return Ok(Took::Event(block));
        };
        let action = open.asked.action();
        if block.overlong {
            return Err(BadAnswer::Overlong { action });
        }
        let is = |key, value: &str| block.get(key).is_some_and(|text| text.eq_ignore_ascii_case(value));
        match &mut open.list {
            None if open.asked.wants_list() && is("Response", "Success") => open.list = Some(Vec::new()),
            None if open.asked.wants_list() && !empty(&open.asked, &block) => {
                return Err(BadAnswer::Refused { action, message: message(&block) });
            }
            Some(items) if !is("EventList", "Complete") && !is("EventList", "Cancelled") => items.push(block),
            list => {
                let items = list.take().unwrap_or_default();
                let told = block.get("ListItems").unwrap_or_default();
                if open.asked.wants_list()
                    && !empty(&open.asked, &block)
                    && (is("EventList", "Cancelled") || told.parse() != Ok(items.len()))
                {
                    return Err(BadAnswer::Truncated { action, got: items.len(), told: told.to_owned() });
                }
                return Ok(match self.open.remove(&id) {
                    Some(open) => Took::Answer(open.asked, block, items),
                    None => Took::Part,
                });
            }
        }
        open.deadline = Instant::now() + PATIENCE;
        Ok(Took::Part)
    }
}

/// Asterisk's words in an answer.
pub(super) fn message(block: &Block) -> String {
    block.filled("Message").unwrap_or("no reason given").chars().take(200).collect()
}

/// Asterisk says with an error that nobody is registered, that there is no hint, and that nothing it has loaded knows of
/// queues; that is its word for an empty list.
fn empty(asked: &Asked, block: &Block) -> bool {
    let message = block.get("Message").unwrap_or_default();
    let known = match asked {
        Asked::Contacts => message == "No Contacts found",
        Asked::Hints => message == "No dialplan hints are available",
        Asked::Queues => message.starts_with("Invalid/unknown command"),
        Asked::Ping
        | Asked::Filter
        | Asked::Devices
        | Asked::Channels
        | Asked::State(_)
        | Asked::Notify(_) => false,
    };
    known && block.get("Response") == Some("Error")
}
