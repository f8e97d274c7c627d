//! How fast images go out: lanes that downloads share, in turn.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::ports::Lane;

/// What a lane with downloads did not use is good for so long: it makes up for timers that fire late, and for no more.
const CREDIT: Duration = Duration::from_millis(100);
/// A download takes what its lane carries in one part of a second of so many, and then it is the next one's turn.
const TURNS: u64 = 20;
/// The least and the most it takes.
const TURN_MIN: usize = 512;
const TURN_MAX: usize = 64 * 1024;

/// The lanes of a depot, by name.
#[derive(Debug, Default)]
pub struct Lanes(Mutex<HashMap<Arc<str>, Arc<Track>>>);

/// One lane, shared by its downloads.
#[derive(Debug)]
struct Track(Mutex<Timetable>);

#[derive(Debug)]
struct Timetable {
    bytes_per_second: u64,
    /// When all that was granted has gone out at this rate.
    free: Instant,
}

impl Lanes {
    /// A driver on these lanes. A lane that is known takes over the rate it is named with now.
    pub(super) fn driver(&self, lanes: &[Lane]) -> Option<Driver> {
        if lanes.is_empty() {
            return None;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // One without downloads that has carried all it was asked to is like a new one: it has no credit.
        known.retain(|_, track| Arc::strong_count(track) > 1 || track.timetable().free > now);
        let of = |lane: &Lane| {
            let track = known.entry(lane.name.clone()).or_insert_with(|| Arc::new(Track::new(lane)));
            track.timetable().bytes_per_second = lane.bytes_per_second;
            track.clone()
        };
        let tracks: Vec<Arc<Track>> = lanes.iter().map(of).collect();
        Some(Driver {
            tracks,
            turn: 0,
            passed: 0,
            waiting: Box::pin(sleep_until(Instant::now())),
            begun: false,
        })
    }
}

impl Track {
    fn new(lane: &Lane) -> Self {
        Self(Mutex::new(Timetable { bytes_per_second: lane.bytes_per_second, free: Instant::now() }))
    }

    fn timetable(&self) -> MutexGuard<'_, Timetable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timetable {
    /// Grants so many bytes to whoever asks, behind all that was granted before; gives when the lane has carried them,
    /// which is when they may go: so a whole download takes as long as its bytes do.
    fn grant(&mut self, bytes: usize, now: Instant) -> Instant {
        let start = self.free.max(now.checked_sub(CREDIT).unwrap_or(now));
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.bytes_per_second.max(1));
        self.free = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.free
    }

    /// How many bytes one download takes before it is the next one's turn.
    fn turn(&self) -> usize {
        usize::try_from(self.bytes_per_second / TURNS).unwrap_or(TURN_MAX).clamp(TURN_MIN, TURN_MAX)
    }
}

/// Drives one download along its lanes.
///
/// It asks each lane for a place behind everybody who asked before, the second one only when the first has let it
/// pass, and asks again when its bytes were taken. So downloads that share a lane go in turn, and one whose phone is slow
/// leaves its share to the others.
pub(super) struct Driver {
    tracks: Vec<Arc<Track>>,
    /// Bytes it is on its way with; 0 when it has asked for nothing.
    turn: usize,
    /// Lanes that have let it pass.
    passed: usize,
    waiting: Pin<Box<Sleep>>,
    /// Whether it waits for the lane behind those it has passed.
    begun: bool,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("tracks", &self.tracks)
            .field("turn", &self.turn)
            .finish_non_exhaustive()
    }
}

