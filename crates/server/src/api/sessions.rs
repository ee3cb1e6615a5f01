//! Sessions as resources.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use futures::{Stream, StreamExt as _};
use vitrine_model::AppId;
use vitrine_model::problem::Problem;
use vitrine_model::session::{LogLine, SessionStatus, SessionView};

use super::extract::Path;
use super::follow::follow;
use super::problem::{ApiError, ApiResult};
use super::vouch::Vouch;
use crate::auth::Caller;
use crate::services::Services;

/// Gives the caller a session on the app's draft: 200 when it runs, 202 while it is on its way. Idempotent.
#[utoipa::path(put, path = "/v1/apps/{app}/session", tag = "sessions", params(("app" = String, Path)),
    responses((status = 200, body = SessionView), (status = 202, body = SessionView), (status = 404, body = Problem)))]
pub(crate) async fn ensure_session(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<(StatusCode, axum::Json<SessionView>)> {
    let session = services.sessions.ensure(&caller.scope, &app).await?;
    let status = match session.status {
        SessionStatus::Running => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    Ok((status, axum::Json(session)))
}

/// The caller's session, live or ended last.
#[utoipa::path(get, path = "/v1/apps/{app}/session", tag = "sessions", params(("app" = String, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = Problem)))]
pub(crate) async fn get_session(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<axum::Json<SessionView>> {
    Ok(axum::Json(services.sessions.get(&caller.scope, &app).await?))
}

/// Ends the caller's session. A second call is 404.
#[utoipa::path(delete, path = "/v1/apps/{app}/session", tag = "sessions", params(("app" = String, Path)),
    responses((status = 204, description = "Ended"), (status = 404, body = Problem)))]
pub(crate) async fn stop_session(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<StatusCode> {
    services.sessions.stop(&caller.scope, &app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Moves the session's expiry, and does nothing else.
#[utoipa::path(post, path = "/v1/apps/{app}/session/heartbeat", tag = "sessions", params(("app" = String, Path)),
    responses((status = 200, body = SessionView), (status = 404, body = Problem)))]
pub(crate) async fn heartbeat_session(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<axum::Json<SessionView>> {
    Ok(axum::Json(services.sessions.heartbeat(&caller.scope, &app).await?))
}

/// Starts the session's sandbox anew.
#[utoipa::path(post, path = "/v1/apps/{app}/session/restart", tag = "sessions", params(("app" = String, Path)),
    responses((status = 202, body = SessionView), (status = 404, body = Problem)))]
pub(crate) async fn restart_session(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<(StatusCode, axum::Json<SessionView>)> {
    let session = services.sessions.restart(&caller.scope, &app).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(session)))
}

/// The lines of the session's log, old and new, as server-sent events; resumes by `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/apps/{app}/session/logs", tag = "sessions", params(("app" = String, Path)),
    responses((status = 200, body = LogLine, content_type = "text/event-stream"), (status = 404, body = Problem),
        (status = 429, body = Problem)))]
pub(crate) async fn follow_session_logs(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Extension(vouch): Extension<Vouch>,
    Path(app): Path<AppId>,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    services.store.app(&caller.scope, &app).await?;
    if !services.sessions.has_preview(&app) {
        return Err(ApiError::not_found("session"));
    }
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let lines = services.sessions.follow_logs(&caller.scope, &app, last);
    let events = lines.map(|line| {
        let event = Event::default().id(line.seq.to_string());
        event.json_data(&line).unwrap_or_default()
    });
    follow(&services, vouch, events)
}
