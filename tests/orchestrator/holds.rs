//! A phone in each state in which it is held, as `sipherd why` tells it.

/// What it must print.
mod pages;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sipherd::domain::policy::verdict::Gate;
use sipherd::sim::{Building, Misfit, PhoneSpec};

use super::site::{ALWAYS, Daemon, House, LIMIT, NEW, Site, StillClock, building, friday, quick, user};
use crate::support::ami::{Manager, Talk, contact};

/// A Friday night with a phone for each reason to be held.
struct Night {
    house: House,
    site: Site,
    building: Building,
    daemon: Daemon,
    clock: Arc<StillClock>,
    _yard: Talk,
}

/// The night's rows: phone, PBX, hardware, site, tag.
const ROWS: [(u8, &str, &str, &str, &str); 22] = [
    (1, "pocket", "", "", "night"),
    (2, "pocket", "", "new-york", "door"),
    (3, "pocket", "", "", "tight"),
    (4, "pocket", "", "", "night"),
    (6, "pocket", "", "", ""),
    (7, "pocket", "", "", "night"),
    (8, "pocket", "", "", "reboots"),
    (9, "pocket", "", "", "night"),
    (10, "pocket", "", "", "night"),
    (11, "pocket", "2", "", "night"),
    (12, "pocket", "", "", "reboots"),
    (13, "pocket", "", "", "reboots"),
    (14, "annex", "", "", "night"),
    (15, "pocket", "", "", "night"),
    (16, "yard", "", "", "night"),
    (17, "yard", "", "", "night"),
    (18, "pocket", "", "", "night"),
    (19, "pocket", "", "", "night"),
    (20, "pocket", "", "", "slow"),
    (21, "pocket", "", "", "slow"),
    (22, "pocket", "", "", ""),
    (23, "pocket", "", "", "hopeless"),
];

const NIGHT: &str = "[[window]]\ndays = [\"fri\"]\nfrom = \"22:00\"\nto = \"03:00\"\n";

fn phones(house: House) -> Vec<PhoneSpec> {
    let snom = |n| quick(house.snom(n));
    let model = |n, model: &str| PhoneSpec { model: model.to_owned(), ..snom(n) };
    let mut slow_to_answer = snom(19);
    slow_to_answer.pace.ring = TimeDelta::hours(1);
    let ip = house.ip(22);
    vec![
        snom(1),
        snom(2),
        snom(3),
        PhoneSpec { vendor: "acme".to_owned(), ..snom(4) },
        PhoneSpec { address: SocketAddr::new(house.ip(5), 0), ..snom(24) },
        PhoneSpec { address: SocketAddr::new(house.ip(5), 0), ..snom(25) },
        snom(6),
        PhoneSpec { version: NEW.to_owned(), ..snom(7) },
        snom(8),
        model(9, "D715"),
        model(10, "D735"),
        model(11, "D765"),
        snom(12).with_misfit(Misfit::Refuses(500)),
        snom(13).with_misfit(Misfit::Refuses(403)),
        snom(18),
        slow_to_answer,
        snom(20).with_misfit(Misfit::NeverReturns),
        snom(21).with_misfit(Misfit::NeverReturns),
        quick(PhoneSpec::grandstream(house.mac(22), "GXP1628", "1.0.4.138", &user(22), ip)),
        snom(23).with_misfit(Misfit::Refuses(403)),
    ]
}

