//! A NOTIFY in the words of `PJSIPNotify`, as Asterisk 16 to 22 understand them.

use super::wire::{Action, Unsendable};
use crate::domain::phone::PbxName;
use crate::ports::NotifyOrder;

/// Why a NOTIFY cannot go through Asterisk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotThroughAsterisk {
    /// The line lives elsewhere.
    #[error("the line belongs to {0}")]
    OtherPbx(PbxName),
    /// `Variable:` is split at commas, and quotes and backslashes vanish from it.
    #[error(
        "asterisk would mangle `{0}`; hint: send it directly, or choose an event without `,`, `\"` and `\\`"
    )]
    Mangled(String),
    /// It is no SIP URI.
    #[error("`{0}` is no SIP URI")]
    NotSip(String),
    /// It would add lines of its own to the request.
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
}

/// The action that sends this order to its one contact.
///
/// `URI` and not `Endpoint`, which would reach every contact of the endpoint; `Variable` and not `Option`, which
/// Asterisk 16 takes without understanding it.
pub(super) fn action(pbx: &PbxName, order: &NotifyOrder) -> Result<Action, NotThroughAsterisk> {
    let target = &order.target;
    if target.line.pbx != *pbx {
        return Err(NotThroughAsterisk::OtherPbx(target.line.pbx.clone()));
    }
    let uri = &*target.contact.uri;
    let scheme = uri.split(':').next().unwrap_or_default();
    if !["sip", "sips"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(NotThroughAsterisk::NotSip(uri.chars().take(80).collect()));
    }
    let mut action = variable(Action::new("PJSIPNotify").with("URI", uri)?, "Event", &order.notice.event)?;
    if let Some((kind, body)) = &order.notice.body {
        action = variable(action, "Content-type", kind)?;
        for line in body.lines() {
            action = variable(action, "Content", line)?;
        }
    }
    Ok(action)
}

fn variable(action: Action, name: &str, value: &str) -> Result<Action, NotThroughAsterisk> {
    if value.contains([',', '"', '\\']) {
        return Err(NotThroughAsterisk::Mangled(value.chars().take(80).collect()));
    }
    Ok(action.with("Variable", &format!("{name}={value}"))?)
}

/// Whether Asterisk can be asked for `DEVICE_STATE(PJSIP/…)` of this endpoint without being asked something else.
pub(super) fn askable(endpoint: &str) -> bool {
    let plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '@' | '*' | '#' | '~' | '=' | ':')
    };
    !endpoint.is_empty() && endpoint.len() <= 200 && endpoint.chars().all(plain)
}
