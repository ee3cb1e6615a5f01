//! The server's end of the dial socket: asks for connections and listeners, receives descriptors.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use vitrine_jail::protocol::{DialError, DialReply, DialRequest, MAX_DIAL_BYTES};

use crate::driver::DriverError;
use crate::pace::Pace;
use crate::passed::{GuestSocket, Passed};
use crate::stream::{Listener, Stream};
use crate::words::plain;

/// Longer than the guest itself waits for whoever listens.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

type Answer = Result<Passed, DialError>;

/// Asks for descriptors; requests overtake each other freely.
#[derive(Debug)]
pub(super) struct Dialer {
    /// Of packets.
    socket: Arc<GuestSocket>,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    last_id: u64,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
    is_closed: bool,
}

impl Dialer {
    /// Takes over the socket. The returned future reads answers until the guest is gone or makes no sense.
    pub(super) fn open(socket: GuestSocket) -> (Self, impl Future<Output = io::Error> + Send) {
        let (socket, waiting) = (Arc::new(socket), Arc::<Mutex<Waiting>>::default());
        let dialer = Self { socket: socket.clone(), waiting: waiting.clone() };
        (dialer, receive_all(socket, waiting))
    }

    /// A connection to a port inside.
    pub(super) async fn connect(&self, port: u16) -> Result<Stream, DriverError> {
        let socket = self.ask(port, false).await?;
        check(&socket, false)?;
        let closer = socket.closer();
        let socket = std::net::TcpStream::from(socket.take()?);
        // For the runtime's sake; the guest may undo it, and nothing depends on it.
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Stream::shared(TcpStream::from_std(socket)?, closer))
    }

    /// A listener on a port inside.
    pub(super) async fn listen(&self, port: u16) -> Result<Listener, DriverError> {
        let socket = self.ask(port, true).await?;
        check(&socket, true)?;
        Ok(Listener::shared(socket)?)
    }

    /// Fails every request that waits and every later one.
    pub(super) fn close(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.is_closed = true;
        waiting.answers.clear();
    }

    async fn ask(&self, port: u16, is_listen: bool) -> Result<Passed, DriverError> {
        let (sender, answer) = oneshot::channel();
        let id = {
            let mut waiting = lock(&self.waiting);
            if waiting.is_closed {
                return Err(DriverError::Ended);
            }
            waiting.last_id += 1;
            let id = waiting.last_id;
            waiting.answers.insert(id, sender);
            id
        };
        let forget = Forget { waiting: &self.waiting, id };
        let exchange = async {
            self.send(DialRequest { id, port, is_listen }).await?;
            answer.await.map_err(|_| DriverError::Ended)
        };
        let answer = tokio::time::timeout(ANSWER_WITHIN, exchange).await;
        drop(forget);
        match answer.map_err(|_| DriverError::Timeout(ANSWER_WITHIN))?? {
            Ok(socket) => Ok(socket),
            Err(DialError::Refused) => Err(DriverError::ConnectionRefused(port)),
            Err(DialError::TimedOut) => Err(DriverError::Timeout(ANSWER_WITHIN)),
            Err(DialError::Other { reason }) => Err(DriverError::Refused(plain(&reason))),
        }
    }

    async fn send(&self, request: DialRequest) -> Result<(), DriverError> {
        let packet = serde_json::to_vec(&request).map_err(io::Error::from)?;
        let sent = self.socket.send(&packet).await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(DriverError::Ended),
            Err(error) => Err(error.into()),
        }
    }
}

/// Forgets a request whose caller has left.
struct Forget<'a> {
    waiting: &'a Mutex<Waiting>,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.waiting).answers.remove(&self.id);
    }
}

