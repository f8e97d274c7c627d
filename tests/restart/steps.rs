//! What a phone's diary tells about its orders: no other one may come before a phone is through with the last.

use sipherd::sim::{Cause, LogLine, What};

use super::office::TARGET;

/// A diary, read order by order.
#[derive(Debug, Default)]
pub struct Steps {
    /// Orders to reboot, without their copies.
    pub orders: usize,
    /// What must not be.
    pub wrong: Vec<String>,
    /// The order that the phone is not through with.
    open: Option<Open>,
    version: String,
    registered: bool,
}

/// From the order to the registration of the last boot that it led to.
#[derive(Debug)]
struct Open {
    call_id: String,
    /// It has rebooted for this order.
    went: bool,
    /// It has been offered an image and has neither flashed it nor given it up.
    updating: bool,
}

impl Steps {
    /// Reads a diary.
    pub fn of(log: &[LogLine]) -> Self {
        let mut steps = Self::default();
        for line in log {
            steps.read(&line.what);
        }
        steps
    }

    /// Whether the phone is through with all its orders.
    pub fn is_over(&self) -> bool {
        self.open.is_none()
    }

    /// Whether it runs what it is to run, and is registered.
    pub fn runs_target(&self) -> bool {
        self.version == TARGET && self.registered
    }

    fn read(&mut self, what: &What) {
        match what {
            What::Notify { call_id, event, .. } => self.notify(call_id, event),
            What::Answered { call_id, status } if *status >= 300 => {
                self.open.take_if(|open| open.call_id == *call_id && !open.went);
            }
            What::RebootBegan { cause } => self.left(cause),
            What::BootDone { version } => self.version.clone_from(version),
            What::Registered => {
                self.registered = true;
                self.open.take_if(|open| open.went && !open.updating);
            }
            What::FirmwareOffered { .. } => self.is_updating(true),
            What::UpdateGivenUp | What::ImageRejected => {
                self.is_updating(false);
                let registered = self.registered;
                self.open.take_if(|_| registered);
            }
            _ => {}
        }
    }

    fn notify(&mut self, call_id: &str, event: &str) {
        if !event.starts_with("reboot") && !event.contains("reboot=true") {
            return;
        }
        match &self.open {
            Some(open) if open.call_id == call_id => return,
            Some(open) => self.wrong.push(format!("ordered by {call_id} in the middle of {open:?}")),
            None => {}
        }
        if self.version == TARGET {
            self.wrong.push(format!("ordered by {call_id} when it was up to date"));
        }
        self.orders += 1;
        self.open = Some(Open { call_id: call_id.to_owned(), went: false, updating: false });
    }

    fn left(&mut self, cause: &Cause) {
        self.registered = false;
        match (cause, &mut self.open) {
            (Cause::ByNotify { call_id }, Some(open)) if open.call_id == *call_id && !open.went => {
                open.went = true;
            }
            (Cause::Update, Some(open)) if open.updating => open.updating = false,
            (cause, open) => self.wrong.push(format!("rebooted for {cause:?} during {open:?}")),
        }
    }

    fn is_updating(&mut self, updating: bool) {
        match &mut self.open {
            Some(open) if open.went => open.updating = updating,
            open => self.wrong.push(format!("was offered an image during {open:?}")),
        }
    }
}
