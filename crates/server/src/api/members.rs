//! Members and invitations as resources.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::app::Page;
use vitrine_model::identity::{Invite, Member};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{InviteId, Role, UserId};
use vitrine_store::{NewInvite, StoreError};

use super::apps::PageQuery;
use super::extract::{Json, Path, Query};
use super::gate::check_origin;
use super::idempotency::shown_once;
use super::identity::{by_browser, note_miss, noted, refusal, set_cookie, signed_in};
use super::problem::{ApiError, ApiResult};
use super::record::{self, Deed, Visit};
use crate::apps::checked_name;
use crate::auth::{Caller, NewPerson, Proof, mint_code};
use crate::services::Services;

/// How long an invitation can be accepted: a week, so that a weekend does not end it.
const INVITED_SECS: i64 = 7 * 24 * 3_600;

/// What a member may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberPatch {
    /// The new role, at most the caller's own.
    role: Role,
}

/// A new invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteBody {
    /// For whom, in words that help to recognise it in the list.
    name: String,
    /// What whoever accepts it may do, at most what the caller may.
    role: Role,
}

/// An invitation with its code, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeInvite {
    #[serde(flatten)]
    invite: Invite,
    /// Hand this to the person: whoever has it can accept the invitation, once.
    code: String,
    /// The builder page with the code; the part behind `#` is not sent to any server.
    url: String,
}

/// Who accepts an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// The invitation's code.
    code: String,
    /// The email of an account, or of one that is to be made.
    email: String,
    /// The account's password; for a new one at least 12 characters.
    password: String,
    /// The name of a new account; absent means the email.
    name: Option<String>,
}

/// The members of the caller's tenant.
#[utoipa::path(get, path = "/v1/members", tag = "members", params(PageQuery),
    responses((status = 200, body = Page<Member>), (status = 400, body = Problem)))]
