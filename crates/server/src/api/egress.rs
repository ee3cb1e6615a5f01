//! What an app's dev sandbox may reach, as a resource.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::AppId;
use vitrine_model::egress::EgressDestination;
use vitrine_model::problem::{Code, Problem, ProblemItem};

use super::extract::{Json, Path};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::egress::EgressError;
use crate::services::Services;

/// Where the dev sandbox may connect to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetEgress {
    /// Servers by name and port, as `api.example.com:443`; spoken to over TLS. At most 50.
    destinations: Vec<String>,
}

/// What the dev sandbox may reach, and what it did.
#[derive(Serialize, ToSchema)]
pub(crate) struct EgressView {
    /// The list of the app.
    destinations: Vec<EgressDestination>,
    /// `listed`: what is listed can be reached; `off`: the operator lets nothing through.
    mode: &'static str,
    /// Since midnight in UTC, or since the server was started.
    today: EgressDay,
}

/// What passed in a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct EgressDay {
    /// Connections let through.
    allowed: u64,
    /// Connections refused: another server, an address that is not public, a greeting for somebody else.
    refused: u64,
    /// Connections that failed otherwise, or were cut.
    failed: u64,
    /// Bytes from the sandbox.
    bytes_out: u64,
    /// Bytes to the sandbox.
    bytes_in: u64,
}

/// Where the app's dev sandbox may connect to, and today's figures. Builds never connect to anything.
#[utoipa::path(get, path = "/v1/apps/{app}/egress", tag = "sessions", params(("app" = String, Path)),
    responses((status = 200, body = EgressView), (status = 404, body = Problem)))]
pub(crate) async fn get_egress(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<axum::Json<EgressView>> {
    let destinations = services.egress.list(&caller.scope, &app).await?;
    Ok(axum::Json(view(&services, &app, destinations)))
}

/// Replaces the list. It holds at once for new connections, and those no longer allowed are cut; the first destination of an
/// app starts its dev server anew.
#[utoipa::path(put, path = "/v1/apps/{app}/egress", tag = "sessions", params(("app" = String, Path)),
    request_body = SetEgress,
    responses((status = 200, body = EgressView), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn set_egress(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(body): Json<SetEgress>,
) -> ApiResult<axum::Json<EgressView>> {
    let destinations = parsed(&body.destinations)?;
    if services.egress.set(&caller.scope, &app, destinations).await? {
        services.sessions.renew(&app);
    }
    let destinations = services.egress.list(&caller.scope, &app).await?;
    Ok(axum::Json(view(&services, &app, destinations)))
}

fn parsed(texts: &[String]) -> ApiResult<Vec<EgressDestination>> {
    let (mut destinations, mut items) = (Vec::new(), Vec::new());
    for text in texts.iter().take(1_000) {
        match text.parse() {
            Ok(destination) => destinations.push(destination),
            Err(error) => items.push(ProblemItem {
                path: Some(text.chars().take(200).collect()),
                line: None,
                code: Code::InvalidDestination,
                message: format!("{error}."),
            }),
        }
    }
    match items.first() {
        None => Ok(destinations),
        Some(first) => {
            let shown = first.path.as_deref().unwrap_or_default();
            let detail = format!("Nothing was changed: `{shown}`: {}", first.message);
            Err(ApiError::new(Code::InvalidDestination, detail).with_errors(items))
        }
    }
}

fn view(services: &Services, app: &AppId, destinations: Vec<EgressDestination>) -> EgressView {
    let today = services.egress.usage(app).today;
    EgressView {
        destinations,
        mode: if services.egress.is_on() { "listed" } else { "off" },
        today: EgressDay {
            allowed: today.allowed,
            refused: today.refused,
            failed: today.failed,
            bytes_out: today.bytes_out,
            bytes_in: today.bytes_in,
        },
    }
}

impl From<EgressError> for ApiError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Store(error) => error.into(),
            EgressError::Interrupted => Self::new(Code::Internal, "Whether the list was set is not known."),
            error => Self::new(Code::InvalidDestination, format!("Nothing was changed: {error}.")),
        }
    }
}
