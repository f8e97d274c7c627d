//! Twenty phones in one window: most are free, one is in a call, one wants a password, two are SIPp.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sipherd::domain::phone::{CallState, Mac};
use sipherd::domain::policy::verdict::{Gate, Reason};
use sipherd::ports::WhyView;
use sipherd::sim::diary::What;
use sipherd::sim::{Expectation, LogLine, Outcome, PhoneSpec};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::call;
use super::yard::{NEW, PATIENCE, UPDATE_SNOMS, Yard, grandstream, mac, snom, user, yealink};
use crate::support::asterisk::Asterisk;
use crate::support::peers;

/// SIPp on one port, playing a phone boot by boot.
struct SippPhone {
    sipp: PathBuf,
    scratch: TempDir,
    pbx: SocketAddr,
    port: u16,
    user: String,
    /// The user of its Contact after each boot.
    contacts: [&'static str; 2],
}

impl SippPhone {
    fn new(sipp: &Path, pbx: SocketAddr, n: u8, contacts: [&'static str; 2]) -> Self {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let scratch = TempDir::with_prefix("sipp-").unwrap();
        Self { sipp: sipp.to_owned(), scratch, pbx, port, user: user(n), contacts }
    }

    fn run(&self, scenario: &str, more: &[&str]) -> Child {
        Command::new(&self.sipp)
            .arg(self.pbx.to_string())
            .arg("-sf")
            .arg(format!("{}/tests/peers/{scenario}.xml", env!("CARGO_MANIFEST_DIR")))
            .args(["-i", "127.0.0.1", "-p", &self.port.to_string(), "-nostdin"])
            .args(["-timeout", "60s", "-timeout_error"])
            .args(more)
            .current_dir(self.scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Registers as after the boot of this number.
    async fn boot(&self, nth: usize) {
        let (user, secret) = (&self.user, Asterisk::password(&self.user));
        let row = format!("{user};[authentication username={user} password={secret}];{}", self.contacts[nth]);
        std::fs::write(self.scratch.path().join("account.csv"), format!("SEQUENTIAL\n{row}\n")).unwrap();
        done(self.run("register", &["-inf", "account.csv", "-m", "1", "-l", "1"])).await;
    }

    /// Waits for the one NOTIFY, accepts it, is deaf for as long as a phone boots, and registers anew.
    async fn obey(&self) {
        // What comes after the NOTIFY, an OPTIONS perhaps, is no concern of a phone that boots, but displeases SIPp.
        let mut phone = self.run("reboot", &[]);
        timeout(PATIENCE, phone.wait()).await.expect("SIPp ends").unwrap();
        // So long nobody may answer on its port; that is what a boot is.
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.boot(1).await;
    }
}

async fn done(mut sipp: Child) {
    let end = timeout(PATIENCE, sipp.wait()).await.expect("SIPp ends").unwrap();
    assert!(end.success(), "SIPp is not content: {end}");
}

fn in_a_call(why: &WhyView) -> bool {
    let busy = |reason: &Reason| matches!(reason, Reason::Busy { calls: CallState::Talking, .. });
    why.gates.iter().any(|gate| gate.gate == Gate::Idle && gate.holds.iter().any(busy))
}

fn window_open(why: &WhyView) -> bool {
    why.gates.iter().any(|gate| gate.gate == Gate::Window && gate.is_open())
}

fn at(log: &[LogLine], wanted: impl Fn(&What) -> bool) -> Option<chrono::DateTime<chrono::Utc>> {
    log.iter().find(|line| wanted(&line.what)).map(|line| line.at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_phones_are_updated_or_rebooted_and_the_one_in_a_call_after_it() {
    let Some([asterisk, sipp]) = peers::require(["asterisk", "sipp"]) else { return };
    let mut phones: Vec<PhoneSpec> = (1..=14).map(snom).collect();
    phones[2].two_boots_visible = true;
    phones[3].unregisters = true;
    phones[4].same_contact = true;
    phones[5].challenges = true;
    phones.extend((15..=16).map(yealink));
    phones.extend((17..=18).map(grandstream));
    phones[17].challenges = true;
    let mut yard = Yard::new(&asterisk, 21, phones).await;
    let sipps = [
        SippPhone::new(&sipp, yard.asterisk.sip, 19, ["1019-first", "1019-second"]),
        SippPhone::new(&sipp, yard.asterisk.sip, 20, ["1020", "1020"]),
    ];
    for (phone, n) in sipps.iter().zip(19..) {
        phone.boot(0).await;
        yard.list(mac(n), &phone.user, "");
    }
    let scratch = tempfile::tempdir().unwrap();
    let _talk = call(&sipp, scratch.path(), yard.asterisk.sip, "1021", "1001", 60_000);
    let up = |log: &[LogLine]| at(log, |what| matches!(what, What::CallBegan { .. })).is_some();
    yard.building.wait(mac(1), PATIENCE, up).await.unwrap();

    yard.policy("snoms", UPDATE_SNOMS, 8);
    yard.policy("others", "[select]\nvendor = [\"yealink\", \"grandstream\"]\n\n[reboot]\n", 3);
    let secrets = [6, 18].map(|n| format!("{0},{0},{1}\n", user(n), Asterisk::password(&user(n))));
    yard.office.write("secrets.csv", &format!("line,username,password\n{}", secrets.concat()));
    let daemon = yard.daemon("credentials = \"secrets.csv\"").await;

    let night = async {
        let held = daemon.until_why("1001", "held in the window", |w| window_open(w) && in_a_call(w)).await;
        assert!(held.gates.iter().any(|gate| gate.saw == "in a call (line 1001)"), "{:?}", held.gates);
        let all_but_one = |state: &str| state == "verified" || state == "rebooted";
        daemon
            .until("all others", |phones| {
                phones.iter().all(|phone| (phone.mac == mac(1)) != all_but_one(&phone.state))
            })
            .await;
        assert!(in_a_call(&daemon.why("1001").await));
        let answer = yard.asterisk.manage("Action: Hangup\nChannel: /^PJSIP/1001-.*$/").await;
        assert!(answer.contains("Response: Success"), "{answer}");
        daemon.until_all(&["verified", "rebooted"]).await;
    };
    tokio::join!(night, sipps[0].obey(), sipps[1].obey());

    let mut expected: Vec<(Mac, Expectation)> =
        (1..=14).map(|n| (mac(n), Expectation::once(Outcome::Updated { to: NEW.to_owned() }))).collect();
    expected.extend((15..=18).map(|n| (mac(n), Expectation::once(Outcome::Rebooted))));
    let judgement = yard.judge(11, expected);
    assert!(judgement.is_clean(), "{judgement}{}", daemon.told(&daemon.phones().await).await);
    for n in 1..=20 {
        let counts = (daemon.count(mac(n), "asked").await, daemon.count(mac(n), "accepted").await);
        assert_eq!(counts, (1, 1), "{}", user(n));
    }
    let log = yard.building.log(mac(1));
    let hung_up = at(&log, |what| matches!(what, What::CallEnded { .. })).unwrap();
    assert!(at(&log, |what| matches!(what, What::Notify { .. })).unwrap() > hung_up, "{log:#?}");
    daemon.close().await;
    yard.building.shutdown().await;
}
