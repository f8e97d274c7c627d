//! `sipherd completions` and `sipherd man`: made from the same words that are read.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Args, Failure};

/// The words behind `completions`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// For this shell
    shell: Shell,
}

pub fn print_completions(options: &Options) -> Result<(), Failure> {
    // Made in memory, because the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Args::command(), "sipherd", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

pub fn print_manual() -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page)?;
    Ok(io::stdout().write_all(&page)?)
}
