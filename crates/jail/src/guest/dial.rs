//! Connections to, and listeners on, the sandbox's loopback, passed out as descriptors.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_reuseaddr, socket_error};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    bind, connect, listen, recv, sendmsg, socket_with,
};

use crate::protocol::{DialError, DialReply, DialRequest, MAX_DIAL_BYTES};

/// A loopback connection is made at once, unless whoever listens has stopped accepting.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Connections in the making; more are told to come again.
const MAX_PENDING: usize = 256;

/// Connections that wait in a listener.
const BACKLOG: i32 = 128;

/// Servers on the loopback interface are usually here; some (`localhost` resolved that way) are only on the other.
const ADDRESSES: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

struct Pending {
    request: DialRequest,
    /// Index into [`ADDRESSES`].
    address: usize,
    socket: OwnedFd,
    deadline: Instant,
}

/// Answers requests until the server closes the socket.
pub(super) fn run(server: &OwnedFd) {
    let mut pending: Vec<Pending> = Vec::new();
    loop {
        let (is_asked, ready) = wait(server, &pending);
        let now = Instant::now();
        let mut still_pending = Vec::new();
        for (one, is_ready) in std::mem::take(&mut pending).into_iter().zip(ready) {
            if is_ready {
                let outcome = socket_error(&one.socket).unwrap_or_else(Err);
                still_pending.extend(conclude(server, one, outcome));
            } else if one.deadline <= now {
                answer(server, one.request.id, Err(DialError::TimedOut));
            } else {
                still_pending.push(one);
            }
        }
        pending = still_pending;
        if is_asked {
            let Some(request) = receive(server) else { return };
            pending.extend(begin(server, request, pending.len()));
        }
    }
}

/// Waits for a request, for a connection or for the first deadline.
fn wait(server: &OwnedFd, pending: &[Pending]) -> (bool, Vec<bool>) {
    let mut polled = vec![PollFd::new(server, PollFlags::IN)];
    polled.extend(pending.iter().map(|one| PollFd::new(&one.socket, PollFlags::OUT)));
    let next = pending.iter().map(|one| one.deadline).min();
    let timeout = next.map(|deadline| timespec(deadline.saturating_duration_since(Instant::now())));
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) => (
            !polled[0].revents().is_empty(),
            polled[1..].iter().map(|one| !one.revents().is_empty()).collect(),
        ),
        Err(_) => (false, vec![false; pending.len()]),
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 })
}

/// `None` when the server is gone or makes no sense.
fn receive(server: &OwnedFd) -> Option<DialRequest> {
    let mut packet = [0_u8; MAX_DIAL_BYTES];
    let (_, count) = recv(server, &mut packet[..], RecvFlags::empty()).ok()?;
    serde_json::from_slice(packet.get(..count)?).ok()
}

fn begin(server: &OwnedFd, request: DialRequest, pending: usize) -> Option<Pending> {
    if request.is_listen {
        let listener = open_listener(request.port).map_err(other);
        answer(server, request.id, listener);
        return None;
    }
    if pending >= MAX_PENDING {
        answer(server, request.id, Err(DialError::TimedOut));
        return None;
    }
    try_address(server, request, 0)
}

/// Starts connecting to one address; goes on to the next when it is refused at once.
fn try_address(server: &OwnedFd, request: DialRequest, address: usize) -> Option<Pending> {
    match start_connecting(SocketAddr::new(ADDRESSES[address], request.port)) {
        Ok((socket, outcome)) => {
            let one = Pending { request, address, socket, deadline: Instant::now() + CONNECT_WITHIN };
            match outcome {
                Err(Errno::INPROGRESS) => Some(one),
                outcome => conclude(server, one, outcome),
            }
        }
        Err(error) => {
            answer(server, request.id, Err(other(error)));
            None
        }
    }
}

fn start_connecting(to: SocketAddr) -> Result<(OwnedFd, Result<(), Errno>), Errno> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    let outcome = connect(&socket, &to);
    Ok((socket, outcome))
}

fn conclude(server: &OwnedFd, one: Pending, outcome: Result<(), Errno>) -> Option<Pending> {
    let id = one.request.id;
    match outcome {
        Ok(()) => answer(server, id, Ok(one.socket)),
        // Reset: it listened a moment ago, as dev servers do to find out whether a port is free.
        Err(
            Errno::CONNREFUSED
            | Errno::CONNRESET
            | Errno::CONNABORTED
            | Errno::ADDRNOTAVAIL
            | Errno::NETUNREACH
            | Errno::AFNOSUPPORT,
        ) => match one.address + 1 < ADDRESSES.len() {
            true => return try_address(server, one.request, one.address + 1),
            false => answer(server, id, Err(DialError::Refused)),
        },
        Err(error) => answer(server, id, Err(other(error))),
    }
    None
}

fn open_listener(port: u16) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddr::new(ADDRESSES[0], port))?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

fn other(error: Errno) -> DialError {
    DialError::Other { reason: error.to_string() }
}

fn answer(server: &OwnedFd, id: u64, outcome: Result<OwnedFd, DialError>) {
    let (socket, error) = match outcome {
        Ok(socket) => (Some(socket), None),
        Err(error) => (None, Some(error)),
    };
    match send(server, &DialReply { id, error }, socket.as_ref()) {
        // The kernel passes no descriptor now; that there is none can be said all the same.
        Err(error) if socket.is_some() => {
            let _ = send(server, &DialReply { id, error: Some(other(error)) }, None);
        }
        // A server that is gone needs no answer; the next request will say so.
        _ => {}
    }
}

fn send(server: &OwnedFd, reply: &DialReply, socket: Option<&OwnedFd>) -> Result<(), Errno> {
    let packet = serde_json::to_vec(reply).map_err(|_| Errno::INVAL)?;
    let descriptors: Vec<BorrowedFd<'_>> = socket.into_iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    sendmsg(server, &[IoSlice::new(&packet)], &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}
