//! The sections of the configuration, one documented struct each.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::Uri;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use vitrine_sandbox::local::HostIds;

use super::ConfigError;

/// Characters of a key that an operator makes up: not to be guessed at the pace that the limits leave.
const LEAST_KEY_CHARS: usize = 16;

/// `[server]`: where it listens, where it keeps things.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerConfig {
    /// Everything Vitrine keeps: database, blobs, layers, keys.
    pub data_dir: PathBuf,
    /// The address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where browsers reach the builder, for example `https://vitrine.example.com`. Empty: from the listen address.
    pub public_url: String,
    /// API key of the default tenant's owner. Empty: one is made at the first start and kept in
    /// `{data_dir}/admin-key`.
    pub admin_key: String,
    /// A key that opens `/metrics` and nothing else. Empty: only the admin key does.
    pub metrics_key: String,
    /// How long running requests may go on after `SIGTERM`.
    pub drain_secs: u64,
    /// Addresses or ranges of proxies whose `X-Forwarded-For` is believed, comma separated. Empty: nobody's.
    pub trusted_proxies: String,
    /// Connections at once; fewer where the system's limit on open files leaves no room for them.
    pub max_connections: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 4400)),
            public_url: String::new(),
            admin_key: String::new(),
            metrics_key: String::new(),
            drain_secs: 5,
            trusted_proxies: String::new(),
            // Some hundred MiB of buffers when all of them are busy.
            max_connections: 10_000,
        }
    }
}

impl ServerConfig {
    /// The proxies whose `X-Forwarded-For` is believed.
    pub(crate) fn proxies(&self) -> Result<Vec<IpNet>, ConfigError> {
        super::identity::ranges("server.trusted_proxies", &self.trusted_proxies)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.proxies()?;
        if !self.public_url.is_empty() {
            parse_origin(&self.public_url)
                .map_err(|reason| ConfigError::Unusable { key: "server.public_url", reason })?;
        }
        let keys = [("server.admin_key", &self.admin_key), ("server.metrics_key", &self.metrics_key)];
        for (key, value) in keys {
            if !value.is_empty() && value.len() < LEAST_KEY_CHARS {
                let reason = format!("a key has at least {LEAST_KEY_CHARS} characters");
                return Err(ConfigError::Unusable { key, reason });
            }
        }
        Ok(())
    }
}

/// Parses `scheme://host[:port]`; what else a URL can have makes no origin.
pub(crate) fn parse_origin(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|_| "not a URL".to_owned())?;
    match (uri.scheme_str(), uri.host(), uri.path()) {
        (Some("http" | "https"), Some(_), "" | "/") if uri.query().is_none() => Ok(uri),
        _ => Err("give an origin such as https://vitrine.example.com".to_owned()),
    }
}

/// `[log]`: what is logged and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// `human` or `json`.
    pub format: LogFormat,
    /// A filter such as `info` or `vitrine=debug,info`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Human, filter: "info".to_owned() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// `[preview]`: the origins of sessions and the gateway in front of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PreviewConfig {
    /// A session's host is `{session}.{host_suffix}`; needs a wildcard DNS name outside of `localhost`.
    pub host_suffix: String,
    /// How long a preview link can be opened.
    pub token_secs: u64,
    /// How long the dev server may take until the head of its answer.
    pub response_timeout_secs: u64,
    /// The largest request body that is passed on.
    pub max_request_bytes: u64,
    /// The longest that a preview link may be open.
    pub link_max_secs: u64,
    /// Requests to one preview at once; more are told to come again.
    pub max_requests: usize,
    /// Puts a script into the pages of previews that tells the builder what happens in them.
    pub bridge: bool,
    /// Pages of these origins, separated by commas, may show previews in a frame and hear what happens in them, besides the
    /// builder's own.
    pub bridge_origins: String,
}

impl Default for PreviewConfig {
    fn default() -> Self {
        Self {
            host_suffix: "preview.localhost".to_owned(),
            token_secs: 120,
            response_timeout_secs: 30,
            max_request_bytes: 100 * 1024 * 1024,
            link_max_secs: 90 * 24 * 3_600,
            max_requests: 512,
            bridge: true,
            bridge_origins: String::new(),
        }
    }
}

