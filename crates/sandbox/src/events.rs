//! What happens in a sandbox on its way to whoever listens: log lines may be lost, everything else may not.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::driver::{EndReason, SandboxEvent};

/// Events on their way to the reader.
const CHANNEL_EVENTS: usize = 256;

/// Lines that wait for the channel to have room; more are dropped and counted.
const MAX_WAITING_LINES: usize = 1024;

/// Bytes in a line.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// The sending side; clones send to the same reader.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<SandboxEvent>,
    lines: usize,
    dropped: BTreeMap<String, u64>,
    is_over: bool,
}

/// Starts a task that forwards events until the last one.
pub(crate) fn channel() -> (Events, mpsc::Receiver<SandboxEvent>) {
    let (sender, receiver) = mpsc::channel(CHANNEL_EVENTS);
    let events = Events { shared: Arc::default() };
    tokio::spawn(forward(events.shared.clone(), sender));
    (events, receiver)
}

impl Events {
    /// A line of output; dropped and counted when too many wait.
    pub(crate) fn line(&self, name: &str, is_stderr: bool, mut line: String) {
        line.truncate(line.floor_char_boundary(MAX_LINE_BYTES));
        self.change(|waiting| {
            if waiting.lines >= MAX_WAITING_LINES {
                let dropped = waiting.dropped.entry(name.to_owned()).or_default();
                *dropped = dropped.saturating_add(1);
                return;
            }
            waiting.lines += 1;
            waiting.events.push_back(SandboxEvent::Output { name: name.to_owned(), is_stderr, line });
        });
    }

    /// Lines that were dropped somewhere else.
    pub(crate) fn dropped(&self, name: String, lines: u64) {
        self.change(|waiting| {
            let dropped = waiting.dropped.entry(name).or_default();
            *dropped = dropped.saturating_add(lines);
        });
    }

    /// Anything that must arrive.
    pub(crate) fn send(&self, event: SandboxEvent) {
        self.change(|waiting| {
            waiting.report_dropped();
            waiting.events.push_back(event);
        });
    }

    /// The last event; whatever is sent later is ignored.
    pub(crate) fn end(&self, reason: EndReason) {
        self.send(SandboxEvent::Ended { reason });
        self.change(|waiting| waiting.is_over = true);
    }

    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.is_over {
            change(&mut waiting);
            self.shared.changed.notify_one();
        }
    }
}

impl Waiting {
    fn report_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        self.events
            .extend(dropped.into_iter().map(|(name, lines)| SandboxEvent::OutputDropped { name, lines }));
    }

    fn next(&mut self) -> Option<SandboxEvent> {
        if self.events.is_empty() {
            self.report_dropped();
        }
        let event = self.events.pop_front()?;
        if matches!(event, SandboxEvent::Output { .. }) {
            self.lines -= 1;
        }
        Some(event)
    }
}

async fn forward(shared: Arc<Shared>, sender: mpsc::Sender<SandboxEvent>) {
    loop {
        let (next, is_over) = {
            let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            (waiting.next(), waiting.is_over)
        };
        match next {
            // A reader that left gets nothing more, and the queue must not grow for it.
            Some(event) => drop(sender.send(event).await),
            None if is_over => return,
            None => shared.changed.notified().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_beyond_the_bound_are_counted_and_the_end_arrives() {
        let (events, mut receiver) = channel();
        let sent = MAX_WAITING_LINES as u64 * 3;
        (0..sent).for_each(|n| events.line("dev", false, n.to_string()));
        events.end(EndReason::Stopped);
        events.line("dev", false, "too late".to_owned());
        let (mut lines, mut dropped, mut last) = (0, 0, None);
        while let Some(event) = receiver.recv().await {
            match &event {
                SandboxEvent::Output { .. } => lines += 1,
                SandboxEvent::OutputDropped { lines, .. } => dropped += lines,
                _ => {}
            }
            last = Some(event);
        }
        assert_eq!(lines + dropped, sent);
        assert!(lines as usize >= MAX_WAITING_LINES);
        assert_eq!(last, Some(SandboxEvent::Ended { reason: EndReason::Stopped }));
    }

    #[tokio::test]
    async fn nobody_listening_is_no_reason_to_hang() {
        let (events, receiver) = channel();
        drop(receiver);
        (0..10_000).for_each(|n| events.line("dev", false, n.to_string()));
        events.end(EndReason::Stopped);
    }
}
