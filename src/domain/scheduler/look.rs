//! The last look: what was decided is judged once more, right before the phone is asked.

use chrono::{DateTime, Utc};

use super::Scheduler;
use crate::domain::fleet::Fleet;
use crate::domain::gates::judge;
use crate::domain::hours::Hours;
use crate::domain::trip::Plan;

impl Scheduler {
    /// Whether a phone whose trip has begun is still to go, in the way its plan says, by all that came in meanwhile.
    ///
    /// `Err` says in words why not.
    pub fn look_again_at(&mut self, plan: &Plan, now: DateTime<Utc>, fleet: &Fleet) -> Result<(), String> {
        self.look_round(fleet, now);
        let phone = fleet.get(plan.phone).ok_or("the phone is not known any more")?;
        let hours = Hours::default();
        let judged = judge(phone, now, &self.sky(fleet, now, &hours));
        if let Some(reason) = judged.verdict.reasons().next() {
            return Err(reason.told_in(self.rules.zone_of(phone)));
        }
        // A reload may have come in between, or the patience with its calls has ended: then it goes in another way.
        match judged.order {
            Some(order) if order.goal == plan.goal && order.policy == plan.policy => {
                if order.look == plan.look && order.triggers == plan.triggers {
                    Ok(())
                } else {
                    Err("it is to be asked in another way now".to_owned())
                }
            }
            Some(_) | None => Err("the rules changed meanwhile".to_owned()),
        }
    }
}
