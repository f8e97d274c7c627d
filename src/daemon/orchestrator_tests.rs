//! The orchestrator with a store, a PBX and phones that do as a test says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::*;
use crate::clock::ScaledClock;
use crate::config::{self, Config};
use crate::daemon::setup;
use crate::depot::Releases;
use crate::domain::codes::Codes;
use crate::domain::firmware::Version;
use crate::domain::phone::{CallState, Contact, KnownBy, LineId, Vendor};
use crate::domain::policy::Policy;
use crate::ports::{
    DialogOutcome, FindingRow, Groups, HistoryQuery, Kept, LineNow, PbxEvent, PbxNews, PbxSilent, PhoneRow,
    Picture, ProbeOutcome, RebootAsk, StoreError, Target, Visit, Wanted,
};
use crate::ports::{NotifyOutcome, WebError};

/// A store that fails so many times before it works.
#[derive(Default)]
struct Ledger {
    failures: AtomicU32,
    kept: Mutex<Vec<Change>>,
}

impl Store for Ledger {
    fn load(&self) -> BoxFuture<'_, Result<Kept, StoreError>> {
        async { Ok(Kept::default()) }.boxed()
    }

    fn apply(&self, batch: Vec<Change>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let left = self.failures.load(Ordering::Relaxed);
            if left > 0 {
                self.failures.store(left - 1, Ordering::Relaxed);
                return Err(StoreError { path: "ledger".to_owned(), why: "disk full".to_owned() });
            }
            self.kept.lock().unwrap().extend(batch);
            Ok(())
        }
        .boxed()
    }

    fn finding(&self, _: Mac, _: DateTime<Utc>) -> BoxFuture<'_, Result<Option<FindingRow>, StoreError>> {
        async { Ok(None) }.boxed()
    }

    fn history(&self, _: HistoryQuery) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

const IDLE: LineNow =
    LineNow { calls: CallState::Idle, agent_logged_in: Some(false), do_not_disturb: Some(false) };

/// Phones that take every NOTIFY, and a PBX that calls every line idle, unless a test says otherwise.
struct Yard {
    notified: Mutex<Vec<NotifyOrder>>,
    /// Orders over HTTP.
    asked: Mutex<Vec<WebOrder>>,
    /// What the PBX says of each line at the last look.
    line: Mutex<LineNow>,
    /// What a phone says of its calls.
    phone: Mutex<DialogOutcome>,
    /// What a phone answers to OPTIONS.
    options: Mutex<ProbeOutcome>,
    /// How often PBX and phones were asked for calls.
    looks: AtomicU32,
    /// Orders of which no further copy was to go.
    stopped: AtomicU32,
}

impl Default for Yard {
    fn default() -> Self {
        Self {
            notified: Mutex::default(),
            asked: Mutex::default(),
            line: Mutex::new(IDLE),
            phone: Mutex::new(DialogOutcome::Idle),
            options: Mutex::new(ProbeOutcome::Silent),
            looks: AtomicU32::default(),
            stopped: AtomicU32::default(),
        }
    }
}

impl Notifier for Yard {
    fn notify(&self, order: NotifyOrder) -> BoxFuture<'static, NotifyOutcome> {
        self.notified.lock().unwrap().push(order);
        std::future::pending().boxed()
    }

    fn stop_resending(&self, _: OrderId) {
        self.stopped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Prober for Yard {
    fn options(&self, _: Target, _: Duration) -> BoxFuture<'static, ProbeOutcome> {
        std::future::ready(self.options.lock().unwrap().clone()).boxed()
    }

    fn dialogs(&self, _: Target) -> BoxFuture<'static, DialogOutcome> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        std::future::ready(self.phone.lock().unwrap().clone()).boxed()
    }
}

/// A final answer to an order.
fn answer(status: u16, phrase: &str) -> NotifyOutcome {
    let (phrase, user_agent, retry_after) = (phrase.to_owned(), None, None);
    NotifyOutcome::Answered { status, phrase, user_agent, retry_after, challenged: false }
}

