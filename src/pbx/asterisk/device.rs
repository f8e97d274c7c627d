//! What Asterisk's names for the state of a device and of a channel mean for a phone.

use crate::domain::phone::CallState;

/// The technology whose devices are phones here; `Local/`, `Custom:` and the rest are not ours.
const TECHNOLOGY: &str = "PJSIP/";

/// The endpoint in a device's name: `PJSIP/1001` is `1001`.
pub(super) fn endpoint_of_device(device: &str) -> Option<&str> {
    device.strip_prefix(TECHNOLOGY).filter(|endpoint| !endpoint.is_empty())
}

/// The endpoint in a channel's name: `PJSIP/1001-0000002a` is `1001`, `PJSIP/front-desk-0000002a` is `front-desk`.
pub(super) fn endpoint_of_channel(channel: &str) -> Option<&str> {
    endpoint_of_device(channel)?.rsplit_once('-').map(|(endpoint, _)| endpoint).filter(|e| !e.is_empty())
}

/// What a device state means; what is not understood is unknown, and that holds a phone.
pub(super) fn of_device(state: &str) -> CallState {
    match state {
        "NOT_INUSE" => CallState::Idle,
        "INUSE" | "BUSY" | "RINGINUSE" => CallState::Talking,
        "ONHOLD" => CallState::Held,
        "RINGING" => CallState::Ringing,
        "UNAVAILABLE" => CallState::Offline,
        _ => CallState::Unknown,
    }
}

/// What a channel's `ChannelState` means for its phone: 5 is being called, all others (dialling and reserved ones too)
/// are a call.
pub(super) fn of_channel(state: &str) -> CallState {
    match state {
        "5" => CallState::Ringing,
        _ => CallState::Talking,
    }
}

/// What a line is doing when its device says one thing and one of its channels another: a call that one of them
/// knows of is a call.
pub(super) fn busier(device: CallState, channel: CallState) -> CallState {
    match (device, channel) {
        (CallState::Unknown | CallState::Talking | CallState::Held, _) => device,
        (CallState::Idle | CallState::Offline | CallState::Ringing, channel) => channel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_may_hold_a_dash() {
        assert_eq!(endpoint_of_channel("PJSIP/front-desk-0000002a"), Some("front-desk"));
        assert_eq!(endpoint_of_device("PJSIP/front-desk"), Some("front-desk"));
        assert_eq!(endpoint_of_device("Custom:night"), None);
        assert_eq!(endpoint_of_channel("Local/600@phones-00000001;1"), None);
    }

    #[test]
    fn a_state_that_is_not_understood_is_unknown() {
        for state in ["UNKNOWN", "INVALID", "", "not_inuse", "SLEEPING"] {
            assert_eq!(of_device(state), CallState::Unknown, "{state}");
        }
    }

    #[test]
    fn a_channel_makes_an_idle_line_busy_and_never_a_busy_one_idle() {
        assert_eq!(busier(CallState::Idle, CallState::Talking), CallState::Talking);
        assert_eq!(busier(CallState::Offline, CallState::Ringing), CallState::Ringing);
        assert_eq!(busier(CallState::Held, CallState::Ringing), CallState::Held);
        assert_eq!(busier(CallState::Unknown, CallState::Talking), CallState::Unknown);
    }
}
