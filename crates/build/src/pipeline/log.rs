//! A build's output on its way to whoever reads it: cleaned, and bounded, with its beginning and its end kept.

use std::collections::VecDeque;

use crate::guard::{Guard, LineMask};

/// Takes the lines of a build. Called in order, from one task; must not block.
pub trait BuildLog: Send + Sync {
    /// One line: without control characters but tab, without its end, at most [`MAX_LINE_CHARS`] and a sign that it was cut.
    fn line(&self, is_stderr: bool, text: &str);
}

impl<F: Fn(bool, &str) + Send + Sync> BuildLog for F {
    fn line(&self, is_stderr: bool, text: &str) {
        self(is_stderr, text);
    }
}

/// Characters of one line: more is never read, and a bundle printed by mistake is one line.
pub const MAX_LINE_CHARS: usize = 2_000;

/// What is passed on as it comes. A large build prints some hundred lines.
const HEAD: Bound = Bound { lines: 4_000, bytes: 512 * 1024 };

/// What of the rest is kept and passed on at the end: where the reason of a failure stands.
const TAIL: Bound = Bound { lines: 500, bytes: 128 * 1024 };

/// What an error carries of a tool's own words.
const WORDS: Bound = Bound { lines: 40, bytes: 8 * 1024 };

#[derive(Clone, Copy)]
struct Bound {
    lines: usize,
    bytes: usize,
}

/// The last lines within a bound.
struct Ring {
    bound: Bound,
    lines: VecDeque<(bool, String)>,
    bytes: usize,
}

impl Ring {
    fn new(bound: Bound) -> Self {
        Self { bound, lines: VecDeque::new(), bytes: 0 }
    }

    /// Adds a line; says how many older ones had to go for it.
    fn push(&mut self, is_stderr: bool, text: String) -> u64 {
        self.bytes += text.len();
        self.lines.push_back((is_stderr, text));
        let mut gone = 0;
        while self.lines.len() > self.bound.lines || self.bytes > self.bound.bytes {
            let Some((_, first)) = self.lines.pop_front() else { break };
            self.bytes -= first.len();
            gone += 1;
        }
        gone
    }
}

/// One build's log.
pub(super) struct LogBook<'a> {
    log: &'a dyn BuildLog,
    guard: &'a Guard,
    /// Of standard output and of standard error.
    masks: [LineMask; 2],
    passed: Bound,
    tail: Ring,
    left_out: u64,
    words: Ring,
}

impl<'a> LogBook<'a> {
    /// A log that hides what `guard` knows.
    pub(super) fn new(log: &'a dyn BuildLog, guard: &'a Guard) -> Self {
        Self {
            log,
            guard,
            masks: Default::default(),
            passed: Bound { lines: 0, bytes: 0 },
            tail: Ring::new(TAIL),
            left_out: 0,
            words: Ring::new(WORDS),
        }
    }

    /// A line of the tool.
    pub(super) fn push(&mut self, is_stderr: bool, line: &str) {
        for line in self.masks[usize::from(is_stderr)].push(self.guard, line) {
            self.take(is_stderr, &line);
        }
    }

    fn take(&mut self, is_stderr: bool, line: &str) {
        // Once more when it is clean: colours in the middle of a value are gone then.
        let text = self.guard.mask(&cleaned(line)).into_owned();
        if !text.trim().is_empty() {
            self.words.push(is_stderr, text.clone());
        }
        if self.passed.lines < HEAD.lines && self.passed.bytes < HEAD.bytes {
            self.passed.lines += 1;
            self.passed.bytes += text.len();
            self.log.line(is_stderr, &text);
        } else {
            self.left_out += self.tail.push(is_stderr, text);
        }
    }

    /// Lines that were dropped before they came here.
    pub(super) fn dropped(&mut self, lines: u64) {
        self.left_out = self.left_out.saturating_add(lines);
    }

    /// A line of ours.
    pub(super) fn say(&self, text: &str) {
        self.log.line(false, text);
    }

    /// Takes what is kept back because its line was cut: the tool has ended.
    pub(super) fn flush(&mut self) {
        for is_stderr in [false, true] {
            for line in self.masks[usize::from(is_stderr)].finish(self.guard) {
                self.take(is_stderr, &line);
            }
        }
    }

    /// The tool's last words.
    pub(super) fn words(&self) -> String {
        let lines: Vec<&str> = self.words.lines.iter().map(|(_, line)| line.as_str()).collect();
        lines.join("\n")
    }

    /// Begins a second attempt: what the first one said last explains nothing about it.
    pub(super) fn forget_words(&mut self) {
        self.words = Ring::new(WORDS);
    }

