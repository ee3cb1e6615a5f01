//! A command's output as lines, and how many of them are worth forwarding.

use std::time::{Duration, Instant};

/// Bytes in a line; longer ones are cut into several.
pub const MAX_LINE_BYTES: usize = 8 * 1024;

/// Lines forwarded per second, and at once. A dev server's stack traces come in dozens of lines.
const LINES_PER_SEC: f64 = 1_000.0;
const LINES_AT_ONCE: f64 = 2_000.0;

/// Bytes forwarded per second, and at once.
const BYTES_PER_SEC: f64 = 512.0 * 1024.0;
const BYTES_AT_ONCE: f64 = 1024.0 * 1024.0;

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct Splitter {
    partial: Vec<u8>,
}

impl Splitter {
    /// Adds bytes and gives every complete line to `line`.
    pub fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            let room = MAX_LINE_BYTES - self.partial.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(room.min(bytes.len()));
            self.partial.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[end.map_or(taken, |end| end + 1)..];
            if end.is_some() {
                line(&self.partial);
                self.partial.clear();
            } else if self.partial.len() == MAX_LINE_BYTES {
                // Whoever joins the pieces again, to look for a secret, finds every character whole.
                let at = whole_characters(&self.partial);
                line(&self.partial[..at]);
                self.partial.drain(..at);
            }
        }
    }

    /// Gives what is left at the end of the stream.
    pub fn finish(&mut self, mut line: impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            line(&self.partial);
            self.partial.clear();
        }
    }
}

/// How many of the bytes are not the beginning of a character whose end is missing (UTF-8); all, where it is none.
fn whole_characters(bytes: &[u8]) -> usize {
    /// The longest character has one more.
    const MOST_MISSING: usize = 3;
    for back in 1..=MOST_MISSING.min(bytes.len()) {
        let len = match bytes[bytes.len() - back] {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        return if len > back { bytes.len() - back } else { bytes.len() };
    }
    bytes.len()
}

/// A line as text: UTF-8, without NUL and carriage returns at its end. Replacing bad bytes can make it longer, so it
/// is cut again.
pub fn to_text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut text = String::from_utf8_lossy(line).replace('\0', "");
    if text.len() > MAX_LINE_BYTES {
        text.truncate(text.floor_char_boundary(MAX_LINE_BYTES));
    }
    text
}

/// Admits lines up to a rate and counts the others.
#[derive(Debug)]
pub struct Valve {
    lines: f64,
    bytes: f64,
    refilled: Instant,
    dropped: u64,
}

impl Valve {
    /// Opens it, full.
    pub fn new(now: Instant) -> Self {
        Self { lines: LINES_AT_ONCE, bytes: BYTES_AT_ONCE, refilled: now, dropped: 0 }
    }

    /// True when a line of so many bytes may pass; otherwise it is counted.
    pub fn admit(&mut self, bytes: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        self.lines = (self.lines + passed * LINES_PER_SEC).min(LINES_AT_ONCE);
        self.bytes = (self.bytes + passed * BYTES_PER_SEC).min(BYTES_AT_ONCE);
        let is_open = self.lines >= 1.0 && self.bytes >= bytes as f64;
        match is_open {
            true => {
                self.lines -= 1.0;
                self.bytes -= bytes as f64;
            }
            false => self.dropped += 1,
        }
        is_open
    }

    /// How many were not admitted since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// True when some were not admitted and nobody was told yet.
    pub fn has_dropped(&self) -> bool {
        self.dropped > 0
    }
}

/// How often drops are reported while a flood lasts.
pub const REPORT_EVERY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |line| lines.push(line.to_vec()));
        }
        splitter.finish(|line| lines.push(line.to_vec()));
        lines
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_arrive() {
        assert_eq!(
            split(&[b"one\ntwo\n\nth", b"ree"]),
            [b"one".to_vec(), b"two".into(), b"".into(), b"three".into()]
        );
        assert_eq!(split(&[]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let lines = split(&[&vec![b'x'; MAX_LINE_BYTES * 2 + 5]]);
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [MAX_LINE_BYTES, MAX_LINE_BYTES, 5]);
    }

    #[test]
    fn no_character_is_cut_in_two() {
        for character in ["é", "€", "🦀"] {
            for before in 0..8 {
                let text = "x".repeat(before) + &character.repeat(MAX_LINE_BYTES);
                let lines = split(&[text.as_bytes()]);
                let whole: String = lines.iter().map(|line| std::str::from_utf8(line).unwrap()).collect();
                assert!(whole == text && lines.iter().all(|line| line.len() <= MAX_LINE_BYTES));
                let cut = &lines[..lines.len() - 1];
                assert!(cut.iter().all(|line| line.len() > MAX_LINE_BYTES - 4));
            }
        }
    }

    #[test]
    fn text_is_clean_and_short() {
        assert_eq!(to_text(b"a\0b\r"), "ab");
        assert_eq!(to_text(&[0xff, b'x']), "\u{fffd}x");
        assert!(to_text(&vec![0xff; MAX_LINE_BYTES]).len() <= MAX_LINE_BYTES);
    }

    #[test]
    fn a_flood_is_counted_and_a_trickle_passes() {
        let start = Instant::now();
        let mut valve = Valve::new(start);
        let admitted = (0..10_000).filter(|_| valve.admit(10, start)).count();
        assert_eq!(admitted, LINES_AT_ONCE as usize);
        assert_eq!(valve.take_dropped(), 10_000 - admitted as u64);
        assert!(valve.admit(10, start + Duration::from_millis(10)));
        assert_eq!(valve.take_dropped(), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_long(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9000), 0..4)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let lines = split(&chunks);
            let bytes = chunks.concat().iter().filter(|byte| **byte != b'\n').count();
            prop_assert_eq!(lines.iter().map(Vec::len).sum::<usize>(), bytes);
            prop_assert!(lines.iter().all(|line| line.len() <= MAX_LINE_BYTES));
        }
    }
}
