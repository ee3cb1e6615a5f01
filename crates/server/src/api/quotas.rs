//! What the caller's tenant may have, and has.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use vitrine_model::problem::Problem;
use vitrine_model::quota::QuotaUse;

use super::problem::ApiResult;
use crate::auth::Caller;
use crate::services::Services;

/// Every quota of the tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantUsage {
    /// Each with its limit, if it has one, and its use.
    items: Vec<QuotaUse>,
}

/// How much of its quotas the caller's tenant uses.
#[utoipa::path(get, path = "/v1/me/usage", tag = "identity",
    responses((status = 200, body = TenantUsage), (status = 401, body = Problem)))]
pub(crate) async fn get_my_usage(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<axum::Json<TenantUsage>> {
    Ok(axum::Json(TenantUsage { items: services.store.quota_use(&caller.scope).await? }))
}
