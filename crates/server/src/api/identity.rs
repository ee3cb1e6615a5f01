//! Who is calling: signing in, signing out, and what a caller may know about themselves.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::identity::{Actor, ActorKind};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, Role, TenantId, UserId};
use vitrine_store::Scope;

use super::extract::Json;
use super::gate::check_origin;
use super::problem::{ApiError, ApiResult};
use super::record::{self, AuditNote, Deed, Visit};
use crate::auth::{AuthError, Caller, PasswordChange, Proof, SignInError};
use crate::services::Services;

/// What the audit log says signing in was asked of, by whatever way.
const SIGN_IN: &str = "/v1/sign-in";

/// The caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The tenant everything the caller sees belongs to.
    tenant: Named<TenantId>,
    /// The person.
    user: Person,
    /// What they may do there.
    role: Role,
    /// The same as a list, for clients of the first version.
    roles: Vec<Role>,
    /// What vouches for the caller.
    actor: Actor,
    /// The only apps a key is for; absent means all of the tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<Vec<AppId>>,
    /// Whether the caller runs the server, and may look at the machine (`GET /v1/machine`).
    runs_server: bool,
    /// The tenants this credential can be used for, with the role in each.
    tenants: Vec<TenantOfMine>,
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

/// A person, as they see themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct Person {
    /// The id.
    id: UserId,
    /// The name.
    name: String,
    /// What they sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Whether they have chosen a password.
    has_password: bool,
}

/// A tenant the caller belongs to.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantOfMine {
    /// The id.
    id: TenantId,
    /// The name.
    name: String,
    /// What the caller may do there.
    role: Role,
}

/// Either the admin key, or an email and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The server's admin key, `vt_…`.
    key: Option<String>,
    /// The email.
    email: Option<String>,
    /// The password.
    password: Option<String>,
}

/// What to sign in with from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// A new email; absent keeps the one there is.
    email: Option<String>,
    /// The password until now; not needed by a browser that was signed in with the server's link or admin key.
    current_password: Option<String>,
    /// The password from now on: at least 12 characters.
    new_password: String,
}

/// The tenant to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenTenant {
    /// One of the caller's tenants.
    tenant: TenantId,
}

/// Who am I, and what may I do?
#[utoipa::path(get, path = "/v1/me", tag = "identity",
    responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub(crate) async fn me(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<axum::Json<Me>> {
    let tenant = services.store.tenant(&caller.scope).await?;
    let account = services.store.account(&caller.scope.user).await?;
    let mut tenants =
        vec![TenantOfMine { id: tenant.id.clone(), name: tenant.name.clone(), role: caller.role }];
    // A key or a token is for one tenant, whatever its person belongs to.
    if caller.actor.kind == ActorKind::Browser {
        let memberships = services.store.memberships(&caller.scope.user).await?;
        let mine = memberships.into_iter().map(|mine| (mine.tenant, mine.role));
        tenants =
            mine.map(|(tenant, role)| TenantOfMine { id: tenant.id, name: tenant.name, role }).collect();
    }
    Ok(axum::Json(Me {
        tenant: Named { id: tenant.id, name: tenant.name },
        user: Person {
            id: account.user,
            name: account.name,
            email: account.email,
            has_password: account.password_hash.is_some(),
        },
        role: caller.role,
        roles: vec![caller.role],
        actor: caller.actor,
        apps: caller.apps.map(|apps| apps.to_vec()),
        runs_server: caller.runs_server,
        tenants,
        csrf_token: caller.csrf_token,
    }))
}

/// Signs a browser in, with an email and a password or with the admin key. After some misses the answer is 429 for a while.
#[utoipa::path(post, path = "/v1/sign-in", tag = "identity", request_body = SignIn,
    responses((status = 204, description = "Signed in; the cookie is set"), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn sign_in(
    State(services): State<Arc<Services>>,
    visit: Visit,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> ApiResult<Response> {
    check_origin(&services, &headers)?;
    let (scope, proof) = match (&body.key, &body.email, &body.password) {
        (Some(key), None, None) => match services.auth.check_admin_key(key.trim(), visit.address) {
            Ok(()) => (services.auth.owner().clone(), Proof::AdminKey),
            Err(error) => return refusal(error),
        },
        (None, Some(email), Some(password)) => {
            let account = match services.auth.check_login(email, password, visit.address).await {
                Ok(account) => account,
                Err(error) => {
                    note_miss(&services, &error, SIGN_IN, visit);
                    return refusal(error);
                }
            };
            let standing = services.store.standing(&account.user, None).await?.ok_or(AuthError::NoTenant)?;
            (standing.scope, Proof::Password)
        }
        _ => {
            let detail = "Send either `key`, or `email` and `password`.";
            return Err(ApiError::new(Code::InvalidRequest, detail));
        }
    };
    let cookie = signed_in(&services, &scope, proof, &visit).await?;
    Ok((StatusCode::NO_CONTENT, set_cookie(&cookie)).into_response())
}

/// Signs a browser out.
#[utoipa::path(post, path = "/v1/sign-out", tag = "identity",
    responses((status = 204, description = "Signed out"), (status = 401, body = Problem)))]
pub(crate) async fn sign_out(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Response> {
    let cookie = match &caller.browser {
        Some(browser) => services.auth.close_browser(browser).await?,
        None => services.auth.no_cookie(),
    };
    Ok((StatusCode::NO_CONTENT, set_cookie(&cookie)).into_response())
}

/// Signs the caller out in every browser.
#[utoipa::path(post, path = "/v1/sign-out-everywhere", tag = "identity",
    responses((status = 204, description = "Signed out everywhere"), (status = 401, body = Problem)))]
