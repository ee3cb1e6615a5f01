//! Change sets as requests.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::AppId;
use vitrine_model::change::Op;
use vitrine_model::problem::{Code, Problem, ProblemItem};
use vitrine_model::session::SessionStatus;

use super::channel::name_of;
use super::extract::{Json, Path};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::channels::Author;
use crate::drafts::{ChangeRequest, DraftError};
use crate::services::Services;
use crate::sessions::Phase;

/// Names the channel's connection that a change set comes from, so that it knows its own.
const CLIENT_HEADER: &str = "x-vitrine-client";

/// One atomic group of file operations.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSetBody {
    /// The draft version the client last saw; absent applies to whatever there is.
    #[serde(default)]
    base_version: Option<u64>,
    /// Applied in order; all or none.
    ops: Vec<Op>,
}

/// What a change set did.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeSetResult {
    /// The draft's version now.
    version: u64,
    /// How many files changed; 0 when everything was like this already.
    applied: usize,
    /// The app's sandbox, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<DeliveryView>,
}

/// A change set on its way to the sandbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// What the sandbox is doing.
    status: SessionStatus,
    /// True when it holds the change already; otherwise it will in a moment, or with its next start.
    delivered: bool,
}

/// Applies a change set to the draft. It is durable when this answers; the preview may have it sooner.
#[utoipa::path(post, path = "/v1/apps/{app}/changes", tag = "files",
    params(("app" = String, Path), ("X-Vitrine-Client" = Option<String>, Header,
        description = "The `client_id` of the caller's channel, which is named where the change is told")),
    request_body = ChangeSetBody,
    responses((status = 200, body = ChangeSetResult), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem)))]
pub(crate) async fn apply_change_set(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    headers: HeaderMap,
    Json(body): Json<ChangeSetBody>,
) -> ApiResult<axum::Json<ChangeSetResult>> {
    let author = author_of(&services, &caller, &app, &headers).await;
    let ChangeSetBody { base_version, ops } = body;
    let request = ChangeRequest { base_version, ops, author };
    let committed = services.drafts.apply(&caller.scope, &app, request).await?;
    services.sessions.touch_app(&caller.scope, &app);
    let session = committed.delivery.map(|mut delivery| DeliveryView {
        delivered: delivery.is_done(),
        status: match services.sessions.snapshot(&app).map(|snapshot| snapshot.phase) {
            Some(Phase::Running) => SessionStatus::Running,
            Some(Phase::Frozen) => SessionStatus::Frozen,
            Some(Phase::Starting) => SessionStatus::Starting,
            Some(Phase::Failed) => SessionStatus::Error,
            Some(Phase::Idle) | None => SessionStatus::Stopped,
        },
    });
    Ok(axum::Json(ChangeSetResult { version: committed.version, applied: committed.applied, session }))
}

/// Who others are told a change is from. Looked up only while somebody listens; a change is made without, too.
pub(super) async fn author_of(
    services: &Services,
    caller: &Caller,
    app: &AppId,
    headers: &HeaderMap,
) -> Author {
    if !services.channels.is_heard(app) {
        return Author::default();
    }
    let client_id = headers.get(CLIENT_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
    Author { client_id, name: name_of(services, caller).await.ok() }
}

impl From<DraftError> for ApiError {
    fn from(error: DraftError) -> Self {
        let text = format!("Nothing was changed: {error}.");
        let item = |path: &vitrine_model::ProjectPath, code| {
            vec![ProblemItem { path: Some(path.to_string()), line: None, code, message: format!("{error}.") }]
        };
        match &error {
            DraftError::Conflict { latest, paths } => {
                let message = "changed since the version this change set was made for".to_owned();
                let items = paths.iter().take(200).map(|path| ProblemItem {
                    path: Some(path.to_string()),
                    line: None,
                    code: Code::DraftConflict,
                    message: message.clone(),
                });
                let text =
                    format!("Nothing was changed: the draft is at version {latest}. Read it and send again.");
                Self::new(Code::DraftConflict, text).with_errors(items.collect()).with_latest_version(*latest)
            }
            DraftError::InvalidContent { path, .. } => {
                Self::new(Code::InvalidChange, text).with_errors(item(path, Code::InvalidChange))
            }
            DraftError::StaleEdit { path } | DraftError::BadEdit { path, .. } => {
                Self::new(Code::EditConflict, text).with_errors(item(path, Code::EditConflict))
            }
            DraftError::Change(error) => error.clone().into(),
            DraftError::Store(_) => match error {
                DraftError::Store(error) => error.into(),
                other => Self::internal(&other),
            },
        }
    }
}
