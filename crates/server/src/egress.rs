//! What dev sandboxes may reach: the list of an app's owner, under the ceiling of the operator, through the sandbox's proxy.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ipnet::IpNet;
use tokio_util::task::AbortOnDropHandle;
use vitrine_model::AppId;
use vitrine_model::egress::{EgressDestination, MAX_DESTINATIONS};
use vitrine_model::source::Clock;
use vitrine_sandbox::driver::Mount;
use vitrine_sandbox::egress::{
    self, CA_TARGET, Destination, EgressLabel, EgressLimits, EgressPolicy, EgressProxy, EgressStats,
    EgressTotals, EgressUsage, PROXY_PORT, Resolver,
};
use vitrine_sandbox::{DriverError, Sandbox};
use vitrine_store::{Scope, Store, StoreError};

use crate::config::{ConfigError, EgressConfig};

/// Connections of one dev sandbox at once: a page that loads data opens a dozen.
const CONNECTIONS: usize = 32;

/// Bytes in and out of one dev sandbox in its life.
const BYTES: u64 = 1024 * 1024 * 1024;

/// Streams and sockets are silent for a while; most services send a sign of life twice a minute.
const IDLE_SECS: u64 = 120;
const LIFETIME_SECS: u64 = 3_600;

/// What the operator allows at most, and what connections need.
pub(crate) struct Ceiling {
    is_off: bool,
    /// Only these, when there are any: names, and `*.name` for everything beneath.
    allow: Vec<String>,
    deny: Vec<String>,
    exceptions: Vec<IpNet>,
    /// The certificate authorities of the operator's network.
    ca_bundle: Option<PathBuf>,
}

impl Ceiling {
    /// What the configuration says.
    pub(crate) fn of(config: &EgressConfig, ca_bundle: Option<PathBuf>) -> Result<Self, ConfigError> {
        let list = |text: &str| {
            let names = text.split(',').map(|name| name.trim().to_ascii_lowercase());
            names.filter(|name| !name.is_empty()).collect()
        };
        Ok(Self {
            is_off: config.dev == "off",
            allow: list(&config.dev_allow),
            deny: list(&config.dev_deny),
            exceptions: config.allowed_ranges()?,
            ca_bundle,
        })
    }

    fn allows(&self, host: &str) -> bool {
        let matches = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(suffix) => host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')),
            None => host == pattern,
        };
        let is_allowed = self.allow.is_empty() || self.allow.iter().any(matches);
        !self.is_off && is_allowed && !self.deny.iter().any(matches)
    }
}

/// Why a list was not taken over; the one before stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EgressError {
    #[error("an app has at most {MAX_DESTINATIONS} destinations")]
    TooMany,
    #[error("the operator of this server lets no dev sandbox reach out")]
    Off,
    #[error("the operator of this server does not allow `{0}`")]
    NotAllowed(EgressDestination),
    #[error("whether the list was set is not known")]
    Interrupted,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The service; cheap to clone.
#[derive(Clone)]
pub(crate) struct DevEgress(Arc<Inner>);

struct Inner {
    store: Store,
    ceiling: Ceiling,
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
    apps: Mutex<Apps>,
}

/// What is known of apps.
#[derive(Default)]
struct Apps {
    known: HashMap<AppId, Arc<AppEgress>>,
    /// What those did that are not known any more.
    forgotten: EgressStats,
}

/// What this process knows of one app.
struct AppEgress {
    totals: Arc<EgressTotals>,
    /// Held from before a list is stored or read until the proxies have it: the last one stored is the last one applied.
    applying: tokio::sync::Mutex<()>,
    /// Of the sandboxes that run: one, or two while one is replaced.
    proxies: Mutex<Vec<Weak<EgressProxy>>>,
}

