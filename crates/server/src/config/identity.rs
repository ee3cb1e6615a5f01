//! The section about tokens of a host product.

use std::path::PathBuf;
use std::sync::Arc;

use http::Uri;
use ipnet::IpNet;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::{Deserialize, Serialize};
use vitrine_model::Role;
use vitrine_store::Sight;

use super::ConfigError;
use crate::auth::host::{ClaimNames, HostSettings, HttpJwks, JwksTimes, Keys, read_set};

/// Bytes of a shared secret: as many as the hash has.
const LEAST_SECRET_BYTES: usize = 32;

/// Two clocks that differ by more are wrong.
const MOST_LEEWAY_SECS: u64 = 300;

/// `[jwt]`: signing people in by tokens of a host product.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JwtConfig {
    /// Who signs the tokens, word for word as in their `iss`. Empty: no tokens are taken.
    pub issuer: String,
    /// Whom the tokens are for: their `aud`, or several, comma separated.
    pub audience: String,
    /// The algorithms, comma separated: of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA; or HS256 alone.
    pub algorithms: String,
    /// Where the host product publishes its keys.
    pub jwks_url: String,
    /// Or a file with its keys.
    pub jwks_file: PathBuf,
    /// Or, with HS256, the secret that both sides know.
    pub secret: String,
    /// Keys from the URL are fetched again after this long.
    pub jwks_fresh_secs: u64,
    /// A token with an unknown key has them fetched anew, at most this often.
    pub jwks_pause_secs: u64,
    /// While they cannot be fetched, they count for this long.
    pub jwks_stale_secs: u64,
    /// How far the two clocks may be apart.
    pub leeway_secs: u64,
    /// The claim that names the user.
    pub user_claim: String,
    /// The claim that names the tenant. Empty: everybody is in the default tenant.
    pub tenant_claim: String,
    /// The claim with the user's name.
    pub name_claim: String,
    /// The claim with the user's role. Empty: roles are given in Vitrine.
    pub role_claim: String,
    /// What somebody may do whose token states no role.
    pub default_role: Role,
    /// Makes tenants that are seen for the first time.
    pub create_tenants: bool,
    /// Makes users and members that are seen for the first time.
    pub create_users: bool,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            algorithms: "RS256".to_owned(),
            jwks_url: String::new(),
            jwks_file: PathBuf::new(),
            secret: String::new(),
            jwks_fresh_secs: 3_600,
            jwks_pause_secs: 30,
            jwks_stale_secs: 86_400,
            leeway_secs: 30,
            user_claim: "sub".to_owned(),
            tenant_claim: "tenant".to_owned(),
            name_claim: "name".to_owned(),
            role_claim: "role".to_owned(),
            default_role: Role::Editor,
            create_tenants: false,
            create_users: true,
        }
    }
}

impl JwtConfig {
    /// What tokens have to look like; `None` when none are taken.
    pub(crate) fn settings(&self) -> Result<Option<HostSettings>, ConfigError> {
        if self.issuer.is_empty() {
            return Ok(None);
        }
        let audiences: Vec<_> = words(&self.audience).map(str::to_owned).collect();
        if audiences.is_empty() {
            return Err(unusable(
                "jwt.audience",
                "say whom the tokens are for: a token for others is not for us",
            ));
        }
        if self.user_claim.is_empty() {
            return Err(unusable("jwt.user_claim", "say which claim names the user, for example `sub`"));
        }
        if self.leeway_secs > MOST_LEEWAY_SECS {
            return Err(unusable(
                "jwt.leeway_secs",
                "clocks that are further apart than 300 s need to be set",
            ));
        }
        let algorithms = self.algorithms()?;
        Ok(Some(HostSettings {
            issuer: self.issuer.clone(),
            audiences,
            keys: self.keys(&algorithms)?,
            algorithms,
            leeway_secs: self.leeway_secs as i64,
            claims: ClaimNames {
                user: self.user_claim.clone(),
                tenant: self.tenant_claim.clone(),
                name: self.name_claim.clone(),
                role: self.role_claim.clone(),
            },
            sight: Sight {
                makes_tenants: self.create_tenants,
                makes_users: self.create_users,
                default_role: self.default_role,
            },
        }))
    }

    /// The algorithms: asymmetric ones, or HS256 alone. Both together are how a public key becomes a shared secret.
    fn algorithms(&self) -> Result<Vec<Algorithm>, ConfigError> {
        let parsed: Result<Vec<Algorithm>, _> = words(&self.algorithms).map(str::parse).collect();
        let parsed = parsed
            .map_err(|_| unusable("jwt.algorithms", "name algorithms such as RS256, ES256 or EdDSA"))?;
        let symmetric = parsed.iter().filter(|algorithm| algorithm.family() == AlgorithmFamily::Hmac).count();
        match parsed.as_slice() {
            [] => Err(unusable("jwt.algorithms", "name at least one algorithm")),
            [Algorithm::HS256] => Ok(parsed),
            _ if symmetric == 0 => Ok(parsed),
            _ => Err(unusable(
                "jwt.algorithms",
                "of the symmetric ones HS256 alone is supported, and only by itself",
            )),
        }
    }

