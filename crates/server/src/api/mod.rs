//! The HTTP API under `/v1`, its description, and the pages of the builder.

mod apps;
mod changes;
mod extract;
mod files;
mod health;
mod hosting;
mod idempotency;
mod identity;
mod incoming;
mod openapi;
mod problem;
mod publishes;
mod releases;
mod revisions;
mod sessions;
mod templates;
#[cfg(test)]
mod tests;
mod ui;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vitrine_model::RequestId;
use vitrine_model::problem::Code;

use crate::auth::AuthError;
use crate::services::Services;
pub(crate) use openapi::document;
use problem::ApiError;
pub(crate) use ui::PreviewOrigins;

/// Everything below `/v1` that needs a caller, with its description.
fn resources() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(identity::me))
        .routes(routes!(identity::sign_out))
        .routes(routes!(templates::list_templates))
        .routes(routes!(templates::get_template))
        .routes(routes!(apps::list_apps, apps::create_app))
        .routes(routes!(apps::get_app, apps::update_app, apps::delete_app))
        .routes(routes!(files::list_files))
        .routes(routes!(files::read_file))
        .routes(routes!(files::diff_files))
        .routes(routes!(files::put_blob))
        .routes(routes!(files::export_app))
        .routes(routes!(changes::apply_change_set))
        .routes(routes!(revisions::list_revisions, revisions::create_revision))
        .routes(routes!(revisions::get_revision))
        .routes(routes!(revisions::restore_revision))
        .routes(routes!(sessions::ensure_session, sessions::get_session, sessions::stop_session))
        .routes(routes!(sessions::heartbeat_session))
        .routes(routes!(sessions::restart_session))
        .routes(routes!(sessions::follow_session_logs))
        .routes(routes!(hosting::validate_app))
        .routes(routes!(publishes::list_publishes, publishes::publish_app))
        .routes(routes!(publishes::get_publish))
        .routes(routes!(publishes::cancel_publish))
        .routes(routes!(publishes::retry_publish))
        .routes(routes!(publishes::follow_publish))
        .routes(routes!(releases::list_releases, releases::promote_artifact))
        .routes(routes!(releases::unpublish_app))
        .routes(routes!(releases::get_artifact))
        .routes(routes!(releases::get_manifest))
        .routes(routes!(releases::get_provenance))
        .routes(routes!(releases::get_sbom))
        .routes(routes!(hosting::get_hosting, hosting::set_hosting))
        .routes(routes!(hosting::get_usage))
}

/// What anybody may ask.
fn open() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(identity::sign_in))
        .routes(routes!(templates::template_thumbnail))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// The whole service of the builder's host.
pub(crate) fn router(services: Arc<Services>) -> Router {
    let (resources, _) = resources().split_for_parts();
    let (open, _) = open().split_for_parts();
    let resources = resources
        .layer(middleware::from_fn_with_state(services.clone(), idempotency::replay))
        .layer(middleware::from_fn(incoming::guard))
        .layer(middleware::from_fn_with_state(services.clone(), require_caller));
    let open = open.layer(middleware::from_fn(incoming::guard_open));
    Router::new()
        .merge(resources)
        .merge(open)
        .route("/openapi.json", axum::routing::get(openapi::serve))
        .route("/sign-in", axum::routing::get(identity::open_sign_in_link))
        .fallback(ui::serve)
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(harden))
        .layer(middleware::from_fn_with_state(services.clone(), with_request_id))
        .with_state(services)
}

async fn with_request_id(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let id = RequestId::mint(services.clock.as_ref(), services.entropy.as_ref());
    let span =
        tracing::info_span!("request", id = %id, method = %request.method(), path = request.uri().path());
    tracing::Instrument::instrument(problem::finish(id, request, next), span).await
}

async fn require_caller(State(services): State<Arc<Services>>, mut request: Request, next: Next) -> Response {
    match services.auth.authenticate(request.method(), request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => {
            let code = match error {
                AuthError::Unauthenticated => Code::Unauthenticated,
                AuthError::CsrfMissing => Code::Forbidden,
            };
            ApiError::new(code, format!("Refused: {error}.")).into_response()
        }
    }
}

/// Headers that every answer of this host carries; pages add their content security policy.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text =
        cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    ApiError::internal(&format!("a handler panicked: {}", text.unwrap_or("no message"))).into_response()
}
