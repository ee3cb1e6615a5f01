//! Liveness and readiness.

use std::sync::Arc;

use axum::extract::State;
use vitrine_model::problem::{Code, Problem};

use super::problem::{ApiError, ApiResult};
use crate::services::Services;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = String)))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can do its work: the database and the object store answer, and it is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = 200, body = String), (status = 503, body = Problem)))]
pub(crate) async fn readyz(State(services): State<Arc<Services>>) -> ApiResult<&'static str> {
    if services.stopping.is_cancelled() {
        return Err(ApiError::new(Code::ShuttingDown, "Ask another server, or this one after its restart."));
    }
    services.store.check().await.map_err(|error| {
        tracing::error!(%error, "not ready");
        ApiError::new(
            Code::ShuttingDown,
            "The database or the object store does not answer; the log says which.",
        )
    })?;
    Ok("ready\n")
}
