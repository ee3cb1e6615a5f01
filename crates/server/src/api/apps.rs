//! Apps as resources: create from a template or an archive, list, read, change, delete.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vitrine_model::AppId;
use vitrine_model::app::{App, AppStatus, Page};
use vitrine_model::limits::MAX_ARCHIVE_BYTES;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::profile::{InvalidProfile, Profile};
use vitrine_model::publish::Release;
use vitrine_model::session::{SessionStatus, SessionView};
use vitrine_store::AppPatch;

use super::extract::{Json, Path, Query, over_a_limit};
use super::problem::{ApiError, ApiResult};
use super::vouch::Vouch;
use crate::apps::{AppSource, CreateApp, CreateError};
use crate::auth::Caller;
use crate::services::Services;

/// Items of a page when the caller does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Most items of a page.
const MOST_ITEMS: u32 = 200;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many items, at most 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn limit(&self) -> ApiResult<u32> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MOST_ITEMS => Ok(limit),
            _ => Err(ApiError::new(Code::InvalidRequest, format!("`limit` is 1 to {MOST_ITEMS}."))),
        }
    }

    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
}

/// A new app from a template. To import files, send `multipart/form-data` with `name`, `slug` and `archive` (a zip).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAppBody {
    /// The name, for people.
    name: String,
    /// The name in host names; absent makes one from the name.
    #[serde(default)]
    slug: Option<String>,
    /// The key of the template.
    template: String,
    /// Also starts a session, and answers with it.
    #[serde(default)]
    session: bool,
}

/// The form of an import, for its description.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the multipart form; axum reads its fields one by one")]
pub(crate) struct NewAppForm {
    /// The name, for people.
    name: String,
    /// The name in host names.
    slug: Option<String>,
    /// A zip archive of the project.
    #[schema(format = Binary)]
    archive: String,
    /// `true` also starts a session.
    session: Option<String>,
}

/// An app, and where strangers find it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppView {
    #[serde(flatten)]
    app: App,
    /// Where the app is served, or would be once it is published.
    site_url: String,
    /// The same, while it is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    published_url: Option<String>,
    /// What strangers see; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<Release>,
    /// How the caller's own preview of it is; in lists alone, and absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_status: Option<SessionStatus>,
}

impl AppView {
    fn of(services: &Services, app: App, release: Option<Release>) -> Self {
        let site_url = services.urls.site(&app.slug);
        let published_url = (app.status == AppStatus::Published).then(|| site_url.clone());
        Self { app, site_url, published_url, release, session_status: None }
    }
}

/// The new app.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApp {
    /// The app itself.
    #[serde(flatten)]
    app: AppView,
    /// The session, when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    /// Entries of the archive that do not belong into a project and were left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<String>,
}

/// What to change; absent fields stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppChange {
    /// A new name.
    #[serde(default)]
    name: Option<String>,
    /// A new slug.
    #[serde(default)]
    slug: Option<String>,
    /// How the app runs; `null` goes back to detection.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Profile>)]
    profile: Option<Option<Profile>>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Profile>>, D::Error> {
    Option::<Profile>::deserialize(deserializer).map(Some)
}

/// The caller's apps, last changed first.
#[utoipa::path(get, path = "/v1/apps", tag = "apps", params(PageQuery),
    responses((status = 200, body = Page<AppView>), (status = 400, body = Problem)))]
pub(crate) async fn list_apps(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<AppView>>> {
    let (limit, cursor) = (query.limit()?, query.cursor());
    let page = match &caller.apps {
        Some(apps) => services.store.list_apps_among(&caller.scope, apps, limit, cursor).await?,
        None => services.store.list_apps(&caller.scope, limit, cursor).await?,
    };
    // One question for the whole page: what there is of sessions is little beside what there is of apps.
    let sessions = services.store.sessions_of_tenant(&caller.scope.tenant, Some(&caller.scope.user)).await?;
    let status_by_app: HashMap<_, _> = sessions.into_iter().map(|row| (row.app_id, row.status)).collect();
    let view = |app: App| {
        let session_status = status_by_app.get(&app.id).copied();
        AppView { session_status, ..AppView::of(&services, app, None) }
    };
    let items = page.items.into_iter().map(view).collect();
    Ok(axum::Json(Page { items, next_cursor: page.next_cursor }))
}

/// Creates an app from a template or an archive; its draft starts at version 1.
#[utoipa::path(post, path = "/v1/apps", tag = "apps",
    request_body(content((NewAppBody = "application/json"), (NewAppForm = "multipart/form-data"))),
    responses((status = 201, body = CreatedApp), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem)))]
pub(crate) async fn create_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Response> {
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (new, session) = match kind.starts_with("multipart/form-data") {
        true => read_form(request).await?,
        false => {
            let Json(body) = Json::<NewAppBody>::from_request(request, &()).await?;
            let new =
                CreateApp { name: body.name, slug: body.slug, source: AppSource::Template(body.template) };
            (new, body.session)
        }
    };
    let (app, skipped) = services.apps.create(&caller.scope, new).await?;
    let session = match session {
        true => Some(services.sessions.ensure(&caller.scope, &app.id).await?),
        false => None,
    };
    let location = [(header::LOCATION, format!("/v1/apps/{}", app.id))];
    let app = AppView::of(&services, app, None);
    Ok((StatusCode::CREATED, location, axum::Json(CreatedApp { app, session, skipped })).into_response())
}

