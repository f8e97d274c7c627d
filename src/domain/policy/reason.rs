//! Why a phone is held, for people and for machines.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::verdict::spell;
use crate::domain::firmware::{Misfit, Version};
use crate::domain::modules::ModuleHeld;
use crate::domain::phone::{CallState, LineId, PbxName};
use crate::domain::realm::RealmHeld;

/// Why a phone is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// Neither the inventory nor an observation says which lines it has.
    NoLines,
    /// No vendor profile: nobody knows how this phone is asked.
    NoProfile {
        /// What is known of it.
        kind: String,
    },
    /// No policy selects it.
    NotSelected,
    /// Two policies of the same priority select it.
    Tie {
        /// Their names.
        policies: Vec<Arc<str>>,
    },
    /// Its policy was edited so lately that it may not be finished.
    EditedLately {
        /// The policy.
        policy: Arc<str>,
        /// When it is acted on.
        until: DateTime<Utc>,
    },
    /// The policy only says which image it would get.
    StagedOnly {
        /// Where the image would come from.
        from: String,
    },
    /// This version of sipherd reads and checks it, but does not act on it.
    NotYet {
        /// The table of the policy.
        what: String,
    },
    /// It runs the target already.
    AlreadyCurrent {
        /// What it runs.
        version: Version,
    },
    /// It was rebooted in this opening of the window already.
    AlreadyRebooted {
        /// When it was back.
        at: DateTime<Utc>,
    },
    /// It read its settings anew in this opening of the window already.
    AlreadyResynced {
        /// When.
        at: DateTime<Utc>,
    },
    /// It handed in its configuration in this opening of the window already.
    AlreadyHandedIn {
        /// When.
        at: DateTime<Utc>,
    },
    /// Its settings were found to be so, or written, in this opening of the window already.
    AlreadyWritten {
        /// When.
        at: DateTime<Utc>,
    },
    /// It has fetched all its files already.
    HasFiles {
        /// The release, or the channel.
        from: String,
    },
    /// The release is not staged, or holds no file for this model.
    NoFiles {
        /// The release, or the channel.
        from: String,
    },
    /// The release is not staged, or holds no image for this model.
    NoImage {
        /// The release, or the channel.
        from: String,
    },
    /// The image must not be offered to it.
    Misfit(Misfit),
    /// The administrator's settings files forbid it the firmware (`update_policy`), or let it ask its user first.
    UpdatePolicy {
        /// Their `update_policy`.
        value: Arc<str>,
    },
    /// The administrator's settings files have every check-sync wipe it, or do something else than is wanted, and nothing
    /// else asks it.
    CheckSync {
        /// What it does; `None` wipes it.
        does: Option<Arc<str>>,
    },
    /// Its expansion module cannot be updated.
    Module(ModuleHeld),
    /// It cannot be moved to the realm.
    Realm(RealmHeld),
    /// It failed lately.
    PenaltyBox {
        /// When it may be tried again.
        until: DateTime<Utc>,
        /// What went wrong.
        after: String,
    },
    /// It failed as often as the policy allows.
    NoAttemptsLeft {
        /// Trips made.
        attempts: u32,
        /// What went wrong last.
        last: String,
    },
    /// It went and was not seen again: it may be flashing, or dead.
    Lost,
    /// The window is closed.
    OutsideWindow {
        /// When it opens next, and for how long.
        opens: Option<super::Opening>,
    },
    /// It booted by itself just now: whoever sets it up is left alone.
    JustBooted {
        /// Until then.
        until: DateTime<Utc>,
    },
    /// The window is open but closes too soon for this model.
    TooLittleLeft {
        /// What is left of it, in seconds.
        left_seconds: i64,
        /// What the phone needs, in seconds.
        needs_seconds: i64,
        /// When it opens next.
        opens: Option<super::Opening>,
    },
    /// The window is open, but its author lets nobody start so late.
    PastLastStart {
        /// What is left of it, in seconds.
        left_seconds: i64,
        /// What must be left, in seconds.
        margin_seconds: i64,
        /// When it opens next.
        opens: Option<super::Opening>,
    },
    /// Starts are spread over the window, and this phone's turn comes later.
    NotItsTurn {
        /// When it comes.
        from: DateTime<Utc>,
    },
    /// A blackout: nothing happens on this day.
    Blackout {
        /// The first instant after it.
        until: DateTime<Utc>,
    },
    /// A blackout begins before the phone would be back.
    BlackoutNear {
        /// When it begins.
        begins: DateTime<Utc>,
        /// What the phone needs, in seconds.
        needs_seconds: i64,
    },
    /// The PBX has not told anything lately (or ever): what its phones do is unknown.
    ViewStale {
        /// Which PBX.
        pbx: PbxName,
        /// Age of the view in seconds; `None` when there never was one.
        age_seconds: Option<i64>,
    },
    /// A line is not registered.
    NotRegistered {
        /// Which line.
        line: LineId,
    },
    /// A line has several contacts: which of them is this phone cannot be told.
    SeveralContacts {
        /// Which line.
        line: LineId,
        /// How many.
        contacts: usize,
    },
    /// A line is in a call, rings, or is in a state nobody told.
    Busy {
        /// Which line.
        line: LineId,
        /// What it is doing.
        calls: CallState,
    },
    /// Not quiet for long enough.
    NotQuietYet {
        /// The line that was busy last.
        line: LineId,
        /// Quiet for so many seconds.
        quiet_seconds: i64,
        /// Of so many.
        needed_seconds: i64,
        /// When that will be reached if nobody calls.
        until: DateTime<Utc>,
    },
    /// An agent is logged in to a queue at this line.
    AgentLoggedIn {
        /// Which line.
        line: LineId,
    },
    /// Do-not-disturb is set on this line.
    DoNotDisturb {
        /// Which line.
        line: LineId,
    },
    /// The policy counts something as busy of which the PBX says nothing.
    Untold {
        /// Which line.
        line: LineId,
        /// What nobody told.
        what: String,
    },
    /// The policy leaves the wait to the phone, whose maker does not document that it waits.
    CannotWait {
        /// What is known of it.
        kind: String,
    },
    /// Too few of its group would stay up.
    Coverage {
        /// The group.
        group: String,
        /// How many of it are up.
        up: u32,
        /// How many must stay up.
        keep: u32,
    },
    /// Its group is never touched.
    Excluded {
        /// The group.
        group: String,
    },
    /// Its group goes last, and others of the policy are not done.
    GoesLast {
        /// The group.
        group: String,
        /// How many wait for a place or are under way.
        others: u32,
    },
    /// Nobody told who belongs to a group of which some must stay up.
    GroupUntold {
        /// The group.
        group: String,
    },
    /// As many as may went lately.
    RateReached {
        /// Whose limit.
        budget: Arc<str>,
        /// How many may.
        count: u32,
        /// In which time, in milliseconds.
        per_milliseconds: i64,
        /// When the next may.
        until: DateTime<Utc>,
    },
    /// Too many phones are down already.
    BudgetFull {
        /// Whose budget: the policy's name.
        budget: Arc<str>,
        /// Phones down.
        down: u32,
        /// How many may be.
        limit: u32,
    },
    /// It asks by itself what there is to do, and its next poll is awaited.
    AwaitsPoll {
        /// When it polled last; `None` when it was not seen to.
        last: Option<DateTime<Utc>>,
    },
    /// The trip is under way.
    UnderWay {
        /// The trip's state.
        state: String,
    },
    /// The daemon is shutting down and starts nothing new.
    Draining,
}

