//! A session's log: the last lines, kept bounded, numbered, and followed live.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::Stream;
use futures::stream;
use tokio::sync::watch;
use vitrine_build::guard::{Guard, LineMask};
use vitrine_model::session::{LogLine, LogSource};
use vitrine_model::source::Clock;

/// Lines kept; older ones are gone.
const KEPT_LINES: usize = 2_000;

/// Bytes kept; a flood of long lines pushes older ones out sooner.
const KEPT_BYTES: usize = 512 * 1024;

/// The log of one app's preview; cheap to clone, shared by all its sessions.
#[derive(Clone)]
pub(crate) struct Logs(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    masks: Mutex<Masks>,
    kept: Mutex<Kept>,
    /// The number of the newest line; followers wait on it.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    bytes: usize,
    next_seq: u64,
}

/// What hides secrets in lines, before they are kept.
#[derive(Default)]
struct Masks {
    /// Those of the dev server that was started last.
    guard: Arc<Guard>,
    /// Those of the one before, which may still have something to say.
    before: Arc<Guard>,
    /// Of standard output and standard error.
    lines: [LineMask; 2],
}

impl Masks {
    fn push(&mut self, source: LogSource, text: &str) -> Vec<(LogSource, String)> {
        let stream = match source {
            LogSource::Stdout => Some(0),
            LogSource::Stderr => Some(1),
            LogSource::Install | LogSource::Vitrine => None,
        };
        let mut shown = match stream {
            Some(stream) => {
                let lines = self.lines[stream].push(&self.guard, text);
                lines.into_iter().map(|line| (source, line)).collect()
            }
            // We speak when a command has ended: nothing more will come of it.
            None => {
                let mut shown = self.flush();
                shown.push((source, self.guard.mask(text).into_owned()));
                shown
            }
        };
        for (_, line) in &mut shown {
            if let Cow::Owned(masked) = self.before.mask(line) {
                *line = masked;
            }
        }
        shown
    }

    /// What was kept back because its line was cut.
    fn flush(&mut self) -> Vec<(LogSource, String)> {
        let Self { guard, lines: [stdout, stderr], .. } = self;
        let held = [(LogSource::Stdout, stdout.finish(guard)), (LogSource::Stderr, stderr.finish(guard))];
        held.into_iter()
            .flat_map(|(source, lines)| lines.into_iter().map(move |line| (source, line)))
            .collect()
    }
}