/// A guest that was taken over could pass anything: only TCP sockets of the kind asked for are used.
fn check(socket: &impl AsFd, is_listen: bool) -> Result<(), DriverError> {
    let is_tcp = matches!(socket_domain(socket), Ok(AddressFamily::INET | AddressFamily::INET6))
        && socket_type(socket) == Ok(SocketType::STREAM)
        && socket_acceptconn(socket) == Ok(is_listen);
    match is_tcp {
        true => Ok(()),
        false => Err(DriverError::Refused("the guest passed something else than a socket".to_owned())),
    }
}

fn lock(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive_all(socket: Arc<GuestSocket>, waiting: Arc<Mutex<Waiting>>) -> io::Error {
    let mut pace = Pace::new();
    loop {
        let (reply, descriptor) = match receive(&socket).await {
            Ok(received) => received,
            Err(error) => return error,
        };
        if socket.closer().is_stuck() {
            return io::Error::other("its connections do not close");
        }
        let answer = match (reply.error, descriptor) {
            (Some(error), _) => Err(error),
            (None, Some(descriptor)) => Ok(descriptor),
            (None, None) => Err(DialError::Other { reason: "no descriptor came with the answer".to_owned() }),
        };
        let asked = {
            let mut waiting = lock(&waiting);
            if reply.id == 0 || reply.id > waiting.last_id {
                return io::Error::other("an answer to a request that was never made");
            }
            waiting.answers.remove(&reply.id)
        };
        match asked {
            // The caller may have left.
            Some(sender) => _ = sender.send(answer),
            None => {
                drop(answer);
                pace.pay(MAX_DIAL_BYTES).await;
            }
        }
    }
}

/// One packet, with one descriptor at most: an honest guest never passes more.
async fn receive(socket: &GuestSocket) -> io::Result<(DialReply, Option<Passed>)> {
    let mut packet = [0; MAX_DIAL_BYTES];
    let (count, mut passed) = socket.receive(&mut packet).await?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if passed.len() > 1 {
        return Err(io::Error::other("more descriptors than one"));
    }
    let packet = packet.get(..count).unwrap_or_default();
    Ok((serde_json::from_slice(packet)?, passed.pop()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{
        RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, recv, sendmsg,
        socketpair,
    };
    use std::io::IoSlice;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;

    /// A dialer whose guest answers every request with `descriptor`, whatever was asked for.
    fn lied_to_with(descriptor: OwnedFd) -> Dialer {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        std::thread::spawn(move || {
            let mut packet = [0; MAX_DIAL_BYTES];
            while let Ok((_, count @ 1..)) = recv(&theirs, &mut packet[..], RecvFlags::empty()) {
                let request: DialRequest = serde_json::from_slice(&packet[..count]).unwrap();
                let reply = serde_json::to_vec(&DialReply { id: request.id, error: None }).unwrap();
                let descriptors = [descriptor.as_fd()];
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut ancillary = SendAncillaryBuffer::new(&mut space);
                ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
                sendmsg(&theirs, &[IoSlice::new(&reply)], &mut ancillary, SendFlags::NOSIGNAL).unwrap();
            }
        });
        let (dialer, answering) = Dialer::open(GuestSocket::open(ours, Arc::default()).unwrap());
        tokio::spawn(answering);
        dialer
    }

    #[tokio::test]
    async fn only_sockets_of_the_kind_asked_for_are_taken() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let file = std::fs::File::open("/dev/zero").unwrap();
        let (unix, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for wrong in [OwnedFd::from(file), unix.into(), udp.into()] {
            let dialer = lied_to_with(wrong);
            assert!(matches!(dialer.connect(1).await, Err(DriverError::Refused(_))));
            assert!(matches!(dialer.listen(1).await, Err(DriverError::Refused(_))));
        }
        let dialer = lied_to_with(stream.into());
        assert!(dialer.listen(1).await.is_err());
        assert!(dialer.connect(1).await.is_ok(), "an honest answer passes");
        let dialer = lied_to_with(listener.into());
        assert!(dialer.connect(1).await.is_err());
        assert!(dialer.listen(1).await.is_ok(), "an honest answer passes");
    }
}
