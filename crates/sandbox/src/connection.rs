//! The server's end of the control socket: frames out through one task, frames in through another.
//!
//! A request is written whole even when its caller loses patience, or the stream would be out of step; requests are
//! written in the order in which they were made. Nothing the guest sends is believed beyond its form, an answer has at
//! most the content that its question allows, and what nobody asked for comes at a bounded pace.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, BufWriter, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use vitrine_jail::protocol::frame::{self, MAX_PAYLOAD_BYTES};
use vitrine_jail::protocol::{Event, FailureKind, Message, Reply, Request, RequestFrame};

use crate::driver::DriverError;
use crate::local::plain_exit;
use crate::pace::Pace;
use crate::passed::GuestSocket;
use crate::reading::{GuestError, Head, read_head, read_payload, skip_payload};
use crate::run::{RunEvent, RunReports};
use crate::words::plain;

/// Requests that wait to be written.
const QUEUED_REQUESTS: usize = 64;

/// A reply and its payload.
pub(crate) type Answer = (Reply, Bytes);

/// One frame: its head, and the pieces of its payload.
pub(crate) type Outgoing = Vec<Bytes>;

/// Asks the guest things; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    outgoing: mpsc::Sender<Vec<Outgoing>>,
    pending: Arc<Pending>,
}

#[derive(Debug, Default)]
struct Pending(Mutex<PendingState>);

#[derive(Debug, Default)]
struct PendingState {
    last_id: u64,
    waiting: HashMap<u64, Waiting>,
    is_closed: bool,
}

/// A request without its answer.
#[derive(Debug)]
enum Waiting {
    /// For the one answer.
    Once {
        answer: oneshot::Sender<Answer>,
        /// Content that can be an answer.
        most_payload: usize,
    },
    /// For the pieces of an answer, and its end.
    Watched {
        reports: RunReports,
        /// Content that can still come.
        left: usize,
    },
}

/// What to do with an answer.
enum Taken {
    Once {
        answer: oneshot::Sender<Answer>,
        most_payload: usize,
    },
    Piece {
        reports: RunReports,
        left: usize,
    },
    Last {
        reports: RunReports,
    },
    /// Its caller has left, or it was given before.
    Nobody,
}

impl Connection {
    /// Takes over the socket. `receive` gets every event; the returned future reads until the stream ends or stops
    /// making sense, and says why it stopped.
    pub(crate) fn open(
        socket: GuestSocket,
        receive: impl FnMut(Event) + Send,
    ) -> (Self, impl Future<Output = GuestError> + Send) {
        let (reader, writer) = tokio::io::split(socket);
        let (outgoing, queue) = mpsc::channel(QUEUED_REQUESTS);
        tokio::spawn(write_all(writer, queue));
        let pending = Arc::new(Pending::default());
        let connection = Self { outgoing, pending: pending.clone() };
        (connection, read_all(reader, pending, receive))
    }

    /// Sends one request and waits for its reply.
    pub(crate) async fn ask(&self, request: Request, within: Duration) -> Result<Answer, DriverError> {
        let most_payload = most_payload(&request);
        self.exchange(within, most_payload, |id| Ok(vec![vec![head(id, request, 0)?]])).await
    }

    /// Sends a request that consists of several frames, all under one id, and waits for its one reply, which has no
    /// content.
    pub(crate) async fn ask_in_parts(
        &self,
        within: Duration,
        parts: impl FnOnce(u64) -> Result<Vec<Outgoing>, DriverError>,
    ) -> Result<Answer, DriverError> {
        self.exchange(within, 0, parts).await
    }

    /// A number for a request whose answer comes in pieces, at most `most_output` bytes of them; [`Connection::begin`] sends it,
    /// [`Connection::cancel`] takes it back.
    pub(crate) fn watch(&self, most_output: usize, reports: RunReports) -> Result<u64, DriverError> {
        self.pending.register(Waiting::Watched { reports, left: most_output }).ok_or(DriverError::Ended)
    }

