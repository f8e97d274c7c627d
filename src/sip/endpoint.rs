//! The task that owns sockets, transactions and timers; everything else sends it messages.

mod incoming;
mod order;
mod outgoing;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub(super) use self::order::{Order, Reply};
use self::outgoing::Pending;
use super::exchange::Identity;
use super::message::front::MAX_BYTES;
use super::pace::Pace;
use super::transaction::Timers;
use super::transaction::server::{Key, ServerTransaction};
use super::transport::{self, FlowEvent, Flows};
use crate::domain::phone::LineId;
use crate::ports::{Credentials, DialogOutcome, OrderId};

/// Orders taken up and waiting for their turn; beyond, givers wait.
const MAX_WAITING: usize = 4096;
/// Answers kept for retransmissions; beyond, a repeated request is answered anew.
const MAX_ANSWERED: usize = 16_384;
/// Datagrams taken before timers and orders get their turn.
const BATCH: usize = 64;
/// Messages from TCP flows that may wait.
const FLOW_EVENTS: usize = 1024;
/// Questions a second that may always go, however slowly NOTIFYs are paced.
const LEAST_QUESTIONS: u32 = 100;

/// What does not change while it runs.
#[derive(Debug)]
pub(super) struct Settings {
    /// Who we are.
    pub identity: Identity,
    /// Where we listen.
    pub local: SocketAddr,
    /// Where everything goes, if set.
    pub proxy: Option<SocketAddr>,
    /// The base values of the timers.
    pub timers: Timers,
    /// Requests a second, of each of the two kinds.
    pub per_second: u32,
}

/// What the handles reach without the queue.
#[derive(Debug)]
pub(super) struct Shared {
    credentials: Mutex<Arc<BTreeMap<LineId, Credentials>>>,
    stops: Mutex<Vec<OrderId>>,
    wake: Notify,
}

impl Shared {
    pub(super) fn new(credentials: BTreeMap<LineId, Credentials>) -> Self {
        Self {
            credentials: Mutex::new(Arc::new(credentials)),
            stops: Mutex::new(Vec::new()),
            wake: Notify::new(),
        }
    }

