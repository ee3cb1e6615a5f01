//! The driver trait: what every kind of sandbox can do, and the values that go in and come out.
//!
//! A new driver implements [`Driver`] and [`Sandbox`] and passes the conformance suite; nothing else in Vitrine changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use vitrine_model::{FileMode, ProjectPath, SandboxId, Sha256};

use crate::run::Running;
use crate::stream::{Listener, Stream};

/// Where the project lives inside every sandbox: the working directory of its commands.
pub const PROJECT_DIR: &str = "/workspace/app";

/// Where the sandbox sees its toolchain (`bin/node`, `bin/npm`, `bin/pnpm`).
pub const TOOLCHAIN_DIR: &str = "/opt/toolchain";

/// A writable place outside the project, private to the sandbox; `HOME` and `TMPDIR` point into it.
pub const SCRATCH_DIR: &str = "/tmp";

/// Makes sandboxes of one kind.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// The name in configuration and in the API: `local`, `process`, …
    fn name(&self) -> &'static str;

    /// True when every sandbox has ports of its own. Where not, whoever runs servers in sandboxes gives each another port.
    fn isolates_network(&self) -> bool {
        true
    }

    /// Starts a sandbox and its guest; when this returns, the sandbox takes files and commands. A failure leaves
    /// nothing behind. Starting two sandboxes with one id is an error.
    async fn start(&self, spec: SandboxSpec) -> Result<Started, DriverError>;

    /// Removes whatever an earlier server process with the same state directory left behind: processes, mounts,
    /// cgroups, directories. Called while no sandbox runs: before the first `start`, and when the server ends.
    async fn remove_orphans(&self) -> Result<OrphanReport, DriverError>;
}

/// A sandbox that has just been started.
pub struct Started {
    /// The handle; dropping the last one kills the sandbox.
    pub sandbox: Arc<dyn Sandbox>,
    /// What happens inside, in order. Bounded: log lines are dropped (and counted) when nobody reads; the final
    /// [`SandboxEvent::Ended`] never is.
    pub events: mpsc::Receiver<SandboxEvent>,
}

/// One running sandbox. All calls may be made at once from many tasks; files are applied in call order.
#[async_trait]
pub trait Sandbox: Send + Sync + 'static {
    /// Its id.
    fn id(&self) -> &SandboxId;

    /// Writes and removes files beneath the project root: all are staged first, then renamed in place, so that no
    /// watcher sees a half-written file. Bytes that are there already are not written again. An error leaves files
    /// as they were or as they should be, never in between; apply again after looking with [`Sandbox::digest`].
    async fn apply(&self, batch: FileBatch) -> Result<Applied, DriverError>;

    /// What the project holds now, without `node_modules` and what tools generate; for catching up by hash.
    async fn digest(&self) -> Result<BTreeMap<ProjectPath, HeldFile>, DriverError>;

    /// The content of one file of the project, at most `max_bytes` of it; `None` when there is none.
    async fn read(&self, path: &ProjectPath, max_bytes: u64) -> Result<Option<Bytes>, DriverError>;

    /// The files beneath a folder of the project, or beneath the project itself, relative to it. Only ordinary files by
    /// plain names: whatever else is there is named in [`Collected::refused`]. A folder that is not there holds nothing.
    /// Collect when nothing runs inside any more; what changes meanwhile is refused, too.
    async fn collect(
        &self,
        folder: Option<&ProjectPath>,
        limits: CollectLimits,
    ) -> Result<Collected, DriverError>;

    /// Starts a long-running command under the given name, in a process group of its own; a running one of that name
    /// is ended first. Its output and its end arrive as events.
    async fn spawn(&self, name: &str, command: Command) -> Result<(), DriverError>;

    /// Ends a spawned command and everything it started; no error when there is none.
    async fn kill(&self, name: &str) -> Result<(), DriverError>;

    /// Runs a command to its end, and returns at most `max_output_bytes` of each stream (the last ones).
    async fn exec(&self, command: Command, limits: ExecLimits) -> Result<ExecOutput, DriverError>;

    /// Runs a command and passes its output on as it comes: of both streams together the first `max_output_bytes`. It has the
    /// same time, limits and environment as one that is run with [`Sandbox::exec`], and ends when the result is dropped. What
    /// cannot be started is told by the result or by its first event.
    async fn run(&self, command: Command, limits: ExecLimits) -> Result<Running, DriverError>;

    /// A fresh connection to a port on the sandbox's loopback. [`DriverError::ConnectionRefused`] when nothing listens.
    async fn dial(&self, port: u16) -> Result<Stream, DriverError>;

    /// A listener on a port of the sandbox's loopback, accepted from here: how the egress proxy is handed in.
    async fn listen(&self, port: u16) -> Result<Listener, DriverError>;

    /// What it uses now.
    async fn usage(&self) -> Result<Usage, DriverError>;

    /// Says whether a person waits for a sandbox that was started as [`Urgency::Interactive`]: one that is made ahead of any
    /// need is in the background until somebody gets it. A driver that cannot tell them apart does nothing.
    fn set_urgency(&self, _urgency: Urgency) {}

    /// True when it can be frozen.
    fn can_freeze(&self) -> bool {
        false
    }

    /// Stops everything inside between two instructions; returns when nothing runs any more. It uses no processor from
    /// then on and answers nobody: thaw it before any other call but [`Sandbox::usage`], [`Sandbox::reclaim`] and
    /// [`Sandbox::stop`]. Its connections stay open. A failure leaves it running; freezing it twice does nothing.
    async fn freeze(&self) -> Result<(), DriverError> {
        Err(DriverError::Unsupported("this driver does not freeze".to_owned()))
    }

    /// Everything inside goes on where it was. No error when it is not frozen.
    async fn thaw(&self) -> Result<(), DriverError> {
        Ok(())
    }

    /// Moves what a frozen sandbox holds in memory to the machine's swap, as far as there is one, and returns what it uses
    /// then. Takes up to a second; [`Sandbox::thaw`] ends it early. Does nothing to one that is not frozen.
    async fn reclaim(&self) -> Result<Usage, DriverError> {
        self.usage().await
    }

    /// Kills everything inside and removes every trace; returns when that is done. A second call does nothing.
    async fn stop(&self) -> Result<(), DriverError>;
}

