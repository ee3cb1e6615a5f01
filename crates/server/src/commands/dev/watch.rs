//! Notices that something in a folder has changed. What has changed is seen by looking: what the kernel says is a reason to
//! look, never the truth.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// Saving is a handful of events: so long without another one, and it is over.
const QUIET: Duration = Duration::from_millis(40);

/// A tool that writes without a pause is looked at all the same.
const MOST_PATIENCE: Duration = Duration::from_millis(400);

/// Watches folders one by one, so that what is left out costs nothing: `node_modules` has tens of thousands.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// False once something could not be watched.
    is_complete: bool,
    changes: mpsc::Receiver<()>,
}

impl Watch {
    pub(super) fn new() -> Self {
        // One place: that something happened is told once, however much it was.
        let (tell, changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !is_change(&event.kind)) {
                return;
            }
            // Full: it was told already.
            let _ = tell.try_send(());
        });
        let is_complete = watcher.is_ok();
        Self { watcher: watcher.ok(), watched: BTreeSet::new(), is_complete, changes }
    }

    /// Watches these folders and no others.
    pub(super) fn follow(&mut self, folders: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(folders) {
            // It may be gone from the disk, too.
            let _ = watcher.unwatch(gone);
        }
        let mut watched: BTreeSet<_> = self.watched.intersection(folders).cloned().collect();
        for new in folders.difference(&self.watched) {
            match watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => _ = watched.insert(new.clone()),
                // Gone since it was seen; anything else is a limit of the system.
                Err(_) if !new.exists() => {}
                Err(_) => self.is_complete = false,
            }
        }
        self.watched = watched;
    }

    /// False when the system does not tell of everything: look from time to time.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Waits for a change, and until whoever makes it pauses.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // Nobody will tell.
            std::future::pending::<()>().await;
        }
        let first = Instant::now();
        while first.elapsed() < MOST_PATIENCE {
            match tokio::time::timeout(QUIET, self.changes.recv()).await {
                Ok(Some(())) => {}
                Ok(None) | Err(_) => break,
            }
        }
    }
}

/// Reading is none, and looking reads.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => matches!(kind, AccessKind::Close(AccessMode::Write)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_told(watch: &mut Watch) -> bool {
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn changes_are_told_in_folders_that_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = Watch::new();
        watch.follow(&BTreeSet::from([dir.path().to_owned()]));
        std::fs::write(dir.path().join("a"), "1").unwrap();
        assert!(is_told(&mut watch).await);
        let inner = dir.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        assert!(is_told(&mut watch).await);
        watch.follow(&BTreeSet::from([dir.path().to_owned(), inner.clone()]));
        std::fs::rename(dir.path().join("a"), inner.join("b")).unwrap();
        assert!(is_told(&mut watch).await);
        assert!(watch.is_complete());
    }

    #[test]
    fn looking_is_no_reason_to_look() {
        assert!(!is_change(&EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!is_change(&EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(is_change(&EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(is_change(&EventKind::Any));
    }
}
