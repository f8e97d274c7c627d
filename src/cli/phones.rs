//! `sipherd phones`: the fleet in a table.

use std::collections::BTreeMap;

use super::client::{Client, escape};
use super::report::{self, Screen, Tone};
use super::{Failure, report::tally};
use crate::ports::PhoneView;

/// The words behind `phones`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// MACs, lines (`21*`) or key=value of vendor, model, site, tag; without any, all phones
    select: Vec<String>,
}

pub async fn run(options: &Options, client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    let phones = select(client, &options.select).await?;
    if screen.is_json() {
        return Ok(screen.json(&phones)?);
    }
    print(&phones, screen)
}

/// The phones that these words mean.
pub async fn select(client: &Client, words: &[String]) -> Result<Vec<PhoneView>, Failure> {
    let query: Vec<_> = words.iter().map(|word| format!("select={}", escape(word))).collect();
    client.get(&format!("/v1/phones?{}", query.join("&"))).await
}

/// The table and its summary.
pub fn print(phones: &[PhoneView], screen: &mut Screen) -> Result<(), Failure> {
    if phones.is_empty() {
        return Ok(screen.line("no phones")?);
    }
    let plain = |text: String| (text, Tone::Plain);
    let rows = phones.iter().map(|phone| {
        vec![
            plain(phone.lines.join(",")),
            plain(phone.mac.to_string()),
            plain(report::kind(phone)),
            plain(report::versions(phone.version.as_ref(), phone.target.as_ref())),
            (phone.state.clone(), Tone::of_state(&phone.state)),
            plain(phone.detail.clone()),
        ]
    });
    screen.table(&["LINE", "MAC", "PHONE", "FIRMWARE", "STATE", "WHY / WHAT TO DO"], rows.collect())?;
    let mut states = BTreeMap::new();
    for phone in phones {
        *states.entry(phone.state.as_str()).or_insert(0) += 1;
    }
    screen.line("")?;
    Ok(screen.line(&tally(states))?)
}
