//! What a guest passes out, and the sockets it does so through: closed by a thread of the sandbox's own.
//!
//! A socket that was told to linger holds up whoever closes it, and a socket with descriptors in its queue closes those with
//! it. So everything that comes from a guest is held in a way that hands it over when it is dropped, wherever that happens:
//! refused, late, too many, in a packet that makes no sense, or still unread when its session ends.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, recvmsg, send,
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

/// Descriptors in one message, at most: `SCM_MAX_FD` of the kernel. What there is no room for, it would close on the thread
/// that reads.
const MOST_DESCRIPTORS: usize = 253;

/// Bytes read at once: room that has to be cleared first is not free.
const READ_BYTES: usize = 64 * 1024;

/// Descriptors that wait to be closed; a sandbox with more has some that linger, and each takes one of the server's.
const MOST_WAITING: usize = 1_024;

/// Closes the descriptors of one sandbox, one after the other: one that lingers holds up the others of its sandbox, which end
/// with it, and one thread.
#[derive(Debug, Default)]
pub(crate) struct Closer {
    state: Mutex<Closing>,
}

#[derive(Debug, Default)]
struct Closing {
    descriptors: Vec<OwnedFd>,
    is_at_work: bool,
}

impl Closer {
    /// Closes it, soon.
    pub(crate) fn close(self: &Arc<Self>, descriptor: OwnedFd) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The runtime is gone, and with it whoever could be held up.
            return drop(descriptor);
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.descriptors.push(descriptor);
        if !std::mem::replace(&mut state.is_at_work, true) {
            let closer = self.clone();
            runtime.spawn_blocking(move || closer.work());
        }
    }

    /// True when closing does not keep up with what there is to close.
    pub(crate) fn is_stuck(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).descriptors.len() > MOST_WAITING
    }

    fn work(&self) {
        loop {
            let next = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let next = state.descriptors.pop();
                state.is_at_work = next.is_some();
                next
            };
            match next {
                Some(descriptor) => drop(descriptor),
                None => return,
            }
        }
    }
}

/// A descriptor that a guest has passed.
#[derive(Debug)]
pub(crate) struct Passed {
    /// Always there but while it is dropped or taken.
    descriptor: Option<OwnedFd>,
    closer: Arc<Closer>,
}

impl Passed {
    /// The descriptor itself, to be closed by whoever takes it.
    pub(crate) fn take(mut self) -> io::Result<OwnedFd> {
        self.descriptor.take().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Who closes it.
    pub(crate) fn closer(&self) -> Arc<Closer> {
        self.closer.clone()
    }
}

impl AsFd for Passed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // Taking it consumes the value, so it is there. Were it not, a descriptor that takes no operation stands in.
        self.descriptor.as_ref().map_or(rustix::fs::CWD, AsFd::as_fd)
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        if let Some(descriptor) = self.descriptor.take() {
            self.closer.close(descriptor);
        }
    }
}

/// The server's end of one of the two sockets that lead to a guest.
#[derive(Debug)]
pub(crate) struct GuestSocket {
    /// Of streams or of packets; the type serves for its registration with the runtime. Always there but while it is dropped.
    socket: Option<UnixStream>,
    closer: Arc<Closer>,
}

impl GuestSocket {
    /// Takes over a socket; everything of one sandbox is closed by one `closer`.
    pub(crate) fn open(socket: OwnedFd, closer: Arc<Closer>) -> io::Result<Self> {
        let socket = StdUnixStream::from(socket);
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Some(UnixStream::from_std(socket)?), closer })
    }

    /// Who closes it, and what comes through it.
    pub(crate) fn closer(&self) -> &Arc<Closer> {
        &self.closer
    }

    fn socket(&self) -> io::Result<&UnixStream> {
        self.socket.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Sends one packet, or a part of a stream.
    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.socket()?;
        socket.async_io(Interest::WRITABLE, || Ok(send(socket, bytes, SEND)?)).await
    }

    /// Receives one packet, or a part of a stream, with all the descriptors that came with it.
    pub(crate) async fn receive(&self, into: &mut [u8]) -> io::Result<(usize, Vec<Passed>)> {
        let socket = self.socket()?;
        socket.async_io(Interest::READABLE, || self.receive_now(socket, into)).await
    }

    fn receive_now(&self, socket: &UnixStream, into: &mut [u8]) -> io::Result<(usize, Vec<Passed>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(socket, &mut [IoSliceMut::new(into)], &mut ancillary, flags)?;
        let mut passed = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                passed.extend(
                    descriptors.map(|descriptor| Passed {
                        descriptor: Some(descriptor),
                        closer: self.closer.clone(),
                    }),
                );
            }
        }
        match received.flags.contains(ReturnFlags::TRUNC) {
            true => Err(io::Error::new(io::ErrorKind::InvalidData, "a packet that is too long")),
            false => Ok((received.bytes, passed)),
        }
    }
}

const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Nothing is passed along with a stream.
fn plain((count, passed): (usize, Vec<Passed>)) -> io::Result<usize> {
    match passed.is_empty() {
        true => Ok(count),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "a descriptor where none belongs")),
    }
}

impl AsyncRead for GuestSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.socket()?;
        let count = loop {
            ready!(socket.poll_read_ready(cx))?;
            let room = into.initialize_unfilled_to(into.remaining().min(READ_BYTES));
            match socket.try_io(Interest::READABLE, || self.receive_now(socket, room)) {
                Err(error) if is_again(&error) => {}
                result => break plain(result?)?,
            }
        };
        into.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for GuestSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.socket()?;
        loop {
            ready!(socket.poll_write_ready(cx))?;
            match socket.try_io(Interest::WRITABLE, || Ok(send(socket, bytes, SEND)?)) {
                Err(error) if is_again(&error) => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(rustix::net::shutdown(self.socket()?, rustix::net::Shutdown::Write)?))
    }
}

fn is_again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Drop for GuestSocket {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take()
            && let Ok(socket) = socket.into_std()
        {
            self.closer.close(socket.into());
        }
    }
}
