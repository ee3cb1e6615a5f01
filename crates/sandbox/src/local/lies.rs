//! Guests that lie. The real server's end of a sandbox talks to a scripted one: whatever it says costs at most its own
//! session, which ends or refuses, and never a panic, a thread, a descriptor or memory without a bound.

mod dialling;
mod saying;

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::{Command, Stdio};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use serde_json::{Value, json};
use vitrine_jail::protocol::{RequestFrame, frame};

use super::*;
use crate::driver::{EndReason, SandboxEvent};

/// Long enough on any machine; what is awaited with it comes at once.
const WITHIN: Duration = Duration::from_secs(20);

/// The other end of a sandbox's two sockets.
struct Guest {
    control: StdUnixStream,
    dial: OwnedFd,
}

/// A sandbox whose guest is the test. Its first process is one that does nothing.
#[expect(clippy::zombie_processes, reason = "the life of the sandbox waits for its first process")]
fn sandbox() -> (Started, Guest) {
    let (ours, control) = StdUnixStream::pair().unwrap();
    let (our_dial, dial) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let idle = Command::new("sleep").arg("600").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let init = Init::open(i32::try_from(idle.id()).unwrap()).unwrap();
    let note = std::env::temp_dir().join(format!("vitrine-lies-{}", idle.id()));
    let life = Arc::new(Life::new(init, Group::default(), note, Urgency::default()));
    let id: SandboxId = "sbx_01hf7yat000000000000000000".parse().unwrap();
    let claim = Claim { ids: Arc::default(), id: id.clone(), user: None };
    control.set_read_timeout(Some(WITHIN)).unwrap();
    control.set_write_timeout(Some(WITHIN)).unwrap();
    let closer = Arc::<Closer>::default();
    let sockets = [ours.into(), our_dial].map(|socket| GuestSocket::open(socket, closer.clone()).unwrap());
    (run(id, sockets.into(), life, claim), Guest { control, dial })
}

impl Guest {
    /// The next request and its payload.
    fn hears(&mut self) -> RequestFrame {
        frame::read(&mut self.control).unwrap().unwrap().0
    }

    fn says(&mut self, bytes: &[u8]) {
        // The server may stop listening in the middle of it.
        let _ = self.control.write_all(bytes);
    }

    /// Answers the next request with what `lie` makes of its id, and stays for as long as the handle does.
    fn lies(mut self, lie: impl FnOnce(u64) -> Vec<u8> + Send + 'static) -> std::thread::JoinHandle<Self> {
        std::thread::spawn(move || {
            let id = self.hears().id;
            let bytes = lie(id);
            self.says(&bytes);
            self
        })
    }
}

/// A frame with this header, right or wrong.
fn framed(header: &Value, payload: &[u8]) -> Vec<u8> {
    raw(header.to_string().as_bytes(), payload)
}

fn raw(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let lengths = [header.len(), payload.len()].map(|length| u32::try_from(length).unwrap().to_le_bytes());
    [&lengths.concat(), header, payload].concat()
}

fn reply(id: u64, reply: Value, payload: &[u8]) -> Vec<u8> {
    framed(&json!({ "say": "reply", "id": id, "reply": reply }), payload)
}

/// How the sandbox ended; everything else that it reported before.
async fn end_of(started: &mut Started) -> (String, Vec<SandboxEvent>) {
    let mut before = Vec::new();
    loop {
        match tokio::time::timeout(WITHIN, started.events.recv()).await.expect("it ends") {
            Some(SandboxEvent::Ended { reason: EndReason::GuestLost(why) }) => return (why, before),
            Some(SandboxEvent::Ended { reason }) => panic!("{reason:?}"),
            Some(event) => before.push(event),
            None => panic!("the end is always told"),
        }
    }
}

/// Another session on the same threads is as it was.
async fn assert_a_neighbour_is_well() {
    let (started, guest) = sandbox();
    let answering = guest.lies(|id| reply(id, json!({ "is": "digest" }), b"[]"));
    let held = tokio::time::timeout(WITHIN, started.sandbox.digest()).await.expect("it answers");
    assert!(held.unwrap().is_empty());
    started.sandbox.stop().await.unwrap();
    drop(answering.join().unwrap());
}