    /// Sends what is watched under a number.
    pub(crate) async fn begin(&self, id: u64, request: Request) -> Result<(), DriverError> {
        let frame = head(id, request, 0)?;
        self.outgoing.send(vec![vec![frame]]).await.map_err(|_| DriverError::Ended)
    }

    /// Kills what is watched under a number and forgets it; nothing happens when it has ended. Does not wait.
    pub(crate) fn cancel(&self, id: u64) {
        let was_waiting = self.pending.forget(id);
        let Ok(frame) = head(id, Request::Cancel, 0) else { return };
        if !was_waiting {
            return;
        }
        let Err(mpsc::error::TrySendError::Full(frames)) = self.outgoing.try_send(vec![vec![frame]]) else {
            return;
        };
        // The guest takes nothing at this moment; this waits its turn beside whoever else does.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let outgoing = self.outgoing.clone();
            runtime.spawn(async move { outgoing.send(frames).await });
        }
    }

    async fn exchange(
        &self,
        within: Duration,
        most_payload: usize,
        parts: impl FnOnce(u64) -> Result<Vec<Outgoing>, DriverError>,
    ) -> Result<Answer, DriverError> {
        let (sender, answer) = oneshot::channel();
        let waiting = Waiting::Once { answer: sender, most_payload };
        let id = self.pending.register(waiting).ok_or(DriverError::Ended)?;
        let forget = Forget { pending: &self.pending, id };
        let parts = parts(id)?;
        let exchange = async {
            self.outgoing.send(parts).await.map_err(|_| DriverError::Ended)?;
            answer.await.map_err(|_| DriverError::Ended)
        };
        let answer = tokio::time::timeout(within, exchange).await;
        drop(forget);
        match answer.map_err(|_| DriverError::Timeout(within))?? {
            (Reply::Failed { kind, reason }, _) => Err(failure(kind, &reason)),
            answer => Ok(answer),
        }
    }

    /// Fails every request that waits and every later one.
    pub(crate) fn close(&self) {
        let mut state = self.pending.state();
        state.is_closed = true;
        state.waiting.clear();
    }
}

/// The head of a request's frame.
pub(crate) fn head(id: u64, request: Request, payload_bytes: usize) -> Result<Bytes, DriverError> {
    frame::encode(&RequestFrame { id, request }, payload_bytes)
        .map(Bytes::from)
        .map_err(|error| DriverError::Refused(error.to_string()))
}

/// The guest answered with something else than what was asked.
pub(crate) fn unexpected(reply: &Reply) -> DriverError {
    DriverError::Refused(plain(&format!("an unexpected answer: {reply:?}")))
}

/// The content that an answer may have.
fn most_payload(request: &Request) -> usize {
    let most = match request {
        Request::Apply(_) | Request::Spawn { .. } | Request::Kill { .. } | Request::Cancel => 0,
        // Counted piece by piece.
        Request::Run { .. } => 0,
        Request::Digest | Request::List { .. } => MAX_PAYLOAD_BYTES as u64,
        Request::Read { max_bytes, .. } => *max_bytes,
        Request::Fetch { pieces } => {
            pieces.iter().fold(0, |sum: u64, piece| sum.saturating_add(piece.max_bytes))
        }
        // Of each stream.
        Request::Exec { max_output_bytes, .. } => max_output_bytes.saturating_mul(2),
    };
    usize::try_from(most).unwrap_or(usize::MAX).min(MAX_PAYLOAD_BYTES)
}

impl Pending {
    fn state(&self) -> std::sync::MutexGuard<'_, PendingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, waiting: Waiting) -> Option<u64> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.last_id += 1;
        let id = state.last_id;
        state.waiting.insert(id, waiting);
        Some(id)
    }

    /// True when somebody waited.
    fn forget(&self, id: u64) -> bool {
        self.state().waiting.remove(&id).is_some()
    }

    /// Who waits for this answer. Whoever watches goes on waiting after a piece.
    fn take(&self, id: u64, reply: &Reply, payload_bytes: usize) -> Result<Taken, GuestError> {
        let mut state = self.state();
        if id == 0 || id > state.last_id {
            return Err(GuestError::NeverAsked);
        }
        let is_piece = matches!(reply, Reply::Piece { .. });
        if let (true, Some(Waiting::Watched { reports, left })) = (is_piece, state.waiting.get_mut(&id)) {
            let before = *left;
            // An empty piece costs one byte: otherwise a guest could send them without end.
            *left = before.saturating_sub(payload_bytes.max(1));
            return Ok(Taken::Piece { reports: reports.clone(), left: before });
        }
        Ok(match state.waiting.remove(&id) {
            Some(Waiting::Once { answer, most_payload }) => Taken::Once { answer, most_payload },
            Some(Waiting::Watched { reports, .. }) => Taken::Last { reports },
            None => Taken::Nobody,
        })
    }
}

