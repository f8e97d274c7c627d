//! Why a command did not succeed, what to do about it, and the exit status that says whose turn it is.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use super::check::Refusal;
use super::release::Ending;
use super::report::clean;
use crate::api::Problem;
use crate::config::Report;

/// A command that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody answers on the socket.
    #[error("sipherd is not running (no answer on `{}`)", .socket.display())]
    NotRunning {
        /// The socket.
        socket: PathBuf,
    },
    /// The socket may not be used by this user.
    #[error("no permission to talk to sipherd on `{}`", .socket.display())]
    NotAllowed {
        /// The socket.
        socket: PathBuf,
    },
    /// The daemon answered that the request makes no sense, or that there is no such thing.
    #[error("{}", .0.error)]
    Refused(Problem),
    /// The daemon answered that it cannot.
    #[error("{}", .0.error)]
    Unable(Problem),
    /// The daemon broke off, or does not answer.
    #[error("sipherd did not answer: {0}")]
    NoAnswer(String),
    /// The daemon's answer is not what this version understands.
    #[error("cannot understand sipherd's answer: {0}")]
    Strange(String),
    /// The configuration does not tell the socket.
    #[error("{}: {why}", .file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Phones did not come back as they should.
    #[error("{failed} of {all} phones failed")]
    PhonesFailed {
        /// How many did not.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// The configuration cannot be loaded.
    #[error("{}", .0.counts())]
    Broken(Report),
    /// The command's own output says all that is wrong.
    #[error("see above")]
    AlreadyTold,
    /// `check` was asked for something it cannot tell.
    #[error(transparent)]
    Check(#[from] Refusal),
    /// No test has such a name.
    #[error("no test's name or file holds `{filter}`")]
    NoSuchTest {
        /// What was looked for.
        filter: String,
    },
    /// Staging or verifying firmware did not succeed, and said why.
    #[error("see above")]
    Release(Ending),
    /// The demonstration's judge found something that must not happen.
    #[error("the phones' diaries show {findings} broken rules")]
    RulesBroken {
        /// How many.
        findings: usize,
    },
    /// The demonstration could not be played.
    #[error("{0}")]
    Demo(String),
    /// The daemon ended though nobody asked it to.
    #[error("the daemon ended by itself; what is open goes on at its next start")]
    DaemonEnded,
    /// The daemon cannot start.
    #[error(transparent)]
    Start(#[from] crate::daemon::StartError),
    /// `[log] filter` is none.
    #[error("`{filter}` is not a log filter: {why}")]
    LogFilter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// The machine does not give what every program needs.
    #[error("cannot start: {0}")]
    Machine(io::Error),
    /// Something the user named cannot be used as it is.
    #[error("{what}: {why}")]
    Input {
        /// What was named.
        what: String,
        /// What is wrong with it.
        why: String,
        /// What would do.
        hint: Option<String>,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Prints `error: …` and, where there is one, `hint: …` to standard error; with `json` both in one line, as an object
    /// of the kind that the daemon answers with. Standard output stays what it was asked for.
    pub fn print(&self, json: bool) {
        if let Self::Broken(report) = self {
            match json {
                true => eprintln!(
                    "{}",
                    serde_json::json!({ "error": report.counts(), "hint": null, "problems": report.problems })
                ),
                false => eprintln!("{report}"),
            }
            return;
        }
        if !self.is_closed_pipe() && !matches!(self, Self::AlreadyTold | Self::Release(_)) {
            print(&self.to_string(), self.hint(), json);
        }
    }

    /// 1 when the user can mend it, 2 when it is unexpected.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            // `sipherd phones | head` is no failure.
            Self::Output(_) | Self::Check(Refusal::Output(_)) if self.is_closed_pipe() => ExitCode::SUCCESS,
            Self::Release(Ending::Done) => ExitCode::SUCCESS,
            Self::Release(Ending::ToMend) => ExitCode::from(1),
            Self::Release(Ending::Unexpected) => ExitCode::from(2),
            Self::NotRunning { .. }
            | Self::NotAllowed { .. }
            | Self::Refused(_)
            | Self::Config { .. }
            | Self::Input { .. }
            | Self::AlreadyTold
            | Self::Broken(_)
            | Self::NoSuchTest { .. }
            | Self::Start(_)
            | Self::LogFilter { .. }
            | Self::RulesBroken { .. }
            | Self::PhonesFailed { .. }
            | Self::Check(Refusal::NoRoom { .. } | Refusal::NoSuchPolicy { .. } | Refusal::NoFleet) => {
                ExitCode::from(1)
            }
            Self::DaemonEnded
            | Self::Check(Refusal::Output(_))
            | Self::Unable(_)
            | Self::NoAnswer(_)
            | Self::Strange(_)
            | Self::Demo(_)
            | Self::Machine(_)
            | Self::Output(_) => ExitCode::from(2),
        }
    }

    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(e) | Self::Check(Refusal::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotRunning { .. } => Some(
                "start it with `systemctl start sipherd`, or name its socket with `--socket` or its `--config`".into(),
            ),
            Self::NotAllowed { .. } => {
                Some("use `sudo`, or join the group that the socket belongs to".to_owned())
            }
            Self::Refused(problem) | Self::Unable(problem) => problem.hint.clone(),
            Self::Input { hint, .. } => hint.clone(),
            Self::Start(error) => error.hint().map(str::to_owned),
            Self::NoAnswer(_) => Some("`journalctl -u sipherd` shows what it is doing".to_owned()),
            Self::Strange(_) => Some(
                "command line and daemon are probably of different versions; restart the daemon".to_owned(),
            ),
            Self::Config { .. } => Some("name the right file with `--config`, or the socket with `--socket`".to_owned()),
            Self::PhonesFailed { .. } => Some("`sipherd phone MAC` tells what happened to one".to_owned()),
            Self::Check(Refusal::NoFleet) => Some("check a `sipherd.toml`, or the folder it lies in".to_owned()),
            Self::Check(Refusal::NoSuchPolicy { there, .. }) => Some(format!("there is {}", there.join(", "))),
            Self::Check(Refusal::NoRoom { .. } | Refusal::Output(_)) => None,
            Self::LogFilter { .. } => Some("write `info`, or `info,sipherd::sip=debug`".to_owned()),
            Self::DaemonEnded | Self::AlreadyTold | Self::Broken(_) | Self::NoSuchTest { .. } | Self::Release(_) | Self::RulesBroken { .. } | Self::Demo(_) | Self::Machine(_) | Self::Output(_) => None,
        }
    }
}

/// Prints what is wrong and what to do about it to standard error.
pub(super) fn print(error: &str, hint: Option<String>, json: bool) {
    let (error, hint) = (clean(error), hint.map(|hint| clean(&hint)));
    if json {
        eprintln!("{}", serde_json::json!({ "error": error, "hint": hint }));
        return;
    }
    eprintln!("error: {error}");
    if let Some(hint) = hint {
        eprintln!("\nhint: {hint}");
    }
}
