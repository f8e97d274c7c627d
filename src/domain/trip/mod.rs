//! One phone's trip: from "may it go?" to "is it back, and right?".

pub mod timing;

pub use timing::{Timing, Trigger};
