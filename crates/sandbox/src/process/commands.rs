//! Commands as ordinary processes, each in a process group of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command as Process};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vitrine_jail::lines::{Splitter, Valve, to_text};

use crate::driver::{Command, DriverError, ExecLimits, ExecOutput, Exit, SandboxEvent};
use crate::events::Events;
use crate::run::{self, RunEvent, RunReports};

/// Between asking a command to end and killing it.
const POLITELY: Duration = Duration::from_secs(2);

/// What a program that left its group may go on writing is waited for this long.
const DRAIN_WITHIN: Duration = Duration::from_millis(200);

const CHUNK_BYTES: usize = 64 * 1024;

/// The commands of one sandbox.
#[derive(Debug, Clone)]
pub(super) struct Commands {
    events: Events,
    /// Where running groups are noted for the next server.
    notes: PathBuf,
    running: Arc<Mutex<HashMap<String, Running>>>,
}

#[derive(Debug, Clone)]
struct Running {
    group: Pid,
    over: watch::Receiver<bool>,
}

impl Commands {
    pub(super) fn new(events: Events, notes: PathBuf) -> Self {
        Self { events, notes, running: Arc::default() }
    }

    /// Starts a command under a name, after ending the one that has it.
    pub(super) async fn spawn(&self, name: &str, command: Command) -> Result<(), DriverError> {
        self.kill(name).await;
        let started = Group::start(&command, &self.notes)?;
        let (over, watched) = watch::channel(false);
        let running = Running { group: started.group, over: watched };
        self.lock().insert(name.to_owned(), running);
        let (commands, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let exit = commands.supervise(&name, started).await;
            commands.lock().remove(&name);
            commands.events.send(SandboxEvent::Exited { name, exit });
            over.send_replace(true);
        });
        Ok(())
    }

    /// Ends a command; no effect when there is none of the name.
    pub(super) async fn kill(&self, name: &str) {
        let Some(mut running) = self.lock().get(name).cloned() else { return };
        signal(running.group, Signal::TERM);
        let ended = running.over.wait_for(|over| *over);
        if tokio::time::timeout(POLITELY, ended).await.is_err() {
            signal(running.group, Signal::KILL);
            // An error means that the supervising task is gone, and so is the command.
            let _ = running.over.wait_for(|over| *over).await;
        }
    }

    /// Kills every command without asking.
    pub(super) fn kill_all(&self) {
        self.lock().values().for_each(|running| signal(running.group, Signal::KILL));
    }

    /// Waits until every command has ended.
    pub(super) async fn wait_for_all(&self) {
        let all: Vec<Running> = self.lock().values().cloned().collect();
        for mut running in all {
            let _ = running.over.wait_for(|over| *over).await;
        }
    }

    /// How many run.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Runs a command to its end.
    pub(super) async fn exec(&self, command: Command, limits: ExecLimits) -> Result<ExecOutput, DriverError> {
        let mut started = Group::start(&command, &self.notes)?;
        let (stdout, stderr) = (started.child.stdout.take(), started.child.stderr.take());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let max_bytes = limits.max_output_bytes;
        let reading =
            async { tokio::join!(tail(stdout, max_bytes, &mut out), tail(stderr, max_bytes, &mut err)) };
        let waiting = async {
            let status = tokio::time::timeout(limits.timeout, started.child.wait()).await;
            signal(started.group, Signal::KILL);
            match status {
                Ok(status) => status.map(exit_of),
                Err(_) => started.child.wait().await.map(|_| Exit::TimedOut),
            }
        };
        let exit = until_over(waiting, reading).await?;
        out.drain(..out.len().saturating_sub(max_bytes));
        err.drain(..err.len().saturating_sub(max_bytes));
        Ok(ExecOutput { exit, stdout: out.into(), stderr: err.into() })
    }

    /// Runs a command and passes its output on.
    pub(super) fn run(&self, command: Command, limits: ExecLimits) -> Result<run::Running, DriverError> {
        let started = Group::start(&command, &self.notes)?;
        let cancelled = CancellationToken::new();
        let (running, reports) = run::Running::new(limits, {
            let cancelled = cancelled.clone();
            move || cancelled.cancel()
        });
        // Dropped with the group in it: nothing is left of what nobody watches any more.
        let watched = watch_group(started, limits, reports);
        tokio::spawn(async move { cancelled.run_until_cancelled(watched).await });
        Ok(running)
    }

    async fn supervise(&self, name: &str, mut started: Group) -> Exit {
        let stdout = forward(started.child.stdout.take(), name, false, &self.events);
        let stderr = forward(started.child.stderr.take(), name, true, &self.events);
        let reading = async { tokio::join!(stdout, stderr) };
        let waiting = async {
            let status = started.child.wait().await;
            signal(started.group, Signal::KILL);
            status
        };
        let status = until_over(waiting, reading).await;
        status.map_or(Exit::Signal { signal: 9 }, exit_of)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command and its process group, noted on disk. Dropping it kills the group.
#[derive(Debug)]
struct Group {
    child: Child,
    group: Pid,
    note: PathBuf,
}

impl Group {
    fn start(command: &Command, notes: &Path) -> Result<Self, DriverError> {
        let refused = |reason: String| DriverError::Refused(reason);
        let (name, arguments) =
            command.argv.split_first().ok_or_else(|| refused("a command without a program".into()))?;
        let program = find(name, command.env.get("PATH").map_or("/usr/bin:/bin", String::as_str));
        let program = program.ok_or_else(|| refused(format!("`{name}` is not in PATH")))?;
        let child = Process::new(program)
            .args(arguments)
            .env_clear()
            .envs(&command.env)
            .current_dir(&command.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| refused(format!("cannot execute `{name}`: {error}")))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let group = pid.and_then(Pid::from_raw).ok_or_else(|| refused("the command is gone".into()))?;
        let note = notes.join(group.as_raw_nonzero().to_string());
        std::fs::write(&note, started_at(group).unwrap_or_default())?;
        Ok(Self { child, group, note })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        signal(self.group, Signal::KILL);
        // Its directory may be gone already.
        let _ = std::fs::remove_file(&self.note);
    }
}

/// The group of a note, when its leader is still the process that was noted.
pub(super) fn noted_group(note: &Path) -> Option<Pid> {
    let group = Pid::from_raw(note.file_name()?.to_str()?.parse().ok()?)?;
    let started = std::fs::read_to_string(note).ok().filter(|started| !started.is_empty())?;
    (started_at(group)? == started).then_some(group)
}

/// When a process was started: field 22 of proc_pid_stat(5).
fn started_at(pid: Pid) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.to_owned())
}

