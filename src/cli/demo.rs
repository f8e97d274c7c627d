//! `sipherd demo`: a whole night in a minute.

use super::Failure;

pub fn run() -> Result<(), Failure> {
    Err(Failure::NotBuiltIn("demo"))
}
