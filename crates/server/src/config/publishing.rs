//! The sections about publishing, hosting and what both are kept in.

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::sections::check_suffix;

/// `[publish]`: how apps are built.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PublishConfig {
    /// Builds at once on this machine. 0: half of its cores, at least one, so that previews and hosting keep the rest.
    pub workers: u32,
    /// Memory of a Vite or custom build.
    pub memory_mib: u64,
    /// Memory of an Astro build.
    pub astro_memory_mib: u64,
    /// A build that was killed for memory is tried once more with twice as much, up to this.
    pub memory_max_mib: u64,
    /// CPU of a build in thousandths of a core; where there is too little, sessions get five times the share of a build.
    pub cpu_millis: u32,
    /// Processes and threads of a build.
    pub pids: u32,
    /// Files of a build: project, caches, output. They are in memory and count there too.
    pub disk_mib: u64,
    /// How long the build command may run.
    pub build_timeout_secs: u64,
    /// How long a publish may take from being asked for to its end, waiting included.
    pub deadline_secs: u64,
    /// How often a publish is begun when its worker is lost.
    pub attempts: u32,
    /// A worker that has not been heard of for this long is lost.
    pub lease_secs: u64,
    /// `open`, `strict` or `custom`: which dependencies a published app may have, where its tenant says nothing else.
    pub policy: String,
    /// A TOML file with the lists of `custom`, or with another catalogue for `strict`.
    pub policy_file: String,
    /// With `open`: how old the version of a direct dependency must be, so that a hijacked one has been found out.
    pub min_package_age_hours: u64,
    /// Builds the templates when the server starts, so that the first publish of an untouched app builds nothing.
    pub prebuild_templates: bool,
}

impl Default for PublishConfig {
    fn default() -> Self {
        Self {
            workers: 0,
            memory_mib: 1_024,
            astro_memory_mib: 1_536,
            memory_max_mib: 4_096,
            cpu_millis: 2_000,
            pids: 512,
            disk_mib: 2_048,
            build_timeout_secs: 600,
            deadline_secs: 3_600,
            attempts: 3,
            lease_secs: 30,
            policy: "open".to_owned(),
            policy_file: String::new(),
            min_package_age_hours: 24,
            prebuild_templates: true,
        }
    }
}

impl PublishConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let at_least_one = [
            ("publish.build_timeout_secs", self.build_timeout_secs),
            ("publish.deadline_secs", self.deadline_secs),
            ("publish.attempts", u64::from(self.attempts)),
            ("publish.lease_secs", self.lease_secs),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Unusable { key, reason: "give at least 1".to_owned() });
        }
        let unusable = |key, reason: String| Err(ConfigError::Unusable { key, reason });
        match (self.policy.as_str(), self.policy_file.is_empty()) {
            ("open", true) | ("strict", _) | ("custom", false) => Ok(()),
            ("open", false) => {
                unusable("publish.policy_file", "`open` has no lists; leave it empty".to_owned())
            }
            ("custom", true) => {
                unusable("publish.policy_file", "`custom` needs the file with its lists".to_owned())
            }
            (other, _) => {
                let reason = format!("there is no policy `{other}`; there are `open`, `strict` and `custom`");
                unusable("publish.policy", reason)
            }
        }
    }

    /// Builds at once.
    pub(crate) fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
            workers => workers as usize,
        }
    }
}

/// `[hosting]`: where published apps are and how they are served.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HostingConfig {
    /// An app's host is `{slug}.{apps_host}`, an artifact's `{artifact}--{slug}.{apps_host}`; needs a wildcard DNS name
    /// outside of `localhost`.
    pub apps_host: String,
    /// The CDN-style host of an app is `{slug}.{cdn_host}`.
    pub cdn_host: String,
    /// Memory for the files that are asked for most.
    pub cache_mib: u64,
    /// How long the files of a replaced release stay reachable from the app's origin, for tabs that are open still.
    pub grace_hours: u64,
    /// How often is looked whether another server has switched a release.
    pub refresh_secs: u64,
}

impl Default for HostingConfig {
    fn default() -> Self {
        Self {
            apps_host: "apps.localhost".to_owned(),
            cdn_host: "cdn.localhost".to_owned(),
            cache_mib: 64,
            grace_hours: 24,
            refresh_secs: 10,
        }
    }
}

impl HostingConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_suffix("hosting.apps_host", &self.apps_host)?;
        check_suffix("hosting.cdn_host", &self.cdn_host)?;
        match self.refresh_secs {
            0 => Err(ConfigError::Unusable {
                key: "hosting.refresh_secs",
                reason: "give at least 1".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// `[backend]`: the back end that published apps share, reached by `path` on every app's own origin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BackendConfig {
    /// Where it is, for example `http://127.0.0.1:8000`. Empty: there is none, and calls are answered with a problem.
    pub upstream: String,
    /// What addresses lead to it.
    pub path: String,
    /// How long it may take until the head of an answer.
    pub response_timeout_secs: u64,
    /// The largest request body that is passed on.
    pub max_request_bytes: u64,
}

impl Default for BackendConfig {
    fn default() -> Self {
        Self {
            upstream: String::new(),
            path: "/api/py".to_owned(),
            response_timeout_secs: 60,
            max_request_bytes: 25 * 1024 * 1024,
        }
    }
}

/// `[objects]`: where large content and the files of artifacts are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ObjectsConfig {
    /// `local` (a directory in the data directory), `s3`, `azure` or `gcs`.
    pub kind: String,
    /// The bucket, or Azure's container.
    pub bucket: String,
    /// Put in front of every key.
    pub prefix: String,
    /// S3: the region.
    pub region: String,
    /// S3: the address of a compatible server; empty means the provider's own. Azure: of an emulator or private cloud.
    pub endpoint: String,
    /// S3: the access key. Azure: the account. Empty: from the environment, as the provider's tools do.
    pub access_key: String,
    /// S3: the secret key. Azure: the account's key. Never logged.
    pub secret_key: String,
    /// GCS: a file with the service account's key.
    pub service_account: String,
    /// Whether an `http://` endpoint is allowed.
    pub allow_http: bool,
    /// S3: `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`.
    pub path_style: bool,
    /// How long content of drafts is kept that nothing names any more. Backups count on it, and so do exports that take long.
    pub keep_unneeded_secs: u64,
}

impl Default for ObjectsConfig {
    fn default() -> Self {
        Self {
            kind: "local".to_owned(),
            bucket: String::new(),
            prefix: String::new(),
            region: "us-east-1".to_owned(),
            endpoint: String::new(),
            access_key: String::new(),
            secret_key: String::new(),
            service_account: String::new(),
            allow_http: false,
            path_style: true,
            keep_unneeded_secs: 24 * 3_600,
        }
    }
}

impl ObjectsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.kind.as_str() {
            "local" => Ok(()),
            "s3" | "azure" | "gcs" if self.bucket.is_empty() => Err(ConfigError::Unusable {
                key: "objects.bucket",
                reason: format!("`{}` needs a bucket or container", self.kind),
            }),
            "s3" | "azure" | "gcs" => Ok(()),
            other => Err(ConfigError::Unusable {
                key: "objects.kind",
                reason: format!("there is no kind `{other}`; there are `local`, `s3`, `azure` and `gcs`"),
            }),
        }
    }
}
