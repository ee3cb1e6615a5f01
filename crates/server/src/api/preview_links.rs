//! Preview links as resources: made, listed, taken back.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::preview_link::PreviewLink;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, LinkId, RevisionId};

use super::extract::{Json, Path};
use super::idempotency::ShownOnce;
use super::problem::{ApiError, ApiResult};
use crate::auth::{Caller, HashError};
use crate::links::{LinkError, NewLink};
use crate::services::Services;

/// How long a link is open when its maker does not say.
const DEFAULT_SECS: u64 = 7 * 24 * 3_600;

/// A link that is open for less is closed before it was sent.
const LEAST_SECS: u64 = 60;

/// Characters of a label.
const MOST_LABEL_CHARS: usize = 200;

/// Characters of a password: fewer are guessed, more are not typed.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

/// What a link may show besides a revision.
const LIVE: &str = "live";

/// A new link.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewPreviewLink {
    /// What to call it, for people.
    label: Option<String>,
    /// How long it is open, in seconds; a week when absent.
    expires_in_secs: Option<u64>,
    /// Visitors are asked for it; 8 to 128 characters.
    password: Option<String>,
    /// What it shows: `live`, the draft as it is edited, or a revision of which something was built. `live` when absent.
    revision: Option<String>,
}

/// A link that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedPreviewLink {
    /// The link itself.
    #[serde(flatten)]
    link: PreviewLink,
    /// What to send to visitors. Shown this once: it is not stored.
    url: String,
}

/// The app's links.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewLinks {
    /// The last made first; expired ones too, for a month.
    items: Vec<PreviewLink>,
}

/// Makes a link that shows the app's preview to whoever has it, in the name of the caller.
#[utoipa::path(post, path = "/v1/apps/{app}/preview-links", tag = "preview-links", params(("app" = String, Path)),
    request_body = NewPreviewLink,
    responses((status = 201, body = CreatedPreviewLink), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn create_preview_link(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(body): Json<NewPreviewLink>,
) -> ApiResult<Response> {
    let new = checked(body, services.links.most_secs())?;
    let (link, url) = services.links.create(&caller.scope, &app, new).await?;
    let created = axum::Json(CreatedPreviewLink { link, url });
    Ok((StatusCode::CREATED, Extension(ShownOnce), created).into_response())
}

/// The app's links, without their secrets.
#[utoipa::path(get, path = "/v1/apps/{app}/preview-links", tag = "preview-links", params(("app" = String, Path)),
    responses((status = 200, body = PreviewLinks), (status = 404, body = Problem)))]
pub(crate) async fn list_preview_links(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<axum::Json<PreviewLinks>> {
    let items = services.store.preview_links(&caller.scope, &app).await?;
    Ok(axum::Json(PreviewLinks { items }))
}

/// Takes a link back: it opens nothing any more, and what its visitors have open is closed. A second call is 404.
#[utoipa::path(delete, path = "/v1/apps/{app}/preview-links/{link}", tag = "preview-links",
    params(("app" = String, Path), ("link" = String, Path)),
    responses((status = 204, description = "Taken back"), (status = 404, body = Problem)))]
pub(crate) async fn delete_preview_link(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, link)): Path<(AppId, LinkId)>,
) -> ApiResult<StatusCode> {
    services.links.delete(&caller.scope, &app, &link).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn checked(body: NewPreviewLink, most_secs: u64) -> ApiResult<NewLink> {
    let invalid = |detail: String| Err(ApiError::new(Code::InvalidRequest, detail));
    let expires_in_secs = body.expires_in_secs.unwrap_or(DEFAULT_SECS.min(most_secs));
    if !(LEAST_SECS..=most_secs).contains(&expires_in_secs) {
        return invalid(format!("`expires_in_secs` is {LEAST_SECS} to {most_secs}."));
    }
    if let Some(password) = &body.password
        && !PASSWORD_CHARS.contains(&password.chars().count())
    {
        let (least, most) = PASSWORD_CHARS.into_inner();
        return invalid(format!("`password` has {least} to {most} characters."));
    }
    let label = body.label.map(|label| label.trim().to_owned()).filter(|label| !label.is_empty());
    if let Some(label) = &label
        && (label.chars().count() > MOST_LABEL_CHARS || label.chars().any(char::is_control))
    {
        return invalid(format!("`label` has at most {MOST_LABEL_CHARS} printable characters."));
    }
    let revision = match body.revision.as_deref() {
        None | Some(LIVE) => None,
        Some(revision) => Some(revision.parse::<RevisionId>()?),
    };
    Ok(NewLink { label, expires_in_secs, password: body.password, revision })
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::NoSuchLink => Self::not_found("link"),
            LinkError::NotBuilt => {
                let detail =
                    "Nothing was built of this revision. Publish it with the target `preview` first.";
                Self::new(Code::NotFound, detail)
            }
            LinkError::WrongPassword => Self::new(Code::Unauthenticated, "This is not the link's password."),
            LinkError::TooMany(refused) => {
                let secs = refused.retry_after_secs;
                Self::new(Code::RateLimited, format!("These are {refused}. Try again in {secs} s."))
                    .with_retry_after(secs)
            }
            LinkError::Password(error @ HashError::Busy) => {
                Self::new(Code::TooManyRequests, format!("No link was made: {error}. Try again in a second."))
                    .with_retry_after(1)
            }
            LinkError::Password(error) => Self::internal(&error),
            LinkError::Store(error) => error.into(),
        }
    }
}
