//! The client side: sends copies until an answer comes (RFC 3261 section 17.1.2).
//!
//! ```text
//!            ┌─E: Send─┐          ┌─E: Send─┐
//!   begin ─▶ Trying ───┴── 1xx ─▶ Proceeding ──┐
//!   (Send)     │ 2xx–6xx: Deliver  │           │ F: GiveUp, Stop
//!              ▼                   ▼           ▼
//!            Completed ──── K ──▶ Ended ◀──────┘
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::Timers;

/// What happens to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A response with its top Via's branch and its method came.
    Response(u16),
    /// The deadline passed, or may have.
    Timer,
    /// Send nothing more: the phone was seen to go.
    Stop,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Send the request once more.
    Send,
    /// Hand this final response on; it comes once.
    Deliver,
    /// Timer F: nobody answered.
    GiveUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No response yet; `pause` is timer E's present length.
    Trying { next_copy: Instant, pause: Duration },
    /// A provisional response came; copies go out every T2.
    Proceeding { next_copy: Instant },
    /// A final response came; late copies of it are absorbed until timer K.
    Completed { until: Instant },
    /// Over.
    Ended,
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct ClientTransaction {
    state: State,
    timers: Timers,
    reliable: bool,
    /// When timer F fires.
    give_up: Instant,
    /// No copy after this.
    last_copy: Option<Instant>,
    copies: u32,
}

impl ClientTransaction {
    /// The request goes out now for the first time.
    ///
    /// `give_up` is when timer F fires: `now + timers.give_up()`, or the end of the first attempt's when the request
    /// repeats one that was challenged.
    pub fn begin(now: Instant, give_up: Instant, timers: Timers, reliable: bool) -> Self {
        let state = State::Trying { next_copy: now + timers.t1, pause: timers.t1 };
        Self { state, timers, reliable, give_up, last_copy: None, copies: 1 }
    }

    /// No copy goes out after this instant; an answer is still waited for until timer F.
    #[must_use]
    pub fn copies_until(self, last: Option<Instant>) -> Self {
        Self { last_copy: last, ..self }
    }

    /// How many copies went out.
    pub fn copies(&self) -> u32 {
        self.copies
    }

    /// When [`Input::Timer`] is due; `None` when the transaction is over.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Trying { next_copy, .. } | State::Proceeding { next_copy }
                if self.copies_at(next_copy) =>
            {
                Some(next_copy.min(self.give_up))
            }
            State::Trying { .. } | State::Proceeding { .. } => Some(self.give_up),
            State::Completed { until } => Some(until),
            State::Ended => None,
        }
    }

    /// Moves on.
    pub fn handle(&mut self, now: Instant, input: Input) -> Option<Output> {
        match (self.state, input) {
            (State::Trying { next_copy, .. }, Input::Response(..=199)) => {
                // Timer E goes on as it was set; from its next firing on it is T2.
                self.state = State::Proceeding { next_copy };
                None
            }
            (State::Proceeding { .. }, Input::Response(..=199)) => None,
            (State::Trying { .. } | State::Proceeding { .. }, Input::Response(_)) => {
                self.state = if self.reliable {
                    State::Ended
                } else {
                    State::Completed { until: now + self.timers.t4 }
                };
                Some(Output::Deliver)
            }
            (State::Trying { .. } | State::Proceeding { .. }, Input::Stop) => {
                self.state = State::Ended;
                None
            }
            (State::Trying { .. } | State::Proceeding { .. }, Input::Timer) if now >= self.give_up => {
                self.state = State::Ended;
                Some(Output::GiveUp)
            }
            (State::Trying { next_copy, pause }, Input::Timer) => {
                if !self.copies_at(next_copy) || now < next_copy {
                    return None;
                }
                let pause = (pause * 2).min(self.timers.t2);
                self.state = State::Trying { next_copy: after(now, next_copy, pause), pause };
                self.copies += 1;
                Some(Output::Send)
            }
            (State::Proceeding { next_copy }, Input::Timer) => {
                if !self.copies_at(next_copy) || now < next_copy {
                    return None;
                }
                self.state = State::Proceeding { next_copy: after(now, next_copy, self.timers.t2) };
                self.copies += 1;
                Some(Output::Send)
            }
            (State::Completed { until }, Input::Timer) => {
                if now >= until {
                    self.state = State::Ended;
                }
                None
            }
            (State::Completed { .. }, Input::Response(_) | Input::Stop) | (State::Ended, _) => None,
        }
    }
}