pub(crate) async fn sign_out_everywhere(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Response> {
    let cookie = services.auth.close_browsers(&caller.scope.user).await?;
    Ok((StatusCode::NO_CONTENT, set_cookie(&cookie)).into_response())
}

/// Sets what the person of a browser signs in with, and signs them out in all their other browsers.
#[utoipa::path(put, path = "/v1/me/password", tag = "identity", request_body = NewPassword,
    responses((status = 204, description = "Set"), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn set_password(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<NewPassword>,
) -> ApiResult<Response> {
    let browser = browser(&caller)?;
    let change = PasswordChange {
        email: body.email.as_deref(),
        current: body.current_password.as_deref(),
        new: &body.new_password,
    };
    match services.auth.set_password(&caller, browser, change).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        // Not 401: whoever mistypes their password is signed in still.
        Err(SignInError::Wrong(_)) => {
            Err(ApiError::new(Code::Forbidden, "The current password is missing, or is not this one."))
        }
        Err(error) => refusal(error),
    }
}

/// Makes a browser look at another of its person's tenants. Other callers name it with every request, in `Vitrine-Tenant`.
#[utoipa::path(post, path = "/v1/me/tenant", tag = "identity", request_body = ChosenTenant,
    responses((status = 204, description = "Chosen"), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn choose_tenant(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<ChosenTenant>,
) -> ApiResult<StatusCode> {
    services.auth.choose_tenant(browser(&caller)?, &body.tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn browser(caller: &Caller) -> ApiResult<&vitrine_model::Sha256> {
    let detail = "This is for a browser that is signed in, not for a key or a token.";
    caller.browser.as_ref().ok_or_else(|| ApiError::new(Code::Forbidden, detail))
}

/// The link of the ready line: works once, and leaves the code out of the address bar.
pub(crate) async fn open_sign_in_link(
    State(services): State<Arc<Services>>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let code = query.as_deref().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("code="));
    if !code.is_some_and(|code| services.auth.redeem_code(code)) {
        return Ok(Redirect::to("/?sign_in=expired").into_response());
    }
    let owner = services.auth.owner();
    let cookie = signed_in(&services, owner, Proof::Link, &visit).await?;
    Ok((set_cookie(&cookie), Redirect::to("/")).into_response())
}

/// Signs a browser in, and writes that down.
pub(super) async fn signed_in(
    services: &Services,
    scope: &Scope,
    proof: Proof,
    visit: &Visit,
) -> ApiResult<String> {
    let cookie = services.auth.open_browser(scope, proof).await?;
    let deed = Deed {
        operation: "sign_in",
        target: SIGN_IN.to_owned(),
        app: None,
        status: StatusCode::NO_CONTENT.as_u16(),
        note: Some(format!("with: {}", proof.as_str())),
    };
    record::append(services, &scope.tenant, by_browser(&scope.user), visit, deed).await?;
    Ok(cookie)
}

/// A person in a browser, as the audit log names them.
pub(super) fn by_browser(user: &UserId) -> Actor {
    Actor { kind: ActorKind::Browser, user_id: user.clone(), key_id: None }
}

/// Writes down that somebody gave a wrong password for an account, in the log of the tenant that the account would have signed
/// in to. Beside the answer, which comes as soon as the one for an email that nobody has.
pub(super) fn note_miss(services: &Arc<Services>, error: &SignInError, target: &'static str, visit: Visit) {
    let SignInError::Wrong(Some(user)) = error else { return };
    if !services.auth.is_worth_noting(user) {
        return;
    }
    let (services, user) = (services.clone(), user.clone());
    tokio::spawn(async move {
        let standing = match services.store.standing(&user, None).await {
            Ok(Some(standing)) => standing,
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "a failed sign-in was not written down"),
        };
        let deed = Deed {
            operation: "sign_in",
            target: target.to_owned(),
            app: None,
            status: StatusCode::UNAUTHORIZED.as_u16(),
            note: Some("wrong password".to_owned()),
        };
        // What goes wrong is logged there.
        let _ = record::append(&services, &standing.scope.tenant, by_browser(&user), &visit, deed).await;
    });
}

/// What somebody is told who is not signed in or has no new password.
pub(super) fn refusal(error: SignInError) -> ApiResult<Response> {
    let detail = capital(&error.to_string());
    let (code, wait) = match &error {
        SignInError::Wrong(_) | SignInError::WrongKey => (Code::Unauthenticated, None),
        SignInError::TooMany(secs) => (Code::TooManyRequests, Some(*secs)),
        SignInError::Busy => (Code::TooManyRequests, Some(1)),
        SignInError::InvalidEmail => (Code::InvalidRequest, None),
        SignInError::Weak(_) => (Code::WeakPassword, None),
        SignInError::Hashing(_) => return Err(ApiError::internal(&error)),
        SignInError::Store(_) => {
            let SignInError::Store(error) = error else { return Err(ApiError::internal(&error)) };
            return Err(error.into());
        }
    };
    let mut response = ApiError::new(code, detail).into_response();
    if let Some(secs) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    Ok(response)
}

/// Adds what the audit log should say besides the path.
pub(super) fn noted(mut response: Response, note: String) -> Response {
    response.extensions_mut().insert(AuditNote(note));
    response
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>());
    format!("{}.", first.unwrap_or_default())
}

pub(super) fn set_cookie(value: &str) -> AppendHeaders<Option<(header::HeaderName, HeaderValue)>> {
    AppendHeaders(HeaderValue::from_str(value).ok().map(|value| (header::SET_COOKIE, value)))
}
