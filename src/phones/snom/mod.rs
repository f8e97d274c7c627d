//! snom desk phones: what they ask a provisioning server for, and the documents they understand.

mod firmware;
mod module;
mod realm;
mod request;
mod rescue;
mod settings;
mod special;
mod template;
mod templates;

pub use firmware::{
    Firmware, PhoneImage, firmware, firmware_status, image_name, image_url, may_have_bootloader, module_url,
};
pub use module::{OnPage, attached, least_firmware, module_in_name, on_page, takes_modules};
pub use realm::{Papers, RealmPapers};
pub use request::{Asks, Request, Unreadable, image_in_name, mac_in_query, visit};
pub use rescue::rescued_by;
pub use settings::{OWN_KEYS, Own, OwnKey, Wins, redirection, settings};
pub use special::{harmless, special};
pub use template::{Flaw, Setting, Template};
pub use templates::{Scope, Templates};
