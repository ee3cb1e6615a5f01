//! The machine as a resource, for whoever runs the server.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use vitrine_model::problem::{Code, Problem};

use super::extract::Query;
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;
use crate::sessions::MachineView;

/// Sandboxes shown unless the caller says how many, and at most.
const SHOWN: usize = 50;
const MOST_SHOWN: usize = 1_000;

/// How much to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineQuery {
    /// So many sandboxes, those with the most memory; 50 unless said, 1,000 at most.
    limit: Option<usize>,
}

/// What runs on this machine, and what it costs.
#[utoipa::path(get, path = "/v1/machine", tag = "machine", params(MachineQuery),
    responses((status = 200, body = MachineView), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn get_machine(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<MachineQuery>,
) -> ApiResult<axum::Json<MachineView>> {
    let limit = query.limit.unwrap_or(SHOWN);
    if limit > MOST_SHOWN {
        return Err(ApiError::new(Code::InvalidRequest, format!("`limit` is at most {MOST_SHOWN}.")));
    }
    Ok(axum::Json(services.sessions.top(limit, Some(&caller.scope.tenant)).await))
}
