//! Turns Asterisk's lists into contacts and call states; a list that cannot be understood gives nothing at all.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use chrono::DateTime;

use super::device;
use super::wire::Block;
use crate::domain::phone::{CallState, Contact};

/// Contacts by endpoint.
pub(super) type Contacts = BTreeMap<Arc<str>, Vec<Contact>>;
/// What each endpoint is doing.
pub(super) type Calls = BTreeMap<Arc<str>, CallState>;

/// An item of a list lacks what makes it one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("asterisk listed a {what} without `{key}`")]
pub(super) struct Incomplete {
    /// What was listed.
    pub(super) what: &'static str,
    /// What it lacks.
    pub(super) key: &'static str,
}

/// The contacts in the items of `PJSIPShowContacts`.
pub(super) fn contacts(items: &[Block]) -> Result<Contacts, Incomplete> {
    let mut contacts = Contacts::new();
    for item in items {
        let (user, contact) = contact(item)?;
        contacts.entry(user).or_default().push(contact);
    }
    // Asterisk lists them in the order of a hash; equal pictures must be equal.
    contacts.values_mut().for_each(|list| list.sort_by(|a, b| a.uri.cmp(&b.uri)));
    Ok(contacts)
}

fn contact(item: &Block) -> Result<(Arc<str>, Contact), Incomplete> {
    let lacks = |key| Incomplete { what: "contact", key };
    let uri = item.filled("Uri").ok_or_else(|| lacks("Uri"))?;
    // A contact of an address-of-record that no endpoint claims has no `Endpoint`; `1001;@…` and the permanent
    // `1001@@…` carry the address-of-record's name.
    let aor = || item.filled("ObjectName").and_then(|name| name.split(['@', ';']).next());
    let user = item.filled("Endpoint").or_else(aor).ok_or_else(|| lacks("Endpoint"))?;
    let text = |key| item.filled(key).map(Arc::from);
    let contact = Contact {
        uri: uri.into(),
        source: source(item, uri),
        call_id: text("CallId"),
        user_agent: text("UserAgent"),
        expires: item
            .get("ExpirationTime")
            .and_then(|seconds| seconds.parse().ok())
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
    };
    Ok((user.into(), contact))
}

/// Where packets for the contact go: the numeric address in its URI, which is the true source where Asterisk rewrites
/// contacts (`rewrite_contact`). `ViaAddr` is what the phone itself wrote into its Via, so behind NAT it is private;
/// it serves where the URI holds a name.
fn source(item: &Block, uri: &str) -> Option<SocketAddr> {
    literal(uri).or_else(|| {
        let address: IpAddr = item.get("ViaAddr")?.trim_matches(['[', ']']).parse().ok()?;
        let port = item.get("ViaPort")?.parse().ok().filter(|port| *port != 0)?;
        Some(SocketAddr::new(address, port))
    })
}

/// The numeric address in a SIP URI, with the port of its scheme when it names none (RFC 3261 section 19.1.2).
fn literal(uri: &str) -> Option<SocketAddr> {
    let (scheme, rest) = uri.split_once(':')?;
    let port = if scheme.eq_ignore_ascii_case("sips") { 5061 } else { 5060 };
    let place = rest.split([';', '?']).next()?.rsplit('@').next()?;
    let bare =
        || place.trim_matches(['[', ']']).parse().ok().map(|address: IpAddr| SocketAddr::new(address, port));
    place.parse().ok().or_else(bare)
}

/// What the endpoints are doing by the items of `DeviceStateList` and `CoreShowChannels`: a call that one of the
/// lists knows of is a call.
pub(super) fn calls(devices: &[Block], channels: &[Block]) -> Result<Calls, Incomplete> {
    let mut calls = Calls::new();
    for item in devices {
        let name = item.get("Device").ok_or(Incomplete { what: "device", key: "Device" })?;
        if let Some(endpoint) = device::endpoint_of_device(name) {
            let state = item.get("State").ok_or(Incomplete { what: "device", key: "State" })?;
            calls.insert(endpoint.into(), device::of_device(state));
        }
    }
    for item in channels {
        let name = item.get("Channel").ok_or(Incomplete { what: "channel", key: "Channel" })?;
        if let Some(endpoint) = device::endpoint_of_channel(name) {
            let state = device::of_channel(item.get("ChannelState").unwrap_or_default());
            calls
                .entry(endpoint.into())
                .and_modify(|known| *known = device::busier(*known, state))
                .or_insert(state);
        }
    }
    Ok(calls)
}

/// The endpoints whose contacts are not what they were, each with what they are now.
pub(super) fn changed(before: &Contacts, now: &Contacts) -> Contacts {
    let gone = before.keys().filter(|user| !now.contains_key(*user)).map(|user| (user.clone(), Vec::new()));
    let other = now.iter().filter(|(user, list)| before.get(*user) != Some(*list));
    gone.chain(other.map(|(user, list)| (user.clone(), list.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_contact_is_the_one_in_its_uri() {
        for (uri, address) in [
            ("sip:1001@127.20.0.1:5062;line=2c03007c", Some("127.20.0.1:5062")),
            ("sip:1001@10.0.0.7", Some("10.0.0.7:5060")),
            ("SIPS:10.0.0.7;transport=tcp?Subject=a@b", Some("10.0.0.7:5061")),
            ("sip:a%40b@[2001:db8::7]:5070", Some("[2001:db8::7]:5070")),
            ("sip:a@[2001:db8::7]", Some("[2001:db8::7]:5060")),
            ("sip:1001@phone.example", None),
            ("sip:", None),
            ("nonsense", None),
        ] {
            assert_eq!(literal(uri), address.map(|text| text.parse().unwrap()), "{uri}");
        }
    }
}
