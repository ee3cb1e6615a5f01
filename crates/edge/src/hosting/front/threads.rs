//! Threads for the front, each with an event loop of its own and connections that stay on it.
//!
//! Answering takes a few microseconds, about as long as waking another thread for it. Beside one event loop for all
//! threads, a request took some 4 to 8 % less processor time, in short runs on a machine with other work.

use std::io;
use std::net::TcpStream as StdStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::super::Hosting;
use super::Rewind;

/// The threads; they end when this is dropped.
#[derive(Debug)]
pub(in crate::hosting) struct Threads {
    queues: Vec<mpsc::UnboundedSender<Visit>>,
    next: AtomicUsize,
}

/// A connection on its way to a thread.
struct Visit {
    hosting: Arc<Hosting>,
    stream: StdStream,
    stopping: CancellationToken,
    rest: oneshot::Sender<Rest>,
}

/// A connection on its way back.
type Rest = (StdStream, Bytes);

impl Threads {
    /// Starts as many as there are processors.
    pub(in crate::hosting) fn start() -> io::Result<Self> {
        let count = std::thread::available_parallelism()?.get();
        let queues = (0..count).map(|_| start_one()).collect::<io::Result<_>>()?;
        Ok(Self { queues, next: AtomicUsize::new(0) })
    }

    /// [`Hosting::front`] on one of the threads.
    pub(in crate::hosting) async fn serve(
        &self,
        hosting: Arc<Hosting>,
        stream: TcpStream,
        stopping: CancellationToken,
    ) -> Option<Rewind> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.queues.len();
        let (rest, back) = oneshot::channel();
        let visit = Visit { hosting, stream: stream.into_std().ok()?, stopping, rest };
        self.queues[turn].send(visit).ok()?;
        let (stream, pending) = back.await.ok()?;
        Some(Rewind::new(TcpStream::from_std(stream).ok()?, &pending))
    }
}

fn start_one() -> io::Result<mpsc::UnboundedSender<Visit>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (queue, mut visits) = mpsc::unbounded_channel();
    std::thread::Builder::new().name("hosting-front".to_owned()).spawn(move || {
        take_no_precedence();
        runtime.block_on(async {
            while let Some(visit) = visits.recv().await {
                tokio::spawn(receive(visit));
            }
        });
    })?;
    Ok(queue)
}

/// The server may prefer itself to what runs beside it. Here that costs: a thread that goes before whoever reads its answers
/// is woken for each request alone, instead of for the many that have come meanwhile (a fifth more processor time per request).
fn take_no_precedence() {
    if let Ok(now @ ..0) = rustix::process::getpriority_process(None) {
        // Giving precedence up is always allowed; were it not, things stay as they are.
        let _ = rustix::process::nice(-now);
    }
}

async fn receive(visit: Visit) {
    let Visit { hosting, stream, stopping, rest } = visit;
    let Ok(stream) = TcpStream::from_std(stream) else {
        return;
    };
    let handed = hosting.front(stream, &stopping).await;
    // A socket belongs to the event loop that reads it: it leaves this one before it goes back.
    if let Some(Ok(parts)) = handed.map(Rewind::into_parts) {
        // Nobody waits for it when the server has just ended.
        let _ = rest.send(parts);
    }
}