    fn keys(&self, algorithms: &[Algorithm]) -> Result<Keys, ConfigError> {
        let has_file = !self.jwks_file.as_os_str().is_empty();
        let given = [!self.jwks_url.is_empty(), has_file, !self.secret.is_empty()];
        let is_symmetric = algorithms == [Algorithm::HS256];
        match (given, is_symmetric) {
            ([true, false, false], false) => self.remote(),
            ([false, true, false], false) => self.file(),
            ([false, false, true], true) if self.secret.len() >= LEAST_SECRET_BYTES => {
                Ok(Keys::Shared(self.secret.clone().into_bytes()))
            }
            ([false, false, true], true) => {
                Err(unusable("jwt.secret", "a secret for HS256 has at least 32 bytes"))
            }
            (_, true) => Err(unusable("jwt.secret", "HS256 goes with a secret, and with nothing else")),
            (_, false) => Err(unusable(
                "jwt.jwks_url",
                "give either jwks_url or jwks_file; a secret is for HS256 alone",
            )),
        }
    }

    fn remote(&self) -> Result<Keys, ConfigError> {
        let uri: Uri = self.jwks_url.parse().map_err(|_| unusable("jwt.jwks_url", "not a URL"))?;
        let is_here = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_here => {}
            _ => {
                return Err(unusable(
                    "jwt.jwks_url",
                    "give an https:// address: whoever changes the keys is anybody",
                ));
            }
        }
        let fetch =
            HttpJwks::new(&self.jwks_url).map_err(|error| unusable("jwt.jwks_url", &error.to_string()))?;
        let times = JwksTimes {
            fresh_secs: self.jwks_fresh_secs as i64,
            pause_secs: self.jwks_pause_secs as i64,
            stale_secs: self.jwks_stale_secs.max(self.jwks_fresh_secs) as i64,
        };
        Ok(Keys::Remote(Arc::new(fetch), times))
    }

    fn file(&self) -> Result<Keys, ConfigError> {
        let unreadable =
            |error: String| unusable("jwt.jwks_file", &format!("{}: {error}", self.jwks_file.display()));
        let json = std::fs::read(&self.jwks_file).map_err(|error| unreadable(error.to_string()))?;
        read_set(&json).map(Keys::Fixed).map_err(unreadable)
    }
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn unusable(key: &'static str, reason: &str) -> ConfigError {
    ConfigError::Unusable { key, reason: reason.to_owned() }
}

/// The ranges of a comma separated list.
pub(super) fn ranges(key: &'static str, list: &str) -> Result<Vec<IpNet>, ConfigError> {
    let parse = |part: &str| {
        let range = part.parse().or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from));
        range.map_err(|_| unusable(key, &format!("`{part}` is not an address or a range such as 10.0.0.0/8")))
    };
    words(list).map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut JwtConfig)) -> JwtConfig {
        let mut config = JwtConfig {
            issuer: "https://host.example".to_owned(),
            audience: "vitrine".to_owned(),
            jwks_url: "https://host.example/jwks".to_owned(),
            ..JwtConfig::default()
        };
        change(&mut config);
        config
    }

    fn refused(change: impl FnOnce(&mut JwtConfig)) -> &'static str {
        match config(change).settings() {
            Err(ConfigError::Unusable { key, .. }) => key,
            Err(other) => panic!("{other}"),
            Ok(_) => "nothing",
        }
    }

    #[test]
    fn without_an_issuer_no_tokens_are_taken() {
        assert!(config(|config| config.issuer.clear()).settings().unwrap().is_none());
        assert!(config(|_| {}).settings().unwrap().is_some());
    }

    #[test]
    fn settings_that_would_take_others_tokens_are_refused() {
        assert_eq!(refused(|config| config.audience = " , ".to_owned()), "jwt.audience");
        assert_eq!(refused(|config| config.user_claim.clear()), "jwt.user_claim");
        assert_eq!(refused(|config| config.leeway_secs = 301), "jwt.leeway_secs");
        assert_eq!(refused(|config| config.jwks_url = "http://host.example/jwks".to_owned()), "jwt.jwks_url");
        assert_eq!(refused(|config| config.jwks_file = "/no/such/file".into()), "jwt.jwks_url");
        for algorithms in ["none", "", "HS256,RS256", "HS512", "RS256,HS384", "rs256"] {
            assert_eq!(
                refused(|config| config.algorithms = algorithms.to_owned()),
                "jwt.algorithms",
                "{algorithms}"
            );
        }
    }

    #[test]
    fn a_secret_is_for_hs256_alone_and_long() {
        let secret = |algorithms: &str, secret: &str| {
            let (algorithms, secret) = (algorithms.to_owned(), secret.to_owned());
            move |config: &mut JwtConfig| {
                config.jwks_url.clear();
                (config.algorithms, config.secret) = (algorithms, secret);
            }
        };
        let long = "x".repeat(32);
        assert_eq!(refused(secret("HS256", &long)), "nothing");
        assert_eq!(refused(secret("HS256", &long[1..])), "jwt.secret");
        assert_eq!(refused(secret("RS256", &long)), "jwt.jwks_url");
        assert_eq!(
            refused(|config| config.algorithms = "HS256".to_owned()),
            "jwt.secret",
            "keys cannot be a secret"
        );
    }
}
