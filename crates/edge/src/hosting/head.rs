//! The heads of answers, as the bytes that go over the wire. Made once and sent many times: a head lacks `Date`,
//! `Connection` and the empty line, which whoever sends it adds.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::StatusCode;

/// The head of an answer: its own lines, and those that it has in common with the other answers of its site. A site's policy
/// may be longer than everything else in a head, and is in memory once.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) own: Bytes,
    /// Empty, or what goes on where `own` ends, which may be in the middle of a line.
    pub(crate) shared: Bytes,
}

impl Head {
    /// The status in its first line.
    pub(crate) fn status(&self) -> StatusCode {
        status_of(&self.own)
    }
}

impl From<Bytes> for Head {
    fn from(own: Bytes) -> Self {
        Self { own, shared: Bytes::new() }
    }
}

/// What a kept head takes besides its bytes.
const KEPT_HEAD_BYTES: u64 = 48;

/// How many bytes of heads a site may still keep: as many as it was weighed with. Beyond, heads are made for each answer.
#[derive(Debug)]
pub(crate) struct HeadRoom(AtomicU64);

impl HeadRoom {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    /// The head in `place`; made when there is none, and kept there while there is room.
    pub(crate) fn kept(&self, place: &OnceLock<Bytes>, make: impl FnOnce() -> Bytes) -> Bytes {
        if let Some(head) = place.get() {
            return head.clone();
        }
        let head = make();
        let bytes = head.len() as u64 + KEPT_HEAD_BYTES;
        let take = |left: u64| left.checked_sub(bytes);
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            // Of two that made it at once one is kept, and both are counted: heads are few and small.
            let _ = place.set(head.clone());
        }
        head
    }
}

/// A head being written.
pub(crate) struct HeadWriter(Vec<u8>);

impl HeadWriter {
    /// The status line.
    pub(crate) fn new(status: StatusCode) -> Self {
        // What a head of ours takes with a strict policy; more is one more allocation, once per file.
        let mut bytes = Vec::with_capacity(1_024);
        bytes.extend_from_slice(b"HTTP/1.1 ");
        bytes.extend_from_slice(status.as_str().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
        bytes.extend_from_slice(b"\r\n");
        Self(bytes)
    }

    /// A field. One whose value could end its line is left out: values come from settings and manifests too.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        let is_line = value.bytes().all(|byte| byte >= b' ' && byte != 0x7f);
        if is_line {
            self.0.extend_from_slice(name.as_bytes());
            self.0.extend_from_slice(b": ");
            self.0.extend_from_slice(value.as_bytes());
            self.0.extend_from_slice(b"\r\n");
        }
        self
    }

    /// [`Self::field`] where there is a value.
    pub(crate) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// `Content-Length`.
    pub(crate) fn length(self, len: u64) -> Self {
        self.field("Content-Length", &len.to_string())
    }

    /// Several fields.
    pub(crate) fn fields<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        fields.into_iter().fold(self, |head, (name, value)| head.field(name, value))
    }

    /// Text that cannot end a line by itself, or whole lines; what goes on may be in [`Head::shared`].
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// The finished head, without the room that it did not use: it may be kept for long.
    pub(crate) fn finish(self) -> Bytes {
        Bytes::from(self.0.into_boxed_slice())
    }
}

fn status_of(head: &[u8]) -> StatusCode {
    head.get(9..12)
        .and_then(|digits| StatusCode::from_bytes(digits).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_begin_a_line_of_its_own() {
        let head = HeadWriter::new(StatusCode::NOT_FOUND)
            .field("a", "b\r\nx: y")
            .field("c", "d")
            .optional("e", None)
            .length(7)
            .finish();
        assert_eq!(&head[..], b"HTTP/1.1 404 Not Found\r\nc: d\r\nContent-Length: 7\r\n");
        assert_eq!(Head::from(head).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn heads_are_kept_while_there_is_room_and_made_anew_beyond() {
        let head = || Bytes::from_static(b"HTTP/1.1 200 OK\r\n");
        let room = HeadRoom::new(2 * (head().len() as u64 + KEPT_HEAD_BYTES));
        let places: [OnceLock<Bytes>; 3] = Default::default();
        for place in &places {
            assert_eq!(room.kept(place, head), head());
            assert_eq!(room.kept(place, head), head());
        }
        assert_eq!(places.map(|place| place.get().is_some()), [true, true, false]);
    }
}
