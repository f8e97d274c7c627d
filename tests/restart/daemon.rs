//! The daemon as a process of its own.

use std::process::Stdio;

use serde::Deserialize;
use sipherd::domain::phone::Mac;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};

use super::office::Files;

/// The program that was built.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_sipherd");

/// One line of the history.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// What kind of thing.
    pub kind: String,
    /// The sentence for people.
    pub text: String,
    mac: Option<Mac>,
}

impl Entry {
    /// Whether this happened to this phone.
    pub fn is(&self, kind: &str, mac: Mac) -> bool {
        self.kind == kind && self.mac == Some(mac)
    }
}

/// A daemon that runs until it is killed; dropping it kills it too.
pub struct Daemon {
    child: Child,
    tells: UnixDatagram,
}

impl Daemon {
    /// Starts it; it tells as it would tell systemd when it is ready.
    pub fn start(files: &Files) -> Self {
        let socket = files.path("notify");
        // The one before is dead.
        let _ = std::fs::remove_file(&socket);
        let tells = UnixDatagram::bind(&socket).unwrap();
        let log = std::fs::File::options().create(true).append(true).open(files.log()).unwrap();
        let child = Command::new(PROGRAM)
            .args(["--config", files.config().to_str().unwrap(), "run"])
            .env_clear()
            .env("NOTIFY_SOCKET", socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, tells }
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        let mut text = [0; 512];
        loop {
            tokio::select! {
                told = self.tells.recv(&mut text) => {
                    if String::from_utf8_lossy(&text[..told.unwrap()]).lines().any(|line| line == "READY=1") {
                        return;
                    }
                }
                ended = self.child.wait() => panic!("the daemon ended by itself: {}", ended.unwrap()),
            }
        }
    }

    /// SIGKILL.
    pub async fn kill(mut self) {
        if let Some(ended) = self.child.try_wait().unwrap() {
            panic!("the daemon ended by itself: {ended}");
        }
        self.child.kill().await.unwrap();
    }
}
