//! Tenants as resources, for whoever runs the server.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::app::Page;
use vitrine_model::identity::Tenant;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{Role, TenantId, UserId};
use vitrine_store::{NewKey, NewTenant, TenantPatch};

use super::apps::PageQuery;
use super::extract::{Json, Path, Query};
use super::idempotency::shown_once;
use super::identity::noted;
use super::keys::MadeKey;
use super::problem::{ApiError, ApiResult};
use crate::apps::checked_name;
use crate::auth::{Caller, mint_key};
use crate::services::Services;

/// Characters of what a host product may call a tenant.
const MOST_HOST_ID_CHARS: usize = 200;

/// A new tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantBody {
    /// Its name, for people.
    name: String,
    /// What the host product calls it in its tokens.
    host_id: Option<String>,
    /// The name of its first owner; absent means `Owner`.
    owner: Option<String>,
}

/// A tenant with its first owner and the owner's first key, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeTenant {
    #[serde(flatten)]
    tenant: Tenant,
    /// The first owner; nobody can sign in as them, the key acts for them.
    owner: UserId,
    /// The owner's key. With it, invite people (`POST /v1/invites`) and make further keys.
    key: MadeKey,
}

/// What to change of a tenant; absent fields stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChange {
    /// A new name.
    name: Option<String>,
    /// True refuses every credential of the tenant, from the next request on; false takes that back.
    suspended: Option<bool>,
}

/// Every tenant of the server.
#[utoipa::path(get, path = "/v1/tenants", tag = "tenants", params(PageQuery),
    responses((status = 200, body = Page<Tenant>), (status = 403, body = Problem)))]
pub(crate) async fn list_tenants(
    State(services): State<Arc<Services>>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<Tenant>>> {
    Ok(axum::Json(services.store.list_tenants(query.limit()?, query.cursor()).await?))
}

/// Makes a tenant with its first owner.
#[utoipa::path(post, path = "/v1/tenants", tag = "tenants", request_body = TenantBody,
    responses((status = 201, body = MadeTenant), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn create_tenant(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<TenantBody>,
) -> ApiResult<Response> {
    let new = NewTenant {
        name: checked_name(&body.name)?,
        host_id: body.host_id.map(checked_host_id).transpose()?,
        owner_name: checked_name(body.owner.as_deref().unwrap_or("Owner"))?,
    };
    let (tenant, scope) = services.store.create_tenant(new).await?;
    let minted = mint_key(services.clock.as_ref(), services.entropy.as_ref());
    let key = NewKey {
        id: minted.id,
        name: "First key".to_owned(),
        prefix: minted.prefix,
        secret: minted.secret,
        role: Role::Owner,
        apps: None,
        expires_at: None,
    };
    let key = services.store.create_key(&scope, key, &caller.actor).await?;
    let location = [(header::LOCATION, format!("/v1/tenants/{}", tenant.id))];
    let made = MadeTenant { tenant, owner: scope.user, key: MadeKey { key, secret: minted.text } };
    Ok(shown_once((StatusCode::CREATED, location, axum::Json(made)).into_response()))
}

/// Renames a tenant, suspends it, or takes that back. Suspending ends its previews; what it has published is served on.
#[utoipa::path(patch, path = "/v1/tenants/{tenant}", tag = "tenants", params(("tenant" = String, Path)),
    request_body = TenantChange,
    responses((status = 200, body = Tenant), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn update_tenant(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<TenantId>,
    Json(body): Json<TenantChange>,
) -> ApiResult<Response> {
    if tenant == caller.scope.tenant && body.suspended == Some(true) {
        return Err(ApiError::new(Code::InvalidRequest, "The operator's own tenant cannot be suspended."));
    }
    let name = body.name.as_deref().map(checked_name).transpose()?;
    let note = body.suspended.map_or("renamed".to_owned(), |suspended| format!("suspended: {suspended}"));
    let patch = TenantPatch { name, suspended: body.suspended };
    let tenant = services.store.update_tenant(&tenant, patch).await?;
    services.auth.forget();
    if tenant.suspended_at.is_some() {
        services.sessions.end_of(&tenant.id, None).await?;
    }
    Ok(noted(axum::Json(tenant).into_response(), note))
}

fn checked_host_id(id: String) -> ApiResult<String> {
    let is_plain = !id.chars().any(char::is_control) && id.trim() == id;
    match is_plain && (1..=MOST_HOST_ID_CHARS).contains(&id.chars().count()) {
        true => Ok(id),
        false => {
            let detail =
                format!("`host_id` has 1 to {MOST_HOST_ID_CHARS} printable characters, no space at an end.");
            Err(ApiError::new(Code::InvalidRequest, detail))
        }
    }
}
