//! `vitrine admin secrets`: changing the master key while the server runs, and looking at how things stand.
//!
//! The new key is in its place before anything is wrapped with it, and the old one stays there: broken off at any moment,
//! every secret opens, and running the command again goes on where it was.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::FlockOperation;
use vitrine_model::source::Entropy;
use vitrine_store::{KeyReport, MasterKeySource as _, MasterKeys, Vault};

use super::KeyPlace;
use super::keys::{lock, write_private};
use crate::Failure;

/// Data keys wrapped between two looks at how many are left.
const AT_ONCE: u64 = 100;

/// Wraps every data key with a new master key. In a file the key is made here, unless an earlier rotation has not ended;
/// elsewhere the operator has put it first. Says what was done.
pub(crate) async fn rotate(
    place: &KeyPlace,
    vault: &Vault,
    entropy: &dyn Entropy,
) -> Result<String, Failure> {
    let _lock = match place {
        KeyPlace::File(path) => Some(lock_keys(path)?),
        KeyPlace::Given(_) | KeyPlace::Command(_) => None,
    };
    let before = vault.check().await.map_err(Failure::failed)?;
    if let (KeyPlace::File(path), 0) = (place, before.outdated()) {
        add_key(path, entropy).map_err(|error| {
            Failure::failed(format!("no new key was written to {}: {error}", path.display()))
        })?;
    }
    let mut done = 0;
    loop {
        let rewrapped = vault.rewrap(AT_ONCE).await.map_err(Failure::failed)?;
        done += rewrapped.done;
        if rewrapped.left == 0 {
            break;
        }
    }
    let after = vault.check().await.map_err(Failure::failed)?;
    let current = after.master_keys.first().cloned().unwrap_or_default();
    let advice = match after.master_keys.len() {
        0 | 1 => "",
        _ => "\nThe older keys open backups made before now; remove them from the list when those are gone.",
    };
    Ok(format!("{done} data keys are under the master key {current} now, in {}.{advice}", place.place()))
}

/// Held until everything is wrapped: of two rotations at once, one would write its list over the other's new key, which wraps
/// data keys already.
fn lock_keys(path: &Path) -> Result<File, Failure> {
    lock(path, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => {
            Failure::failed(format!("another rotation of the keys in {} is under way", path.display()))
        }
        _ => Failure::failed(format!("the keys in {} cannot be changed: {error}", path.display())),
    })
}

/// How things stand, for people.
pub(crate) fn status(place: &KeyPlace, report: &KeyReport) -> String {
    let mut lines = vec![format!("Master keys in {}: {}", place.place(), report.master_keys.join(", "))];
    lines.extend(report.in_use.iter().map(|(id, count)| format!("{count} data keys under {id}")));
    match report.outdated() {
        0 => {}
        count => lines.push(format!("{count} to be wrapped anew: run `vitrine admin secrets rotate`")),
    }
    lines.join("\n")
}