fn policies(site: &Site) {
    let update = "[update]\nrelease = \"snom-new\"\n";
    for (name, rest) in [
        ("night", format!("[select]\ntag = \"night\"\n{update}{NIGHT}")),
        (
            "door",
            "[select]\ntag = \"door\"\n[reboot]\n[[window]]\ncron = \"30 3 * * sun\"\nlength = \"2h\"\n"
                .into(),
        ),
        (
            "tight",
            format!(
                "[select]\ntag = \"tight\"\n{update}[[window]]\ndays = [\"fri\"]\nfrom = \"21:30\"\nto = \"22:20\"\n"
            ),
        ),
        (
            "reboots",
            format!(
                "[select]\ntag = \"reboots\"\n[reboot]\n{NIGHT}[idle]\nquiet = \"0s\"\n[retry]\nattempts = 3\n"
            ),
        ),
        (
            "hopeless",
            "[select]\ntag = \"hopeless\"\n[update]\nrelease = \"snom-new\"\n[[window]]\ndays = [\"fri\"]\n\
             from = \"22:00\"\nto = \"03:00\"\n[idle]\nquiet = \"0s\"\n"
                .into(),
        ),
        (
            "slow",
            format!(
                "[select]\ntag = \"slow\"\n[reboot]\n{NIGHT}[idle]\nquiet = \"0s\"\n[pace]\ndown_at_once = 1\n"
            ),
        ),
        ("grandstream-a", format!("[select]\nvendor = \"grandstream\"\n[reboot]\n{ALWAYS}")),
        ("grandstream-b", format!("[select]\nvendor = \"grandstream\"\n[reboot]\n{ALWAYS}")),
    ] {
        site.write(&format!("policies/{name}.toml"), &rest);
    }
}

impl Night {
    async fn begin(house: House) -> Self {
        let clock = StillClock::at(friday());
        let building = building(clock.clone(), phones(house)).await;
        let site = Site::new(house);
        policies(&site);
        site.release(
            "snom-new",
            &[("D785", ""), ("D735", "from_at_least = \"10.1.100\""), ("D765", "hardware = [\"3\"]")],
        );
        let row = |(n, pbx, hardware, place, tag): &(u8, &str, &str, &str, &str)| {
            format!("{},{pbx},{},{hardware},{place},{tag}\n", house.mac(*n), user(*n))
        };
        site.write(
            "phones.csv",
            &("mac,pbx,lines,hardware,site,tags\n".to_owned() + &ROWS.iter().map(row).collect::<String>()),
        );
        let manager = Manager::start().await;
        let yard = manager.settings();
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let more = format!(
            "[[pbx]]\nname = \"annex\"\nkind = \"asterisk\"\nami = \"{nobody}\"\nuser = \"sipherd\"\nsecret = \"x\"\n\
             [[pbx]]\nname = \"yard\"\nkind = \"asterisk\"\nami = \"{}\"\nuser = \"sipherd\"\nsecret = \"{}\"\n\
             stale_after = \"10m\"\nreconcile = \"1h\"\n[site.new-york]\nzone = \"America/New_York\"\n",
            yard.ami,
            yard.secret.reveal(),
        );
        site.settings(&building, "", &more);
        // A call that nobody picks up: one end rings, the other hears it ringing.
        building.call(&user(18), &user(19), TimeDelta::hours(1)).unwrap();
        let daemon = site.start(clock.clone(), Duration::from_secs(60)).await;
        let agent = "snomD785/10.1.64.14";
        let contacts = [
            contact(&user(16), "one", agent, 1_900_000_000),
            contact(&user(16), "two", agent, 1_900_000_000),
            contact(&user(17), "three", agent, 1_900_000_000),
        ];
        let devices = [("PJSIP/2016", "NOT_INUSE"), ("PJSIP/2017", "ONHOLD")];
        let talk = tokio::time::timeout(LIMIT, manager.serve(&contacts, &devices, &[])).await.unwrap();
        let night = Self { house, site, building, daemon, clock, _yard: talk };
        night.settle().await;
        // It could be either of the two that register from there.
        assert_eq!(night.site.asks_for_settings("GET", house.mac(5), house.ip(5)).await, 200);
        night
    }

    /// Waits until everything that happens at the opening has happened.
    async fn settle(&self) {
        self.daemon.sees("pocket").await;
        self.daemon.sees("yard").await;
        self.daemon.state(&user(8), "rebooted").await;
        self.daemon.phone(&user(12), |phone| phone.detail.contains("not before")).await;
        self.daemon.state(&user(13), "failed").await;
        self.daemon.state(&user(23), "failed").await;
        self.daemon.phone(&user(19), |phone| phone.detail.starts_with("ringing")).await;
        let slow = self.first_of_slow().await;
        self.daemon.state(&slow, "accepted").await;
        // The PBX keeps the contact of a phone that is dead until it expires.
        self.building.pbx().vanish_contact(&slow);
        self.daemon.state(&slow, "away").await;
    }

