//! What the administrator wrote, validated: which phones, which hours, how idle, how many at once, who stays up.

pub mod action;
pub mod blackout;
pub mod calendar;
pub mod coverage;
pub mod cron;
pub mod idle;
pub mod pace;
pub mod reason;
pub mod retry;
pub mod select;
pub mod verdict;
pub mod wall_clock;
pub mod wave;
pub mod window;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use action::{Action, Firmware};
pub use blackout::{Blackout, BlackoutDates, BlackoutState, Event};
pub use calendar::{Calendar, Margin, WindowState};
pub use coverage::{Coverage, CoverageRule, Group, Share};
pub use cron::Cron;
pub use idle::{AlsoBusy, IdleBy, IdleRule, Patience};
pub use pace::{Bandwidth, Pace, PerPart, Rate};
pub use retry::Retry;
pub use select::Selection;
pub use wave::{Brake, InFlight, OutsideCheck, Rollback, Wave, WaveSize};
pub use window::{EVERY_DAY, Lasts, Opening, Opens, Window};

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
    /// Images are offered although a phone's hardware level does not fit, or is not known.
    pub override_hardware: bool,
    /// When it may happen. No window means never.
    pub calendar: Calendar,
    /// How quiet a phone must have been.
    pub idle: IdleRule,
    /// How many phones at once.
    pub pace: Pace,
    /// Groups of which some stay up.
    pub coverage: Vec<Coverage>,
    /// What happens after a failure.
    pub retry: Retry,
    /// Who goes before whom. Read and checked only.
    pub waves: Vec<Wave>,
    /// What stops a rollout. Read and checked only.
    pub brake: Option<Brake>,
    /// The way back. Read and checked only.
    pub rollback: Option<Rollback>,
    /// It was edited so lately that it is not acted on before this instant; `None` when it may act.
    pub acts_from: Option<DateTime<Utc>>,
}

impl Policy {
    /// A policy with the defaults: it has no window, so it never acts.
    pub fn new(name: &str, select: Selection, action: Action) -> Self {
        Self {
            name: name.into(),
            about: None,
            priority: 0,
            select,
            action,
            override_hardware: false,
            calendar: Calendar::default(),
            idle: IdleRule::default(),
            pace: Pace::default(),
            coverage: Vec::new(),
            retry: Retry::default(),
            waves: Vec::new(),
            brake: None,
            rollback: None,
            acts_from: None,
        }
    }
}
