//! From the draft that a sandbox holds to the one that it should hold.

use vitrine_model::Tree;
use vitrine_sandbox::driver::{FileBatch, FilePut};
use vitrine_store::{Draft, Scope};

use super::super::Context;
use super::super::startup::{Live, SendError};
use crate::drafts::Contents;

/// Sends the difference, and after looking at what the sandbox really holds once more.
pub(super) async fn deliver(
    context: &Context,
    scope: &Scope,
    live: &mut Live,
    wanted: &Draft,
    contents: &Contents,
) -> Result<(), SendError> {
    let Err(error) = send(context, scope, live, wanted, contents).await else { return Ok(()) };
    tracing::warn!(sandbox = %live.sandbox.id(), %error, "delivery failed; comparing by hash");
    live.look_again().await?;
    send(context, scope, live, wanted, contents).await
}

/// Sends the difference between what the sandbox holds and `wanted`.
async fn send(
    context: &Context,
    scope: &Scope,
    live: &mut Live,
    wanted: &Draft,
    contents: &Contents,
) -> Result<(), SendError> {
    let batch = batch_between(context, scope, &live.held, &wanted.tree, contents).await?;
    live.pace.went(&wanted.tree.diff(&live.held), tokio::time::Instant::now());
    if !(batch.put.is_empty() && batch.removed.is_empty()) {
        live.sandbox.apply(batch).await?;
    }
    live.held = wanted.tree.clone();
    live.version = wanted.version;
    Ok(())
}

/// What turns `held` into `wanted`, with content from `contents` or the store.
pub(in super::super) async fn batch_between(
    context: &Context,
    scope: &Scope,
    held: &Tree,
    wanted: &Tree,
    contents: &Contents,
) -> Result<FileBatch, SendError> {
    let diff = wanted.diff(held);
    let entries: Vec<_> =
        diff.put.into_iter().filter_map(|path| Some((wanted.get(path.as_str())?, path))).collect();
    let absent: Vec<_> =
        entries.iter().map(|(entry, _)| entry.sha256).filter(|h| !contents.contains_key(h)).collect();
    let stored = context.store.blobs(scope, &absent).await?;
    let mut put = Vec::with_capacity(entries.len());
    for (entry, path) in entries {
        let content = contents.get(&entry.sha256).or_else(|| stored.get(&entry.sha256));
        let content = content.ok_or(SendError::Content(entry.sha256))?.clone();
        put.push(FilePut { path, mode: entry.mode, content });
    }
    Ok(FileBatch { put, removed: diff.removed })
}
