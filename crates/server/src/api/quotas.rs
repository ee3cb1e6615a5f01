//! What tenants may have, and have: of the caller's own, and of any for whoever runs the server.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::TenantId;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::quota::QuotaUse;
use vitrine_store::{Allowance, QuotaOverrides};

use super::extract::{Json, Path};
use super::identity::noted;
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

/// The largest limit: what the database counts to.
const MOST: u64 = i64::MAX as u64;

/// Every quota of the tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantUsage {
    /// Each with its limit, if it has one, and its use.
    items: Vec<QuotaUse>,
}

/// Where a tenant's limits differ from the server's. What is absent is as the server's settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantLimits {
    /// Apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apps: Option<Limit>,
    /// Sessions that are not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sessions: Option<Limit>,
    /// Builds that run at once; more wait for their turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    builds: Option<Limit>,
    /// Bytes of content and artifacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storage_bytes: Option<Limit>,
    /// Bytes sent to visitors in a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    egress_bytes: Option<Limit>,
}

/// How much there may be: a number, or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Limit {
    /// Not more than this.
    AtMost(u64),
    /// As much as there is room for.
    Named(NamedLimit),
}

/// A limit that is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NamedLimit {
    /// As much as there is room for.
    Unlimited,
}

/// What a tenant may have, and has.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantQuotas {
    /// Its own limits.
    limits: TenantLimits,
    /// Every quota with the limit that counts, the tenant's own or the server's, and its use.
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

/// What a tenant may have, and has.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/quotas", tag = "tenants", params(("tenant" = String, Path)),
    responses((status = 200, body = TenantQuotas), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn get_tenant_quotas(
    State(services): State<Arc<Services>>,
    Path(tenant): Path<TenantId>,
) -> ApiResult<axum::Json<TenantQuotas>> {
    Ok(axum::Json(quotas_of(&services, &tenant).await?))
}

/// Sets a tenant's own limits, in place of those it had. They count for whatever is asked for next; what the tenant has
/// already stays, also when it is more.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/quotas", tag = "tenants", params(("tenant" = String, Path)),
    request_body = TenantLimits,
    responses((status = 200, body = TenantQuotas), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn set_tenant_quotas(
    State(services): State<Arc<Services>>,
    Path(tenant): Path<TenantId>,
    Json(limits): Json<TenantLimits>,
) -> ApiResult<Response> {
    services.store.set_quotas(&tenant, limits.overrides()?).await?;
    let note = serde_json::to_string(&limits).map_err(|error| ApiError::internal(&error))?;
    let quotas = quotas_of(&services, &tenant).await?;
    Ok(noted(axum::Json(quotas).into_response(), format!("limits: {note}")))
}

async fn quotas_of(services: &Services, tenant: &TenantId) -> ApiResult<TenantQuotas> {
    let limits = TenantLimits::of(services.store.quota_overrides(tenant).await?);
    Ok(TenantQuotas { limits, items: services.store.quota_use_of(tenant).await? })
}

impl TenantLimits {
    fn of(own: QuotaOverrides) -> Self {
        let shown = |allowance: Option<Allowance>| allowance.map(Limit::of);
        Self {
            apps: shown(own.apps),
            sessions: shown(own.sessions),
            builds: shown(own.builds),
            storage_bytes: shown(own.storage_bytes),
            egress_bytes: shown(own.egress_bytes),
        }
    }

    fn overrides(self) -> ApiResult<QuotaOverrides> {
        let checked = |limit: Option<Limit>| limit.map(Limit::allowance).transpose();
        Ok(QuotaOverrides {
            apps: checked(self.apps)?,
            sessions: checked(self.sessions)?,
            builds: checked(self.builds)?,
            storage_bytes: checked(self.storage_bytes)?,
            egress_bytes: checked(self.egress_bytes)?,
        })
    }
}

impl Limit {
    fn of(allowance: Allowance) -> Self {
        allowance.limit().map_or(Self::Named(NamedLimit::Unlimited), Self::AtMost)
    }

    fn allowance(self) -> ApiResult<Allowance> {
        match self {
            Self::Named(NamedLimit::Unlimited) => Ok(Allowance::Unlimited),
            Self::AtMost(limit) if limit <= MOST => Ok(Allowance::AtMost(limit)),
            Self::AtMost(_) => Err(ApiError::new(
                Code::InvalidRequest,
                format!("A limit is at most {MOST}, or `unlimited`."),
            )),
        }
    }
}