/// Puts a fresh key in front of those that are in a file.
fn add_key(path: &Path, entropy: &dyn Entropy) -> std::io::Result<()> {
    let old = zeroize::Zeroizing::new(std::fs::read_to_string(path)?);
    let fresh = MasterKeys::generate(entropy);
    let text = zeroize::Zeroizing::new(format!("{}\n{}", *fresh, old.trim_end()));
    write_private(path, &text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vitrine_model::profile::{Profile, ProfileKind};
    use vitrine_model::secret::{EnvName, Environment, SecretValue};
    use vitrine_model::source::fixed::FixedClock;
    use vitrine_model::{AppId, Tree};
    use vitrine_store::{DatabaseConfig, NewApp, NewSecret, ObjectsConfig, Scope, Store, StoreConfig};

    use super::*;
    use crate::config::SecretsConfig;
    use crate::secrets::prepare;
    use crate::source::SystemEntropy;

    struct Fixture {
        dir: tempfile::TempDir,
        store: Store,
        scope: Scope,
        app: AppId,
    }

    impl Fixture {
        async fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let config = StoreConfig {
                database: DatabaseConfig::Sqlite { path: dir.path().join("test.db") },
                objects: ObjectsConfig::Local { dir: dir.path().join("objects") },
            };
            let clock = Arc::new(FixedClock::at_millis(1_760_000_000_000));
            let store = Store::open(config, clock, Arc::new(SystemEntropy)).await.unwrap();
            let scope = store.default_scope().await.unwrap();
            let new = NewApp {
                name: "App".to_owned(),
                slug: None,
                template: None,
                profile: Profile::of(ProfileKind::Static),
                profile_is_set: false,
                tree: Tree::new(),
            };
            let app = store.create_app(&scope, new).await.unwrap().id;
            Self { dir, store, scope, app }
        }

        fn place(&self) -> KeyPlace {
            KeyPlace::of(&SecretsConfig::default(), self.dir.path())
        }

        async fn vault(&self) -> Vault {
            prepare(&SecretsConfig::default(), self.dir.path(), &self.store, &SystemEntropy).await.unwrap()
        }

        async fn value(&self, vault: &Vault) -> String {
            let secrets = vault.open(&self.scope, &self.app, Environment::Production).await.unwrap();
            secrets[0].value.reveal().to_owned()
        }
    }

    async fn with_a_secret() -> (Fixture, Vault) {
        let fixture = Fixture::new().await;
        let vault = fixture.vault().await;
        let (name, value) = (EnvName::of_secret("A").unwrap(), SecretValue::new("a value".to_owned()));
        let environment = Environment::Production;
        let secret = NewSecret { environment, name: &name, value: &value, targets: &[] };
        vault.put(&fixture.scope, &fixture.app, secret).await.unwrap();
        (fixture, vault)
    }

    #[tokio::test]
    async fn a_rotation_makes_a_key_and_the_running_server_follows() {
        let (fixture, running) = with_a_secret().await;
        let first = running.check().await.unwrap().master_keys;
        let said = rotate(&fixture.place(), &fixture.vault().await, &SystemEntropy).await.unwrap();
        assert!(said.starts_with("1 data keys are under"), "{said}");
        let after = running.check().await.unwrap();
        assert_eq!((after.master_keys.len(), after.outdated()), (2, 0));
        assert_ne!(after.master_keys[0], first[0]);
        assert_eq!(fixture.value(&running).await, "a value");
        assert_eq!(fixture.value(&fixture.vault().await).await, "a value");
    }

    #[tokio::test]
    async fn a_rotation_that_was_killed_after_its_key_was_written_goes_on_with_that_key() {
        let (fixture, vault) = with_a_secret().await;
        let KeyPlace::File(path) = fixture.place() else { panic!("a file") };
        add_key(&path, &SystemEntropy).unwrap();
        let written = vault.check().await.unwrap();
        assert_eq!((written.master_keys.len(), written.outdated()), (2, 1));
        assert!(status(&fixture.place(), &written).contains("1 to be wrapped anew"));
        rotate(&fixture.place(), &vault, &SystemEntropy).await.unwrap();
        let ended = vault.check().await.unwrap();
        assert_eq!((ended.outdated(), ended.master_keys), (0, written.master_keys), "no third key");
        // The new key alone is enough.
        let text = std::fs::read_to_string(&path).unwrap();
        write_private(&path, text.lines().next().unwrap()).unwrap();
        assert_eq!(fixture.value(&fixture.vault().await).await, "a value");
    }

    #[tokio::test]
    async fn two_rotations_at_once_lose_no_key() {
        let (fixture, vault) = with_a_secret().await;
        let KeyPlace::File(path) = fixture.place() else { panic!("a file") };
        let before = std::fs::read_to_string(&path).unwrap();
        let first = lock_keys(&path).unwrap();
        let refused = rotate(&fixture.place(), &vault, &SystemEntropy).await.unwrap_err();
        assert!(refused.message().contains("another rotation"), "{}", refused.message());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
        drop(first);
        rotate(&fixture.place(), &vault, &SystemEntropy).await.unwrap();
        assert_eq!(fixture.value(&vault).await, "a value");
    }

    #[tokio::test]
    async fn a_rotation_changes_the_file_behind_a_link_and_leaves_it_to_whom_it_belonged() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
        let (fixture, vault) = with_a_secret().await;
        let KeyPlace::File(path) = fixture.place() else { panic!("a file") };
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("key.txt");
        std::fs::rename(&path, &target).unwrap();
        symlink(&target, &path).unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
        // Whoever may not give files away cannot lose them to root either.
        let _ = chown(&target, Some(12_345), Some(12_346));
        let before = std::fs::metadata(&target).unwrap();
        rotate(&fixture.place(), &vault, &SystemEntropy).await.unwrap();
        assert!(path.is_symlink());
        assert_eq!(std::fs::read_to_string(&target).unwrap().lines().count(), 2);
        let after = std::fs::metadata(&target).unwrap();
        assert_ne!(after.ino(), before.ino());
        let who = |file: &std::fs::Metadata| (file.uid(), file.gid(), file.mode());
        assert_eq!(who(&after), who(&before));
    }

    #[tokio::test]
    async fn a_lost_master_key_is_never_replaced_by_a_fresh_one() {
        let (fixture, _) = with_a_secret().await;
        let KeyPlace::File(path) = fixture.place() else { panic!("a file") };
        let kept = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let vault = fixture.vault().await;
        assert!(!path.exists(), "a fresh key would open nothing and hide that the right one is gone");
        assert!(vault.open(&fixture.scope, &fixture.app, Environment::Production).await.is_err());
        assert!(rotate(&fixture.place(), &vault, &SystemEntropy).await.is_err());
        write_private(&path, kept.trim_end()).unwrap();
        assert_eq!(fixture.value(&vault).await, "a value");
    }
}