/// Forgets a request whose caller has left.
struct Forget<'a> {
    pending: &'a Pending,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.pending.forget(self.id);
    }
}

async fn write_all(writer: WriteHalf<GuestSocket>, mut queue: mpsc::Receiver<Vec<Outgoing>>) {
    let mut writer = BufWriter::with_capacity(64 * 1024, writer);
    while let Some(frames) = queue.recv().await {
        // A broken socket is the reader's to report.
        if write_frames(&mut writer, frames).await.is_err() {
            return;
        }
    }
}

async fn write_frames(
    writer: &mut BufWriter<WriteHalf<GuestSocket>>,
    frames: Vec<Outgoing>,
) -> io::Result<()> {
    for piece in frames.into_iter().flatten() {
        writer.write_all(&piece).await?;
    }
    writer.flush().await
}

async fn read_all(
    mut reader: ReadHalf<GuestSocket>,
    pending: Arc<Pending>,
    mut receive: impl FnMut(Event) + Send,
) -> GuestError {
    let mut pace = Pace::new();
    loop {
        if let Err(error) = read_one(&mut reader, &pending, &mut pace, &mut receive).await {
            return error;
        }
    }
}

async fn read_one(
    reader: &mut ReadHalf<GuestSocket>,
    pending: &Pending,
    pace: &mut Pace,
    receive: &mut (impl FnMut(Event) + Send),
) -> Result<(), GuestError> {
    let Head { message, payload_bytes, frame_bytes } = read_head(reader).await?;
    match message {
        Message::Reply { id, reply } => match pending.take(id, &reply, payload_bytes)? {
            Taken::Once { answer, most_payload } => {
                check_payload(payload_bytes, most_payload)?;
                let payload = read_payload(reader, payload_bytes).await?;
                // The caller may have left.
                let _ = answer.send((reply, payload));
            }
            Taken::Piece { reports, left } => {
                check_payload(payload_bytes.max(1), left)?;
                let piece = read_payload(reader, payload_bytes).await?;
                if let Reply::Piece { is_stderr } = reply {
                    let _ = reports.send(Ok(RunEvent::Output { is_stderr, piece }));
                }
            }
            Taken::Last { reports } => {
                check_payload(payload_bytes, 0)?;
                let _ = reports.send(ended(reply));
            }
            Taken::Nobody => {
                pace.pay(frame_bytes).await;
                skip_payload(reader, payload_bytes).await?;
            }
        },
        _ if payload_bytes > 0 => return Err(GuestError::TooMuch { bytes: payload_bytes, most: 0 }),
        Message::Event(event) => {
            pace.pay(frame_bytes).await;
            receive(event);
        }
        Message::Failed { step, reason } => {
            return Err(GuestError::GaveUp { step: plain(&step), reason: plain(&reason) });
        }
        Message::Launched { .. } | Message::Ready => return Err(GuestError::OutOfPlace),
    }
    Ok(())
}

fn check_payload(bytes: usize, most: usize) -> Result<(), GuestError> {
    match bytes > most {
        true => Err(GuestError::TooMuch { bytes, most }),
        false => Ok(()),
    }
}

/// How a watched command ended, as the guest tells it.
fn ended(reply: Reply) -> Result<RunEvent, DriverError> {
    match reply {
        Reply::Ran { exit, is_truncated } => Ok(RunEvent::Ended { exit: plain_exit(exit), is_truncated }),
        Reply::Failed { kind, reason } => Err(failure(kind, &reason)),
        other => Err(unexpected(&other)),
    }
}

