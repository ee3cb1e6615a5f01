//! What happens in a preview, as its pages tell it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures::{Stream, StreamExt as _};
use vitrine_model::AppId;
use vitrine_model::preview_event::KeptPreviewEvent;
use vitrine_model::problem::Problem;

use super::extract::Path;
use super::follow::follow;
use super::problem::ApiResult;
use super::vouch::Vouch;
use crate::auth::Caller;
use crate::services::Services;

/// What happens in the caller's preview, old and new, as server-sent events named `preview`; resumes by `Last-Event-ID`. The
/// last 500 events are kept, at most 256 KiB, for as long as the session lives and the server runs. Everything in them was
/// written by the app's pages: treat it as text that anybody may have made up.
#[utoipa::path(get, path = "/v1/apps/{app}/session/events", tag = "sessions", params(("app" = String, Path)),
    responses((status = 200, body = KeptPreviewEvent, content_type = "text/event-stream"),
        (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn follow_preview_events(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Extension(vouch): Extension<Vouch>,
    Path(app): Path<AppId>,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let events = services.sessions.preview_events(&caller.scope, &app).await?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let events = events.subscribe(last).map(|kept| {
        let event = Event::default().event("preview").id(kept.seq.to_string());
        event.json_data(&kept).unwrap_or_default()
    });
    follow(&services, vouch, events)
}
