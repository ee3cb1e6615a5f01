//! One local sandbox: a guest at the other end of two sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use vitrine_jail::protocol::{CommandSpec, Ended, FetchPiece, HeldEntry, ListedEntry, Reply, Request};
use vitrine_model::{FileMode, ProjectPath, SandboxId};

use super::dial::Dialer;
use super::life::Life;
use super::parts;
use crate::collect;
use crate::connection::{Connection, unexpected};
use crate::driver::{
    Applied, CollectLimits, Collected, Command, DriverError, ExecLimits, ExecOutput, Exit, FileBatch,
    HeldFile, Sandbox, Urgency, Usage,
};
use crate::run::Running;
use crate::stream::{Listener, Stream};
use crate::words::plain;

/// Work on files: 250 MiB at most, in memory.
const FILES_WITHIN: Duration = Duration::from_secs(60);

/// Starting and ending commands: the guest itself kills after two seconds.
const COMMANDS_WITHIN: Duration = Duration::from_secs(15);

/// Given to the guest on top of a command's own time.
const EXEC_GRACE: Duration = Duration::from_secs(10);

/// A running sandbox of the local driver.
#[derive(Debug)]
pub(super) struct LocalSandbox {
    pub(super) id: SandboxId,
    pub(super) connection: Connection,
    pub(super) dialer: Arc<Dialer>,
    pub(super) life: Arc<Life>,
}

impl Drop for LocalSandbox {
    fn drop(&mut self) {
        self.life.kill_as_stopped();
    }
}

