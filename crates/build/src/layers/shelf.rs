//! The layers on disk: finding, lending, adding and collecting them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use vitrine_model::source::Clock;
use vitrine_model::{ProjectPath, Sha256};

use super::seal::weigh;
use super::{Installed, Job, Layer, LayerError, LayerStats};
use crate::diagnostic::Diagnostic;
use crate::prebundle::keeping;

/// Beside a layer's tree: what its tools made of it, and so a part of what it weighs.
pub(crate) const PREBUNDLES: &str = "prebundles";
pub(crate) const COMPILE_CACHES: &str = "compile-caches";

/// Prefix of everything that is on its way in or out; removed when the shelf is opened.
pub(super) const STAGING: &str = "staging";
const LAYERS: &str = "layers";
const ANSWERS: &str = "answers";
const TRASH: &str = "trash";
const RECORD: &str = "layer.json";

/// Versions chosen for a project without a (fitting) lockfile are chosen again for the next such project after this.
const ANSWER_AGE_MS: i64 = 24 * 60 * 60 * 1_000;

/// `layer.json`; its modification time is the layer's last use.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    stats: LayerStats,
}

/// What was found out for a request whose lockfile could not be followed: the layer and the lockfile it led to.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    layer: Sha256,
    lockfile: Option<(ProjectPath, String)>,
    diagnostics: Vec<Diagnostic>,
    made_at_ms: i64,
}

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Layers removed.
    pub removed: u64,
    /// Bytes of them.
    pub removed_bytes: u64,
    /// Bytes of the layers that are left, with what is kept beside them.
    pub kept_bytes: u64,
}

/// A directory on its way to the shelf. Removed when dropped, by a thread that may wait: there can be hundreds of thousands of
/// files in it.
#[derive(Debug)]
pub(super) struct Staging(Option<TempDir>);

impl Staging {
    pub(super) fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// Leaves it where it was moved to.
    fn keep(mut self) -> PathBuf {
        self.0.take().map(TempDir::keep).unwrap_or_default()
    }

    /// Removes it; it is gone when this returns.
    pub(super) async fn remove(mut self) {
        let dir = self.0.take();
        // Should the server end before that, it is removed at the next start.
        let _ = tokio::task::spawn_blocking(move || drop(dir)).await;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let dir = self.0.take();
        if let (Some(_), Ok(runtime)) = (&dir, tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(dir));
        }
    }
}

type InUse = Mutex<HashMap<Sha256, usize>>;

/// Keeps a layer from being collected while it lives.
#[derive(Debug)]
pub(super) struct Lease {
    id: Sha256,
    dir: PathBuf,
    in_use: Arc<InUse>,
}

impl Lease {
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = in_use.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                in_use.remove(&self.id);
            }
        }
    }
}

/// The directory with all layers.
pub(super) struct Shelf {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    in_use: Arc<InUse>,
}

