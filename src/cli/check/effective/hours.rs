//! `[[window]]` and `[[blackout]]`.

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use super::{Page, length, list, text};
use crate::domain::policy::{Blackout, BlackoutDates, Calendar, Lasts, Opens, Window};

/// Writes all windows and blackouts.
pub(super) fn write(calendar: &Calendar, page: &mut Page) {
    if calendar.windows.is_empty() && calendar.initial.is_none() {
        page.0 += "\n";
        page.remark("no [[window]]: it never acts");
    }
    calendar.windows.iter().for_each(|own| window(own, page));
    if let Some(initial) = calendar.initial {
        page.table("[[window]]");
        page.key("initial", length(initial));
    }
    calendar.blackouts.iter().for_each(|own| blackout(own, page));
}

fn window(window: &Window, page: &mut Page) {
    page.table("[[window]]");
    match &window.opens {
        Opens::Weekly { days, from, lasts } => {
            page.key("days", weekdays(days));
            page.key("from", time(*from));
            match lasts {
                Lasts::Until(to) => page.key("to", time(*to)),
                Lasts::For(lasting) => page.key("length", length(*lasting)),
            }
        }
        Opens::Cron { cron, length: lasting } => {
            page.key("cron", text(cron.as_str()));
            page.key("length", length(*lasting));
        }
        Opens::Hours { hours, days } => {
            let hours: Vec<String> = hours.iter().map(ToString::to_string).collect();
            page.key("allow", format!("[{}]", hours.join(", ")));
            page.key("days", weekdays(days));
        }
    }
    zone(window.zone, page);
    page.maybe("last_start", window.last_start.map(length), "what the phone's model needs to boot and flash");
}

fn blackout(blackout: &Blackout, page: &mut Page) {
    page.table("[[blackout]]");
    match &blackout.when {
        BlackoutDates::Range { from, to } if from == to => page.key("on", text(&from.to_string())),
        BlackoutDates::Range { from, to } => {
            page.key("from", text(&from.to_string()));
            page.key("to", text(&to.to_string()));
        }
        BlackoutDates::Yearly { from, to } if from == to => page.key("on", day(*from)),
        BlackoutDates::Yearly { from, to } => {
            page.key("from", day(*from));
            page.key("to", day(*to));
        }
        BlackoutDates::Events(_) => page.key("calendar", text(blackout.file.as_deref().unwrap_or_default())),
    }
    zone(blackout.zone, page);
}

fn zone(zone: Option<Tz>, page: &mut Page) {
    page.key("zone", text(zone.map_or("site", |zone| zone.name())));
}

fn weekdays(days: &[Weekday]) -> String {
    list(days.iter().map(|day| day.to_string().to_lowercase()))
}

fn time(time: NaiveTime) -> String {
    text(&time.format("%H:%M").to_string())
}

/// A day of every year.
fn day((month, day): (u32, u32)) -> String {
    text(&format!("{month:02}-{day:02}"))
}
