//! The HTTP API under `/v1`, its description, and the pages of the builder.

mod access;
mod apps;
mod audit;
mod changes;
mod channel;
mod collection;
mod egress;
mod exec;
mod extract;
mod files;
mod follow;
mod foreign;
mod gate;
mod health;
mod hosting;
mod idempotency;
mod identity;
mod incoming;
mod keys;
mod machine;
mod members;
mod metrics;
mod openapi;
mod package_policy;
mod preview_events;
mod preview_links;
mod problem;
mod publishes;
mod quotas;
mod record;
mod releases;
mod revision_diff;
mod revisions;
mod search;
mod secrets;
mod sessions;
mod shared;
mod templates;
mod tenants;
#[cfg(test)]
mod tests;
mod throttle;
mod ui;
mod vouch;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use gate::Gate;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vitrine_model::RequestId;

use crate::services::Services;
pub(crate) use openapi::document;
use problem::ApiError;
pub(crate) use ui::PreviewOrigins;

/// Everything below `/v1` that needs a caller, with its description.
fn resources() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(identity::me))
        .routes(routes!(identity::sign_out))
        .routes(routes!(identity::sign_out_everywhere))
        .routes(routes!(identity::set_password))
        .routes(routes!(identity::choose_tenant))
        .routes(routes!(members::list_members))
        .routes(routes!(members::update_member, members::remove_member))
        .routes(routes!(members::list_invites, members::invite_member))
        .routes(routes!(members::withdraw_invite))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::export_audit))
        .routes(routes!(audit::verify_audit))
        .routes(routes!(tenants::list_tenants, tenants::create_tenant))
        .routes(routes!(tenants::update_tenant))
        .routes(routes!(machine::get_machine))
        .routes(routes!(collection::collect))
        .routes(routes!(quotas::get_tenant_quotas, quotas::set_tenant_quotas))
        .routes(routes!(quotas::get_my_usage))
        .routes(routes!(templates::list_templates))
        .routes(routes!(templates::get_template))
        .routes(routes!(apps::list_apps, apps::create_app))
        .routes(routes!(apps::get_app, apps::update_app, apps::delete_app))
        .routes(routes!(files::list_files))
        .routes(routes!(files::read_file))
        .routes(routes!(files::diff_files))
        .routes(routes!(files::put_blob))
        .routes(routes!(files::export_app))
        .routes(routes!(search::search_files))
        .routes(routes!(changes::apply_change_set))
        .routes(routes!(channel::open_channel))
        .routes(routes!(revisions::list_revisions, revisions::create_revision))
        .routes(routes!(revisions::get_revision))
        .routes(routes!(revisions::restore_revision))
        .routes(routes!(revisions::undo_draft))
        .routes(routes!(revisions::redo_draft))
        .routes(routes!(revision_diff::diff_revision))
        .routes(routes!(sessions::ensure_session, sessions::get_session, sessions::stop_session))
        .routes(routes!(sessions::heartbeat_session))
        .routes(routes!(sessions::restart_session))
        .routes(routes!(sessions::follow_session_logs))
        .routes(routes!(preview_events::follow_preview_events))
        .routes(routes!(exec::exec_in_session))
        .routes(routes!(preview_links::list_preview_links, preview_links::create_preview_link))
        .routes(routes!(preview_links::delete_preview_link))
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
        .routes(routes!(
            package_policy::get_package_policy,
            package_policy::set_package_policy,
            package_policy::reset_package_policy
        ))
        .routes(routes!(egress::get_egress, egress::set_egress))
        .routes(routes!(secrets::list_secrets))
        .routes(routes!(secrets::put_secret, secrets::delete_secret))
        .routes(routes!(secrets::list_variables))
        .routes(routes!(secrets::put_variable, secrets::delete_variable))
}

/// What anybody may ask.
fn open() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(identity::sign_in))
        .routes(routes!(members::accept_invite))
        .routes(routes!(templates::template_thumbnail))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::get_metrics))
}

/// What stands before everything that belongs to a tenant, the innermost first.
fn guarded(resources: Router<Arc<Services>>, services: &Arc<Services>) -> Router<Arc<Services>> {
    resources
        // Inside of what waits for an end: a handler that panics has ended, is written down, and holds no key.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(services.clone(), idempotency::replay))
        .layer(middleware::from_fn_with_state(services.clone(), incoming::guard))
        .layer(middleware::from_fn_with_state(Gate::new(services.clone()), gate::enter))
        // Around the gate, which writes the audit log once the work is done.
        .layer(middleware::from_fn(run_to_end))
        .layer(middleware::from_fn_with_state(services.clone(), foreign::refuse))
}

/// The whole service of the builder's host.
pub(crate) fn router(services: Arc<Services>) -> Router {
    let (resources, _) = resources().split_for_parts();
    let (open, _) = open().split_for_parts();
    let resources = guarded(resources, &services);
    let open = open.layer(middleware::from_fn(incoming::guard_open)).layer(middleware::from_fn(run_to_end));
    let link = axum::routing::get(identity::open_sign_in_link).layer(middleware::from_fn(carry_through));
    Router::new()
        .merge(resources)
        .merge(open)
        .route("/openapi.json", axum::routing::get(openapi::serve))
        .route("/sign-in", link)
        .route(
            "/s/{secret}",
            axum::routing::any(shared::serve).layer(middleware::from_fn(incoming::guard_open)),
        )
        .fallback(ui::serve)
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(services.clone(), throttle::by_address))
        .layer(middleware::from_fn(harden))
        .layer(middleware::from_fn_with_state(services.clone(), with_request_id))
        .with_state(services)
}

async fn with_request_id(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let id = RequestId::mint(services.clock.as_ref(), services.entropy.as_ref());
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = shown(request.uri().path()));
    tracing::Instrument::instrument(problem::finish(id, request, next), span).await
}

/// A path for the log: the secret of a link is none of the log's business.
fn shown(path: &str) -> &str {
    if path.starts_with(crate::links::PATH) { "/s/…" } else { path }
}

/// What changes something is carried through, also when the client has hung up: between a commit and what others must be
/// told of it, nothing is dropped.
async fn run_to_end(request: Request, next: Next) -> Response {
    match request.method().is_safe() {
        true => next.run(request).await,
        false => carry_through(request, next).await,
    }
}

/// Carries a request through, whether the client hangs up or not.
async fn carry_through(request: Request, next: Next) -> Response {
    let running = tokio::spawn(tracing::Instrument::in_current_span(next.run(request)));
    match running.await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => ApiError::internal(&"the server stopped before the answer was known").into_response(),
        },
    }
}

/// Headers that every answer of this host carries; pages add their content security policy.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // No window of another origin holds on to the builder's, and no page of one embeds its answers.
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.entry("cross-origin-resource-policy").or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text =
        cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    ApiError::internal(&format!("a handler panicked: {}", text.unwrap_or("no message"))).into_response()
}
