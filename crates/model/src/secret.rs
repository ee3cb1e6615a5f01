//! Secrets and variables of an app: their names, where they apply, who is given them, and a value that nothing prints.

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use crate::time::Timestamp;

/// Characters of a name: more than any tool asks for.
pub const MAX_NAME_CHARS: usize = 128;

/// Bytes of one value. Keys, certificates and service accounts have a few thousand; the kernel takes 128 KiB.
pub const MAX_VALUE_BYTES: usize = 16 * 1024;

/// Secrets, and variables, of one environment of an app.
pub const MAX_PER_ENVIRONMENT: usize = 100;

/// Bytes of all secrets, and of all variables, of one environment: a process gets them all at once, in one message of the
/// guest's protocol.
pub const MAX_TOTAL_BYTES: usize = 128 * 1024;

/// Values shorter than this are not hidden in logs: they are found everywhere by chance.
pub const MIN_HIDDEN_BYTES: usize = 6;

/// Values shorter than this do not keep a build from being published, for the same reason.
pub const MIN_GUARDED_BYTES: usize = 8;

/// Which life of an app a value is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// The draft's dev server.
    Development,
    /// Static previews of a draft.
    Preview,
    /// What strangers see.
    #[default]
    Production,
}

impl Environment {
    /// The name in URLs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Preview => "preview",
            Self::Production => "production",
        }
    }
}

/// Who is given a value.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SecretTarget {
    /// The dev server, when it starts.
    Dev,
    /// The build command, and it alone: no installation, no check.
    Build,
}

/// Prefixes of names that bundlers copy into what browsers get: Vite's, SvelteKit's and Astro's, Expo's, Next.js's, Create
/// React App's.
const PUBLIC_PREFIXES: [&str; 6] =
    ["VITE_", "PUBLIC_", "EXPO_PUBLIC_", "NEXT_PUBLIC_", "REACT_APP_", "NUXT_PUBLIC_"];

/// Names that Vitrine sets itself, or that decide what a program loads before it reads a line of its own.
const RESERVED: [&str; 33] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TMP",
    "TEMP",
    "PWD",
    "OLDPWD",
    "SHELL",
    "USER",
    "LOGNAME",
    "IFS",
    "ENV",
    "BASH_ENV",
    "PORT",
    "HOST",
    "HOSTNAME",
    "CI",
    "TZ",
    "LANG",
    "BROWSER",
    "NO_COLOR",
    "FORCE_COLOR",
    "SOURCE_DATE_EPOCH",
    "DO_NOT_TRACK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OPENSSL_CONF",
    "ASTRO_TELEMETRY_DISABLED",
    "NEXT_TELEMETRY_DISABLED",
];

/// Beginnings of such names.
const RESERVED_PREFIXES: [&str; 9] =
    ["NODE_", "NPM_", "PNPM_", "LD_", "LC_", "VITRINE_", "GLIBC_", "MALLOC_", "__"];

/// The name of a secret or of a variable: `[A-Z_][A-Z0-9_]*`, and none that Vitrine or the system needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnvName(String);

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnvName {
    /// Not `[A-Z_][A-Z0-9_]*`, or too long.
    #[error("a name is a capital letter or `_`, then capital letters, digits and `_`, at most 128 of them")]
    Malformed,
    /// Set by Vitrine, or read by the system.
    #[error("this name is set by Vitrine or read by the system before the app is; choose another one")]
    Reserved,
    /// A bundler copies such names into what browsers get.
    #[error(
        "bundlers copy every name that begins with `{0}` into the files that browsers download, so it cannot be kept \
         secret; store it as a variable if anybody may read it, or rename it"
    )]
    Public(&'static str),
}

