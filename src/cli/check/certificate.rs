//! Whether the depot could speak TLS with the certificate and the key that the configuration names.

use crate::config::{Checked, Code, Problem};
use crate::depot::Identity;

/// Reads both, and adds what is wrong with them to the report.
pub(super) fn look(checked: &mut Checked) {
    let Some(tls) = checked.config.as_ref().and_then(|config| config.depot.tls.as_ref()) else { return };
    if let Err(error) = Identity::read(&tls.certificate, &tls.key) {
        let file = error.file();
        let told = error.to_string();
        // The report names the file in front.
        let told = told.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&told);
        checked.report.problems.push(Problem::error(file, told).code(Code::BadValue).hint(error.hint()));
    }
}
