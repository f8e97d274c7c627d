//! sipherd reboots and updates a fleet of SIP desk phones without ever interrupting a call.
//!
//! # One phone's story
//!
//! Line 2117 is a snom on somebody's desk, and its firmware is old.
//!
//! 1. Its administrator wrote a policy and put the phone into the inventory. [`config::load`] reads both and makes a
//!    [`Policy`](domain::policy::Policy) of the text; one mistake anywhere, and nothing is loaded.
//! 2. [`daemon::start`] binds its addresses, opens the [`Store`](ports::Store), and connects to the PBX.
//!    [`pbx::asterisk`] tells what it sees as [`PbxNews`](ports::PbxNews): who is registered from where, who is in a call.
//! 3. The orchestrator, one task that owns all live state, takes the news into the [`Fleet`](domain::fleet::Fleet).
//!    What nobody told is [`CallState::Unknown`](domain::phone::CallState::Unknown), and unknown counts as busy.
//! 4. Something changed, so the [`Scheduler`](domain::scheduler::Scheduler) asks every gate about the phone:
//!    [`judge`](domain::gates::judge). The [`Verdict`](domain::policy::verdict::Verdict) holds each gate's answer with
//!    its reasons; `sipherd why 2117` prints the same verdict.
//! 5. At night all gates are open and a place is free. The scheduler takes the place and makes a
//!    [`Plan`](domain::trip::Plan); the orchestrator begins a [`Trip`](domain::trip::Trip), a state machine that is handed
//!    [`Input`](domain::trip::Input)s and orders [`Output`](domain::trip::Output)s.
//! 6. The first order is a last look: the PBX is asked anew ([`Pbx::confirm`](ports::Pbx::confirm)) and then the phone
//!    itself ([`Prober::dialogs`](ports::Prober::dialogs)). A call now, and the trip is withdrawn: nothing was sent.
//! 7. The intent goes to the disk ([`Change::Trip`](ports::Change::Trip)). Only then [`sip::Agent`] sends the NOTIFY, to the
//!    one contact that is this phone, and answers its challenge. Its 200 is an acceptance, no success.
//! 8. The contact goes away: the phone boots. At once the agent is told to send no further copy.
//! 9. The phone asks the [`depot`] for its settings. The orchestrator answers the [`Visit`](ports::Visit) with a
//!    [`Permit`](ports::Permit): this trip saw the reboot and its image fits, so the image is offered, to this phone alone.
//! 10. It fetches, flashes, boots again and registers with another Call-ID and the new version in its User-Agent. All
//!     lines are back, the version is the target's: [`Outcome::Verified`](domain::trip::Outcome::Verified). Had any step
//!     not come in its time, the trip would have ended as a [`Failure`](domain::trip::Failure) that says what to do.
//! 11. The place falls free for the next phone, and each line of the story stands in the history.
//!
//! # Where to read on
//!
//! - [`domain`]: phones, firmware, policies, gates, trips, the scheduler; its forecast, and the rehearsals of policy
//!   tests, which ask that same scheduler; pure, and most of what is decided
//! - [`phones`]: what is known about makers; pure
//! - [`ports`]: the traits between the parts, and their words
//! - [`clock`]: the only reader of the time of day
//! - [`config`]: from files to a checked configuration, with every mistake at its line
//! - [`sip`]: the user agent that sends NOTIFYs and asks phones
//! - [`web`]: the client for the web servers of phones
//! - [`pbx`]: the view of Asterisk
//! - [`depot`]: staged firmware and the servers in front of it (HTTP, HTTPS, TFTP, FTP), what phones hand in, and the
//!   deployment service that Unify phones call
//! - [`store`]: what survives a restart, in SQLite
//! - [`api`]: the daemon's answers over HTTP
//! - [`daemon`]: puts all of it together and runs it
//! - [`cli`]: one file a command
//! - [`sim`]: simulated phones, a pocket PBX, and a judge who reads the phones' diaries; made-up fleets and calls for
//!   nights on paper
//!
//! # The import rule
//!
//! `domain` knows nothing of the rest, `phones` only `domain`. The adapters (`sip`, `web`, `pbx`, `depot`, `store`, `api`) know
//! `ports` and `domain`, the depot `phones` too, and never each other. Only `daemon` puts concrete adapters together;
//! `cli` starts it, stages firmware through `depot`, imports what `phones` can read, and speaks the words of `api`.
//! `sim` shares no protocol code with what it tests. `tests/architecture.rs` reads what every file names and fails when
//! this breaks.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod depot;
pub mod domain;
pub mod pbx;
pub mod phones;
pub mod ports;
pub mod sim;
pub mod sip;
pub mod store;
pub mod web;
