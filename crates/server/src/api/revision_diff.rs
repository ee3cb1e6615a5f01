//! How a revision differs from the draft or from another revision.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use vitrine_model::problem::Problem;
use vitrine_model::revision_diff::{DiffSide, FileDiff, RevisionDiff, between, is_text};
use vitrine_model::{AppId, FileEntry, RevisionId, Sha256, Tree};
use vitrine_store::{Scope, StoreError};

use super::extract::{Path, Query};
use super::problem::ApiResult;
use crate::auth::Caller;
use crate::services::Services;

/// Files of one answer: more than anybody looks through, and some 300 KiB.
const MOST_FILES: usize = 1_000;

/// A file larger than this is not shown line by line, and not looked at.
const MOST_SHOWN_BYTES: u64 = 1024 * 1024;

/// Content that one answer looks at to tell text from what is none.
const MOST_READ_BYTES: u64 = 16 * 1024 * 1024;

/// Files whose content is in memory at once while they are looked at.
const LOOKED_AT_ONCE: usize = 64;

/// What to compare with.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffQuery {
    /// `draft`, which is the default, or a revision of the app.
    against: Option<String>,
}

/// How a revision differs from the draft, or from another revision. The content of a file of either side is read at
/// `GET /v1/apps/{app}/files/{path}?revision=…`.
#[utoipa::path(get, path = "/v1/apps/{app}/revisions/{revision}/diff", tag = "revisions",
    params(("app" = String, Path), ("revision" = String, Path), DiffQuery),
    responses((status = 200, body = RevisionDiff), (status = 404, body = Problem)))]
pub(crate) async fn diff_revision(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, revision)): Path<(AppId, RevisionId)>,
    Query(query): Query<DiffQuery>,
) -> ApiResult<axum::Json<RevisionDiff>> {
    let from = services.store.revision_tree(&caller.scope, &app, &revision).await?;
    let (to, side) = other_side(&services, &caller.scope, &app, query.against.as_deref()).await?;
    let mut files = between(&from, &to);
    let truncated = files.len() > MOST_FILES;
    files.truncate(MOST_FILES);
    tell_text(&services, &caller.scope, &mut files).await?;
    let from = DiffSide { revision: Some(revision), version: None };
    Ok(axum::Json(RevisionDiff { from, to: side, files, truncated }))
}

async fn other_side(
    services: &Services,
    scope: &Scope,
    app: &AppId,
    against: Option<&str>,
) -> ApiResult<(Arc<Tree>, DiffSide)> {
    if let Some(against) = against.filter(|against| *against != "draft") {
        let revision: RevisionId = against.parse()?;
        let tree = services.store.revision_tree(scope, app, &revision).await?;
        return Ok((Arc::new(tree), DiffSide { revision: Some(revision), version: None }));
    }
    let draft = services.store.draft(scope, app).await?;
    Ok((draft.tree, DiffSide { revision: None, version: Some(draft.version) }))
}

/// Looks at the content of both sides, as far as there is time for it.
async fn tell_text(services: &Services, scope: &Scope, files: &mut [FileDiff]) -> Result<(), StoreError> {
    let mut left = MOST_READ_BYTES;
    let sides = files.iter().flat_map(|file| [file.before, file.after]).flatten();
    let mut seen = HashSet::new();
    let looked_at: Vec<Sha256> = sides
        .filter(|entry| entry.size <= MOST_SHOWN_BYTES && seen.insert(entry.sha256))
        .map_while(|entry| {
            left = left.checked_sub(entry.size)?;
            Some(entry.sha256)
        })
        .collect();
    let mut known = HashMap::new();
    for hashes in looked_at.chunks(LOOKED_AT_ONCE) {
        let contents = services.store.blobs(scope, hashes).await?;
        known.extend(contents.into_iter().map(|(hash, content)| (hash, is_text(&content))));
    }
    let reads = |entry: &FileEntry| known.get(&entry.sha256).copied().unwrap_or(false);
    for file in files {
        file.is_text = [&file.before, &file.after].into_iter().flatten().all(reads);
    }
    Ok(())
}