impl Logs {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let kept = Mutex::new(Kept { next_seq: 1, ..Kept::default() });
        Self(Arc::new(Inner { clock, masks: Mutex::default(), kept, newest: watch::Sender::new(0) }))
    }

    /// Shows nothing of what `guard` knows from now on; what was hidden before stays hidden until the next call.
    pub(crate) fn hide(&self, guard: Arc<Guard>) {
        let mut masks = self.0.masks.lock().unwrap_or_else(PoisonError::into_inner);
        let held = masks.flush();
        masks.before = std::mem::replace(&mut masks.guard, guard);
        held.into_iter().for_each(|(source, line)| self.keep(source, line));
    }

    /// Appends a line; text is expected to be clean already (the guest sees to that).
    pub(crate) fn push(&self, source: LogSource, text: impl Into<String>) {
        // Held until the lines are kept, so that they stay in order.
        let mut masks = self.0.masks.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = masks.push(source, &text.into());
        lines.into_iter().for_each(|(source, line)| self.keep(source, line));
    }

    /// The text without the secrets that are hidden in lines; `None` when it holds none.
    pub(crate) fn masked(&self, text: &str) -> Option<String> {
        let (guard, before) = {
            let masks = self.0.masks.lock().unwrap_or_else(PoisonError::into_inner);
            (masks.guard.clone(), masks.before.clone())
        };
        let masked = guard.mask(text);
        match before.mask(&masked) {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => matches!(masked, Cow::Owned(_)).then(|| masked.into_owned()),
        }
    }

    fn keep(&self, source: LogSource, text: String) {
        let at = self.0.clock.now();
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = kept.next_seq;
        kept.next_seq += 1;
        kept.bytes += text.len();
        kept.lines.push_back(LogLine { seq, at, source, text });
        while kept.lines.len() > KEPT_LINES || kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= oldest.text.len();
        }
        drop(kept);
        self.0.newest.send_replace(seq);
    }

    /// The lines after number `seq` that are still kept.
    pub(crate) fn after(&self, seq: u64) -> Vec<LogLine> {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let from = kept.lines.partition_point(|line| line.seq <= seq);
        kept.lines.range(from..).cloned().collect()
    }

    /// True while somebody waits for its next line.
    pub(crate) fn is_followed(&self) -> bool {
        self.0.newest.receiver_count() > 0
    }

    /// The number of the newest line; 0 before the first.
    pub(crate) fn newest(&self) -> u64 {
        *self.0.newest.borrow()
    }

    /// The last `count` lines after number `seq` that the dev server wrote, as one text, for problem documents.
    pub(crate) fn last_words(&self, seq: u64, count: usize) -> String {
        let mut masks = self.0.masks.lock().unwrap_or_else(PoisonError::into_inner);
        masks.flush().into_iter().for_each(|(source, line)| self.keep(source, line));
        drop(masks);
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_output = |line: &&LogLine| matches!(line.source, LogSource::Stdout | LogSource::Stderr);
        let of_sources = kept.lines.iter().rev().take_while(|line| line.seq > seq).filter(is_output);
        let mut lines: Vec<_> = of_sources.take(count).map(|line| line.text.as_str()).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// Every line after number `seq`, now and as they come; never ends by itself. A follower that reads too slowly
    /// misses the lines that are no longer kept, and sees that by their numbers.
    pub(crate) fn follow(&self, seq: u64) -> impl Stream<Item = LogLine> + Send + use<> {
        let newest = self.0.newest.subscribe();
        stream::unfold(
            (self.clone(), newest, seq, VecDeque::new()),
            |(logs, mut newest, mut seq, mut ready)| async move {
                loop {
                    if let Some(line) = ready.pop_front() {
                        return Some((line, (logs, newest, seq, ready)));
                    }
                    newest.borrow_and_update();
                    ready.extend(logs.after(seq));
                    match ready.back() {
                        Some(line) => seq = line.seq,
                        None => newest.changed().await.ok()?,
                    }
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use vitrine_model::source::fixed::FixedClock;

    use super::*;

    fn logs() -> Logs {
        Logs::new(Arc::new(FixedClock::at_millis(0)))
    }

    #[test]
    fn a_flood_keeps_the_last_lines_only() {
        let logs = logs();
        (0..KEPT_LINES + 10).for_each(|n| logs.push(LogSource::Stdout, n.to_string()));
        let kept = logs.after(0);
        assert_eq!(kept.len(), KEPT_LINES);
        assert_eq!(kept[0].seq, 11);
        (0..200).for_each(|_| logs.push(LogSource::Stdout, "x".repeat(8 * 1024)));
        assert!(logs.after(0).iter().map(|line| line.text.len()).sum::<usize>() <= KEPT_BYTES);
    }

    #[test]
    fn secrets_of_this_dev_server_and_the_one_before_are_hidden_wherever_a_line_is_cut() {
        let logs = logs();
        let [old, new] = ["the-old-value", "the-new-value"].map(|value| {
            let value = vitrine_model::secret::SecretValue::new(value.to_owned());
            Arc::new(Guard::new([("KEY", &value)]))
        });
        logs.hide(old);
        logs.hide(new);
        logs.push(LogSource::Stdout, "the-old-value and the-new-value");
        logs.push(LogSource::Stderr, format!("{}the-new", "x".repeat(8 * 1024 - 7)));
        logs.push(LogSource::Stderr, "-value");
        logs.push(LogSource::Stdout, "y".repeat(8 * 1024));
        logs.push(LogSource::Vitrine, "it ended: the-new-value");
        assert_eq!(logs.masked("the-old-value and the-new-value").as_deref(), Some("[hidden] and [hidden]"));
        assert_eq!(logs.masked("nothing of the kind"), None);
        let shown: Vec<_> = logs.after(0).into_iter().map(|line| line.text).collect();
        assert_eq!(shown[0], "[hidden] and [hidden]");
        assert_eq!(shown[1], format!("{}[hidden]", "x".repeat(8 * 1024 - 7)));
        assert_eq!(shown[2..], ["".to_owned(), "y".repeat(8 * 1024), "it ended: [hidden]".to_owned()]);
    }

    #[tokio::test]
    async fn a_follower_sees_old_lines_then_new_ones_without_a_gap() {
        let logs = logs();
        (1..=3).for_each(|n| logs.push(LogSource::Stdout, n.to_string()));
        let mut following = Box::pin(logs.follow(1));
        assert_eq!(following.next().await.unwrap().seq, 2);
        logs.push(LogSource::Stderr, "4");
        assert_eq!(following.next().await.unwrap().seq, 3);
        assert_eq!(following.next().await.unwrap().text, "4");
    }
}
