//! Parse, run, print the error, choose the exit status.

fn main() {}
