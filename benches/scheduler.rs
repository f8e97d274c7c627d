//! What the scheduler costs at 100,000 and at 1,000,000 phones: memory, an idle tick, an opening window, one event.
//!
//! There is no peer to compare with; the ratios are those of the two fleets, and of each figure to its goal.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod measure;

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc, Weekday};
use sipherd::domain::firmware::Version;
use sipherd::domain::fleet::Fleet;
use sipherd::domain::phone::{
    CallState, Contact, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Site, Switch, Tag, Vendor,
};
use sipherd::domain::policy::{
    Action, Calendar, Coverage, CoverageRule, Group, Lasts, Pace, PerPart, Policy, Selection, Share, Window,
};
use sipherd::domain::rules::{Rules, Terms};
use sipherd::domain::scheduler::Scheduler;
use sipherd::domain::trip::{Input, Plan, Timing, Trigger, Trip};
use tokio::time::Instant;

use measure::{resident, row, table, verdict};

const FLEETS: [u32; 2] = [100_000, 1_000_000];
/// Places of the policy: this many phones go when the window opens, the rest queues.
const PLACES: u32 = 1000;
/// Phones of one switch; a million hang on 20,000.
const ON_A_SWITCH: u32 = 50;
/// Phones of one site.
const AT_A_SITE: u32 = 10_000;
/// One phone of so many belongs to the one group of which half stay up: 100,000 of a million.
const OF_THE_GROUP: u32 = 10;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--fleet") {
        Some(at) => measured(arguments.get(at + 1).context("how many phones?")?.parse()?),
        None => compared(),
    }
}

/// Each fleet in a process of its own, so that one does not live in the other's memory.
fn compared() -> Result<()> {
    let mut figures = Vec::new();
    for phones in FLEETS {
        let output =
            Command::new(std::env::current_exe()?).args(["--fleet", &phones.to_string()]).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        ensure!(numbers.len() == NAMES.len(), "unexpected figures: {text}");
        figures.push(numbers);
    }
    let mut rows = vec![row(["", "100,000 phones", "1,000,000 phones", "ratio", "goal at 1,000,000", ""])];
    for (index, (name, unit, goal)) in NAMES.into_iter().enumerate() {
        let (few, many) = (figures[0][index], figures[1][index]);
        let (few_text, many_text) = (format!("{few:.3} {unit}"), format!("{many:.3} {unit}"));
        let ratio = format!("{:.1}", many / few);
        let mut cells = row([name, &few_text, &many_text, &ratio]);
        if let Some(goal) = goal {
            cells.extend([format!("<= {goal} {unit}"), verdict(many <= goal).to_owned()]);
        }
        rows.push(cells);
    }
    table("Scheduler: cost follows changes, not the size of the fleet", &rows);
    Ok(())
}

/// What is measured, its unit, and the goal at a million phones.
const NAMES: [(&str, &str, Option<f64>); 12] = [
    ("memory, all phones known and idle", "MB", Some(400.0)),
    ("memory per phone", "bytes", None),
    ("first look at every phone, window closed", "ms", None),
    ("idle tick: a pass with nothing due", "ms", Some(1.0)),
    ("window opens: a pass with every phone due", "ms", Some(1000.0)),
    ("one event: touch and pass, window closed", "ms", None),
    ("one event: touch and pass, everyone waiting", "ms", None),
    ("the same with limits for sites and switches, and a group of a tenth:", "", None),
    ("  window opens: a pass with every phone due", "ms", Some(1000.0)),
    ("  one event: touch and pass, everyone waiting", "ms", None),
    ("  a phone is back: its places go to the next", "ms", Some(1.0)),
    ("  the most that took for any of 1,000", "ms", None),
];

