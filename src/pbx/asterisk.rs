//! Asterisk over its manager interface (AMI): who is registered, who is in a call, and NOTIFYs sent through it.

mod answers;
mod device;
mod ended;
mod hints;
mod login;
mod notify;
mod picture;
mod queues;
mod reading;
mod session;
mod survey;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, try_join, try_join_all};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::domain::phone::{LineId, PbxName};
use crate::ports::{LineNow, NotifyOrder, NotifyOutcome, Pbx, PbxEvent, PbxNews, PbxSilent, Secret};
use ended::SessionError;
use hints::Endpoints;
use session::{Ask, Reply, Session};

/// The daemon waits so long for an answer, the time in the queue included.
const ANSWER_MAX: Duration = Duration::from_secs(12);
/// Questions that may wait for the connection.
const QUEUE: usize = 1024;

/// How to reach one Asterisk, and how often to look.
#[derive(Debug, Clone)]
pub struct AsteriskSettings {
    /// Its name in `sipherd.toml`.
    pub name: PbxName,
    /// Host and port of its manager interface.
    pub ami: String,
    /// The manager user; it needs `read` = `system,call,reporting,agent` and `write` = `system,call,reporting`.
    pub user: String,
    /// That user's secret; only its MD5 answer to a challenge is sent.
    pub secret: Secret,
    /// How often the whole picture is read anew although events told every change.
    pub reconcile: Duration,
    /// After so long without an answer Asterisk is asked whether it is there.
    pub stale_probe: Duration,
    /// The shortest and the longest pause before the next attempt to connect.
    pub reconnect: (Duration, Duration),
    /// Spreads the attempts of several daemons; any number.
    pub jitter_seed: u64,
}

/// A connection to a manager interface.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Makes a connection to a host and port.
pub type Dial = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Box<dyn Stream>>> + Send + Sync>;

/// Starts watching an Asterisk over TCP. The task ends with `shutdown`, or when nobody receives the events any more.
pub fn connect(
    settings: AsteriskSettings,
    events: mpsc::Sender<PbxEvent>,
    shutdown: CancellationToken,
) -> Arc<dyn Pbx> {
    let dial: Dial = Arc::new(|address| {
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        }
        .boxed()
    });
    connect_over(dial, settings, events, shutdown)
}

/// [`connect`] over connections made by somebody else: the tests' virtual wire.
pub fn connect_over(
    dial: Dial,
    settings: AsteriskSettings,
    events: mpsc::Sender<PbxEvent>,
    shutdown: CancellationToken,
) -> Arc<dyn Pbx> {
    let (ask, asks) = mpsc::channel(QUEUE);
    let refresh = Arc::new(Notify::new());
    let handle = Asterisk { name: settings.name.clone(), ask, refresh: refresh.clone() };
    tokio::spawn(async move {
        shutdown.run_until_cancelled(watch(dial, settings, events, asks, refresh)).await;
    });
    Arc::new(handle)
}

/// The handle of a watched Asterisk.
struct Asterisk {
    name: PbxName,
    ask: mpsc::Sender<Ask>,
    refresh: Arc<Notify>,
}

impl Pbx for Asterisk {
    fn name(&self) -> &PbxName {
        &self.name
    }

    fn confirm(&self, lines: Vec<LineId>) -> BoxFuture<'static, Result<Vec<LineNow>, PbxSilent>> {
        let (pbx, ask) = (self.name.clone(), self.ask.clone());
        async move {
            let silent = |why: String| PbxSilent { pbx: pbx.clone(), why };
            if let Some(stranger) = lines.iter().find(|line| line.pbx != pbx || !notify::askable(&line.user))
            {
                return Err(silent(format!("`{stranger}` is no line it could be asked about")));
            }
            timeout(ANSWER_MAX, lines_now(&ask, &lines))
                .await
                .map_err(|_| silent(format!("no answer within {} s", ANSWER_MAX.as_secs())))?
                .map_err(silent)
        }
        .boxed()
    }

    fn refresh(&self) {
        self.refresh.notify_one();
    }

    fn notify_through(&self, order: NotifyOrder) -> BoxFuture<'static, NotifyOutcome> {
        let (pbx, ask) = (self.name.clone(), self.ask.clone());
        async move {
            let action = match notify::action(&pbx, &order) {
                Ok(action) => action,
                Err(refused) => return NotifyOutcome::NotSent { why: refused.to_string() },
            };
            let (reply, answer) = oneshot::channel();
            if ask.try_send(Ask::Notify(action, reply)).is_err() {
                return NotifyOutcome::NotSent { why: format!("{pbx} has too much to do") };
            }
            // An answer that never comes says nothing of the NOTIFY: it may have been sent.
            timeout(ANSWER_MAX, answer).await.ok().and_then(Result::ok).unwrap_or(NotifyOutcome::Blind)
        }
        .boxed()
    }
}

type Asks = mpsc::Sender<Ask>;

