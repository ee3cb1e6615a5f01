//! Which running server a command asks, and as whom.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::ConfigArgs;
use crate::Failure;
use crate::config::Config;

/// Bytes of a file with a key: more is some other file.
const MOST_KEY_BYTES: u64 = 4_096;

/// Which running server to ask, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Where the server is [default: where the one on this machine listens].
    #[arg(long, visible_alias = "url", value_name = "URL", env = "VITRINE_URL")]
    pub(crate) server: Option<String>,
    /// A file with the API key; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The API key itself. Others on this machine can see what is typed here: VITRINE_API_KEY or --key-file are better
    /// [default: the admin key in the data directory of the server on this machine].
    #[arg(long, value_name = "KEY", env = "VITRINE_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    local: LocalArgs,
}

/// Where the server on this machine has its things; only looked at where nothing above says otherwise.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server on this machine")]
struct LocalArgs {
    /// Its configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "VITRINE_CONFIG", hide_short_help = true)]
    config: Option<PathBuf>,
    /// Its data directory [default: ./data].
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    data_dir: Option<PathBuf>,
    /// Where it listens [default: 127.0.0.1:4400].
    #[arg(long, value_name = "ADDR:PORT", hide_short_help = true)]
    listen: Option<SocketAddr>,
}

impl ServerArgs {
    /// The configuration to go by.
    pub(crate) fn config(&self) -> ConfigArgs {
        let LocalArgs { config, data_dir, listen } = &self.local;
        let (config, data_dir) = (config.clone(), data_dir.clone());
        ConfigArgs { config, data_dir, listen: *listen, ..ConfigArgs::default() }
    }

    /// The key: the one that was given, or the admin key of the server on this machine.
    pub(crate) fn key(&self, config: &Config) -> Result<String, Failure> {
        // A file that is named beats a key that the environment happens to have.
        let key = match (&self.key_file, &self.key, config.server.admin_key.as_str()) {
            (Some(file), _, _) => read_key(file).map_err(|error| {
                Failure::unusable(format!("the key cannot be read from {}: {error}", file.display()))
            })?,
            (None, Some(key), _) => key.clone(),
            (None, None, "") => kept_key(config)?,
            (None, None, key) => key.to_owned(),
        };
        match key.trim() {
            "" => Err(Failure::unusable("the API key is empty")),
            key if key.contains(|c: char| !c.is_ascii_graphic()) => {
                Err(Failure::unusable("the API key has characters that no key has"))
            }
            key => Ok(key.to_owned()),
        }
    }
}

fn read_key(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    match file.to_str() {
        Some("-") => std::io::stdin().take(MOST_KEY_BYTES).read_to_string(&mut text)?,
        _ => std::fs::File::open(file)?.take(MOST_KEY_BYTES).read_to_string(&mut text)?,
    };
    Ok(text)
}

fn kept_key(config: &Config) -> Result<String, Failure> {
    let path = config.data_dir().join("admin-key");
    std::fs::read_to_string(&path).map_err(|error| {
        let ways = "set VITRINE_API_KEY or give --key-file";
        Failure::unusable(format!("{ways}: there is no key of a server here ({}: {error})", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(key: Option<&str>, key_file: Option<&Path>) -> ServerArgs {
        let local = LocalArgs { config: None, data_dir: None, listen: None };
        let (key, key_file) = (key.map(str::to_owned), key_file.map(Path::to_owned));
        ServerArgs { server: None, key_file, key, local }
    }

    #[test]
    fn a_key_comes_from_a_file_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "vt_abc\n").unwrap();
        assert_eq!(args(None, Some(&file)).key(&Config::default()).unwrap(), "vt_abc");
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(args(None, Some(&file)).key(&Config::default()).unwrap_err().code(), 2);
    }

    #[test]
    fn without_any_key_the_ways_to_give_one_are_named() {
        let mut config = Config::default();
        config.server.data_dir = tempfile::tempdir().unwrap().path().join("nothing");
        let failure = args(None, None).key(&config).unwrap_err();
        assert!(failure.message().contains("VITRINE_API_KEY"), "{failure:?}");
        assert_eq!(failure.code(), 2);
        assert!(args(Some("a b"), None).key(&config).is_err(), "no header has room for this");
    }
}