fn measured(phones: u32) -> Result<()> {
    let before = resident()?;
    let (fleet, mut scheduler) = (fleet(phones), Scheduler::new(rules(false)));
    for phone in fleet.iter() {
        scheduler.touch(phone.mac, at(-3600));
    }
    let nobody = |_: Mac| false;
    let first_look = charged(|| ensure_none(scheduler.pass(at(-3600), &fleet, &nobody).len()))?;
    let memory = resident()?.saturating_sub(before) as f64;

    let mut idle = Vec::new();
    for second in 0..101 {
        idle.push(timed(|| ensure_none(scheduler.pass(at(-3500 + second), &fleet, &nobody).len()))?);
    }
    let mut closed = Vec::new();
    for n in 0..101 {
        closed.push(timed(|| {
            scheduler.touch(mac(n * 97), at(-3000));
            ensure_none(scheduler.pass(at(-3000), &fleet, &nobody).len())
        })?);
    }
    // Every phone is due at the opening itself: held phones are looked at again when their window opens.
    let mut going = HashSet::new();
    let opening = charged(|| {
        going.extend(scheduler.pass(at(0), &fleet, &nobody).into_iter().map(|(plan, _)| plan.phone));
        ensure!(going.len() == PLACES as usize, "{} phones go", going.len());
        Ok(())
    })?;
    let under_way = |mac: Mac| going.contains(&mac);
    let mut waiting = Vec::new();
    for n in 0..101 {
        waiting.push(timed(|| {
            scheduler.touch(mac(n * 97), at(1));
            ensure_none(scheduler.pass(at(1), &fleet, &under_way).len())
        })?);
    }
    let parts = with_parts(&fleet)?;
    let millions = memory / 1e6;
    let each = memory / f64::from(phones);
    let (idle, closed, waiting) =
        (measure::median(idle)?, measure::median(closed)?, measure::median(waiting)?);
    print!("{millions} {each} {first_look} {idle} {opening} {closed} {waiting} 0");
    println!("{}", parts.map(|figure| format!(" {figure}")).concat());
    Ok(())
}

/// The opening, an event, and what it costs when a phone is back, under limits for parts of the fleet.
fn with_parts(fleet: &Fleet) -> Result<[f64; 4]> {
    let mut scheduler = Scheduler::new(rules(true));
    for phone in fleet.iter() {
        scheduler.touch(phone.mac, at(0));
    }
    let mut going: Vec<Plan> = Vec::new();
    let opening = charged(|| {
        let plans = scheduler.pass(at(0), fleet, &|_| false);
        going.extend(plans.into_iter().map(|(plan, _)| plan));
        ensure!(going.len() > 400, "{} phones go", going.len());
        Ok(())
    })?;
    let mut away: HashSet<Mac> = going.iter().map(|plan| plan.phone).collect();
    let mut waiting = Vec::new();
    for n in 0..101 {
        waiting.push(timed(|| {
            scheduler.touch(mac(n * 97), at(1));
            ensure_none(scheduler.pass(at(1), fleet, &|mac| away.contains(&mac)).len())
        })?);
    }
    let (mut back, mut second) = (Vec::new(), 60);
    going.reverse();
    for _ in 0..1000 {
        let plan = going.pop().context("nobody is away")?;
        second += 1;
        let trip = rebooted(plan, second);
        away.remove(&trip.plan().phone);
        let mut next = Vec::new();
        back.push(timed(|| {
            scheduler.ended(&trip, at(second));
            next = scheduler.pass(at(second), fleet, &|mac| away.contains(&mac));
            Ok(())
        })?);
        ensure!(next.len() == 1, "{} phones go for one that is back", next.len());
        away.extend(next.iter().map(|(plan, _)| plan.phone));
        going.splice(0..0, next.into_iter().map(|(plan, _)| plan));
    }
    let most = back.iter().copied().fold(0.0, f64::max);
    Ok([opening, measure::median(waiting)?, measure::median(back)?, most])
}

/// A phone that went a minute ago and is back.
fn rebooted(plan: Plan, second: i64) -> Trip {
    let line = plan.line.clone();
    let (mut trip, _) = Trip::begin(plan, at(second - 60));
    trip.handle(at(second - 60), Input::Confirmed);
    trip.handle(at(second - 60), Input::Gone { line: line.clone() });
    let call_id = Some("b".into());
    trip.handle(at(second), Input::Registered { line, call_id, expires: None, version: None });
    trip
}

/// Milliseconds of CPU time that this takes; for what takes longer than the scheduler's tick.
fn charged(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let before = measure::cpu(std::process::id())?;
    work()?;
    Ok((measure::cpu(std::process::id())? - before).as_secs_f64() * 1000.0)
}

