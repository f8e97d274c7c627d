//! The body of an answer: slices of shared memory, and the account of how many of an image's bytes went out.

use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};

use super::lanes::Driver;
use crate::domain::phone::Mac;
use crate::ports::{Gatekeeper, Transfer, TransferStep};

/// So much goes to the connection at once.
const FRAME: usize = 64 * 1024;

/// The body of an answer.
pub(super) struct Outgoing {
    rest: Bytes,
    meter: Option<Arc<Meter>>,
    /// Where the image's policy limits how fast it goes out.
    driver: Option<Driver>,
}

impl Outgoing {
    /// A text or a document, or nothing.
    pub fn plain(bytes: impl Into<Bytes>) -> Self {
        Self { rest: bytes.into(), meter: None, driver: None }
    }

    /// This part of an image, reported to the gatekeeper as it goes out where somebody waits for that, and no faster than
    /// its driver lets it.
    pub fn image(part: Bytes, offset: u64, of: Option<Progress>, driver: Option<Driver>) -> Self {
        let end = offset + part.len() as u64;
        let meter = of.map(|of| Arc::new(Meter::new(of, offset, end)));
        Self { rest: part, meter, driver }
    }
}

impl Body for Outgoing {
    type Data = Slice;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Slice>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(meter) = &self.meter {
            meter.begin();
        }
        let rest = self.rest.len();
        let length = match &mut self.driver {
            Some(driver) => ready!(driver.poll_turn(rest, cx)),
            None => rest.min(FRAME),
        };
        let bytes = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(Slice { bytes, meter: self.meter.clone() }))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// A part of a body. The connection advances it as its socket takes the bytes, which is what the meter counts.
pub(super) struct Slice {
    bytes: Bytes,
    meter: Option<Arc<Meter>>,
}

impl Buf for Slice {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(meter) = &self.meter {
            meter.advance(count as u64);
        }
    }
}

/// Whose image it is, and who wants to know.
pub(super) struct Progress {
    /// The phone.
    pub mac: Mac,
    /// The image's file.
    pub file: String,
    /// The whole image's length in bytes.
    pub length: u64,
    /// Told of each step.
    pub gatekeeper: Arc<dyn Gatekeeper>,
}

/// No byte was asked for yet.
const NOT_BEGUN: u64 = u64::MAX;

/// Counts what of an image goes out, and tells the gatekeeper. Dropped before its end, it tells that too.
pub(super) struct Meter {
    of: Progress,
    offset: u64,
    end: u64,
    /// The next byte the socket has not taken.
    at: AtomicU64,
}

impl Meter {
    /// For the bytes from `offset` up to `end`, none of which has gone yet.
    pub fn new(of: Progress, offset: u64, end: u64) -> Self {
        Self { of, offset, end, at: AtomicU64::new(NOT_BEGUN) }
    }

    /// The first byte is about to go.
    pub fn begin(&self) {
        let begun = self.at.compare_exchange(NOT_BEGUN, self.offset, Ordering::Relaxed, Ordering::Relaxed);
        if begun.is_ok() {
            self.tell(TransferStep::Began { offset: self.offset });
        }
    }

    /// So many more have gone.
    pub fn advance(&self, count: u64) {
        let at = self.at.fetch_add(count, Ordering::Relaxed) + count;
        if at == self.of.length && count > 0 {
            self.tell(TransferStep::Delivered);
        }
    }

    fn tell(&self, step: TransferStep) {
        let Progress { mac, file, gatekeeper, .. } = &self.of;
        tracing::debug!(%mac, file, ?step, "image transfer");
        gatekeeper.transfer(Transfer { mac: *mac, file: file.clone(), step });
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let at = *self.at.get_mut();
        if at != NOT_BEGUN && at < self.end {
            self.tell(TransferStep::Broken { at });
        }
    }
}
