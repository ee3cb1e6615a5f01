//! One installation on its way, and everybody who waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use super::{InstallEvent, Layer, LayerError};

/// How it landed; `None` while it is in the air.
pub(super) type Landing = Option<Result<Layer, LayerError>>;

/// A handle to a running installation.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    listeners: Arc<Mutex<Vec<mpsc::Sender<InstallEvent>>>>,
    result: watch::Receiver<Landing>,
}

impl Flight {
    /// A flight with its first passenger, and the sender for its landing.
    pub(super) fn new(progress: Option<mpsc::Sender<InstallEvent>>) -> (Self, watch::Sender<Landing>) {
        let (report, result) = watch::channel(None);
        let listeners = Arc::new(Mutex::new(progress.into_iter().collect()));
        (Self { listeners, result }, report)
    }

    /// Waits along.
    pub(super) fn join(&self, progress: Option<mpsc::Sender<InstallEvent>>) -> watch::Receiver<Landing> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).extend(progress);
        self.result()
    }

    /// Where it will land.
    pub(super) fn result(&self) -> watch::Receiver<Landing> {
        self.result.clone()
    }

    /// Tells everybody; who is slow misses it, who is gone is forgotten.
    pub(super) fn tell(&self, event: &InstallEvent) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| {
            !matches!(listener.try_send(event.clone()), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }
}
