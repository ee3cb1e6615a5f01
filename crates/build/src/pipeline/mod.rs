//! The build pipeline: from a revision's files to an artifact that is known to be a whole site.
//!
//! - [`plan`] decides what runs and where its output will be.
//! - [`build`] runs it in a fresh sandbox without network, takes the output out, and looks whether it is a site.
//! - [`pack`] makes the manifest and the compressed forms.
//! - [`inputs`], [`provenance`] and [`sbom`] say what an artifact was made of; [`compare`] whether two are the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vitrine_model::SandboxId;
use vitrine_model::profile::ProfileKind;
use vitrine_model::secret::SecretValue;
use vitrine_sandbox::Driver;
use vitrine_sandbox::driver::{CollectLimits, FilePut};

use crate::Files;
use crate::guard::Guard;
use run::Ending;

mod address;
pub mod compare;
mod compress;
mod config;
mod content_type;
mod environment;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod inputs;
mod log;
pub mod pack;
mod page;
mod plan;
pub mod provenance;
mod references;
mod run;
pub mod sbom;
mod style;
mod words;

pub use content_type::content_type;
pub use error::{BuildError, ReachedLimit};
pub use log::{BuildLog, MAX_LINE_CHARS};
pub use page::Page;
pub use plan::{BuildPlan, PlanError, plan};
pub use references::{Inspection, MissingReference, ReferenceKind, inspect};
pub use words::Location;

/// The version of this procedure, part of [`vitrine_model::BuildInputs`]: raised when the same inputs may give another
/// artifact, so that what was built before is not taken for it.
pub const PROCEDURE: u32 = 1;

/// Files in an artifact. The largest documentation sites have some ten thousand pages.
pub const MAX_ARTIFACT_FILES: usize = 20_000;

/// Bytes of one file of an artifact: larger ones are films, which belong where they are streamed from.
pub const MAX_ARTIFACT_FILE_BYTES: u64 = 100 * 1024 * 1024;

/// Bytes of an artifact; they are held in memory while they are packed.
pub const MAX_ARTIFACT_BYTES: u64 = 500 * 1024 * 1024;

/// What one build may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildLimits {
    /// Memory of the first attempt, its files included.
    pub memory_bytes: u64,
    /// After running out of memory a build is tried once more with twice as much, up to this.
    pub memory_max_bytes: u64,
    /// CPU share in thousandths of a core.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of files: the project, the output, caches. In memory, so it is less than `memory_bytes`.
    pub disk_bytes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// How long the command may run.
    pub wall: Duration,
    /// Bounds of the output.
    pub output: CollectLimits,
}

impl BuildLimits {
    /// The defaults for a kind of project.
    pub fn of(kind: ProfileKind) -> Self {
        let memory_mib = match kind {
            // Astro holds a Vite of its own and renders every page in the same process.
            ProfileKind::Astro => 1_536,
            ProfileKind::Vite | ProfileKind::Static | ProfileKind::Custom => 1_024,
        };
        Self {
            memory_bytes: memory_mib << 20,
            memory_max_bytes: 4 << 30,
            cpu_millis: 4_000,
            pids: 512,
            disk_bytes: (memory_mib << 20) / 4 * 3,
            open_files: 16_384,
            wall: Duration::from_secs(600),
            output: CollectLimits {
                files: MAX_ARTIFACT_FILES,
                file_bytes: MAX_ARTIFACT_FILE_BYTES,
                total_bytes: MAX_ARTIFACT_BYTES,
            },
        }
    }

    /// The same with twice the memory and room for files; `None` when that is over the ceiling.
    fn doubled(&self) -> Option<Self> {
        let memory_bytes = self.memory_bytes.saturating_mul(2).min(self.memory_max_bytes);
        let grows = memory_bytes > self.memory_bytes;
        grows.then(|| Self { memory_bytes, disk_bytes: self.disk_bytes.saturating_mul(2), ..self.clone() })
    }
}

