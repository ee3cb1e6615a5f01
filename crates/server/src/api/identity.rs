//! Who is calling: signing in, signing out, and what a caller may know about themselves.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Extension, extract::RawQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{TenantId, UserId};

use super::extract::Json;
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

/// The caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The tenant everything the caller sees belongs to.
    tenant: Named<TenantId>,
    /// The person.
    user: Named<UserId>,
    /// What they may do.
    roles: Vec<String>,
    /// For browsers: send it as `X-CSRF-Token` with everything that changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

/// An id with a name for people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Named<T> {
    /// The id.
    id: T,
    /// The name.
    name: String,
}

/// The admin key, typed by a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The key, `vt_…`.
    key: String,
}

/// Who am I?
#[utoipa::path(get, path = "/v1/me", tag = "identity",
    responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub(crate) async fn me(Extension(caller): Extension<Caller>) -> axum::Json<Me> {
    axum::Json(Me {
        tenant: Named { id: caller.scope.tenant, name: "Default".to_owned() },
        user: Named { id: caller.scope.user, name: "Owner".to_owned() },
        roles: vec!["owner".to_owned()],
        csrf_token: caller.csrf_token,
    })
}

/// Signs a browser in with the admin key.
#[utoipa::path(post, path = "/v1/sign-in", tag = "identity", request_body = SignIn,
    responses((status = 204, description = "Signed in; the cookie is set"), (status = 401, body = Problem)))]
pub(crate) async fn sign_in(
    State(services): State<Arc<Services>>,
    Json(body): Json<SignIn>,
) -> ApiResult<Response> {
    if !services.auth.is_admin_key(body.key.trim()) {
        return Err(ApiError::new(Code::Unauthenticated, "This is not the admin key of this server."));
    }
    Ok((StatusCode::NO_CONTENT, set_cookie(&services.auth.sign_in_cookie())).into_response())
}

/// Signs a browser out.
#[utoipa::path(post, path = "/v1/sign-out", tag = "identity",
    responses((status = 204, description = "Signed out")))]
pub(crate) async fn sign_out(State(services): State<Arc<Services>>) -> Response {
    (StatusCode::NO_CONTENT, set_cookie(&services.auth.sign_out_cookie())).into_response()
}

/// The link of the ready line: works once, and leaves the code out of the address bar.
pub(crate) async fn open_sign_in_link(
    State(services): State<Arc<Services>>,
    RawQuery(query): RawQuery,
) -> Response {
    let code = query.as_deref().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("code="));
    match code.is_some_and(|code| services.auth.redeem_code(code)) {
        true => (set_cookie(&services.auth.sign_in_cookie()), Redirect::to("/")).into_response(),
        false => Redirect::to("/?sign_in=expired").into_response(),
    }
}

fn set_cookie(value: &str) -> AppendHeaders<Option<(header::HeaderName, HeaderValue)>> {
    AppendHeaders(HeaderValue::from_str(value).ok().map(|value| (header::SET_COOKIE, value)))
}
