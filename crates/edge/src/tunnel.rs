//! The bytes of a WebSocket after its handshake: both ways, until one side is done or the dev server is another one.
//!
//! A dev server that stands still because nobody uses it does not notice; what the browser's side of a socket has a right to
//! meanwhile, answers to its pings, it gets from here.
//!
//! Vite's client looks for a lost dev server from a `SharedWorker`, which browsers refuse to a page in a frame of
//! another site when they block third-party cookies: in the builder the page would never come back. So the browser's end
//! of Vite's own socket outlives the dev server, and the page is told to reload when there is one again.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use vitrine_model::SessionId;

use crate::admitted::{LinkSeat, ended};
use crate::frames::{Boundary, FULL_RELOAD, answered_pings};
use crate::reports::REPORT_INTERVAL;
use crate::sockets::Seat;

/// When we have hung up, the other side has this long to do the same: closing at once could cost it the last bytes.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// What the browser sends by itself is smaller: a pong of up to 4 bytes with its 6 bytes of frame, the one-letter
/// heartbeats of socket libraries. What is larger was meant by the page.
const LARGEST_HEARTBEAT_BYTES: usize = 16;

/// Pongs that wait until they can be sent; whoever sends more pings than that at once gets no answer to the rest.
const PONGS_WAITING: usize = 4;

/// Bytes moved at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// Which side ended a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Browser,
    Guest,
}

/// What ends a socket besides its two sides.
pub(crate) struct Leash {
    /// Its place among the session's sockets.
    pub(crate) seat: Seat<SessionId>,
    /// The link its visitor came by.
    pub(crate) link: Option<Arc<LinkSeat>>,
}

impl Leash {
    async fn closing(&self) {
        tokio::select! {
            () = self.seat.closing() => {}
            () = ended(self.link.clone()) => {}
        }
    }
}

/// What a socket tells about its session, and asks.
pub(crate) trait Watcher: Send {
    /// The browser has sent something that is not a heartbeat.
    fn report(&self);
    /// Whether the dev server stands still.
    fn is_resting(&self) -> bool;
}

/// Carries bytes until either side ends, or `leash` says so. With `back`, the browser's end is kept when the guest's is gone, and the page is told to reload when
/// `back` ends with true.
pub(crate) async fn run(
    handshakes: (OnUpgrade, OnUpgrade),
    leash: Leash,
    watcher: impl Watcher,
    back: Option<impl Future<Output = bool> + Send>,
) {
    let mut boundary = Boundary::default();
    let upgraded = tokio::select! {
        upgraded = async { tokio::try_join!(handshakes.0, handshakes.1) } => upgraded,
        () = leash.closing() => return,
    };
    let (mut browser, guest) = match upgraded {
        Ok((browser, guest)) => (TokioIo::new(browser), TokioIo::new(guest)),
        Err(error) => return tracing::debug!(%error, "a socket was not established"),
    };
    let end = tokio::select! {
        end = carry(&mut browser, guest, watcher, &mut boundary) => end,
        () = leash.closing() => End::Guest,
    };
    drop(leash);
    if let Some(back) = back
        && end == End::Guest
        && boundary.allows_frame()
    {
        reload_when(back, &mut browser).await;
    }
    hang_up(browser).await;
}

async fn carry(
    browser: &mut TokioIo<Upgraded>,
    guest: TokioIo<Upgraded>,
    watcher: impl Watcher,
    boundary: &mut Boundary,
) -> End {
    let (pongs, waiting) = mpsc::channel(PONGS_WAITING);
    let (from_browser, to_browser) = tokio::io::split(browser);
    let (from_guest, to_guest) = tokio::io::split(guest);
    let up = Upward { watcher, reported_at: None, boundary: Boundary::default(), pongs };
    let up = pump(from_browser, to_guest, up);
    let mut down = std::pin::pin!(pump(from_guest, to_browser, Downward { boundary, pongs: waiting }));
    tokio::select! {
        mut to_guest = up => {
            let _ = to_guest.shutdown().await;
            let _ = tokio::time::timeout(CLOSE_GRACE, down).await;
            End::Browser
        }
        _ = &mut down => End::Guest,
    }
}

/// What is told about the bytes that pass.
pub(crate) trait Tap {
    /// These have come and are about to be written; what is taken out of them is not.
    fn taken(&mut self, bytes: &mut Vec<u8>);
    /// They have been.
    fn written(&mut self, bytes: &[u8]);
    /// Bytes to write besides those that come. May be dropped half-way.
    fn own(&mut self) -> impl Future<Output = Vec<u8>> + Send {
        std::future::pending()
    }
}

/// From the browser to the guest.
struct Upward<W> {
    watcher: W,
    reported_at: Option<Instant>,
    boundary: Boundary,
    pongs: mpsc::Sender<Vec<u8>>,
}

impl<W: Watcher> Tap for Upward<W> {
    fn taken(&mut self, bytes: &mut Vec<u8>) {
        let is_due = self.reported_at.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL);
        if bytes.len() > LARGEST_HEARTBEAT_BYTES && is_due {
            self.reported_at = Some(Instant::now());
            self.watcher.report();
        }
        if self.watcher.is_resting() {
            for pong in answered_pings(&self.boundary, bytes) {
                // One that asks faster than it reads the answers goes without.
                let _ = self.pongs.try_send(pong);
            }
        }
    }

    fn written(&mut self, bytes: &[u8]) {
        self.boundary.pass(bytes);
    }
}

/// From the guest to the browser.
struct Downward<'a> {
    boundary: &'a mut Boundary,
    pongs: mpsc::Receiver<Vec<u8>>,
}

impl Tap for Downward<'_> {
    fn taken(&mut self, _bytes: &mut Vec<u8>) {
        self.boundary.suspend();
    }

    fn written(&mut self, bytes: &[u8]) {
        self.boundary.pass(bytes);
    }

    async fn own(&mut self) -> Vec<u8> {
        loop {
            match self.pongs.recv().await {
                // The guest was stopped in the middle of a frame: nothing may stand there.
                Some(_) if !self.boundary.allows_control_frame() => {}
                Some(pong) => return pong,
                None => std::future::pending().await,
            }
        }
    }
}

/// Copies to the end and gives back the other side. An error is an end like any other here.
pub(crate) async fn pump<R, W>(mut from: R, mut to: W, mut tap: impl Tap) -> W
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    loop {
        buffer.clear();
        tokio::select! {
            read = from.read_buf(&mut buffer) => match read {
                Ok(0) | Err(_) => return to,
                Ok(_) => tap.taken(&mut buffer),
            },
            own = tap.own() => buffer = own,
        }
        if to.write_all(&buffer).await.is_err() {
            return to;
        }
        tap.written(&buffer);
    }
}

/// Holds the page's socket until there is a dev server again, then has the page reload. Ends when the page goes first.
async fn reload_when(back: impl Future<Output = bool>, browser: &mut TokioIo<Upgraded>) {
    let (mut from_browser, mut to_browser) = tokio::io::split(browser);
    let is_back = tokio::select! {
        is_back = back => is_back,
        () = drain(&mut from_browser) => false,
    };
    if is_back {
        let _ = to_browser.write_all(FULL_RELOAD).await;
    }
}

pub(crate) async fn hang_up(mut browser: TokioIo<Upgraded>) {
    let _ = browser.shutdown().await;
    let _ = tokio::time::timeout(CLOSE_GRACE, drain(&mut browser)).await;
}

/// Reads to the end, whatever it is.
async fn drain(from: &mut (impl AsyncRead + Unpin)) {
    let _ = tokio::io::copy(from, &mut tokio::io::sink()).await;
}
