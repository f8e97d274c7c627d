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
    what: &'static str,
    key: &'static str,
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
        source: source(item),
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

fn source(item: &Block) -> Option<SocketAddr> {
    let address: IpAddr = item.get("ViaAddr")?.trim_matches(['[', ']']).parse().ok()?;
    let port = item.get("ViaPort")?.parse().ok().filter(|port| *port != 0)?;
    Some(SocketAddr::new(address, port))
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
