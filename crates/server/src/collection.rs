//! Collecting what nothing needs any more: content of drafts, objects of artifacts, layers; in the background, and for an operator
//! who asks for it or wants to know what would go.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use vitrine_model::Timestamp;
use vitrine_model::problem::Problem;
use vitrine_model::source::Clock;
use vitrine_store::{Amount, Store, StoreError};

use crate::provision::Provision;

/// How often what is there is looked at.
const COLLECT_INTERVAL: Duration = Duration::from_secs(3_600);

/// An upload of a publish that no artifact names after this long was given up: publishes have a deadline well before.
const ABANDONED_AFTER_SECS: i64 = 24 * 3_600;

/// Calls for content in one round, each some seconds of work; the rest comes an hour later.
const MOST_CALLS: usize = 40;

/// Between two of them: this is nobody's first concern.
const PAUSE: Duration = Duration::from_secs(1);

/// How much of something went, or would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Share {
    /// Pieces.
    pub(crate) count: u64,
    /// Their bytes, as they are stored.
    pub(crate) bytes: u64,
    /// Pieces that nothing needs either and that are kept for the grace; told by a dry run.
    pub(crate) later_count: u64,
    /// Their bytes.
    pub(crate) later_bytes: u64,
}

impl Share {
    fn of(now: Amount, later: Amount) -> Self {
        Self { count: now.count, bytes: now.bytes, later_count: later.count, later_bytes: later.bytes }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.later_count += other.later_count;
        self.later_bytes += other.later_bytes;
    }
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct CollectionReport {
    /// True when nothing was removed.
    pub(crate) dry_run: bool,
    /// False when there is more to look at: call again. A dry run tells everything with its last call, a collection with each
    /// call what that one removed.
    pub(crate) is_done: bool,
    /// Content of drafts.
    pub(crate) blobs: Share,
    /// File trees of drafts and revisions; a dry run does not look for them. What only they name goes after them.
    pub(crate) trees: Share,
    /// Objects of artifacts, with the last call.
    pub(crate) objects: Share,
    /// Layers beyond their budget, with the last call.
    pub(crate) layers: Share,
}

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectionError {
    /// The store's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The layers' fault.
    #[error("{}", .0.detail)]
    Layers(Problem),
}

/// Collects; clones share one.
#[derive(Clone)]
pub(crate) struct Collection {
    pub(crate) store: Store,
    pub(crate) provision: Arc<dyn Provision>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The server's name, for as long as its data lives.
    pub(crate) holder: String,
    /// How long content is kept that nothing names.
    pub(crate) keep_secs: u64,
}

impl Collection {
    /// Collects in the background until `stopping`.
    pub(crate) async fn run_on(self, stopping: CancellationToken) {
        loop {
            let round = async {
                match self.round().await {
                    Ok(()) => tracing::debug!("what nothing needs was collected"),
                    Err(error) => tracing::warn!(%error, "not everything was collected; again in an hour"),
                }
                tokio::time::sleep(COLLECT_INTERVAL).await;
            };
            // Broken off half-way, a collection leaves rows that the next one goes on with.
            tokio::select! {
                () = round => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    async fn round(&self) -> Result<(), StoreError> {
        for _ in 0..MOST_CALLS {
            let content = self.store.collect_content(&self.holder, self.content_before()).await?;
            tracing::debug!(?content, "content of drafts was searched for what nothing names");
            if content.is_done {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let objects = self.store.collect_objects(&self.holder, self.objects_before()).await?;
        tracing::debug!(?objects, "the object store was searched for leftovers");
        Ok(())
    }

    /// Collects a bounded part; says what went.
    pub(crate) async fn step(&self) -> Result<CollectionReport, CollectionError> {
        let content = self.store.collect_content(&self.holder, self.content_before()).await?;
        let mut report = CollectionReport {
            is_done: content.is_done,
            blobs: Share::of(content.blobs, Amount::default()),
            trees: Share::of(content.trees, Amount::default()),
            ..CollectionReport::default()
        };
        if content.is_done {
            let objects = self.store.collect_objects(&self.holder, self.objects_before()).await?;
            report.objects.count = objects.unnamed + objects.unknown;
            report.objects.bytes = objects.unnamed_bytes;
            report.layers = self.layers(false).await?;
        }
        Ok(report)
    }

    /// Says what would go.
    pub(crate) async fn survey(&self) -> Result<CollectionReport, CollectionError> {
        let content = self.store.survey_content(&self.holder, self.content_before()).await?;
        let mut report = CollectionReport {
            dry_run: true,
            is_done: content.is_done,
            blobs: Share::of(content.due, content.later),
            ..CollectionReport::default()
        };
        if content.is_done {
            let (due, later) = self.store.survey_objects(&self.holder, self.objects_before()).await?;
            report.objects = Share::of(due, later);
            report.layers = self.layers(true).await?;
        }
        Ok(report)
    }

    async fn layers(&self, dry_run: bool) -> Result<Share, CollectionError> {
        let layers = self.provision.collect_layers(dry_run).await.map_err(CollectionError::Layers)?;
        Ok(Share { count: layers.removed, bytes: layers.removed_bytes, ..Share::default() })
    }

    fn content_before(&self) -> Timestamp {
        let secs = i64::try_from(self.keep_secs).unwrap_or(i64::MAX / 1_000);
        self.clock.now().plus_secs(-secs)
    }

    fn objects_before(&self) -> Timestamp {
        self.clock.now().plus_secs(-ABANDONED_AFTER_SECS)
    }
}
