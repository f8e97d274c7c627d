//! A virtual building: simulated phones, a pocket PBX, their traffic, and a judge who reads only the phones' diaries.
//!
//! It is the witness against the daemon, so it shares no protocol code with it: it reads and writes SIP with its
//! own [`wire`], and knows nothing of the adapters.

pub mod building;
pub mod day;
pub mod diary;
mod house;
pub mod innovaphone;
pub mod judge;
pub mod night;
pub mod office;
pub mod pbx;
pub mod phone;
pub mod records;
pub mod snom;
pub mod traffic;
pub mod unify;
pub mod wire;

pub use building::{Building, BuildingError, BuildingSpec};
pub use diary::{Cause, LogLine, What};
pub use judge::{Expectation, Finding, Judgement, Outcome, Rules, judge};
pub use phone::{Misfit, Pace, PhoneSpec};
pub use traffic::CallPlan;