/// Milliseconds that this takes by the clock.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

fn ensure_none(going: usize) -> Result<()> {
    ensure!(going == 0, "{going} phones go");
    Ok(())
}

/// Friday 20 November 2026, 22:00 in Berlin, when the window opens, and so many seconds.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_795_208_400 + seconds)
}

fn mac(n: u32) -> Mac {
    let [a, b, c, d] = n.to_be_bytes();
    Mac::new([0, 0x04 + a, 0x13, b, c, d])
}

/// `parts` says whether sites and switches have limits of their own, and half of a group stays up.
fn rules(parts: bool) -> Rules {
    let minutes = TimeDelta::minutes;
    let timing = Timing {
        answer: minutes(1),
        leave: minutes(3),
        leave_busy: minutes(60),
        boot_at_least: TimeDelta::zero(),
        boot: minutes(3),
        fetch: minutes(1),
        flash: minutes(1),
        gap: minutes(5),
    };
    let window = Window::weekly(
        vec![Weekday::Fri],
        NaiveTime::MIN + TimeDelta::hours(22),
        Lasts::For(TimeDelta::hours(6)),
    );
    let snoms = Selection { vendor: vec![Vendor::SNOM], ..Selection::default() };
    let policy = Policy {
        calendar: Calendar::of(vec![window]),
        pace: Pace::at_once(PLACES),
        ..Policy::new("night", snoms, Action::Reboot)
    };
    let policy = if parts {
        let per = PerPart { site: Some(60), switch: Some(2), ..PerPart::default() };
        let group = Group::Tag(Tag::new("reception"));
        let half = CoverageRule::KeepUp(Share::Percent(50));
        let pace = Pace { per, ..policy.pace };
        Policy { pace, coverage: vec![Coverage { group, rule: half }], ..policy }
    } else {
        policy
    };
    let terms = move |_: &Phone| {
        Some(Terms {
            triggers: vec![Trigger::event("reboot")],
            update_boots: None,
            resync: vec![],
            tells_dialogs: false,
            serves: sipherd::domain::trip::Serves::default(),
            timing,
            special: Default::default(),
        })
    };
    Rules::new(vec![policy], chrono_tz::Europe::Berlin, Arc::new(terms))
}

/// Phones as inventory and PBX make them: every text of every phone is its own copy until the fleet shares it.
fn fleet(phones: u32) -> Fleet {
    let pbx = PbxName::new("pbx1");
    let line = |n: u32| LineId { pbx: pbx.clone(), user: (2_000_000 + n).to_string().into() };
    let mut fleet = Fleet::default();
    fleet.watch(pbx.clone(), TimeDelta::days(1));
    for n in 0..phones {
        let mut phone = Phone::new(mac(n), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        phone.version = Version::parse("10.1.198.19").ok();
        phone.site = Some(Site::new(format!("site-{}", n / AT_A_SITE)));
        phone.switch = Some(Switch::new(format!("switch-{}", n / ON_A_SWITCH)));
        if n.is_multiple_of(OF_THE_GROUP) {
            phone.tags.insert(Tag::new("reception"));
        }
        phone.lines.insert(line(n), Line::UNSEEN);
        fleet.introduce(phone);
    }
    let seen = at(-7200);
    // In pages: a list of a million contacts at once is a PBX's memory, not the fleet's.
    fleet.picture(&pbx, Vec::new(), Vec::new(), seen);
    for n in 0..phones {
        let [a, b, c, d] = n.to_be_bytes();
        let contact = Contact {
            uri: format!("sip:{}@10.{b}.{c}.{d}:2048;line=ac05{n:06x}", 2_000_000 + n).into(),
            source: Some(([10, a + b, c, d], 2048).into()),
            call_id: Some(format!("313739{n:08x}-1cyvs0c7").into()),
            user_agent: Some("snomD785/10.1.198.19".into()),
            expires: Some(at(7200)),
        };
        fleet.contacts(line(n), vec![contact]);
        fleet.calls(line(n), CallState::Idle, seen);
    }
    fleet
}
