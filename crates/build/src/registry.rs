//! Where packages come from: the registry and the certificate authorities, as the operator's npm knows them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use http::Uri;

/// The registry and whom to trust when talking to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Its base URL, with a trailing slash.
    pub url: String,
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// True for `http:`; only sensible on a network of one's own.
    pub plain_http: bool,
    /// A PEM file with the certificate authorities to trust besides those Node.js brings.
    pub ca_bundle: Option<PathBuf>,
}

/// Why it is not known where packages come from.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The host's npm could not be asked.
    #[error("npm is needed on the host to find out the registry, and could not be started: {0}")]
    NpmMissing(std::io::Error),
    /// npm failed; its own words.
    #[error("npm does not tell its registry: {0}")]
    NpmFailed(String),
    /// Not an `http:` or `https:` URL with a host.
    #[error("`{0}` is not the URL of a registry")]
    InvalidUrl(String),
    /// The certificate bundle cannot be read.
    #[error("the certificate bundle `{path}` cannot be read: {reason}")]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
}

/// Where systems keep their certificate authorities in one file.
const SYSTEM_BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// What npm needs from the server's environment, and nothing else of it.
const PASSED_ON: [&str; 15] = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "NODE_EXTRA_CA_CERTS",
    "NODE_USE_SYSTEM_CA",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The environment of the host's npm: the operator's configuration, without the server's secrets.
pub(crate) fn host_npm_env() -> Vec<(String, String)> {
    let is_config = |name: &str| name.to_ascii_lowercase().starts_with("npm_config_");
    std::env::vars().filter(|(name, _)| PASSED_ON.contains(&name.as_str()) || is_config(name)).collect()
}

impl RegistrySettings {
    /// From the given settings; what is empty comes from the host's npm, environment and system, in this order.
    pub async fn resolve(registry: &str, ca_bundle: &str) -> Result<Self, RegistryError> {
        let host = match (registry.is_empty(), ca_bundle.is_empty()) {
            (false, false) => HostNpm::default(),
            (true, _) => ask_npm(Path::new("npm")).await?,
            // Only its certificates are wanted, and there may be none.
            (false, true) => ask_npm(Path::new("npm")).await.unwrap_or_default(),
        };
        let url = if registry.is_empty() { &host.registry } else { registry };
        let mut settings = Self::parse(url)?;
        let cafile = host.cafile;
        settings.ca_bundle = find_bundle(ca_bundle, cafile)?;
        Ok(settings)
    }

    /// From a URL alone, with the authorities that Node.js brings.
    pub fn parse(url: &str) -> Result<Self, RegistryError> {
        let invalid = || RegistryError::InvalidUrl(url.to_owned());
        let uri: Uri = url.trim().parse().map_err(|_| invalid())?;
        let plain_http = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => return Err(invalid()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(invalid)?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if plain_http { 80 } else { 443 });
        // Credentials in the URL would reach every sandbox.
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || uri.query().is_some()
        {
            return Err(invalid());
        }
        let url = format!("{}/", url.trim().trim_end_matches('/'));
        Ok(Self { url, host, port, plain_http, ca_bundle: None })
    }
}

#[derive(Debug, Default)]
struct HostNpm {
    registry: String,
    cafile: Option<PathBuf>,
}

/// Asks in `/`, where no project's configuration lies.
async fn ask_npm(npm: &Path) -> Result<HostNpm, RegistryError> {
    let output = tokio::process::Command::new(npm)
        .args(["config", "get", "registry", "cafile", "--loglevel=error"])
        .current_dir("/")
        .env_clear()
        .envs(host_npm_env())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(RegistryError::NpmMissing)?;
    if !output.status.success() {
        return Err(RegistryError::NpmFailed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.trim().to_owned())
            .filter(|value| !value.is_empty() && value != "null" && value != "undefined")
    };
    let registry = value("registry").ok_or_else(|| RegistryError::NpmFailed(text.trim().to_owned()))?;
    Ok(HostNpm { registry, cafile: value("cafile").map(PathBuf::from) })
}

/// A named bundle must be readable; the host's own are taken as far as they are.
fn find_bundle(named: &str, cafile: Option<PathBuf>) -> Result<Option<PathBuf>, RegistryError> {
    if !named.is_empty() {
        let path = PathBuf::from(named);
        std::fs::File::open(&path)
            .map_err(|reason| RegistryError::CaBundle { path: path.clone(), reason })?;
        return Ok(Some(path));
    }
    let from_env =
        ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let mut candidates = cafile.into_iter().chain(from_env).chain(SYSTEM_BUNDLES.map(PathBuf::from));
    Ok(candidates.find(|path| std::fs::File::open(path).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_url_is_taken_apart() {
        let settings = RegistrySettings::parse("https://Registry.Example.com/npm").unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("registry.example.com", 443));
        assert_eq!(settings.url, "https://Registry.Example.com/npm/");
        assert!(RegistrySettings::parse("http://mirror.internal:4873/").unwrap().plain_http);
    }

    #[test]
    fn what_is_no_registry_or_carries_credentials_is_refused() {
        for url in ["", "registry.example.com", "ftp://x/", "https://user:secret@x/", "https:///x"] {
            assert!(matches!(RegistrySettings::parse(url), Err(RegistryError::InvalidUrl(_))), "{url}");
        }
    }
}
