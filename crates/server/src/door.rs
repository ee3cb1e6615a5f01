//! How many connections there may be at once: fewer than the process may have descriptors, so that sandboxes, the database
//! and the dev servers behind the connections find some left.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Descriptors that no connection gets: the database, objects that are read, and for each sandbox a process, its pipes and
/// its socket.
const LEAST_RESERVE: u64 = 256;

/// And this part of all there are, where there are many: whoever has many connections has many sandboxes.
const RESERVE_DIVISOR: u64 = 4;

/// What a connection takes: itself, and the dev server, the back end or the file behind it.
const PER_CONNECTION: u64 = 2;

/// How often is said that there is no room.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Raises the number of descriptors this process may have to the most that the system lets it, and returns it. Many
/// systems begin with 1,024 for the sake of programs that cannot count further.
pub(crate) fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, most) {
            tracing::warn!(%error, "the limit on open files stays as it is");
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections fit into as many descriptors, at most as many as are wanted.
pub(crate) fn most_connections(descriptors: u64, wanted: usize) -> usize {
    let reserve = LEAST_RESERVE.max(descriptors / RESERVE_DIVISOR);
    let fit = descriptors.saturating_sub(reserve) / PER_CONNECTION;
    // One at least: a server that accepts nobody cannot even say why.
    wanted.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
}

/// Lets so many in at a time. Who comes then waits in the system's own queue.
pub(crate) struct Door {
    places: Arc<Semaphore>,
    most: usize,
    said: Option<Instant>,
}

impl Door {
    pub(crate) fn new(most: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), most, said: None }
    }

    /// A place for the next connection, as soon as there is one.
    pub(crate) async fn place(&mut self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return place;
            }
            if self.is_news() {
                tracing::warn!(
                    connections = self.most,
                    "no further connection is accepted until one ends; see `server.max_connections`"
                );
            }
            // It is never closed; were it, the next turn would wait again.
            if let Ok(place) = self.places.clone().acquire_owned().await {
                return place;
            }
        }
    }

    fn is_news(&mut self) -> bool {
        let now = Instant::now();
        let is_news = self.said.is_none_or(|said| now.duration_since(said) >= SAID_EVERY);
        if is_news {
            self.said = Some(now);
        }
        is_news
    }
}

/// A connection with its place, which it keeps when it becomes something other than HTTP.
pub(crate) struct Placed<S> {
    stream: Pin<Box<S>>,
    _place: OwnedSemaphorePermit,
}

impl<S> Placed<S> {
    pub(crate) fn new(stream: Pin<Box<S>>, place: OwnedSemaphorePermit) -> Self {
        Self { stream, _place: place }
    }
}

impl<S: AsyncRead> AsyncRead for Placed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite> AsyncWrite for Placed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        for (descriptors, wanted, most) in [
            (1_024, 10_000, 384),
            (4_096, 10_000, 1_536),
            (1_048_576, 10_000, 10_000),
            (1_048_576, 5, 5),
            (u64::MAX, 10_000, 10_000),
            (64, 10_000, 1),
        ] {
            assert_eq!(most_connections(descriptors, wanted), most, "{descriptors}");
        }
    }

    #[test]
    fn the_limit_on_descriptors_is_as_high_as_it_may_be() {
        let raised = raise_descriptors();
        assert_eq!(getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX), raised);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_server_lets_the_next_one_in_when_one_goes_and_says_so_once_a_minute() {
        let mut door = Door::new(1);
        let (_, io) = tokio::io::duplex(1);
        let first = Placed::new(Box::pin(io), door.place().await);
        assert!(tokio::time::timeout(SAID_EVERY / 2, door.place()).await.is_err());
        assert!(!door.is_news(), "it was said a moment ago");
        drop(first);
        let second = tokio::time::timeout(SAID_EVERY, door.place()).await;
        tokio::time::advance(SAID_EVERY).await;
        assert!(second.is_ok() && door.is_news());
    }
}
