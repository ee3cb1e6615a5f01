//! The section about secrets.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// `[secrets]`: where the master keys are that secrets are sealed under.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecretsConfig {
    /// A file with master keys, one to a line, the one to use first. Empty: `master-key` in the data directory, made at the
    /// first start.
    pub master_key_file: String,
    /// The master keys themselves, comma separated; meant for the environment.
    pub master_key: String,
    /// A shell command that prints the master keys.
    pub master_key_command: String,
}

impl SecretsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let named = [&self.master_key_file, &self.master_key, &self.master_key_command];
        match named.into_iter().filter(|text| !text.is_empty()).count() {
            0 | 1 => Ok(()),
            _ => Err(ConfigError::Unusable {
                key: "secrets.master_key",
                reason: "give the keys in one way only: a file, the keys, or a command".to_owned(),
            }),
        }
    }
}

/// Without the keys.
impl std::fmt::Debug for SecretsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsConfig")
            .field("master_key_file", &self.master_key_file)
            .finish_non_exhaustive()
    }
}
