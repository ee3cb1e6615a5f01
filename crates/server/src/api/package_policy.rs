//! The tenant's rules about the packages of its apps.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use vitrine_build::policy::Policy;
use vitrine_model::problem::{Code, Problem};

use super::extract::Json;
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

/// The policy that holds for the caller's tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct PackagePolicy {
    /// The policy.
    policy: Policy,
    /// `tenant` when it is its own, `server` when it is everybody's.
    source: &'static str,
}

/// The package policy that holds for the tenant.
#[utoipa::path(get, path = "/v1/package-policy", tag = "hosting", responses((status = 200, body = PackagePolicy)))]
pub(crate) async fn get_package_policy(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<axum::Json<PackagePolicy>> {
    let holding = services.publishes.policies().of(&caller.scope).await?;
    let source = if holding.is_own { "tenant" } else { "server" };
    Ok(axum::Json(PackagePolicy { policy: holding.policy, source }))
}

/// Sets the tenant's own package policy; publishes that are checked from now on go by it.
#[utoipa::path(put, path = "/v1/package-policy", tag = "hosting", request_body = Policy,
    responses((status = 204, description = "It holds now"), (status = 400, body = Problem)))]
pub(crate) async fn set_package_policy(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Json(policy): Json<Policy>,
) -> ApiResult<StatusCode> {
    policy
        .check()
        .map_err(|error| ApiError::new(Code::InvalidRequest, format!("Nothing was changed: {error}.")))?;
    services.publishes.policies().set(&caller.scope, &policy).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes back to the server's package policy. A second call does nothing.
#[utoipa::path(delete, path = "/v1/package-policy", tag = "hosting",
    responses((status = 204, description = "The server's policy holds now")))]
pub(crate) async fn reset_package_policy(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    services.publishes.policies().reset(&caller.scope).await?;
    Ok(StatusCode::NO_CONTENT)
}
