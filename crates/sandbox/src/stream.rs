//! Connections into a sandbox, and listeners inside one, that only their own sandbox can hold up.
//!
//! The guest makes these sockets and passes them out, so it may keep them as well, and whatever one side sets on a socket
//! holds for the other: made blocking, it would stop whoever reads it, and told to linger, whoever closes it, which here
//! are the threads that serve everybody. So nothing relies on either: every call says for itself that it must not wait,
//! and what cannot say so, accepting and closing, is done by a thread of the sandbox's own.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, accept_with, recv, send, sendmsg};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::passed::{Closer, Passed};

/// Bytes read at once: room that has to be cleared first is not free.
const READ_BYTES: usize = 64 * 1024;

/// How often a thread that accepts looks whether anybody still waits for it.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A connection to a port inside a sandbox.
#[derive(Debug)]
pub struct Stream {
    /// Always there but while it is dropped.
    socket: Option<TcpStream>,
    closer: Option<Arc<Closer>>,
}

impl From<TcpStream> for Stream {
    /// A connection that no guest has a hand on.
    fn from(socket: TcpStream) -> Self {
        Self { socket: Some(socket), closer: None }
    }
}

impl Stream {
    /// A connection that a guest made. Those with one `closer` close one after the other.
    pub(crate) fn shared(socket: TcpStream, closer: Arc<Closer>) -> Self {
        Self { socket: Some(socket), closer: Some(closer) }
    }

    /// Sends small writes at once.
    pub fn set_nodelay(&self, is_on: bool) -> io::Result<()> {
        self.socket()?.set_nodelay(is_on)
    }

    fn socket(&self) -> io::Result<&TcpStream> {
        self.socket.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let socket = self.socket()?;
        loop {
            ready!(socket.poll_write_ready(cx))?;
            match socket.try_io(Interest::WRITABLE, || Ok(write(socket)?)) {
                Err(error) if is_again(&error) => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

fn is_again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.socket()?;
        let room = into.initialize_unfilled_to(into.remaining().min(READ_BYTES));
        let count = loop {
            ready!(socket.poll_read_ready(cx))?;
            let read = || Ok(recv(socket, &mut *room, RecvFlags::DONTWAIT)?.1);
            match socket.try_io(Interest::READABLE, read) {
                Err(error) if is_again(&error) => {}
                result => break result?,
            }
        };
        into.advance(count);
        Poll::Ready(Ok(()))
    }
}

const WRITE: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |socket| send(socket, bytes, WRITE))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |socket| sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), WRITE))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match rustix::net::shutdown(self.socket()?, rustix::net::Shutdown::Write) {
            Err(rustix::io::Errno::NOTCONN) => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome.map_err(io::Error::from)),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let (Some(socket), Some(closer)) = (self.socket.take(), &self.closer)
            && let Ok(socket) = socket.into_std()
        {
            closer.close(socket.into());
        }
    }
}

/// A listener on a port inside a sandbox.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Own(TcpListener),
    Shared { accepted: AsyncMutex<mpsc::Receiver<io::Result<TcpStream>>>, shared: Arc<SharedListener> },
}

#[derive(Debug)]
struct SharedListener {
    /// A listener when it was passed; the guest may have made something else of it.
    socket: Passed,
    is_over: AtomicBool,
}

impl From<TcpListener> for Listener {
    /// A listener that no guest has a hand on.
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Own(listener))
    }
}

impl Listener {
    /// A listener that a guest made, with a thread of its own that accepts.
    pub(crate) fn shared(socket: Passed) -> io::Result<Self> {
        let shared = Arc::new(SharedListener { socket, is_over: AtomicBool::new(false) });
        let (sender, accepted) = mpsc::channel(1);
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new().name("sandbox-accept".to_owned());
        thread.spawn({
            let shared = shared.clone();
            move || {
                let _registering = runtime.enter();
                shared.accept_all(&sender);
            }
        })?;
        Ok(Self(Kind::Shared { accepted: AsyncMutex::new(accepted), shared }))
    }

    /// The next connection from inside.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        match &self.0 {
            Kind::Own(listener) => Ok(listener.accept().await?.0),
            Kind::Shared { accepted, .. } => {
                let next = accepted.lock().await.recv().await;
                next.unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))
            }
        }
    }
}

impl SharedListener {
    fn accept_all(&self, sender: &mpsc::Sender<io::Result<TcpStream>>) {
        while !self.is_over.load(Ordering::Relaxed) {
            let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut polled, Some(&LOOK_EVERY)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return drop(sender.blocking_send(Err(error.into()))),
            }
            match self.accept() {
                Ok(stream) => {
                    if sender.blocking_send(Ok(stream)).is_err() {
                        return;
                    }
                }
                Err(error) if is_again(&error) || error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return drop(sender.blocking_send(Err(error))),
            }
        }
    }

    /// What is accepted is ours alone, but has inherited what was set on the listener.
    fn accept(&self) -> io::Result<TcpStream> {
        let stream = std::net::TcpStream::from(accept_with(&self.socket, SocketFlags::CLOEXEC)?);
        set_socket_linger(stream.as_fd(), None)?;
        stream.set_nonblocking(true)?;
        TcpStream::from_std(stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Kind::Shared { shared, .. } = &self.0 {
            shared.is_over.store(true, Ordering::Relaxed);
            // Wakes a thread that accepts. What has ended already needs no waking.
            let _ = rustix::net::shutdown(&shared.socket, rustix::net::Shutdown::Both);
        }
    }
}
