//! The language of update scripts: one command a line, carried out in order, each after the one before has ended.
//!
//! A script says little more than this, in the words of the device's modules UP1 (conditions) and UP0 (transfers):
//!
//! ```text
//! mod cmd UP1 times /allow 22,23,0,1 /initial 6
//! mod cmd UP0 scfg http://192.0.2.5/configs/#h.txt no-op WEEKLY /force 168
//! mod cmd UP0 prot http://192.0.2.5/firmware/ ireset 04-5679
//! ```

mod printing;
mod reading;
mod word;

pub use reading::{Wrong, read};
pub use word::Word;

/// A script, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

/// One line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Nothing.
    Blank,
    /// A line that begins with `#`, as it stands.
    Comment(String),
    /// A command.
    Command(Command),
}

/// What a device can be told in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `mod cmd UP1 check`: the rest of the script once only for each serial.
    Check {
        /// What is done once the rest has ended.
        then: Final,
        /// What is compared with, and then stored as, UPDATE/CHECK.
        serial: String,
    },
    /// `mod cmd UP1 times`: the rest of the script only then.
    Times {
        /// The hours by the device's clock; `None` allows all.
        allow: Option<Hours>,
        /// So many minutes after each boot nothing is done; new devices then go at any hour.
        initial: Option<u32>,
    },
    /// `mod cmd UP0 prot`, `boot` or `bmc`: download code, once for each serial.
    Fetch {
        /// What is downloaded.
        code: Code,
        /// From where; with a slash at its end the device appends its product's file name.
        url: String,
        /// What is done once it is there.
        then: Final,
        /// What is compared with, and then stored as, UPDATE/PROT, UPDATE/BOOT or UPDATE/BMC.
        serial: String,
    },
    /// `mod cmd UP0 scfg`: hand in the configuration by HTTP PUT.
    Save {
        /// To where; metacharacters in it are replaced.
        url: String,
        /// When it is done again; `None` does it at every poll.
        once: Option<Once>,
    },
    /// `mod cmd UP0 cfg`: read a configuration file, once for each serial.
    Load {
        /// From where.
        url: String,
        /// What is done once it was read.
        then: Final,
        /// What is compared with, and then stored as, UPDATE/CFG.
        serial: String,
    },
    /// `mod cmd UP1 poll`: read the script now.
    Poll,
    /// `mod cmd UP1 provision`: poll often for a while, as new devices do.
    Provision(u32),
    /// `mod cmd WLANMGR0`: `deactivate-pwr` saves power, `activate-pwr` stays awake for a download.
    StayAwake(bool),
    /// `ireset`, `reset` and their kin, alone on a line.
    Restart(Final),
    /// Any other line: kept as it stands, and handed to the device so.
    Other(String),
}

/// When a configuration is handed in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// What is done afterwards.
    pub then: Final,
    /// What is compared with, and then stored as, UPDATE/SCFG.
    pub serial: String,
    /// After so many hours it is done again though the serial is the same.
    pub force: Option<u32>,
}

/// Code that a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The firmware (`prot`).
    Firmware,
    /// The boot code (`boot`).
    Boot,
    /// The radio code of DECT devices (`bmc`).
    Radio,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Firmware, Self::Boot, Self::Radio];

    /// The word of the script.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firmware => "prot",
            Self::Boot => "boot",
            Self::Radio => "bmc",
        }
    }

    /// What people call it.
    pub const fn called(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::Boot => "boot code",
            Self::Radio => "radio code",
        }
    }
}

/// What is done at the end of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Final {
    /// `ireset`: reset as soon as nobody uses the device.
    WhenIdle,
    /// `reset`: reset at once.
    AtOnce,
    /// `iresetn`: as `ireset`, if something asks for a reset.
    WhenIdleIfNeeded,
    /// `resetn`: as `reset`, if something asks for a reset.
    AtOnceIfNeeded,
    /// `ireboot`: a restart by the watchdog, as soon as nobody uses the device; it activates boot code.
    RebootWhenIdle,
    /// `reboot`: the same at once.
    RebootAtOnce,
    /// `ser` or `no-op`: nothing.
    Nothing,
}

impl Final {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::WhenIdle,
        Self::AtOnce,
        Self::WhenIdleIfNeeded,
        Self::AtOnceIfNeeded,
        Self::RebootWhenIdle,
        Self::RebootAtOnce,
        Self::Nothing,
    ];

    /// The word of the script; for nothing that is `ser`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::WhenIdle => "ireset",
            Self::AtOnce => "reset",
            Self::WhenIdleIfNeeded => "iresetn",
            Self::AtOnceIfNeeded => "resetn",
            Self::RebootWhenIdle => "ireboot",
            Self::RebootAtOnce => "reboot",
            Self::Nothing => "ser",
        }
    }

    /// Reads a word; `no-op` and `/ser` are `ser`.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "no-op" | "/ser" => Some(Self::Nothing),
            _ => Self::ALL.into_iter().find(|last| last.word() == word),
        }
    }

    /// The kind that waits until nobody uses the device.
    pub const fn polite(self) -> Self {
        match self {
            Self::AtOnce => Self::WhenIdle,
            Self::AtOnceIfNeeded => Self::WhenIdleIfNeeded,
            Self::RebootAtOnce => Self::RebootWhenIdle,
            waits => waits,
        }
    }

    /// It may end a call.
    pub fn is_rude(self) -> bool {
        self.polite() != self
    }

    /// It does nothing unless something asks for a reset.
    pub const fn if_needed(self) -> bool {
        matches!(self, Self::WhenIdleIfNeeded | Self::AtOnceIfNeeded)
    }

    /// It restarts by the watchdog, and so activates boot code.
    pub const fn by_watchdog(self) -> bool {
        matches!(self, Self::RebootWhenIdle | Self::RebootAtOnce)
    }
}

/// Hours of the day as `/allow` lists them: each from its first minute to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours(Vec<u8>);

impl Hours {
    /// These hours, in this order; `None` when one is no hour of a day, or there is none.
    pub fn new(hours: Vec<u8>) -> Option<Self> {
        (!hours.is_empty() && hours.iter().all(|hour| *hour < 24)).then_some(Self(hours))
    }

    /// As they were listed.
    pub fn listed(&self) -> &[u8] {
        &self.0
    }

    /// Whether an hour is allowed.
    pub fn contains(&self, hour: u8) -> bool {
        self.0.contains(&hour)
    }
}

impl Script {
    /// The commands with their line numbers, from 1.
    pub fn commands(&self) -> impl Iterator<Item = (usize, &Command)> {
        self.lines.iter().enumerate().filter_map(|(index, line)| match line {
            Line::Command(command) => Some((index + 1, command)),
            Line::Blank | Line::Comment(_) => None,
        })
    }
}
