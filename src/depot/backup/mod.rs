//! Phones' own configurations, handed in by them and kept for the day they are needed again.

mod difference;
mod door;
mod drawer;
mod index;
mod place;

pub use difference::difference;
pub use drawer::{Configurations, DrawerError, HandedIn, Keeping};
pub use index::{Index, Version};
pub use place::{LATEST, numbered, url};

pub(super) use door::answer;
pub(super) use place::read;
