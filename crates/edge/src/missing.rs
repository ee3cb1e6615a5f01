//! A missing module is a 404, never a page: dev servers answer `index.html` to anything they do not know, and a browser
//! that gets HTML for a module says nothing useful about it.

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, StatusCode};

use crate::ask::Ask;

/// What a browser never wants HTML for (Fetch, request destination).
const ASSET_DESTINATIONS: [&str; 15] = [
    "audio",
    "audioworklet",
    "font",
    "image",
    "json",
    "manifest",
    "paintworklet",
    "script",
    "serviceworker",
    "sharedworker",
    "style",
    "track",
    "video",
    "worker",
    "xslt",
];

/// Endings of modules and assets, for requests that do not say what they are for: `fetch`, and other programs.
const ASSET_EXTENSIONS: [&str; 42] = [
    "avif", "bmp", "cjs", "css", "csv", "cts", "eot", "gif", "glb", "gltf", "ico", "jpeg", "jpg", "js",
    "json", "jsx", "less", "map", "mjs", "mp3", "mp4", "mts", "ogg", "otf", "pdf", "png", "sass", "scss",
    "styl", "svelte", "svg", "ts", "tsx", "ttf", "txt", "vue", "wasm", "wav", "webm", "webp", "woff",
    "woff2",
];

/// True when this answer is a page in place of the module or asset that was asked for.
pub(crate) fn is_page_for_asset(ask: &Ask, status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::OK
        && matches!(ask.method, Method::GET | Method::HEAD)
        && is_html(headers)
        && wants_asset(ask)
}

fn wants_asset(ask: &Ask) -> bool {
    match ask.dest.as_deref() {
        Some("empty") | None => !ask.is_navigation && has_asset_extension(&ask.path),
        Some(dest) => ASSET_DESTINATIONS.contains(&dest),
    }
}

/// Ids of Vite's own (`/@id/…`, `/@fs/…`) look like files and may be anything.
fn has_asset_extension(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    !path.starts_with("/@")
        && extension.is_some_and(|extension| ASSET_EXTENSIONS.contains(&extension.as_str()))
}

fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"text/html"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;
    use crate::config::Scheme;

    fn is_missing(uri: &str, dest: Option<&str>, content_type: &str) -> bool {
        let mut request = Request::get(uri).header("host", "localhost");
        if let Some(dest) = dest {
            let mode = if dest == "document" { "navigate" } else { "cors" };
            request = request.header("sec-fetch-dest", dest).header("sec-fetch-mode", mode);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let ask = Ask::read(&head, Scheme::Http).unwrap();
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
        is_page_for_asset(&ask, StatusCode::OK, &headers)
    }

    #[test]
    fn html_in_place_of_a_module_or_asset_is_missing() {
        for (uri, dest) in [
            ("/src/x.tsx", Some("script")),
            ("/src/x", Some("script")),
            ("/@fs/a/b.ts", Some("script")),
            ("/sw.js", Some("serviceworker")),
            ("/a.svg", Some("image")),
            ("/a", Some("style")),
            ("/data.JSON?t=1", Some("empty")),
            ("/src/x.vue?import", None),
        ] {
            assert!(is_missing(uri, dest, "Text/HTML; charset=utf-8"), "{uri} {dest:?}");
        }
    }

    #[test]
    fn pages_and_real_modules_pass() {
        for (uri, dest, content_type) in [
            ("/", Some("document"), "text/html"),
            ("/docs/a.js", Some("document"), "text/html"),
            ("/frame.html", Some("iframe"), "text/html"),
            ("/part.html", Some("empty"), "text/html"),
            ("/api/page", Some("empty"), "text/html"),
            ("/@id/virtual.js", Some("empty"), "text/html"),
            ("/index.html?html-proxy&index=0.js", Some("script"), "text/javascript"),
            ("/a.html?import", Some("script"), "text/javascript"),
            ("/src/x.tsx", Some("script"), "application/javascript"),
        ] {
            assert!(!is_missing(uri, dest, content_type), "{uri} {dest:?}");
        }
    }
}
