//! The compile cache: what Node.js made of a layer's tools, so that the next dev server or build does not compile the same
//! megabytes of JavaScript again (`node:module`, "Module compile cache").
//!
//! Compiled code is trusted by whoever loads it. So it is made by a sandbox of its own that sees the layer and a project of
//! ours: nothing but the layer's packages has a say in it, and whoever uses the layer runs those anyway. Sandboxes see it
//! read-only.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use vitrine_model::{FileMode, ProjectPath};
use vitrine_sandbox::driver::{
    CollectLimits, Command, DriverError, ExecLimits, FileBatch, FilePut, Limits, Mount, PROJECT_DIR, Sandbox,
    SandboxSpec, Started, TOOLCHAIN_DIR, Urgency,
};

use crate::Files;
use crate::layers::{COMPILE_CACHES, Layer, LayerStore, bin_of};
use crate::profile::{DevSettings, dev_env};
use crate::toolchain::Toolchain;

/// Where sandboxes see the cache.
pub const COMPILE_CACHE_DIR: &str = "/opt/compile-cache";

/// The folder of the project that the cache is made in.
const FOLDER: &str = "compiled";

/// Vite 8 with its usual plugins takes 2 MiB in 200 files.
const OUTPUT: CollectLimits =
    CollectLimits { files: 4_000, file_bytes: 16 * 1024 * 1024, total_bytes: 64 * 1024 * 1024 };

const EXERCISE: &str = include_str!("exercise.mjs");

/// The exercise takes a second or two; a layer whose tools hang goes without.
const TIMEOUT: Duration = Duration::from_secs(60);

const LIMITS: Limits = Limits {
    memory_bytes: 1024 * 1024 * 1024,
    cpu_millis: 2_000,
    urgency: Urgency::Background,
    pids: 256,
    disk_bytes: 512 * 1024 * 1024,
    open_files: 8_192,
};

/// Why there is no compile cache. Never a reason not to start anything.
#[derive(Debug, thiserror::Error)]
pub enum CompileCacheError {
    /// The tools did not get through the exercise; their own words.
    #[error("the layer's tools did not run: {0}")]
    Tools(String),
    /// The sandbox could not be made or was lost.
    #[error(transparent)]
    Sandbox(#[from] DriverError),
    /// The disk failed or is full.
    #[error("the compile cache could not be kept: {0}")]
    Io(#[from] std::io::Error),
}

/// What is being made at this moment, so that nothing is made twice at once.
#[derive(Debug, Default)]
pub(crate) struct Making(Mutex<HashSet<PathBuf>>);

impl Making {
    fn begin(&self, place: &Path) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place.to_owned())
    }

    fn end(&self, place: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
    }
}

/// The variables that say whether Node.js is to use a cache. Without one it is told to make none: it would write as much again
/// into every sandbox, for nobody.
pub fn compile_cache_env(has_cache: bool) -> (&'static str, &'static str) {
    match has_cache {
        true => ("NODE_COMPILE_CACHE", COMPILE_CACHE_DIR),
        false => ("NODE_DISABLE_COMPILE_CACHE", "1"),
    }
}

impl LayerStore {
    /// The compile cache of a layer's tools under this toolchain, to be mounted read-only at [`COMPILE_CACHE_DIR`]; `None`
    /// when there is none (yet).
    pub fn compile_cache_dir(&self, layer: &Layer, toolchain: &Toolchain) -> Option<PathBuf> {
        let place = place(layer, toolchain);
        place.is_dir().then_some(place)
    }

    /// Makes the compile cache unless it is there, is being made, or the layer has no Vite. Tools that fail leave an empty one:
    /// they would fail again.
    pub async fn make_compile_cache(
        &self,
        layer: &Layer,
        toolchain: &Toolchain,
    ) -> Result<(), CompileCacheError> {
        let place = place(layer, toolchain);
        let Some(script) = bin_of(&layer.node_modules, "vite") else { return Ok(()) };
        if place.is_dir() || !self.compile_caches().begin(&place) {
            return Ok(());
        }
        let made = self.exercise((layer, &script), toolchain).await;
        let outcome = match made {
            Ok(files) => keep(&place, files).await,
            Err(error @ CompileCacheError::Tools(_)) => keep(&place, Files::new()).await.and(Err(error)),
            Err(error) => Err(error),
        };
        self.compile_caches().end(&place);
        outcome
    }

