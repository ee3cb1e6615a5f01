//! Who is calling: the admin key as a bearer token, or the builder page's cookie with its CSRF token.
//!
//! There is one tenant and one owner as yet; everything here already answers with a [`Scope`], so that members, keys and
//! tokens of a host product change this module and nothing behind it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, header};
use subtle::ConstantTimeEq as _;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{Sha256, Timestamp};
use vitrine_store::Scope;

/// How long a browser stays signed in.
const COOKIE_SECS: i64 = 30 * 24 * 3_600;

/// How long the link of the ready line can be opened.
const CODE_SECS: i64 = 15 * 60;

/// The header that carries the CSRF token.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";

/// Checks credentials and issues the builder page's.
pub(crate) struct Auth {
    scope: Scope,
    key_hash: Sha256,
    signing_key: [u8; 32],
    cookie_name: String,
    is_https: bool,
    code: Mutex<Option<SignInCode>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

struct SignInCode {
    code: String,
    expires_at: Timestamp,
}

/// A caller who was let in.
#[derive(Clone)]
pub(crate) struct Caller {
    /// What they may see.
    pub(crate) scope: Scope,
    /// For the builder page; `None` for callers with a key, who need none.
    pub(crate) csrf_token: Option<String>,
}

/// Why a caller was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("no valid credentials: send `Authorization: Bearer vt_…`, or sign in on the builder page")]
    Unauthenticated,
    #[error("a request with a cookie needs the `X-CSRF-Token` header that /v1/me gives")]
    CsrfMissing,
}

/// What [`Auth::new`] needs to know.
pub(crate) struct AuthSettings<'a> {
    pub(crate) scope: Scope,
    pub(crate) admin_key: &'a str,
    pub(crate) signing_key: [u8; 32],
    /// Browsers share cookies between all ports of a host: the port keeps two servers apart.
    pub(crate) port: u16,
    pub(crate) is_https: bool,
}

impl Auth {
    pub(crate) fn new(settings: AuthSettings<'_>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            scope: settings.scope,
            key_hash: Sha256::of(settings.admin_key.as_bytes()),
            signing_key: settings.signing_key,
            cookie_name: format!("vitrine_builder_{}", settings.port),
            is_https: settings.is_https,
            code: Mutex::new(None),
            clock,
            entropy,
        }
    }

    /// Decides about a request by its head.
    pub(crate) fn authenticate(&self, method: &Method, headers: &HeaderMap) -> Result<Caller, AuthError> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let key = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
            return match key.is_some_and(|key| self.is_admin_key(key.trim())) {
                true => Ok(Caller { scope: self.scope.clone(), csrf_token: None }),
                false => Err(AuthError::Unauthenticated),
            };
        }
        let cookie = self.cookies(headers).find(|cookie| self.is_live_cookie(cookie));
        let csrf_token = self.csrf_token(cookie.ok_or(AuthError::Unauthenticated)?);
        if !method.is_safe() {
            let sent = headers.get(CSRF_HEADER).map(|value| value.as_bytes()).unwrap_or_default();
            if !bool::from(sent.ct_eq(csrf_token.as_bytes())) {
                return Err(AuthError::CsrfMissing);
            }
        }
        Ok(Caller { scope: self.scope.clone(), csrf_token: Some(csrf_token) })
    }

    /// True for the key; takes the same time for every wrong one.
    pub(crate) fn is_admin_key(&self, key: &str) -> bool {
        Sha256::of(key.as_bytes()).as_bytes().ct_eq(self.key_hash.as_bytes()).into()
    }

    /// A link's code that signs a browser in once, soon; a new one makes the last one worthless.
    pub(crate) fn issue_code(&self) -> String {
        let mut bytes = [0; 24];
        self.entropy.fill(&mut bytes);
        let code = URL_SAFE_NO_PAD.encode(bytes);
        let expires_at = self.clock.now().plus_secs(CODE_SECS);
        *self.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some(SignInCode { code: code.clone(), expires_at });
        code
    }

    /// Uses a code up.
    pub(crate) fn redeem_code(&self, code: &str) -> bool {
        let mut issued = self.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_valid = issued.as_ref().is_some_and(|issued| {
            issued.code.as_bytes().ct_eq(code.as_bytes()).into() && self.clock.now() < issued.expires_at
        });
        if is_valid {
            *issued = None;
        }
        is_valid
    }

    /// The `Set-Cookie` value that signs a browser in.
    pub(crate) fn sign_in_cookie(&self) -> String {
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let expires_at = self.clock.now().plus_secs(COOKIE_SECS).as_millis();
        let payload = format!("{expires_at}.{}", URL_SAFE_NO_PAD.encode(nonce));
        let value = format!("{payload}.{}", self.mac("cookie", &payload));
        self.cookie(&value, COOKIE_SECS)
    }

    /// The `Set-Cookie` value that signs a browser out.
    pub(crate) fn sign_out_cookie(&self) -> String {
        self.cookie("", 0)
    }

    fn cookie(&self, value: &str, max_age_secs: i64) -> String {
        let secure = if self.is_https { "; Secure" } else { "" };
        format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{secure}",
            self.cookie_name
        )
    }

    fn cookies<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie_name).map(|(_, value)| value)
    }

    fn is_live_cookie(&self, value: &str) -> bool {
        let Some((payload, mac)) = value.rsplit_once('.') else { return false };
        let expires_at = payload.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let is_ours: bool = self.mac("cookie", payload).as_bytes().ct_eq(mac.as_bytes()).into();
        is_ours && self.clock.now() < Timestamp::from_millis(expires_at)
    }

    fn csrf_token(&self, cookie: &str) -> String {
        self.mac("csrf", cookie)
    }

    fn mac(&self, purpose: &str, text: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&self.signing_key).expect("any key length");
        mac.update(purpose.as_bytes());
        mac.update(b":");
        mac.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// The admin key and whether it was made just now: given by configuration, else read from the data directory, else
