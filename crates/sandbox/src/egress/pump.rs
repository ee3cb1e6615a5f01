//! Copying between a sandbox and a server, counted and bounded.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Counters, EgressLimits};

/// Tarballs are read in pieces of this size.
const BUFFER_BYTES: usize = 64 * 1024;

/// Copies both ways until both sides are done, one fails, it is silent for too long, or the budget is used up.
pub(super) async fn pump(
    client: &mut TcpStream,
    server: &mut TcpStream,
    limits: &EgressLimits,
    counters: &Counters,
) -> std::io::Result<()> {
    let (mut client_read, mut client_write) = client.split();
    let (mut server_read, mut server_write) = server.split();
    let meter = Meter { last: Mutex::new(Instant::now()), counters, budget: limits.bytes };
    let copies = async {
        let out = copy(&mut client_read, &mut server_write, &meter, &counters.bytes_out);
        let back = copy(&mut server_read, &mut client_write, &meter, &counters.bytes_in);
        tokio::try_join!(out, back).map(|_| ())
    };
    tokio::select! {
        outcome = copies => outcome,
        () = meter.silence(limits.idle) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

struct Meter<'a> {
    /// When bytes last moved in either direction.
    last: Mutex<Instant>,
    counters: &'a Counters,
    budget: u64,
}

impl Meter<'_> {
    fn touch(&self) {
        if let Ok(mut last) = self.last.lock() {
            *last = Instant::now();
        }
    }

    fn is_spent(&self) -> bool {
        let moved = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        moved(&self.counters.bytes_in).saturating_add(moved(&self.counters.bytes_out)) > self.budget
    }

    /// Returns when nothing has moved for `idle`.
    async fn silence(&self, idle: Duration) {
        loop {
            let last = self.last.lock().map_or_else(|poisoned| *poisoned.into_inner(), |last| *last);
            if last.elapsed() >= idle {
                return;
            }
            tokio::time::sleep_until(last + idle).await;
        }
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    meter: &Meter<'_>,
    counter: &AtomicU64,
) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        counter.fetch_add(read as u64, Ordering::Relaxed);
        if meter.is_spent() {
            return Err(std::io::Error::other("the sandbox used up its network budget"));
        }
        to.write_all(&buffer[..read]).await?;
        meter.touch();
    }
}
