//! Unify OpenStage and OpenScape Desk Phones: what they say to their deployment service, and what they are answered.
//!
//! The messages are those of Unify's provisioning interface (A31003-S2000-R102-16-7620). Nothing here can say
//! "factory reset".

pub mod door;
pub mod image;
mod item;
pub mod message;
pub mod order;
pub mod session;
pub mod spelling;
mod who;
mod writing;

pub use item::{Item, Items};
pub use who::{NoPhone, Who};
