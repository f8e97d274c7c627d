//! Parse, run, print the error, choose the exit status.

use std::process::ExitCode;

use sipherd::cli::{self, Args};

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(usage) => return cli::explain_usage(&usage),
    };
    match cli::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}