impl EnvName {
    /// The name of a variable.
    pub fn of_variable(text: &str) -> Result<Self, InvalidEnvName> {
        let mut bytes = text.bytes();
        let begins = bytes.next().is_some_and(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let goes_on = bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if !begins || !goes_on || text.len() > MAX_NAME_CHARS {
            return Err(InvalidEnvName::Malformed);
        }
        if RESERVED.contains(&text) || RESERVED_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            return Err(InvalidEnvName::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name of a secret: none that a bundler publishes.
    pub fn of_secret(text: &str) -> Result<Self, InvalidEnvName> {
        let name = Self::of_variable(text)?;
        match PUBLIC_PREFIXES.into_iter().find(|prefix| text.starts_with(prefix)) {
            Some(prefix) => Err(InvalidEnvName::Public(prefix)),
            None => Ok(name),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for EnvName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value that is not to be seen: it has no `Debug`, no `Display` and no `Serialize`, and its bytes are overwritten when
/// it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<String>);

/// Why a value is refused. Says nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretValue {
    /// Nothing.
    #[error("the value is empty")]
    Empty,
    /// Over [`MAX_VALUE_BYTES`].
    #[error("the value has more than {MAX_VALUE_BYTES} bytes")]
    TooLong,
    /// A control character that no environment carries whole.
    #[error("the value has a control character other than tab and line end")]
    Control,
}

impl SecretValue {
    /// Takes a value over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it can be kept and given to a process.
    pub fn check(&self) -> Result<(), InvalidSecretValue> {
        let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        match &**self.0 {
            "" => Err(InvalidSecretValue::Empty),
            text if text.len() > MAX_VALUE_BYTES => Err(InvalidSecretValue::TooLong),
            text if text.chars().any(is_control) => Err(InvalidSecretValue::Control),
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl utoipa::PartialSchema for SecretValue {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for SecretValue {}

/// A secret as the API shows it: everything but its value, which never comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// Who is given it; nobody when empty.
    pub targets: Vec<SecretTarget>,
    /// Grows by one each time it is set.
    pub version: u64,
    /// Equal for equal values of this tenant, and worthless to anybody else: 16 hexadecimal digits, made with a key.
    pub fingerprint: String,
    /// When it was set last.
    pub updated_at: Timestamp,
}

/// A variable: as a secret, but anybody who may read the app may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VariableView {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Who is given it; nobody when empty.
    pub targets: Vec<SecretTarget>,
    /// Grows by one each time it is set.
    pub version: u64,
    /// When it was set last.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_environment_variables_that_nobody_else_needs() {
        for good in ["API_KEY", "_X", "A1", "DATABASE_URL", "PATHS", "PORTAL"] {
            assert!(EnvName::of_secret(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "1A", "A-B", "A B", "Ä", "A\n", &"A".repeat(MAX_NAME_CHARS + 1)] {
            assert_eq!(EnvName::of_variable(bad), Err(InvalidEnvName::Malformed), "{bad:?}");
        }
        for reserved in
            ["PATH", "NODE_OPTIONS", "NPM_TOKEN", "LD_PRELOAD", "VITRINE_X", "PORT", "HTTPS_PROXY"]
        {
            assert_eq!(EnvName::of_variable(reserved), Err(InvalidEnvName::Reserved), "{reserved}");
        }
        // Lower case is refused as malformed, which takes `npm_config_…` and `http_proxy` with it.
        assert!(EnvName::of_variable("npm_config_registry").is_err());
    }

    #[test]
    fn what_ends_in_the_browser_is_no_secret_and_a_variable_all_the_same() {
        for name in ["VITE_KEY", "PUBLIC_KEY", "EXPO_PUBLIC_KEY", "NEXT_PUBLIC_KEY"] {
            let refused = EnvName::of_secret(name).unwrap_err();
            assert!(refused.to_string().contains("store it as a variable"), "{refused}");
            assert!(EnvName::of_variable(name).is_ok());
        }
    }

    #[test]
    fn values_that_no_process_can_be_given_are_refused() {
        let check = |text: &str| SecretValue::new(text.to_owned()).check();
        assert_eq!(check("line\nline\ttab"), Ok(()));
        assert_eq!(check(&"x".repeat(MAX_VALUE_BYTES)), Ok(()));
        assert_eq!(check(&"x".repeat(MAX_VALUE_BYTES + 1)), Err(InvalidSecretValue::TooLong));
        assert_eq!(check(""), Err(InvalidSecretValue::Empty));
        assert_eq!(check("a\0b"), Err(InvalidSecretValue::Control));
    }
}
