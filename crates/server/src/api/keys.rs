//! API keys as resources.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::app::Page;
use vitrine_model::identity::ApiKey;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, KeyId, Role, Timestamp};
use vitrine_store::NewKey;

use super::apps::PageQuery;
use super::extract::{Json, Path, Query};
use super::idempotency::shown_once;
use super::identity::noted;
use super::members::at_most_own;
use super::problem::{ApiError, ApiResult};
use crate::apps::checked_name;
use crate::auth::{Caller, mint_key};
use crate::services::Services;

/// Apps that one key can be limited to; for more, use a key for all.
const MOST_APPS: usize = 50;

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    /// Its name, for people.
    name: String,
    /// What it may do, at most what the caller may.
    role: Role,
    /// The only apps it is for; absent means all of the tenant's, also later ones.
    apps: Option<Vec<AppId>>,
    /// How long it works; absent means until it is revoked, or as long as the key that makes it.
    expires_in_secs: Option<u32>,
}

/// A key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    #[serde(flatten)]
    pub(super) key: ApiKey,
    /// The key, `vt_…`. Only its hash is kept: who loses it makes another one.
    pub(super) secret: String,
}

/// The tenant's keys, without their secrets.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(PageQuery),
    responses((status = 200, body = Page<ApiKey>), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list_keys(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<ApiKey>>> {
    Ok(axum::Json(services.store.list_keys(&caller.scope, query.limit()?, query.cursor()).await?))
}

/// Makes a key that acts for the caller, with their role at most and for as long as they are a member.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = KeyBody,
    responses((status = 201, body = MadeKey), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn create_key(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<KeyBody>,
) -> ApiResult<Response> {
    at_most_own(&caller, body.role)?;
    let minted = mint_key(services.clock.as_ref(), services.entropy.as_ref());
    let new = NewKey {
        id: minted.id,
        name: checked_name(&body.name)?,
        prefix: minted.prefix,
        secret: minted.secret,
        role: body.role,
        apps: checked_apps(body.apps)?,
        expires_at: expiry(&services, &caller, body.expires_in_secs)?,
    };
    let key = services.store.create_key(&caller.scope, new, &caller.actor).await?;
    let location = [(header::LOCATION, format!("/v1/keys/{}", key.id))];
    let note = format!("role: {}", key.role);
    let made = axum::Json(MadeKey { key, secret: minted.text });
    Ok(noted(shown_once((StatusCode::CREATED, location, made).into_response()), note))
}

/// Revokes a key for good; the very next request with it is refused.
#[utoipa::path(delete, path = "/v1/keys/{api_key}", tag = "keys", params(("api_key" = String, Path)),
    responses((status = 204, description = "Revoked"), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn revoke_key(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<KeyId>,
) -> ApiResult<StatusCode> {
    let row = services.store.key(&caller.scope, &key).await?;
    at_most_own(&caller, row.role)?;
    services.store.revoke_key(&caller.scope, &key, &caller.actor).await?;
    services.auth.forget();
    Ok(StatusCode::NO_CONTENT)
}

fn checked_apps(apps: Option<Vec<AppId>>) -> ApiResult<Option<Vec<AppId>>> {
    match &apps {
        Some(list) if list.is_empty() || list.len() > MOST_APPS => {
            let detail = format!("`apps` names 1 to {MOST_APPS} apps; leave it out for all of them.");
            Err(ApiError::new(Code::InvalidRequest, detail))
        }
        _ => Ok(apps),
    }
}

/// A key that is made with a key, or a token, does not outlive it.
fn expiry(services: &Services, caller: &Caller, secs: Option<u32>) -> ApiResult<Option<Timestamp>> {
    if secs == Some(0) {
        return Err(ApiError::new(Code::InvalidRequest, "`expires_in_secs` is at least 1."));
    }
    let asked = secs.map(|secs| services.clock.now().plus_secs(i64::from(secs)));
    let makers = caller.expires_at.filter(|_| caller.browser.is_none());
    Ok(match (asked, makers) {
        (Some(asked), Some(makers)) => Some(asked.min(makers)),
        (asked, makers) => asked.or(makers),
    })
}