/// What to make.
#[derive(Debug, Clone)]
pub struct SandboxSpec {
    /// Its id; names its cgroup and its directories.
    pub id: SandboxId,
    /// What is mounted into it besides its root.
    pub mounts: Vec<Mount>,
    /// What it may use.
    pub limits: Limits,
}

/// One mount, over the driver's read-only root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A host directory (or file), read-only.
    ReadOnly {
        /// On the host.
        source: PathBuf,
        /// Inside, absolute.
        target: PathBuf,
    },
    /// A host directory, writable by the sandbox: for layers in the making.
    Writable {
        /// On the host; the driver makes it writable for the sandbox's user.
        source: PathBuf,
        /// Inside, absolute.
        target: PathBuf,
    },
    /// Read-only host directories with a private writable top that goes with the sandbox.
    Overlay {
        /// On the host, topmost first; never changed.
        lowers: Vec<PathBuf>,
        /// Inside, absolute.
        target: PathBuf,
    },
}

/// What a sandbox may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory of all its processes and its files in memory.
    pub memory_bytes: u64,
    /// CPU share in thousandths of a core, sustained.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of files: project and scratch together.
    pub disk_bytes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// Who gets the processor when there is too little of it.
    pub urgency: Urgency,
}

/// Whether a person waits for each answer of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Urgency {
    /// A person does: a session.
    #[default]
    Interactive,
    /// Nobody does at every moment: builds and installations use what sessions leave.
    Background,
}

impl Urgency {
    /// The share of the processor relative to others, as version 2 of control groups counts it: 100 is the kernel's default
    /// (kernel documentation, `cgroup-v2`, "cpu.weight").
    pub const fn cpu_weight(self) -> u64 {
        match self {
            Self::Interactive => 100,
            Self::Background => 20,
        }
    }

    /// The same for disks, where a controller divides them (kernel documentation, `cgroup-v2`, "io.weight").
    pub const fn io_weight(self) -> u64 {
        self.cpu_weight()
    }
}

/// A command to run inside, with exactly this environment. Its `Debug` shows no values of the environment: secrets may be
/// among them.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments; the program is looked up in `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Where to run, absolute inside; usually [`PROJECT_DIR`].
    pub cwd: String,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.env.keys().collect();
        f.debug_struct("Command")
            .field("argv", &self.argv)
            .field("env", &names)
            .field("cwd", &self.cwd)
            .finish()
    }
}

/// Bounds of an [`Sandbox::exec`] or a [`Sandbox::run`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecLimits {
    /// The command and everything it started are killed after this.
    pub timeout: Duration,
    /// Of an `exec`, the last bytes of each stream; of a `run`, the first bytes of both together.
    pub max_output_bytes: usize,
}

/// How an [`Sandbox::exec`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// How.
    pub exit: Exit,
    /// The end of standard output.
    pub stdout: Bytes,
    /// The end of standard error.
    pub stderr: Bytes,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Exit {
    /// By itself.
    Code {
        /// Its exit code.
        code: i32,
    },
    /// By a signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// Killed because its time was up.
    TimedOut,
    /// Killed by the kernel because the sandbox reached its memory limit.
    OutOfMemory,
}

impl Exit {
    /// True for exit code 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code { code: 0 })
    }
}

/// One batch of file changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileBatch {
    /// Files to write.
    pub put: Vec<FilePut>,
    /// Files to remove; folders left empty go too.
    pub removed: Vec<ProjectPath>,
}

