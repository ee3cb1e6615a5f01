//! A session's log: the last lines, kept bounded, numbered, and followed live.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::Stream;
use futures::stream;
use tokio::sync::watch;
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

impl Logs {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let kept = Mutex::new(Kept { next_seq: 1, ..Kept::default() });
        Self(Arc::new(Inner { clock, kept, newest: watch::Sender::new(0) }))
    }

    /// Appends a line; text is expected to be clean already (the guest sees to that).
    pub(crate) fn push(&self, source: LogSource, text: impl Into<String>) {
        let text = text.into();
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

    /// The number of the newest line; 0 before the first.
    pub(crate) fn newest(&self) -> u64 {
        *self.0.newest.borrow()
    }

    /// The last `count` lines after number `seq` that the dev server wrote, as one text, for problem documents.
    pub(crate) fn last_words(&self, seq: u64, count: usize) -> String {
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
