//! How quiet a phone must have been before it may be rebooted.

use chrono::TimeDelta;

/// The idle rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleRule {
    /// How long all lines of the phone must have been without any call.
    pub quiet: TimeDelta,
    /// Ask the phone itself (one-shot dialog SUBSCRIBE, RFC 4235 and RFC 6665 section 4.4.3) right before the
    /// NOTIFY, where its vendor's profile says that it answers.
    pub ask_phone: bool,
}

impl Default for IdleRule {
    fn default() -> Self {
        Self { quiet: TimeDelta::minutes(10), ask_phone: true }
    }
}
