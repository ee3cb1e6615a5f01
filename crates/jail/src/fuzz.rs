//! What must hold for every frame and every output of a command.

#![allow(clippy::expect_used, reason = "a property that does not hold is told by a panic")]

use crate::lines::{MAX_LINE_BYTES, Splitter, to_text};
use crate::protocol::frame::{self, MAX_PAYLOAD_BYTES};
use crate::protocol::{DialReply, DialRequest, Message, RequestFrame};

/// A name, and what panics when a property does not hold for the bytes it is given.
pub type Target = (&'static str, fn(&[u8]));

/// The targets of this crate, by the names of their folders in the corpus.
pub const TARGETS: &[Target] =
    &[("guest_frames", guest_frames), ("dial_packets", dial_packets), ("output_lines", output_lines)];

/// Frames are read whole or not at all, never beyond their end, and mean what they say.
fn guest_frames(data: &[u8]) {
    read_all::<Message>(data);
    read_all::<RequestFrame>(data);
}

fn read_all<T>(data: &[u8])
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut rest = data;
    while let Ok(Some((header, payload))) = frame::read::<T>(&mut rest) {
        assert!(payload.len() <= MAX_PAYLOAD_BYTES);
        let mut written = Vec::new();
        frame::write(&mut written, &header, &payload).expect("what was read can be written");
        let mut again = written.as_slice();
        let (header_again, payload_again) =
            frame::read::<T>(&mut again).expect("what was written can be read").expect("and is there");
        assert!(again.is_empty());
        assert_eq!((header_again, payload_again), (header, payload));
    }
    assert!(data.ends_with(rest));
}

/// The packets of the dial socket.
fn dial_packets(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<DialRequest>(data) {
        let written = serde_json::to_vec(&request).expect("a request is JSON");
        assert_eq!(serde_json::from_slice::<DialRequest>(&written).expect("as it was written"), request);
    }
    if let Ok(reply) = serde_json::from_slice::<DialReply>(data) {
        let written = serde_json::to_vec(&reply).expect("a reply is JSON");
        assert_eq!(serde_json::from_slice::<DialReply>(&written).expect("as it was written"), reply);
    }
}

/// Output is the same lines however it arrives, none too long and none with what a log cannot hold. The first byte says
/// how it is cut.
fn output_lines(data: &[u8]) {
    let Some((cut, output)) = data.split_first() else { return };
    let whole = lines(output.chunks(output.len().max(1)));
    let pieces = lines(output.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, pieces);
    assert!(whole.iter().all(|line| line.len() <= MAX_LINE_BYTES));
    let kept: usize = whole.iter().map(Vec::len).sum();
    let breaks = output.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(kept + breaks, output.len());
    for line in &whole {
        let text = to_text(line);
        assert!(text.len() <= MAX_LINE_BYTES && !text.contains(['\0', '\n']));
    }
}

fn lines<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
    chunks.for_each(|chunk| splitter.push(chunk, |line| lines.push(line.to_vec())));
    splitter.finish(|line| lines.push(line.to_vec()));
    lines
}

#[cfg(test)]
#[test]
fn nothing_in_the_corpus_or_near_it_breaks_a_property() {
    vitrine_fuzz::check(TARGETS);
}
