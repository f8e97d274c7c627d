//! innovaphone devices: the language of their update scripts, what a script makes a device do, and the policy it amounts to.

pub mod age;
pub mod answer;
pub mod configuration;
pub mod device;
pub mod generation;
pub mod import;
pub mod lint;
pub mod poll;
pub mod product;
pub mod provisioning;
pub mod request;
pub mod running;
pub mod script;
pub mod timetable;
pub mod url;
