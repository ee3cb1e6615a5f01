//! Copying between a sandbox and a server, counted and bounded.

use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::EgressLimits;
use super::ledger::{Direction, Ledger, Passage};

/// Tarballs are read in pieces of this size.
const BUFFER_BYTES: usize = 64 * 1024;

/// Copies both ways until both sides are done, one fails, it is silent for too long, or the budget is used up. With
/// `body_left` the client sends so many bytes and no more, and the server's end is the end.
pub(super) async fn pump(
    (client, server): (&mut TcpStream, &mut TcpStream),
    body_left: Option<u64>,
    limits: &EgressLimits,
    (ledger, passage): (&Ledger, &Passage),
) -> std::io::Result<()> {
    let meter = Meter { last: Mutex::new(Instant::now()), ledger, passage, budget: limits.bytes };
    let copies = async {
        match body_left {
            None => meter.both_ways(client, server).await,
            Some(bytes) => meter.one_exchange(client, server, bytes).await,
        }
    };
    tokio::select! {
        outcome = copies => outcome,
        () = meter.silence(limits.idle) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

struct Meter<'a> {
    /// When bytes last moved in either direction.
    last: Mutex<Instant>,
    ledger: &'a Ledger,
    passage: &'a Passage,
    budget: u64,
}

impl Meter<'_> {
    fn touch(&self) {
        if let Ok(mut last) = self.last.lock() {
            *last = Instant::now();
        }
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

    async fn both_ways(&self, client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<()> {
        let (mut client_read, mut client_write) = client.split();
        let (mut server_read, mut server_write) = server.split();
        let out = async {
            self.copy(&mut client_read, &mut server_write, Direction::Out).await?;
            server_write.shutdown().await
        };
        let back = async {
            self.copy(&mut server_read, &mut client_write, Direction::Back).await?;
            client_write.shutdown().await
        };
        tokio::try_join!(out, back).map(|_| ())
    }

    /// The rest of a request's body, and the answer. The way to the server stays open meanwhile: some take its end for the
    /// end of interest in the answer.
    async fn one_exchange(
        &self,
        client: &mut TcpStream,
        server: &mut TcpStream,
        body_left: u64,
    ) -> std::io::Result<()> {
        let (client_read, mut client_write) = client.split();
        let (mut server_read, mut server_write) = server.split();
        let mut body = client_read.take(body_left);
        let out = async {
            match self.copy(&mut body, &mut server_write, Direction::Out).await {
                Ok(()) => std::future::pending().await,
                Err(error) => error,
            }
        };
        tokio::select! {
            back = self.copy(&mut server_read, &mut client_write, Direction::Back) => back,
            error = out => Err(error),
        }
    }

    async fn copy(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        direction: Direction,
    ) -> std::io::Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            self.ledger.count_bytes(self.passage, direction, read as u64);
            if self.ledger.is_spent(self.budget) {
                return Err(std::io::Error::other("the sandbox used up its network budget"));
            }
            to.write_all(&buffer[..read]).await?;
            self.touch();
        }
    }
}
