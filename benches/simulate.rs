//! How long `sipherd simulate` takes for 10,000 phones over a week with calls, as its users run it.

use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::time::Instant;

/// What a week of 10,000 phones may take, in seconds.
const GOAL: f64 = 10.0;

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = folder.path().join("night.toml");
    std::fs::write(
        &policy,
        "[select]\nvendor = \"snom\"\n[update]\nrelease = \"spring-10.1.198\"\n[[window]]\n\
         days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\nfrom = \"20:00\"\nto = \"05:00\"\nzone = \"Europe/Berlin\"\n\
         [idle]\nquiet = \"10m\"\n[pace]\ndown_at_once = 40\n",
    )?;
    println!("\nsimulate: phones over a week, calls made up");
    let mut reached = true;
    for phones in [1_000_u32, 10_000] {
        let began = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_sipherd"))
            .args(["--json", "--config", "none.toml", "simulate", "--from", "2026-11-23T00:00:00+01:00"])
            .args(["--phones", &phones.to_string(), "--policies"])
            .arg(&policy)
            .output()?;
        let seconds = began.elapsed().as_secs_f64();
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout)?;
        let forecast = &told["simulated"]["forecast"];
        let trips = forecast["going"].as_array().map_or(0, Vec::len);
        ensure!(trips >= phones as usize / 2, "only {trips} trips: {forecast}");
        println!(
            "  {phones:>6} phones  {seconds:>6.2} s  {trips} trips  {} calls  {} of them in the way",
            forecast["calls"]["calls"], forecast["calls"]["phones_held"]
        );
        reached &= seconds < GOAL;
    }
    println!("  goal for 10,000: < {GOAL} s  {}", if reached { "reached" } else { "MISSED" });
    Ok(())
}
