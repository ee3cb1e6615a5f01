//! Where the operator keeps the master keys: a file, the configuration, or what a command prints.

use std::fs::{File, Metadata, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::FlockOperation;
use vitrine_model::source::Entropy;
use vitrine_store::{MasterKeyError, MasterKeySource, MasterKeys, Store, Vault};
use zeroize::Zeroizing;

use crate::Failure;
use crate::config::SecretsConfig;

/// How long a command may take that prints the keys: it asks a service on the network.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of keys that are read; a hundred keys are less.
const MOST_KEY_BYTES: u64 = 64 * 1024;

/// Where the keys are.
#[derive(Clone)]
pub(crate) enum KeyPlace {
    /// A file of our own making, or of the operator's.
    File(PathBuf),
    /// In the configuration or in the environment.
    Given(Zeroizing<String>),
    /// What this shell command prints.
    Command(String),
}

impl KeyPlace {
    /// The place that the configuration names.
    pub(crate) fn of(config: &SecretsConfig, data_dir: &Path) -> Self {
        if !config.master_key.is_empty() {
            return Self::Given(Zeroizing::new(config.master_key.clone()));
        }
        if !config.master_key_command.is_empty() {
            return Self::Command(config.master_key_command.clone());
        }
        match config.master_key_file.as_str() {
            "" => Self::File(data_dir.join("master-key")),
            path => Self::File(PathBuf::from(path)),
        }
    }

    async fn text(&self) -> Result<Zeroizing<String>, String> {
        match self {
            Self::Given(text) => Ok(text.clone()),
            Self::File(path) => match read_bounded(tokio::fs::File::open(path).await).await {
                Ok(text) => Ok(text),
                Err(error) => Err(error.to_string()),
            },
            Self::Command(command) => printed_by(command).await,
        }
    }
}

#[async_trait]
impl MasterKeySource for KeyPlace {
    async fn load(&self) -> Result<MasterKeys, MasterKeyError> {
        let place = self.place();
        match self.text().await {
            Ok(text) => MasterKeys::parse(&text).map_err(|reason| MasterKeyError::Invalid { place, reason }),
            Err(reason) => Err(MasterKeyError::Unreadable { place, reason }),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) => format!("the file {}", path.display()),
            Self::Given(_) => "`secrets.master_key`".to_owned(),
            Self::Command(_) => "what `secrets.master_key_command` prints".to_owned(),
        }
    }
}

async fn read_bounded(
    source: std::io::Result<impl tokio::io::AsyncRead + Unpin>,
) -> std::io::Result<Zeroizing<String>> {
    use tokio::io::AsyncReadExt as _;
    let mut text = Zeroizing::new(String::new());
    source?.take(MOST_KEY_BYTES).read_to_string(&mut text).await?;
    Ok(text)
}

/// Neither what the command printed nor its complaints are repeated: keys may be among them.
async fn printed_by(command: &str) -> Result<Zeroizing<String>, String> {
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let running = async {
        let mut child = shell.spawn()?;
        let text =
            read_bounded(child.stdout.take().ok_or_else(|| std::io::Error::other("no output"))).await?;
        Ok::<_, std::io::Error>((child.wait().await?, text))
    };
    match tokio::time::timeout(COMMAND_TIMEOUT, running).await {
        Err(_) => Err(format!("it did not end within {} s", COMMAND_TIMEOUT.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok((status, _))) if !status.success() => Err(format!("it failed ({status})")),
        Ok(Ok((_, text))) => Ok(text),
    }
}

/// Opens the vault. On the very first run the default file is made; never when there are secrets already, whose key a
/// fresh one is not. A key that is missing is said loudly, and everything but secrets goes on.
pub(crate) async fn prepare(
    config: &SecretsConfig,
    data_dir: &Path,
    store: &Store,
    entropy: &dyn Entropy,
) -> Result<Vault, Failure> {
    let place = KeyPlace::of(config, data_dir);
    if let KeyPlace::File(path) = &place {
        let is_default = config.master_key_file.is_empty();
        if is_default && !path.exists() && !store.has_data_keys().await.map_err(Failure::failed)? {
            make_first(path, entropy).map_err(|error| {
                Failure::failed(format!("the master key cannot be kept in {}: {error}", path.display()))
            })?;
        }
        warn_of_readers(path);
    }
    let vault = Vault::new(store.clone(), std::sync::Arc::new(place));
    if let Err(error) = vault.check().await {
        tracing::error!(%error, "secrets are locked; apps that have some cannot be built or started until the key is there");
    }
    Ok(vault)
}

fn make_first(path: &Path, entropy: &dyn Entropy) -> std::io::Result<()> {
    let _lock = lock(path, FlockOperation::LockExclusive)?;
    // A command and the server may both be the first.
    if !path.exists() {
        write_private(path, &MasterKeys::generate(entropy))?;
        tracing::info!(path = %path.display(), "made a master key for secrets; keep a copy where the backups are not");
    }
    Ok(())
}

/// Keeps others from changing the keys in a file while it is held; beside the file itself, which is replaced when it changes.
pub(super) fn lock(path: &Path, how: FlockOperation) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(beside(&target_of(path)?, "lock"))?;
    if let Ok(keys) = std::fs::metadata(path) {
        belong_like(&lock, &keys)?;
    }
    rustix::fs::flock(&lock, how)?;
    Ok(lock)
}

