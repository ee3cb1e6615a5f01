//! Configuration: defaults, then the file, then the environment, then flags; unknown keys are refused.
//!
//! One struct per section, and the struct is its documentation: `vitrine serve --help` and `docs/configuration.md` say
//! the same words.

mod identity;
mod limits;
mod publishing;
mod secrets;
mod sections;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use identity::JwtConfig;
pub(crate) use limits::{LimitsConfig, QuotasConfig};
pub(crate) use publishing::{BackendConfig, HostingConfig, ObjectsConfig, PublishConfig};
pub(crate) use secrets::SecretsConfig;
pub(crate) use sections::parse_origin;
pub(crate) use sections::{
    EgressConfig, InstallConfig, LogConfig, LogFormat, PoolConfig, PreviewConfig, SandboxConfig,
    ServerConfig, SessionsConfig,
};

/// Prefix of every environment variable that sets something.
const ENV_PREFIX: &str = "VITRINE_";

/// Variables that are settings under a shorter name than their section's.
const SHORT_NAMES: [(&str, &str); 5] = [
    ("VITRINE_DATA_DIR", "server.data_dir"),
    ("VITRINE_LISTEN", "server.listen"),
    ("VITRINE_PUBLIC_URL", "server.public_url"),
    ("VITRINE_ADMIN_KEY", "server.admin_key"),
    ("VITRINE_DRIVER", "sandbox.driver"),
];

const SECTIONS: [&str; 16] = [
    "server", "log", "preview", "sandbox", "sessions", "pool", "install", "egress", "publish", "hosting",
    "backend", "objects", "jwt", "secrets", "limits", "quotas",
];

/// Every setting.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// `[server]`
    pub server: ServerConfig,
    /// `[log]`
    pub log: LogConfig,
    /// `[preview]`
    pub preview: PreviewConfig,
    /// `[sandbox]`
    pub sandbox: SandboxConfig,
    /// `[sessions]`
    pub sessions: SessionsConfig,
    /// `[pool]`
    pub pool: PoolConfig,
    /// `[install]`
    pub install: InstallConfig,
    /// `[egress]`
    pub egress: EgressConfig,
    /// `[publish]`
    pub publish: PublishConfig,
    /// `[hosting]`
    pub hosting: HostingConfig,
    /// `[backend]`
    pub backend: BackendConfig,
    /// `[objects]`
    pub objects: ObjectsConfig,
    /// `[jwt]`
    pub jwt: JwtConfig,
    /// `[secrets]`
    pub secrets: SecretsConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[quotas]`
    pub quotas: QuotasConfig,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read, or a value is not of its type, or a key is unknown.
    #[error("configuration: {0}")]
    Invalid(#[from] config::ConfigError),
    /// A value is of its type but makes no sense.
    #[error("configuration: `{key}`: {reason}")]
    Unusable {
        /// The setting.
        key: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl Config {
    /// Loads the settings. `environment` is what [`std::env::vars`] gives; `flags` are `section.name` pairs.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        for (name, value) in environment {
            if let Some(key) = setting_of_variable(&name) {
                builder = builder.set_override(key, value)?;
            }
        }
        for (key, value) in flags {
            builder = builder.set_override(key, value.as_str())?;
        }
        let config: Self = builder.build()?.try_deserialize()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.preview.check()?;
        self.sessions.check()?;
        self.publish.check()?;
        self.hosting.check()?;
        self.objects.check()?;
        self.jwt.settings()?;
        self.secrets.check()?;
        self.egress.check()?;
        self.server.check()
    }

    /// The directory that everything of ours is kept in, absolute.
    pub(crate) fn data_dir(&self) -> PathBuf {
        std::path::absolute(&self.server.data_dir).unwrap_or_else(|_| self.server.data_dir.clone())
    }
}

/// `VITRINE_SESSIONS_IDLE_TIMEOUT_SECS` sets `sessions.idle_timeout_secs`. A variable of a section we do not have is
/// not a setting: a machine may well have others that start with our name.
fn setting_of_variable(name: &str) -> Option<String> {
    if let Some((_, key)) = SHORT_NAMES.iter().find(|(short, _)| *short == name) {
        return Some((*key).to_owned());
    }
    let (section, key) = name.strip_prefix(ENV_PREFIX)?.split_once('_')?;
    let section = section.to_ascii_lowercase();
    SECTIONS.contains(&section.as_str()).then(|| format!("{section}.{}", key.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        file: &str,
        environment: &[(&str, &str)],
        flags: &[(&str, String)],
    ) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vitrine.toml");
        std::fs::write(&path, file).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(Some(&path), environment, flags)
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file() {
        let file = "[sessions]\nidle_timeout_secs = 10\nexpiry_secs = 30\n[server]\nlisten = \"127.0.0.1:1\"";
        let environment = [("VITRINE_SESSIONS_IDLE_TIMEOUT_SECS", "20"), ("VITRINE_LISTEN", "127.0.0.1:2")];
        let flags = [("server.listen", "127.0.0.1:3".to_owned())];
        let config = load(file, &environment, &flags).unwrap();
        assert_eq!(config.sessions.expiry_secs, 30);
        assert_eq!(config.sessions.idle_timeout_secs, 20);
        assert_eq!(config.server.listen.port(), 3);
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for file in ["[sessions]\nidle_timeuot_secs = 10", "[sesions]\nx = 1", "top = 1"] {
            let error = load(file, &[], &[]).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{error}");
        }
        assert!(load("", &[("VITRINE_SESSIONS_IDLE", "1")], &[]).is_err());
        assert!(load("", &[("VITRINE_SOMETHING_ELSE", "1")], &[]).is_ok());
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        assert!(
            load("[preview]\nhost_suffix = \"localhost\"", &[], &[]).is_err(),
            "previews on the builder's host"
        );
        assert!(load("[server]\npublic_url = \"ftp://x\"", &[], &[]).is_err());
        assert!(load("[sessions]\nidle_timeout_secs = 0", &[], &[]).is_err());
    }

    #[test]
    fn every_section_can_be_set_by_the_environment() {
        let settings = toml::Table::try_from(Config::default()).unwrap();
        for section in settings.keys() {
            assert!(SECTIONS.contains(&section.as_str()), "VITRINE_{} sets nothing", section.to_uppercase());
        }
        assert_eq!(load("", &[("VITRINE_POOL_CEILING", "0")], &[]).unwrap().pool.ceiling, 0);
    }

    #[test]
    fn the_documentation_names_every_setting() {
        let documentation = include_str!("../../../../docs/configuration.md");
        let settings = toml::Table::try_from(Config::default()).unwrap();
        for (section, values) in &settings {
            for name in values.as_table().unwrap().keys() {
                assert!(
                    documentation.contains(&format!("`{section}.{name}`")),
                    "{section}.{name} is not documented"
                );
            }
        }
    }
}
