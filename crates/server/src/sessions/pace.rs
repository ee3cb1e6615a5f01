//! How soon a file may follow itself into a sandbox.
//!
//! The watcher of Vite and Astro (chokidar 3) reports a file's change and then drops further changes of the same file
//! for 50 ms, without looking again afterwards: a second edit inside that window stays invisible until a third one.
//! So a file waits its turn, the edits made meanwhile become one, and a file that was left alone is never delayed.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use vitrine_model::{ProjectPath, TreeDiff};

/// The watcher's 50 ms, counted from when it looks; a dev server busy with the last change looks late.
const SAME_FILE_PAUSE: Duration = Duration::from_millis(150);

/// The files delivered a moment ago.
#[derive(Debug, Default)]
pub(super) struct Pace {
    recent: HashMap<ProjectPath, Instant>,
}

impl Pace {
    /// When `diff` may go, or `None` when it may go now.
    pub(super) fn wait_until(&self, diff: &TreeDiff, now: Instant) -> Option<Instant> {
        let latest = paths(diff).filter_map(|path| self.recent.get(path)).max()?;
        Some(*latest + SAME_FILE_PAUSE).filter(|at| *at > now)
    }

    /// Remembers that `diff` went at `now`; what went too long ago to matter is forgotten.
    pub(super) fn went(&mut self, diff: &TreeDiff, now: Instant) {
        self.recent.retain(|_, at| *at + SAME_FILE_PAUSE > now);
        self.recent.extend(paths(diff).map(|path| (path.clone(), now)));
    }
}

fn paths(diff: &TreeDiff) -> impl Iterator<Item = &ProjectPath> {
    diff.put.iter().chain(&diff.removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(put: &[&str]) -> TreeDiff {
        let put = put.iter().map(|path| path.parse().unwrap()).collect();
        TreeDiff { put, removed: Vec::new() }
    }

    #[test]
    fn a_file_follows_itself_after_a_pause_and_another_one_at_once() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.wait_until(&diff(&["a.ts"]), start), None);
        pace.went(&diff(&["a.ts"]), start);
        let soon = start + Duration::from_millis(30);
        assert_eq!(pace.wait_until(&diff(&["b.ts", "a.ts"]), soon), Some(start + SAME_FILE_PAUSE));
        assert_eq!(pace.wait_until(&diff(&["b.ts"]), soon), None);
        assert_eq!(pace.wait_until(&diff(&["a.ts"]), start + SAME_FILE_PAUSE), None);
    }

    #[test]
    fn what_went_long_ago_is_forgotten() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.went(&diff(&["a.ts", "b.ts"]), start);
        pace.went(&diff(&["c.ts"]), start + SAME_FILE_PAUSE);
        assert_eq!(pace.recent.len(), 1);
    }
}