#[async_trait]
impl Sandbox for LocalSandbox {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    async fn apply(&self, batch: FileBatch) -> Result<Applied, DriverError> {
        match self.connection.ask_in_parts(FILES_WITHIN, |id| parts::frames(id, batch)).await? {
            (Reply::Applied(counts), _) => {
                Ok(Applied { written: counts.written, unchanged: counts.unchanged, removed: counts.removed })
            }
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    async fn digest(&self) -> Result<BTreeMap<ProjectPath, HeldFile>, DriverError> {
        match self.connection.ask(Request::Digest, FILES_WITHIN).await? {
            (Reply::Digest, payload) => {
                let held: Vec<HeldEntry> = serde_json::from_slice(&payload)
                    .map_err(|error| DriverError::Refused(plain(&error.to_string())))?;
                Ok(held.into_iter().filter_map(held_file).collect())
            }
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    async fn read(&self, path: &ProjectPath, max_bytes: u64) -> Result<Option<Bytes>, DriverError> {
        let request = Request::Read { path: path.as_str().to_owned(), max_bytes };
        match self.connection.ask(request, FILES_WITHIN).await? {
            (Reply::Content { is_found }, content) => Ok(is_found.then_some(content)),
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    async fn collect(
        &self,
        folder: Option<&ProjectPath>,
        limits: CollectLimits,
    ) -> Result<Collected, DriverError> {
        collect::collect(self, folder, limits).await
    }

    async fn spawn(&self, name: &str, command: Command) -> Result<(), DriverError> {
        self.life.expect(name);
        let request = Request::Spawn { name: name.to_owned(), command: command_spec(command) };
        self.done(request).await
    }

    async fn kill(&self, name: &str) -> Result<(), DriverError> {
        self.done(Request::Kill { name: name.to_owned() }).await
    }

    async fn exec(&self, command: Command, limits: ExecLimits) -> Result<ExecOutput, DriverError> {
        let request = Request::Exec {
            command: command_spec(command),
            timeout_ms: u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX),
            max_output_bytes: limits.max_output_bytes as u64,
        };
        match self.connection.ask(request, limits.timeout.saturating_add(EXEC_GRACE)).await? {
            (Reply::Exec { exit, stdout_bytes }, mut stdout) => {
                let end = usize::try_from(stdout_bytes).map_or(stdout.len(), |bytes| bytes.min(stdout.len()));
                let stderr = stdout.split_off(end);
                Ok(ExecOutput { exit: self.life.exit(exit), stdout, stderr })
            }
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    async fn run(&self, command: Command, limits: ExecLimits) -> Result<Running, DriverError> {
        let request = Request::Run {
            command: command_spec(command),
            timeout_ms: u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX),
            max_output_bytes: limits.max_output_bytes as u64,
        };
        let watched = Arc::new(OnceLock::new());
        let (connection, number) = (self.connection.clone(), watched.clone());
        let kill = move || {
            if let Some(id) = number.get() {
                connection.cancel(*id);
            }
        };
        let (running, reports) = Running::new(limits, kill);
        let life = self.life.clone();
        let running = running.explained(move |exit| life.explain(exit));
        // Known before it is sent: whoever loses patience in between leaves nothing running.
        let id = self.connection.watch(limits.max_output_bytes, reports)?;
        let _ = watched.set(id);
        self.connection.begin(id, request).await?;
        Ok(running)
    }

    async fn dial(&self, port: u16) -> Result<Stream, DriverError> {
        self.dialer.connect(port).await
    }

    async fn listen(&self, port: u16) -> Result<Listener, DriverError> {
        self.dialer.listen(port).await
    }

    async fn usage(&self) -> Result<Usage, DriverError> {
        self.life.usage().ok_or(DriverError::Ended)
    }

    fn set_urgency(&self, urgency: Urgency) {
        self.life.set_urgency(urgency);
    }

    fn can_freeze(&self) -> bool {
        self.life.can_freeze()
    }

    async fn freeze(&self) -> Result<(), DriverError> {
        self.blocking(Life::freeze).await?
    }

    async fn thaw(&self) -> Result<(), DriverError> {
        self.blocking(Life::thaw).await?
    }

    async fn reclaim(&self) -> Result<Usage, DriverError> {
        if has_swap() {
            self.blocking(Life::reclaim).await?;
        }
        self.usage().await
    }

    async fn stop(&self) -> Result<(), DriverError> {
        self.life.kill_as_stopped();
        self.life.wait_until_over().await
    }
}

impl collect::Source for LocalSandbox {
    async fn list(&self, folder: &str) -> Result<Vec<ListedEntry>, DriverError> {
        let request = Request::List { folder: folder.to_owned() };
        match self.connection.ask(request, FILES_WITHIN).await? {
            (Reply::Listing, payload) => serde_json::from_slice(&payload)
                .map_err(|error| DriverError::Refused(plain(&error.to_string()))),
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    async fn fetch(&self, pieces: Vec<FetchPiece>) -> Result<(Vec<Option<u64>>, Bytes), DriverError> {
        match self.connection.ask(Request::Fetch { pieces }, FILES_WITHIN).await? {
            (Reply::Fetched { sizes }, content) => Ok((sizes, content)),
            (reply, _) => Err(unexpected(&reply)),
        }
    }
}

impl LocalSandbox {
    /// Does something that waits for the kernel. Goes on when nobody waits for it any more.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Life) -> T + Send + 'static,
    ) -> Result<T, DriverError> {
        let life = self.life.clone();
        tokio::task::spawn_blocking(move || work(&life)).await.map_err(|_| DriverError::Ended)
    }

    async fn done(&self, request: Request) -> Result<(), DriverError> {
        match self.connection.ask(request, COMMANDS_WITHIN).await? {
            (Reply::Done, _) => Ok(()),
            (reply, _) => Err(unexpected(&reply)),
        }
    }
}

/// Without swap there is only the page cache to reclaim, which the kernel takes by itself when it is short of memory, and
/// which other sandboxes may share.
fn has_swap() -> bool {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("SwapTotal:"));
    total.is_some_and(|total| !total.trim_start().starts_with("0 "))
}

fn command_spec(command: Command) -> CommandSpec {
    CommandSpec { argv: command.argv, env: command.env, cwd: command.cwd }
}

/// `None` for names that no draft could have.
pub(crate) fn held_file(entry: HeldEntry) -> Option<(ProjectPath, HeldFile)> {
    let path = ProjectPath::parse(&entry.path).ok().filter(|path| path.as_str() == entry.path)?;
    let mode = if entry.is_executable { FileMode::Executable } else { FileMode::Regular };
    Some((path, HeldFile { sha256: entry.sha256.parse().ok()?, mode }))
}

/// What the guest could tell, before the memory limit is considered.
pub(crate) fn plain_exit(ended: Ended) -> Exit {
    match ended {
        Ended::Code { code } => Exit::Code { code },
        Ended::Signal { signal } => Exit::Signal { signal },
        Ended::TimedOut => Exit::TimedOut,
    }
}
