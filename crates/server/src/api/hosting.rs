//! How an app is served, how much it is visited, and what would keep it from being built.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vitrine_build::validate::Report;
use vitrine_model::AppId;
use vitrine_model::hosting::HostingSettings;
use vitrine_model::problem::{Code, Problem};

use super::extract::{Json, Path, Query};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

/// Bytes of a content security policy: browsers take more, headers of proxies do not.
const MOST_POLICY_BYTES: usize = 4_096;

/// Origins that may frame an app.
const MOST_FRAME_ANCESTORS: usize = 20;

/// Bytes of an app's own runtime configuration: it is in every page that asks for it.
const MOST_CONFIG_BYTES: usize = 16 * 1024;

/// The app's hosting settings.
#[utoipa::path(get, path = "/v1/apps/{app}/hosting", tag = "hosting", params(("app" = String, Path)),
    responses((status = 200, body = HostingSettings), (status = 404, body = Problem)))]
pub(crate) async fn get_hosting(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<axum::Json<HostingSettings>> {
    Ok(axum::Json(services.store.hosting_settings(&caller.scope, &app).await?))
}

/// Replaces the app's hosting settings. The very next visitor sees them.
#[utoipa::path(put, path = "/v1/apps/{app}/hosting", tag = "hosting", params(("app" = String, Path)),
    request_body = HostingSettings,
    responses((status = 200, body = HostingSettings), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn set_hosting(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(settings): Json<HostingSettings>,
) -> ApiResult<axum::Json<HostingSettings>> {
    check(&settings)?;
    services.store.set_hosting_settings(&caller.scope, &app, &settings).await?;
    services.publishes.changed(&app);
    Ok(axum::Json(settings))
}

fn check(settings: &HostingSettings) -> ApiResult<()> {
    let invalid = |detail: String| Err(ApiError::new(Code::InvalidRequest, detail));
    if let Some(policy) = &settings.content_security_policy {
        let printable = policy.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if policy.len() > MOST_POLICY_BYTES || !printable || policy.trim().is_empty() {
            return invalid(format!(
                "`content_security_policy` is one line of visible ASCII, at most {MOST_POLICY_BYTES} bytes."
            ));
        }
    }
    if settings.frame_ancestors.len() > MOST_FRAME_ANCESTORS {
        return invalid(format!("`frame_ancestors` names at most {MOST_FRAME_ANCESTORS} origins."));
    }
    if let Some(bad) = settings.frame_ancestors.iter().find(|origin| !is_origin(origin)) {
        return invalid(format!(
            "`frame_ancestors`: `{bad}` is not an origin such as https://example.com, or `'self'`."
        ));
    }
    let bytes = serde_json::to_vec(&settings.runtime_config).map_or(usize::MAX, |json| json.len());
    if bytes > MOST_CONFIG_BYTES {
        return invalid(format!("`runtime_config` has at most {MOST_CONFIG_BYTES} bytes as JSON."));
    }
    Ok(())
}

fn is_origin(text: &str) -> bool {
    text == "'self'" || crate::config::parse_origin(text).is_ok()
}

/// What the draft holds that would break its build or is not allowed; saves nothing and builds nothing.
#[utoipa::path(post, path = "/v1/apps/{app}/validate", tag = "publishes", params(("app" = String, Path)),
    responses((status = 200, body = Report), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn validate_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<axum::Json<Report>> {
    let draft = services.store.draft(&caller.scope, &app).await?;
    let report = services.publishes.validate(&caller.scope, &app, &draft.tree).await?;
    Ok(axum::Json(report))
}

/// From when on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    /// How many days back, at most 90; 30 when absent.
    days: Option<u16>,
}

/// What visitors asked for in one day.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageDay {
    /// The day in UTC, as `2026-11-21`.
    day: String,
    /// Requests answered.
    requests: u64,
    /// Bytes of their bodies.
    bytes: u64,
}

/// Requests and bytes of the published app by day, oldest first; a minute behind at most.
#[utoipa::path(get, path = "/v1/apps/{app}/usage", tag = "hosting", params(("app" = String, Path), UsageQuery),
    responses((status = 200, body = Vec<UsageDay>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn get_usage(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Query(query): Query<UsageQuery>,
) -> ApiResult<axum::Json<Vec<UsageDay>>> {
    let days = match query.days.unwrap_or(30) {
        days @ 1..=90 => days,
        _ => return Err(ApiError::new(Code::InvalidRequest, "`days` is 1 to 90.")),
    };
    let today = crate::sites::day_of(services.clock.now());
    let rows = services.store.usage(&caller.scope, &app, (today + 1).saturating_sub(u32::from(days))).await?;
    let rows = rows.into_iter().map(|row| UsageDay {
        day: crate::sites::day_text(row.day),
        requests: row.requests,
        bytes: row.bytes,
    });
    Ok(axum::Json(rows.collect()))
}
