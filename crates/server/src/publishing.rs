//! Wires what makes and serves published apps: the object store, the queue's workers, hosting and the shared back end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vitrine_build::policy::Policy;
use vitrine_build::template::TemplatePack;
use vitrine_edge::{
    Backend, BackendConfig, BackendUpstream, HostMap, Hosting, HostingConfig, HostingLimits, Scheme,
};
use vitrine_model::source::{Clock, Entropy};
use vitrine_sandbox::Driver;
use vitrine_store::{AzureConfig, GcsConfig, ObjectsConfig, S3Config, Store};

use crate::Failure;
use crate::collection::Collection;
use crate::config::Config;
use crate::drafts::Drafts;
use crate::policies::Policies;
use crate::provision::Provision;
use crate::publishes::{self, Maker, Publishes};
use crate::secrets::Secrets;
use crate::sites::{self, HostedVisitors, Sites};

const MIB: u64 = 1024 * 1024;

/// Everything about publishing, wired.
pub(crate) struct Publishing {
    pub(crate) publishes: Publishes,
    pub(crate) hosting: Arc<Hosting>,
    pub(crate) backend: Arc<Backend>,
    store: Store,
    maker: Maker,
    clock: Arc<dyn Clock>,
}

/// What is there before.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) provision: Arc<dyn Provision>,
    pub(crate) drafts: Drafts,
    pub(crate) secrets: Secrets,
    pub(crate) backend: Arc<Backend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Publishing {
    pub(crate) fn wire(
        config: &Config,
        ground: Ground,
        hosts: &HostMap,
        (scheme, public_url): (Scheme, String),
    ) -> Result<Self, Failure> {
        let Ground { store, driver, provision, drafts, secrets, backend, clock, entropy } = ground;
        let grace = Duration::from_secs(config.hosting.grace_hours * 3_600);
        let sites = Arc::new(Sites::new(store.clone(), backend.path().to_owned(), grace));
        let hosting_config = HostingConfig {
            hosts: hosts.clone(),
            scheme,
            gateway_prefix: Some(backend.path().to_owned()),
            limits: HostingLimits {
                memory_bytes: config.hosting.cache_mib * MIB,
                site_ttl: Duration::from_secs(config.hosting.refresh_secs),
                ..HostingLimits::default()
            },
        };
        let hosting = Arc::new(Hosting::new(hosting_config, sites, clock.clone()));
        let visitors = Arc::new(HostedVisitors::default());
        visitors.set(hosting.clone());
        let settings = config.publish.clone();
        let policies = Policies::new(store.clone(), policy_of(config)?);
        let maker = Maker {
            store: store.clone(),
            driver,
            provision,
            clock: clock.clone(),
            entropy,
            settings,
            public_url,
        };
        let context = publishes::Context {
            store: store.clone(),
            maker: maker.clone(),
            drafts,
            policies,
            secrets,
            visitors,
            #[cfg(test)]
            sabotage: Arc::new(publishes::NoSabotage),
        };
        Ok(Self { publishes: Publishes::new(context), hosting, backend, store, maker, clock })
    }

    /// Works in the background until `stopping`: publishes, prebuilt templates, visits, collection.
    pub(crate) fn start(
        &self,
        config: &Config,
        (templates, collection): (Arc<Vec<TemplatePack>>, Collection),
        stopping: &CancellationToken,
    ) -> TaskTracker {
        let tasks = TaskTracker::new();
        let publishes = self.publishes.clone();
        let token = stopping.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = publishes.work(token) => {}
                () = publishes.reap_on() => {}
            }
            publishes.shut_down().await;
        });
        let (hosting, store, clock) = (self.hosting.clone(), self.store.clone(), self.clock.clone());
        tasks.spawn(sites::count_visits(hosting, store, move || clock.now(), stopping.clone()));
        tasks.spawn(collection.run_on(stopping.clone()));
        if config.publish.prebuild_templates {
            let (maker, token) = (self.maker.clone(), stopping.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = publishes::prebuild::run(maker, templates) => {}
                    () = token.cancelled() => {}
                }
            });
        }
        tasks.close();
        tasks
    }
}

/// The way to the back end that apps share, from their sites and from their previews.
pub(crate) fn backend(config: &Config) -> Result<Arc<Backend>, Failure> {
    let settings = &config.backend;
    let upstream = match settings.upstream.as_str() {
        "" => None,
        url => Some(url.parse::<BackendUpstream>().map_err(Failure::unusable)?),
    };
    let config = BackendConfig {
        path: settings.path.clone(),
        upstream,
        response_timeout: Duration::from_secs(settings.response_timeout_secs),
        max_request_body_bytes: settings.max_request_bytes,
        ..BackendConfig::default()
    };
    Ok(Arc::new(Backend::new(config).map_err(Failure::unusable)?))
}

fn policy_of(config: &Config) -> Result<Policy, Failure> {
    let settings = &config.publish;
    let path = settings.policy_file.as_str();
    if path.is_empty() {
        return Ok(match settings.policy.as_str() {
            "strict" => Policy::Strict { catalogue: None },
            _ => Policy::Open { min_age_secs: settings.min_package_age_hours * 3_600 },
        });
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::unusable(format!("publish.policy_file `{path}` cannot be read: {error}"))
    })?;
    let policy = Policy::from_toml(&text)
        .map_err(|error| Failure::unusable(format!("publish.policy_file `{path}`: {error}")))?;
    let is_as_named = matches!(
        (settings.policy.as_str(), &policy),
        ("strict", Policy::Strict { .. }) | ("custom", Policy::Custom { .. })
    );
    if !is_as_named {
        let named = &settings.policy;
        return Err(Failure::unusable(format!(
            "publish.policy_file `{path}` has another mode than publish.policy, which is `{named}`"
        )));
    }
    Ok(policy)
}

/// Where large content goes, as the configuration says.
pub(crate) fn objects_config(config: &Config, data_dir: &Path) -> ObjectsConfig {
    let settings = &config.objects;
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    match settings.kind.as_str() {
        "s3" => ObjectsConfig::S3(S3Config {
            bucket: settings.bucket.clone(),
            region: given(&settings.region),
            endpoint: given(&settings.endpoint),
            access_key: given(&settings.access_key),
            secret_key: given(&settings.secret_key).map(Into::into),
            allow_http: settings.allow_http,
            path_style: settings.path_style,
            prefix: given(&settings.prefix),
        }),
        "azure" => ObjectsConfig::Azure(AzureConfig {
            account: settings.access_key.clone(),
            container: settings.bucket.clone(),
            access_key: given(&settings.secret_key).map(Into::into),
            endpoint: given(&settings.endpoint),
            allow_http: settings.allow_http,
            prefix: given(&settings.prefix),
        }),
        "gcs" => ObjectsConfig::Gcs(GcsConfig {
            bucket: settings.bucket.clone(),
            service_account: given(&settings.service_account).map(Into::into),
            endpoint: given(&settings.endpoint),
            allow_http: settings.allow_http,
            prefix: given(&settings.prefix),
        }),
        // Whatever else the configuration refuses.
        _ => ObjectsConfig::Local { dir: data_dir.join("objects") },
    }
}
