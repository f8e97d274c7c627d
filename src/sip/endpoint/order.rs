//! What the endpoint is asked to do, and whom it tells the end.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::ports::{DialogOutcome, NotifyOutcome, OrderId, ProbeOutcome, Target};
use crate::sip::dialog;
use crate::sip::exchange::Ask;
use crate::sip::message::{Message, Start};

/// One order.
#[derive(Debug)]
pub(in crate::sip) struct Order {
    /// What is asked of the phone.
    pub ask: Ask,
    /// The phone.
    pub target: Target,
    /// How long the phone has to answer, from the first copy on, when that is less than timer F.
    pub patience: Option<Duration>,
    /// For how long copies go out, when that is less than timer F.
    pub copies_for: Option<Duration>,
    /// Who waits for the end.
    pub reply: Reply,
}

/// Who waits for the end of an order.
#[derive(Debug)]
pub(in crate::sip) enum Reply {
    /// The giver of a NOTIFY.
    Notify(OrderId, oneshot::Sender<NotifyOutcome>),
    /// The giver of an OPTIONS.
    Options(oneshot::Sender<ProbeOutcome>),
    /// The giver of a dialog question, until the SUBSCRIBE goes out.
    Dialogs(oneshot::Sender<DialogOutcome>),
    /// A SUBSCRIBE under way; its giver waits for the NOTIFY of the subscription.
    Subscription,
}

/// How an exchange ended other than with a final answer.
#[derive(Debug)]
pub(super) enum End {
    /// Not a byte went out.
    NotSent(String),
    /// Timer F.
    NoAnswer,
    /// It was stopped.
    Stopped,
    /// A challenge came that cannot be answered for want of credentials.
    NoCredentials { status: u16, realm: String },
}

impl Reply {
    /// Nobody waits any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Notify(_, sender) => sender.is_closed(),
            Self::Options(sender) => sender.is_closed(),
            Self::Dialogs(sender) => sender.is_closed(),
            Self::Subscription => false,
        }
    }

    /// Tells the end; for a subscription, returns what its giver is to be told.
    pub(super) fn end(self, end: End, copies: u32) -> Option<DialogOutcome> {
        match self {
            Self::Notify(_, sender) => {
                let outcome = match end {
                    End::NotSent(why) => NotifyOutcome::NotSent { why },
                    End::NoAnswer => NotifyOutcome::NoAnswer { copies },
                    End::Stopped => NotifyOutcome::Stopped { copies },
                    End::NoCredentials { status, realm } => NotifyOutcome::NoCredentials { status, realm },
                };
                // A giver that went away has nobody to be told.
                sender.send(outcome).ok();
                None
            }
            Self::Options(sender) => {
                let outcome = match end {
                    End::NoCredentials { status, .. } => ProbeOutcome::Alive { status, user_agent: None },
                    End::NotSent(_) | End::NoAnswer | End::Stopped => ProbeOutcome::Silent,
                };
                sender.send(outcome).ok();
                None
            }
            Self::Dialogs(sender) => {
                sender.send(unknown(end)).ok();
                None
            }
            Self::Subscription => Some(unknown(end)),
        }
    }

    /// Tells of a final answer; for a subscription, returns what its giver is to be told, if the wait is over.
    pub(super) fn answered(self, response: &Message, challenged: bool) -> Option<DialogOutcome> {
        let Start::Response { status, phrase } = &response.start else { return None };
        let user_agent = response.user_agent().map(str::to_owned);
        match self {
            Self::Notify(_, sender) => {
                let (status, phrase) = (*status, phrase.clone());
                let retry_after = response.retry_after();
                sender
                    .send(NotifyOutcome::Answered { status, phrase, user_agent, retry_after, challenged })
                    .ok();
                None
            }
            Self::Options(sender) => {
                sender.send(ProbeOutcome::Alive { status: *status, user_agent }).ok();
                None
            }
            Self::Dialogs(sender) => {
                sender.send(dialog::refused(*status)).ok();
                None
            }
            // After a 2xx the NOTIFY is waited for until timer N.
            Self::Subscription => (*status >= 300).then(|| dialog::refused(*status)),
        }
    }
}

fn unknown(end: End) -> DialogOutcome {
    let why = match end {
        End::NotSent(why) => why,
        End::NoAnswer => "the phone did not answer the SUBSCRIBE".to_owned(),
        End::Stopped => "the SUBSCRIBE was stopped".to_owned(),
        End::NoCredentials { status, realm } => {
            format!("the phone answered {status} and no credentials are known for realm `{realm}`")
        }
    };
    DialogOutcome::Unknown { why }
}
