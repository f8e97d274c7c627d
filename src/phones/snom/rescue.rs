//! What the bootloader of a snom asks for over TFTP when its firmware can no longer be started.

use super::super::user_agent::snom_model;
use crate::domain::phone::Model;

/// The model whose bootloader asks for a file of this name: `snom320.bin`; an 820 asks for `snom820-r.bin`.
pub fn rescued_by(file: &str) -> Option<Model> {
    let stem = file.strip_prefix("snom")?.strip_suffix(".bin")?;
    snom_model(stem.strip_suffix("-r").unwrap_or(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootloader_tells_its_model_and_nothing_else() {
        for (file, model) in [("snom320.bin", "320"), ("snom820-r.bin", "820"), ("snomd785.bin", "D785")] {
            assert_eq!(rescued_by(file), Some(Model::new(model)), "{file}");
        }
        for file in [
            "snom.bin",
            "snomUXM-2.1.1.bin",
            "snom320-8.7.3.10-SIP-f.bin",
            "snom320",
            "320.bin",
            "snom3/0.bin",
        ] {
            assert_eq!(rescued_by(file), None, "{file}");
        }
    }
}
