//! A page on its way to the browser, with one tag more. Nothing is kept back but the few bytes that may begin a tag.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::place::{Scan, Scanner};
use crate::body::{Body, BoxError};

/// The body with `tag` in it exactly once, whatever the body is; at its end when it has no place for it.
pub(super) fn injected(body: Body, tag: Bytes) -> Body {
    let injected = Injected {
        body,
        waiting: Some((Scanner::default(), tag)),
        undecided: Bytes::new(),
        ready: VecDeque::new(),
        has_ended: false,
    };
    injected.boxed_unsync()
}

struct Injected {
    body: Body,
    /// What reads the page and the tag, until that is placed.
    waiting: Option<(Scanner, Bytes)>,
    undecided: Bytes,
    ready: VecDeque<Frame<Bytes>>,
    has_ended: bool,
}

impl Injected {
    fn take(&mut self, data: Bytes) {
        let Some((scanner, _)) = &mut self.waiting else {
            return self.give(data);
        };
        let mut piece = data;
        if !self.undecided.is_empty() {
            let mut joined = BytesMut::with_capacity(self.undecided.len() + piece.len());
            joined.extend_from_slice(&self.undecided);
            joined.extend_from_slice(&piece);
            piece = joined.freeze();
        }
        match scanner.scan(&piece) {
            Scan::At(at) => {
                let rest = piece.split_off(at);
                self.undecided = Bytes::new();
                self.give(piece);
                self.give_tag();
                self.give(rest);
            }
            Scan::Further { undecided } => {
                self.undecided = piece.split_off(piece.len() - undecided);
                self.give(piece);
            }
        }
    }

    fn finish(&mut self) {
        let undecided = std::mem::take(&mut self.undecided);
        self.give(undecided);
        self.give_tag();
    }

    fn give_tag(&mut self) {
        if let Some((_, tag)) = self.waiting.take() {
            self.give(tag);
        }
    }

    fn give(&mut self, data: Bytes) {
        if !data.is_empty() {
            self.ready.push_back(Frame::data(data));
        }
    }

    /// Bytes that come besides those of the body.
    fn more_bytes(&self) -> u64 {
        let ready: usize = self.ready.iter().filter_map(|frame| frame.data_ref()).map(Bytes::len).sum();
        let tag = self.waiting.as_ref().map_or(0, |(_, tag)| tag.len());
        (ready + self.undecided.len() + tag) as u64
    }
}

impl HttpBody for Injected {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.has_ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.take(data),
                    Err(trailers) => {
                        self.finish();
                        self.ready.push_back(trailers);
                    }
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.has_ended = true;
                    self.finish();
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.ready.is_empty() && (self.has_ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, more) = (self.body.size_hint(), self.more_bytes());
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(more));
        }
        hint.set_lower(inner.lower().saturating_add(more));
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::StreamBody;
    use proptest::prelude::*;

    use super::*;
    use crate::body;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn in_pieces(page: &[u8], size: usize) -> Body {
        let pieces: Vec<_> = page.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
        let frames = futures::stream::iter(pieces.into_iter().map(|piece| Ok(Frame::data(piece))));
        StreamBody::new(frames).boxed_unsync()
    }

    fn collected(body: Body) -> Vec<u8> {
        block_on(body.collect()).unwrap().to_bytes().to_vec()
    }

    #[test]
    fn a_page_of_known_length_stays_one_of_known_length() {
        let page = "<!doctype html><html><head></head><body>x</body></html>";
        let body = injected(body::full(page), Bytes::from_static(b"<script></script>"));
        let announced = body.size_hint().exact().unwrap();
        let sent = collected(body);
        assert_eq!(sent.len() as u64, announced);
        assert!(String::from_utf8(sent).unwrap().contains("<head><script></script></head>"));
    }

    #[test]
    fn an_error_of_the_page_is_passed_on_and_what_came_before_it_too() {
        let frames =
            futures::stream::iter([Ok(Frame::data(Bytes::from_static(b"<html><head>"))), Err("cut".into())]);
        let mut body = injected(StreamBody::new(frames).boxed_unsync(), Bytes::from_static(b"#"));
        let mut seen = Vec::new();
        let error = loop {
            match block_on(body.frame()).unwrap() {
                Ok(frame) => seen.extend_from_slice(&frame.into_data().unwrap()),
                Err(error) => break error,
            }
        };
        assert_eq!((seen.as_slice(), error.to_string().as_str()), (b"<html><head>#".as_slice(), "cut"));
    }

    fn any_page() -> impl Strategy<Value = Vec<u8>> {
        let scraps = [
            "<",
            ">",
            "!",
            "-",
            "--",
            "<!--",
            "-->",
            "<!doctype html>",
            "<html",
            "<head",
            "<head>",
            "<HeAd a='>'>",
            "</",
            "head",
            "html",
            "=",
            "\"",
            "'",
            " ",
            "\n",
            "/",
            "?",
            "x",
            "\u{feff}",
            "\u{e9}",
            "<body>",
            "<script>",
        ];
        prop::collection::vec(prop::sample::select(scraps.to_vec()), 0..40)
            .prop_map(|scraps| scraps.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn a_page_has_the_tag_once_and_is_otherwise_as_it_was(page in any_page(), size in 1usize..9) {
            let tag = b"#";
            let body = injected(in_pieces(&page, size), Bytes::from_static(tag));
            let sent = collected(body);
            prop_assert_eq!(sent.iter().filter(|byte| **byte == b'#').count(), 1);
            let rest: Vec<u8> = sent.iter().copied().filter(|byte| *byte != b'#').collect();
            prop_assert_eq!(&rest, &page);
            let whole = collected(injected(body::full(page), Bytes::from_static(tag)));
            prop_assert_eq!(sent, whole, "it does not matter how a page comes");
        }
    }
}
