//! `sipherd phone`: one phone and what happened to it.

use serde_json::json;

use super::Failure;
use super::client::{Client, escape};
use super::history;
use super::report::{self, Screen, Tone};
use crate::ports::{Entry, PhoneView};

/// The words behind `phone`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Its MAC or one of its lines
    phone: String,
    /// Show at most so many lines of its history, the newest
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

pub async fn run(options: &Options, client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    let phone = find(client, &options.phone).await?;
    let path = format!("/v1/history?mac={}&limit={}", escape(&phone.mac.to_string()), options.limit);
    let history: Vec<Entry> = client.get(&path).await?;
    if screen.is_json() {
        return Ok(screen.json(&json!({ "phone": phone, "history": history }))?);
    }
    describe(&phone, screen)?;
    screen.line("")?;
    history::print(&history, screen)
}

/// The phone with this MAC or line.
pub async fn find(client: &Client, mac_or_line: &str) -> Result<PhoneView, Failure> {
    client.get(&format!("/v1/phones/{}", escape(mac_or_line))).await
}

fn describe(phone: &PhoneView, screen: &mut Screen) -> Result<(), Failure> {
    let firmware = report::versions(phone.version.as_ref(), phone.target.as_ref());
    screen.line(&format!("{}  {}  {firmware}", report::label(phone), report::kind(phone)))?;
    let lines: Vec<_> = phone
        .lines
        .iter()
        .map(|user| match phone.calls.iter().find(|(line, _)| line == user) {
            Some((_, calls)) => format!("{user} {calls}"),
            None => format!("{user} not seen yet"),
        })
        .collect();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    for (name, value) in [
        ("MAC", phone.mac.to_string()),
        ("lines", if lines.is_empty() { "none known".to_owned() } else { lines.join(", ") }),
        ("site", or_none(phone.site.clone())),
        ("tags", or_none(Some(phone.tags.join(", ")).filter(|tags| !tags.is_empty()))),
        ("policy", or_none(phone.policy.clone())),
    ] {
        screen.line(&format!("  {name:<8}{value}"))?;
    }
    let detail = if phone.detail.is_empty() { String::new() } else { format!(": {}", phone.detail) };
    screen.parts(&[
        ("  state   ", Tone::Plain),
        (&phone.state, Tone::of_state(&phone.state)),
        (&detail, Tone::Plain),
    ])?;
    let since = phone.since.map_or_else(|| "never moved".to_owned(), report::stamp);
    Ok(screen.line(&format!("  since   {since}"))?)
}