/// The way out of one sandbox; closed when it is dropped, with every connection through it.
pub(crate) struct Door(#[expect(dead_code, reason = "it serves as long as it lives")] AbortOnDropHandle<()>);

impl DevEgress {
    pub(crate) fn new(
        store: Store,
        ceiling: Ceiling,
        resolver: Arc<dyn Resolver>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner { store, ceiling, resolver, clock, apps: Mutex::default() }))
    }

    /// The list of the app's owner, whether or not the operator allows all of it.
    pub(crate) async fn list(
        &self,
        scope: &Scope,
        app: &AppId,
    ) -> Result<Vec<EgressDestination>, StoreError> {
        self.0.store.egress(scope, app).await
    }

    /// False when no dev sandbox of this server reaches anything.
    pub(crate) fn is_on(&self) -> bool {
        !self.0.ceiling.is_off
    }

    /// What the app's dev sandboxes did.
    pub(crate) fn usage(&self, app: &AppId) -> EgressUsage {
        let known = self.apps().known.get(app).cloned();
        known.map(|known| known.totals.snapshot()).unwrap_or_default()
    }

    /// Replaces the list. What runs behind a proxy follows at once, and connections that are no longer allowed are cut. True
    /// when the dev server has to start anew, because it has no proxy yet.
    pub(crate) async fn set(
        &self,
        scope: &Scope,
        app: &AppId,
        mut destinations: Vec<EgressDestination>,
    ) -> Result<bool, EgressError> {
        destinations.sort();
        destinations.dedup();
        let ceiling = &self.0.ceiling;
        if destinations.len() > MAX_DESTINATIONS {
            return Err(EgressError::TooMany);
        }
        if ceiling.is_off && !destinations.is_empty() {
            return Err(EgressError::Off);
        }
        if let Some(refused) = destinations.iter().find(|one| !ceiling.allows(one.host())) {
            return Err(EgressError::NotAllowed(refused.clone()));
        }
        // Nothing is kept of apps that are not there.
        self.list(scope, app).await?;
        let (egress, scope, app) = (self.clone(), scope.clone(), app.clone());
        // In a task of its own: whoever asked may be gone half-way, and what was stored has to be applied all the same.
        let setting = tokio::spawn(async move { egress.store_and_apply(&scope, &app, destinations).await });
        Ok(setting.await.map_err(|_| EgressError::Interrupted)??)
    }

    async fn store_and_apply(
        &self,
        scope: &Scope,
        app: &AppId,
        destinations: Vec<EgressDestination>,
    ) -> Result<bool, StoreError> {
        let known = self.of(app);
        let _applying = known.applying.lock().await;
        self.0.store.set_egress(scope, app, &destinations).await?;
        let running = known.running();
        let reachable = self.reachable(destinations);
        running.iter().for_each(|proxy| proxy.set_destinations(reachable.clone()));
        Ok(running.is_empty() && !reachable.is_empty())
    }

    /// Whether the app's dev sandbox gets a way out.
    pub(crate) async fn is_wanted(&self, scope: &Scope, app: &AppId) -> Result<bool, StoreError> {
        Ok(!self.reachable(self.list(scope, app).await?).is_empty())
    }

    /// What a sandbox with a way out is mounted with.
    pub(crate) fn mount(&self) -> Option<Mount> {
        let source = self.0.ceiling.ca_bundle.clone()?;
        Some(Mount::ReadOnly { source, target: CA_TARGET.into() })
    }

    /// What a program in there is told.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (String, String)> {
        egress::proxy_environment(self.0.ceiling.ca_bundle.is_some()).into_iter()
    }

    /// Opens a way out of a sandbox that has just been started.
    pub(crate) async fn open(
        &self,
        scope: &Scope,
        app: &AppId,
        sandbox: &dyn Sandbox,
    ) -> Result<Door, OpenError> {
        let known = self.of(app);
        let label =
            EgressLabel { purpose: "dev", app: Some(app.to_string()), totals: Some(known.totals.clone()) };
        let policy = EgressPolicy {
            destinations: Vec::new(),
            exceptions: self.0.ceiling.exceptions.clone(),
            limits: limits(),
        };
        let proxy = EgressProxy::new(policy, self.0.resolver.clone(), label);
        let listener = sandbox.listen(PROXY_PORT).await?;
        let _applying = known.applying.lock().await;
        known.add(&proxy);
        proxy.set_destinations(self.reachable(self.list(scope, app).await?));
        Ok(Door(AbortOnDropHandle::new(tokio::spawn(proxy.serve(listener)))))
    }

    /// Forgets an app that is being deleted.
    pub(crate) fn forget(&self, app: &AppId) {
        let mut apps = self.apps();
        if let Some(known) = apps.known.remove(app) {
            apps.forgotten = sum(apps.forgotten, known.totals.snapshot().ever);
        }
    }

    /// What all dev sandboxes of this server did since it began; never less than it was.
    pub(crate) fn totals(&self) -> EgressStats {
        let apps = self.apps();
        let known = apps.known.values().map(|known| known.totals.snapshot().ever);
        known.fold(apps.forgotten, sum)
    }

    fn apps(&self) -> MutexGuard<'_, Apps> {
        self.0.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, app: &AppId) -> Arc<AppEgress> {
        let fresh = || {
            let totals = Arc::new(EgressTotals::new(self.0.clock.clone()));
            Arc::new(AppEgress { totals, applying: tokio::sync::Mutex::default(), proxies: Mutex::default() })
        };
        self.apps().known.entry(app.clone()).or_insert_with(fresh).clone()
    }

    /// What of a list the operator allows. The configuration may have changed since it was set.
    fn reachable(&self, destinations: Vec<EgressDestination>) -> Vec<Destination> {
        let allowed = destinations.iter().filter(|one| self.0.ceiling.allows(one.host()));
        // Over TLS alone: without it nobody knows who answers.
        let of = |one: &EgressDestination| Destination {
            host: one.host().to_owned(),
            port: one.port(),
            plain_http: false,
        };
        allowed.map(of).collect()
    }
}

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AppEgress {
    fn add(&self, proxy: &Arc<EgressProxy>) {
        let mut proxies = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        proxies.retain(|one| one.strong_count() > 0);
        proxies.push(Arc::downgrade(proxy));
    }

    fn running(&self) -> Vec<Arc<EgressProxy>> {
        let proxies = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        proxies.iter().filter_map(Weak::upgrade).collect()
    }
}