/// What a person can look at: the phone's own page tells why it does not come.
const NEVER_POLLED: &str = "it was not seen to poll yet: see whether its update URL names this depot. Its page Configuration/General/Update \
    tells how its last poll ended: `not polled` (its first interval is not over), `failed(401)` (the URL names a server that wants a password), \
    `failed(404)` (its path is misspelt), `failed(502)` (it is no URL, or a proxy is between); other numbers are HTTP statuses";

impl Reason {
    /// The reason in words, its times as clocks in this zone show them; UTC is named.
    pub fn told_in(&self, zone: Tz) -> String {
        let seconds = |n: i64| spell(TimeDelta::seconds(n));
        let clock = |at: &DateTime<Utc>, form: &str| {
            let text = at.with_timezone(&zone).format(form).to_string();
            if zone == Tz::UTC { text + " UTC" } else { text }
        };
        match self {
            Self::NoLines => "no line is known for this phone".to_owned(),
            Self::NoProfile { kind } => format!("no profile for {kind}"),
            Self::NotSelected => "no policy selects it".to_owned(),
            Self::Tie { policies } => {
                format!("policies of equal priority: {}", policies.join(", "))
            }
            Self::EditedLately { policy, until } => {
                format!("policy {policy} was edited just now, acts from {}", clock(until, "%H:%M:%S"))
            }
            Self::StagedOnly { from } => format!("{from} is staged only, offered to nobody yet"),
            Self::NotYet { what } => format!("this version does not act on `{what}`"),
            Self::AlreadyCurrent { version } => format!("runs {version} already"),
            Self::AlreadyRebooted { at } => {
                format!("rebooted in this window already ({})", clock(at, "%H:%M"))
            }
            Self::AlreadyResynced { at } => {
                format!("read its settings in this window already ({})", clock(at, "%H:%M"))
            }
            Self::AlreadyHandedIn { at } => {
                format!("handed in its configuration in this window already ({})", clock(at, "%H:%M"))
            }
            Self::AlreadyWritten { at } => {
                format!("has its settings in this window already ({})", clock(at, "%H:%M"))
            }
            Self::HasFiles { from } => format!("has its files of {from} already"),
            Self::NoFiles { from } => format!("{from} has no files for it"),
            Self::NoImage { from } => format!("{from} has no image for it"),
            Self::Misfit(misfit) => misfit.to_string(),
            Self::UpdatePolicy { value } => {
                format!("the settings files say `update_policy` `{value}` for it")
            }
            Self::CheckSync { does } => {
                let does = does.as_ref().map_or("wipes it".to_owned(), |does| format!("does `{does}`"));
                format!("by the settings files any check-sync {does}, and nothing else asks it")
            }
            Self::Module(held) => held.told(|until| clock(until, "%H:%M:%S")),
            Self::Realm(held) => held.to_string(),
            Self::PenaltyBox { until, after } => {
                format!("after {after}: not before {}", clock(until, "%a %d %b %H:%M:%S"))
            }
            Self::NoAttemptsLeft { attempts, last } => {
                format!("no attempt left after {attempts}, last: {last}")
            }
            Self::Lost => {
                "it left and was not seen again; it keeps its place until it is, or a person acts".to_owned()
            }
            Self::OutsideWindow { opens: Some(next) } => {
                format!("outside the window, opens {}", clock(&next.start, "%a %d %b %H:%M"))
            }
            Self::OutsideWindow { opens: None } => "no window ever opens".to_owned(),
            Self::JustBooted { until } => {
                format!("booted just now, left alone until {}", clock(until, "%H:%M:%S"))
            }
            Self::TooLittleLeft { left_seconds, needs_seconds, .. } => format!(
                "window closes in {}, the phone needs {}",
                seconds(*left_seconds),
                seconds(*needs_seconds)
            ),
            Self::PastLastStart { left_seconds, margin_seconds, .. } => format!(
                "window closes in {}, nobody starts in its last {}",
                seconds(*left_seconds),
                seconds(*margin_seconds)
            ),
            Self::NotItsTurn { from } => format!("its turn comes {}", clock(from, "%a %d %b %H:%M:%S")),
            Self::Blackout { until } => format!("blackout until {}", clock(until, "%Y-%m-%d %H:%M")),
            Self::BlackoutNear { begins, needs_seconds } => format!(
                "a blackout begins {}, the phone needs {}",
                clock(begins, "%a %d %b %H:%M"),
                seconds(*needs_seconds)
            ),
            Self::ViewStale { pbx, age_seconds: Some(age) } => {
                format!("PBX view of {pbx} is {age} s old")
            }
            Self::ViewStale { pbx, age_seconds: None } => format!("no view of {pbx}"),
            Self::NotRegistered { line } => format!("line {} is not registered", line.user),
            Self::SeveralContacts { line, contacts } => {
                format!("line {} has {contacts} contacts", line.user)
            }
            Self::Busy { line, calls } => format!("{calls} (line {})", line.user),
            Self::NotQuietYet { line, quiet_seconds, needed_seconds, .. } => format!(
                "quiet for {} of {} (line {})",
                seconds(*quiet_seconds),
                seconds(*needed_seconds),
                line.user
            ),
            Self::AgentLoggedIn { line } => format!("a queue agent is logged in (line {})", line.user),
            Self::DoNotDisturb { line } => format!("do-not-disturb is set (line {})", line.user),
            Self::Untold { line, what } => format!("nobody tells about {what} (line {})", line.user),
            Self::CannotWait { kind } => format!("{kind} is not documented to wait for its calls"),
            Self::Coverage { group, up, keep } => {
                format!("{group}: {up} of its phones are up, {keep} must stay up")
            }
            Self::Excluded { group } => format!("{group} is never touched"),
            Self::GoesLast { group, others } => {
                format!("{group} goes last, {others} other phones are not done")
            }
            Self::GroupUntold { group } => format!("nobody tells who belongs to {group}"),
            Self::RateReached { budget, count, per_milliseconds, until } => format!(
                "{count} in {} are enough for {budget}, next at {}",
                spell(TimeDelta::milliseconds(*per_milliseconds)),
                clock(until, "%H:%M:%S")
            ),
            Self::BudgetFull { budget, down, limit } => {
                format!("{down} of {limit} phones of {budget} are down")
            }
            Self::AwaitsPoll { last: Some(last) } => {
                format!("its next poll is awaited, the last came {}", clock(last, "%a %d %b %H:%M:%S"))
            }
            Self::AwaitsPoll { last: None } => NEVER_POLLED.to_owned(),
            Self::UnderWay { state } => format!("under way: {state}"),
            Self::Draining => "sipherd is shutting down".to_owned(),
        }
    }

