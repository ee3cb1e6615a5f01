//! The server's end of the control socket: frames out through one task, frames in through another.
//!
//! A request is written whole even when its caller loses patience, or the stream would be out of step; requests are
//! written in the order in which they were made. Nothing the guest sends is believed beyond its form.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use vitrine_jail::protocol::frame::{self, FrameError, LENGTHS_BYTES};
use vitrine_jail::protocol::{Event, FailureKind, Message, Reply, Request, RequestFrame};

use crate::driver::DriverError;

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
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    is_closed: bool,
}

impl Connection {
    /// Takes over the socket. `receive` gets every event; the returned future reads until the stream ends or stops
    /// making sense, and says why it stopped.
    pub(crate) fn open(
        socket: UnixStream,
        receive: impl FnMut(Event) + Send,
    ) -> (Self, impl Future<Output = FrameError> + Send) {
        let (reader, writer) = socket.into_split();
        let (outgoing, queue) = mpsc::channel(QUEUED_REQUESTS);
        tokio::spawn(write_all(writer, queue));
        let pending = Arc::new(Pending::default());
        let connection = Self { outgoing, pending: pending.clone() };
        (connection, read_all(reader, pending, receive))
    }

    /// Sends one request and waits for its reply.
    pub(crate) async fn ask(&self, request: Request, within: Duration) -> Result<Answer, DriverError> {
        self.ask_in_parts(within, |id| Ok(vec![vec![head(id, request, 0)?]])).await
    }

    /// Sends a request that consists of several frames, all under one id, and waits for its one reply.
    pub(crate) async fn ask_in_parts(
        &self,
        within: Duration,
        parts: impl FnOnce(u64) -> Result<Vec<Outgoing>, DriverError>,
    ) -> Result<Answer, DriverError> {
        let (id, answer) = self.pending.register().ok_or(DriverError::Ended)?;
        let forget = Forget { pending: &self.pending, id };
        let parts = parts(id)?;
        let exchange = async {
            self.outgoing.send(parts).await.map_err(|_| DriverError::Ended)?;
            answer.await.map_err(|_| DriverError::Ended)
        };
        let answer = tokio::time::timeout(within, exchange).await;
        drop(forget);
        match answer.map_err(|_| DriverError::Timeout(within))?? {
            (Reply::Failed { kind: FailureKind::Limit, reason }, _) => Err(DriverError::Limit(reason)),
            (Reply::Failed { kind: FailureKind::Refused, reason }, _) => Err(DriverError::Refused(reason)),
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
    DriverError::Refused(format!("an unexpected answer: {reply:?}"))
}

impl Pending {
    fn state(&self) -> std::sync::MutexGuard<'_, PendingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self) -> Option<(u64, oneshot::Receiver<Answer>)> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.last_id += 1;
        let id = state.last_id;
        state.waiting.insert(id, sender);
        Some((id, receiver))
    }
}

/// Forgets a request whose caller has left.
struct Forget<'a> {
    pending: &'a Pending,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.pending.state().waiting.remove(&self.id);
    }
}

async fn write_all(writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<Outgoing>>) {
    let mut writer = BufWriter::with_capacity(64 * 1024, writer);
    while let Some(frames) = queue.recv().await {
        // A broken socket is the reader's to report.
        if write_frames(&mut writer, frames).await.is_err() {
            return;
        }
    }
}

async fn write_frames(writer: &mut BufWriter<OwnedWriteHalf>, frames: Vec<Outgoing>) -> io::Result<()> {
    for piece in frames.into_iter().flatten() {
        writer.write_all(&piece).await?;
    }
    writer.flush().await
}

async fn read_all(
    mut reader: OwnedReadHalf,
    pending: Arc<Pending>,
    mut receive: impl FnMut(Event) + Send,
) -> FrameError {
    loop {
        match read_message(&mut reader).await {
            Ok((Message::Event(event), _)) => receive(event),
            Ok((Message::Reply { id, reply }, payload)) => {
                if let Some(sender) = pending.state().waiting.remove(&id) {
                    // The caller may have left.
                    let _ = sender.send((reply, payload));
                }
            }
            Ok((Message::Failed { step, reason }, _)) => {
                return io::Error::other(format!("{step}: {reason}")).into();
            }
            Ok((Message::Launched { .. } | Message::Ready, _)) => {
                return io::Error::other("a message out of its place").into();
            }
            Err(error) => return error,
        }
    }
}

/// Reads one message with its payload.
pub(crate) async fn read_message(
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
) -> Result<(Message, Bytes), FrameError> {
    let mut lengths = [0; LENGTHS_BYTES];
    reader.read_exact(&mut lengths).await?;
    let lengths = frame::parse_lengths(lengths)?;
    let mut header = vec![0; lengths.header];
    reader.read_exact(&mut header).await?;
    let message = serde_json::from_slice(&header)?;
    let mut payload = vec![0; lengths.payload];
    reader.read_exact(&mut payload).await?;
    Ok((message, payload.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::mpsc as std_mpsc;
    use vitrine_jail::protocol::Ended;

    const WITHIN: Duration = Duration::from_secs(10);

    /// A connection, the guest's end of it, and why reading stopped.
    fn open() -> (Connection, UnixStream, tokio::task::JoinHandle<FrameError>, std_mpsc::Receiver<Event>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (sender, events) = std_mpsc::channel();
        let (connection, reading) = Connection::open(ours, move |event| sender.send(event).unwrap());
        (connection, theirs, tokio::spawn(reading), events)
    }

    fn message(message: &Message) -> Vec<u8> {
        frame::encode(message, 0).unwrap()
    }

    #[tokio::test]
    async fn answers_find_their_questions_in_any_order_and_strays_are_ignored() {
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
            for said in
                [reply(99, true), reply(2, true), Message::Event(exited), reply(2, false), reply(1, false)]
            {
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
