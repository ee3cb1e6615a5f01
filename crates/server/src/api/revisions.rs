//! Revisions: named snapshots of a draft, and the way back to one.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::app::{Page, Revision};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, RevisionId};
use vitrine_store::{ChangeCause, Direction};

use super::apps::PageQuery;
use super::changes::author_of;
use super::extract::{Json, Path, Query};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::drafts::Committed;
use crate::services::Services;

/// Characters of a label: a line that people read in a list.
const MOST_LABEL_CHARS: usize = 200;

/// A new snapshot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRevision {
    /// What to call it, in at most 200 characters.
    #[serde(default)]
    label: Option<String>,
}

/// A draft after going back to a revision.
#[derive(Serialize, ToSchema)]
pub(crate) struct Restored {
    /// The draft's version now; history only grows.
    version: u64,
    /// How many files changed.
    applied: usize,
}

/// A draft after undo or redo.
#[derive(Serialize, ToSchema)]
pub(crate) struct Walked {
    /// The draft's version now; history only grows.
    version: u64,
    /// The revision whose files it holds.
    revision: RevisionId,
}

/// The app's revisions, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/revisions", tag = "revisions",
    params(("app" = String, Path), PageQuery),
    responses((status = 200, body = Page<Revision>), (status = 404, body = Problem)))]
pub(crate) async fn list_revisions(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<Revision>>> {
    let page = services.store.list_revisions(&caller.scope, &app, query.limit()?, query.cursor()).await?;
    Ok(axum::Json(page))
}

/// Takes a snapshot of the draft. When nothing has changed since the newest one, or since undo led to another one, answers with
/// that.
#[utoipa::path(post, path = "/v1/apps/{app}/revisions", tag = "revisions", params(("app" = String, Path)),
    request_body = NewRevision,
    responses((status = 201, body = Revision), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn create_revision(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(body): Json<NewRevision>,
) -> ApiResult<(StatusCode, axum::Json<Revision>)> {
    let label = body.label.map(|label| label.trim().to_owned()).filter(|label| !label.is_empty());
    if label
        .as_ref()
        .is_some_and(|label| label.chars().count() > MOST_LABEL_CHARS || label.contains(char::is_control))
    {
        let detail = format!("`label` has at most {MOST_LABEL_CHARS} printable characters.");
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    let revision = services.store.create_revision(&caller.scope, &app, label).await?;
    Ok((StatusCode::CREATED, axum::Json(revision)))
}

/// Goes one step back: to the revision that the draft came from, as a new version. What the draft holds is kept as a revision first,
/// so that nothing is lost. 409 `nothing_to_undo` when no earlier state is kept.
#[utoipa::path(post, path = "/v1/apps/{app}/undo", tag = "revisions", params(("app" = String, Path)),
    responses((status = 200, body = Walked), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn undo_draft(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    headers: HeaderMap,
) -> ApiResult<axum::Json<Walked>> {
    let author = author_of(&services, &caller, &app, &headers).await;
    let done = services.drafts.walk(&caller.scope, &app, Direction::Undo, author).await?;
    let detail = "No earlier state of this app is kept.";
    walked(done, || ApiError::new(Code::NothingToUndo, detail))
}

/// Goes one step forth, to what was undone last, as a new version. 409 `nothing_to_redo` when nothing was undone, or the draft was
/// changed since.
#[utoipa::path(post, path = "/v1/apps/{app}/redo", tag = "revisions", params(("app" = String, Path)),
    responses((status = 200, body = Walked), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn redo_draft(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    headers: HeaderMap,
) -> ApiResult<axum::Json<Walked>> {
    let author = author_of(&services, &caller, &app, &headers).await;
    let done = services.drafts.walk(&caller.scope, &app, Direction::Redo, author).await?;
    let detail = "Nothing was undone since the last change.";
    walked(done, || ApiError::new(Code::NothingToRedo, detail))
}

fn walked(
    done: Option<(Committed, RevisionId)>,
    nothing: impl FnOnce() -> ApiError,
) -> ApiResult<axum::Json<Walked>> {
    let (done, revision) = done.ok_or_else(nothing)?;
    Ok(axum::Json(Walked { version: done.version, revision }))
}

/// One revision.
#[utoipa::path(get, path = "/v1/apps/{app}/revisions/{revision}", tag = "revisions",
    params(("app" = String, Path), ("revision" = String, Path)),
    responses((status = 200, body = Revision), (status = 404, body = Problem)))]
pub(crate) async fn get_revision(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, revision)): Path<(AppId, RevisionId)>,
) -> ApiResult<axum::Json<Revision>> {
    Ok(axum::Json(services.store.revision(&caller.scope, &app, &revision).await?))
}

/// Makes the draft hold what the revision holds, as a new version. What it held is kept as a revision first.
#[utoipa::path(post, path = "/v1/apps/{app}/revisions/{revision}/restore", tag = "revisions",
    params(("app" = String, Path), ("revision" = String, Path)),
    responses((status = 200, body = Restored), (status = 404, body = Problem)))]
pub(crate) async fn restore_revision(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, revision)): Path<(AppId, RevisionId)>,
    headers: HeaderMap,
) -> ApiResult<axum::Json<Restored>> {
    let tree = services.store.revision_tree(&caller.scope, &app, &revision).await?;
    let author = author_of(&services, &caller, &app, &headers).await;
    let done =
        services.drafts.replace_tree(&caller.scope, &app, &tree, (ChangeCause::Restore, author)).await?;
    Ok(axum::Json(Restored { version: done.version, applied: done.applied }))
}
