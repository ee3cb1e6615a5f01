//! The builder page's cookie, its CSRF token, and the check that a request comes from a page of ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, header};
use subtle::ConstantTimeEq as _;

use super::{AuthError, CSRF_HEADER};

/// Where the builder page is served, for example `https://vitrine.example.com`; the first is the one that people are told.
#[derive(Debug, Clone)]
pub(crate) struct Origins(pub(crate) Vec<String>);

/// Names, writes and checks cookies.
pub(super) struct Cookies {
    name: String,
    origins: Origins,
    is_https: bool,
    signing_key: [u8; 32],
}

impl Cookies {
    pub(super) fn new(port: u16, origins: Origins, signing_key: [u8; 32]) -> Self {
        let is_https = origins.0.iter().all(|origin| origin.starts_with("https://"));
        // With the prefix, no other host of the domain and nothing without TLS can set a cookie of this name.
        let prefix = if is_https { "__Host-" } else { "" };
        Self { name: format!("{prefix}vitrine_builder_{port}"), origins, is_https, signing_key }
    }

    pub(super) fn first_origin(&self) -> &str {
        self.origins.0.first().map_or("", String::as_str)
    }

    /// The `Set-Cookie` value that signs a browser in.
    pub(super) fn write(&self, value: &str, max_age_secs: i64) -> String {
        let secure = if self.is_https { "; Secure" } else { "" };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{secure}", self.name)
    }

    /// The cookie's value; of several, the first.
    pub(super) fn read<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name).map(|(_, value)| value)
    }

    /// Refuses a request that changes something unless our own page sent it; returns the cookie's CSRF token.
    pub(super) fn check(
        &self,
        method: &Method,
        headers: &HeaderMap,
        cookie: &str,
    ) -> Result<String, AuthError> {
        let token = self.mac(cookie);
        if !method.is_safe() {
            self.check_origin(headers)?;
            let sent = headers.get(CSRF_HEADER).map(|value| value.as_bytes()).unwrap_or_default();
            if !bool::from(sent.ct_eq(token.as_bytes())) {
                return Err(AuthError::CsrfMissing);
            }
        }
        Ok(token)
    }

    /// Browsers say which page made a request that changes something; programs say nothing.
    pub(super) fn check_origin(&self, headers: &HeaderMap) -> Result<(), AuthError> {
        let is_ours =
            |origin: &http::HeaderValue| self.origins.0.iter().any(|ours| ours.as_bytes() == origin);
        let is_cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        match is_cross_site || !headers.get_all(header::ORIGIN).iter().all(is_ours) {
            true => Err(AuthError::ForeignOrigin),
            false => Ok(()),
        }
    }

    fn mac(&self, cookie: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&self.signing_key).expect("any key length");
        mac.update(b"csrf:");
        mac.update(cookie.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(origin: &str) -> Cookies {
        Cookies::new(4400, Origins(vec![origin.to_owned()]), [7; 32])
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_cookie_reads_but_writes_only_with_its_own_token() {
        let cookies = cookies("http://localhost:4400");
        let check = |method, pairs: &[_], cookie| cookies.check(&method, &headers(pairs), cookie);
        let token = check(Method::GET, &[], "one").unwrap();
        assert!(matches!(check(Method::POST, &[], "one"), Err(AuthError::CsrfMissing)));
        assert!(check(Method::POST, &[(CSRF_HEADER, &token)], "one").is_ok());
        assert!(
            check(Method::POST, &[(CSRF_HEADER, &token)], "two").is_err(),
            "a token belongs to one cookie"
        );
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        let cookies = cookies("http://localhost:4400");
        let token = cookies.mac("one");
        let ours = ("origin", "http://localhost:4400");
        assert!(cookies.check(&Method::POST, &headers(&[(CSRF_HEADER, &token), ours]), "one").is_ok());
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://localhost:4401"),
            ("origin", "http://app.preview.localhost:4400"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let refused = cookies.check(&Method::POST, &headers(&[(CSRF_HEADER, &token), foreign]), "one");
            assert!(matches!(refused, Err(AuthError::ForeignOrigin)), "{foreign:?}");
        }
    }

    #[test]
    fn over_tls_the_cookie_is_bound_to_its_host() {
        let plain = cookies("http://localhost:4400").write("v", 1);
        assert_eq!(plain, "vitrine_builder_4400=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=1");
        let bound = cookies("https://vitrine.example.com").write("v", 1);
        assert_eq!(bound, "__Host-vitrine_builder_4400=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=1; Secure");
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let cookies = cookies("http://localhost:4400");
        let sent = headers(&[("cookie", "a=1; vitrine_builder_4401=x; vitrine_builder_4400=ours")]);
        assert_eq!(cookies.read(&sent), Some("ours"));
        assert_eq!(cookies.read(&headers(&[("cookie", "xvitrine_builder_4400=x")])), None);
    }
}
