//! Secrets and variables of apps on their way from the store to a dev server or a build, and to nobody else.

mod keys;
mod rotate;

use std::collections::BTreeMap;
use std::sync::Arc;

use vitrine_build::guard::Guard;
use vitrine_model::secret::{Environment, SecretTarget, SecretValue};
use vitrine_model::{AppId, Sha256};
use vitrine_store::{OpenSecret, Scope, Store, Vault, VaultError};

pub(crate) use keys::{KeyPlace, prepare};
pub(crate) use rotate::{rotate, status};

/// The service; cheap to clone.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) vault: Vault,
    store: Store,
}

/// What a dev server is given.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) environment: BTreeMap<String, SecretValue>,
    /// Hides the secrets among it.
    pub(crate) guard: Arc<Guard>,
}

/// What a build is given, and what it must not give away.
#[derive(Default)]
pub(crate) struct BuildSecrets {
    pub(crate) given: Given,
    /// The same names with digests of the values; those of secrets are made with the tenant's key.
    pub(crate) digests: BTreeMap<String, Sha256>,
    /// Stands for everything that the output is searched for.
    pub(crate) searched_for: Option<Sha256>,
}

impl Secrets {
    pub(crate) fn new(store: Store, vault: Vault) -> Self {
        Self { vault, store }
    }

    /// For the app's dev server: what is meant for it in the environment `development`.
    pub(crate) async fn for_dev(&self, scope: &Scope, app: &AppId) -> Result<Given, VaultError> {
        let secrets = self.vault.open(scope, app, Environment::Development).await?;
        let (secrets, guard) = off_thread(move || {
            let values: Vec<_> = secrets.iter().map(|secret| secret.value.reveal()).collect();
            let guard = Guard::hiding(&values);
            (secrets, guard)
        })
        .await;
        let mut environment = self.variables(scope, app, Environment::Development, SecretTarget::Dev).await?;
        environment.extend(meant_for(secrets, SecretTarget::Dev));
        Ok(Given { environment, guard: Arc::new(guard) })
    }

    /// For a build: what is meant for builds in its environment. It must give away none of that, nor any other secret of
    /// this environment or of production.
    pub(crate) async fn for_build(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
    ) -> Result<BuildSecrets, VaultError> {
        let secrets = self.vault.open(scope, app, environment).await?;
        let production = match environment {
            Environment::Production => Vec::new(),
            _ => self.vault.open(scope, app, Environment::Production).await?,
        };
        let guarded: Vec<_> = named(&secrets).chain(named(&production)).collect();
        let searched_for = match guarded.is_empty() {
            true => None,
            false => Some(self.digest_of_all(scope, &guarded).await?),
        };
        let (secrets, guard) = off_thread(move || {
            let guard = Guard::new(named(&secrets).chain(named(&production)));
            (secrets, Arc::new(guard))
        })
        .await;
        let mut given = self.variables(scope, app, environment, SecretTarget::Build).await?;
        let mut digests: BTreeMap<_, _> =
            given.iter().map(|(name, value)| (name.clone(), Sha256::of(value.reveal().as_bytes()))).collect();
        for (name, value) in meant_for(secrets, SecretTarget::Build) {
            let digest = self.vault.digest(scope, "build input", value.reveal().as_bytes()).await?;
            digests.insert(name.clone(), digest);
            given.insert(name, value);
        }
        Ok(BuildSecrets { given: Given { environment: given, guard }, digests, searched_for })
    }

    async fn variables(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
        target: SecretTarget,
    ) -> Result<BTreeMap<String, SecretValue>, VaultError> {
        let variables = self.store.variables(scope, app, environment).await?;
        let meant = variables.into_iter().filter(|variable| variable.targets.contains(&target));
        Ok(meant.map(|variable| (variable.name, SecretValue::new(variable.value))).collect())
    }

    async fn digest_of_all(
        &self,
        scope: &Scope,
        guarded: &[(&str, &SecretValue)],
    ) -> Result<Sha256, VaultError> {
        let mut digests = Vec::with_capacity(guarded.len());
        for (name, value) in guarded {
            let digest = self.vault.digest(scope, "searched for", value.reveal().as_bytes()).await?;
            digests.push(format!("{name} {}", digest.to_hex()));
        }
        digests.sort_unstable();
        self.vault.digest(scope, "all searched for", digests.join("\n").as_bytes()).await
    }
}

fn named(secrets: &[OpenSecret]) -> impl Iterator<Item = (&str, &SecretValue)> {
    secrets.iter().map(|secret| (secret.name.as_str(), &secret.value))
}

/// Makes a guard where nobody waits for the thread. A panic in there goes on here.
async fn off_thread<T: Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(make).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(made) => made,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The server is ending: whoever waits here ends with it.
        Err(Err(_)) => std::future::pending().await,
    }
}

fn meant_for(secrets: Vec<OpenSecret>, target: SecretTarget) -> impl Iterator<Item = (String, SecretValue)> {
    let meant = secrets.into_iter().filter(move |secret| secret.targets.contains(&target));
    meant.map(|secret| (secret.name.to_string(), secret.value))
}
