//! A policy as TOML with all its defaults filled in; it reads back to the same policy.

mod hours;
mod selection;

use std::fmt::Display;

use chrono::TimeDelta;

use crate::config::duration_text;
use crate::domain::items::WantedItem;
use crate::domain::policy::{
    Action, Bandwidth, Brake, Coverage, CoverageRule, Firmware, Group, IdleBy, IdleRule, InFlight,
    OutsideCheck, Pace, Patience, PerPart, Policy, Rate, Retry, Share, Wave, WaveSize,
};

/// The policy's file as it would be with every default written down.
pub fn toml(policy: &Policy) -> String {
    let mut page = Page::default();
    page.remark(&format!("policy {}, all defaults filled in", policy.name));
    if let Some(about) = &policy.about {
        page.key("about", text(about));
    }
    page.key("priority", policy.priority);
    selection::write(&policy.select, &mut page);
    action(&policy.action, &mut page);
    hours::write(&policy.calendar, &mut page);
    idle(&policy.idle, &mut page);
    pace(policy, &mut page);
    policy.coverage.iter().for_each(|group| coverage(group, &mut page));
    policy.waves.iter().for_each(|own| wave(own, &mut page));
    if let Some(own) = &policy.brake {
        brake(own, &mut page);
    }
    if let Some(rollback) = &policy.rollback {
        page.table("[rollback]");
        page.key("release", text(&rollback.release));
    }
    retry(&policy.retry, &mut page);
    page.0
}

/// A file that is being written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn table(&mut self, head: &str) {
        self.0 += &format!("\n{head}\n");
    }

    fn key(&mut self, key: &str, value: impl Display) {
        self.0 += &format!("{key} = {value}\n");
    }

    /// A key that is there only with a value; what holds without it stands as a remark.
    fn maybe(&mut self, key: &str, value: Option<String>, without: &str) {
        match value {
            Some(value) => self.key(key, value),
            None => self.remark(&format!("{key}: {without}")),
        }
    }

    fn remark(&mut self, remark: &str) {
        for line in remark.lines() {
            self.0 += &format!("# {line}\n");
        }
    }
}

/// A text in quotes.
fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A list of texts.
fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| text(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

fn length(length: TimeDelta) -> String {
    text(&duration_text(length))
}

fn rate(rate: Rate) -> String {
    let unit = match rate.per.num_seconds() {
        1 => "s",
        60 => "m",
        _ => "h",
    };
    text(&format!("{}/{unit}", rate.count))
}

/// Bytes a second in the greatest unit that leaves no rest.
fn speed(bytes: u64) -> String {
    let units = [("GB/s", 1_000_000_000), ("Mbit/s", 125_000), ("kbit/s", 125)];
    let fitting = units.into_iter().find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size));
    let (unit, size) = fitting.unwrap_or(("B/s", 1));
    text(&format!("{} {unit}", bytes / size))
}

fn action(action: &Action, page: &mut Page) {
    page.table(&format!("[{}]", action.table()));
    match action.firmware() {
        Some(Firmware::Release(name)) => page.key("release", text(name)),
        Some(Firmware::Channel(name)) => page.key("channel", text(name)),
        None => {}
    }
    if let Action::Write { items } = action {
        let item = |item: &WantedItem| {
            let index = item.index.map_or_else(String::new, |index| format!(", index = {index}"));
            let value = if item.is_secret() { text("…") } else { text(&item.value) };
            format!("{{ name = {}{index}, value = {value} }}", text(&item.name))
        };
        let items: Vec<String> = items.iter().map(item).collect();
        page.key("items", format!("[{}]", items.join(", ")));
    }
    if let Action::Move { realm: Some(realm) } = action {
        page.key("realm", text(realm.as_str()));
    }
}

fn idle(idle: &IdleRule, page: &mut Page) {
    page.table("[idle]");
    match idle.by {
        IdleBy::Phone => {
            page.key("by", text("phone"));
            page.remark("the phone alone decides when it is idle: nothing else has an effect here");
            return;
        }
        IdleBy::Both => page.key("by", text("both")),
        IdleBy::Pbx => page.key("by", text("pbx")),
    }
    page.key("quiet", length(idle.quiet));
    let also = [
        (idle.also_busy.agent_logged_in, "agent-logged-in"),
        (idle.also_busy.do_not_disturb, "do-not-disturb"),
    ];
    let also = also.into_iter().filter_map(|(counts, state)| counts.then_some(state));
    page.key("busy", list(["talking", "ringing", "held"].into_iter().chain(also)));
    page.key("probe", idle.probe);
    match idle.patience {
        Patience::NextWindow => page.key("patience", text("next-window")),
        Patience::PhoneWaits => page.key("patience", text("phone-waits")),
        Patience::Force { after } => {
            page.key("patience", text("force"));
            page.key("force_after", length(after));
        }
    }
}