fn sum(one: EgressStats, other: EgressStats) -> EgressStats {
    EgressStats {
        allowed: one.allowed + other.allowed,
        refused: one.refused + other.refused,
        failed: one.failed + other.failed,
        bytes_out: one.bytes_out + other.bytes_out,
        bytes_in: one.bytes_in + other.bytes_in,
    }
}

fn limits() -> EgressLimits {
    EgressLimits {
        connections: CONNECTIONS,
        bytes: BYTES,
        idle: std::time::Duration::from_secs(IDLE_SECS),
        lifetime: std::time::Duration::from_secs(LIFETIME_SECS),
        ..EgressLimits::default()
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::Tree;
    use vitrine_model::profile::{Profile, ProfileKind};
    use vitrine_sandbox::egress::SystemResolver;
    use vitrine_store::{DatabaseConfig, NewApp, ObjectsConfig, StoreConfig};

    use super::*;
    use crate::source::{SystemClock, SystemEntropy};

    #[test]
    fn the_operators_lists_are_a_ceiling_and_denying_wins() {
        let ceiling = |allow: &str, deny: &str| {
            let config =
                EgressConfig { dev_allow: allow.into(), dev_deny: deny.into(), ..EgressConfig::default() };
            Ceiling::of(&config, None).unwrap()
        };
        assert!(ceiling("", "").allows("api.example.com"));
        let listed = ceiling("*.Example.com, api.other.org", "secret.example.com");
        assert!(listed.allows("api.example.com") && listed.allows("a.b.example.com"));
        assert!(listed.allows("api.other.org"));
        for refused in
            ["example.com", "badexample.com", "secret.example.com", "x.api.other.org", "elsewhere.net"]
        {
            assert!(!listed.allows(refused), "{refused}");
        }
        let off = EgressConfig { dev: "off".into(), ..EgressConfig::default() };
        assert!(!Ceiling::of(&off, None).unwrap().allows("api.example.com"));
    }

    /// An egress service over a database of its own, and two apps.
    async fn service() -> (tempfile::TempDir, DevEgress, Scope, [AppId; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            database: DatabaseConfig::Sqlite { path: dir.path().join("test.db") },
            objects: ObjectsConfig::Local { dir: dir.path().join("objects") },
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = Store::open(config, clock.clone(), Arc::new(SystemEntropy)).await.unwrap();
        let scope = store.default_scope().await.unwrap();
        let new = || NewApp {
            name: "App".to_owned(),
            slug: None,
            template: None,
            profile: Profile::of(ProfileKind::Static),
            profile_is_set: false,
            tree: Tree::new(),
        };
        let apps = [
            store.create_app(&scope, new()).await.unwrap().id,
            store.create_app(&scope, new()).await.unwrap().id,
        ];
        let ceiling = Ceiling::of(&EgressConfig::default(), None).unwrap();
        (dir, DevEgress::new(store, ceiling, Arc::new(SystemResolver), clock), scope, apps)
    }

    #[tokio::test]
    async fn a_list_is_stored_only_when_those_before_it_were_applied() {
        let (_dir, egress, scope, [app, other]) = service().await;
        let list: Vec<EgressDestination> = vec!["api.example.com:443".parse().unwrap()];
        let known = egress.of(&app);
        // Something that is being applied: an earlier list, or a sandbox that is just given its own.
        let applying = known.applying.lock().await;
        let setting = tokio::spawn({
            let (egress, scope, app, list) = (egress.clone(), scope.clone(), app.clone(), list.clone());
            async move { egress.set(&scope, &app, list).await }
        });
        // Long enough for the same on another app, which was asked for later.
        egress.set(&scope, &other, list.clone()).await.unwrap();
        assert_eq!(egress.list(&scope, &other).await.unwrap(), list);
        assert_eq!(egress.list(&scope, &app).await.unwrap(), []);
        drop(applying);
        setting.await.unwrap().unwrap();
        assert_eq!(egress.list(&scope, &app).await.unwrap(), list);
    }

    #[tokio::test]
    async fn what_was_stored_is_applied_though_whoever_asked_is_gone() {
        let (_dir, egress, scope, [app, _]) = service().await;
        let list: Vec<EgressDestination> = vec!["api.example.com:443".parse().unwrap()];
        let known = egress.of(&app);
        let applying = known.applying.lock().await;
        let mut setting = Box::pin(egress.set(&scope, &app, list.clone()));
        while Arc::strong_count(&known) < 3 {
            assert!(futures::poll!(&mut setting).is_pending());
            tokio::task::yield_now().await;
        }
        drop(setting);
        drop(applying);
        let stored = async {
            while egress.list(&scope, &app).await.unwrap() != list {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), stored).await.unwrap();
    }
}
