//! The bytes of a WebSocket to the back end: both ways, until one side is done, nothing was said for too long, or the app
//! is disconnected.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep_until, timeout};
use vitrine_model::AppId;

use crate::sockets::Seat;
use crate::tunnel::{CLOSE_GRACE, Tap, hang_up, pump};

/// Carries bytes until either side ends, neither has said anything for `idle`, or `seat` says so.
pub(super) async fn carry(handshakes: (OnUpgrade, OnUpgrade), seat: Seat<AppId>, idle: Duration) {
    let upgraded = timeout(idle, async { tokio::try_join!(handshakes.0, handshakes.1) });
    let (visitor, backend) = tokio::select! {
        upgraded = upgraded => match upgraded {
            Ok(Ok(both)) => both,
            Ok(Err(error)) => return tracing::debug!(%error, "a socket was not established"),
            Err(_) => return,
        },
        () = seat.closing() => return,
    };
    let (mut visitor, mut backend) = (TokioIo::new(visitor), TokioIo::new(backend));
    let silence = Silence::begins(idle);
    tokio::select! {
        () = both_ways(&mut visitor, &mut backend, &silence) => {}
        () = silence.lasts() => {}
        () = seat.closing() => {}
    }
    drop(seat);
    tokio::join!(hang_up(visitor), hang_up(backend));
}

/// Ends with both directions, the second at most [`CLOSE_GRACE`] after the first: a side that has said goodbye may
/// still be owed an answer.
async fn both_ways(visitor: &mut TokioIo<Upgraded>, backend: &mut TokioIo<Upgraded>, silence: &Silence) {
    let (from_visitor, to_visitor) = tokio::io::split(visitor);
    let (from_backend, to_backend) = tokio::io::split(backend);
    let mut up = std::pin::pin!(pump(from_visitor, to_backend, silence));
    let mut down = std::pin::pin!(pump(from_backend, to_visitor, silence));
    tokio::select! {
        mut to_backend = &mut up => {
            let _ = to_backend.shutdown().await;
            let _ = timeout(CLOSE_GRACE, down).await;
        }
        mut to_visitor = &mut down => {
            let _ = to_visitor.shutdown().await;
            let _ = timeout(CLOSE_GRACE, up).await;
        }
    }
}

/// How long nothing was said.
struct Silence {
    since: Mutex<Instant>,
    limit: Duration,
}

impl Silence {
    fn begins(limit: Duration) -> Self {
        Self { since: Mutex::new(Instant::now()), limit }
    }

    /// Ends when nothing was said for as long as may be.
    async fn lasts(&self) {
        loop {
            let due = *self.since() + self.limit;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    fn since(&self) -> MutexGuard<'_, Instant> {
        // Nothing panics while it is held.
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap for &Silence {
    fn taken(&mut self, _bytes: &mut Vec<u8>) {
        *self.since() = Instant::now();
    }

    fn written(&mut self, _bytes: &[u8]) {}
}
