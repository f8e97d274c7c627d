//! Queues, ring groups and do-not-disturb of the pocket PBX, and what its AMI says of them.

use std::collections::{BTreeMap, BTreeSet};

use super::PocketPbx;
use super::ami::{Action, Event};
use super::book::Book;

/// Who is in which group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Members of each queue by their line, and whether each is paused.
    queues: BTreeMap<String, BTreeMap<String, bool>>,
    /// Lines that an extension rings together.
    rings: BTreeMap<String, BTreeSet<String>>,
    /// Do-not-disturb of each line on which it was ever set.
    switches: BTreeMap<String, bool>,
}

impl PocketPbx {
    /// Opens a queue without members, if there is none of this name.
    pub fn open_queue(&self, queue: &str) {
        self.office.book().groups.queues.entry(queue.to_owned()).or_default();
    }

    /// Makes a line a member of a queue: an agent logs in there.
    pub fn join_queue(&self, queue: &str, user: &str) {
        let mut book = self.office.book();
        book.groups.queues.entry(queue.to_owned()).or_default().insert(user.to_owned(), false);
        drop(book);
        self.tell(&member_event("QueueMemberAdded", queue, user, false));
    }

    /// Takes a line out of a queue.
    pub fn leave_queue(&self, queue: &str, user: &str) {
        let left = self.office.book().groups.queues.get_mut(queue).and_then(|members| members.remove(user));
        if let Some(paused) = left {
            self.tell(&member_event("QueueMemberRemoved", queue, user, paused));
        }
    }

    /// Pauses a member of a queue, or lets it go on.
    pub fn pause_member(&self, queue: &str, user: &str, paused: bool) {
        let mut book = self.office.book();
        let member = book.groups.queues.get_mut(queue).and_then(|members| members.get_mut(user));
        if let Some(member) = member {
            *member = paused;
            drop(book);
            self.tell(&member_event("QueueMemberPause", queue, user, paused));
        }
    }

    /// Has an extension ring these lines together; as with a new dialplan, nobody is told.
    pub fn ring_together(&self, exten: &str, users: &[&str]) {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        self.office.book().groups.rings.insert(exten.to_owned(), users);
    }

    /// Sets do-not-disturb on a line, or takes it back.
    pub fn do_not_disturb(&self, user: &str, set: bool) {
        self.office.book().groups.switches.insert(user.to_owned(), set);
        self.tell(&Event::device_named(&switch(user), state(set)));
    }

    fn tell(&self, event: &Event) {
        // Nobody may be listening.
        let _ = self.office.events.send(event.text().into());
    }
}

impl Groups {
    /// The device state of a switch that has one.
    pub fn switch_state(&self, device: &str) -> Option<&'static str> {
        self.switches.iter().find(|(user, _)| switch(user) == device).map(|(_, set)| state(*set))
    }

    /// The devices that are no lines, each with its state.
    pub fn devices(&self) -> impl Iterator<Item = (String, &'static str)> {
        self.switches.iter().map(|(user, set)| (switch(user), state(*set)))
    }
}

/// The answer to `QueueStatus`.
pub(super) fn queue_status(action: &Action, book: &Book) -> String {
    let mut list = action.list("Queue status will follow");
    let mut count = 0;
    for (queue, members) in &book.groups.queues {
        count += 1 + members.len();
        list += &action
            .item("QueueParams")
            .with("Queue", queue)
            .with("Max", "0")
            .with("Strategy", "ringall")
            .with("Calls", "0")
            .text();
        for (user, paused) in members {
            let member = action.item("QueueMember").with("Queue", queue).with("Name", user);
            list += &described(member.with("Location", &interface(user)), user, *paused).text();
        }
    }
    list + &action.complete("QueueStatusComplete", count)
}

/// The answer to `ExtensionStateList`: each line has a hint, and each extension that rings several.
pub(super) fn hints<'a>(action: &Action, book: &Book, lines: impl Iterator<Item = &'a String>) -> String {
    let own = lines.map(|user| (user.clone(), format!("PJSIP/{user}&{}", switch(user))));
    let rings = book.groups.rings.iter().map(|(exten, users)| {
        let devices: Vec<String> = users.iter().map(|user| format!("PJSIP/{user}")).collect();
        (exten.clone(), devices.join("&"))
    });
    let mut list = action.list("Extension Statuses will follow");
    let mut count = 0;
    for (exten, hint) in own.chain(rings) {
        count += 1;
        list += &action
            .item("ExtensionStatus")
            .with("Exten", &exten)
            .with("Context", "phones")
            .with("Hint", &hint)
            .with("Status", "0")
            .with("StatusText", "Idle")
            .text();
    }
    list + &action.complete("ExtensionStateListComplete", count)
}

fn member_event(name: &str, queue: &str, user: &str, paused: bool) -> Event {
    let event = Event::of(name, "agent").with("Queue", queue).with("MemberName", user);
    described(event.with("Interface", &interface(user)), user, paused)
}

fn described(event: Event, user: &str, paused: bool) -> Event {
    event
        .with("StateInterface", &format!("hint:{user}@phones"))
        .with("Membership", "dynamic")
        .with("Penalty", "0")
        .with("Status", "1")
        .with("Paused", if paused { "1" } else { "0" })
}

/// Queues dial their members through the dialplan, as FreePBX has them do.
fn interface(user: &str) -> String {
    format!("Local/{user}@from-queue/n")
}

fn switch(user: &str) -> String {
    format!("Custom:DND{user}")
}

fn state(set: bool) -> &'static str {
    if set { "BUSY" } else { "NOT_INUSE" }
}