async fn read_form(request: Request) -> ApiResult<(CreateApp, bool)> {
    let invalid = |detail: String| ApiError::new(Code::InvalidRequest, detail);
    let vouch = request.extensions().get::<Vouch>().cloned();
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| invalid(error.to_string()))?;
    let (mut name, mut slug, mut archive, mut session) = (None, None, None, false);
    while let Some(field) = form.next_field().await.map_err(cut)? {
        match field.name().unwrap_or_default() {
            "name" => name = Some(text_of(field).await?),
            "slug" => slug = Some(text_of(field).await?).filter(|slug| !slug.is_empty()),
            "session" => session = text_of(field).await? == "true",
            "archive" => archive = Some(bytes_of(field, MAX_ARCHIVE_BYTES).await?),
            other => {
                return Err(invalid(format!("The form has a field `{other}` that this call does not take.")));
            }
        }
    }
    if let Some(vouch) = vouch {
        vouch.check().await?;
    }
    let name = name.ok_or_else(|| invalid("The form lacks `name`.".to_owned()))?;
    let archive = archive.ok_or_else(|| invalid("The form lacks `archive`, a zip file.".to_owned()))?;
    Ok((CreateApp { name, slug, source: AppSource::Archive(archive) }, session))
}

fn cut(error: MultipartError) -> ApiError {
    let broken = || ApiError::new(Code::InvalidRequest, format!("The form was not understood: {error}."));
    over_a_limit(&error).unwrap_or_else(broken)
}

async fn text_of(field: axum::extract::multipart::Field<'_>) -> ApiResult<String> {
    let bytes = bytes_of(field, 4_096).await?;
    String::from_utf8(bytes.into())
        .map_err(|_| ApiError::new(Code::InvalidRequest, "A form field is not UTF-8."))
}

async fn bytes_of(mut field: axum::extract::multipart::Field<'_>, limit: u64) -> ApiResult<Bytes> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(cut)? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(ApiError::new(
                Code::BodyTooLarge,
                format!("This field takes at most {limit} bytes."),
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// One app.
#[utoipa::path(get, path = "/v1/apps/{app}", tag = "apps", params(("app" = String, Path)),
    responses((status = 200, body = AppView), (status = 404, body = Problem)))]
pub(crate) async fn get_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<axum::Json<AppView>> {
    let row = services.store.app(&caller.scope, &app).await?;
    let release = services.store.current_release(&caller.scope, &app).await?;
    Ok(axum::Json(AppView::of(&services, row, release)))
}

/// Changes an app's name, slug or profile. A changed profile starts a running session anew.
#[utoipa::path(patch, path = "/v1/apps/{app}", tag = "apps", params(("app" = String, Path)), request_body = AppChange,
    responses((status = 200, body = AppView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn update_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(body): Json<AppChange>,
) -> ApiResult<axum::Json<AppView>> {
    if let Some(Some(profile)) = &body.profile {
        profile.check()?;
    }
    let restarts = body.profile.is_some();
    let name = body.name.map(|name| crate::apps::checked_name(&name)).transpose()?;
    if let Some(slug) = &body.slug {
        vitrine_model::app::check_slug(slug)?;
    }
    let patch = AppPatch { name, slug: body.slug, profile: body.profile };
    let app = services.apps.update(&caller.scope, &app, patch).await?;
    services.publishes.changed(&app.id);
    if restarts
        && services.sessions.snapshot(&app.id).is_some_and(|s| s.phase != crate::sessions::Phase::Idle)
    {
        services.sessions.restart(&caller.scope, &app.id).await?;
    }
    let release = services.store.current_release(&caller.scope, &app.id).await?;
    Ok(axum::Json(AppView::of(&services, app, release)))
}

/// Deletes an app with everything of it. A second call is 404.
#[utoipa::path(delete, path = "/v1/apps/{app}", tag = "apps", params(("app" = String, Path)),
    responses((status = 204, description = "Deleted"), (status = 404, body = Problem)))]
pub(crate) async fn delete_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<StatusCode> {
    services.publishes.forget_app(&caller.scope, &app).await?;
    services.store.delete_app(&caller.scope, &app).await?;
    services.publishes.changed(&app);
    services.sessions.forget_app(&app).await;
    services.channels.forget(&app);
    Ok(StatusCode::NO_CONTENT)
}

impl From<InvalidProfile> for ApiError {
    fn from(error: InvalidProfile) -> Self {
        match error {
            InvalidProfile::Output(path) => path.into(),
            other => Self::new(Code::InvalidProfile, format!("The profile was refused: {other}.")),
        }
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::InvalidName => {
                Self::new(Code::InvalidRequest, format!("Nothing was made: {error}."))
            }
            CreateError::UnknownTemplate(key) => super::templates::unknown(&key),
            CreateError::Slug(error) => error.into(),
            CreateError::Archive(error) => error.into(),
            CreateError::Tree(error) => error.into(),
            CreateError::Profile(error) => crate::faults::of_profile(&error).into(),
            CreateError::Store(error) => error.into(),
        }
    }
}
