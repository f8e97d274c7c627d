//! A forecast as it is handed out: with the names of the phones, and what was assumed.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::domain::fleet::Fleet;
use crate::domain::forecast::Forecast;
use crate::domain::phone::{Mac, Phone};
use crate::domain::policy::Opening;
use crate::domain::rules::Rules;

/// How far ahead a plan looks when nobody says.
pub const PLAN_AHEAD: TimeDelta = TimeDelta::days(7);

/// The furthest a plan may look.
pub const PLAN_AT_MOST: TimeDelta = TimeDelta::days(366);

/// Calls that are seen when a plan is made are taken to end after this time, when nobody says.
pub const CALLS_LAST: TimeDelta = TimeDelta::hours(1);

/// Openings of each policy's window that a plan shows.
const OPENINGS: usize = 60;

/// A question for a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanAsk {
    /// Up to when; [`PLAN_AHEAD`] from now without it.
    pub until: Option<DateTime<Utc>>,
    /// The phones to be shown, as on the command line; none means all. The whole fleet is planned in any case.
    pub select: Vec<String>,
    /// How long the calls of now last; [`CALLS_LAST`] without it.
    pub calls_last: CallsLast,
}

/// How long the calls last that are seen when a plan is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallsLast {
    /// [`CALLS_LAST`].
    #[default]
    Usual,
    /// So many seconds.
    Seconds(u32),
    /// As long as the plan.
    Forever,
}

impl CallsLast {
    /// The length; `None` is for ever.
    pub fn length(self) -> Option<TimeDelta> {
        match self {
            Self::Usual => Some(CALLS_LAST),
            Self::Seconds(n) => Some(TimeDelta::seconds(i64::from(n))),
            Self::Forever => None,
        }
    }
}

/// A phone of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPhone {
    /// The name people know it by.
    pub label: String,
    /// Vendor and model, or what of it is known.
    pub kind: String,
    /// Where it stands.
    pub site: Option<String>,
    /// The zone it lives in.
    pub zone: Tz,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// What would happen, and what not.
    pub forecast: Forecast,
    /// The phones that are shown.
    pub phones: BTreeMap<Mac, PlanPhone>,
    /// The openings of each policy's windows within the plan, in the daemon's zone.
    pub openings: BTreeMap<String, Vec<Opening>>,
    /// The daemon's zone.
    pub zone: Tz,
    /// What was taken for granted, in sentences.
    pub assumed: Vec<String>,
}

impl PlanView {
    /// The forecast of this fleet under these rules, of which only some phones are shown.
    pub fn of(
        mut forecast: Forecast,
        fleet: &Fleet,
        rules: &Rules,
        assumed: Vec<String>,
        shown: impl Fn(&Phone) -> bool,
    ) -> Self {
        let phones: BTreeMap<Mac, PlanPhone> = fleet
            .iter()
            .filter(|phone| shown(phone))
            .map(|phone| {
                let site = phone.site.as_ref().map(ToString::to_string);
                let zone = rules.zone_of(phone);
                (phone.mac, PlanPhone { label: phone.label(), kind: phone.kind(), site, zone })
            })
            .collect();
        forecast.show(|mac| phones.contains_key(&mac));
        let openings = rules.policies.iter().map(|policy| {
            let mut openings = policy.calendar.openings(forecast.from, rules.zone, OPENINGS);
            openings.retain(|opening| opening.start < forecast.until);
            (policy.name.to_string(), openings)
        });
        let openings = openings.collect();
        Self { openings, phones, zone: rules.zone, assumed, forecast }
    }
}
