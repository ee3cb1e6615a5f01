//! What the tests with real installations share: a store over the real driver, and small projects.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use vitrine_build::layers::{InstallEvent, Layer, LayerConfig, LayerError, LayerRequest, LayerStore};
use vitrine_build::profile::detect;
use vitrine_build::toolchain::ToolchainStore;
use vitrine_build::{Files, RegistrySettings};
use vitrine_model::source::fixed::FixedClock;
use vitrine_model::source::{Clock, Entropy};
use vitrine_sandbox::driver::Driver;
use vitrine_sandbox::local::{HostIds, LocalConfig, LocalDriver, RootSource};

/// The real driver, with its state in the test's directory.
pub(crate) fn make(dir: &Path) -> Arc<dyn Driver> {
    let config =
        LocalConfig { state_dir: dir.join("driver"), root: RootSource::Host, ids: HostIds::default() };
    Arc::new(LocalDriver::new(config).unwrap())
}

/// Unpredictable enough for names of sandboxes in tests that run at once.
pub(crate) struct TestEntropy;

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        use std::hash::{BuildHasher, RandomState};
        bytes.fill_with(|| RandomState::new().hash_one(0_u8).to_le_bytes()[0]);
    }
}

pub(crate) struct Fixture {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) store: Arc<LayerStore>,
    /// The registry's address, with a slash at its end.
    pub(crate) registry: String,
}

/// Toolchains are kept between runs: a download takes longer than all tests. One store for all tests of a program, as
/// opening a second one would clear away what the first is downloading.
fn toolchains() -> Arc<ToolchainStore> {
    static STORE: OnceLock<Arc<ToolchainStore>> = OnceLock::new();
    let open = || ToolchainStore::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("layers")).unwrap();
    STORE.get_or_init(open).clone()
}

/// A store in a fresh directory, over the real driver and the real registry.
pub(crate) async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let driver: Arc<dyn Driver> = make(dir.path());
    driver.remove_orphans().await.unwrap();
    let store = open(dir.path(), driver.clone()).await;
    let registry = RegistrySettings::resolve("", "").await.unwrap().url;
    Fixture { dir, driver, store, registry }
}

pub(crate) async fn open(dir: &Path, driver: Arc<dyn Driver>) -> Arc<LayerStore> {
    let registry = RegistrySettings::resolve("", "").await.unwrap();
    let mut config = LayerConfig::new(dir.join("layers"), registry);
    // The registry may be a mirror on a private network here.
    config.egress_exceptions = ["0.0.0.0/0", "::/0"].map(|range| range.parse().unwrap()).to_vec();
    config.timeout = Duration::from_secs(300);
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at_millis(1_700_000_000_000));
    LayerStore::open(config, driver, toolchains(), clock, Arc::new(TestEntropy)).unwrap()
}

pub(crate) fn files(entries: &[(&str, &str)]) -> Files {
    entries.iter().map(|(path, text)| (path.parse().unwrap(), text.as_bytes().to_vec().into())).collect()
}

/// A project whose `package.json` lists these dependencies.
pub(crate) fn project(dependencies: &str) -> Files {
    files(&[
        ("package.json", &format!(r#"{{"name":"mine","private":true,"dependencies":{{{dependencies}}}}}"#)),
        ("index.html", ""),
    ])
}

impl Fixture {
    pub(crate) async fn ensure(&self, files: &Files) -> (Result<Layer, LayerError>, Vec<InstallEvent>) {
        let (progress, mut events) = tokio::sync::mpsc::channel(1_000);
        let detected = detect(files, None).unwrap();
        let request = LayerRequest { files: files.clone(), detected, progress: Some(progress) };
        let outcome = self.store.ensure(request).await;
        let mut seen = Vec::new();
        while let Ok(event) = events.try_recv() {
            seen.push(event);
        }
        (outcome, seen)
    }

    pub(crate) async fn layer(&self, files: &Files) -> Layer {
        self.ensure(files).await.0.unwrap()
    }

    /// Entries of a folder of the store.
    pub(crate) fn count(&self, folder: &str) -> usize {
        std::fs::read_dir(self.dir.path().join("layers").join(folder)).unwrap().count()
    }
}
