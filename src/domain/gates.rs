//! Asks every gate about one phone. The scheduler, the preview and the explanation all ask here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::budget::Budgets;
use super::firmware::{Image, fits};
use super::fleet::View;
use super::hours::Hours;
use super::phone::{CallState, Mac, PbxName, Phone};
use super::policy::verdict::{Gate, GateAnswer, Reason, Verdict, spell};
use super::policy::{Action, Calendar, IdleRule, Opening, Retry, WindowState};
use super::rules::{Rules, Terms};
use super::trip::{Goal, Outcome, Trip};

/// Phones of ad hoc jobs under way at once.
const AD_HOC_AT_ONCE: u32 = 5;

/// What a person asked for, outside all policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdHoc {
    /// The job's name.
    pub name: Arc<str>,
    /// Do not wait for a window.
    pub now: bool,
    /// Do not wait for idle either.
    pub even_in_a_call: bool,
}

/// What is remembered of one phone between its trips.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The last trip that sent something and ended.
    pub last: Option<Trip>,
    /// The last look withdrew: until when the phone is left alone, and what was seen.
    pub withdrawn: Option<(DateTime<Utc>, String)>,
    /// How many looks withdrew since something was last sent to it: whoever withdraws often goes last.
    pub withdrawals: u32,
}

/// What the gates look at, besides the phone.
#[derive(Clone, Copy)]
pub struct Sky<'a> {
    /// The rules in force.
    pub rules: &'a Rules,
    /// The PBXs' views, as old as they are now.
    pub views: &'a std::collections::BTreeMap<PbxName, View>,
    /// Places taken.
    pub budgets: &'a Budgets,
    /// Ad hoc jobs by phone.
    pub jobs: &'a HashMap<Mac, AdHoc>,
    /// What is remembered of phones.
    pub past: &'a HashMap<Mac, Past>,
    /// Phones that went and were not seen again.
    pub lost: &'a BTreeSet<Mac>,
    /// The daemon starts nothing new.
    pub draining: bool,
    /// Now: the instant to which the views' ages are counted.
    pub now: DateTime<Utc>,
    /// What is known of the windows already.
    pub hours: &'a Hours<'a>,
    /// Whether the answers are put into words as well; a pass over a whole fleet needs none.
    pub in_words: bool,
}

/// Who wants something of the phone.
enum Mandate<'a> {
    Job(&'a AdHoc),
    Policy(&'a super::policy::Policy),
}

/// What a phone that may go is to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// The policy or job.
    pub policy: Arc<str>,
    /// What for.
    pub goal: Goal,
    /// How its kind is treated.
    pub terms: Terms,
    /// 1 for the first trip towards this goal.
    pub attempt: u32,
    /// Ask the phone itself before the NOTIFY.
    pub ask_phone: bool,
    /// A person said: even in a call.
    pub even_in_a_call: bool,
}

/// The answers of all gates and, as far as it can be told, what the phone would do.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The answers.
    pub verdict: Verdict,
    /// What is to be done; `None` where no mandate or no profile says.
    pub order: Option<Order>,
    /// The name of the budget it needs a place of.
    pub budget: Option<Arc<str>>,
}

impl Judged {
    /// Whether only a free place is missing.
    pub fn waits_for_place(&self) -> bool {
        self.order.is_some() && self.verdict.gates.iter().all(|g| g.is_open() || g.gate == Gate::Budget)
    }

    /// The next instant at which any closed gate changes by itself.
    pub fn next_change(&self) -> Option<DateTime<Utc>> {
        self.verdict.gates.iter().filter(|g| !g.is_open()).filter_map(|g| g.changes).min()
    }
}

/// Asks all gates about a phone at the instant `at`.
///
/// With `at` later than now, what is seen now (registrations, calls, views) is taken to stay as it is.
pub fn judge(phone: &Phone, at: DateTime<Utc>, sky: &Sky<'_>) -> Judged {
    Judge::new(phone, at, sky).all()
}