impl ClientTransaction {
    /// Whether a copy may go out at this instant.
    fn copies_at(&self, instant: Instant) -> bool {
        !self.reliable && self.last_copy.is_none_or(|last| instant <= last)
    }
}

/// One `pause` after `due`; after a late call one `pause` from `now`, so that copies never come in a burst.
fn after(now: Instant, due: Instant, pause: Duration) -> Instant {
    let next = due + pause;
    if next > now { next } else { now + pause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn copies_end_where_they_are_told_to_and_timer_f_does_not() {
        let start = Instant::now();
        let begun =
            ClientTransaction::begin(start, start + Timers::default().give_up(), Timers::default(), false);
        let (sent, end) = run(begun.copies_until(Some(start + Duration::from_secs(5))), start);
        assert_eq!((sent, end), (vec![0.0, 0.5, 1.5, 3.5], Some(32.0)));
    }

    /// Runs a transaction by its own deadlines; returns the seconds of each copy and of the end.
    fn run(mut transaction: ClientTransaction, start: Instant) -> (Vec<f64>, Option<f64>) {
        let mut sent = vec![0.0];
        while let Some(due) = transaction.deadline() {
            let seconds = (due - start).as_secs_f64();
            match transaction.handle(due, Input::Timer) {
                Some(Output::Send) => sent.push(seconds),
                Some(Output::GiveUp) => return (sent, Some(seconds)),
                Some(Output::Deliver) => panic!("nothing came"),
                None => {}
            }
        }
        (sent, None)
    }

    fn begin(reliable: bool) -> (ClientTransaction, Instant) {
        let (now, timers) = (Instant::now(), Timers::default());
        (ClientTransaction::begin(now, now + timers.give_up(), timers, reliable), now)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_gets_eleven_copies_and_32_seconds() {
        let (transaction, start) = begin(false);
        let (sent, end) = run(transaction, start);
        assert_eq!(sent, [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]);
        assert_eq!(end, Some(32.0));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_provisional_copies_go_on_every_t2() {
        let (mut transaction, start) = begin(false);
        assert_eq!(transaction.handle(start + Duration::from_millis(100), Input::Response(100)), None);
        let (sent, end) = run(transaction, start);
        assert_eq!(sent, [0.0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]);
        assert_eq!(end, Some(32.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reliable_transport_gets_one_copy() {
        let (transaction, start) = begin(true);
        assert_eq!(run(transaction, start), (vec![0.0], Some(32.0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_answer_is_delivered_once_and_absorbed_for_timer_k() {
        let (mut transaction, start) = begin(false);
        let at = start + Duration::from_millis(20);
        assert_eq!(transaction.handle(at, Input::Response(200)), Some(Output::Deliver));
        assert_eq!(transaction.handle(at, Input::Response(200)), None);
        assert_eq!(transaction.deadline(), Some(at + Duration::from_secs(5)));
        assert_eq!(transaction.handle(at + Duration::from_secs(5), Input::Timer), None);
        assert_eq!(transaction.deadline(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn on_a_reliable_transport_timer_k_is_zero() {
        let (mut transaction, start) = begin(true);
        assert_eq!(transaction.handle(start, Input::Response(486)), Some(Output::Deliver));
        assert_eq!(transaction.deadline(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_transaction_sends_nothing_more() {
        let (mut transaction, start) = begin(false);
        let half = start + Duration::from_millis(500);
        assert_eq!(transaction.handle(half, Input::Timer), Some(Output::Send));
        transaction.handle(half, Input::Stop);
        assert_eq!((transaction.deadline(), transaction.copies()), (None, 2));
        assert_eq!(transaction.handle(half, Input::Response(200)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_call_sends_one_copy_not_all_that_were_missed() {
        let (mut transaction, start) = begin(false);
        let late = start + Duration::from_secs(20);
        assert_eq!(transaction.handle(late, Input::Timer), Some(Output::Send));
        assert_eq!(transaction.handle(late, Input::Timer), None);
    }
}
