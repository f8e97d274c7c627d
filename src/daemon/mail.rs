//! The orchestrator's mailbox: all it hears comes through here, and nobody else touches its state.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::explanation::Explained;
use super::setup::Reread;
use crate::domain::firmware::Release;
use crate::domain::phone::Mac;
use crate::ports::{
    Control, ControlError, Entry, Gatekeeper, HistoryQuery, NotifyOutcome, PbxEvent, Permit, PhoneNews,
    PhoneView, PlanAsk, PlanView, ProbeOutcome, RebootAsk, RebootTaken, Standing, StatusView, Store,
    Transfer, TripId, Visit, WebError, WhyView,
};

/// Where the answer to a question goes.
pub type Reply<T> = oneshot::Sender<Result<T, ControlError>>;

/// Whether the phone itself had a word in the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoke {
    /// It answered: should it fall silent later, that means something.
    Yes,
    /// It was not asked.
    No,
}

/// A letter to the orchestrator.
#[derive(Debug)]
pub enum Mail {
    /// A PBX tells something.
    Pbx(PbxEvent),
    /// What the last look at a phone found; `Err` says what stands against it.
    Confirmed(TripId, Mac, Result<Spoke, String>),
    /// How a NOTIFY ended.
    Notified(TripId, Mac, NotifyOutcome),
    /// A NOTIFY was held back, and why.
    Withheld(TripId, Mac, String),
    /// What a phone answered to OPTIONS.
    Probed(TripId, Mac, ProbeOutcome),
    /// A phone is at the depot's door.
    Visit(Visit, oneshot::Sender<Permit>),
    /// Somebody asks from this address for what is a phone's alone.
    Standing(Mac, IpAddr, oneshot::Sender<Standing>),
    /// An image is on its way, or there, or not.
    Transfer(Transfer),
    /// The depot did something the history tells: to which phone, of what kind, as a sentence.
    Happened(Option<Mac>, &'static str, String),
    /// What a phone says of its orders, and from where.
    Told(Mac, IpAddr, PhoneNews),
    /// A phone that polled has its order.
    Ordered(TripId, Mac),
    /// A phone that polls its settings has waited long enough for the answer.
    WaitedAtTheDoor(Mac),
    /// A page of a phone's web server, or why there is none.
    Page(Mac, Result<String, WebError>),
    /// What a phone's web server answered when it was asked to clear its `firmware_uxm`.
    Cleared(Mac, NotifyOutcome),
    /// Somebody asks through the API.
    Asked(Question),
    /// The files were read again.
    Reread(Reread, Reply<()>),
}

/// What can be asked through the API.
#[derive(Debug)]
pub enum Question {
    /// The phones these words select.
    Phones(Vec<String>, Reply<Vec<PhoneView>>),
    /// Why a phone is held, now or at another instant.
    Why(String, Option<DateTime<Utc>>, Reply<Explained>),
    /// What would happen from now on.
    Plan(PlanAsk, Reply<PlanView>),
    /// Reboot these.
    Reboot(RebootAsk, Reply<RebootTaken>),
    /// The staged releases.
    Releases(Reply<Vec<Release>>),
    /// Read everything again.
    Reload(Reply<()>),
    /// The daemon at a glance.
    Status(Reply<StatusView>),
    /// All metrics as text.
    Metrics(Reply<String>),
}

/// A handle to the orchestrator; cheap to clone.
#[derive(Clone)]
pub struct Mailbox {
    letters: mpsc::Sender<Mail>,
    store: Arc<dyn Store>,
}

impl Mailbox {
    /// A handle that posts here; history is read from the store directly.
    pub fn new(letters: mpsc::Sender<Mail>, store: Arc<dyn Store>) -> Self {
        Self { letters, store }
    }

    async fn ask<T>(&self, question: impl FnOnce(Reply<T>) -> Question) -> Result<T, ControlError> {
        let gone = || ControlError::Unavailable("sipherd is shutting down".to_owned());
        let (reply, answer) = oneshot::channel();
        self.letters.send(Mail::Asked(question(reply))).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Posts where nobody may wait, as where a connection is dropped. A full mailbox loses no news: a task waits instead.
    fn drop_in(&self, letter: Mail) {
        match self.letters.try_send(letter) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(letter)) => {
                let letters = self.letters.clone();
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move { letters.send(letter).await });
                }
            }
        }
    }
}

impl Gatekeeper for Mailbox {
    fn visit(&self, visit: Visit) -> BoxFuture<'static, Permit> {
        let letters = self.letters.clone();
        let runs = visit.version.clone();
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let stay = Permit::Stay { runs, why: "sipherd is shutting down".to_owned() };
            match letters.send(Mail::Visit(visit, reply)).await {
                Ok(()) => answer.await.unwrap_or(stay),
                Err(_) => stay,
            }
        })
    }

    fn standing(&self, mac: Mac, source: IpAddr) -> BoxFuture<'static, Standing> {
        let letters = self.letters.clone();
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            match letters.send(Mail::Standing(mac, source, reply)).await {
                Ok(()) => answer.await.unwrap_or(Standing::Stranger),
                Err(_) => Standing::Stranger,
            }
        })
    }

    fn transfer(&self, transfer: Transfer) {
        self.drop_in(Mail::Transfer(transfer));
    }

    fn happened(&self, mac: Option<Mac>, kind: &'static str, text: String) {
        self.drop_in(Mail::Happened(mac, kind, text));
    }

    fn told(&self, mac: Mac, source: IpAddr, news: PhoneNews) {
        self.drop_in(Mail::Told(mac, source, news));
    }
}

impl Control for Mailbox {
    fn phones(&self, select: Vec<String>) -> BoxFuture<'_, Result<Vec<PhoneView>, ControlError>> {
        Box::pin(self.ask(|reply| Question::Phones(select, reply)))
    }

    fn why(&self, phone: String, at: Option<DateTime<Utc>>) -> BoxFuture<'_, Result<WhyView, ControlError>> {
        Box::pin(async move {
            let explained = self.ask(move |reply| Question::Why(phone, at, reply)).await?;
            let (mac, at) = (explained.view.phone.mac, explained.view.at);
            let row = if explained.is_past {
                let found = self.store.finding(mac, at).await;
                found.map_err(|error| ControlError::Unavailable(error.to_string()))?
            } else {
                None
            };
            explained.with(row)
        })
    }

    fn plan(&self, ask: PlanAsk) -> BoxFuture<'_, Result<PlanView, ControlError>> {
        Box::pin(self.ask(|reply| Question::Plan(ask, reply)))
    }

    fn reboot(&self, ask: RebootAsk) -> BoxFuture<'_, Result<RebootTaken, ControlError>> {
        Box::pin(self.ask(|reply| Question::Reboot(ask, reply)))
    }

    fn history(&self, query: HistoryQuery) -> BoxFuture<'_, Result<Vec<Entry>, ControlError>> {
        Box::pin(async move {
            self.store.history(query).await.map_err(|error| ControlError::Unavailable(error.to_string()))
        })
    }

    fn releases(&self) -> BoxFuture<'_, Result<Vec<Release>, ControlError>> {
        Box::pin(self.ask(Question::Releases))
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(self.ask(Question::Reload))
    }

    fn status(&self) -> BoxFuture<'_, Result<StatusView, ControlError>> {
        Box::pin(self.ask(Question::Status))
    }

    fn metrics(&self) -> BoxFuture<'_, Result<String, ControlError>> {
        Box::pin(self.ask(Question::Metrics))
    }
}
