//! What an app's dev sandbox may reach: servers by name and port.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Destinations of one app.
pub const MAX_DESTINATIONS: usize = 50;

/// A server that may be spoken to over TLS, as `api.example.com:443`. Never an address: what a name means is decided when
/// a connection is made, and judged then.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EgressDestination {
    host: String,
    port: u16,
}

/// Why a text is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDestination {
    /// No `name:port`.
    #[error("a destination is `name:port`, for example `api.example.com:443`")]
    Form,
    /// Not a DNS name with at least two labels.
    #[error("the host is a full DNS name such as `api.example.com`")]
    Name,
    /// A literal address.
    #[error("the host is a name, never an address")]
    Address,
    /// A pattern.
    #[error("name every host by itself: there are no patterns")]
    Pattern,
}

impl EgressDestination {
    /// The name, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for EgressDestination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with('[') || text.matches(':').count() > 1 {
            return Err(InvalidDestination::Address);
        }
        let (host, port) = text.rsplit_once(':').ok_or(InvalidDestination::Form)?;
        let digits = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0);
        check_host(host)?;
        Ok(Self { host: host.to_ascii_lowercase(), port: port.ok_or(InvalidDestination::Form)? })
    }
}

fn check_host(host: &str) -> Result<(), InvalidDestination> {
    if host.contains('*') {
        return Err(InvalidDestination::Pattern);
    }
    let is_label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let labels: Vec<_> = host.split('.').collect();
    if host.len() > 253 || labels.len() < 2 || !labels.iter().all(|label| is_label(label)) {
        return Err(InvalidDestination::Name);
    }
    // What ends in a number is an address to most resolvers, in whatever base and however many parts (WHATWG URL, "ends in
    // a number"). No top-level domain is one.
    let last = labels.last().copied().unwrap_or_default().to_ascii_lowercase();
    let is_hex = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    match last.bytes().all(|byte| byte.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(is_hex) {
        true => Err(InvalidDestination::Address),
        false => Ok(()),
    }
}

impl TryFrom<String> for EgressDestination {
    type Error = InvalidDestination;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EgressDestination> for String {
    fn from(destination: EgressDestination) -> Self {
        destination.to_string()
    }
}

impl fmt::Display for EgressDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl utoipa::PartialSchema for EgressDestination {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for EgressDestination {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_full_names_with_a_port() {
        let parsed: EgressDestination = "API.Example.com:8443".parse().unwrap();
        assert_eq!((parsed.host(), parsed.port()), ("api.example.com", 8443));
        assert_eq!(parsed.to_string(), "api.example.com:8443");
        use InvalidDestination as E;
        for (text, error) in [
            ("example.com", E::Form),
            ("example.com:", E::Form),
            ("example.com:0", E::Form),
            ("example.com:65536", E::Form),
            ("example.com:+44", E::Form),
            ("localhost:443", E::Name),
            ("example.com.:443", E::Name),
            ("a..b:443", E::Name),
            ("-a.example:443", E::Name),
            ("user@example.com:443", E::Name),
            ("exa mple.com:443", E::Name),
            ("10.0.0.1:443", E::Address),
            ("127.1:443", E::Address),
            ("0x7f.0x1:443", E::Address),
            ("[::1]:443", E::Address),
            ("::1", E::Address),
            ("https://example.com:443", E::Address),
            ("*.example.com:443", E::Pattern),
        ] {
            assert_eq!(text.parse::<EgressDestination>(), Err(error), "{text}");
        }
    }
}
