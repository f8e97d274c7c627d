//! What the benchmarks share: a process's CPU time and memory, where peers lie, and the table at the end.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// CPU time a process has used so far, in the kernel and outside, by all its threads that still run.
///
/// From the scheduler's own account (nanoseconds), because the ticks of `/proc/<pid>/stat` are too coarse for a
/// fifth of a second.
pub fn cpu(pid: u32) -> Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("no process {pid}"))? {
        // A thread may end while the list is read.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let spent = text.split(' ').next().unwrap_or_default();
        nanos += spent.parse::<u64>().context("the kernel keeps no schedstat")?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Memory of this process that lies in RAM, in bytes.
pub fn resident() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// A real program that `tests/peers/fetch` unpacked; `None`, after a word about it, without one.
pub fn peer(program: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("SIPHERD_PEERS")?).join("bin").join(program);
    path.exists().then_some(path)
}

/// The middle one of several rounds: another job on the machine disturbs one round, seldom most of them.
pub fn median(mut rounds: Vec<f64>) -> Result<f64> {
    ensure!(!rounds.is_empty(), "nothing was measured");
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[rounds.len() / 2])
}

/// Whether a goal was reached, in a word for the table.
pub fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "MISSED" }
}

/// Prints a title and aligned columns; the first row is the head.
pub fn table(title: &str, rows: &[Vec<String>]) {
    println!("\n{title}");
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A row of the table.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}
