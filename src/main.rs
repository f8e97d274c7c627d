//! Parse, run, print the error, choose the exit status.

use std::process::ExitCode;

use sipherd::cli::{self, Args};

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(usage) => {
            let json = std::env::args_os().any(|word| word == "--json");
            return cli::explain_usage(&usage, json);
        }
    };
    let json = args.is_json();
    match cli::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(json);
            failure.exit_code()
        }
    }
}
