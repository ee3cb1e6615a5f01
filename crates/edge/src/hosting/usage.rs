//! What was sent for each app since it was last asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vitrine_model::AppId;

/// Requests answered and bytes of bodies sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Answers of any status.
    pub requests: u64,
    /// Bytes of their bodies in the form that was sent; an answer that was cut off counts whole.
    pub bytes: u64,
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

    fn take(&self) -> Usage {
        Usage {
            requests: self.requests.swap(0, Ordering::Relaxed),
            bytes: self.bytes.swap(0, Ordering::Relaxed),
        }
    }
}

/// The counters of every app that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<HashMap<AppId, Arc<Counter>>>);

impl Counters {
    /// The one counter of an app; every site of it counts there.
    pub(crate) fn of(&self, app: &AppId) -> Arc<Counter> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.entry(app.clone()).or_default().clone()
    }

    /// What was counted since the last call, without apps that had nothing.
    pub(crate) fn drain(&self) -> Vec<(AppId, Usage)> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = Vec::new();
        counters.retain(|app, counter| {
            // Looked at before the counts are taken: whoever holds it may count once more.
            let is_held = Arc::strong_count(counter) > 1;
            let usage = counter.take();
            if usage != Usage::default() {
                used.push((app.clone(), usage));
            }
            is_held
        });
        used
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
        assert!(counters.0.lock().unwrap().is_empty());
    }
}