    /// Which of the two slow ones went first; that depends on their MACs.
    async fn first_of_slow(&self) -> String {
        let look = async {
            loop {
                for n in [20, 21] {
                    if super::site::orders(&self.building.log(self.house.mac(n))) > 0 {
                        return user(n);
                    }
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, look).await.unwrap()
    }

    /// What `sipherd why` prints, with the age of the view, which depends on the machine, left out.
    async fn why(&self, phone: &str) -> String {
        let text = self.site.prints(&["why", phone]).await;
        let line = |line: &str| match line.split_once("pocket, ") {
            Some((before, _)) => format!("{before}pocket, fresh\n"),
            None => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    }

    async fn end(self) {
        self.daemon.shutdown.cancel();
        self.building.shutdown().await;
    }
}

/// The gates of an explanation: whether open, the name, the text.
fn gates(text: &str) -> Vec<(bool, &'static str, &str)> {
    text.lines()
        .filter_map(|line| {
            let (open, rest) = match (line.strip_prefix("  ok    "), line.strip_prefix("  HOLD  ")) {
                (Some(rest), _) => (true, rest),
                (_, Some(rest)) => (false, rest),
                (None, None) => return None,
            };
            let gate = Gate::ALL.into_iter().find(|gate| rest.starts_with(gate.name()))?;
            Some((open, gate.name(), rest[gate.name().len()..].trim_start()))
        })
        .collect()
}

/// An explanation in which these gates hold, with these words, and all others are open.
fn assert_held(text: &str, expected: &[(Gate, &str)]) {
    let gates = gates(text);
    let names: Vec<&str> = gates.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(names, Gate::ALL.map(Gate::name), "{text}");
    let held: Vec<(&str, &str)> =
        gates.iter().filter(|(open, _, _)| !open).map(|(_, name, words)| (*name, *words)).collect();
    let expected: Vec<(&str, &str)> = expected.iter().map(|(gate, words)| (gate.name(), *words)).collect();
    assert_eq!(held, expected, "{text}");
    assert!(gates.iter().all(|(_, _, words)| !words.is_empty()), "{text}");
}

#[tokio::test]
async fn why_tells_each_reason_to_hold() {
    let night = Night::begin(House(1)).await;
    night.clock.set(friday() + TimeDelta::minutes(1));
    let quiet =
        |n: u8| format!("quiet for 1 min of 10 min (line {}); ok from Fri 20 Nov 22:10 (in 9 min)", user(n));
    let no_image = "release snom-new has no image for it";
    let gap = "after its last NOTIFY: not before Fri 20 Nov 22:05:00";
    for (n, held) in [
        (
            4,
            vec![
                (Gate::Identity, "no profile for unknown phone"),
                (Gate::Image, no_image),
                (Gate::Idle, &*quiet(4)),
            ],
        ),
        (
            5,
            vec![
                (Gate::Identity, "no line is known for this phone"),
                (Gate::Selected, "no policy selects it"),
            ],
        ),
        (6, vec![(Gate::Selected, "no policy selects it"), (Gate::Idle, &*quiet(6))]),
        (7, vec![(Gate::Current, "runs 10.1.198.19 already"), (Gate::Idle, &*quiet(7))]),
        (9, vec![(Gate::Image, no_image), (Gate::Idle, &*quiet(9))]),
        (
            10,
            vec![(Gate::Image, "needs 10.1.100 first, the phone runs 10.1.64.14"), (Gate::Idle, &*quiet(10))],
        ),
        (11, vec![(Gate::Image, "image does not run on hardware level 2"), (Gate::Idle, &*quiet(11))]),
        (
            13,
            vec![(
                Gate::Penalty,
                &*format!(
                    "{gap}; no attempt left after 1, last: refused with 403 Refused; \
                     ok from Fri 27 Nov 22:00 (in 6 d 23 h)"
                ),
            )],
        ),
        (
            23,
            vec![(
                Gate::Penalty,
                &*format!("{gap}; no attempt left after 1, last: refused with 403 Refused"),
            )],
        ),
        (
            15,
            vec![
                (Gate::Identity, "no profile for unknown phone"),
                (Gate::Image, no_image),
                (Gate::Registered, "line 2015 is not registered"),
                (Gate::Idle, "in an unknown state (line 2015)"),
            ],
        ),
        (16, vec![(Gate::Registered, "line 2016 has 2 contacts"), (Gate::Idle, &*quiet(16))]),
        (17, vec![(Gate::Idle, "in a call on hold (line 2017)")]),
        (19, vec![(Gate::Idle, "ringing (line 2019)")]),
        (
            22,
            vec![
                (Gate::Selected, "policies of equal priority: grandstream-a, grandstream-b"),
                (Gate::Idle, &*quiet(22)),
            ],
        ),
    ] {
        let name = if n == 5 { night.house.mac(n).to_string() } else { user(n) };
        assert_held(&night.why(&name).await, &held);
    }
    night.end().await;
}

#[tokio::test]
async fn why_is_a_page_that_answers_the_question() {
    let night = Night::begin(House(2)).await;
    night.clock.set(friday() + TimeDelta::minutes(1));
    let slow = night.first_of_slow().await;
    let next = if slow == user(20) { user(21) } else { user(20) };
    for (phone, expected) in [
        (user(1), pages::NOT_QUIET_YET.to_owned()),
        (user(2), pages::OUTSIDE_WINDOW.to_owned()),
        (user(3), pages::TOO_LITTLE_LEFT.to_owned()),
        (user(8), pages::ALREADY_REBOOTED.to_owned()),
        (user(12), pages::PENALTY_BOX.to_owned()),
        (user(14), pages::VIEW_STALE.to_owned()),
        (user(18), pages::BUSY.to_owned()),
        (slow.clone(), pages::UNDER_WAY.replace("LINE", &slow)),
        (next.clone(), pages::BUDGET_FULL.replace("LINE", &next)),
    ] {
        assert_eq!(night.why(&phone).await, expected);
    }
    let at = night.site.prints(&["why", "2001", "--at", "2026-11-20T22:30:00+01:00"]).await;
    assert!(at.contains("\nat Fri 20 Nov 22:30\n") && at.ends_with("\ngoes now\n"), "{at}");
    night.end().await;
}

#[tokio::test]
async fn why_tells_that_the_pbx_or_the_daemon_itself_is_going() {
    let night = Night::begin(House(3)).await;
    let held = night.daemon.control.status().await.unwrap().holds;
    assert_eq!(held["busy"], 4, "ringing, calling, on hold, unknown to the PBX: {held:?}");
    let Night { site, building, daemon, clock: _, house: _, _yard } = night;
    building.shutdown().await;
    let lost = daemon.phone(&user(1), |phone| phone.detail.contains("no view")).await;
    assert_eq!(lost.detail, "no view of pocket");
    let held = daemon.control.status().await.unwrap().holds;
    assert_eq!(held["busy"], 1, "only the one on the other PBX: {held:?}");
    let text = site.prints(&["why", "2001"]).await;
    let unknown = "in an unknown state (line 2001)";
    assert_held(&text, &[(Gate::View, "no view of pocket"), (Gate::Idle, unknown)]);
    assert!(text.ends_with("\nearliest: as soon as ok: PBX view, idle\n"), "{text}");

    daemon.shutdown.cancel();
    daemon.phone(&user(1), |phone| phone.detail.contains("shutting down")).await;
    let text = site.prints(&["why", "2001"]).await;
    let view = (Gate::View, "no view of pocket");
    assert_held(&text, &[(Gate::Selected, "sipherd is shutting down"), view, (Gate::Idle, unknown)]);
    let status = site.prints(&["status"]).await;
    assert!(status.contains("finishing what is under way, starting nothing new"), "{status}");
}
