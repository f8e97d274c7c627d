//! How many phones of a policy may be away from their desks at once.

/// The pace of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Phones under way at once, from the NOTIFY to the last evidence; a lost phone keeps its place.
    pub down_at_once: u32,
}

impl Default for Pace {
    /// One phone at a time.
    fn default() -> Self {
        Self { down_at_once: 1 }
    }
}
