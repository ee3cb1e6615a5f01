//! What a file is served as, by its name: one table for all artifacts, since the type is part of an artifact's identity.

use vitrine_model::ProjectPath;

/// What a browser can do nothing wrong with.
const UNKNOWN: &str = "application/octet-stream";

/// Where [`mime_guess`] differs from what browsers want or from what a site means, or has nothing. Text is UTF-8: that is
/// what tools write, and a page served without it is read as whatever the visitor's system prefers.
const OWN: [(&str, &str); 58] = [
    ("apng", "image/apng"),
    ("atom", "application/atom+xml; charset=utf-8"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("cjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("eot", "application/vnd.ms-fontobject"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("gz", "application/gzip"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("json5", "application/json5"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("ktx2", "image/ktx2"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("rss", "application/rss+xml; charset=utf-8"),
    ("svg", "image/svg+xml; charset=utf-8"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("usdz", "model/vnd.usdz+zip"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml; charset=utf-8"),
    ("xml", "application/xml; charset=utf-8"),
    ("yaml", "application/yaml; charset=utf-8"),
    ("yml", "application/yaml; charset=utf-8"),
];

/// Files without an extension that have a type by their name.
const NAMED: [(&str, &str); 4] = [
    ("CNAME", "text/plain; charset=utf-8"),
    ("LICENSE", "text/plain; charset=utf-8"),
    ("apple-app-site-association", "application/json"),
    ("security.txt", "text/plain; charset=utf-8"),
];

/// The value of `Content-Type`; never empty. Source files of TypeScript are text: `.ts` is not a film here.
pub fn content_type(path: &ProjectPath) -> String {
    if let Some((_, kind)) = NAMED.iter().find(|(name, _)| *name == path.file_name()) {
        return (*kind).to_owned();
    }
    let Some(extension) = path.extension().map(str::to_ascii_lowercase) else {
        return UNKNOWN.to_owned();
    };
    if matches!(extension.as_str(), "ts" | "mts" | "cts" | "tsx" | "jsx" | "astro" | "vue" | "svelte") {
        return "text/plain; charset=utf-8".to_owned();
    }
    if let Ok(at) = OWN.binary_search_by_key(&extension.as_str(), |(extension, _)| extension) {
        return OWN[at].1.to_owned();
    }
    let guess = mime_guess::from_ext(&extension).first_raw().unwrap_or(UNKNOWN);
    match guess.starts_with("text/") {
        true => format!("{guess}; charset=utf-8"),
        false => guess.to_owned(),
    }
}

/// True for types whose content shrinks: text in all its forms, and binary formats that are not compressed themselves.
pub(super) fn is_compressible(content_type: &str) -> bool {
    const BINARY: [&str; 9] = [
        "application/wasm",
        "application/vnd.ms-fontobject",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/x-icon",
        "model/gltf-binary",
        "application/pdf",
        UNKNOWN,
    ];
    let kind = content_type.split(';').next().unwrap_or_default();
    let is_text = kind.starts_with("text/")
        || ["json", "xml", "yaml", "javascript"].iter().any(|part| kind.ends_with(part));
    is_text || kind == "application/json5" || BINARY.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> String {
        content_type(&path.parse().unwrap())
    }

    #[test]
    fn the_table_is_sorted_and_each_entry_is_found() {
        assert!(OWN.is_sorted_by_key(|(extension, _)| *extension));
        for (extension, kind) in OWN {
            assert_eq!(of(&format!("a.{extension}")), kind);
        }
    }

    #[test]
    fn what_browsers_insist_on_is_right() {
        for (path, kind) in [
            ("assets/index-abc.JS", "text/javascript; charset=utf-8"),
            ("a.module.mjs", "text/javascript; charset=utf-8"),
            ("a.css.map", "application/json"),
            ("site.webmanifest", "application/manifest+json"),
            ("pkg/app_bg.wasm", "application/wasm"),
            (".well-known/apple-app-site-association", "application/json"),
            (".well-known/security.txt", "text/plain; charset=utf-8"),
            ("main.ts", "text/plain; charset=utf-8"),
            ("archive.zip", "application/zip"),
            ("a.unheard-of", UNKNOWN),
            ("noextension", UNKNOWN),
            (".hidden", UNKNOWN),
        ] {
            assert_eq!(of(path), kind, "{path}");
        }
    }

    #[test]
    fn only_what_shrinks_is_compressed() {
        for path in [
            "a.html",
            "a.js",
            "a.svg",
            "a.json",
            "a.map",
            "a.wasm",
            "a.ttf",
            "a.webmanifest",
            "a.xml",
            "a.glb",
            "a.bin",
        ] {
            assert!(is_compressible(&of(path)), "{path}");
        }
        for path in
            ["a.png", "a.jpg", "a.avif", "a.woff2", "a.woff", "a.mp4", "a.zip", "a.gz", "a.webp", "a.mp3"]
        {
            assert!(!is_compressible(&of(path)), "{path}");
        }
    }
}
