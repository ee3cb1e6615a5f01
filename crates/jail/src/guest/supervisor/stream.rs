//! One output of a command: read when there is something, as lines for the log, as pieces for somebody who watches, or as a
//! tail for an answer.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::io::Errno;

use crate::lines::{Splitter, Valve, to_text};

const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks read in one go, so that one loud command does not keep the others waiting.
const CHUNKS_PER_PUMP: usize = 4;

/// Where the bytes go.
#[derive(Debug)]
pub(super) enum Sink {
    Lines { splitter: Splitter, valve: Valve },
    Tail { kept: VecDeque<u8>, max_bytes: usize },
    Pieces,
}

/// What is to be passed on at once.
#[derive(Debug)]
pub(super) enum Passed<'a> {
    Lines(Vec<String>),
    Piece(&'a [u8]),
}

impl Sink {
    pub(super) fn lines(now: Instant) -> Self {
        Self::Lines { splitter: Splitter::default(), valve: Valve::new(now) }
    }

    pub(super) fn tail(max_bytes: usize) -> Self {
        Self::Tail { kept: VecDeque::new(), max_bytes }
    }

    /// Takes bytes; returns what is to be passed on of them.
    fn take<'a>(&mut self, bytes: &'a [u8], now: Instant) -> Option<Passed<'a>> {
        match self {
            Self::Lines { splitter, valve } => {
                let mut forwarded = Vec::new();
                splitter.push(bytes, |line| {
                    if valve.admit(line.len(), now) {
                        forwarded.push(to_text(line));
                    }
                });
                (!forwarded.is_empty()).then_some(Passed::Lines(forwarded))
            }
            Self::Tail { kept, max_bytes } => {
                kept.extend(&bytes[bytes.len().saturating_sub(*max_bytes)..]);
                kept.drain(..kept.len().saturating_sub(*max_bytes));
                None
            }
            Self::Pieces => Some(Passed::Piece(bytes)),
        }
    }
}

#[derive(Debug)]
pub(super) struct Stream {
    pipe: Option<OwnedFd>,
    sink: Sink,
}

impl Stream {
    /// Reads from `pipe`, which does not block.
    pub(super) fn new(pipe: OwnedFd, sink: Sink) -> Self {
        Self { pipe: Some(pipe), sink }
    }

    /// What to poll; `None` once the stream has ended.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there, up to a bound.
    pub(super) fn pump(&mut self, now: Instant, mut forward: impl FnMut(Passed<'_>)) {
        let Some(pipe) = &self.pipe else { return };
        let mut chunk = vec![0; CHUNK_BYTES];
        for _ in 0..CHUNKS_PER_PUMP {
            match rustix::io::read(pipe, &mut chunk) {
                Ok(count @ 1..) => {
                    if let Some(passed) = self.sink.take(&chunk[..count], now) {
                        forward(passed);
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => {
                    self.pipe = None;
                    return;
                }
            }
        }
    }

    /// The line that had no end when the stream ended.
    pub(super) fn last_line(&mut self, now: Instant) -> Vec<String> {
        let mut forwarded = Vec::new();
        if let Sink::Lines { splitter, valve } = &mut self.sink {
            splitter.finish(|line| {
                if valve.admit(line.len(), now) {
                    forwarded.push(to_text(line));
                }
            });
        }
        forwarded
    }

    pub(super) fn has_dropped(&self) -> bool {
        matches!(&self.sink, Sink::Lines { valve, .. } if valve.has_dropped())
    }

    pub(super) fn take_dropped(&mut self) -> u64 {
        match &mut self.sink {
            Sink::Lines { valve, .. } => valve.take_dropped(),
            Sink::Tail { .. } | Sink::Pieces => 0,
        }
    }

    /// The last bytes of the stream.
    pub(super) fn into_tail(self) -> Vec<u8> {
        match self.sink {
            Sink::Tail { kept, .. } => kept.into(),
            Sink::Lines { .. } | Sink::Pieces => Vec::new(),
        }
    }
}
