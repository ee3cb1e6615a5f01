//! An answer with its bytes at hand, and its way out through hyper.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http::header::{HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::head::Head;
use super::range::Multipart;
use super::reply::Reply;
use super::reply::ReplyBody;
use super::source::Object;
use super::usage::Counter;
use crate::body::{self, Body, BoxError};

/// Bytes read from a file at once on hyper's way, where the kernel cannot send it by itself.
const CHUNK_BYTES: u64 = 64 * 1024;

/// Fields of one of our heads: far below this.
const MAX_FIELDS: usize = 32;

/// An answer whose bytes are at hand.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) head: Head,
    pub(crate) body: Pieces,
    usage: Option<Arc<Counter>>,
}

/// What comes after the head.
#[derive(Debug)]
pub(crate) enum Pieces {
    One(Piece),
    Several(Vec<Piece>),
}

/// Bytes in memory or in a file.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Empty,
    Bytes(Bytes),
    File { file: Arc<File>, range: Range<u64> },
}

impl Piece {
    pub(crate) fn of(object: Object) -> Self {
        match object {
            Object::Bytes(bytes) => Self::Bytes(bytes),
            Object::File { file, len } => Self::File { file, range: 0..len },
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { range, .. } => range.end - range.start,
        }
    }

    /// A part; what lies beyond the end is left out.
    pub(crate) fn slice(&self, part: Range<u64>) -> Self {
        let (start, end) = (part.start.min(self.len()), part.end.min(self.len()));
        match self {
            Self::Empty => Self::Empty,
            Self::Bytes(bytes) => {
                let at = |position| usize::try_from(position).unwrap_or(usize::MAX);
                Self::Bytes(bytes.slice(at(start)..at(end)))
            }
            Self::File { file, range } => {
                Self::File { file: file.clone(), range: range.start + start..range.start + end }
            }
        }
    }
}

impl Ready {
    pub(crate) fn new(head: Head, piece: Piece) -> Self {
        Self { head, body: Pieces::One(piece), usage: None }
    }

    /// An answer that needs nothing fetched.
    pub(crate) fn of(reply: Reply) -> Self {
        let piece = match reply.body {
            ReplyBody::Whole(super::entry::Content::Made(bytes)) => Piece::Bytes(bytes),
            _ => Piece::Empty,
        };
        Self::new(reply.head, piece)
    }

    pub(crate) fn multipart(head: Head, whole: &Piece, frame: Multipart) -> Self {
        let parts =
            frame.parts.into_iter().flat_map(|(lead, range)| [Piece::Bytes(lead), whole.slice(range)]);
        let pieces = parts.chain([Piece::Bytes(frame.end)]).collect();
        Self { head, body: Pieces::Several(pieces), usage: None }
    }

    /// Counts for this app.
    pub(crate) fn for_site(mut self, usage: &Arc<Counter>) -> Self {
        self.usage = Some(usage.clone());
        self
    }

    /// Takes one answer with this many bytes of body into account.
    pub(crate) fn count(&self, body_bytes: u64) {
        if let Some(usage) = &self.usage {
            usage.add(body_bytes);
        }
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        match &self.body {
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Several(pieces) => pieces,
        }
    }

    pub(crate) fn body_len(&self) -> u64 {
        self.pieces().iter().map(Piece::len).sum()
    }

    /// For hyper, which adds what concerns the connection.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(body::empty());
        *response.status_mut() = self.head.status();
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let own = &self.head.own;
        let block = own.iter().position(|byte| *byte == b'\n').map_or(&[][..], |at| &own[at + 1..]);
        let ended = [block, &self.head.shared, b"\r\n"].concat();
        if let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(&ended, &mut fields) {
            for field in fields {
                let name = HeaderName::from_bytes(field.name.as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(field.value)) {
                    response.headers_mut().append(name, value);
                }
            }
        }
        let len = self.body_len();
        if len > 0 {
            let pieces = match self.body {
                Pieces::One(piece) => vec![piece],
                Pieces::Several(pieces) => pieces,
            };
            *response.body_mut() =
                PieceBody { pieces: pieces.into_iter(), now: None, left: len }.boxed_unsync();
        }
        response
    }
}

/// Reads a part of a file off the async threads.
pub(crate) async fn read(file: Arc<File>, range: Range<u64>) -> io::Result<Bytes> {
    tokio::task::spawn_blocking(move || read_now(&file, range)).await.map_err(io::Error::other)?
}

fn read_now(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Bytes::from(bytes))
}

/// Pieces one after the other, files in chunks.
struct PieceBody {
    pieces: std::vec::IntoIter<Piece>,
    now: Option<Reading>,
    left: u64,
}

struct Reading {
    file: Arc<File>,
    /// What is still to be read.
    rest: Range<u64>,
    chunk: JoinHandle<io::Result<Bytes>>,
}

impl Reading {
    fn begin(file: Arc<File>, range: Range<u64>) -> Self {
        let until = range.end.min(range.start + CHUNK_BYTES);
        let chunk = tokio::task::spawn_blocking({
            let file = file.clone();
            move || read_now(&file, range.start..until)
        });
        Self { file, rest: until..range.end, chunk }
    }
}

impl PieceBody {
    fn pass(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl HttpBody for PieceBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(reading) = &mut self.now {
                let chunk = ready!(Pin::new(&mut reading.chunk).poll(cx)).map_err(io::Error::other).flatten();
                let Reading { file, rest, .. } = match self.now.take() {
                    Some(reading) => reading,
                    None => return Poll::Ready(None),
                };
                if rest.start < rest.end {
                    self.now = Some(Reading::begin(file, rest));
                }
                return match chunk {
                    Ok(bytes) => self.pass(bytes),
                    Err(error) => Poll::Ready(Some(Err(error.into()))),
                };
            }
            match self.pieces.next() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) if !bytes.is_empty() => return self.pass(bytes),
                Some(Piece::File { file, range }) if range.start < range.end => {
                    self.now = Some(Reading::begin(file, range));
                }
                Some(_) => {}
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
