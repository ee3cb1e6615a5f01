//! Releases and artifacts as resources: what strangers see, what they saw, and what it was made of.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::app::Page;
use vitrine_model::problem::Problem;
use vitrine_model::publish::Release;
use vitrine_model::{AppId, ArtifactId, Manifest, Sha256};
use vitrine_store::{ArtifactDocuments, Scope};

use super::apps::PageQuery;
use super::extract::{Json, Path, Query};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

/// What to make current.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRelease {
    /// An artifact of the app; an older one is a rollback.
    artifact: ArtifactId,
}

/// A release, and where it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReleaseView {
    #[serde(flatten)]
    release: Release,
    /// Where the app's current release is served.
    url: String,
    /// Where this one is served for ever.
    permalink_url: String,
    /// The same files by CDN-style path.
    cdn_url: String,
}

impl ReleaseView {
    pub(super) fn of(services: &Services, slug: &str, release: Release) -> Self {
        let urls = &services.urls;
        Self {
            url: urls.site(slug),
            permalink_url: urls.permalink(&release.artifact, slug),
            cdn_url: urls.cdn(&release.artifact, slug),
            release,
        }
    }
}

/// The app's releases, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/releases", tag = "releases",
    params(("app" = String, Path), PageQuery),
    responses((status = 200, body = Page<ReleaseView>), (status = 404, body = Problem)))]
pub(crate) async fn list_releases(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<Page<ReleaseView>>> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    let page = services.store.releases(&caller.scope, &app, query.limit()?, query.cursor()).await?;
    let items = page.items.into_iter().map(|release| ReleaseView::of(&services, &slug, release)).collect();
    Ok(axum::Json(Page { items, next_cursor: page.next_cursor }))
}

/// Makes an artifact of the app current, without building anything. The very next visitor sees it; a publish that is still
/// running will not replace it.
#[utoipa::path(post, path = "/v1/apps/{app}/releases", tag = "releases", params(("app" = String, Path)),
    request_body = NewRelease, responses((status = 201, body = ReleaseView), (status = 404, body = Problem)))]
pub(crate) async fn promote_artifact(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(body): Json<NewRelease>,
) -> ApiResult<(StatusCode, axum::Json<ReleaseView>)> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    let release = services.publishes.promote(&caller.scope, &app, &body.artifact).await?;
    Ok((StatusCode::CREATED, axum::Json(ReleaseView::of(&services, &slug, release))))
}

/// Takes the app off the air. Its artifacts stay and can be promoted again. A second call is 404.
#[utoipa::path(delete, path = "/v1/apps/{app}/releases/current", tag = "releases", params(("app" = String, Path)),
    responses((status = 204, description = "Off the air"), (status = 404, body = Problem)))]
pub(crate) async fn unpublish_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
) -> ApiResult<StatusCode> {
    services.publishes.unpublish(&caller.scope, &app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One artifact of the app.
#[utoipa::path(get, path = "/v1/apps/{app}/artifacts/{artifact}", tag = "releases",
    params(("app" = String, Path), ("artifact" = String, Path)),
    responses((status = 200, body = vitrine_model::artifact::Artifact), (status = 404, body = Problem)))]
pub(crate) async fn get_artifact(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, artifact)): Path<(AppId, ArtifactId)>,
) -> ApiResult<axum::Json<vitrine_model::artifact::Artifact>> {
    let (artifact, _) = services.store.artifact(&caller.scope, &app, &artifact).await?;
    Ok(axum::Json(artifact))
}

/// Every file of an artifact, with its hash, size, type and compressed forms.
#[utoipa::path(get, path = "/v1/apps/{app}/artifacts/{artifact}/manifest", tag = "releases",
    params(("app" = String, Path), ("artifact" = String, Path)),
    responses((status = 200, body = Manifest), (status = 404, body = Problem)))]
pub(crate) async fn get_manifest(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, artifact)): Path<(AppId, ArtifactId)>,
) -> ApiResult<axum::Json<Manifest>> {
    let (_, manifest) = services.store.artifact(&caller.scope, &app, &artifact).await?;
    Ok(axum::Json(manifest))
}

/// How an artifact was made: an in-toto statement with SLSA provenance.
#[utoipa::path(get, path = "/v1/apps/{app}/artifacts/{artifact}/provenance", tag = "releases",
    params(("app" = String, Path), ("artifact" = String, Path)),
    responses((status = 200, description = "The statement", content_type = "application/vnd.in-toto+json"),
        (status = 404, body = Problem)))]
pub(crate) async fn get_provenance(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, artifact)): Path<(AppId, ArtifactId)>,
) -> ApiResult<Response> {
    document(&services, &caller.scope, (&app, &artifact), "application/vnd.in-toto+json", |documents| {
        documents.provenance
    })
    .await
}

/// What is in an artifact: a CycloneDX bill of materials.
#[utoipa::path(get, path = "/v1/apps/{app}/artifacts/{artifact}/sbom", tag = "releases",
    params(("app" = String, Path), ("artifact" = String, Path)),
    responses((status = 200, description = "The bill", content_type = "application/vnd.cyclonedx+json"),
        (status = 404, body = Problem)))]
pub(crate) async fn get_sbom(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, artifact)): Path<(AppId, ArtifactId)>,
) -> ApiResult<Response> {
    document(&services, &caller.scope, (&app, &artifact), "application/vnd.cyclonedx+json", |documents| {
        documents.sbom
    })
    .await
}

async fn document(
    services: &Services,
    scope: &Scope,
    (app, artifact): (&AppId, &ArtifactId),
    content_type: &'static str,
    which: fn(ArtifactDocuments) -> Sha256,
) -> ApiResult<Response> {
    let documents = services.store.artifact_documents(scope, app, artifact).await?;
    let bytes = services.store.object(&which(documents)).await.map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, content_type)], bytes).into_response())
}