pub(crate) async fn list_members(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<Member>>> {
    Ok(axum::Json(services.store.list_members(&caller.scope, query.limit()?, query.cursor()).await?))
}

/// Gives a member another role, from the next request on; somebody who was taken out of the tenant becomes a member again.
/// Admins manage everybody but owners.
#[utoipa::path(patch, path = "/v1/members/{user}", tag = "members", params(("user" = String, Path)),
    request_body = MemberPatch,
    responses((status = 200, body = Member), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn update_member(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(user): Path<UserId>,
    Json(body): Json<MemberPatch>,
) -> ApiResult<Response> {
    let before = match services.store.member(&caller.scope, &user).await {
        Ok(before) => before,
        Err(StoreError::NotFound) => return readmitted(&services, &caller, &user, body.role).await,
        Err(error) => return Err(error.into()),
    };
    at_most_own(&caller, before.role.max(body.role))?;
    let member = services.store.set_member_role(&caller.scope, &user, body.role, &caller.actor).await?;
    services.auth.forget();
    let note = format!("role: {} to {}", before.role, member.role);
    Ok(noted(axum::Json(member).into_response(), note))
}

async fn readmitted(services: &Services, caller: &Caller, user: &UserId, role: Role) -> ApiResult<Response> {
    at_most_own(caller, role)?;
    let member = services.store.readmit_member(&caller.scope, user, role).await?;
    services.auth.forget();
    Ok(noted(axum::Json(member).into_response(), format!("let in again, role: {role}")))
}

/// Takes a member out of the tenant, with the keys that act for them and the invitations they made, and ends their
/// previews. Admins may take out everybody but owners. A token of a host product does not bring them back: an invitation
/// does, or giving them a role again.
#[utoipa::path(delete, path = "/v1/members/{user}", tag = "members", params(("user" = String, Path)),
    responses((status = 204, description = "Removed"), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn remove_member(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(user): Path<UserId>,
) -> ApiResult<Response> {
    let member = services.store.member(&caller.scope, &user).await?;
    at_most_own(&caller, member.role)?;
    services.store.remove_member(&caller.scope, &user, &caller.actor).await?;
    services.auth.forget();
    services.sessions.end_of(&caller.scope.tenant, Some(&user)).await?;
    Ok(noted(StatusCode::NO_CONTENT.into_response(), format!("role: {}", member.role)))
}

/// The tenant's invitations that can be accepted and nobody has, the newest first.
#[utoipa::path(get, path = "/v1/invites", tag = "members", params(PageQuery),
    responses((status = 200, body = Page<Invite>), (status = 400, body = Problem)))]
pub(crate) async fn list_invites(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<Invite>>> {
    Ok(axum::Json(services.store.list_invites(&caller.scope, query.limit()?, query.cursor()).await?))
}

/// Invites somebody: the answer has a code that makes whoever accepts it a member. Vitrine sends no mail; hand it over yourself.
#[utoipa::path(post, path = "/v1/invites", tag = "members", request_body = InviteBody,
    responses((status = 201, body = MadeInvite), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn invite_member(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<InviteBody>,
) -> ApiResult<Response> {
    at_most_own(&caller, body.role)?;
    let (code, hash) = mint_code(services.entropy.as_ref());
    let new = NewInvite {
        note: checked_name(&body.name)?,
        role: body.role,
        code: hash,
        expires_at: services.clock.now().plus_secs(INVITED_SECS),
    };
    let invite = services.store.create_invite(&caller.scope, new, &caller.actor).await?;
    let location = [(header::LOCATION, format!("/v1/invites/{}", invite.id))];
    let note = format!("role: {}", invite.role);
    let url = format!("{}/#invite={code}", services.auth.first_origin());
    let made = axum::Json(MadeInvite { invite, code, url });
    Ok(noted(shown_once((StatusCode::CREATED, location, made).into_response()), note))
}

/// Withdraws an invitation. A second call is 404.
#[utoipa::path(delete, path = "/v1/invites/{invite}", tag = "members", params(("invite" = String, Path)),
    responses((status = 204, description = "Withdrawn"), (status = 404, body = Problem)))]
pub(crate) async fn withdraw_invite(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(invite): Path<InviteId>,
) -> ApiResult<StatusCode> {
    services.store.withdraw_invite(&caller.scope, &invite).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts an invitation, with an account that is there or a new one, and signs the browser in. Needs no caller: the code is
/// the credential.
#[utoipa::path(post, path = "/v1/invites/accept", tag = "members", request_body = Acceptance,
    responses((status = 204, description = "Accepted; the cookie is set"), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn accept_invite(
    State(services): State<Arc<Services>>,
    visit: Visit,
    headers: HeaderMap,
    Json(body): Json<Acceptance>,
) -> ApiResult<Response> {
    check_origin(&services, &headers)?;
    let name = checked_name(body.name.as_deref().unwrap_or(&body.email))?;
    let person = NewPerson { email: &body.email, name: &name, password: &body.password };
    let accepted = match services.auth.accept_invite(&body.code, person, visit.address).await {
        Ok(accepted) => accepted,
        Err(error) => {
            note_miss(&services, &error, "/v1/invites/accept", visit);
            return refusal(error);
        }
    };
    let scope = &accepted.scope;
    let deed = Deed {
        operation: "accept_invite",
        target: format!("/v1/invites/{}", accepted.invite),
        app: None,
        status: StatusCode::NO_CONTENT.as_u16(),
        note: Some(format!("role: {}", accepted.role)),
    };
    record::append(&services, &scope.tenant, by_browser(&scope.user), &visit, deed).await?;
    let cookie = signed_in(&services, scope, Proof::Password, &visit).await?;
    Ok((StatusCode::NO_CONTENT, set_cookie(&cookie)).into_response())
}

/// Nobody gives, changes or takes a role above their own.
pub(super) fn at_most_own(caller: &Caller, role: Role) -> ApiResult<()> {
    match role <= caller.role {
        true => Ok(()),
        false => {
            let detail = format!("This needs the role `{role}`; you are `{}` here.", caller.role);
            Err(ApiError::new(Code::Forbidden, detail))
        }
    }
}
