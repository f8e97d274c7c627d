//! The steps of a test: instants, what happens, and what is expected.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use toml::de::DeValue;

use super::super::keys::{TEST_STEP, nearest};
use super::super::problem::Place;
use super::super::raw::{At, Complaint};
use super::super::table::Table;
use super::instant::Written;
use super::phones::version;
use crate::config::code::Code;
use crate::domain::phone::CallState;
use crate::domain::rehearsal::{Answer, Because, Doing, Ending, Expect, News, Player, Step, ViewNews};
use crate::domain::rules::Rules;
use crate::domain::trip::Cause;
use crate::domain::trip::Failure;

/// The keys that say what a line does, and that.
const DOINGS: [(&str, Doing); 6] = [
    ("talking", Doing::Calls(CallState::Talking)),
    ("ringing", Doing::Calls(CallState::Ringing)),
    ("held", Doing::Calls(CallState::Held)),
    ("unknown", Doing::Calls(CallState::Unknown)),
    ("unregistered", Doing::Unregistered),
    ("idle", IDLE),
];

/// The keys that say what must be decided.
const EXPECTING: [&str; 4] = ["expect", "because", "goes", "by_policy"];

const IDLE: Doing = Doing::Calls(CallState::Idle);

/// Reads `when`: the steps, and where each says what it expects.
pub(super) fn read(test: &Table<'_>, players: &[Player], rules: &Rules) -> (Vec<Step>, Vec<Place>) {
    if !test.has("when") {
        test.missing(
            "when",
            "say when, and what must be decided: `when = [ { at = \"2026-11-21 23:10\", expect = \"go\" } ]`",
        );
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut places = Vec::new();
    let mut expecting = false;
    for table in test.tables("when") {
        expecting |= EXPECTING.into_iter().any(|key| table.has(key));
        let Some(step) = step(&table, players, rules) else { continue };
        if let Some(before) = steps.last().filter(|before| before.at > step.at) {
            let zone = players.get(before.player).map_or(rules.zone, |player| rules.zone_of(&player.phone));
            let before = before.at.with_timezone(&zone).format("%Y-%m-%d %H:%M");
            let hint = format!("the step before it is at {before}; write them in the order of time");
            table.error_at("at", Complaint::new("this step is earlier than the one before it", hint));
        }
        let says = EXPECTING.into_iter().find(|key| table.has(key));
        let span = says.and_then(|key| table.value(key)).map_or_else(|| table.span(), |value| value.span());
        places.push(test.source().place(&span));
        steps.push(step);
    }
    if !expecting && !steps.is_empty() {
        let hint = "say what must be decided: `expect = \"hold\", because = \"talking\"`";
        test.error_at("when", Complaint::new("this test expects nothing", hint));
    }
    (steps, places)
}

fn step(table: &Table<'_>, players: &[Player], rules: &Rules) -> Option<Step> {
    let player = match table.read("phone", |text| named(text, players)) {
        Some(player) => player.value,
        None if table.has("phone") => return None,
        None => 0,
    };
    let phone = &players.get(player)?.phone;
    let line = table.read("line", |text| {
        let users = || phone.lines.keys().map(|line| line.user.as_ref());
        let known = users().any(|user| user == text);
        known.then(|| Arc::<str>::from(text)).ok_or_else(|| Complaint {
            message: format!("this phone has no line `{text}`"),
            near: nearest(text, users()),
            hint: Some(format!("its lines are {}", users().collect::<Vec<_>>().join(", "))),
        })
    });
    let news = news(table, line, players, player);
    let expect = expect(table, rules);
    if !table.has("at") {
        table.missing("at", "say when: `at = \"2026-11-21 23:10\"`");
    }
    let zone = rules.zone_of(phone);
    let at: At<DateTime<Utc>> = table.read("at", |text| Written::read(text)?.instant(zone))?;
    let said: Vec<&str> = TEST_STEP.names().filter(|key| !matches!(*key, "at" | "phone" | "line")).collect();
    if !said.iter().any(|key| table.has(key)) && !table.is_misspelt(&said) {
        let hint = "say what happens, like `talking = true`, or what must be decided, like `expect = \"go\"`";
        table.error(Complaint::new("in this step nothing happens and nothing is expected", hint));
    }
    Some(Step { at: at.value, player, news, expect })
}

fn named(text: &str, players: &[Player]) -> Result<usize, Complaint> {
    let names = || players.iter().map(|player| player.name.as_ref());
    players.iter().position(|player| &*player.name == text).ok_or_else(|| Complaint {
        message: format!("no phone of this test is called `{text}`"),
        near: nearest(text, names()),
        hint: Some(format!("they are called {}", names().collect::<Vec<_>>().join(", "))),
    })
}

fn news(table: &Table<'_>, line: Option<At<Arc<str>>>, players: &[Player], player: usize) -> News {
    let doing = doing(table);
    let quiet = table.duration("quiet").map(|quiet| quiet.value);
    if let (Some((doing, span)), Some(_)) = (&doing, quiet)
        && *doing != IDLE
    {
        let hint = "a line that is quiet is idle: leave one of them out";
        table.source().refuse(
            Code::Contradiction,
            span,
            Complaint::new("this and `quiet` exclude each other", hint),
        );
    }
    let about_line = doing.is_some() || quiet.is_some() || table.has("agent") || table.has("dnd");
    if let Some(line) = line.as_ref().filter(|_| !about_line) {
        let hint = "say what the line does: `talking = true`, `quiet = \"5m\"`, `agent = true`";
        table.source().refuse(
            Code::Contradiction,
            &line.span,
            Complaint::new("nothing happens on this line", hint),
        );
    }
    let failed = table.word("failed");
    let rebooted = yes(table, "rebooted");
    let lost = table.flag("lost");
    if let Some(span) = table.key("attempt").filter(|_| failed.is_none() && lost != Some(true)) {
        let hint = "it says which attempt `failed` was";
        table.source().refuse(
            Code::Contradiction,
            &span,
            Complaint::new("`attempt` has no effect without `failed`", hint),
        );
    }
    let told = [("failed", failed.is_some()), ("rebooted", rebooted), ("lost", lost.is_some())];
    let told: Vec<&str> = told.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
    if let [first, second, ..] = told.as_slice() {
        let hint = "a step tells of one trip: write two steps";
        table.error_at(second, Complaint::new(format!("`{first}` and `{second}` exclude each other"), hint));
    }
    let lines =
        players.get(player).map(|player| player.phone.lines.keys().cloned().collect()).unwrap_or_default();
    let away = Ending::Failed(Failure::NeverReturned { missing: lines });
    let ended = match failed.map(|failed| failed.value) {
        Some("never-returned") => Some(away),
        Some(slug) => failure(slug).map(Ending::Failed),
        None if lost == Some(true) => Some(away),
        None => rebooted.then_some(Ending::Rebooted),
    };
    News {
        line: line.map(|line| line.value),
        doing: doing.map(|(doing, _)| doing),
        quiet,
        agent: told_or_not(table, "agent"),
        do_not_disturb: told_or_not(table, "dnd"),
        view: table.word("pbx").map(|word| match word.value {
            "silent" => ViewNews::Silent,
            "gone" => ViewNews::Gone,
            _ => ViewNews::Fresh,
        }),
        ended,
        attempt: table.count("attempt"),
        lost: lost.filter(|lost| !lost),
        under_way: table.flag("under_way"),
        down: table.count("down"),
        version: table.read("version", version).map(|version| version.value),
        booted: yes(table, "booted"),
    }
}

/// A failure by its slug; what it would tell besides is of no weight here.
fn failure(slug: &str) -> Option<Failure> {
    Some(match slug {
        "refused" => Failure::Refused { status: 403, phrase: "Forbidden".to_owned() },
        "no-credentials" => Failure::NoCredentials { realm: "phones".to_owned() },
        "not-reachable" => Failure::NotReachable { why: "no route".to_owned() },
        "no-answer" => Failure::NoAnswer,
        "never-left" => Failure::NeverLeft,
        "never-asked" => Failure::NeverAsked,
        "never-handed-in" => Failure::NeverHandedIn,
        "items-untold" => Failure::ItemsUntold,
        "items-unknown" => Failure::ItemsUnknown { items: Vec::new() },
        "items-not-kept" => Failure::ItemsNotKept { items: Vec::new() },
        "files-not-fetched" => Failure::FilesNotFetched { files: Vec::new() },
        "files-rejected" => Failure::FilesRejected { why: "unknown format".to_owned() },
        "declined" => Failure::Declined { why: "busy".to_owned() },
        "never-returned" => Failure::NeverReturned { missing: Vec::new() },
        "image-rejected" => Failure::ImageRejected,
        "download-broken" => Failure::DownloadBroken { breaks: 1 },
        "wrong-version" => Failure::WrongVersion { runs: version("0").ok()? },
        "nothing-happened" => Failure::NothingHappened { cause: Cause::OtherServer },
        _ => return None,
    })
}

/// What the lines do, and where that stands.
fn doing(table: &Table<'_>) -> Option<(Doing, Range<usize>)> {
    let mut told: Option<(&str, Doing, Range<usize>)> = None;
    for (key, doing) in DOINGS {
        let Some(flag) = table.flag(key) else { continue };
        let span = table.key(key).unwrap_or_default();
        let doing = match (flag, key) {
            (false, "idle") => {
                let hint =
                    "say what it does instead: `talking`, `ringing`, `held`, `unknown` or `unregistered`";
                table.source().refuse(
                    Code::Contradiction,
                    &span,
                    Complaint::new("`idle` can only be `true`", hint),
                );
                continue;
            }
            (false, _) => IDLE,
            (true, _) => doing,
        };
        match &told {
            Some((before, other, _)) if *other != IDLE && doing != IDLE => {
                let hint = "a line does one thing at a time; give each line of a phone its own step";
                let message = format!("`{before}` and `{key}` exclude each other");
                table.source().refuse(Code::Contradiction, &span, Complaint::new(message, hint));
            }
            Some((_, other, _)) if *other != IDLE => {}
            Some(_) | None => told = Some((key, doing, span)),
        }
    }
    told.map(|(_, doing, span)| (doing, span))
}

/// A key that is `true` or left out.
fn yes(table: &Table<'_>, key: &str) -> bool {
    match table.flag(key) {
        Some(false) => {
            let hint = "leave it out where it does not happen";
            table.error_at(key, Complaint::new(format!("`{key}` can only be `true`"), hint));
            false
        }
        Some(true) => true,
        None => false,
    }
}

/// `true`, `false` or `"unknown"`.
fn told_or_not(table: &Table<'_>, key: &str) -> Option<Option<bool>> {
    match table.value(key)?.get_ref() {
        DeValue::String(text) if text == "unknown" => Some(None),
        DeValue::String(text) => {
            let hint = "write `true`, `false` or `\"unknown\"`";
            table.error_at(key, Complaint::new(format!("`{text}` is no `{key}`"), hint));
            None
        }
        _ => table.flag(key).map(Some),
    }
}

fn expect(table: &Table<'_>, rules: &Rules) -> Expect {
    let answer = table
        .word("expect")
        .and_then(|word| Answer::ALL.into_iter().find(|answer| answer.name() == word.value));
    let because = table.read_all("because", |text| {
        Because::read(text).map_err(|_| Complaint {
            message: format!("`{text}` is no reason"),
            near: nearest(text, Because::names()),
            hint: Some(
                "one word is the name of a reason or a gate; several are words of its text".to_owned(),
            ),
        })
    });
    if because.is_some() && answer == Some(Answer::Go) {
        table.error_at(
            "because",
            Complaint::new("a phone that goes has no reason to be held", "leave `because` out"),
        );
    }
    let by_policy = table.read("by_policy", |text| {
        let names = || rules.policies.iter().map(|policy| &policy.name);
        names().find(|name| ***name == *text).cloned().ok_or_else(|| Complaint {
            message: format!("policy `{text}` is not in force in this test"),
            near: nearest(text, names().map(AsRef::as_ref)),
            hint: Some(format!("in force are {}", names().map(AsRef::as_ref).collect::<Vec<_>>().join(", "))),
        })
    });
    Expect {
        answer,
        because: because.into_iter().flatten().map(|because| because.value).collect(),
        by_policy: by_policy.map(|policy| policy.value),
        goes: table.count("goes").and_then(|goes| usize::try_from(goes).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_can_be_told() {
        for slug in super::super::super::keys::FAILURES {
            assert_eq!(failure(slug).map(|failure| failure.slug()), Some(slug));
        }
    }

    #[test]
    fn what_is_never_retried_is_known_by_its_slug() {
        // A refusal may be one that is retried.
        for slug in super::super::super::keys::FAILURES.into_iter().filter(|slug| *slug != "refused") {
            let retried = failure(slug).map(|failure| failure.is_retryable());
            assert_eq!(retried, Some(!Failure::NEVER_RETRYABLE.contains(&slug)), "{slug}");
        }
        assert!(!Failure::NEVER_RETRYABLE.contains(&"refused"));
    }
}
