//! Hides values in a log that comes line by line, also where a line was cut in the middle of one.

use super::{Guard, HIDDEN};

/// A line of at least this many bytes may have been cut by the guest, whose lines have at most 8 KiB: what follows it is
/// its continuation. A few bytes less, for a character that was cut in two.
const CUT_LINE_BYTES: usize = 8 * 1024 - 8;

/// One stream of lines. A line that was cut is kept back until its continuation is there.
#[derive(Default)]
pub struct LineMask {
    held: Option<String>,
}

impl LineMask {
    /// The next line, and the lines that may be shown now, in order.
    pub fn push(&mut self, guard: &Guard, line: &str) -> Vec<String> {
        let is_cut = line.len() >= CUT_LINE_BYTES && !guard.is_idle();
        let mut shown = Vec::with_capacity(2);
        let line = match self.held.take() {
            None => line.to_owned(),
            Some(held) => {
                let (first, second) = masked_across(guard, &held, line);
                shown.push(first);
                second
            }
        };
        match is_cut {
            true => self.held = Some(line),
            false => shown.push(guard.mask(&line).into_owned()),
        }
        shown
    }

    /// What is kept back still, when nothing more comes.
    pub fn finish(&mut self, guard: &Guard) -> Option<String> {
        self.held.take().map(|held| guard.mask(&held).into_owned())
    }
}

/// Two halves of a line: the first without any value, the second without the end of one that began in the first.
fn masked_across(guard: &Guard, first: &str, second: &str) -> (String, String) {
    let joined = format!("{first}{second}");
    let boundary = first.len();
    // Nothing that begins further back can reach over the boundary.
    let from = joined.floor_char_boundary(boundary.saturating_sub(guard.longest));
    let across = guard.spans(&joined[from..]).map(|span| span.start + from..span.end + from);
    let Some(span) = across.into_iter().find(|span| span.start < boundary && span.end > boundary) else {
        return (guard.mask(first).into_owned(), second.to_owned());
    };
    let begin = guard.mask(&joined[..span.start]).into_owned();
    (format!("{begin}{HIDDEN}"), joined[span.end..].to_owned())
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
        assert_eq!(mask.finish(&guard), Some(long.clone()));
        assert_eq!(mask.finish(&guard), None);
        assert_eq!(
            LineMask::default().push(&Guard::default(), &long),
            [long],
            "nothing waits without secrets"
        );
    }
}
