//! What this machine gives: the sandbox driver, and what installs packages with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use vitrine_build::RegistrySettings;
use vitrine_build::layers::{LayerConfig, LayerStore};
use vitrine_build::policy::FactStore;
use vitrine_build::toolchain::ToolchainStore;
use vitrine_model::source::{Clock, Entropy};
use vitrine_sandbox::Driver;
use vitrine_sandbox::local::{HostIds, LocalConfig, LocalDriver, RootSource};
use vitrine_sandbox::process::{ProcessConfig, ProcessDriver};

use crate::Failure;
use crate::config::Config;
use crate::doctor::{Finding, Verdict};

const MIB: u64 = 1024 * 1024;

/// The driver that the configuration names.
pub(crate) async fn driver(config: &Config, data_dir: &Path) -> Result<Arc<dyn Driver>, Failure> {
    match config.sandbox.driver.as_str() {
        "local" => {
            let settings = LocalConfig {
                state_dir: data_dir.join("sandboxes"),
                root: root(config),
                ids: host_ids(config),
            };
            let made = tokio::task::spawn_blocking(move || LocalDriver::new(settings)).await;
            let driver = made.map_err(Failure::failed)?.map_err(|error| {
                let advice =
                    "`vitrine doctor` says what this machine lacks; without isolation: --driver process";
                Failure::machine(format!(
                    "{error}
{advice}"
                ))
            })?;
            Ok(Arc::new(driver))
        }
        "process" => {
            if !config.server.listen.ip().is_loopback() {
                let reason =
                    "the process driver isolates nothing and serves loopback addresses only; change --listen";
                return Err(Failure::unusable(reason));
            }
            tracing::warn!(
                "--driver process: projects run as ordinary processes of this user, WITHOUT ANY ISOLATION. They can \
                 read and write whatever you can. Use it for code you trust, on your own machine only."
            );
            let settings = ProcessConfig { state_dir: data_dir.join("sandboxes") };
            Ok(Arc::new(ProcessDriver::new(settings).map_err(Failure::machine)?))
        }
        other => {
            Err(Failure::unusable(format!("there is no driver `{other}`; there are `local` and `process`")))
        }
    }
}

/// Where sandboxes get their root from.
pub(crate) fn root(config: &Config) -> RootSource {
    match config.sandbox.root_dir.as_str() {
        "" => RootSource::Host,
        dir => RootSource::Directory(PathBuf::from(dir)),
    }
}

/// Who sandboxes are on the host.
pub(crate) fn host_ids(config: &Config) -> HostIds {
    HostIds { first: config.sandbox.host_id_first, count: config.sandbox.host_ids }
}

/// Where the server stands among processes of one group: before ordinary ones, behind what the machine needs itself.
const PRIORITY: i32 = -5;

/// Has the scheduler prefer this thread and those it starts: every answer of every session passes through the server. The
/// launcher gives this up before a sandbox runs. Only root can; where others run the server, nothing changes.
pub(crate) fn come_first(config: &Config) {
    if config.sandbox.driver == "local" && rustix::process::setpriority_process(None, PRIORITY).is_err() {
        tracing::debug!("the server runs at an ordinary priority");
    }
}

/// What this machine has for sandboxes. Where a sandbox was made all the same, or none is wanted, what is missing is
/// worth a warning only.
pub(crate) fn probe_sandboxes(config: &Config) -> Vec<Finding> {
    let probes = LocalDriver::probe(host_ids(config));
    let works = probes.last().is_some_and(|probe| probe.ok) || config.sandbox.driver == "process";
    let missing = if works { Verdict::Warning } else { Verdict::Failure };
    probes
        .into_iter()
        .map(|probe| Finding {
            name: probe.name.to_owned(),
            verdict: if probe.ok { Verdict::Ok } else { missing },
            detail: probe.detail,
            advice: probe.advice,
        })
        .collect()
}

/// The store of layers and what is known about packages, with where packages come from looked up; and the authorities to
/// trust on the way there, which are those of the network that this machine is in.
pub(crate) async fn layers(
    config: &Config,
    data_dir: &Path,
    driver: Arc<dyn Driver>,
    (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
) -> Result<(Arc<LayerStore>, FactStore, Option<PathBuf>), Failure> {
    let dir = layers_dir(config, data_dir);
    let registry = RegistrySettings::resolve(&config.install.registry, &config.install.ca_bundle).await;
    let registry = registry.map_err(Failure::machine)?;
    let ca_bundle = registry.ca_bundle.clone();
    let toolchains = ToolchainStore::open(&dir).map_err(Failure::machine)?;
    let settings = LayerConfig {
        budget_bytes: config.install.layers_budget_mib * MIB,
        egress_exceptions: config.egress.allowed_ranges().map_err(Failure::unusable)?,
        timeout: Duration::from_secs(config.install.timeout_secs),
        memory_bytes: config.install.memory_mib * MIB,
        ..LayerConfig::new(&dir, registry)
    };
    let facts =
        FactStore::open(dir.join("facts"), "npm", settings.registry.clone()).map_err(Failure::failed)?;
    let layers = LayerStore::open(settings, driver, toolchains, clock, entropy).map_err(Failure::failed)?;
    Ok((layers, facts, ca_bundle))
}

/// Where layers and toolchains are.
pub(crate) fn layers_dir(config: &Config, data_dir: &Path) -> PathBuf {
    match config.install.layers_dir.as_str() {
        "" => data_dir.join("layers"),
        dir => PathBuf::from(dir),
    }
}
