//! `sipherd run`: the daemon, until SIGTERM or SIGINT. SIGHUP reads the configuration again.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::clock::SystemClock;
use crate::config::{self, Config, LogConfig, LogFormat};
use crate::daemon::{self, Running};
use crate::ports::Clock;

/// Phones under way have so long to end after SIGTERM; what is open then goes on at the next start. A second signal
/// ends the wait.
const DRAIN: Duration = Duration::from_secs(60);

/// Loads the configuration, then runs the daemon to its end.
pub fn run(file: &Path) -> Result<(), Failure> {
    let loaded = config::load(file, SystemClock.now()).map_err(Failure::Broken)?;
    start_logging(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{}", warning.one_line());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Machine)?;
    runtime.block_on(serve(loaded.config))
}

/// Text lines for people, or one JSON object an event for machines, to standard error.
fn start_logging(log: &LogConfig) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| Failure::LogFilter { filter: log.filter.clone(), why: error.to_string() })?;
    let stderr = std::io::stderr;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    match log.format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Before anything else: a signal that comes while the daemon boots must not kill it half-way.
    let mut signals = Signals::listen().map_err(Failure::Machine)?;
    let shutdown = CancellationToken::new();
    let running = daemon::start(config, Arc::new(SystemClock), shutdown.clone(), DRAIN).await?;
    tracing::info!(sip = %running.sip, depot = %running.depot, ops = ?running.ops, "ready");
    tell_systemd(&[NotifyState::Ready, NotifyState::Status("watching")]);
    wait_for_the_end(&mut signals, &running).await;
    if running.is_gone() {
        return Err(Failure::DaemonEnded);
    }
    tell_systemd(&[NotifyState::Stopping, NotifyState::Status("waiting for phones under way")]);
    shutdown.cancel();
    tokio::select! {
        () = running.stopped() => {}
        () = signals.end.wait() => tracing::warn!("stopping at once: phones under way go on at the next start"),
    }
    Ok(())
}

async fn wait_for_the_end(signals: &mut Signals, running: &Running) {
    let Signals { hangup, end } = signals;
    loop {
        tokio::select! {
            () = end.wait() => return,
            () = running.gone() => return,
            _ = hangup.recv() => {
                tell_systemd(&[NotifyState::Status("reading the configuration again")]);
                // What is wrong with it is in the log; the old one stays.
                let _ = running.control.reload().await;
                tell_systemd(&[NotifyState::Status("watching")]);
            }
        }
    }
}

/// Does nothing where systemd did not start the daemon.
fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}

struct Signals {
    hangup: Signal,
    end: End,
}

/// The two ways to ask a daemon to stop.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            end: End {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
        })
    }
}

impl End {
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
