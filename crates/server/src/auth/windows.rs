//! Counts by name in windows of a fixed length, in memory that has an end.

use std::collections::{HashMap, VecDeque};

use vitrine_model::{Sha256, Timestamp};

/// What was counted. A name's window begins with its first count.
pub(super) struct Windows {
    counted: HashMap<Sha256, Window>,
    /// The windows by when they began; one whose name was removed meanwhile is there until its time has come.
    order: VecDeque<(Timestamp, Sha256)>,
    secs: i64,
    most: usize,
}

/// How often a name was counted.
#[derive(Clone, Copy)]
pub(super) struct Window {
    began: Timestamp,
    pub(super) count: u32,
}

impl Windows {
    /// Windows of `secs`, of at most so many names. When there are more, those that were counted first are forgotten: nobody is
    /// refused because of others' names, and no count costs more than what it forgets.
    pub(super) fn new(secs: i64, most: usize) -> Self {
        Self { counted: HashMap::new(), order: VecDeque::new(), secs, most }
    }

    /// Forgets the windows that are over. To be called before anything is asked.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(began, _)| began.plus_secs(self.secs) <= now) {
            self.forget_first();
        }
    }

    /// The window of a name.
    pub(super) fn get(&self, name: &Sha256) -> Option<Window> {
        self.counted.get(name).copied()
    }

    /// When a window is over, in whole seconds from now, at least one.
    pub(super) fn secs_left(&self, window: Window, now: Timestamp) -> u64 {
        let left = window.began.plus_secs(self.secs).millis_since(now);
        left.unsigned_abs().div_ceil(1_000).max(1)
    }

    /// Counts a name once more; the count with it.
    pub(super) fn add(&mut self, name: Sha256, now: Timestamp) -> u32 {
        if let Some(window) = self.counted.get_mut(&name) {
            window.count += 1;
            return window.count;
        }
        while self.order.len() >= self.most {
            self.forget_first();
        }
        self.counted.insert(name, Window { began: now, count: 1 });
        self.order.push_back((now, name));
        1
    }

    /// Takes one count of a name back.
    pub(super) fn take_back(&mut self, name: &Sha256) {
        if let Some(window) = self.counted.get_mut(name) {
            window.count = window.count.saturating_sub(1);
        }
    }

    /// Takes all counts of a name back.
    pub(super) fn remove(&mut self, name: &Sha256) {
        self.counted.remove(name);
    }

    fn forget_first(&mut self) {
        let Some((began, name)) = self.order.pop_front() else { return };
        if self.counted.get(&name).is_some_and(|window| window.began == began) {
            self.counted.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u32) -> Sha256 {
        Sha256::of(&number.to_be_bytes())
    }

    #[test]
    fn a_flood_of_names_pushes_out_the_oldest_and_takes_no_more_memory() {
        let mut windows = Windows::new(60, 100);
        let now = Timestamp::from_millis(0);
        for number in 0..10_000 {
            windows.add(name(number), now);
            // One that is taken back leaves nothing behind that grows.
            windows.add(name(u32::MAX), now);
            windows.remove(&name(u32::MAX));
        }
        assert!(windows.counted.len() <= 100 && windows.order.len() <= 100);
        assert!(windows.get(&name(0)).is_none());
        assert_eq!(windows.add(name(9_999), now), 2);
    }

    #[test]
    fn a_window_is_over_after_its_time_and_the_next_begins_with_the_next_count() {
        let mut windows = Windows::new(60, 100);
        let at = |secs| Timestamp::from_millis(0).plus_secs(secs);
        windows.add(name(1), at(0));
        windows.remove(&name(1));
        windows.add(name(1), at(30));
        windows.expire(at(60));
        let window = windows.get(&name(1)).unwrap();
        assert_eq!(windows.secs_left(window, at(60)), 30, "the one that was removed took no other with it");
        windows.expire(at(90));
        assert!(windows.get(&name(1)).is_none());
    }
}
