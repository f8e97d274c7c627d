//! Waves, brakes and ways back: read and checked; they come to act with rollouts.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::phone::Site;

/// A `[[wave]]`: the phones that go before all others are let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// Its name.
    pub name: Arc<str>,
    /// How many phones it has.
    pub size: WaveSize,
    /// Its phones stand at these sites, filled in this order; empty: at any.
    pub sites: Vec<Site>,
    /// How long its phones must run well before the next wave.
    pub soak: TimeDelta,
    /// A person must let the next wave go.
    pub needs_approval: bool,
    /// So many of a hundred must have been verified before the next wave.
    pub success_percent: u8,
}

/// How many phones a wave has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaveSize {
    /// So many of each model and release.
    PerModel(u32),
    /// So many.
    Count(u32),
    /// So many of a hundred of all.
    Percent(u8),
    /// All that are left.
    Rest,
}

/// `[brake]`: what stops a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brake {
    /// So many of a hundred finished phones failed.
    pub failed_percent: Option<u8>,
    /// No share is counted of fewer finished phones.
    pub min_sample: u32,
    /// So many phones went and never came back.
    pub lost_phones: Option<u32>,
    /// The PBX takes longer than this to answer a REGISTER.
    pub registration_latency: Option<TimeDelta>,
    /// Somebody else must say "go on".
    pub check: Option<OutsideCheck>,
    /// What happens to phones that are on their way to a trip.
    pub in_flight: InFlight,
}

/// Who else is asked whether to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutsideCheck {
    /// An HTTP address that answers 200.
    Http(String),
    /// A command that ends with 0: the program, then its arguments.
    Command(Vec<String>),
}

/// What happens to phones under way when the brake is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// They finish.
    Finish,
    /// Those not yet asked are withdrawn; the others finish.
    Withdraw,
}

/// `[rollback]`: the image to fall back to, where the vendor allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The staged release.
    pub release: Arc<str>,
}
