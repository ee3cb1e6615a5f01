//! The bodies that pass through the gateway.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Instant;

/// Any error of a body.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A body of either direction: streamed, with trailers, never collected.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body that is there already.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body from the guest.
pub(crate) fn boxed(body: Incoming) -> Body {
    body.map_err(BoxError::from).boxed_unsync()
}

/// A body that keeps something until it has ended or is given up.
pub(crate) fn holding<T: Send + Unpin + 'static>(body: Body, held: T) -> Body {
    Holding { body, held: Some(held) }.boxed_unsync()
}

struct Holding<T> {
    body: Body,
    held: Option<T>,
}

impl<T: Unpin> HttpBody for Holding<T> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.held = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that says so when a piece of it passes: at most once in `every`, and not any more after `until`.
pub(crate) fn reporting<F>(body: Body, report: F, every: Duration, until: Instant) -> Body
where
    F: Fn() + Send + Unpin + 'static,
{
    Reporting { body, report, next: Instant::now() + every, every, until }.boxed_unsync()
}

struct Reporting<F> {
    body: Body,
    report: F,
    next: Instant,
    every: Duration,
    until: Instant,
}

impl<F: Fn() + Unpin> HttpBody for Reporting<F> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let now = Instant::now();
        if now >= self.next && now < self.until {
            self.next = now + self.every;
            (self.report)();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// True when an error was our limit on a request's body.
pub(crate) fn is_over_limit(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
        .any(|error| error.is::<LengthLimitError>())
}

/// A request's body on its way to the guest, and how far it has come.
pub(crate) struct Upload {
    /// The body to send.
    pub(crate) body: Body,
    /// Grows with every piece taken from the browser; none without a body.
    pub(crate) progress: Option<Arc<AtomicU64>>,
}

impl Upload {
    /// A body of at most `max_bytes`; beyond, it fails with [`LengthLimitError`].
    pub(crate) fn new<B>(body: B, max_bytes: u64) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            return Self { body: empty(), progress: None };
        }
        let progress = Arc::new(AtomicU64::new(0));
        let limited = Limited::new(body, usize::try_from(max_bytes).unwrap_or(usize::MAX));
        Self {
            body: Counted { inner: limited.boxed_unsync(), progress: progress.clone() }.boxed_unsync(),
            progress: Some(progress),
        }
    }

    /// How long it says it is.
    pub(crate) fn declared_bytes(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }
}

/// Counts the frames that pass.
struct Counted {
    inner: Body,
    progress: Arc<AtomicU64>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        self.progress.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