impl PreviewConfig {
    /// The origins besides the builder's own that may show previews and hear what happens in them.
    pub(crate) fn bridge_origins(&self) -> Vec<String> {
        let origins = self.bridge_origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.map(str::to_owned).collect()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_requests == 0 {
            let reason = "give at least 1".to_owned();
            return Err(ConfigError::Unusable { key: "preview.max_requests", reason });
        }
        check_suffix("preview.host_suffix", &self.host_suffix)
    }
}

/// A host that carries the names of sessions or apps.
pub(super) fn check_suffix(key: &'static str, suffix: &str) -> Result<(), ConfigError> {
    let labels = suffix.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    if labels && suffix.contains('.') {
        return Ok(());
    }
    let reason = "give a host of at least two lower-case labels, for example preview.example.com: \
                  previews and apps need hosts that nothing else is served from";
    Err(ConfigError::Unusable { key, reason: reason.to_owned() })
}

/// `[sandbox]`: what isolates projects and what each may use.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SandboxConfig {
    /// `local` (Linux namespaces), or `process` (no isolation; loopback only).
    pub driver: String,
    /// A root file system directory for sandboxes. Empty: one is made from the host's C library and a shell.
    pub root_dir: String,
    /// Memory of a Vite, static or custom session.
    pub memory_mib: u64,
    /// Memory of an Astro session.
    pub astro_memory_mib: u64,
    /// The most a session's memory grows to. A session that was killed for memory starts anew with twice as much, up to
    /// this: most projects need little, and a few need a lot while their dependencies are bundled.
    pub memory_max_mib: u64,
    /// CPU of a session at most, in thousandths of a core. The default lets a cold start use two cores; a session that
    /// uses the processor for long gives way to others.
    pub cpu_millis: u32,
    /// Processes and threads of a session.
    pub pids: u32,
    /// Files of a session: project, caches and scratch. They are in memory and count there too.
    pub disk_mib: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// Memory of the machine that is kept for everything but sandboxes: what nobody uses is taken down, and then starts are
    /// refused, before less is available. 0: a tenth.
    pub memory_reserve_mib: u64,
    /// Sandboxes that start at the same time; the others wait their turn. 0: twice the number of cores.
    pub starts_at_once: usize,
    /// The first of the host's user and group ids that sandboxes become, one each, when the server is root. Nobody else on
    /// the host may be any of them, nor hand them on (`/etc/subuid`).
    pub host_id_first: u32,
    /// How many such ids there are, and so how many sandboxes can run at once.
    pub host_ids: u32,
    /// Programs that makers may run in their own sandbox by the API, comma separated; `*`: all of them; empty: none. No wall:
    /// whoever may edit a project decides what its dev server runs.
    pub exec_allow: String,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            driver: "local".to_owned(),
            root_dir: String::new(),
            memory_mib: 512,
            astro_memory_mib: 1024,
            memory_max_mib: 2_048,
            cpu_millis: 2_000,
            pids: 256,
            disk_mib: 1024,
            open_files: 8_192,
            memory_reserve_mib: 0,
            starts_at_once: 0,
            host_id_first: HostIds::default().first,
            host_ids: HostIds::default().count,
            exec_allow: "*".to_owned(),
        }
    }
}

/// `[sessions]`: how long they live and how they are brought back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SessionsConfig {
    /// A session ends this long after its last heartbeat or use.
    pub expiry_secs: u64,
    /// Its sandbox stands still after this long without use, and goes on when it is used again; 0: never.
    pub freeze_after_secs: u64,
    /// Its sandbox is taken down after this long without use; heartbeats are not use.
    pub idle_timeout_secs: u64,
    /// How often deadlines are looked at.
    pub sweep_secs: u64,
    /// How long a dev server may take until it answers.
    pub ready_timeout_secs: u64,
    /// How often a dev server or sandbox is brought back in a row before the session is an error.
    pub max_restarts: u32,
    /// What visitors by link do keeps a session awake, and wakes it, for this long after they opened the link.
    pub link_use_secs: u64,
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            expiry_secs: 7_200,
            freeze_after_secs: 120,
            idle_timeout_secs: 1_800,
            sweep_secs: 5,
            ready_timeout_secs: 90,
            max_restarts: 5,
            link_use_secs: 4 * 3_600,
        }
    }
}