impl PhoneWeb for Yard {
    fn ask(&self, order: WebOrder) -> BoxFuture<'static, NotifyOutcome> {
        self.asked.lock().unwrap().push(order);
        std::future::ready(answer(204, "No Content")).boxed()
    }

    fn page(&self, _: Mac, _: IpAddr, _: &str) -> BoxFuture<'static, Result<String, WebError>> {
        std::future::ready(Err(WebError::Status(404))).boxed()
    }
}

struct Exchange(PbxName, Arc<Yard>);

impl Pbx for Exchange {
    fn name(&self) -> &PbxName {
        &self.0
    }

    fn confirm(&self, lines: Vec<LineId>) -> BoxFuture<'static, Result<Vec<LineNow>, PbxSilent>> {
        self.1.looks.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(vec![*self.1.line.lock().unwrap(); lines.len()])).boxed()
    }

    fn refresh(&self) {}

    fn notify_through(&self, _: NotifyOrder) -> BoxFuture<'static, NotifyOutcome> {
        std::future::pending().boxed()
    }
}

fn mac() -> Mac {
    Mac::new([0, 4, 0x13, 0, 0, 1])
}

fn line() -> LineId {
    LineId { pbx: PbxName::new("pbx1"), user: "2117".into() }
}

struct Night {
    daemon: Orchestrator,
    mailbox: mpsc::Receiver<Mail>,
    ledger: Arc<Ledger>,
    yard: Arc<Yard>,
    config: Config,
    _folder: tempfile::TempDir,
}

impl Night {
    /// Friday 20 November 2026, 22:30 in Berlin: one phone, one policy that reboots it.
    fn new() -> Self {
        Self::with("snom", |_| {})
    }

    /// The same with a phone of this maker, under a policy to which this was done.
    fn with(vendor: &str, change: impl FnOnce(&mut Policy)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        write(
            "policies/night.toml",
            "[select]\nline = \"*\"\n[reboot]\n[[window]]\ndays = [\"fri\"]\nfrom = \"22:00\"\nto = \"05:00\"\n\
             [idle]\nquiet = \"0s\"\nprobe = false\n[pace]\ndown_at_once = 1\n",
        );
        let row = format!("mac,pbx,lines,vendor,model\n00:04:13:00:00:01,pbx1,2117,{vendor},D785\n");
        write("phones.csv", &row);
        write(
            "sipherd.toml",
            "state = \"state\"\npolicies = \"policies\"\nzone = \"Europe/Berlin\"\ninventory = \"phones.csv\"\nedit_grace = \"0s\"\n\
             [sip]\nlisten = \"127.0.0.1:0\"\n[depot]\nlisten = \"127.0.0.1:0\"\nurl = \"http://127.0.0.1:8480\"\n\
             [[pbx]]\nname = \"pbx1\"\nkind = \"asterisk\"\nuser = \"sipherd\"\nsecret = \"none\"\n",
        );
        let mut config =
            config::load(&folder.path().join("sipherd.toml"), "2026-11-20T21:30:00Z".parse().unwrap())
                .unwrap_or_else(|report| panic!("{report}"))
                .config;
        change(&mut config.policies[0]);
        std::fs::create_dir_all(config.state.join("releases")).unwrap();
        let releases = Arc::new(Releases::open(&config.state.join("releases")).unwrap());
        let (ledger, yard) = (Arc::new(Ledger::default()), Arc::new(Yard::default()));
        let name = PbxName::new("pbx1");
        let exchange: Arc<dyn Pbx> = Arc::new(Exchange(name.clone(), yard.clone()));
        let hands = Hands {
            clock: Arc::new(ScaledClock::starting_at("2026-11-20T21:30:00Z".parse().unwrap(), 1)),
            store: ledger.clone(),
            notifier: yard.clone(),
            prober: yard.clone(),
            web: yard.clone(),
            pbxs: BTreeMap::from([(name, exchange)]),
            trigger: TriggerPath::Direct,
        };
        let rules = setup::rules(&config, releases.list());
        let reloader = Reloader {
            file: config.file.clone(),
            releases,
            credentials: Arc::new(|_| {}),
            makers: setup::Known::new(Arc::clone(&config.makers)),
            identity: None,
            web_passwords: Arc::new(drop),
            snom: setup::Known::new(Arc::new(config.snom.clone())),
            started_with: Arc::new(config.clone()),
        };
        let fleet = crate::daemon::fleet(&config, &Kept::default());
        let (letters, mailbox) = mpsc::channel(64);
        let daemon = Orchestrator::new(hands, letters, fleet, Scheduler::new(rules), reloader);
        Self { daemon, mailbox, ledger, yard, config, _folder: folder }
    }

