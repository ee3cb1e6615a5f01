//! The description of the API, generated from its handlers.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vitrine",
        description = "Apps, drafts, live previews. Errors are RFC 9457 problem documents with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    security(("key" = []), ("cookie" = []))
)]
struct Description;

/// The whole document, the same for every server of this version.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let routers =
        OpenApiRouter::with_openapi(Description::openapi()).merge(super::resources()).merge(super::open());
    let (_, mut document) = routers.split_for_parts();
    // The router's `{*path}` takes slashes; OpenAPI has no word for that.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    let components = document.components.get_or_insert_default();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, `vt_…`, or a token of the host product"))
        .build();
    components.add_security_scheme("key", SecurityScheme::Http(key));
    let cookie = ApiKeyValue::with_description("vitrine_builder_{port}", "The builder page's cookie");
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    document
}

/// `GET /openapi.json`.
pub(crate) async fn serve() -> Response {
    let json = document().to_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_document_is_the_one_the_handlers_give() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
        let generated = format!("{}\n", super::document().to_pretty_json().unwrap());
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == generated, "openapi.json is stale; run `make openapi`");
    }
}
