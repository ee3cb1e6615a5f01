//! Hides values in a log that comes line by line, also where a line was cut in the middle of one.

use std::collections::VecDeque;

use super::{Guard, HIDDEN};

/// A line of at least this many bytes may have been cut by the guest, whose lines have at most 8 KiB: what follows it is
/// its continuation. A few bytes less, for a character that was cut in two.
const CUT_LINE_BYTES: usize = 8 * 1024 - 8;

/// One stream of lines. A line that was cut is kept back until nothing that begins in what is shown can reach beyond what is
/// known: values may be longer than a piece.
#[derive(Default)]
pub struct LineMask {
    /// The pieces of one line that were not shown yet.
    held: String,
    /// Where each of them ends.
    ends: VecDeque<usize>,
}

impl LineMask {
    /// The next line, and the lines that may be shown now, in order.
    pub fn push(&mut self, guard: &Guard, line: &str) -> Vec<String> {
        if self.ends.is_empty() && (guard.is_idle() || line.len() < CUT_LINE_BYTES) {
            return vec![guard.mask(line).into_owned()];
        }
        self.held.push_str(line);
        self.ends.push_back(self.held.len());
        match line.len() >= CUT_LINE_BYTES {
            true => self.show(guard, self.held.len().saturating_sub(guard.longest)),
            false => self.finish(guard),
        }
    }

    /// What is kept back still, when nothing more comes.
    pub fn finish(&mut self, guard: &Guard) -> Vec<String> {
        self.show(guard, self.held.len())
    }

    /// Takes the pieces that end at `settled` or before, a line for each. A value that begins in one hides with it all of the
    /// others that it reaches into.
    fn show(&mut self, guard: &Guard, settled: usize) -> Vec<String> {
        let ready = self.ends.iter().take_while(|end| **end <= settled).count();
        let mut spans = guard.spans(&self.held).peekable();
        let (mut shown, mut at) = (Vec::with_capacity(ready), 0);
        for end in self.ends.drain(..ready) {
            let mut text = String::new();
            while let Some(span) = spans.next_if(|span| span.start < end) {
                text.push_str(&self.held[at..span.start]);
                text.push_str(HIDDEN);
                at = span.end;
            }
            text.push_str(self.held.get(at..end).unwrap_or_default());
            at = at.max(end);
            shown.push(text);
        }
        drop(spans);
        self.held.drain(..at);
        self.ends.iter_mut().for_each(|end| *end = end.saturating_sub(at));
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::secret::SecretValue;

    const VALUE: &str = "sk-live-1234567890";

    fn guard() -> Guard {
        let value = SecretValue::new(VALUE.to_owned());
        Guard::new([("KEY", &value)])
    }

    #[test]
    fn a_value_is_hidden_wherever_a_line_is_cut() {
        let guard = guard();
        for at in 0..=VALUE.len() {
            let mut mask = LineMask::default();
            let first = format!("{}{}", "x".repeat(8 * 1024 - at), &VALUE[..at]);
            let second = format!("{} and the rest", &VALUE[at..]);
            let mut shown = mask.push(&guard, &first);
            shown.extend(mask.push(&guard, &second));
            shown.extend(mask.finish(&guard));
            assert_eq!(shown.len(), 2, "cut after {at}");
            let all = shown.concat();
            assert_eq!(all, format!("{}{HIDDEN} and the rest", "x".repeat(8 * 1024 - at)), "cut after {at}");
        }
    }

    /// What the guest makes of a line.
    fn pieces(line: &str) -> impl Iterator<Item = &str> {
        (0..line.len()).step_by(8 * 1024).map(|at| &line[at..line.len().min(at + 8 * 1024)])
    }

    #[test]
    fn a_value_that_is_longer_than_several_pieces_is_hidden_wherever_it_stands() {
        let value: String = (0..3_000).map(|number| format!("{number:05}.")).collect();
        let guard = Guard::new([("KEY", &SecretValue::new(value.clone()))]);
        for (before, after) in
            [(0, 0), (1, 1), (5_000, 20_000), (8 * 1024, 8 * 1024), (30_000, 0), (9_000, 7_384)]
        {
            let (before, after) = ("x".repeat(before), "y".repeat(after));
            let line = format!("{before}{value}{after}");
            let mut mask = LineMask::default();
            let mut shown: Vec<_> = pieces(&line).flat_map(|piece| mask.push(&guard, piece)).collect();
            shown.extend(mask.finish(&guard));
            assert_eq!(shown.concat(), format!("{before}{HIDDEN}{after}"));
            assert!(shown.iter().all(|line| line.len() <= 8 * 1024 + HIDDEN.len()));
        }
    }

    #[test]
    fn a_long_line_without_a_value_comes_in_its_pieces_and_not_all_of_it_is_kept_back() {
        let guard = guard();
        let mut mask = LineMask::default();
        let line = "z".repeat(80 * 1024 + 5);
        let mut shown = Vec::new();
        for piece in pieces(&line) {
            shown.extend(mask.push(&guard, piece));
            assert!(mask.held.len() <= 16 * 1024);
        }
        assert_eq!(shown, pieces(&line).collect::<Vec<_>>());
        assert_eq!(mask.push(&guard, ""), [""]);
    }

    #[test]
    fn a_value_of_several_lines_is_hidden_line_by_line() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqG\nSM49AwEHBG0wawIBAQQgx\n-----END PRIVATE KEY-----\n";
        let value = SecretValue::new(pem.to_owned());
        let guard = Guard::new([("KEY", &value)]);
        let mut mask = LineMask::default();
        let shown: Vec<_> = pem.lines().flat_map(|line| mask.push(&guard, line)).collect();
        assert_eq!(shown, ["-----BEGIN PRIVATE KEY-----", HIDDEN, HIDDEN, "-----END PRIVATE KEY-----"]);
    }

    #[test]
    fn what_is_kept_back_is_shown_at_the_end() {
        let guard = guard();
        let mut mask = LineMask::default();
        let long = "y".repeat(8 * 1024);
        assert!(mask.push(&guard, &long).is_empty());
        assert_eq!(mask.finish(&guard), std::slice::from_ref(&long));
        assert!(mask.finish(&guard).is_empty());
        assert_eq!(
            LineMask::default().push(&Guard::default(), &long),
            [long],
            "nothing waits without secrets"
        );
    }
}