struct Judge<'a> {
    phone: &'a Phone,
    at: DateTime<Utc>,
    sky: &'a Sky<'a>,
    terms: Option<Terms>,
    mandate: Result<Option<Mandate<'a>>, Vec<Arc<str>>>,
    zone: Tz,
}

impl<'a> Judge<'a> {
    fn new(phone: &'a Phone, at: DateTime<Utc>, sky: &'a Sky<'a>) -> Self {
        let mandate = match sky.jobs.get(&phone.mac) {
            Some(job) => Ok(Some(Mandate::Job(job))),
            None => sky.rules.policy_for(phone).map(|policy| policy.map(Mandate::Policy)),
        };
        Self { phone, at, sky, terms: (sky.rules.terms)(phone), mandate, zone: sky.rules.zone_of(phone) }
    }

    fn all(&self) -> Judged {
        let mandate = self.mandate.as_ref().ok().and_then(Option::as_ref);
        let opening = mandate.and_then(|m| self.opening(m));
        let goal = mandate.and_then(|m| self.goal(m));
        let gates = vec![
            self.identity(),
            self.selected(),
            self.current(mandate, opening),
            self.image(mandate),
            self.penalty(mandate, goal.as_ref(), opening),
            self.window(mandate, goal.as_ref()),
            self.view(mandate),
            self.registered(),
            self.idle(mandate),
            self.budget(mandate),
        ];
        let order = mandate.zip(goal).zip(self.terms.clone()).map(|((mandate, goal), terms)| {
            let (policy, ask_phone, even) = match mandate {
                Mandate::Job(job) => (job.name.clone(), true, job.even_in_a_call),
                Mandate::Policy(policy) => (policy.name.clone(), policy.idle.ask_phone, false),
            };
            let attempt = self.attempts(&goal, opening) + 1;
            Order {
                policy,
                goal,
                attempt,
                ask_phone: ask_phone && terms.tells_dialogs,
                terms,
                even_in_a_call: even,
            }
        });
        let budget = mandate.map(|m| self.purse(m).0);
        Judged { verdict: Verdict { gates }, order, budget }
    }

    fn open(&self, gate: Gate, saw: impl FnOnce() -> String) -> GateAnswer {
        GateAnswer { gate, holds: Vec::new(), saw: self.in_words(saw), changes: None }
    }

    fn hold(&self, gate: Gate, reason: Reason, changes: Option<DateTime<Utc>>) -> GateAnswer {
        self.closed(gate, vec![reason], changes)
    }

    fn closed(&self, gate: Gate, held: Vec<Reason>, changes: Option<DateTime<Utc>>) -> GateAnswer {
        GateAnswer { gate, saw: self.in_words(|| self.told(&held)), holds: held, changes }
    }

    fn in_words(&self, saw: impl FnOnce() -> String) -> String {
        if self.sky.in_words { saw() } else { String::new() }
    }

    /// The reasons in words, with times as the phone's zone shows them.
    fn told(&self, reasons: &[Reason]) -> String {
        reasons.iter().map(|reason| reason.told_in(self.zone)).collect::<Vec<_>>().join("; ")
    }

    fn identity(&self) -> GateAnswer {
        if self.phone.lines.is_empty() {
            return self.hold(Gate::Identity, Reason::NoLines, None);
        }
        match &self.terms {
            Some(_) => self.open(Gate::Identity, || self.phone.kind()),
            None => self.hold(Gate::Identity, Reason::NoProfile { kind: self.phone.kind() }, None),
        }
    }

    fn selected(&self) -> GateAnswer {
        if self.sky.draining {
            return self.hold(Gate::Selected, Reason::Draining, None);
        }
        match &self.mandate {
            Ok(Some(Mandate::Job(job))) => {
                self.open(Gate::Selected, || format!("asked for by hand: {}", job.name))
            }
            Ok(Some(Mandate::Policy(policy))) => {
                self.open(Gate::Selected, || format!("policy {}, priority {}", policy.name, policy.priority))
            }
            Ok(None) => self.hold(Gate::Selected, Reason::NotSelected, None),
            Err(policies) => self.hold(Gate::Selected, Reason::Tie { policies: policies.clone() }, None),
        }
    }