/// What these lines are doing now; one answer a line.
async fn lines_now(asks: &Asks, lines: &[LineId]) -> Result<Vec<LineNow>, String> {
    let agents = ask(asks, Ask::Agents);
    let each = lines.iter().map(|line| async move {
        let device = format!("PJSIP/{}", line.user);
        let (calls, silent) = try_join(state_of(asks, device), is_silent(asks, &line.user)).await?;
        Ok((&line.user, device::of_device(&calls), silent))
    });
    let (agents, each): (Option<Endpoints>, _) = try_join(agents, try_join_all(each)).await?;
    let now = |(user, calls, do_not_disturb)| LineNow {
        calls,
        agent_logged_in: agents.as_ref().map(|agents| agents.contains(user)),
        do_not_disturb,
    };
    Ok(each.into_iter().map(now).collect())
}

/// Whether one of an endpoint's do-not-disturb switches is set.
async fn is_silent(asks: &Asks, endpoint: &Arc<str>) -> Result<Option<bool>, String> {
    let switches = ask(asks, |reply| Ask::Switches(endpoint.clone(), reply)).await?;
    if !switches.iter().all(|switch| notify::askable(switch)) {
        return Ok(None);
    }
    let states = switches.iter().map(|switch| state_of(asks, switch.to_string()));
    let states = try_join_all(states).await?;
    Ok(Some(states.iter().any(|state| hints::is_set(state))))
}

async fn state_of(asks: &Asks, device: String) -> Result<String, String> {
    ask(asks, |reply| Ask::State(device, reply)).await
}

/// Asks the session, which says nothing more when the connection is lost.
async fn ask<T>(asks: &Asks, question: impl FnOnce(Reply<T>) -> Ask) -> Result<T, String> {
    let gone = || "the connection to asterisk was lost".to_owned();
    let (reply, answer) = oneshot::channel();
    asks.send(question(reply)).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

/// Connects, works, and connects again.
async fn watch(
    dial: Dial,
    settings: AsteriskSettings,
    events: mpsc::Sender<PbxEvent>,
    mut asks: mpsc::Receiver<Ask>,
    refresh: Arc<Notify>,
) {
    let mut failures = 0;
    let mut last_said = None;
    loop {
        let opened = tokio::select! {
            opened = Session::open(&settings, &dial, &events) => opened,
            () = refuse_all(&mut asks, "asterisk is not connected") => return,
        };
        let error = match opened {
            Err(error) => error,
            Ok(mut session) => {
                let error = session.run(&mut asks, &refresh).await;
                if session.told() {
                    failures = 0;
                    last_said = None;
                }
                error
            }
        };
        if matches!(error, SessionError::Unheard) {
            return;
        }
        let why = error.to_string();
        let pause = match error {
            // Asking again does not make a secret right, and Asterisk logs each attempt.
            SessionError::LoginRefused { .. } => settings.reconnect.1,
            _ => backoff(&settings, failures),
        };
        failures = failures.saturating_add(1);
        tracing::warn!(pbx = %settings.name, why, retry_in = ?pause, "asterisk lost");
        if last_said.as_ref() != Some(&why) {
            let news = PbxNews::Lost { why: why.clone() };
            if events.send(PbxEvent { pbx: settings.name.clone(), news }).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = refuse_all(&mut asks, &why) => return,
        }
        last_said = Some(why);
    }
}

/// Answers every question with a refusal; ends when nobody can ask any more.
async fn refuse_all(asks: &mut mpsc::Receiver<Ask>, why: &str) {
    while let Some(ask) = asks.recv().await {
        ask.refuse(why);
    }
}

/// Doubles from the shortest pause to the longest; of each pause one half is fixed and one is spread.
fn backoff(settings: &AsteriskSettings, failures: u32) -> Duration {
    let (min, max) = settings.reconnect;
    let whole = min.saturating_mul(1 << failures.min(16)).min(max);
    let spread =
        settings.jitter_seed.wrapping_add(u64::from(failures) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    whole / 2 + (whole / 2).mul_f64(f64::from((spread >> 32) as u32) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_differ_between_daemons() {
        let settings = |jitter_seed| AsteriskSettings {
            name: PbxName::new("pbx"),
            ami: String::new(),
            user: String::new(),
            secret: Secret::new("x"),
            reconcile: Duration::from_secs(60),
            stale_probe: Duration::from_secs(5),
            reconnect: (Duration::from_secs(1), Duration::from_secs(30)),
            jitter_seed,
        };
        let of = |seed| (0..40).map(|n| backoff(&settings(seed), n)).collect::<Vec<_>>();
        for (n, pause) in of(7).into_iter().enumerate() {
            let whole = Duration::from_secs((1 << n.min(10)).min(30));
            assert!(whole / 2 <= pause && pause <= whole, "{n}: {pause:?}");
        }
        assert_ne!(of(1), of(2));
    }
}