fn pace(policy: &Policy, page: &mut Page) {
    let Pace { down_at_once, per, notify_rate, registrations, downloads, bandwidth, spread } = &policy.pace;
    let unlimited = "not limited";
    page.table("[pace]");
    page.key("down_at_once", down_at_once);
    let PerPart { site, model, subnet, switch, tag } = per;
    for (part, limit) in [("site", site), ("model", model), ("subnet", subnet), ("switch", switch)] {
        page.maybe(&format!("per.{part}"), limit.map(|limit| limit.to_string()), unlimited);
    }
    let tags = tag.iter().map(|(tag, limit)| format!("{} = {limit}", text(tag.glob().glob())));
    let tags: Vec<String> = tags.collect();
    page.maybe("per.tag", (!tags.is_empty()).then(|| format!("{{ {} }}", tags.join(", "))), unlimited);
    page.maybe("notify_rate", notify_rate.map(rate), "`notifies_per_second` of sipherd.toml alone");
    page.maybe("registrations", registrations.map(rate), unlimited);
    if policy.action.firmware().is_some() {
        page.maybe("downloads", downloads.map(|n| n.to_string()), unlimited);
        let Bandwidth { total, per_site } = bandwidth;
        page.maybe("bandwidth.total", total.map(speed), unlimited);
        page.maybe("bandwidth.per_site", per_site.map(speed), unlimited);
    }
    page.maybe("spread", spread.map(length), "each phone may go as soon as the window opens");
}

fn coverage(coverage: &Coverage, page: &mut Page) {
    page.table("[[coverage]]");
    match &coverage.group {
        Group::Tag(tag) => page.key("tag", text(tag.as_str())),
        Group::Queue(queue) => page.key("queue", text(queue)),
        Group::RingGroup(group) => page.key("ring_group", text(group)),
    }
    match coverage.rule {
        CoverageRule::KeepUp(Share::Count(n)) => page.key("keep_up", n),
        CoverageRule::KeepUp(Share::Percent(percent)) => page.key("keep_up", text(&format!("{percent}%"))),
        CoverageRule::KeepUp(Share::AllBut(_)) => page.key("never_together", true),
        CoverageRule::Exclude => page.key("exclude", true),
        CoverageRule::Last => page.key("last", true),
    }
}

fn wave(wave: &Wave, page: &mut Page) {
    page.table("[[wave]]");
    page.key("name", text(&wave.name));
    match wave.size {
        WaveSize::PerModel(n) => page.key("per_model", n),
        WaveSize::Count(n) => page.key("count", n),
        WaveSize::Percent(percent) => page.key("percent", percent),
        WaveSize::Rest => page.key("rest", true),
    }
    page.maybe("sites", (!wave.sites.is_empty()).then(|| list(&wave.sites)), "any");
    page.key("soak", length(wave.soak));
    page.key("needs_approval", wave.needs_approval);
    page.key("success_percent", wave.success_percent);
}

fn brake(brake: &Brake, page: &mut Page) {
    page.table("[brake]");
    if let Some(percent) = brake.failed_percent {
        page.key("failed_percent", percent);
        page.key("min_sample", brake.min_sample);
    }
    page.maybe("lost_phones", brake.lost_phones.map(|n| n.to_string()), "never pulls it");
    page.maybe("registration_latency", brake.registration_latency.map(length), "never pulls it");
    match &brake.check {
        Some(OutsideCheck::Http(address)) => page.key("check.http", text(address)),
        Some(OutsideCheck::Command(words)) => page.key("check.command", list(words)),
        None => page.remark("check: nobody else is asked"),
    }
    page.key(
        "in_flight",
        text(match brake.in_flight {
            InFlight::Finish => "finish",
            InFlight::Withdraw => "withdraw",
        }),
    );
}

fn retry(retry: &Retry, page: &mut Page) {
    page.table("[retry]");
    page.key("attempts", retry.attempts);
    if retry.attempts > 1 {
        page.key("backoff", length(retry.backoff));
        page.key("jitter", text(&format!("{}%", retry.jitter_percent)));
        let slugs = (!retry.not_after.is_empty()).then(|| list(&retry.not_after));
        page.maybe("not_after", slugs, "every failure may be tried again");
    }
    page.maybe("penalty_box", retry.penalty.map(length), "a phone without attempts left waits for a person");
}