/// made and kept there for its owner's eyes.
pub(crate) fn admin_key(
    configured: &str,
    data_dir: &Path,
    entropy: &dyn Entropy,
) -> std::io::Result<(String, bool)> {
    if !configured.is_empty() {
        return Ok((configured.to_owned(), false));
    }
    let path = data_dir.join("admin-key");
    match std::fs::read_to_string(&path) {
        Ok(key) if !key.trim().is_empty() => return Ok((key.trim().to_owned(), false)),
        Ok(_) => std::fs::remove_file(&path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; 30];
    entropy.fill(&mut bytes);
    let key = format!("vt_{}", URL_SAFE_NO_PAD.encode(bytes));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(format!("{key}\n").as_bytes())?;
    file.sync_all()?;
    Ok((key, true))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
    use vitrine_model::{TenantId, UserId};

    use super::*;

    fn auth() -> (Auth, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::at_millis(1_000_000));
        let entropy = Arc::new(CountingEntropy::default());
        let scope = Scope {
            tenant: TenantId::mint(clock.as_ref(), entropy.as_ref()),
            user: UserId::mint(clock.as_ref(), entropy.as_ref()),
        };
        let settings = AuthSettings {
            scope,
            admin_key: "vt_the-key",
            signing_key: [7; 32],
            port: 4400,
            is_https: false,
        };
        (Auth::new(settings, clock.clone(), entropy), clock)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn cookie_of(auth: &Auth) -> String {
        auth.sign_in_cookie().split(';').next().unwrap().to_owned()
    }

    #[test]
    fn the_key_lets_in_and_anything_else_does_not() {
        let (auth, _) = auth();
        assert!(
            auth.authenticate(&Method::POST, &headers(&[("authorization", "Bearer vt_the-key")])).is_ok()
        );
        for bad in ["Bearer vt_the-kez", "Bearer ", "Basic vt_the-key", "vt_the-key"] {
            let result = auth.authenticate(&Method::GET, &headers(&[("authorization", bad)]));
            assert_eq!(result.err(), Some(AuthError::Unauthenticated), "{bad}");
        }
    }

    #[test]
    fn a_cookie_reads_but_writes_only_with_its_csrf_token() {
        let (auth, _) = auth();
        let cookie = cookie_of(&auth);
        let caller = auth.authenticate(&Method::GET, &headers(&[("cookie", &cookie)])).ok().unwrap();
        let refused = auth.authenticate(&Method::POST, &headers(&[("cookie", &cookie)]));
        assert_eq!(refused.err(), Some(AuthError::CsrfMissing));
        let token = caller.csrf_token.unwrap();
        let sent = headers(&[("cookie", &cookie), (CSRF_HEADER, &token)]);
        assert!(auth.authenticate(&Method::POST, &sent).is_ok());
        let other = headers(&[("cookie", &cookie_of(&auth)), (CSRF_HEADER, &token)]);
        assert!(auth.authenticate(&Method::POST, &other).is_err(), "a token belongs to one cookie");
    }

    #[test]
    fn cookies_expire_and_cannot_be_forged() {
        let (auth, clock) = auth();
        let cookie = cookie_of(&auth);
        let forged = cookie.replace("vitrine_builder_4400=", "vitrine_builder_4400=9");
        assert!(auth.authenticate(&Method::GET, &headers(&[("cookie", &forged)])).is_err());
        clock.advance_secs(COOKIE_SECS + 1);
        assert!(auth.authenticate(&Method::GET, &headers(&[("cookie", &cookie)])).is_err());
    }

    #[test]
    fn a_code_works_once_and_not_late() {
        let (auth, clock) = auth();
        let code = auth.issue_code();
        assert!(!auth.redeem_code("guess"));
        assert!(auth.redeem_code(&code));
        assert!(!auth.redeem_code(&code));
        let late = auth.issue_code();
        clock.advance_secs(CODE_SECS + 1);
        assert!(!auth.redeem_code(&late));
    }

    #[test]
    fn the_admin_key_is_made_once_and_kept_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (key, is_new) = admin_key("", dir.path(), &CountingEntropy::default()).unwrap();
        assert!(is_new && key.starts_with("vt_"));
        assert_eq!(admin_key("", dir.path(), &CountingEntropy::default()).unwrap(), (key, false));
        let mode = std::fs::metadata(dir.path().join("admin-key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