    /// A short machine name for logs, API fields and metric labels.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::NoLines => "no-lines",
            Self::NoProfile { .. } => "no-profile",
            Self::NotSelected => "not-selected",
            Self::Tie { .. } => "tie",
            Self::EditedLately { .. } => "edited-lately",
            Self::StagedOnly { .. } => "staged-only",
            Self::NotYet { .. } => "not-yet",
            Self::AlreadyCurrent { .. } => "already-current",
            Self::AlreadyRebooted { .. } => "already-rebooted",
            Self::AlreadyResynced { .. } => "already-resynced",
            Self::AlreadyHandedIn { .. } => "already-handed-in",
            Self::AlreadyWritten { .. } => "already-written",
            Self::HasFiles { .. } => "has-files",
            Self::NoFiles { .. } => "no-files",
            Self::NoImage { .. } => "no-image",
            Self::Misfit(_) => "misfit",
            Self::UpdatePolicy { .. } => "update-policy",
            Self::CheckSync { does: None } => "wiped-by-check-sync",
            Self::CheckSync { does: Some(_) } => "check-sync-does-other",
            Self::Module(held) => held.slug(),
            Self::Realm(held) => held.slug(),
            Self::PenaltyBox { .. } => "penalty-box",
            Self::NoAttemptsLeft { .. } => "no-attempts-left",
            Self::Lost => "lost",
            Self::OutsideWindow { .. } => "outside-window",
            Self::JustBooted { .. } => "just-booted",
            Self::TooLittleLeft { .. } => "too-little-left",
            Self::PastLastStart { .. } => "past-last-start",
            Self::NotItsTurn { .. } => "not-its-turn",
            Self::Blackout { .. } => "blackout",
            Self::BlackoutNear { .. } => "blackout-near",
            Self::ViewStale { .. } => "view-stale",
            Self::NotRegistered { .. } => "not-registered",
            Self::SeveralContacts { .. } => "several-contacts",
            Self::Busy { .. } => "busy",
            Self::NotQuietYet { .. } => "not-quiet-yet",
            Self::AgentLoggedIn { .. } => "agent-logged-in",
            Self::DoNotDisturb { .. } => "do-not-disturb",
            Self::Untold { .. } => "untold",
            Self::CannotWait { .. } => "cannot-wait",
            Self::Coverage { .. } => "coverage",
            Self::Excluded { .. } => "excluded",
            Self::GoesLast { .. } => "goes-last",
            Self::GroupUntold { .. } => "group-untold",
            Self::RateReached { .. } => "rate-reached",
            Self::BudgetFull { .. } => "budget-full",
            Self::AwaitsPoll { .. } => "awaits-poll",
            Self::UnderWay { .. } => "under-way",
            Self::Draining => "draining",
        }
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "in an unknown state",
            Self::Idle => "idle",
            Self::Ringing => "ringing",
            Self::Talking => "in a call",
            Self::Held => "in a call on hold",
            Self::Offline => "offline",
        })
    }
}

impl fmt::Display for Reason {
    /// With times in UTC, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told_in(Tz::UTC))
    }
}
