//! Collection, for whoever runs the server.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use vitrine_model::problem::Problem;

use super::extract::Json;
use super::problem::{ApiError, ApiResult};
use crate::collection::{CollectionError, CollectionReport};
use crate::services::Services;

/// What to do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectBody {
    /// True to be told what would go, and keep it.
    #[serde(default)]
    dry_run: bool,
}

/// Removes what nothing needs any more and what has been kept for its grace, or says what that would be. A bounded part with
/// each call: call again until `is_done`.
#[utoipa::path(post, path = "/v1/collection", tag = "machine", request_body = CollectBody,
    responses((status = 200, body = CollectionReport), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn collect(
    State(services): State<Arc<Services>>,
    Json(body): Json<CollectBody>,
) -> ApiResult<axum::Json<CollectionReport>> {
    let collection = &services.collection;
    let report = if body.dry_run { collection.survey().await } else { collection.step().await };
    Ok(axum::Json(report?))
}

impl From<CollectionError> for ApiError {
    fn from(error: CollectionError) -> Self {
        match error {
            CollectionError::Store(error) => error.into(),
            CollectionError::Layers(problem) => problem.into(),
        }
    }
}