fn signal(group: Pid, signal: Signal) {
    // Gone already is as good.
    let _ = kill_process_group(group, signal);
}

fn find(name: &str, path: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name));
    }
    let executable = |path: &PathBuf| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    path.split(':').filter(|dir| dir.starts_with('/')).map(|dir| Path::new(dir).join(name)).find(executable)
}

fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code { code },
        (None, signal) => Exit::Signal { signal: signal.unwrap_or(9) },
    }
}

/// Passes on what a command says, up to a limit, and how it ended.
async fn watch_group(mut started: Group, limits: ExecLimits, reports: RunReports) {
    let left =
        Budget { left: AtomicUsize::new(limits.max_output_bytes), is_truncated: AtomicBool::new(false) };
    let (stdout, stderr) = (started.child.stdout.take(), started.child.stderr.take());
    let reading =
        async { tokio::join!(left.pass(stdout, false, &reports), left.pass(stderr, true, &reports)) };
    let waiting = async {
        let status = tokio::time::timeout(limits.timeout, started.child.wait()).await;
        signal(started.group, Signal::KILL);
        match status {
            Ok(status) => status.map(exit_of),
            Err(_) => started.child.wait().await.map(|_| Exit::TimedOut),
        }
    };
    let ended = until_over(waiting, reading).await.map_err(DriverError::from);
    let is_truncated = left.is_truncated.load(Ordering::Relaxed);
    let _ = reports.send(ended.map(|exit| RunEvent::Ended { exit, is_truncated }));
}

/// What both streams of a command may say together.
struct Budget {
    left: AtomicUsize,
    is_truncated: AtomicBool,
}

impl Budget {
    async fn pass(&self, stream: Option<impl AsyncRead + Unpin>, is_stderr: bool, reports: &RunReports) {
        let Some(mut stream) = stream else { return };
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            let most = self.left.load(Ordering::Relaxed).min(count);
            self.left.fetch_sub(most, Ordering::Relaxed);
            self.is_truncated.fetch_or(most < count, Ordering::Relaxed);
            if most > 0 {
                let piece = bytes::Bytes::copy_from_slice(&chunk[..most]);
                let _ = reports.send(Ok(RunEvent::Output { is_stderr, piece }));
            }
        }
    }
}

async fn forward(stream: Option<impl AsyncRead + Unpin>, name: &str, is_stderr: bool, events: &Events) {
    let Some(mut stream) = stream else { return };
    let (mut splitter, mut valve) = (Splitter::default(), Valve::new(Instant::now()));
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        let mut pass = |line: &[u8]| {
            if valve.admit(line.len(), Instant::now()) {
                events.line(name, is_stderr, to_text(line));
            }
        };
        match count {
            0 => splitter.finish(&mut pass),
            count => splitter.push(&chunk[..count], &mut pass),
        }
        match valve.take_dropped() {
            0 => {}
            dropped => events.dropped(name.to_owned(), dropped),
        }
        if count == 0 {
            return;
        }
    }
}

/// Waits for a command, and for its output as long as that makes sense: a process that left the group may hold the
/// output for ever, and what it writes is nobody's.
async fn until_over<T, U>(waiting: impl Future<Output = T>, reading: impl Future<Output = U>) -> T {
    tokio::pin!(waiting, reading);
    tokio::select! {
        ended = &mut waiting => {
            let _ = tokio::time::timeout(DRAIN_WITHIN, reading).await;
            ended
        }
        _ = &mut reading => waiting.await,
    }
}

/// Keeps the end of a stream: `max_bytes`, and at times some more.
async fn tail(stream: Option<impl AsyncRead + Unpin>, max_bytes: usize, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..count]);
        // Cut now and then, not at every chunk.
        if kept.len() > max_bytes.saturating_mul(2).max(CHUNK_BYTES) {
            kept.drain(..kept.len() - max_bytes);
        }
    }
}
