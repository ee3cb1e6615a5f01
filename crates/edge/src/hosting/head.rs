//! The heads of answers, as the bytes that go over the wire. Made once and sent many times: a head lacks `Date`,
//! `Connection` and the empty line, which whoever sends it adds.

use bytes::Bytes;
use http::StatusCode;

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

    /// The finished head.
    pub(crate) fn finish(self) -> Bytes {
        Bytes::from(self.0)
    }
}

/// The status of a head of ours.
pub(crate) fn status_of(head: &[u8]) -> StatusCode {
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
        assert_eq!(status_of(&head), StatusCode::NOT_FOUND);
    }
}
