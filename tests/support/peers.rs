//! The real programs some tests talk to: where they lie, and a word about the tests left out without them.

use std::io::Write;
use std::path::PathBuf;

/// Names the folder that `tests/peers/fetch` filled.
const FOLDER: &str = "SIPHERD_PEERS";

/// The programs of these names, or `None` after saying on the terminal that this test is left out.
///
/// When the folder is named, a program that is missing there is an error, not a reason to leave out a test.
pub fn require<const N: usize>(programs: [&str; N]) -> Option<[PathBuf; N]> {
    let Some(folder) = std::env::var_os(FOLDER) else {
        let thread = std::thread::current();
        let (test, names) = (thread.name().unwrap_or("a test"), programs.join(" and "));
        leave_out(&format!("left out: {test}: needs a real {names}; run tests/all, or set {FOLDER}"));
        return None;
    };
    Some(programs.map(|program| {
        let path = PathBuf::from(&folder).join("bin").join(program);
        assert!(
            path.exists(),
            "{FOLDER} is set, but there is no {}; hint: tests/peers/fetch",
            path.display()
        );
        path
    }))
}

/// Says it past the capture of the test harness, which would swallow the words of a test that passes.
fn leave_out(line: &str) {
    match std::fs::OpenOptions::new().append(true).open("/dev/stderr") {
        Ok(mut terminal) => drop(writeln!(terminal, "{line}")),
        Err(_) => drop(writeln!(std::io::stderr(), "{line}")),
    }
}