/// One file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePut {
    /// Where.
    pub path: ProjectPath,
    /// Its mode.
    pub mode: FileMode,
    /// Its content.
    pub content: Bytes,
}

/// What a batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Applied {
    /// Files written.
    pub written: u32,
    /// Files that had these bytes already.
    pub unchanged: u32,
    /// Files removed.
    pub removed: u32,
}

/// A file as the sandbox holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HeldFile {
    /// Its content.
    pub sha256: Sha256,
    /// Its mode.
    pub mode: FileMode,
}

/// Bounds of a [`Sandbox::collect`], held on the host's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectLimits {
    /// Files.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together.
    pub total_bytes: u64,
}

/// What a [`Sandbox::collect`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// The files; none at all when anything was refused.
    pub files: BTreeMap<ProjectPath, Bytes>,
    /// What cannot be collected, sorted; the first hundred.
    pub refused: Vec<Refused>,
}

/// Something that cannot be collected. Its `Display` is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{}: {reason}", path.escape_debug())]
pub struct Refused {
    /// Where, relative to the folder, as the sandbox calls it; the folder for what concerns all of it.
    pub path: String,
    /// Why.
    pub reason: RefusalReason,
}

/// Why something cannot be collected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RefusalReason {
    /// A symbolic link, wherever it leads.
    #[error("a symbolic link; only ordinary files can be taken")]
    Link,
    /// A pipe, a socket, a device, a mount, or a folder that cannot be opened.
    #[error("neither a file nor a folder that can be opened")]
    Special,
    /// A name that is not UTF-8.
    #[error("its name is not UTF-8")]
    NotUnicode,
    /// A name that is no [`ProjectPath`].
    #[error("{0}")]
    Name(String),
    /// Over [`CollectLimits::file_bytes`].
    #[error("larger than {0} bytes")]
    FileTooLarge(u64),
    /// Over [`CollectLimits::files`].
    #[error("more than {0} files")]
    TooManyFiles(usize),
    /// Over [`CollectLimits::total_bytes`].
    #[error("more than {0} bytes together")]
    TooManyBytes(u64),
    /// It changed or went away while it was read.
    #[error("changed while it was read")]
    Changed,
}

/// What happens inside a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SandboxEvent {
    /// A line of output of a spawned command: UTF-8 (lossy), without NUL and line end, at most 8 KiB.
    Output {
        /// The command's name.
        name: String,
        /// True for standard error.
        is_stderr: bool,
        /// The line.
        line: String,
    },
    /// Output was dropped because it came faster than it was read or than the guest forwards.
    OutputDropped {
        /// The command's name.
        name: String,
        /// How many lines.
        lines: u64,
    },
    /// A spawned command ended, and everything in its process group with it.
    Exited {
        /// The command's name.
        name: String,
        /// How.
        exit: Exit,
    },
    /// The sandbox is gone; the last event.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a sandbox is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// It was stopped.
    Stopped,
    /// The guest was killed because the sandbox reached its memory limit.
    OutOfMemory,
    /// The guest ended or broke the protocol; what is known about it.
    GuestLost(String),
}

/// What a sandbox uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Memory now, as its cgroup counts it; 0 when it is not counted.
    pub memory_bytes: u64,
    /// What is in the machine's swap besides, before compression; 0 when it is not counted.
    pub swap_bytes: u64,
    /// CPU time so far.
    pub cpu_micros: u64,
    /// Processes and threads now.
    pub pids: u32,
    /// Processes killed so far because the memory limit was reached, those of a command that goes on among them.
    pub oom_kills: u64,
}

/// What was left by an earlier server and is gone now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrphanReport {
    /// Sandboxes whose processes were killed.
    pub sandboxes: u32,
    /// Directories and cgroups removed.
    pub leftovers: u32,
}

/// Why a driver could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// This machine cannot make such sandboxes; what to do about it.
    #[error("sandboxes cannot be made here: {0}")]
    Unsupported(String),
    /// One step of making or ending a sandbox failed.
    #[error("{step}: {reason}")]
    Setup {
        /// Which step.
        step: String,
        /// What the system said.
        reason: String,
    },
    /// The sandbox is gone.
    #[error("the sandbox has ended")]
    Ended,
    /// Nothing listens on the port.
    #[error("nothing listens on port {0} inside the sandbox")]
    ConnectionRefused(u16),
    /// A limit of the sandbox was reached: disk, processes, open files.
    #[error("the sandbox reached a limit: {0}")]
    Limit(String),
    /// The guest refused the request; it says why.
    #[error("the guest refused: {0}")]
    Refused(String),
    /// The guest did not answer in time.
    #[error("the guest did not answer within {0:?}")]
    Timeout(Duration),
    /// An input or output error on the host's side.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