/// The guest could not do what it was asked.
fn failure(kind: FailureKind, reason: &str) -> DriverError {
    match kind {
        FailureKind::Limit => DriverError::Limit(plain(reason)),
        FailureKind::Refused => DriverError::Refused(plain(reason)),
    }
}

/// Reads one message that has no content: what is said while a sandbox starts.
pub(crate) async fn read_message(
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
) -> Result<Message, GuestError> {
    let head = read_head(reader).await?;
    match head.payload_bytes {
        0 => Ok(head.message),
        bytes => Err(GuestError::TooMuch { bytes, most: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::mpsc as std_mpsc;
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;
    use vitrine_jail::protocol::Ended;
    use vitrine_jail::protocol::frame::LENGTHS_BYTES;

    const WITHIN: Duration = Duration::from_secs(10);

    /// A connection, the guest's end of it, and why reading stopped.
    fn open() -> (Connection, UnixStream, tokio::task::JoinHandle<GuestError>, std_mpsc::Receiver<Event>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (sender, events) = std_mpsc::channel();
        let ours = GuestSocket::open(ours.into_std().unwrap().into(), Arc::default()).unwrap();
        let (connection, reading) = Connection::open(ours, move |event| sender.send(event).unwrap());
        (connection, theirs, tokio::spawn(reading), events)
    }

    fn message(message: &Message) -> Vec<u8> {
        frame::encode(message, 0).unwrap()
    }

    #[tokio::test]
    async fn answers_find_their_questions_in_any_order_and_second_ones_are_ignored() {
        let (connection, mut guest, _reading, events) = open();
        let answering = async {
            let mut requests = [0; 4096];
            let mut seen = 0;
            while seen < 2 {
                let count = guest.read(&mut requests).await.unwrap();
                seen += String::from_utf8_lossy(&requests[..count]).matches("\"id\"").count();
            }
            let reply = |id, is_found| Message::Reply { id, reply: Reply::Content { is_found } };
            let exited = Event::Exited { name: "dev".into(), exit: Ended::TimedOut };
            for said in [reply(2, true), Message::Event(exited), reply(2, false), reply(1, false)] {
                guest.write_all(&message(&said)).await.unwrap();
            }
        };
        let first = connection.ask(Request::Digest, WITHIN);
        let second = connection.ask(Request::Digest, WITHIN);
        let (first, second, ()) = tokio::join!(first, second, answering);
        assert_eq!(first.unwrap().0, Reply::Content { is_found: false });
        assert_eq!(second.unwrap().0, Reply::Content { is_found: true });
        assert!(matches!(events.recv().unwrap(), Event::Exited { .. }));
    }

    #[tokio::test]
    async fn a_guest_that_says_nothing_is_not_waited_for() {
        let (connection, _guest, _reading, _events) = open();
        let brief = Duration::from_millis(20);
        assert!(matches!(connection.ask(Request::Digest, brief).await, Err(DriverError::Timeout(_))));
        connection.close();
        assert!(matches!(connection.ask(Request::Digest, WITHIN).await, Err(DriverError::Ended)));
    }

    #[tokio::test]
    async fn whatever_makes_no_sense_ends_the_reading() {
        let huge = [0xff; LENGTHS_BYTES].to_vec();
        let unreadable = [&9_u32.to_le_bytes()[..], &[0; 4], b"not json!"].concat();
        let cut = message(&Message::Ready)[..9].to_vec();
        let misplaced = message(&Message::Launched { pid: 1 });
        for bytes in [huge, unreadable, cut, misplaced, Vec::new()] {
            let (_connection, mut guest, reading, _events) = open();
            guest.write_all(&bytes).await.unwrap();
            drop(guest);
            let ended = tokio::time::timeout(WITHIN, reading).await;
            assert!(ended.is_ok_and(|ended| ended.is_ok()), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_the_reading_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut stream = bytes.as_slice();
                while read_message(&mut stream).await.is_ok() {}
            });
        }
    }
}
