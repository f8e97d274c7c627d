//! `sipherd history`: what happened, oldest first.

use chrono::{DateTime, Utc};

use super::client::{Client, escape};
use super::report::{self, Screen, Tone};
use super::{Failure, phone};
use crate::ports::Entry;

/// The words behind `history`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only of the phone with this MAC or line
    phone: Option<String>,
    /// Not before this instant: 2026-11-20T22:00:00+01:00
    #[arg(long, value_name = "TIME", value_parser = report::instant)]
    since: Option<DateTime<Utc>>,
    /// At most so many lines, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

pub async fn run(options: &Options, client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    let mut path = format!("/v1/history?limit={}", options.limit);
    if let Some(name) = &options.phone {
        let mac = phone::find(client, name).await?.mac;
        path += &format!("&mac={}", escape(&mac.to_string()));
    }
    if let Some(since) = options.since {
        path += &format!("&since={}", escape(&since.to_rfc3339()));
    }
    let entries: Vec<Entry> = client.get(&path).await?;
    if screen.is_json() {
        return Ok(screen.json(&entries)?);
    }
    print(&entries, screen)
}

/// The entries, one a row.
pub fn print(entries: &[Entry], screen: &mut Screen) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(screen.line("nothing happened yet")?);
    }
    let rows = entries.iter().map(|entry| {
        let mac = entry.mac.map_or_else(|| "-".to_owned(), |mac| mac.to_string());
        let trip = entry.trip.map_or_else(|| "-".to_owned(), |trip| trip.0.to_string());
        vec![
            (report::stamp(entry.at), Tone::Plain),
            (mac, Tone::Plain),
            (trip, Tone::Plain),
            (entry.kind.clone(), Tone::of_entry(&entry.kind)),
            (entry.text.clone(), Tone::Plain),
        ]
    });
    Ok(screen.table(&["TIME", "MAC", "TRIP", "WHAT", ""], rows.collect())?)
}