    /// Passes on what was kept back.
    pub(super) fn finish(&mut self) {
        self.flush();
        if self.left_out > 0 {
            self.say(&format!("… {} lines are left out …", self.left_out));
            self.left_out = 0;
        }
        for (is_stderr, line) in self.tail.lines.drain(..) {
            self.log.line(is_stderr, &line);
        }
        self.tail.bytes = 0;
    }
}

/// A line as it can be shown: without escape sequences and control characters, cut when it is long. Of a line that was
/// overwritten with carriage returns, as progress bars do, what was written last.
fn cleaned(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut text = String::new();
    let mut chars = line.chars();
    let mut count = 0;
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\t' => text.push('\t'),
            c if c.is_control() => {}
            c => text.push(c),
        }
        count += 1;
        if count >= MAX_LINE_CHARS {
            text.push('…');
            break;
        }
    }
    text
}

/// What follows an escape character (ECMA-48): a control sequence, a string up to its terminator, or one character.
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => skip_control_sequence(chars),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                match c {
                    '\u{7}' | '\u{9c}' => return,
                    '\u{1b}' => {
                        chars.next();
                        return;
                    }
                    _ => {}
                }
            }
        }
        Some('(' | ')' | '#' | '%' | ' ') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_control_sequence(chars: &mut std::str::Chars<'_>) {
    let _ = chars.find(|c| matches!(c, '\u{40}'..='\u{7e}'));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Mutex;
    use vitrine_model::secret::SecretValue;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl BuildLog for Kept {
        fn line(&self, _is_stderr: bool, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    #[test]
    fn lines_are_shown_without_what_terminals_are_for() {
        for (line, shown) in [
            ("\u{1b}[32m✓\u{1b}[39m built in \u{1b}[1m300ms\u{1b}[0m", "✓ built in 300ms"),
            ("\u{1b}]8;;https://x\u{7}link\u{1b}]8;;\u{1b}\\", "link"),
            ("10 %\r20 %\r100 %\r", "100 %"),
            ("a\tb\u{8}\u{7f}c\u{9b}31md", "a\tbcd"),
            ("cut \u{1b}[", "cut "),
        ] {
            assert_eq!(cleaned(line), shown);
        }
        assert_eq!(cleaned(&"é".repeat(5_000)).chars().count(), MAX_LINE_CHARS + 1);
    }

    #[test]
    fn a_flood_keeps_its_beginning_its_end_and_its_count() {
        let (kept, guard) = (Kept::default(), Guard::default());
        let mut book = LogBook::new(&kept, &guard);
        (0..100_000).for_each(|n| book.push(false, &format!("line {n}")));
        book.dropped(7);
        book.finish();
        let lines = kept.0.lock().unwrap();
        assert_eq!((lines[0].as_str(), lines.last().unwrap().as_str()), ("line 0", "line 99999"));
        assert_eq!(lines.len(), HEAD.lines + 1 + TAIL.lines);
        let left_out = 100_000 - HEAD.lines - TAIL.lines + 7;
        assert_eq!(lines[HEAD.lines], format!("… {left_out} lines are left out …"));
        assert!(book.words().ends_with("line 99999"));
    }

    #[test]
    fn long_lines_reach_the_bound_in_bytes() {
        let (kept, guard) = (Kept::default(), Guard::default());
        let mut book = LogBook::new(&kept, &guard);
        (0..2_000).for_each(|_| book.push(true, &"x".repeat(1_500)));
        book.finish();
        let bytes: usize = kept.0.lock().unwrap().iter().map(String::len).sum();
        assert!(bytes <= HEAD.bytes + TAIL.bytes + 4_000, "{bytes}");
        assert!(book.words().len() <= WORDS.bytes + WORDS.lines);
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let secrets = ["s3cret-value", "1"].map(|value| SecretValue::new(value.to_owned()));
        let (kept, guard) = (Kept::default(), Guard::new(secrets.iter().map(|value| ("KEY", value))));
        let mut book = LogBook::new(&kept, &guard);
        book.push(false, "key=s3cret-\u{1b}[1mvalue 1");
        assert_eq!(kept.0.lock().unwrap()[0], "key=[hidden] 1");
        assert_eq!(book.words(), "key=[hidden] 1");
    }

    proptest! {
        #[test]
        fn whatever_is_printed_comes_out_printable(line in any::<String>()) {
            prop_assert!(cleaned(&line).chars().all(|c| c == '\t' || !c.is_control()));
        }
    }
}
