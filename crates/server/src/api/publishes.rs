//! Publishes as resources: asked for, watched, cancelled, retried.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use futures::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::app::Page;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::publish::{BuildMode, Publish, PublishLogLine, PublishTarget};
use vitrine_model::secret::Environment;
use vitrine_model::{AppId, ArtifactId, PublishId, RevisionId};

use super::apps::PageQuery;
use super::extract::{Json, Path, Query};
use super::follow::follow;
use super::problem::{ApiError, ApiResult};
use super::vouch::Vouch;
use crate::auth::Caller;
use crate::publishes::{News, Wish};
use crate::services::Services;

/// What to publish, and how.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewPublish {
    /// The revision to build; absent means the draft as it is now.
    revision: Option<RevisionId>,
    /// How to build it.
    mode: BuildMode,
    /// What it is for.
    target: PublishTarget,
    /// Whose secrets and variables the build is given; absent means `preview` for the target `preview`, else `production`.
    environment: Option<Environment>,
    /// With the target `verify`: the artifact to build anew.
    artifact: Option<ArtifactId>,
}

/// A publish, and where its result is.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishView {
    #[serde(flatten)]
    publish: Publish,
    /// Where the app's current release is served.
    site_url: String,
    /// Where this publish's artifact is served for ever, once there is one. For a preview, opened with a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    permalink_url: Option<String>,
}

impl PublishView {
    pub(super) fn of(services: &Services, slug: &str, publish: Publish) -> Self {
        let urls = &services.urls;
        // What this publish did not release may never have been released: it opens with a key, which does no harm where
        // none is asked for.
        let permalink_url = publish.artifact.as_ref().map(|artifact| match publish.release {
            Some(_) => urls.permalink(artifact, slug),
            None => urls.private_permalink(&publish.app_id, artifact, slug),
        });
        Self { site_url: urls.site(slug), permalink_url, publish }
    }
}

/// Builds a revision and makes it the app's release: 202 with a publish to watch. What the draft holds now is what will be
/// built. A publish of the same app that still waits is superseded.
#[utoipa::path(post, path = "/v1/apps/{app}/publishes", tag = "publishes", params(("app" = String, Path)),
    request_body = NewPublish,
    responses((status = 202, body = PublishView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn publish_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(body): Json<NewPublish>,
) -> ApiResult<(StatusCode, axum::Json<PublishView>)> {
    let row = services.store.app(&caller.scope, &app).await?;
    if (body.target == PublishTarget::Verify) != body.artifact.is_some() {
        let detail = "`artifact` goes with the target `verify`, and that target with an `artifact`.";
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    let wish = Wish {
        revision: body.revision,
        mode: body.mode,
        target: body.target,
        environment: body.environment,
        artifact: body.artifact,
    };
    let publish = services.publishes.publish(&caller.scope, &app, wish).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(PublishView::of(&services, &row.slug, publish))))
}

/// The app's publishes, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/publishes", tag = "publishes",
    params(("app" = String, Path), PageQuery),
    responses((status = 200, body = Page<PublishView>), (status = 404, body = Problem)))]
pub(crate) async fn list_publishes(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<PublishView>>> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    let page = services.publishes.list(&caller.scope, &app, query.limit()?, query.cursor()).await?;
    let items = page.items.into_iter().map(|publish| PublishView::of(&services, &slug, publish)).collect();
    Ok(axum::Json(Page { items, next_cursor: page.next_cursor }))
}

/// One publish.
#[utoipa::path(get, path = "/v1/apps/{app}/publishes/{publish}", tag = "publishes",
    params(("app" = String, Path), ("publish" = String, Path)),
    responses((status = 200, body = PublishView), (status = 404, body = Problem)))]
pub(crate) async fn get_publish(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, publish)): Path<(AppId, PublishId)>,
) -> ApiResult<axum::Json<PublishView>> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    let publish = services.store.publish(&caller.scope, &app, &publish).await?;
    Ok(axum::Json(PublishView::of(&services, &slug, publish)))
}

/// Ends a publish: at once when it waits, as soon as its processes are gone when it runs. 409 when it has ended.
#[utoipa::path(post, path = "/v1/apps/{app}/publishes/{publish}/cancel", tag = "publishes",
    params(("app" = String, Path), ("publish" = String, Path)),
    responses((status = 200, body = PublishView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn cancel_publish(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, publish)): Path<(AppId, PublishId)>,
) -> ApiResult<axum::Json<PublishView>> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    let publish = services.publishes.cancel(&caller.scope, &app, &publish).await?;
    Ok(axum::Json(PublishView::of(&services, &slug, publish)))
}

/// Publishes the same revision once more, as a new publish.
#[utoipa::path(post, path = "/v1/apps/{app}/publishes/{publish}/retry", tag = "publishes",
    params(("app" = String, Path), ("publish" = String, Path)),
    responses((status = 202, body = PublishView), (status = 404, body = Problem)))]
pub(crate) async fn retry_publish(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, publish)): Path<(AppId, PublishId)>,
) -> ApiResult<(StatusCode, axum::Json<PublishView>)> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    let publish = services.publishes.retry(&caller.scope, &app, &publish).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(PublishView::of(&services, &slug, publish))))
}

/// What happens to a publish, old and new, as server-sent events: `log` (a line, with its number as id), `publish` (the
/// publish whenever it has changed) and `end`. Resumes after the line in `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/apps/{app}/publishes/{publish}/logs", tag = "publishes",
    params(("app" = String, Path), ("publish" = String, Path)),
    responses((status = 200, body = PublishLogLine, content_type = "text/event-stream"),
        (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn follow_publish(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Extension(vouch): Extension<Vouch>,
    Path((app, publish)): Path<(AppId, PublishId)>,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    services.store.publish(&caller.scope, &app, &publish).await?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let news = services.publishes.follow(caller.scope, app, publish, last);
    let events = news.map({
        let services = services.clone();
        move |news| event_of(&services, &slug, news)
    });
    follow(&services, vouch, events)
}

fn event_of(services: &Services, slug: &str, news: News) -> Event {
    let event = match news {
        News::Line(line) => Event::default().event("log").id(line.seq.to_string()).json_data(&line),
        News::State(publish) => {
            Event::default().event("publish").json_data(PublishView::of(services, slug, *publish))
        }
        News::End => Ok(Event::default().event("end").data("{}")),
    };
    event.unwrap_or_default()
}