impl Driver {
    /// How many of the `rest` bytes may go now; ready once it is their turn on all lanes.
    pub fn poll_turn(&mut self, rest: usize, cx: &mut Context<'_>) -> Poll<usize> {
        if self.turn == 0 {
            let turns = self.tracks.iter().map(|track| track.timetable().turn());
            self.turn = turns.min().unwrap_or(TURN_MAX).min(rest);
        }
        while let Some(track) = self.tracks.get(self.passed) {
            if !self.begun {
                let now = Instant::now();
                let goes = track.timetable().grant(self.turn, now);
                self.begun = true;
                self.waiting.as_mut().reset(goes);
            }
            ready!(self.waiting.as_mut().poll(cx));
            self.begun = false;
            self.passed += 1;
        }
        self.passed = 0;
        Poll::Ready(std::mem::take(&mut self.turn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn lane(name: &str, bytes_per_second: u64) -> Lane {
        Lane { name: name.into(), bytes_per_second }
    }

    /// Sends so many bytes; gives when each turn went, and how many bytes it was.
    async fn send(lanes: Arc<Lanes>, names: Vec<Lane>, bytes: usize) -> Vec<(Instant, usize)> {
        let mut driver = lanes.driver(&names).unwrap();
        let (mut rest, mut sent) = (bytes, Vec::new());
        while rest > 0 {
            let turn = poll_fn(|cx| driver.poll_turn(rest, cx)).await;
            rest -= turn;
            sent.push((Instant::now(), turn));
        }
        sent
    }

    fn by(sent: &[(Instant, usize)], at: Instant) -> usize {
        sent.iter().filter(|(when, _)| *when <= at).map(|(_, bytes)| bytes).sum()
    }

    /// The rate over a whole download, by when its last turn went.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a test")]
    fn rate(sent: &[(Instant, usize)], began: Instant) -> f64 {
        let bytes: usize = sent.iter().map(|(_, bytes)| bytes).sum();
        let last = sent.iter().map(|(when, _)| *when).max().unwrap();
        bytes as f64 / (last - began).as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn one_download_goes_at_the_rate_of_its_lane() {
        for bytes_per_second in [1_000, 64_000, 5_000_000, 400_000_000] {
            let (lanes, began) = (Arc::new(Lanes::default()), Instant::now());
            let seconds = 20;
            let bytes = usize::try_from(bytes_per_second).unwrap() * seconds;
            let sent = send(lanes, vec![lane("a", bytes_per_second)], bytes).await;
            let ratio = rate(&sent, began) / bytes_per_second as f64;
            assert!((0.99..1.03).contains(&ratio), "{bytes_per_second}: {ratio}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn downloads_share_a_lane_in_turn() {
        let (lanes, began) = (Arc::new(Lanes::default()), Instant::now());
        let each = (0..50).map(|_| tokio::spawn(send(lanes.clone(), vec![lane("a", 1_000_000)], 400_000)));
        let all = futures_util::future::join_all(each).await;
        let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
        let ends: Vec<f64> = all.iter().map(|sent| (sent.last().unwrap().0 - began).as_secs_f64()).collect();
        assert!(ends.iter().all(|end| (15.0..=20.1).contains(end)), "{ends:?}");
        for second in 3..15 {
            let at = began + Duration::from_secs(second);
            let shares: Vec<usize> = all.iter().map(|sent| by(sent, at)).collect();
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            // One turn is 50 kB, and the first had one before the others came.
            assert!(most - least <= 100_000, "after {second} s: {least} to {most}");
            let sum: usize = shares.iter().sum();
            let right = 1_000_000 * usize::try_from(second).unwrap();
            assert!(sum.abs_diff(right) <= right / 20, "after {second} s: {sum}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_has_its_own_lane_and_all_share_one() {
        let (lanes, began) = (Arc::new(Lanes::default()), Instant::now());
        let start = |site: &str| {
            let names = vec![lane(site, 300_000), lane("all", 500_000)];
            tokio::spawn(send(lanes.clone(), names, 1_500_000))
        };
        // Two sites want 600 kB/s together, and get 500; alone a site gets 300.
        let (north, south) = (start("north"), start("south"));
        let (north, south) = (north.await.unwrap(), south.await.unwrap());
        let end = |sent: &[(Instant, usize)]| (sent.last().unwrap().0 - began).as_secs_f64();
        assert!((5.7..6.2).contains(&end(&north).max(end(&south))), "{} {}", end(&north), end(&south));
        let began = Instant::now();
        let alone = start("north").await.unwrap();
        let ratio = rate(&alone, began) / 300_000.0;
        assert!((0.99..1.05).contains(&ratio), "{ratio}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_that_takes_nothing_leaves_its_share_to_the_others() {
        let (lanes, began) = (Arc::new(Lanes::default()), Instant::now());
        let mut stuck = lanes.driver(&[lane("a", 100_000)]).unwrap();
        poll_fn(|cx| stuck.poll_turn(1_000_000, cx)).await;
        let sent = send(lanes.clone(), vec![lane("a", 100_000)], 1_000_000).await;
        let ratio = rate(&sent, began) / 100_000.0;
        assert!((0.98..1.02).contains(&ratio), "{ratio}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_short_downloads_are_no_faster_than_one() {
        let (lanes, began) = (Arc::new(Lanes::default()), Instant::now());
        for _ in 0..200 {
            send(lanes.clone(), vec![lane("a", 10_000)], 500).await;
        }
        assert!(began.elapsed() >= Duration::from_secs(10), "{:?}", began.elapsed());
        tokio::time::advance(Duration::from_secs(3600)).await;
        let began = Instant::now();
        send(lanes.clone(), vec![lane("a", 10_000)], 20_000).await;
        assert!(began.elapsed() >= Duration::from_secs(2), "an hour's rest is no credit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_rate_counts_at_once_and_unused_lanes_are_forgotten() {
        let lanes = Arc::new(Lanes::default());
        let began = Instant::now();
        let slow = tokio::spawn(send(lanes.clone(), vec![lane("a", 10_000)], 1_000_000));
        tokio::time::advance(Duration::from_secs(10)).await;
        let faster = lanes.driver(&[lane("a", 1_000_000)]);
        let sent = slow.await.unwrap();
        assert!((10.5..12.0).contains(&(sent.last().unwrap().0 - began).as_secs_f64()));
        drop(faster);
        tokio::time::advance(Duration::from_secs(1)).await;
        let _other = lanes.driver(&[lane("b", 1)]);
        assert_eq!(lanes.0.lock().unwrap().len(), 1, "a is forgotten");
        assert!(lanes.driver(&[]).is_none());
    }
}
