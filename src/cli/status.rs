//! `sipherd status`: the daemon at a glance.

use super::Failure;
use super::client::Client;
use super::report::{Screen, Tone, tally};
use crate::ports::StatusView;

pub async fn run(client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    let status: StatusView = client.get("/v1/status").await?;
    if screen.is_json() {
        return Ok(screen.json(&status)?);
    }
    let doing = if status.draining { "finishing what is under way, starting nothing new" } else { "running" };
    screen.line(&format!("sipherd {}, {doing}", status.version))?;
    let counts = |map: &std::collections::BTreeMap<String, usize>| {
        let text = tally(map.iter().map(|(name, n)| (name.as_str(), *n)));
        if text.is_empty() { "none".to_owned() } else { text }
    };
    screen.line(&format!("  {:<8}{}", "phones", counts(&status.states)))?;
    screen.line(&format!("  {:<8}{}", "held", counts(&status.holds)))?;
    for (pbx, age) in &status.views {
        let head = format!("  {:<8}{pbx} ", "PBX");
        match age {
            Some(age) => screen.line(&format!("{head}seen {age} s ago"))?,
            None => {
                screen.parts(&[(&head, Tone::Plain), ("no view: its phones are left alone", Tone::Bad)])?
            }
        }
    }
    if !status.strangers.is_empty() {
        screen.line("\ncontacts that belong to no known phone:")?;
        let rows = status.strangers.into_iter();
        let rows = rows.map(|(line, agent)| vec![(line, Tone::Plain), (agent, Tone::Plain)]).collect();
        screen.table(&["LINE", "USER-AGENT"], rows)?;
    }
    if let Some(why) = status.refused_reload {
        screen.parts(&[("\nthe last reload was refused, the old configuration goes on:", Tone::Bad)])?;
        screen.line(&why)?;
    }
    Ok(())
}
