//! snom desk phones: what they ask a provisioning server for, and the documents they understand.

mod documents;
mod request;
mod rescue;

pub use documents::{firmware, image_name, image_url, settings};
pub use request::{Asks, Request, Unreadable, image_in_name, mac_in_query, visit};
pub use rescue::rescued_by;
