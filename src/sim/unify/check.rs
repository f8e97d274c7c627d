//! The hardware check of the customer's two documents, as the phone makes it.

/// What a simulated image begins with that names hardware levels: `SIM-BIND hardware=2,3` and a line break. The layout
/// of the real header is nowhere told.
pub const SIM_BIND: &str = "SIM-BIND hardware=";

/// Whether a phone of this level flashes an image, or goes back to what it runs.
pub(super) fn takes(image: &[u8], version: &str, level: &str, minimum: &str, overrides: bool) -> bool {
    let compatible = match levels(image) {
        // 1. The header names levels: they are compared with the phone's own.
        Some(levels) => levels.iter().any(|known| known == level),
        // 2. It does not: the image's version is compared with the oldest that is supported.
        None => numbers(version) >= numbers(minimum),
    };
    compatible || overrides
}

fn levels(image: &[u8]) -> Option<Vec<String>> {
    let line = image.split(|byte| *byte == b'\n').next()?;
    let levels = std::str::from_utf8(line).ok()?.strip_prefix(SIM_BIND)?;
    Some(levels.split(',').map(str::to_owned).collect())
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_with_levels_is_compared_by_them() {
        let image = format!("{SIM_BIND}2,3\nrest");
        assert!(takes(image.as_bytes(), "0.1", "2", "9.9", false));
        assert!(!takes(image.as_bytes(), "9.9", "1", "1.0", false));
        assert!(takes(image.as_bytes(), "9.9", "1", "1.0", true), "override");
    }

    #[test]
    fn an_image_without_is_compared_by_its_version() {
        assert!(takes(b"rest", "1.10.0.0", "1", "1.9.0.0", false));
        assert!(!takes(b"rest", "1.4.0.0", "1", "1.9.0.0", false));
        assert!(takes(b"rest", "1.4.0.0", "1", "1.9.0.0", true), "override");
    }
}
