//! From an address on the app's origin to one of the back end, and back.

use http::Uri;

use super::config::{BackendConfig, BackendUpstream};
use super::path;

/// How addresses of the two sides belong together.
pub(super) struct Mapping<'a> {
    pub(super) config: &'a BackendConfig,
    pub(super) upstream: &'a BackendUpstream,
}

impl Mapping<'_> {
    /// What the back end is asked for; none when that could lie outside of its base path. The query passes verbatim.
    pub(super) fn target(&self, uri: &Uri) -> Option<Uri> {
        let rest = path::below(uri.path(), &self.config.path)?;
        if !path::stays_beneath(rest) {
            return None;
        }
        let path = if self.config.strip_path { rest } else { uri.path() };
        let mut target = format!("{}{path}", self.upstream.base_path);
        if target.is_empty() {
            target.push('/');
        }
        if let Some(query) = uri.query() {
            target.push('?');
            target.push_str(query);
        }
        Uri::try_from(target).ok()
    }

    /// What follows the upstream's host in an absolute address; none for any other address. The scheme does not matter:
    /// a back end that is told `X-Forwarded-Proto: https` writes that.
    pub(super) fn beyond_authority<'a>(&self, address: &'a str) -> Option<&'a str> {
        let rest = ["http://", "https://", "//"].iter().find_map(|start| strip_start(address, start))?;
        let rest = strip_start(rest, &self.upstream.authority)?;
        let rest = match self.upstream.port {
            80 => rest.strip_prefix(":80").unwrap_or(rest),
            _ => rest,
        };
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }

    /// Under which path of the app's origin the browser finds a path of the back end; none when it does not.
    pub(super) fn public(&self, target: &str) -> Option<String> {
        let end = target.find(['?', '#']).unwrap_or(target.len());
        let (path, tail) = target.split_at(end);
        let rest = path::below(path, &self.upstream.base_path)?;
        let public =
            if self.config.strip_path { format!("{}{rest}", self.config.path) } else { rest.to_owned() };
        match public.as_str() {
            "" => Some(format!("/{tail}")),
            // A browser would take it for a host.
            other if other.starts_with("//") => None,
            _ => Some(format!("{public}{tail}")),
        }
    }
}

fn strip_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(upstream: &str, strip_path: bool, look: impl FnOnce(Mapping<'_>) -> T) -> T {
        let config = BackendConfig { strip_path, ..BackendConfig::default() };
        look(Mapping { config: &config, upstream: &upstream.parse().unwrap() })
    }

    #[test]
    fn an_address_of_the_app_becomes_one_of_the_back_end() {
        for (upstream, strip_path, asked, target) in [
            ("http://api", true, "/api/py", "/"),
            ("http://api", true, "/api/py?a=%2e", "/?a=%2e"),
            ("http://api", true, "/api/py/items/a%2Fb?x=/../&y", "/items/a%2Fb?x=/../&y"),
            ("http://api/v1", true, "/api/py", "/v1"),
            ("http://api/v1", true, "/api/py/", "/v1/"),
            ("http://api/v1", false, "/api/py/items", "/v1/api/py/items"),
            ("http://api", false, "/api/py/items/", "/api/py/items/"),
        ] {
            let found = with(upstream, strip_path, |mapping| mapping.target(&asked.parse().unwrap()));
            assert_eq!(found.unwrap(), target);
        }
        for asked in ["/api/py/..", "/api/py/%2e%2e/v2", "/api/py//x", "/api/pyx", "/"] {
            let found = with("http://api/v1", true, |mapping| mapping.target(&asked.parse().unwrap()));
            assert_eq!(found, None, "{asked}");
        }
    }

    #[test]
    fn an_address_of_the_back_end_becomes_one_of_the_app() {
        let public = |upstream, strip_path, address: &str| {
            with(upstream, strip_path, |mapping| mapping.public(mapping.beyond_authority(address)?))
        };
        for (address, expected) in [
            ("http://api:8000/v1/items/?a#b", Some("/api/py/items/?a#b")),
            ("https://API:8000/v1", Some("/api/py")),
            ("//api:8000/v1/x", Some("/api/py/x")),
            ("http://api:8000/v1?next=/", Some("/api/py?next=/")),
            ("http://api:8000/v2/x", None),
            ("http://api:8000/v1x", None),
            ("http://api:8000", None),
        ] {
            assert_eq!(public("http://api:8000/v1", true, address).as_deref(), expected, "{address}");
        }
        assert_eq!(public("http://api", true, "http://api:80/x").as_deref(), Some("/api/py/x"));
        assert_eq!(public("http://api", false, "http://api/").as_deref(), Some("/"));
        assert_eq!(public("http://api", false, "http://api").as_deref(), Some("/"));
        assert_eq!(public("http://api", false, "http://api//evil.example"), None);
    }

    #[test]
    fn other_addresses_are_none_of_the_upstreams() {
        for address in
            ["/login", "login", "https://id.example/x", "http://api:80001/x", "http://api.example/", "é"]
        {
            assert!(with("http://api:8000", true, |mapping| mapping.beyond_authority(address).is_none()));
        }
    }
}
