//! A body that cannot stand still for ever, whichever of its two ends is to blame.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::body::{Body, BoxError};

/// The body was cut off because nothing of it moved.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off: nothing of it moved in time, or it was no longer wanted")]
pub(super) struct Stalled;

/// True when an error was ours for a body that stood still.
pub(super) fn is_stalled(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
        .any(|error| error.is::<Stalled>())
}

/// Cuts a body off when nothing of it has moved for `limit`, because nothing comes or because nobody takes it, or when
/// `end` is over. What it holds on to is given up at that moment, not when somebody next asks for more.
pub(super) fn watch(
    body: Body,
    limit: Duration,
    end: impl Future<Output = ()> + Send + 'static,
) -> (Body, Waiting) {
    let state = State { body: Some(body), moved: Instant::now(), is_waiting: false, waker: None };
    let state = Arc::new(Shared(Mutex::new(state)));
    let watchdog = tokio::spawn(guard(Arc::downgrade(&state), limit, end)).abort_handle();
    let waiting = Waiting(Arc::downgrade(&state));
    (Watched { state, watchdog }.boxed_unsync(), waiting)
}

/// Tells what a body waits for.
pub(super) struct Waiting(Weak<Shared>);

impl Waiting {
    /// True when more was asked for and has not come: the sender is late, not the receiver.
    pub(super) fn is_for_sender(&self) -> bool {
        self.0.upgrade().is_some_and(|state| state.lock().is_waiting)
    }
}

struct Shared(Mutex<State>);

struct State {
    /// None when it was cut off.
    body: Option<Body>,
    moved: Instant,
    is_waiting: bool,
    waker: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A body that panicked half-way is not asked again: the request it belongs to is gone with the panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        let mut state = self.lock();
        let body = state.body.take();
        let waker = state.waker.take();
        drop(state);
        drop(body);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

async fn guard(state: Weak<Shared>, limit: Duration, end: impl Future<Output = ()>) {
    let standstill = async {
        while let Some(due) = state.upgrade().map(|state| state.lock().moved + limit) {
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    };
    tokio::select! {
        () = standstill => {}
        () = end => {}
    }
    if let Some(state) = state.upgrade() {
        state.cut();
    }
}

struct Watched {
    state: Arc<Shared>,
    watchdog: AbortHandle,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut state = self.state.lock();
        let Some(body) = &mut state.body else {
            return Poll::Ready(Some(Err(Stalled.into())));
        };
        let polled = Pin::new(body).poll_frame(cx);
        state.is_waiting = polled.is_pending();
        if polled.is_ready() {
            state.moved = Instant::now();
        } else {
            state.waker = Some(cx.waker().clone());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.state.lock().body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.state.lock().body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watchdog.abort();
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use futures::channel::mpsc;
    use http_body_util::StreamBody;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn piecewise() -> (mpsc::UnboundedSender<&'static str>, Body) {
        let (sender, pieces) = mpsc::unbounded();
        let frames = pieces.map(|piece: &str| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        (sender, StreamBody::new(frames).boxed_unsync())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_moves_often_enough_passes_whole() {
        let (sender, body) = piecewise();
        let (mut body, waiting) = watch(body, LIMIT, std::future::pending());
        for _ in 0..5 {
            tokio::time::advance(LIMIT - Duration::from_secs(1)).await;
            assert!(!waiting.is_for_sender());
            sender.unbounded_send("x").unwrap();
            assert!(body.frame().await.unwrap().is_ok());
        }
        drop(sender);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_stops_is_cut_off_after_the_limit() {
        let (sender, body) = piecewise();
        let (mut body, waiting) = watch(body, LIMIT, std::future::pending());
        let begun = Instant::now();
        let (frame, ()) = tokio::join!(body.frame(), async {
            tokio::task::yield_now().await;
            assert!(waiting.is_for_sender());
        });
        assert!(frame.unwrap().is_err_and(|error| is_stalled(error.as_ref())));
        assert!(begun.elapsed() >= LIMIT && begun.elapsed() < LIMIT + Duration::from_secs(1));
        assert!(sender.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_stops_gives_up_the_sender_without_asking_again() {
        let (sender, body) = piecewise();
        let (mut body, _) = watch(body, LIMIT, std::future::pending());
        sender.unbounded_send("x").unwrap();
        tokio::time::sleep(LIMIT + Duration::from_secs(1)).await;
        assert!(sender.is_closed());
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_no_longer_wanted_ends_at_once() {
        let (sender, body) = piecewise();
        let (mut body, _) = watch(body, LIMIT, async {});
        assert!(body.frame().await.unwrap().is_err());
        assert!(sender.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_body_is_given_up_at_once() {
        let (sender, body) = piecewise();
        let (body, waiting) = watch(body, LIMIT, std::future::pending());
        drop(body);
        assert!(sender.is_closed() && !waiting.is_for_sender());
    }
}