/// The file itself, where `path` is a link to it. A link that leads nowhere is an error: what should be there may come back.
fn target_of(path: &Path) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => {
            Ok(path.to_owned())
        }
        resolved => resolved,
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Gives a file the owner and group of another: the command may run as root, and the server does not.
fn belong_like(file: &File, other: &Metadata) -> std::io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (other.uid(), other.gid()) {
        return Ok(());
    }
    fchown(file, Some(other.uid()), Some(other.gid()))
}

fn warn_of_readers(path: &Path) {
    let others = |metadata: &std::fs::Metadata| metadata.permissions().mode() & 0o077 != 0;
    if std::fs::metadata(path).is_ok_and(|metadata| others(&metadata)) {
        tracing::warn!(path = %path.display(), "other users of this machine may read the master key; chmod 600 helps");
    }
}

/// A file that its owner alone reads, there whole or not at all, also after a crash. In the place of an earlier one it belongs to
/// the same people and is readable to the same: the server has to read on. Where `path` is a link, the file behind it changes.
pub(super) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let path = target_of(path)?;
    let fresh = beside(&path, "new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
    if let Ok(earlier) = std::fs::metadata(&path) {
        belong_like(&file, &earlier)?;
        file.set_permissions(Permissions::from_mode(earlier.mode() & 0o777))?;
    }
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&fresh, &path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::source::fixed::CountingEntropy;

    use super::*;

    fn place(config: &SecretsConfig) -> KeyPlace {
        KeyPlace::of(config, Path::new("/nowhere"))
    }

    #[tokio::test]
    async fn keys_come_from_the_configuration_a_command_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let key = MasterKeys::generate(&CountingEntropy::default());
        let path = dir.path().join("key");
        write_private(&path, &key).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let path = path.display().to_string();
        let wanted = MasterKeys::parse(&key).ok().unwrap().ids()[0].to_owned();
        let none = SecretsConfig::default();
        for config in [
            SecretsConfig { master_key: key.to_string(), ..none.clone() },
            SecretsConfig { master_key_command: format!("cat {path}"), ..none.clone() },
            SecretsConfig { master_key_file: path, ..none.clone() },
        ] {
            assert_eq!(place(&config).load().await.ok().unwrap().ids(), [wanted.as_str()]);
        }
    }

    #[tokio::test]
    async fn a_command_that_fails_is_named_and_what_it_printed_is_not() {
        for command in ["echo hunter2hunter2; exit 3", "echo hunter2hunter2"] {
            let config = SecretsConfig { master_key_command: command.to_owned(), ..SecretsConfig::default() };
            let error = place(&config).load().await.err().unwrap().to_string();
            assert!(error.contains("master_key_command") && !error.contains("hunter2"), "{error}");
        }
        let error = place(&SecretsConfig::default()).load().await.err().unwrap().to_string();
        assert!(error.contains("/nowhere/master-key"), "{error}");
    }
}
