//! One directory with processes, behaving like a sandbox.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use vitrine_jail::files::{FileError, Project};
use vitrine_jail::protocol::{FetchPiece, ListedEntry, PutPiece};
use vitrine_model::{FileMode, ProjectPath, SandboxId};

use super::commands::Commands;
use super::paths::Paths;
use super::{Claim, Places, blocking, links};
use crate::collect;
use crate::driver::{
    Applied, CollectLimits, Collected, Command, DriverError, EndReason, ExecLimits, ExecOutput, FileBatch,
    HeldFile, Sandbox, Usage,
};
use crate::events::Events;
use crate::run::Running;
use crate::stream::{Listener, Stream};

/// A running sandbox of the process driver.
#[derive(Debug)]
pub(super) struct ProcessSandbox {
    id: SandboxId,
    places: Places,
    project: Arc<Project>,
    paths: Paths,
    commands: Commands,
    events: Events,
    /// What is copied back at the end: from, to.
    returned: Vec<(PathBuf, PathBuf)>,
    /// Held while files change, so that batches come one after the other.
    applying: tokio::sync::Mutex<()>,
    /// `None` once it has been stopped.
    claim: Mutex<Option<Claim>>,
}

/// What a sandbox is made of.
pub(super) struct Made {
    pub(super) id: SandboxId,
    pub(super) places: Places,
    pub(super) project: Project,
    pub(super) paths: Paths,
    pub(super) commands: Commands,
    pub(super) events: Events,
    pub(super) returned: Vec<(PathBuf, PathBuf)>,
    pub(super) claim: Claim,
}

impl From<Made> for ProcessSandbox {
    fn from(made: Made) -> Self {
        Self {
            id: made.id,
            places: made.places,
            project: Arc::new(made.project),
            paths: made.paths,
            commands: made.commands,
            events: made.events,
            returned: made.returned,
            applying: tokio::sync::Mutex::default(),
            claim: Mutex::new(Some(made.claim)),
        }
    }
}

impl ProcessSandbox {
    fn check_running(&self) -> Result<(), DriverError> {
        match *self.claim.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(_) => Ok(()),
            None => Err(DriverError::Ended),
        }
    }

    fn take_claim(&self) -> Option<Claim> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for ProcessSandbox {
    fn drop(&mut self) {
        let Some(claim) = self.take_claim() else { return };
        self.commands.kill_all();
        // Nobody waits for this one: its files go, and nothing is copied back.
        let _ = std::fs::remove_dir_all(&self.places.dir);
        self.events.end(EndReason::Stopped);
        drop(claim);
    }
}

#[async_trait]
impl Sandbox for ProcessSandbox {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    async fn apply(&self, batch: FileBatch) -> Result<Applied, DriverError> {
        self.check_running()?;
        let _one_at_a_time = self.applying.lock().await;
        let project = self.project.clone();
        blocking(move || apply(&project, &batch).map_err(file_error)).await
    }

    async fn digest(&self) -> Result<BTreeMap<ProjectPath, HeldFile>, DriverError> {
        self.check_running()?;
        let project = self.project.clone();
        let held = blocking(move || project.digest().map_err(file_error)).await?;
        Ok(held.into_iter().filter_map(crate::local::held_file).collect())
    }

    async fn read(&self, path: &ProjectPath, max_bytes: u64) -> Result<Option<Bytes>, DriverError> {
        self.check_running()?;
        let (project, path) = (self.project.clone(), path.clone());
        let content = blocking(move || project.read(path.as_str(), max_bytes).map_err(file_error)).await?;
        Ok(content.map(Bytes::from))
    }

    async fn collect(
        &self,
        folder: Option<&ProjectPath>,
        limits: CollectLimits,
    ) -> Result<Collected, DriverError> {
        self.check_running()?;
        collect::collect(self, folder, limits).await
    }

    async fn spawn(&self, name: &str, command: Command) -> Result<(), DriverError> {
        self.check_running()?;
        self.commands.spawn(name, self.paths.translate(command)).await
    }

    async fn kill(&self, name: &str) -> Result<(), DriverError> {
        self.check_running()?;
        self.commands.kill(name).await;
        Ok(())
    }

    async fn exec(&self, command: Command, limits: ExecLimits) -> Result<ExecOutput, DriverError> {
        self.check_running()?;
        self.commands.exec(self.paths.translate(command), limits).await
    }

    async fn run(&self, command: Command, limits: ExecLimits) -> Result<Running, DriverError> {
        self.check_running()?;
        self.commands.run(self.paths.translate(command), limits)
    }

    async fn dial(&self, port: u16) -> Result<Stream, DriverError> {
        self.check_running()?;
        let stream = match TcpStream::connect(("127.0.0.1", port)).await {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                TcpStream::connect(("::1", port)).await
            }
            outcome => outcome,
        };
        let stream = stream.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::AddrNotAvailable => {
                DriverError::ConnectionRefused(port)
            }
            _ => DriverError::Io(error),
        })?;
        stream.set_nodelay(true)?;
        Ok(stream.into())
    }

    async fn listen(&self, port: u16) -> Result<Listener, DriverError> {
        self.check_running()?;
        Ok(TcpListener::bind(("127.0.0.1", port)).await?.into())
    }

    async fn usage(&self) -> Result<Usage, DriverError> {
        self.check_running()?;
        let pids = u32::try_from(self.commands.count()).unwrap_or(u32::MAX);
        Ok(Usage { pids, ..Usage::default() })
    }

    async fn stop(&self) -> Result<(), DriverError> {
        let Some(claim) = self.take_claim() else { return Ok(()) };
        self.commands.kill_all();
        self.commands.wait_for_all().await;
        let (dir, returned) = (self.places.dir.clone(), self.returned.clone());
        let cleared = blocking(move || {
            returned.iter().try_for_each(|(from, to)| links::link_tree(from, to))?;
            Ok(std::fs::remove_dir_all(dir)?)
        });
        let cleared = cleared.await;
        self.events.end(EndReason::Stopped);
        drop(claim);
        cleared
    }
}

impl collect::Source for ProcessSandbox {
    async fn list(&self, folder: &str) -> Result<Vec<ListedEntry>, DriverError> {
        let (project, folder) = (self.project.clone(), folder.to_owned());
        blocking(move || project.list(&folder).map_err(file_error)).await
    }

    async fn fetch(&self, pieces: Vec<FetchPiece>) -> Result<(Vec<Option<u64>>, Bytes), DriverError> {
        let project = self.project.clone();
        blocking(move || {
            let mut content = Vec::new();
            let sizes = project.fetch(&pieces, &mut content).map_err(file_error)?;
            Ok((sizes, content.into()))
        })
        .await
    }
}

fn apply(project: &Project, files: &FileBatch) -> Result<Applied, FileError> {
    let mut batch = project.batch();
    for file in &files.put {
        let piece = PutPiece {
            path: file.path.as_str().to_owned(),
            is_executable: file.mode == FileMode::Executable,
            size: file.content.len() as u64,
            continues: false,
        };
        batch.put(&piece, &file.content)?;
    }
    files.removed.iter().try_for_each(|path| batch.remove(path.as_str()))?;
    let counts = batch.commit()?;
    Ok(Applied { written: counts.written, unchanged: counts.unchanged, removed: counts.removed })
}

fn file_error(error: FileError) -> DriverError {
    match error {
        FileError::Limit { .. } => DriverError::Limit(error.to_string()),
        _ => DriverError::Refused(error.to_string()),
    }
}
