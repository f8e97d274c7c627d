//! `sipherd run`: the daemon.

use std::path::Path;

use super::Failure;

pub fn run(_config: &Path) -> Result<(), Failure> {
    Err(Failure::NotBuiltIn("run"))
}
