//! Templates as resources.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use vitrine_build::template::TemplatePack;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::template::TemplateView;

use super::extract::Path;
use super::problem::{ApiError, ApiResult};
use crate::services::Services;

/// Every template.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateList {
    /// In the order they are shown.
    items: Vec<TemplateView>,
}

/// The templates apps can be made from.
#[utoipa::path(get, path = "/v1/templates", tag = "templates", responses((status = 200, body = TemplateList)))]
pub(crate) async fn list_templates(State(services): State<Arc<Services>>) -> axum::Json<TemplateList> {
    axum::Json(TemplateList { items: services.templates.iter().map(view).collect() })
}

/// One template.
#[utoipa::path(get, path = "/v1/templates/{key}", tag = "templates", params(("key" = String, Path)),
    responses((status = 200, body = TemplateView), (status = 404, body = Problem)))]
pub(crate) async fn get_template(
    State(services): State<Arc<Services>>,
    Path(key): Path<String>,
) -> ApiResult<axum::Json<TemplateView>> {
    Ok(axum::Json(view(services.template(&key).ok_or_else(|| unknown(&key))?)))
}

/// A template's picture; open to everybody, as an `img` element brings no key.
#[utoipa::path(get, path = "/v1/templates/{key}/thumbnail", tag = "templates", params(("key" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "image/png"), (status = 404, body = Problem)))]
pub(crate) async fn template_thumbnail(
    State(services): State<Arc<Services>>,
    Path(key): Path<String>,
) -> ApiResult<Response> {
    let pack = services.template(&key).ok_or_else(|| unknown(&key))?;
    let kind = mime_guess::from_path(&pack.manifest.thumbnail).first_or_octet_stream();
    let headers =
        [(header::CONTENT_TYPE, kind.to_string()), (header::CACHE_CONTROL, "max-age=3600".to_owned())];
    // Host products show it on pages of their own.
    let embeddable = [("cross-origin-resource-policy", "cross-origin")];
    Ok((headers, embeddable, pack.thumbnail.clone()).into_response())
}

pub(super) fn unknown(key: &str) -> ApiError {
    ApiError::new(
        Code::UnknownTemplate,
        format!("There is no template `{key}`; GET /v1/templates lists them."),
    )
}

fn view(pack: &TemplatePack) -> TemplateView {
    let manifest = &pack.manifest;
    TemplateView {
        key: manifest.key.clone(),
        name: manifest.name.clone(),
        description: manifest.description.clone(),
        tags: manifest.tags.clone(),
        thumbnail_url: format!("/v1/templates/{}/thumbnail", manifest.key),
        profile: manifest.profile.clone(),
        entry_file: manifest.entry_file.clone(),
        template_hash: pack.hash,
        prebuilt: false,
    }
}
