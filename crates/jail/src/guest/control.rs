//! Requests of the server, answered in order; and the one place where the guest writes to it.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use super::supervisor::{Order, Orders};
use crate::files::{Batch, FileError, Project};
use crate::protocol::{
    ApplyPart, FailureKind, FetchPiece, MAX_FETCH_BYTES, Message, Reply, Request, RequestFrame, frame,
};

/// Writes whole frames to the control socket, from any thread.
#[derive(Debug, Clone)]
pub(super) struct Outbox(Arc<Mutex<Arc<File>>>);

impl Outbox {
    pub(super) fn new(control: Arc<File>) -> Self {
        Self(Arc::new(Mutex::new(control)))
    }

    /// Sends a message. When the server is gone this does nothing: the main thread is about to notice, too.
    pub(super) fn send(&self, message: &Message, payload: &[u8]) {
        let control = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = frame::write(&mut &**control, message, payload);
    }

    /// Answers a request.
    pub(super) fn reply(&self, id: u64, reply: Reply) {
        self.send(&Message::Reply { id, reply }, &[]);
    }
}

/// Answers until the server closes the socket or stops making sense.
pub(super) fn answer_requests(mut control: &File, project: &Project, supervisor: &Orders, outbox: &Outbox) {
    let mut batch = None;
    while let Ok(Some((RequestFrame { id, request }, payload))) = frame::read(&mut control) {
        match request {
            Request::Apply(part) => apply(id, &part, &payload, project, &mut batch, outbox),
            Request::Digest => digest(id, project, outbox),
            Request::Read { path, max_bytes } => read(id, project, &path, max_bytes, outbox),
            Request::List { folder } => list(id, project, &folder, outbox),
            Request::Fetch { pieces } => fetch(id, project, &pieces, outbox),
            Request::Spawn { name, command } => supervisor.send(Order::Spawn { id, name, command }),
            Request::Kill { name } => supervisor.send(Order::Kill { id, name }),
            Request::Exec { command, timeout_ms, max_output_bytes } => {
                supervisor.send(Order::Exec { id, command, timeout_ms, max_output_bytes });
            }
            Request::Run { command, timeout_ms, max_output_bytes } => {
                supervisor.send(Order::Run { id, command, timeout_ms, max_output_bytes });
            }
            Request::Cancel => supervisor.send(Order::Cancel { id }),
        }
    }
}

/// A batch in the making, or the reason why the rest of it is being ignored.
type Pending<'a> = Option<Result<Batch<'a>, FileError>>;

fn apply<'a>(
    id: u64,
    part: &ApplyPart,
    payload: &[u8],
    project: &'a Project,
    pending: &mut Pending<'a>,
    outbox: &Outbox,
) {
    let batch = pending.take().unwrap_or_else(|| Ok(project.batch()));
    let batch = batch.and_then(|batch| add_part(batch, part, payload));
    if !part.is_last {
        *pending = Some(batch);
        return;
    }
    let reply = batch.and_then(Batch::commit).map_or_else(|error| failed(&error), Reply::Applied);
    outbox.reply(id, reply);
}

fn add_part<'a>(mut batch: Batch<'a>, part: &ApplyPart, payload: &[u8]) -> Result<Batch<'a>, FileError> {
    let mut rest = payload;
    for piece in &part.put {
        let size = usize::try_from(piece.size).unwrap_or(usize::MAX);
        let (bytes, after) =
            rest.split_at_checked(size).ok_or(FileError::Batch("less content than announced"))?;
        batch.put(piece, bytes)?;
        rest = after;
    }
    part.removed.iter().try_for_each(|path| batch.remove(path))?;
    Ok(batch)
}

fn digest(id: u64, project: &Project, outbox: &Outbox) {
    let answer = project.digest().and_then(|held| {
        serde_json::to_vec(&held).map_err(|_| FileError::Batch("a digest that cannot be written"))
    });
    match answer {
        Ok(payload) => outbox.send(&Message::Reply { id, reply: Reply::Digest }, &payload),
        Err(error) => outbox.reply(id, failed(&error)),
    }
}

fn read(id: u64, project: &Project, path: &str, max_bytes: u64, outbox: &Outbox) {
    let max_bytes = max_bytes.min(frame::MAX_PAYLOAD_BYTES as u64);
    match project.read(path, max_bytes) {
        Ok(content) => {
            let reply = Reply::Content { is_found: content.is_some() };
            outbox.send(&Message::Reply { id, reply }, &content.unwrap_or_default());
        }
        Err(error) => outbox.reply(id, failed(&error)),
    }
}

fn list(id: u64, project: &Project, folder: &str, outbox: &Outbox) {
    let answer = project.list(folder).and_then(|entries| {
        serde_json::to_vec(&entries).map_err(|_| FileError::Batch("a listing that cannot be written"))
    });
    match answer {
        Ok(payload) => outbox.send(&Message::Reply { id, reply: Reply::Listing }, &payload),
        Err(error) => outbox.reply(id, failed(&error)),
    }
}

fn fetch(id: u64, project: &Project, pieces: &[FetchPiece], outbox: &Outbox) {
    let asked = pieces.iter().fold(0_u64, |sum, piece| sum.saturating_add(piece.max_bytes));
    if asked > MAX_FETCH_BYTES {
        return outbox.reply(id, failed(&FileError::Batch("more than one answer can hold")));
    }
    let mut content = Vec::new();
    match project.fetch(pieces, &mut content) {
        Ok(sizes) => outbox.send(&Message::Reply { id, reply: Reply::Fetched { sizes } }, &content),
        Err(error) => outbox.reply(id, failed(&error)),
    }
}

fn failed(error: &FileError) -> Reply {
    let kind = match error {
        FileError::Limit { .. } => FailureKind::Limit,
        _ => FailureKind::Refused,
    };
    Reply::Failed { kind, reason: error.to_string() }
}
