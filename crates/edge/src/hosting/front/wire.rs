//! One socket: bytes in, prepared answers out, and an end to those who are too slow.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::SendFlags;
use tokio::io::{AsyncWrite as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::super::ready::{Piece, Ready};

/// What a connection reads at once at first: a usual head with its cookies.
const INPUT_BYTES: usize = 4 * 1024;

/// Up to here, one copy costs less than to tell the kernel of several pieces.
const COPIED_BYTES: usize = 4 * 1024;

/// The most one call hands to the kernel: other connections of this thread get their turn in between.
const SEND_BYTES: u64 = 2 * 1024 * 1024;

/// Bytes that have arrived and not been used.
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::with_capacity(INPUT_BYTES), start: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(super) fn consume(&mut self, len: usize) {
        self.start += len;
        if self.start >= self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            if self.bytes.capacity() > INPUT_BYTES {
                self.bytes = Vec::with_capacity(INPUT_BYTES);
            }
        }
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        if self.bytes.capacity() - self.bytes.len() < INPUT_BYTES / 2 {
            self.bytes.reserve(self.bytes.capacity());
        }
    }
}

/// A deadline that costs nothing while it moves on: the timer is looked at again only when it fires.
struct Deadline {
    timer: Pin<Box<Sleep>>,
    at: Instant,
}

impl Deadline {
    fn set(&mut self, after: Duration) {
        self.at = Instant::now() + after;
        if self.at < self.timer.deadline() {
            self.timer.as_mut().reset(self.at);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.timer.deadline() >= self.at {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.at);
        }
        Poll::Pending
    }
}

/// A socket with its deadline.
pub(super) struct Wire<'t> {
    pub(super) stream: TcpStream,
    deadline: Deadline,
    /// Small answers are put together here.
    answer: Vec<u8>,
    stopping: Pin<Box<WaitForCancellationFuture<'t>>>,
}

impl<'t> Wire<'t> {
    pub(super) fn new(stream: TcpStream, stopping: &'t CancellationToken, first: Duration) -> Self {
        let at = Instant::now() + first;
        let deadline = Deadline { timer: Box::pin(tokio::time::sleep_until(at)), at };
        Self { stream, deadline, answer: Vec::new(), stopping: Box::pin(stopping.cancelled()) }
    }

    /// The next bytes have to be there by then.
    pub(super) fn allow(&mut self, time: Duration) {
        self.deadline.set(time);
    }

    /// Reads what there is. False when nothing more comes: the client has gone, was too slow, or we are stopping.
    pub(super) async fn fill(&mut self, input: &mut Input) -> bool {
        input.make_room();
        poll_fn(|cx| self.poll_read(cx, &mut input.bytes)).await.is_some_and(|read| read > 0)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut Vec<u8>) -> Poll<Option<usize>> {
        if let Poll::Ready(result) = poll_read_buf(Pin::new(&mut self.stream), cx, into) {
            return Poll::Ready(result.ok());
        }
        if self.stopping.as_mut().poll(cx).is_ready() || self.deadline.poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    /// Sends an answer: its head, `tail` with what is added to it, and the body. An error is the end of the connection.
    pub(super) async fn send(&mut self, ready: &Ready, tail: &[u8], stall: Duration) -> io::Result<()> {
        let (own, shared) = (&ready.head.own[..], &ready.head.shared[..]);
        match ready.pieces() {
            [Piece::File { file, range }] => {
                self.send_before_file(&[own, shared, tail].concat(), stall).await?;
                self.send_file(file, range.clone(), stall).await
            }
            [piece] => {
                let body: &[u8] = if let Piece::Bytes(bytes) = piece { bytes } else { &[] };
                let parts = [own, shared, tail, body];
                if parts.iter().map(|part| part.len()).sum::<usize>() > COPIED_BYTES {
                    return self.gather(parts, stall).await;
                }
                let mut answer = std::mem::take(&mut self.answer);
                answer.clear();
                for part in parts {
                    answer.extend_from_slice(part);
                }
                let sent = self.gather([&answer, &[], &[], &[]], stall).await;
                self.answer = answer;
                sent
            }
            pieces => {
                self.gather([own, shared, tail, &[]], stall).await?;
                for piece in pieces {
                    match piece {
                        Piece::Empty => {}
                        Piece::Bytes(bytes) => self.gather([bytes, &[], &[], &[]], stall).await?,
                        Piece::File { file, range } => self.send_file(file, range.clone(), stall).await?,
                    }
                }
                Ok(())
            }
        }
    }

    /// One `writev` for everything, as often as the socket's buffer makes it necessary.
    async fn gather(&mut self, mut parts: [&[u8]; 4], stall: Duration) -> io::Result<()> {
        while parts.iter().any(|part| !part.is_empty()) {
            let slices = parts.map(IoSlice::new);
            let mut waits = false;
            let mut sent = poll_fn(|cx| {
                let stream = Pin::new(&mut self.stream);
                let written = match parts {
                    [only, [], [], []] => stream.poll_write(cx, only),
                    _ => stream.poll_write_vectored(cx, &slices),
                };
                self.or_stalled(written, cx, &mut waits, stall)
            })
            .await?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            for part in &mut parts {
                let taken = sent.min(part.len());
                *part = &part[taken..];
                sent -= taken;
            }
        }
        Ok(())
    }

    /// Sends a head and lets it wait for the first bytes of its file: one packet for both.
    async fn send_before_file(&mut self, mut head: &[u8], stall: Duration) -> io::Result<()> {
        while !head.is_empty() {
            let sent = self
                .when_writable(stall, |stream| {
                    rustix::net::send(stream, head, SendFlags::MORE | SendFlags::NOSIGNAL)
                        .map_err(io::Error::from)
                })
                .await?;
            head = &head[sent..];
        }
        Ok(())
    }

    /// From the page cache to the socket, without a copy here.
    async fn send_file(
        &mut self,
        file: &std::fs::File,
        range: Range<u64>,
        stall: Duration,
    ) -> io::Result<()> {
        let mut at = range.start;
        while at < range.end {
            let most = usize::try_from((range.end - at).min(SEND_BYTES)).unwrap_or(usize::MAX);
            let sent = self
                .when_writable(stall, |stream| {
                    let mut offset = at;
                    rustix::fs::sendfile(stream, file, Some(&mut offset), most).map_err(io::Error::from)
                })
                .await?;
            if sent == 0 {
                // Shorter than it said: the rest of the answer does not exist.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at += sent as u64;
        }
        Ok(())
    }

    async fn when_writable(
        &mut self,
        stall: Duration,
        mut send: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut waits = false;
        poll_fn(|cx| {
            let sent = loop {
                let writable = self.stream.poll_write_ready(cx);
                match ready!(self.or_stalled(writable, cx, &mut waits, stall)) {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                }
                match self.stream.try_io(Interest::WRITABLE, || send(&self.stream)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result,
                }
            };
            Poll::Ready(sent)
        })
        .await
    }

    /// Fails what waits for longer than `stall`. The time runs from when it first has to wait: what is sent at once, as
    /// nearly everything is, looks at no clock.
    fn or_stalled<T>(
        &mut self,
        now: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
        waits: &mut bool,
        stall: Duration,
    ) -> Poll<io::Result<T>> {
        if now.is_ready() {
            return now;
        }
        if !std::mem::replace(waits, true) {
            self.deadline.set(stall);
        }
        match self.deadline.poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ends the connection in order.
    pub(super) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }
}