    async fn exercise(
        &self,
        (layer, script): (&Layer, &str),
        toolchain: &Toolchain,
    ) -> Result<Files, CompileCacheError> {
        let spec = SandboxSpec {
            id: self.mint_sandbox_id(),
            mounts: vec![
                Mount::ReadOnly { source: toolchain.dir.clone(), target: TOOLCHAIN_DIR.into() },
                Mount::Overlay {
                    lowers: vec![layer.node_modules.clone()],
                    target: format!("{PROJECT_DIR}/node_modules").into(),
                },
            ],
            limits: LIMITS,
        };
        let Started { sandbox, events: _events } = self.driver().start(spec).await?;
        let made = run(sandbox.as_ref(), script).await;
        sandbox.stop().await?;
        made
    }
}

async fn run(sandbox: &dyn Sandbox, script: &str) -> Result<Files, CompileCacheError> {
    sandbox.apply(FileBatch { put: project(), removed: Vec::new() }).await?;
    let settings = DevSettings {
        port: 4173,
        preview_host_suffix: "localhost",
        timezone: "UTC",
        has_prebundle: false,
        has_compile_cache: true,
        marks_elements: false,
    };
    let mut env = dev_env(&settings);
    env.insert("NODE_COMPILE_CACHE".to_owned(), format!("{PROJECT_DIR}/{FOLDER}"));
    let node = format!("{TOOLCHAIN_DIR}/bin/node");
    let vite = format!("{PROJECT_DIR}/node_modules/vite/{script}");
    // The command-line program has parts of its own.
    let commands = [vec![node.clone(), "exercise.mjs".to_owned()], vec![node, vite, "--version".to_owned()]];
    for argv in commands {
        let command = Command { argv, env: env.clone(), cwd: PROJECT_DIR.to_owned() };
        let limits = ExecLimits { timeout: TIMEOUT, max_output_bytes: 4_096 };
        let output = sandbox.exec(command, limits).await?;
        if !output.exit.is_success() {
            return Err(CompileCacheError::Tools(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
    }
    let folder = ProjectPath::parse(FOLDER).map_err(|error| CompileCacheError::Tools(error.to_string()))?;
    let collected = sandbox.collect(Some(&folder), OUTPUT).await?;
    match collected.refused.first() {
        None => Ok(collected.files),
        Some(refused) => Err(CompileCacheError::Tools(refused.to_string())),
    }
}

/// The smallest project that makes Vite load all of itself.
fn project() -> Vec<FilePut> {
    let files = [
        ("package.json", r#"{"name":"exercise","private":true,"type":"module"}"#),
        ("index.html", r#"<!doctype html><script type="module" src="/main.js"></script>"#),
        ("main.js", "import './main.css';\ndocument.title = 'x';\n"),
        ("main.css", "a { color: red }\n"),
        ("exercise.mjs", EXERCISE),
    ];
    let put = |(path, text): (&str, &'static str)| {
        let path = ProjectPath::parse(path).ok()?;
        Some(FilePut { path, mode: FileMode::Regular, content: Bytes::from_static(text.as_bytes()) })
    };
    files.into_iter().filter_map(put).collect()
}

fn place(layer: &Layer, toolchain: &Toolchain) -> PathBuf {
    layer.dir().join(COMPILE_CACHES).join(&toolchain.id)
}

/// Written beside its place and moved there whole.
async fn keep(place: &Path, files: Files) -> Result<(), CompileCacheError> {
    let place = place.to_owned();
    let keeping = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        let shelf = place.parent().unwrap_or(&place).to_owned();
        std::fs::create_dir_all(&shelf)?;
        let staging = tempfile::Builder::new().prefix(".staging-").tempdir_in(&shelf)?;
        let fresh = staging.path().join("new");
        std::fs::create_dir(&fresh)?;
        for (path, content) in &files {
            let path = fresh.join(path.as_str());
            std::fs::create_dir_all(path.parent().unwrap_or(&fresh))?;
            std::fs::write(path, content)?;
        }
        std::fs::rename(&fresh, &place)
    });
    Ok(keeping.await.map_err(std::io::Error::other)??)
}