impl Shelf {
    /// Opens or makes it, and removes what was on its way when an earlier server ended.
    pub(super) fn open(root: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
        for name in [STAGING, TRASH] {
            match std::fs::remove_dir_all(root.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for name in [STAGING, TRASH, LAYERS, ANSWERS] {
            std::fs::create_dir_all(root.join(name))?;
        }
        Ok(Self { root: root.to_owned(), clock, in_use: Arc::default() })
    }

    /// A fresh directory for an installation.
    pub(super) fn stage(&self) -> io::Result<Staging> {
        tempfile::Builder::new().tempdir_in(self.root.join(STAGING)).map(|dir| Staging(Some(dir)))
    }

    /// The layer a job would give, if it is there.
    pub(super) fn find(&self, job: &Job) -> Option<Layer> {
        if let Some(layer) = self.lend(job.id) {
            return Some(layer);
        }
        let answer = self.read_answer(job.id)?;
        let mut layer = self.lend(answer.layer)?;
        layer.resolved_lockfile = answer.lockfile.map(|(path, text)| (path, Bytes::from(text)));
        layer.diagnostics = answer.diagnostics;
        Some(layer)
    }

    /// Moves an installation to its place and lends it. One that is there already wins.
    pub(super) fn put(&self, job: &Job, installed: Installed) -> Result<Layer, LayerError> {
        let Installed { staging, id, resolved_lockfile, diagnostics, stats } = installed;
        let record = serde_json::to_vec(&Record { stats }).map_err(|error| LayerError::io(error.into()))?;
        std::fs::write(staging.path().join(RECORD), record).map_err(LayerError::io)?;
        match std::fs::rename(staging.path(), self.layer_dir(id)) {
            Ok(()) => drop(staging.keep()),
            Err(_) if self.layer_dir(id).join(RECORD).exists() => {}
            Err(error) => return Err(LayerError::io(error)),
        }
        let mut layer = self.lend(id).ok_or(LayerError::Interrupted)?;
        if id != job.id {
            self.write_answer(job.id, id, resolved_lockfile.as_ref(), &diagnostics)
                .map_err(LayerError::io)?;
        }
        layer.resolved_lockfile = resolved_lockfile;
        layer.diagnostics = diagnostics;
        layer.reused = false;
        Ok(layer)
    }

    fn lend(&self, id: Sha256) -> Option<Layer> {
        let dir = self.layer_dir(id);
        // The look and the lease are one step: a collection cannot come between.
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let record: Record = serde_json::from_slice(&std::fs::read(dir.join(RECORD)).ok()?).ok()?;
        *in_use.entry(id).or_default() += 1;
        drop(in_use);
        self.touch(&dir);
        let lease = Arc::new(Lease { id, dir: dir.clone(), in_use: self.in_use.clone() });
        Some(Layer {
            id,
            node_modules: dir.join("node_modules"),
            resolved_lockfile: None,
            diagnostics: Vec::new(),
            stats: record.stats,
            reused: true,
            lease,
        })
    }

    /// Notes the use. A failure makes the layer look older than it is, and nothing worse.
    fn touch(&self, dir: &Path) {
        let millis = u64::try_from(self.clock.now().as_millis()).unwrap_or(0);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let file = File::options().write(true).open(dir.join(RECORD));
        if let Err(error) = file.and_then(|file| file.set_modified(now)) {
            tracing::warn!(dir = %dir.display(), %error, "the use of a layer could not be noted");
        }
    }

    /// Removes what is not in use, oldest use first, until the rest weighs at most `budget_bytes`.
    pub(super) fn collect(&self, budget_bytes: u64) -> io::Result<Collected> {
        let outcome = self.beyond(budget_bytes, |id| self.discard(id))?;
        if outcome.removed > 0 {
            tracing::info!(removed = outcome.removed, bytes = outcome.removed_bytes, "layers collected");
        }
        Ok(outcome)
    }

    /// What [`Shelf::collect`] would remove; removes nothing.
    pub(super) fn surplus(&self, budget_bytes: u64) -> io::Result<Collected> {
        let in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.beyond(budget_bytes, |id| Ok(!in_use.contains_key(&id)))
    }

    /// Goes through the layers, oldest use first, until what `goes` does not take weighs at most `budget_bytes`.
    fn beyond(&self, budget_bytes: u64, goes: impl Fn(Sha256) -> io::Result<bool>) -> io::Result<Collected> {
        let mut layers = self.list()?;
        layers.sort_by_key(|layer| layer.last_use);
        let mut outcome =
            Collected { kept_bytes: layers.iter().map(|layer| layer.bytes).sum(), ..Collected::default() };
        for layer in layers {
            if outcome.kept_bytes <= budget_bytes {
                break;
            }
            if goes(layer.id)? {
                outcome.removed += 1;
                outcome.removed_bytes += layer.bytes;
                outcome.kept_bytes -= layer.bytes;
            }
        }
        Ok(outcome)
    }

    /// How many layers there are, how many of them are in use, and their bytes.
    pub(super) fn usage(&self) -> io::Result<(u64, u64, u64)> {
        let layers = self.list()?;
        let in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let used = layers.iter().filter(|layer| in_use.contains_key(&layer.id)).count();
        Ok((layers.len() as u64, used as u64, layers.iter().map(|layer| layer.bytes).sum()))
    }

    /// Moves an unused layer out of sight first, so that nobody ever sees half of one, and deletes it then.
    fn discard(&self, id: Sha256) -> io::Result<bool> {
        let trash = tempfile::Builder::new().tempdir_in(self.root.join(TRASH))?;
        {
            let in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
            if in_use.contains_key(&id) {
                return Ok(false);
            }
            std::fs::rename(self.layer_dir(id), trash.path().join("layer"))?;
        }
        trash.close()?;
        Ok(true)
    }

    /// Where pre-bundles may be.
    pub(super) fn prebundle_shelves(&self) -> io::Result<Vec<PathBuf>> {
        let layers = std::fs::read_dir(self.root.join(LAYERS))?;
        layers.map(|entry| Ok(entry?.path().join(PREBUNDLES))).collect()
    }

    fn list(&self) -> io::Result<Vec<Shelved>> {
        let mut layers = Vec::new();
        for entry in std::fs::read_dir(self.root.join(LAYERS))? {
            let entry = entry?;
            let Ok(id) = entry.file_name().to_string_lossy().parse::<Sha256>() else {
                continue;
            };
            let record = entry.path().join(RECORD);
            let last_use = record.metadata().and_then(|metadata| metadata.modified());
            let stats =
                std::fs::read(&record).ok().and_then(|text| serde_json::from_slice::<Record>(&text).ok());
            let beside = keeping::weigh_all(&entry.path().join(PREBUNDLES))
                + weigh(&entry.path().join(COMPILE_CACHES));
            // Without a readable record it is of no use to anybody: the first to go.
            layers.push(Shelved {
                id,
                bytes: stats.map_or(0, |record| record.stats.bytes) + beside,
                last_use: last_use.unwrap_or(SystemTime::UNIX_EPOCH),
            });
        }
        Ok(layers)
    }

    fn read_answer(&self, request: Sha256) -> Option<Answer> {
        let answer: Answer = serde_json::from_slice(&std::fs::read(self.answer_path(request)).ok()?).ok()?;
        let age = self.clock.now().as_millis() - answer.made_at_ms;
        (0..ANSWER_AGE_MS).contains(&age).then_some(answer)
    }

    fn write_answer(
        &self,
        request: Sha256,
        layer: Sha256,
        lockfile: Option<&(ProjectPath, Bytes)>,
        diagnostics: &[Diagnostic],
    ) -> io::Result<()> {
        let lockfile =
            lockfile.map(|(path, bytes)| (path.clone(), String::from_utf8_lossy(bytes).into_owned()));
        let made_at_ms = self.clock.now().as_millis();
        let answer = Answer { layer, lockfile, diagnostics: diagnostics.to_vec(), made_at_ms };
        let mut file = tempfile::NamedTempFile::new_in(self.root.join(STAGING))?;
        serde_json::to_writer(&mut file, &answer)?;
        file.persist(self.answer_path(request)).map_err(|error| error.error)?;
        Ok(())
    }

    fn layer_dir(&self, id: Sha256) -> PathBuf {
        self.root.join(LAYERS).join(id.to_hex())
    }

    fn answer_path(&self, request: Sha256) -> PathBuf {
        self.root.join(ANSWERS).join(request.to_hex())
    }
}

struct Shelved {
    id: Sha256,
    bytes: u64,
    last_use: SystemTime,
}

#[cfg(test)]
mod tests;
