//! The bytes of a WebSocket after its handshake: both ways, until one side is done or the dev server is another one.
//!
//! Vite's client looks for a lost dev server from a `SharedWorker`, which browsers refuse to a page in a frame of
//! another site when they block third-party cookies: in the builder the page would never come back. So the browser's end
//! of Vite's own socket outlives the dev server, and the page is told to reload when there is one again.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use vitrine_model::SessionId;

use crate::admitted::{LinkSeat, ended};
use crate::frames::{Boundary, FULL_RELOAD};
use crate::sockets::Seat;

/// When we have hung up, the other side has this long to do the same: closing at once could cost it the last bytes.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// What the browser sends by itself is smaller: a pong of up to 4 bytes with its 6 bytes of frame, the one-letter
/// heartbeats of socket libraries. What is larger was meant by the page.
const LARGEST_HEARTBEAT_BYTES: usize = 16;

/// Use is reported at most this often per socket.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

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

/// Carries bytes until either side ends, or `leash` says so. `report` is called when the browser sends something that is
/// not a heartbeat. With `back`, the browser's end is kept when the guest's is gone, and the page is told to reload when
/// `back` ends with true.
pub(crate) async fn run(
    handshakes: (OnUpgrade, OnUpgrade),
    leash: Leash,
    report: impl Fn() + Send,
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
        end = carry(&mut browser, guest, report, &mut boundary) => end,
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
    report: impl Fn() + Send,
    boundary: &mut Boundary,
) -> End {
    let (from_browser, to_browser) = tokio::io::split(browser);
    let (from_guest, to_guest) = tokio::io::split(guest);
    let up = pump(from_browser, to_guest, Report { last: None, report });
    let mut down = std::pin::pin!(pump(from_guest, to_browser, boundary));
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
    /// These are about to be written.
    fn taken(&mut self, bytes: &[u8]);
    /// They have been.
    fn written(&mut self, bytes: &[u8]);
}

/// Reports use.
struct Report<F> {
    last: Option<Instant>,
    report: F,
}

impl<F: Fn()> Tap for Report<F> {
    fn taken(&mut self, bytes: &[u8]) {
        let is_due = self.last.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL);
        if bytes.len() > LARGEST_HEARTBEAT_BYTES && is_due {
            self.last = Some(Instant::now());
            (self.report)();
        }
    }

    fn written(&mut self, _bytes: &[u8]) {}
}

impl Tap for &mut Boundary {
    fn taken(&mut self, _bytes: &[u8]) {
        self.suspend();
    }

    fn written(&mut self, bytes: &[u8]) {
        self.pass(bytes);
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
        match from.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return to,
            Ok(_) => tap.taken(&buffer),
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