/// What to build, and with what.
#[derive(Clone)]
pub struct BuildRequest {
    /// The name of its sandbox; free again when the build has ended.
    pub sandbox_id: SandboxId,
    /// What runs.
    pub plan: BuildPlan,
    /// The revision's files.
    pub files: Vec<FilePut>,
    /// The toolchain on the host.
    pub toolchain: PathBuf,
    /// The layer's `node_modules` on the host; `None` without one. Keep the layer until the build has ended.
    pub node_modules: Option<PathBuf>,
    /// The compile cache of the layer's tools on the host, if there is one.
    pub compile_cache: Option<PathBuf>,
    /// Secrets and variables given to the build command by name. They cannot replace those that Vitrine sets (`PATH`,
    /// `HOME`, `NODE_ENV`, …).
    pub environment: BTreeMap<String, SecretValue>,
    /// What must appear neither in the log nor in the output: the secrets given, and others of the app.
    pub guard: Arc<Guard>,
    /// What it may use.
    pub limits: BuildLimits,
}

/// What a build used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildUsage {
    /// The most memory seen; looked at now and then, so a short peak may be missed.
    pub memory_bytes: u64,
    /// CPU time.
    pub cpu_micros: u64,
}

/// A build that led to a site. Its sandbox may still be on its way out; see [`Self::ended`].
#[derive(Debug)]
pub struct Built {
    /// The site's files.
    pub files: Files,
    /// Its pages, and files that it names and can do without.
    pub inspection: Inspection,
    /// How long the command ran; the last attempt's. Zero without a command.
    pub duration: Duration,
    /// What it used.
    pub usage: BuildUsage,
    /// Memory of the attempt that succeeded, when it was not the first: worth beginning with next time.
    pub needed_memory_bytes: Option<u64>,
    ending: Option<Ending>,
}

impl Built {
    /// Returns when nothing of the build's sandbox is left. Until then its layer is in use. It takes some tens of milliseconds, in
    /// which what was built can be worked on; what goes wrong is in the log of the server. To be called once at least.
    pub async fn ended(&mut self) {
        if let Some(ending) = self.ending.take() {
            ending.wait().await;
        }
    }
}

/// Builds. Succeeds only when the command ended with code 0, left an `index.html`, left every script, module and style sheet
/// that a page names, and no file holds a secret.
///
/// The sandbox is fresh, sees the project, the toolchain and the layer, has no network and an environment of its own.
/// When this fails, nothing of it is left; when it succeeds, [`Built::ended`] says when that is so; when it is dropped, the sandbox
/// goes, too.
pub async fn build(
    driver: &dyn Driver,
    request: BuildRequest,
    log: &dyn BuildLog,
    cancel: CancellationToken,
) -> Result<Built, BuildError> {
    let plan = request.plan.clone();
    let ran = match plan.is_as_is() {
        true => run::as_is(&request)?,
        false => run::run(driver, &request, log, &cancel).await?,
    };
    let run::Ran { files, duration, usage, needed_memory_bytes, ending } = ran;
    let (files, inspection) = match look_through(files, plan, request.guard).await {
        Ok(looked) => looked,
        Err(error) => {
            if let Some(ending) = ending {
                ending.wait().await;
            }
            return Err(error);
        }
    };
    for warning in &inspection.warnings {
        log.line(true, &format!("warning: {warning}"));
    }
    Ok(Built { files, inspection, duration, usage, needed_memory_bytes, ending })
}

async fn look_through(
    files: Files,
    plan: BuildPlan,
    guard: Arc<Guard>,
) -> Result<(Files, Inspection), BuildError> {
    let looking = tokio::task::spawn_blocking(move || {
        // First of all: no other message may quote such a file.
        let leaks = guard.leaks(&files);
        if !leaks.is_empty() {
            return Err(BuildError::SecretInOutput { leaks });
        }
        let inspection = inspect(&files, &plan.output)?;
        Ok((files, inspection))
    });
    looking.await.map_err(|error| {
        vitrine_sandbox::DriverError::Io(std::io::Error::other(format!(
            "looking through the output: {error}"
        )))
    })?
}

#[cfg(test)]
mod tests;
