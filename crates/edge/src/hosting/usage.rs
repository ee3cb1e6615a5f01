//! What was sent for each app since it was last asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vitrine_model::AppId;

/// Requests answered and bytes of bodies sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Answers of any status.
    pub requests: u64,
    /// Bytes of their bodies in the form that was sent; an answer that was cut off counts whole.
    pub bytes: u64,
}

impl Usage {
    fn plus(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, bytes: self.bytes + other.bytes }
    }
}

/// The counters of one app. Counting takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    pub(crate) fn add(&self, bytes: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn read(&self) -> Usage {
        Usage { requests: self.requests.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }

    fn take(&self) -> Usage {
        Usage {
            requests: self.requests.swap(0, Ordering::Relaxed),
            bytes: self.bytes.swap(0, Ordering::Relaxed),
        }
    }
}

/// The counters of every app that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    apps: HashMap<AppId, Arc<Counter>>,
    /// What was given out already.
    drained: Usage,
}

impl Counters {
    /// The one counter of an app; every site of it counts there.
    pub(crate) fn of(&self, app: &AppId) -> Arc<Counter> {
        self.book().apps.entry(app.clone()).or_default().clone()
    }

    /// What was counted since the last call, without apps that had nothing.
    pub(crate) fn drain(&self) -> Vec<(AppId, Usage)> {
        let mut book = self.book();
        let mut used = Vec::new();
        book.apps.retain(|app, counter| {
            // Looked at before the counts are taken: whoever holds it may count once more.
            let is_held = Arc::strong_count(counter) > 1;
            let usage = counter.take();
            if usage != Usage::default() {
                used.push((app.clone(), usage));
            }
            is_held
        });
        book.drained = used.iter().fold(book.drained, |sum, (_, usage)| sum.plus(*usage));
        used
    }

    /// What was counted so far for all apps, given out or not; never less than it was.
    pub(crate) fn total(&self) -> Usage {
        let book = self.book();
        book.apps.values().fold(book.drained, |sum, counter| sum.plus(counter.read()))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_given_out_once_and_idle_apps_are_forgotten() {
        let counters = Counters::default();
        let app: AppId = "app_01hf7yat000000000000000000".parse().unwrap();
        let counter = counters.of(&app);
        counter.add(10);
        counters.of(&app).add(5);
        assert_eq!(counters.drain(), [(app.clone(), Usage { requests: 2, bytes: 15 })]);
        assert_eq!(counters.drain(), []);
        counter.add(1);
        drop(counter);
        assert_eq!(counters.drain(), [(app, Usage { requests: 1, bytes: 1 })]);
        assert!(counters.book().apps.is_empty());
    }

    #[test]
    fn the_total_goes_on_when_what_was_counted_is_given_out() {
        let counters = Counters::default();
        let counter = counters.of(&"app_01hf7yat000000000000000000".parse().unwrap());
        counter.add(10);
        let before = counters.total();
        counters.drain();
        assert_eq!((before, counters.total()), (Usage { requests: 1, bytes: 10 }, before));
        counter.add(1);
        assert_eq!(counters.total(), Usage { requests: 2, bytes: 11 });
    }
}
