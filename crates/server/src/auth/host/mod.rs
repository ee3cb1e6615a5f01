//! Tokens of a host product: who signed them, whether they are for us and now, and whom they are about.
//!
//! The algorithms are the configuration's, never the token's choice: a header is read only to find the key, and one that
//! asks for anything else is refused. Signature, issuer and audience are checked by the `jsonwebtoken` crate, with ring doing
//! the arithmetic; times are checked here, against the server's clock.

mod claims;
mod fetch;
mod keys;
mod settings;
mod signature;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};
use vitrine_model::Timestamp;
use vitrine_model::source::Clock;
use vitrine_store::{HostUser, Sight};

use super::AuthError;
pub(crate) use claims::ClaimNames;
pub(crate) use fetch::{HttpJwks, read_set};
use keys::KeySource;
pub(crate) use keys::{JwksFetch, JwksTimes};
pub(crate) use settings::{HostSettings, Keys};

/// Header members that change nothing about how a token is checked. Everything else (`crit`, `jwk`, `jku`, `x5u`, `x5c`,
/// `zip`, `enc`, `b64`, …) asks for something that we do not do.
const HARMLESS: [&str; 5] = ["alg", "typ", "kid", "x5t", "x5t#S256"];

/// Checks tokens.
pub(crate) struct HostTokens {
    settings: HostSettings,
    keys: KeySource,
    clock: Arc<dyn Clock>,
}

/// What a valid token says.
pub(crate) struct Vouched {
    /// Whom it is about.
    pub(crate) user: HostUser,
    /// Until when.
    pub(crate) expires_at: Timestamp,
}

/// Why a token is refused. For the server's log: whoever sent it learns only that it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("it is no JSON web token: {0}")]
    Malformed(&'static str),
    #[error("its header has `{0}`, which is not supported")]
    Header(String),
    #[error("its algorithm is not one of those configured")]
    Algorithm,
    #[error("it is signed with a key that is not known")]
    UnknownKey,
    #[error("it was refused: {0}")]
    Refused(#[from] jsonwebtoken::errors::Error),
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    Early,
    #[error("its claim `{0}` is missing or cannot be used")]
    Claim(String),
    #[error("the keys to check it with cannot be fetched")]
    KeysUnavailable,
}

impl From<TokenError> for AuthError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::KeysUnavailable => Self::HostKeysUnavailable,
            other => {
                tracing::debug!(error = %other, "a token of the host product was refused");
                Self::Unauthenticated
            }
        }
    }
}

/// The one header that is understood.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

impl HostTokens {
    pub(crate) fn new(settings: HostSettings, clock: Arc<dyn Clock>) -> Self {
        signature::install();
        let keys = KeySource::new(&settings, clock.clone());
        Self { settings, keys, clock }
    }

    /// What may be made of somebody who is seen for the first time.
    pub(crate) fn sight(&self) -> Sight {
        self.settings.sight
    }

    /// Checks a token from its header to its last claim.
    pub(crate) async fn verify(&self, token: &str) -> Result<Vouched, TokenError> {
        let header = header_of(token)?;
        let algorithm: Algorithm = header.alg.parse().map_err(|_| TokenError::Algorithm)?;
        if !self.settings.algorithms.contains(&algorithm) {
            return Err(TokenError::Algorithm);
        }
        let key = self.keys.find(header.kid.as_deref(), algorithm).await?;
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&self.settings.audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The library reads the machine's clock; ours is given.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation)?.claims;
        let expires_at = self.check_times(&claims)?;
        // The library takes a list of issuers, too.
        if claims.get("iss").and_then(Value::as_str) != Some(&self.settings.issuer) {
            return Err(TokenError::Claim("iss".to_owned()));
        }
        let user = self.settings.claims.read(&self.settings.issuer, &claims)?;
        Ok(Vouched { user, expires_at })
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<Timestamp, TokenError> {
        let secs = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => match value.as_f64().filter(|secs| secs.abs() < MOST_SECS) {
                Some(secs) => Ok(Some(Timestamp::from_millis((secs * 1_000.0) as i64))),
                None => Err(TokenError::Claim(name.to_owned())),
            },
        };
        let leeway = self.settings.leeway_secs;
        let now = self.clock.now();
        let end = secs("exp")?.ok_or_else(|| TokenError::Claim("exp".to_owned()))?.plus_secs(leeway);
        if end <= now {
            return Err(TokenError::Expired);
        }
        match secs("nbf")?.is_some_and(|begin| begin > now.plus_secs(leeway)) {
            true => Err(TokenError::Early),
            false => Ok(end),
        }
    }
}

/// A time after the year 9999 is a mistake, and milliseconds for seconds a common one.
const MOST_SECS: f64 = 253_402_300_800.0;

fn header_of(token: &str) -> Result<Header, TokenError> {
    let parts: Vec<_> = token.split('.').collect();
    let [header, _, _] = parts.as_slice() else {
        return Err(TokenError::Malformed("it has not three parts"));
    };
    let json =
        URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed("its header is no base64"))?;
    let members: Map<String, Value> =
        serde_json::from_slice(&json).map_err(|_| TokenError::Malformed("its header is no JSON object"))?;
    if let Some(name) = members.keys().find(|name| !HARMLESS.contains(&name.as_str())) {
        return Err(TokenError::Header(name.clone()));
    }
    let header: Header = serde_json::from_slice(&json)
        .map_err(|_| TokenError::Malformed("its header's members have other types"))?;
    let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    match ["jwt", "at+jwt", "application/at+jwt"].contains(&typ.as_str()) {
        true => Ok(header),
        false => Err(TokenError::Header("typ".to_owned())),
    }
}