    pub(super) fn replace_credentials(&self, credentials: BTreeMap<LineId, Credentials>) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(credentials);
    }

    /// Takes effect before the next copy of anything goes out.
    pub(super) fn stop(&self, id: OrderId) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        self.wake.notify_one();
    }

    fn credentials(&self, line: &LineId) -> Option<Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).get(line).cloned()
    }

    fn take_stops(&self) -> Vec<OrderId> {
        std::mem::take(&mut *self.stops.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A dialog SUBSCRIBE that waits for its NOTIFY.
#[derive(Debug)]
struct Subscription {
    /// Our tag, which the NOTIFY carries in To.
    tag: String,
    /// Users the document may speak of.
    users: Vec<String>,
    reply: tokio::sync::oneshot::Sender<DialogOutcome>,
    /// When timer N fires.
    until: Instant,
}

/// Whose deadline it is. There is one entry a thing; a deadline that moved on is entered anew when the old one comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Client(u64),
    Answered(Key),
    Subscription(String),
}

/// Orders of one kind, waiting for their turn.
#[derive(Debug)]
struct Lane {
    waiting: VecDeque<Order>,
    pace: Pace,
    /// When the next one may go, if one is waiting.
    next: Option<Instant>,
}

/// The endpoint.
pub(super) struct Endpoint {
    settings: Settings,
    shared: Arc<Shared>,
    udp: UdpSocket,
    flows: Flows,
    /// NOTIFYs, and questions.
    lanes: [Lane; 2],
    /// Requests under way, by the number in their branch.
    pending: HashMap<u64, Pending>,
    /// The request under way of each NOTIFY order.
    orders: HashMap<OrderId, u64>,
    /// By Call-ID.
    subscriptions: HashMap<String, Subscription>,
    answered: HashMap<Key, ServerTransaction>,
    due: BinaryHeap<Reverse<(Instant, Due)>>,
}

impl Endpoint {
    /// Starts its tasks.
    pub(super) fn spawn(
        settings: Settings,
        udp: UdpSocket,
        tcp: TcpListener,
        orders: mpsc::Receiver<Order>,
        shared: Arc<Shared>,
        shutdown: CancellationToken,
    ) {
        let (events, flow_events) = mpsc::channel(FLOW_EVENTS);
        tokio::spawn(transport::accept(tcp, events.clone(), shutdown.clone()));
        let now = Instant::now();
        let lane =
            |per_second| Lane { waiting: VecDeque::new(), pace: Pace::new(per_second, now), next: None };
        // Questions change nothing at the phone; they are paced for the sake of socket buffers only.
        let questions = settings.per_second.saturating_mul(4).max(LEAST_QUESTIONS);
        let endpoint = Self {
            lanes: [lane(settings.per_second), lane(questions)],
            settings,
            shared,
            udp,
            flows: Flows::new(events, shutdown.clone()),
            pending: HashMap::new(),
            orders: HashMap::new(),
            subscriptions: HashMap::new(),
            answered: HashMap::new(),
            due: BinaryHeap::new(),
        };
        tokio::spawn(endpoint.run(orders, flow_events, shutdown));
    }

    async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut flow_events: mpsc::Receiver<FlowEvent>,
        shutdown: CancellationToken,
    ) {
        let shared = Arc::clone(&self.shared);
        let mut buffer = vec![0; MAX_BYTES];
        let mut batch = Vec::with_capacity(BATCH);
        let sleep = sleep_until(Instant::now());
        tokio::pin!(sleep);
        let mut orders_open = true;
        loop {
            let wake = self.next_wake();
            if sleep.deadline() != wake {
                sleep.as_mut().reset(wake);
            }
            let room = orders_open && self.lanes.iter().all(|lane| lane.waiting.len() < MAX_WAITING);
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = shared.wake.notified() => {}
                readable = self.udp.readable() => {
                    if let Err(error) = readable {
                        tracing::warn!(%error, "the SIP socket cannot be waited for");
                        tokio::task::yield_now().await;
                    }
                    transport::take_datagrams(&self.udp, &mut buffer, BATCH, |bytes, source| {
                        batch.push((super::message::Message::parse(bytes), source));
                    });
                    for (message, source) in batch.drain(..) {
                        self.datagram(message, source).await;
                    }
                }
                Some(event) = flow_events.recv() => self.flow_event(event).await,
                order = orders.recv(), if room => match order {
                    Some(order) => {
                        self.wait_for_turn(order);
                        for _ in 1..BATCH {
                            let Ok(order) = orders.try_recv() else { break };
                            self.wait_for_turn(order);
                        }
                    }
                    // All handles are gone; what is under way still ends.
                    None => orders_open = false,
                },
                () = &mut sleep => {}
            }
            self.obey_stops(&mut orders);
            self.fire_timers().await;
            self.release().await;
        }
        self.end();
    }

    /// When something is due next.
    fn next_wake(&self) -> Instant {
        let timer = self.due.peek().map(|Reverse((at, _))| *at);
        let lanes = self.lanes.iter().filter_map(|lane| lane.next);
        // With nothing to wait for, an hour is as good as any time.
        timer.into_iter().chain(lanes).min().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    async fn fire_timers(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, _))) = self.due.peek() {
            if *at > now {
                break;
            }
            let Some(Reverse((_, due))) = self.due.pop() else { break };
            match due {
                Due::Client(key) => self.client_timer(now, key).await,
                Due::Answered(key) => {
                    self.answered.remove(&key);
                }
                Due::Subscription(call_id) => {
                    if self.subscriptions.get(&call_id).is_some_and(|waiting| waiting.until <= now) {
                        self.end_subscription(
                            &call_id,
                            DialogOutcome::Unknown {
                                why: "the phone sent no NOTIFY about its dialogs in time".to_owned(),
                            },
                        );
                    }
                }
            }
        }
    }
}