    /// The release's image for this phone.
    fn staged(&self, release: &str) -> Option<&'a Image> {
        self.sky.rules.releases.get(release)?.image_for(self.phone)
    }

    fn goal(&self, mandate: &Mandate<'a>) -> Option<Goal> {
        match mandate {
            Mandate::Job(_) => Some(Goal::Reboot),
            Mandate::Policy(policy) => match &policy.action {
                Action::Reboot => Some(Goal::Reboot),
                Action::Update { release } => self.staged(release).map(|image| Goal::Update {
                    release: release.clone(),
                    file: image.file.clone(),
                    target: image.version.clone(),
                }),
            },
        }
    }

    /// The opening of the policy's window that holds `at`.
    fn opening(&self, mandate: &Mandate<'a>) -> Option<Opening> {
        match self.sky.hours.at(self.calendar(mandate)?, self.at, self.zone) {
            WindowState::Open(opening) => Some(opening),
            WindowState::Closed(_) => None,
        }
    }

    /// The opening of the policy's window after this one.
    fn opening_after(&self, opening: Opening) -> Option<Opening> {
        let mandate = self.mandate.as_ref().ok().and_then(Option::as_ref)?;
        match self.sky.hours.at(self.calendar(mandate)?, opening.end, self.zone) {
            WindowState::Closed(next) => next,
            WindowState::Open(next) => Some(next),
        }
    }

    /// The windows that hold for the phone. An ad hoc job waits for those of the phone's own policy.
    fn calendar(&self, mandate: &Mandate<'a>) -> Option<&'a Calendar> {
        match mandate {
            Mandate::Policy(policy) => Some(&policy.calendar),
            Mandate::Job(AdHoc { now: false, .. }) => {
                self.sky.rules.policy_for(self.phone).ok().flatten().map(|policy| &policy.calendar)
            }
            Mandate::Job(AdHoc { now: true, .. }) => None,
        }
    }

    fn last(&self) -> Option<&'a Trip> {
        self.sky.past.get(&self.phone.mac).and_then(|past| past.last.as_ref())
    }

    fn current(&self, mandate: Option<&Mandate<'a>>, opening: Option<Opening>) -> GateAnswer {
        match mandate {
            Some(Mandate::Policy(policy)) => match &policy.action {
                Action::Update { release } => match (self.staged(release), &self.phone.version) {
                    (Some(image), Some(runs)) if image.version == *runs => {
                        let version = runs.clone();
                        self.hold(Gate::Current, Reason::AlreadyCurrent { version }, None)
                    }
                    (Some(image), Some(runs)) => {
                        self.open(Gate::Current, || format!("{runs} → {}", image.version))
                    }
                    (Some(image), None) => {
                        self.open(Gate::Current, || format!("runs something unknown → {}", image.version))
                    }
                    (None, _) => self.open(Gate::Current, || format!("update to release {release}")),
                },
                Action::Reboot => match (self.last(), opening) {
                    (Some(trip), Some(opening))
                        if trip.since() >= opening.start && trip.outcome() == Some(&Outcome::Rebooted) =>
                    {
                        let at = trip.since();
                        let again = self.opening_after(opening).map(|next| next.start);
                        self.hold(Gate::Current, Reason::AlreadyRebooted { at }, again)
                    }
                    (_, _) => self.open(Gate::Current, || "one reboot in each window".into()),
                },
            },
            Some(Mandate::Job(_)) => self.open(Gate::Current, || "one reboot".into()),
            None => self.open(Gate::Current, || "nothing asked for".into()),
        }
    }

    fn image(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let Some(Mandate::Policy(policy)) = mandate else {
            return self.open(Gate::Image, || "no image needed".into());
        };
        let Action::Update { release } = &policy.action else {
            return self.open(Gate::Image, || "no image needed".into());
        };
        if self.terms.as_ref().is_some_and(|terms| terms.update_boots.is_none()) {
            let kind = format!("updates of {}", self.phone.kind());
            return self.hold(Gate::Image, Reason::NoProfile { kind }, None);
        }
        match self.staged(release).map(|image| (image, fits(image, self.phone))) {
            Some((image, Ok(()))) => self.open(Gate::Image, || image.file.clone()),
            Some((_, Err(misfit))) => self.hold(Gate::Image, Reason::Misfit(misfit), None),
            None => self.hold(Gate::Image, Reason::NoImage { release: release.clone() }, None),
        }
    }

    /// Trips already made towards this goal.
    fn attempts(&self, goal: &Goal, opening: Option<Opening>) -> u32 {
        let same = |trip: &&Trip| match (&trip.plan().goal, goal) {
            (Goal::Update { target: was, .. }, Goal::Update { target: is, .. }) => was == is,
            (Goal::Reboot, Goal::Reboot) => opening.is_some_and(|o| trip.since() >= o.start),
            (Goal::Reboot, Goal::Update { .. }) | (Goal::Update { .. }, Goal::Reboot) => false,
        };
        self.last().filter(same).map_or(0, |trip| match trip.outcome() {
            Some(Outcome::Failed { .. } | Outcome::Cancelled) => trip.plan().attempt,
            _ => 0,
        })
    }

    fn penalty(
        &self,
        mandate: Option<&Mandate<'a>>,
        goal: Option<&Goal>,
        opening: Option<Opening>,
    ) -> GateAnswer {
        let mut held = Vec::new();
        let mut until = None;
        let past = self.sky.past.get(&self.phone.mac);
        if let Some((end, why)) = past.and_then(|past| past.withdrawn.clone()).filter(|(e, _)| *e > self.at) {
            held.push(Reason::PenaltyBox { until: end, after: why });
            until = until.max(Some(end));
        }
        let gap = self.terms.as_ref().map_or(TimeDelta::minutes(5), |terms| terms.timing.gap);
        if let Some(end) = self.last().and_then(Trip::asked_at).map(|asked| asked + gap)
            && end > self.at
        {
            held.push(Reason::PenaltyBox { until: end, after: "its last NOTIFY".to_owned() });
            until = until.max(Some(end));
        }
        // It may be flashing, or dead: only a person sends it again before it was seen.
        if self.sky.lost.contains(&self.phone.mac) && matches!(mandate, Some(Mandate::Policy(_))) {
            held.push(Reason::Lost);
            return self.closed(Gate::Penalty, held, None);
        }
        let retry = match mandate {
            Some(Mandate::Policy(policy)) => policy.retry.clone(),
            Some(Mandate::Job(_)) | None => Retry { attempts: u32::MAX, ..Retry::default() },
        };
        let attempts = goal.map_or(0, |goal| self.attempts(goal, opening));
        if let (Some(trip), 1.., Some(Mandate::Policy(_))) = (self.last(), attempts, mandate) {
            let (text, retryable) = match trip.outcome() {
                Some(Outcome::Failed { failure }) => (failure.to_string(), failure.is_retryable()),
                _ => ("being cancelled".to_owned(), false),
            };
            let doubled = retry.backoff * 2_i32.pow((attempts - 1).min(10));
            if !retryable || attempts >= retry.attempts {
                held.push(Reason::NoAttemptsLeft { attempts, last: text });
                // Attempts at an update count for ever, those at a reboot in one opening only.
                let again = match goal {
                    Some(Goal::Reboot) => opening.and_then(|opening| self.opening_after(opening)),
                    Some(Goal::Update { .. }) | None => None,
                };
                return self.closed(Gate::Penalty, held, again.map(|next| next.start));
            } else if trip.since() + doubled > self.at {
                let end = trip.since() + doubled;
                held.push(Reason::PenaltyBox { until: end, after: text });
                until = until.max(Some(end));
            }
        }
        if held.is_empty() {
            return self.open(Gate::Penalty, || match mandate {
                Some(Mandate::Policy(_)) => format!("{attempts} of {} used", retry.attempts),
                Some(Mandate::Job(_)) | None => "none needed".into(),
            });
        }
        self.closed(Gate::Penalty, held, until)
    }

    fn window(&self, mandate: Option<&Mandate<'a>>, goal: Option<&Goal>) -> GateAnswer {
        let local = |t: DateTime<Utc>| t.with_timezone(&self.zone).format("%a %d %b %H:%M").to_string();
        let calendar = match mandate {
            None => return self.open(Gate::Window, || "nothing asked for".into()),
            Some(Mandate::Job(AdHoc { now: true, .. })) => {
                return self.open(Gate::Window, || "not waited for (--now)".into());
            }
            Some(mandate) => self.calendar(mandate),
        };
        let Some(calendar) = calendar else {
            return self.hold(Gate::Window, Reason::OutsideWindow { opens: None }, None);
        };
        match self.sky.hours.at(calendar, self.at, self.zone) {
            WindowState::Closed(next) => {
                let saw = || match next {
                    Some(next) => format!(
                        "opens {} (in {}), until {}",
                        local(next.start),
                        spell(next.start - self.at),
                        local(next.end)
                    ),
                    None => "never opens".to_owned(),
                };
                let changes = next.map(|next| next.start);
                let holds = vec![Reason::OutsideWindow { opens: next }];
                GateAnswer { gate: Gate::Window, holds, saw: self.in_words(saw), changes }
            }
            WindowState::Open(opening) => {
                let with_image = matches!(goal, Some(Goal::Update { .. }));
                let needs = self.terms.as_ref().map_or(TimeDelta::zero(), |terms| {
                    let boots = if with_image { terms.update_boots.unwrap_or(1) } else { 1 };
                    terms.timing.whole_trip(boots, with_image)
                });
                let left = opening.end - self.at;
                if left < needs {
                    let opens = self.opening_after(opening);
                    let reason = Reason::TooLittleLeft {
                        left_seconds: left.num_seconds(),
                        needs_seconds: needs.num_seconds(),
                        opens,
                    };
                    return self.hold(Gate::Window, reason, opens.map(|next| next.start));
                }
                self.open(Gate::Window, || format!("open until {}", local(opening.end)))
            }
        }
    }

    fn view(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let mut pbxs: Vec<&PbxName> = self.phone.lines.keys().map(|line| &line.pbx).collect();
        pbxs.dedup();
        if matches!(mandate, Some(Mandate::Job(AdHoc { even_in_a_call: true, .. }))) {
            return self.open(Gate::View, || "not waited for (--even-in-a-call)".into());
        }
        let (mut held, mut saw) = (Vec::new(), Vec::new());
        for pbx in pbxs {
            let view = self.sky.views.get(pbx);
            let age = view.and_then(|view| view.age(self.sky.now));
            match age {
                Some(age) if view.is_some_and(|view| age <= view.stale_after) => {
                    saw.push((pbx, age));
                }
                _ => held.push(Reason::ViewStale {
                    pbx: pbx.clone(),
                    age_seconds: age.map(|age| age.num_seconds()),
                }),
            }
        }
        if !held.is_empty() {
            return self.closed(Gate::View, held, None);
        }
        #[expect(clippy::cast_precision_loss, reason = "a view is seconds old, not centuries")]
        let aged = |(pbx, age): &(&PbxName, TimeDelta)| {
            format!("{pbx}, {:.1} s old", age.num_milliseconds() as f64 / 1000.0)
        };
        self.open(Gate::View, || saw.iter().map(aged).collect::<Vec<_>>().join("; "))
    }

    fn registered(&self) -> GateAnswer {
        let mut held = Vec::new();
        for (id, line) in self.phone.lines.iter() {
            match (&line.contact, line.contacts) {
                (Some(_), 0 | 1) => {}
                (Some(_), contacts) => {
                    held.push(Reason::SeveralContacts { line: id.clone(), contacts });
                }
                (None, _) => held.push(Reason::NotRegistered { line: id.clone() }),
            }
        }
        if held.is_empty() {
            let users = || self.phone.lines.keys().map(|line| line.user.as_ref()).collect::<Vec<_>>();
            return self.open(Gate::Registered, || format!("line {}", users().join(", ")));
        }
        self.closed(Gate::Registered, held, None)
    }

    fn idle(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let rule = match mandate {
            Some(Mandate::Job(AdHoc { even_in_a_call: true, .. })) => {
                return self.open(Gate::Idle, || "not waited for (--even-in-a-call)".into());
            }
            // A person who asks for a reboot does not wait for ten quiet minutes, only for no call.
            Some(Mandate::Job(AdHoc { .. })) => IdleRule { quiet: TimeDelta::zero(), ask_phone: true },
            Some(Mandate::Policy(policy)) => policy.idle.clone(),
            None => IdleRule::default(),
        };
        let (mut held, mut changes, mut waits_for_event) = (Vec::new(), None, false);
        let mut shortest: Option<TimeDelta> = None;
        for (id, line) in self.phone.lines.iter() {
            match (line.calls, line.quiet_since) {
                (CallState::Idle, Some(since)) => {
                    let quiet = (self.at - since).max(TimeDelta::zero());
                    shortest = Some(shortest.map_or(quiet, |s| s.min(quiet)));
                    if quiet < rule.quiet {
                        let until = since + rule.quiet;
                        held.push(Reason::NotQuietYet {
                            line: id.clone(),
                            quiet_seconds: quiet.num_seconds(),
                            needed_seconds: rule.quiet.num_seconds(),
                            until,
                        });
                        changes = changes.max(Some(until));
                    }
                }
                // An unregistered line has no calls; that it is not registered is another gate's answer.
                (CallState::Offline, _) if line.contact.is_none() => {}
                (calls, _) => {
                    let calls = if calls == CallState::Idle { CallState::Unknown } else { calls };
                    held.push(Reason::Busy { line: id.clone(), calls });
                    waits_for_event = true;
                }
            }
        }
        if held.is_empty() {
            return match shortest {
                Some(quiet) => self.open(Gate::Idle, || format!("quiet for {}", spell(quiet))),
                None => self.open(Gate::Idle, || "no line registered".into()),
            };
        }
        self.closed(Gate::Idle, held, if waits_for_event { None } else { changes })
    }

    /// The budget the phone needs a place of: its name, places taken, places there are.
    fn purse(&self, mandate: &Mandate<'a>) -> (Arc<str>, u32, u32) {
        match mandate {
            Mandate::Job(job) => (job.name.clone(), self.sky.budgets.down(&job.name), AD_HOC_AT_ONCE),
            Mandate::Policy(policy) => {
                let down = self.sky.budgets.down(&policy.name);
                (policy.name.clone(), down, policy.pace.down_at_once)
            }
        }
    }

    fn budget(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let Some(mandate) = mandate else { return self.open(Gate::Budget, || "nothing asked for".into()) };
        if self.sky.budgets.holds(self.phone.mac) {
            return self.open(Gate::Budget, || "has its place".into());
        }
        let (budget, down, limit) = self.purse(mandate);
        let mut held = Vec::new();
        let saw = || format!("{down} of {limit} down");
        if down >= limit {
            held.push(Reason::BudgetFull { budget, down, limit });
        }
        let in_all = self.sky.budgets.down_in_all();
        if let Some(limit) = self.sky.rules.down_at_once.filter(|limit| in_all >= *limit) {
            held.push(Reason::BudgetFull { budget: "the whole fleet".into(), down: in_all, limit });
        }
        if held.is_empty() { self.open(Gate::Budget, saw) } else { self.closed(Gate::Budget, held, None) }
    }
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
