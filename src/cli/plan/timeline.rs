//! A plan as a picture: time from left to right, a row for each phone, or for each site and policy when there are many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use quick_xml::escape::escape;

use super::summary;
use crate::cli::report::phones as counted;
use crate::domain::forecast::{Fate, Going};
use crate::domain::phone::Mac;
use crate::domain::policy::Opening;
use crate::domain::trip::Outcome;
use crate::ports::PlanView;

/// More phones than this share rows.
const MOST_ROWS: usize = 40;

/// Width and margins, in the picture's own units.
const WIDTH: f64 = 1200.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 96.0;
const PHONE_ROW: f64 = 20.0;
const GROUP_ROW: f64 = 64.0;

/// Parts a row of many phones is counted in.
const BINS: usize = 480;

const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#1a202c}\
.title{font-size:18px;font-weight:600}.small{fill:#4a5568;font-size:11px}\
.window{fill:#e2e8f0}.grid{stroke:#cbd5e0;stroke-width:1}.row{stroke:#edf2f7;stroke-width:1}\
.good{fill:#2b6cb0}.bad{fill:#c53030}.withdrawn{fill:#dd6b20}.open{fill:#805ad5}.held{fill:url(#hatch)}";

/// A row of the picture.
struct Row<'a> {
    label: String,
    note: String,
    policies: BTreeSet<String>,
    trips: Vec<&'a Going>,
    phones: usize,
    /// Nobody of it goes, though there is something to do.
    stays: bool,
}

/// The whole picture.
pub fn picture(view: &PlanView, title: &str) -> String {
    let single = tasked(view) <= MOST_ROWS;
    let rows = if single { phone_rows(view) } else { group_rows(view) };
    let height_of = if single { PHONE_ROW } else { GROUP_ROW };
    let height = TOP + height_of * rows.len().max(1) as f64 + 64.0;
    let scale = Scale::of(view);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n<defs><style>{STYLE}</style>\
         <pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#fefcbf\"/>\
         <line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"#d69e2e\" stroke-width=\"2\"/></pattern></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escape(title)
    );
    let _ = writeln!(svg, "<text class=\"title\" x=\"20\" y=\"30\">{}</text>", escape(title));
    let _ = writeln!(svg, "<text class=\"small\" x=\"20\" y=\"50\">{}</text>", escape(subtitle(view)));
    axis(&mut svg, view, &scale, height);
    for (n, row) in rows.iter().enumerate() {
        let y = TOP + height_of * n as f64;
        let _ = writeln!(svg, "<g class=\"line\">");
        windows(&mut svg, view, row, &scale, y, height_of);
        let middle = y + if single { height_of / 2.0 + 4.0 } else { height_of / 2.0 };
        let _ = writeln!(svg, "<text x=\"20\" y=\"{middle:.1}\">{}</text>", escape(row.label.as_str()));
        if !row.note.is_empty() {
            let (x, y) = if single { (92.0, middle) } else { (20.0, middle + 16.0) };
            let _ = writeln!(
                svg,
                "<text class=\"small\" x=\"{x}\" y=\"{y:.1}\">{}</text>",
                escape(row.note.as_str())
            );
        }
        if single {
            bars(&mut svg, view, row, &scale, y)
        } else {
            crowd(&mut svg, row, &scale, y)
        }
        let bottom = y + height_of;
        let _ = writeln!(
            svg,
            "<line class=\"row\" x1=\"20\" x2=\"{:.1}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\"/></g>",
            WIDTH - RIGHT
        );
    }
    legend(&mut svg, height, single);
    svg.push_str("</svg>\n");
    svg
}

/// Phones that have something to do.
fn tasked(view: &PlanView) -> usize {
    let going: BTreeSet<Mac> = view.forecast.going.iter().map(|going| going.mac).collect();
    let staying = view.forecast.staying.iter().filter(|staying| staying.fate != Fate::Nothing);
    going.len() + staying.filter(|staying| !going.contains(&staying.mac)).count()
}

fn subtitle(view: &PlanView) -> String {
    let forecast = &view.forecast;
    let mut parts = vec![format!("{} of {} go", forecast.done().len(), counted(forecast.phones))];
    parts.push(summary::ends(forecast, view.zone));
    parts.extend(summary::holds(forecast).into_iter().take(1).map(|line| {
        // The tightest alone; the others stand in the text.
        line.split(';').next().unwrap_or_default().to_owned()
    }));
    parts.push(format!("times of {}", view.zone));
    parts.join(" · ")
}

/// From instants to the picture's units.
struct Scale {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Scale {
    /// The whole plan, or what of it is not empty.
    fn of(view: &PlanView) -> Self {
        let forecast = &view.forecast;
        let last = forecast.going.iter().map(|going| going.end.unwrap_or(forecast.until)).max();
        let windows = view.openings.values().flatten();
        let closing = windows.filter(|o| last.is_none_or(|last| o.start <= last)).map(|o| o.end).max();
        let until = last.max(closing).unwrap_or(forecast.until).min(forecast.until);
        Self { from: forecast.from, until: until.max(forecast.from + TimeDelta::minutes(1)) }
    }

    fn x(&self, at: DateTime<Utc>) -> f64 {
        let all = (self.until - self.from).num_seconds() as f64;
        let part = (at - self.from).num_seconds() as f64 / all;
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

fn axis(svg: &mut String, view: &PlanView, scale: &Scale, height: f64) {
    let hours = (scale.until - scale.from).num_hours();
    let every = [1, 2, 3, 6, 12, 24, 48, 168].into_iter().find(|every| hours / every <= 14).unwrap_or(720);
    let local = scale.from.with_timezone(&view.zone);
    let midnight = local.date_naive().and_time(NaiveTime::MIN);
    for step in 0..=(hours / every + 48 / every + 1) {
        let wall = midnight + TimeDelta::hours(step * every);
        let Some(at) = crate::domain::policy::wall_clock::first_instant(wall, view.zone) else { continue };
        if at < scale.from || at > scale.until {
            continue;
        }
        let x = scale.x(at);
        let form = if every >= 24 || wall.time() == NaiveTime::MIN { "%a %d %b" } else { "%H:%M" };
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
             <text class=\"small\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            TOP - 6.0,
            height - 60.0,
            TOP - 12.0,
            wall.format(form)
        );
    }
}

fn windows(svg: &mut String, view: &PlanView, row: &Row<'_>, scale: &Scale, y: f64, height: f64) {
    for opening in row.policies.iter().filter_map(|policy| view.openings.get(policy)).flatten() {
        bar(svg, "window", opening, scale, y + 1.0, height - 2.0);
    }
}

/// A bar that is seen however short its time is.
fn bar(svg: &mut String, class: &str, time: &Opening, scale: &Scale, y: f64, height: f64) {
    if time.end <= scale.from || time.start > scale.until {
        return;
    }
    let (x, end) = (scale.x(time.start), scale.x(time.end));
    let width = (end - x).max(1.5);
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
}

fn bars(svg: &mut String, view: &PlanView, row: &Row<'_>, scale: &Scale, y: f64) {
    let (top, height) = (y + 5.0, PHONE_ROW - 10.0);
    if row.stays {
        for opening in row.policies.iter().filter_map(|policy| view.openings.get(policy)).flatten() {
            bar(svg, "held", opening, scale, top, height);
        }
    }
    for going in &row.trips {
        if let Some(opening) =
            going.opening.filter(|opening| going.start - opening.start < TimeDelta::days(2))
        {
            let wait = Opening { start: opening.start.max(scale.from), end: going.start };
            if wait.end - wait.start > TimeDelta::seconds(30) {
                bar(svg, "held", &wait, scale, top, height);
            }
        }
    }
    for going in &row.trips {
        let time = Opening { start: going.start, end: going.end.unwrap_or(view.forecast.until) };
        bar(svg, class(going), &time, scale, top, height);
    }
}

fn class(going: &Going) -> &'static str {
    match &going.outcome {
        None => "open",
        Some(Outcome::Withdrawn { .. }) => "withdrawn",
        Some(Outcome::Failed { .. } | Outcome::Cancelled) => "bad",
        Some(_) => "good",
    }
}

/// How many of a row's phones are down, part by part of the time.
fn crowd(svg: &mut String, row: &Row<'_>, scale: &Scale, y: f64) {
    let span = (scale.until - scale.from).num_milliseconds().max(1);
    let bin = |at: DateTime<Utc>| {
        let part = (at - scale.from).num_milliseconds().clamp(0, span - 1) as f64 / span as f64;
        ((part * BINS as f64) as usize).min(BINS - 1)
    };
    let mut down = vec![0_u32; BINS];
    for going in row.trips.iter().filter(|going| !going.is_withdrawn()) {
        let (first, last) = (bin(going.start), bin(going.end.unwrap_or(scale.until)));
        // Whoever starts as another comes back is not down together with it.
        for count in &mut down[first..last.max(first + 1)] {
            *count += 1;
        }
    }
    let most = down.iter().copied().max().unwrap_or(0);
    let (base, tall) = (y + GROUP_ROW - 4.0, GROUP_ROW - 18.0);
    let mut waits: BTreeMap<DateTime<Utc>, (DateTime<Utc>, DateTime<Utc>)> = BTreeMap::new();
    for going in &row.trips {
        let Some(opening) = going.opening.filter(|o| going.start - o.start < TimeDelta::days(2)) else {
            continue;
        };
        let wait = waits.entry(opening.start).or_insert((opening.start, going.start));
        wait.1 = wait.1.max(going.start);
    }
    for (start, end) in waits.into_values() {
        bar(svg, "held", &Opening { start: start.max(scale.from), end }, scale, y + 6.0, 5.0);
    }
    let wide = (WIDTH - LEFT - RIGHT) / BINS as f64;
    let mut path = String::new();
    for (n, count) in down.iter().enumerate().filter(|(_, count)| **count > 0) {
        let tall = tall * f64::from(*count) / f64::from(most.max(1));
        let (x, top) = (LEFT + wide * n as f64, base - tall);
        let _ = write!(path, "M{x:.1} {base:.1}V{top:.1}h{wide:.2}V{base:.1}z");
    }
    if !path.is_empty() {
        let _ = writeln!(
            svg,
            "<path class=\"good\" d=\"{path}\"><title>at most {most} down at once</title></path>"
        );
    }
}

fn phone_rows(view: &PlanView) -> Vec<Row<'_>> {
    let mut order: Vec<Mac> = Vec::new();
    let mut trips: BTreeMap<Mac, Vec<&Going>> = BTreeMap::new();
    for going in &view.forecast.going {
        let own = trips.entry(going.mac).or_default();
        if own.is_empty() {
            order.push(going.mac);
        }
        own.push(going);
    }
    let staying: BTreeMap<Mac, _> =
        view.forecast.staying.iter().map(|staying| (staying.mac, staying)).collect();
    let stay = staying.values().filter(|s| s.fate != Fate::Nothing && !trips.contains_key(&s.mac));
    order.extend(stay.map(|staying| staying.mac));
    order
        .into_iter()
        .map(|mac| {
            let phone = view.phones.get(&mac);
            let trips = trips.remove(&mac).unwrap_or_default();
            let mut policies: BTreeSet<String> = trips.iter().map(|going| going.policy.to_string()).collect();
            let stays = staying.get(&mac);
            policies.extend(stays.and_then(|staying| staying.policy.as_ref()).map(ToString::to_string));
            Row {
                label: summary::label(phone, mac),
                note: phone.map(|phone| phone.kind.clone()).unwrap_or_default(),
                policies,
                trips,
                phones: 1,
                stays: stays.is_some(),
            }
        })
        .collect()
}

/// A row for each site and policy.
fn group_rows(view: &PlanView) -> Vec<Row<'_>> {
    let mut rows: BTreeMap<(String, String), Row<'_>> = BTreeMap::new();
    let site = |mac: &Mac| view.phones.get(mac).and_then(|phone| phone.site.clone()).unwrap_or_default();
    let mut seen = BTreeSet::new();
    for going in &view.forecast.going {
        let key = (site(&going.mac), going.policy.to_string());
        let fresh = seen.insert((going.mac, going.policy.clone()));
        let row = rows.entry(key).or_insert_with_key(group);
        row.phones += usize::from(fresh);
        row.trips.push(going);
    }
    for staying in view.forecast.staying.iter().filter(|staying| staying.fate != Fate::Nothing) {
        let Some(policy) = &staying.policy else { continue };
        let row = rows.entry((site(&staying.mac), policy.to_string())).or_insert_with_key(group);
        row.phones += usize::from(seen.insert((staying.mac, policy.clone())));
    }
    let mut rows: Vec<Row<'_>> = rows.into_values().collect();
    for row in &mut rows {
        row.note = counted(row.phones);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.phones));
    rows.truncate(MOST_ROWS);
    rows
}

fn group<'a>((site, policy): &(String, String)) -> Row<'a> {
    let label = if site.is_empty() { policy.clone() } else { format!("{site}, {policy}") };
    Row {
        label,
        note: String::new(),
        policies: [policy.clone()].into(),
        trips: Vec::new(),
        phones: 0,
        stays: false,
    }
}

fn legend(svg: &mut String, height: f64, single: bool) {
    let y = height - 30.0;
    let mut x = 20.0;
    let down = if single { "down, and comes back" } else { "phones down (each row to its own height)" };
    let mut signs = vec![("window", "window open"), ("held", "waits in its window"), ("good", down)];
    if single {
        signs.extend([
            ("withdrawn", "last look found a call"),
            ("bad", "fails"),
            ("open", "under way at the end"),
        ]);
    }
    for (class, text) in signs {
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"18\" height=\"12\"/>\
             <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            x + 24.0,
            y + 10.0
        );
        x += 44.0 + 6.2 * text.len() as f64;
    }
}
