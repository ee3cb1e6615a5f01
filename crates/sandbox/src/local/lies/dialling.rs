//! Lies on the dial socket, and sockets that are not what they were when they were passed.

use std::io::{IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, sendmsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vitrine_jail::protocol::{DialRequest, MAX_DIAL_BYTES};

use super::*;
use crate::stream::Stream;

/// Long before anything that is held up would go on by itself.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How long a socket of these tests holds up whoever falls for it.
const HELD_UP: Duration = Duration::from_secs(6);

impl Guest {
    fn hears_dial(&self) -> DialRequest {
        let mut packet = [0; MAX_DIAL_BYTES];
        let (_, count) = recv(&self.dial, &mut packet[..], RecvFlags::empty()).unwrap();
        serde_json::from_slice(&packet[..count]).unwrap()
    }

    fn passes(&self, packet: &[u8], descriptors: &[BorrowedFd<'_>]) {
        pass(self.dial.as_fd(), packet, descriptors);
    }
}

fn pass(socket: BorrowedFd<'_>, packet: &[u8], descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(descriptors)));
    }
    sendmsg(socket, &[IoSlice::new(packet)], &mut ancillary, SendFlags::NOSIGNAL).unwrap();
}

fn answer(id: u64) -> Vec<u8> {
    json!({ "id": id, "error": null }).to_string().into_bytes()
}

/// True when every copy of the other end is closed.
fn is_closed(end: &mut StdUnixStream) -> bool {
    end.set_read_timeout(Some(WITHIN)).unwrap();
    matches!(end.read(&mut [0; 1]), Ok(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_make_no_sense_end_the_session() {
    let long = vec![b' '; MAX_DIAL_BYTES + 1];
    for packet in
        [&b"not json"[..], b"", b"[]", br#"{"id":1,"error":{"why":"bored"}}"#, &long, &answer(99), &answer(0)]
    {
        let (mut started, guest) = sandbox();
        let packet = packet.to_vec();
        let guest = std::thread::spawn(move || {
            guest.hears_dial();
            guest.passes(&packet, &[]);
            guest
        });
        assert!(started.sandbox.dial(1).await.is_err());
        let (why, _) = end_of(&mut started).await;
        assert!(why.starts_with("dialling:"), "{why}");
        guest.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_descriptor_that_was_not_asked_for_is_closed() {
    let (mut started, guest) = sandbox();
    let (mut watched, passed) = StdUnixStream::pair().unwrap();
    let guest = std::thread::spawn(move || {
        let id = guest.hears_dial().id;
        // One of the wrong kind, more for a request that was answered, then three where there is one to come.
        for _ in 0..50 {
            guest.passes(&answer(id), &[passed.as_fd()]);
        }
        guest.passes(&answer(id), &[passed.as_fd(), passed.as_fd(), passed.as_fd()]);
        guest
    });
    assert!(matches!(started.sandbox.dial(1).await, Err(DriverError::Refused(_))), "no TCP socket");
    let _guest = guest.join().unwrap();
    let (why, _) = end_of(&mut started).await;
    assert_eq!(why, "dialling: more descriptors than one");
    assert!(is_closed(&mut watched));
}

/// A connection whose close waits, and its other end.
fn lingering() -> (StdStream, StdStream) {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let mut near = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    while near.write(&[0; 1 << 16]).is_ok() {}
    set_socket_linger(&near, Some(HELD_UP)).unwrap();
    (near, far)
}

/// On one thread only: whoever closes what was passed is held up.
#[tokio::test]
async fn a_lingering_descriptor_holds_up_nobody_whichever_way_it_comes() {
    type Way = (&'static str, fn(&Guest, &[BorrowedFd<'_>]));
    let ways: [Way; 5] = [
        ("a frame: a descriptor", |guest, fds| pass(guest.control.as_fd(), b"x", fds)),
        ("dialling: an answer", |guest, fds| guest.passes(&answer(7), fds)),
        ("dialling: more", |guest, fds| guest.passes(&answer(7), &[fds[0], fds[0]])),
        ("dialling: expected", |guest, fds| guest.passes(b"nonsense", fds)),
        ("dialling: expected", |guest, fds| {
            guest.passes(b"nonsense", &[]);
            // Nobody reads that one any more.
            guest.passes(b"nonsense", fds);
        }),
    ];
    for (number, (why, way)) in ways.into_iter().enumerate() {
        let (mut started, guest) = sandbox();
        let (near, far) = lingering();
        way(&guest, &[near.as_fd()]);
        drop(near);
        let begun = Instant::now();
        let (said, _) = end_of(&mut started).await;
        drop(started);
        // Whatever was put off to be closed on this thread is closed now.
        tokio::task::yield_now().await;
        assert!(begun.elapsed() < AT_ONCE, "way {number}: {:?}", begun.elapsed());
        assert!(said.contains(why.split_once(": ").unwrap().1), "way {number}: {said}");
        drop(far);
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_never_passes_anything_is_not_waited_for() {
    let (started, _guest) = sandbox();
    assert!(matches!(started.sandbox.dial(1).await, Err(DriverError::Timeout(_))));
    assert!(matches!(started.sandbox.listen(1).await, Err(DriverError::Timeout(_))));
    started.sandbox.stop().await.unwrap();
}

/// A dialled connection, a copy of it that the guest has kept, and its other end.
async fn dialled() -> (Started, Stream, StdStream, StdStream) {
    let (started, guest) = sandbox();
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let kept = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    let passed = kept.try_clone().unwrap();
    let guest = std::thread::spawn(move || {
        let id = guest.hears_dial().id;
        guest.passes(&answer(id), &[passed.as_fd()]);
        guest
    });
    let stream = started.sandbox.dial(1).await.unwrap();
    // Kept alive with the sockets: a guest that is gone is another matter.
    std::mem::forget(guest.join().unwrap());
    (started, stream, kept, far)
}

fn make_blocking(socket: impl AsFd) {
    let flags = fcntl_getfl(&socket).unwrap();
    fcntl_setfl(&socket, flags - OFlags::NONBLOCK).unwrap();
}

/// On one thread only: whoever blocks it stops the clock that is waited for here.
#[tokio::test]
async fn a_connection_that_was_made_blocking_holds_up_nobody() {
    let (started, mut stream, kept, mut far) = dialled().await;
    make_blocking(&kept);
    // Something to read leads the runtime to try once more when there is nothing.
    std::io::Write::write_all(&mut far, b"x").unwrap();
    stream.read_exact(&mut [0; 1]).await.unwrap();
    std::thread::spawn(move || {
        std::thread::sleep(HELD_UP);
        // A test that fails still ends.
        let _ = far.shutdown(std::net::Shutdown::Both);
        let _ = far.read(&mut [0; 1]);
    });
    let begun = Instant::now();
    let mut nothing = [0; 64];
    assert!(tokio::time::timeout(Duration::from_millis(50), stream.read(&mut nothing)).await.is_err());
    let much = vec![0; 1 << 20];
    let writing = async { while stream.write_all(&much).await.is_ok() {} };
    assert!(tokio::time::timeout(Duration::from_millis(50), writing).await.is_err());
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(kept);
    started.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_lingers_holds_up_nobody_who_closes_it() {
    let (started, mut stream, kept, far) = dialled().await;
    let much = vec![0; 1 << 20];
    // Until nothing more can be sent: a close that lingers waits for that to change.
    let writing = async { while stream.write_all(&much).await.is_ok() {} };
    assert!(tokio::time::timeout(Duration::from_millis(100), writing).await.is_err());
    set_socket_linger(&kept, Some(HELD_UP)).unwrap();
    drop(kept);
    let begun = Instant::now();
    drop(stream);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(far);
    started.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_listener_that_was_made_blocking_or_lingering_holds_up_nobody() {
    let (started, guest) = sandbox();
    let kept = StdListener::bind("127.0.0.1:0").unwrap();
    let address = kept.local_addr().unwrap();
    let passed = kept.try_clone().unwrap();
    let guest = std::thread::spawn(move || {
        let id = guest.hears_dial().id;
        guest.passes(&answer(id), &[passed.as_fd()]);
        guest
    });
    let listener = started.sandbox.listen(1).await.unwrap();
    make_blocking(&kept);
    set_socket_linger(&kept, Some(HELD_UP)).unwrap();
    let begun = Instant::now();
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err());
    let mut inside = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut accepted = listener.accept().await.unwrap();
    inside.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    accepted.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    assert_eq!(rustix::net::sockopt::socket_linger(&accepted).unwrap(), None);
    drop(listener);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(guest.join().unwrap());
    started.sandbox.stop().await.unwrap();
}