    fn tell(&mut self, news: PbxNews) {
        self.daemon.read(Mail::Pbx(PbxEvent { pbx: PbxName::new("pbx1"), news }));
    }

    fn contact() -> Contact {
        Contact {
            uri: "sip:2117@10.0.0.1:5060;line=x".into(),
            source: Some("10.0.0.1:5060".parse().unwrap()),
            call_id: Some("a".into()),
            user_agent: Some("snomD785/10.1.64.14".into()),
            expires: None,
        }
    }

    /// The phone is registered and idle; its last look is under way and has been answered.
    async fn confirming() -> Self {
        let mut night = Self::new();
        night.tell(PbxNews::Picture(Picture {
            contacts: vec![(line(), Self::contact())],
            calls: vec![(line(), CallState::Idle)],
            ..Picture::default()
        }));
        night.daemon.step().await;
        let confirmed = night.mailbox.recv().await.unwrap();
        assert!(matches!(confirmed, Mail::Confirmed(_, _, Ok(_))), "{confirmed:?}");
        night.daemon.read(confirmed);
        night
    }

    async fn step(&mut self) {
        self.daemon.step().await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        while let Ok(letter) = self.mailbox.try_recv() {
            self.daemon.read(letter);
        }
        self.daemon.step().await;
    }

    fn sent(&self) -> usize {
        self.yard.notified.lock().unwrap().len()
    }

    fn ask(&mut self, select: &str) -> String {
        let select = vec![select.to_owned()];
        let (reply, mut answer) = oneshot::channel();
        let ask = RebootAsk { select, now: true, even_in_a_call: false, restore: None };
        self.daemon.read(Mail::Asked(crate::daemon::mail::Question::Reboot(ask, reply)));
        for act in std::mem::take(&mut self.daemon.acts) {
            self.daemon.perform(act, false);
        }
        answer.try_recv().unwrap().unwrap().job
    }

