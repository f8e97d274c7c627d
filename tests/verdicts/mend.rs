//! What puts each cause right that a verdict may name, and nothing else.

use sipherd::domain::phone::{CallState, LineId};
use sipherd::domain::policy::verdict::Reason;
use sipherd::domain::policy::{CoverageRule, IdleBy};

use super::world::{Desk, Other, World};

impl World {
    fn line(&mut self, line: &LineId) -> &mut Desk {
        // The last digit of its name is its number.
        let nth = usize::from(line.user.as_bytes()[line.user.len() - 1] - b'0');
        &mut self.lines[nth]
    }

    fn all_others_are_up(&mut self) {
        self.others = [Other::Up; 4];
    }

    fn drop_rules(&mut self, of: impl Fn(CoverageRule) -> bool) {
        self.coverage.retain(|(_, rule)| !of(*rule));
    }

    /// Mends one cause.
    pub fn mend(&mut self, reason: &Reason) {
        match reason {
            Reason::NoLines => {
                let (agent, silent) = (Some(false), Some(false));
                self.lines = vec![Desk { calls: CallState::Idle, quiet: 60, contacts: 1, agent, silent }];
            }
            // The phones of this world have no modules and no settings of a service, and hand nothing in.
            Reason::NoProfile { kind }
                if ["expansion modules", "backups", "items", "files"]
                    .iter()
                    .any(|what| kind.starts_with(what)) =>
            {
                self.action = 0;
            }
            Reason::NoProfile { .. } => self.known_kind = true,
            Reason::NotSelected => self.selected = true,
            Reason::Tie { .. } => self.tie = false,
            Reason::EditedLately { .. } => self.acts_in = None,
            Reason::StagedOnly { .. } => self.action = 2,
            Reason::NotYet { .. } | Reason::Module(_) => self.action = 0,
            Reason::AlreadyCurrent { .. } | Reason::Misfit(_) => self.runs = Some("10.1.64"),
            Reason::AlreadyRebooted { .. }
            | Reason::AlreadyResynced { .. }
            | Reason::AlreadyHandedIn { .. }
            | Reason::AlreadyWritten { .. } => self.before = None,
            Reason::NoAttemptsLeft { .. } => self.before = None,
            Reason::PenaltyBox { after, .. } if after == "a call" => self.withdrawn = false,
            Reason::PenaltyBox { .. } => self.before = None,
            Reason::Lost => self.found = true,
            Reason::HasFiles { .. } | Reason::NoFiles { .. } => self.action = 0,
            Reason::NoImage { .. } => self.has_image = true,
            // Those of the one policy that speaks of the phone, if one does.
            Reason::OutsideWindow { opens: None } if !self.selected || self.tie => {
                (self.selected, self.tie) = (true, false);
            }
            Reason::OutsideWindow { .. } => self.windows.push((self.now - 1, 600, Some(0))),
            Reason::JustBooted { .. } => self.booted_ago = None,
            Reason::TooLittleLeft { .. } | Reason::PastLastStart { .. } => {
                self.windows.push((self.now - 1, 6_000, None));
            }
            Reason::NotItsTurn { .. } => self.spread = None,
            Reason::Blackout { .. } | Reason::BlackoutNear { .. } => self.blackouts.clear(),
            Reason::ViewStale { .. } => self.fresh = true,
            Reason::NotRegistered { line } | Reason::SeveralContacts { line, .. } => {
                self.line(line).contacts = 1;
            }
            Reason::Busy { line, .. } => {
                (self.line(line).calls, self.line(line).quiet) = (CallState::Idle, 60);
            }
            Reason::NotQuietYet { line, .. } => self.line(line).quiet = 60,
            Reason::AgentLoggedIn { line } => self.line(line).agent = Some(false),
            Reason::DoNotDisturb { line } => self.line(line).silent = Some(false),
            Reason::Untold { line, what } => {
                let desk = self.line(line);
                if what.contains("agent") {
                    desk.agent = Some(false);
                } else {
                    desk.silent = Some(false);
                }
            }
            Reason::CannotWait { .. } => self.idle.by = IdleBy::Pbx,
            Reason::Coverage { .. } => self.drop_rules(|rule| matches!(rule, CoverageRule::KeepUp(_))),
            Reason::Excluded { .. } => self.drop_rules(|rule| rule == CoverageRule::Exclude),
            Reason::GoesLast { .. } | Reason::BudgetFull { .. } => self.all_others_are_up(),
            Reason::GroupUntold { .. } => self.told = true,
            Reason::RateReached { .. } => self.rates = [None; 2],
            Reason::Draining => self.draining = false,
            Reason::AwaitsPoll { .. } => panic!("these worlds take polls for granted"),
            Reason::UnderWay { .. } => panic!("it is not under way"),
            Reason::UpdatePolicy { .. } | Reason::CheckSync { .. } | Reason::Realm(_) => {
                panic!("nobody here has settings files or realms")
            }
        }
    }
}