impl SessionsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let at_least_one = [
            ("sessions.expiry_secs", self.expiry_secs),
            ("sessions.idle_timeout_secs", self.idle_timeout_secs),
            ("sessions.sweep_secs", self.sweep_secs),
            ("sessions.ready_timeout_secs", self.ready_timeout_secs),
        ];
        match at_least_one.into_iter().find(|(_, secs)| *secs == 0) {
            Some((key, _)) => Err(ConfigError::Unusable { key, reason: "give at least 1".to_owned() }),
            None => Ok(()),
        }
    }
}

/// `[pool]`: dev servers started ahead, for apps of a template.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoolConfig {
    /// At least so many are kept of each template that somebody asked for lately.
    pub floor: usize,
    /// At most so many of each. 0: none at all.
    pub ceiling: usize,
    /// How long one is kept after somebody asked for its like.
    pub keep_secs: u64,
    /// Their memory together.
    pub memory_mib: u64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { floor: 1, ceiling: 4, keep_secs: 1_800, memory_mib: 1_024 }
    }
}

/// `[install]`: where packages come from and how much is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct InstallConfig {
    /// The npm registry. Empty: what the host's npm is configured with.
    pub registry: String,
    /// A file with the certificate authorities to trust. Empty: what the host's npm and system trust.
    pub ca_bundle: String,
    /// Where toolchains and layers are kept. Empty: `layers` in the data directory.
    pub layers_dir: String,
    /// Layers are collected, least recently used first, when they are larger than this together.
    pub layers_budget_mib: u64,
    /// Makes the layers and pre-bundles of the templates when the server starts, so that the first app does not wait.
    pub warm_templates: bool,
    /// How long an installation may take.
    pub timeout_secs: u64,
    /// Memory of an installation.
    pub memory_mib: u64,
}

impl Default for InstallConfig {
    fn default() -> Self {
        Self {
            registry: String::new(),
            ca_bundle: String::new(),
            layers_dir: String::new(),
            layers_budget_mib: 10 * 1024,
            warm_templates: true,
            timeout_secs: 600,
            memory_mib: 3 * 1024,
        }
    }
}

/// `[egress]`: what sandboxes may reach through Vitrine's proxy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EgressConfig {
    /// What dev sandboxes may reach: `listed`, what the app's owner lists, or `off`, nothing.
    pub dev: String,
    /// The names that owners may list, comma separated; `*.example.com` stands for all names beneath. Empty: any.
    pub dev_allow: String,
    /// Names that owners may not list, in the same form; wins over the list of those they may.
    pub dev_deny: String,
    /// Private or reserved address ranges that may be connected to all the same, comma separated: for a company's
    /// mirror or an inspecting gateway, for example `203.0.113.0/24`.
    pub allow_cidrs: String,
}

impl Default for EgressConfig {
    fn default() -> Self {
        let none = String::new;
        Self { dev: "listed".to_owned(), dev_allow: none(), dev_deny: none(), allow_cidrs: none() }
    }
}

impl EgressConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.dev.as_str() {
            "listed" | "off" => Ok(()),
            other => {
                let reason = format!("there is no `{other}`; there are `listed` and `off`");
                Err(ConfigError::Unusable { key: "egress.dev", reason })
            }
        }
    }

    /// The ranges.
    pub(crate) fn allowed_ranges(&self) -> Result<Vec<IpNet>, ConfigError> {
        let parts = self.allow_cidrs.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let reason = format!("`{part}` is not an address range such as 10.0.0.0/8");
                part.parse().map_err(|_| ConfigError::Unusable { key: "egress.allow_cidrs", reason })
            })
            .collect()
    }
}
