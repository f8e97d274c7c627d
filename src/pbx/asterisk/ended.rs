//! Why a connection to Asterisk's manager ended.

use super::answers::BadAnswer;
use super::picture::Incomplete;
use super::session::BOOT;
use super::wire::{Unsendable, WireError};

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The connection could not be made.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Reading failed.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Writing failed.
    #[error("the connection broke: {0}")]
    Write(#[from] std::io::Error),
    /// Nothing came while logging in, or a question could not be written.
    #[error("asterisk is silent")]
    Silent,
    /// The user or its secret is wrong, or it may not come from here.
    #[error(
        "asterisk refused the manager user `{user}`: {message}; \
         hint: see its secret, `permit` and `deny` in manager.conf"
    )]
    LoginRefused {
        /// The user.
        user: String,
        /// Asterisk's words.
        message: String,
    },
    /// Booting took too long, or the event that tells is kept from us.
    #[error(
        "no `FullyBooted` within {} s; hint: the manager user needs read = system,call,reporting,agent", BOOT.as_secs()
    )]
    NotBooted,
    /// An answer that must not be believed.
    #[error(transparent)]
    Answer(#[from] BadAnswer),
    /// A list held something that cannot be understood.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// A name from the configuration cannot be sent.
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
    /// Asterisk said goodbye.
    #[error("asterisk is shutting down")]
    ShuttingDown,
    /// Nobody listens to the news any more.
    #[error("the daemon has gone")]
    Unheard,
}
