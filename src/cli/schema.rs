//! `sipherd schema`: the JSON Schema of a kind of file, for editors.

use std::io::{self, Write};

use super::Failure;
use crate::config::schema::{Kind, schema};

/// Which schema.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The kind of file
    #[arg(value_enum)]
    kind: Kind,
}

/// Prints the schema.
pub fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, &schema(options.kind)).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