    fn visit(&mut self, mac: Mac, source: &str, version: &str) -> Permit {
        let (reply, mut answer) = oneshot::channel();
        let visit = Visit {
            codes: Codes::default(),
            modules: None,
            realm: None,
            mac,
            vendor: Some(Vendor::SNOM),
            model: None,
            version: Version::parse(version).ok(),
            hardware: None,
            source: source.parse().unwrap(),
            wanted: Wanted::Settings,
            peek: false,
        };
        self.daemon.read(Mail::Visit(visit, reply));
        for act in std::mem::take(&mut self.daemon.acts) {
            self.daemon.perform(act, false);
        }
        answer.try_recv().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_phone_is_sent_its_notify() {
    let mut night = Night::confirming().await;
    night.step().await;
    assert_eq!(night.sent(), 1);
    assert!(matches!(night.daemon.trips[&mac()].trip.state(), State::Asked { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_told_right_behind_the_last_look_stops_the_notify() {
    let mut night = Night::confirming().await;
    night.tell(PbxNews::Calls(line(), CallState::Ringing));
    night.step().await;
    assert_eq!(night.sent(), 0);
    assert!(night.daemon.trips.is_empty(), "the trip is over");
}

#[tokio::test(start_paused = true)]
async fn a_view_that_is_lost_right_behind_the_last_look_stops_the_notify() {
    let mut night = Night::confirming().await;
    night.tell(PbxNews::Lost { why: "gone".to_owned() });
    night.step().await;
    assert_eq!(night.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_goes_by_itself_before_the_notify_is_sent_none() {
    let mut night = Night::confirming().await;
    night.tell(PbxNews::Contacts(line(), Vec::new()));
    night.step().await;
    assert_eq!(night.sent(), 0, "it boots already; a NOTIFY would boot it once more");
}

#[test]
fn a_phone_that_left_the_inventory_while_sipherd_was_down_is_not_brought_back() {
    let config = Night::new().config;
    let left = PhoneRow {
        mac: Mac::new([0, 4, 0x13, 0, 0, 9]),
        known_by: KnownBy::Inventory,
        vendor: Some(Vendor::SNOM),
        model: None,
        version: None,
        hardware: None,
        booted: None,
        realm: None,
        files: Default::default(),
        lines: vec![LineId { pbx: PbxName::new("pbx1"), user: "2199".into() }],
    };
    let learned =
        PhoneRow { mac: Mac::new([0, 4, 0x13, 0, 0, 8]), known_by: KnownBy::BootRequest, ..left.clone() };
    let listed =
        PhoneRow { mac: mac(), version: Version::parse("10.1.64.14").ok(), lines: vec![], ..left.clone() };
    let kept = Kept { phones: vec![left.clone(), learned.clone(), listed], ..Kept::default() };
    let fleet = crate::daemon::fleet(&config, &kept);
    assert!(fleet.get(left.mac).is_none());
    assert!(fleet.get(learned.mac).is_some());
    assert_eq!(fleet.get(mac()).map(|phone| (phone.version.is_some(), phone.lines.len())), Some((true, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_second_job_for_a_phone_takes_the_place_of_the_first() {
    let mut night = Night::new();
    let first = night.ask("2117");
    let second = night.ask("2117");
    night.daemon.keep().await;
    assert!(!night.daemon.jobs.contains_key(&*first), "else it would come up again after a restart");
    assert!(night.daemon.jobs.contains_key(&*second));
    let kept = night.ledger.kept.lock().unwrap();
    let ended =
        |change: &Change| matches!(change, Change::Job(job) if *job.name == *first && job.macs.is_empty());
    assert!(kept.iter().any(ended), "and the store knows");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_a_mac_nobody_registers_makes_no_phone() {
    let mut night = Night::confirming().await;
    for n in 0..100 {
        night.visit(Mac::new([2, 0, 0, 0, 0, n]), "192.0.2.66", "1.0");
    }
    assert_eq!(night.daemon.fleet.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_asks_from_where_it_is_registered_is_learned() {
    let mut night = Night::confirming().await;
    let line = LineId { user: "3000".into(), ..line() };
    let contact = Contact { source: Some("10.0.0.9:5060".parse().unwrap()), ..Night::contact() };
    night.tell(PbxNews::Contacts(line.clone(), vec![contact]));
    let mac = Mac::new([0, 4, 0x13, 0, 0, 7]);
    night.visit(mac, "10.0.0.9", "10.1.64.14");
    assert_eq!(night.daemon.fleet.by_line(&line), Some(mac));
}

#[tokio::test(start_paused = true)]
async fn a_question_about_the_end_of_time_is_refused_and_harmless() {
    let mut night = Night::confirming().await;
    for at in ["+262142-12-31T23:00:00Z", "-262143-01-01T00:00:00Z"] {
        let (reply, mut answer) = oneshot::channel();
        let question = crate::daemon::mail::Question::Why("2117".to_owned(), at.parse().ok(), reply);
        night.daemon.read(Mail::Asked(question));
        for act in std::mem::take(&mut night.daemon.acts) {
            night.daemon.perform(act, false);
        }
        assert!(matches!(answer.try_recv(), Ok(Err(crate::ports::ControlError::Refused(_)))), "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_before_the_store_hung_is_too_old_to_act_on() {
    let mut night = Night::confirming().await;
    night.ledger.failures.store(600, Ordering::Relaxed);
    night.step().await;
    assert_eq!(night.sent(), 0, "ten minutes later nobody knows whether it is idle, or the window open");
    assert!(night.daemon.trips.is_empty(), "the trip is over");
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_boots_by_itself_is_seen_to_and_one_that_was_asked_to_is_not() {
    let booted = |night: &Night| night.daemon.fleet.get(mac()).unwrap().booted;
    let contact = |call_id: &str| Contact { call_id: Some(call_id.into()), ..Night::contact() };
    let mut night = Night::new();
    night.tell(PbxNews::Picture(Picture {
        contacts: vec![(line(), Night::contact())],
        calls: vec![(line(), CallState::Held)],
        ..Picture::default()
    }));
    night.tell(PbxNews::Contacts(line(), vec![]));
    night.step().await;
    assert_eq!(booted(&night), None);
    night.tell(PbxNews::Contacts(line(), vec![contact("second")]));
    let first = booted(&night).expect("gone, and back with another Call-ID");
    night.daemon.keep().await;
    let is_kept = |change: &Change| matches!(change, Change::Phone(row) if row.booted == Some(first));
    assert!(night.ledger.kept.lock().unwrap().iter().any(is_kept), "a restart forgets nothing");

    tokio::time::advance(Duration::from_secs(60)).await;
    night.tell(PbxNews::Contacts(line(), vec![contact("third")]));
    assert_eq!(booted(&night), Some(first), "another Call-ID alone is no boot");
    night.visit(mac(), "10.0.0.1", "10.1.64.14");
    assert_eq!(booted(&night), Some(first), "nor is a question for settings");
    night.tell(PbxNews::Contacts(line(), vec![contact("fourth")]));
    assert!(booted(&night) > Some(first), "both together are");

    let mut night = Night::confirming().await;
    night.daemon.fleet.get_mut(mac()).unwrap().booted = Some(first);
    night.step().await;
    assert_eq!(night.sent(), 1);
    tokio::time::advance(Duration::from_secs(60)).await;
    night.tell(PbxNews::Contacts(line(), vec![]));
    night.tell(PbxNews::Contacts(line(), vec![contact("after-the-order")]));
    night.step().await;
    assert!(night.daemon.trips.is_empty(), "the trip is over");
    assert_eq!(booted(&night), None, "the order used it up, and its own boot is none");
}

#[tokio::test(start_paused = true)]
async fn what_pbxs_tell_of_agents_and_groups_reaches_the_phone() {
    let mut night = Night::confirming().await;
    let told = |night: &Night| {
        let slot = night.daemon.fleet.get(mac()).unwrap().lines.get(&line()).unwrap();
        (slot.agent_logged_in, slot.do_not_disturb)
    };
    assert_eq!(told(&night), (None, None), "that PBX tells of neither");
    let support = crate::domain::policy::Group::Queue("support".into());
    let groups = Groups { members: vec![(support.clone(), vec![line()])], agents: Some(vec![line()]) };
    night.tell(PbxNews::Picture(Picture {
        contacts: vec![(line(), Night::contact())],
        calls: vec![(line(), CallState::Idle)],
        groups,
        do_not_disturb: Some(vec![]),
    }));
    assert_eq!(told(&night), (Some(true), Some(false)));
    night.tell(PbxNews::DoNotDisturb(line(), true));
    let groups = Groups { members: vec![(support.clone(), vec![line()])], agents: Some(vec![]) };
    night.tell(PbxNews::Groups(groups));
    assert_eq!(told(&night), (Some(false), Some(true)));
    night.tell(PbxNews::Lost { why: "gone".to_owned() });
    assert_eq!(told(&night), (None, None));
    assert_eq!(night.daemon.fleet.members(&support), Some([mac()].into()));
}

#[path = "orchestrator_tests/idle.rs"]
mod idle;

#[path = "orchestrator_tests/cleared.rs"]
mod cleared;

#[path = "orchestrator_tests/door.rs"]
mod door;

#[path = "orchestrator_tests/standing.rs"]
mod standing;
