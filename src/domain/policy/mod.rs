//! What the administrator wrote, validated: which phones, which hours, how idle, how many at once.

pub mod calendar;
pub mod cron;
pub mod idle;
pub mod pace;
pub mod select;
pub mod verdict;
pub mod window;

use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use calendar::{Calendar, WindowState};
pub use cron::Cron;
pub use idle::IdleRule;
pub use pace::Pace;
pub use select::Selection;
pub use window::{Lasts, Opening, Opens, Window};

/// One policy file, read and checked.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The file's name without `.toml`; reports and history call the policy so.
    pub name: Arc<str>,
    /// One sentence for people.
    pub about: Option<String>,
    /// Where two policies select the same phone the higher number decides; a tie is an error at load.
    pub priority: i32,
    /// Which phones it speaks of.
    pub select: Selection,
    /// What is to happen to them.
    pub action: Action,
    /// When it may happen. No window means never.
    pub calendar: Calendar,
    /// How quiet a phone must have been.
    pub idle: IdleRule,
    /// How many phones at once.
    pub pace: Pace,
    /// What happens after a failure.
    pub retry: Retry,
}

/// What a policy does to the phones it selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Reboot once in each opening of the window.
    Reboot,
    /// Bring to the version of this staged release.
    Update {
        /// The release's name, as `sipherd release add` staged it.
        release: Arc<str>,
    },
}

/// How often, and how soon, a failed phone is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Trips in all for one phone and one target, the first included; 1 means no second try.
    pub attempts: u32,
    /// The pause after the first failure; doubled after each further one.
    pub backoff: TimeDelta,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, backoff: TimeDelta::minutes(10) }
    }
}
