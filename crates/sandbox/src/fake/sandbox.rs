//! One fake sandbox: files in memory, dev servers as tasks.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use vitrine_jail::protocol::{FetchPiece, ListedEntry, ListedKind};
use vitrine_model::{FileMode, ProjectPath, SandboxId, Sha256};

use super::{FakeDev, FakeScript, Shared, dev_server, lock};
use crate::collect;
use crate::driver::{
    Applied, CollectLimits, Collected, Command, DriverError, EndReason, ExecLimits, ExecOutput, Exit,
    FileBatch, FilePut, HeldFile, Sandbox, SandboxEvent, Usage,
};
use crate::run::{RunEvent, Running};
use crate::stream::{Listener, Stream};

/// The port of a command that was not told one in `PORT`.
const DEFAULT_PORT: u16 = 5173;

/// The files of a sandbox, shared with its dev server.
pub(super) type Files = Arc<Mutex<BTreeMap<ProjectPath, FilePut>>>;

/// A sandbox made by [`super::FakeDriver`].
pub struct FakeSandbox {
    id: SandboxId,
    shared: Arc<Shared>,
    files: Files,
    processes: Mutex<BTreeMap<String, DropGuard>>,
    ports: Arc<Mutex<BTreeMap<u16, SocketAddr>>>,
    events: mpsc::Sender<SandboxEvent>,
    dropped: AtomicU64,
    frozen: AtomicBool,
    ended: CancellationToken,
}

/// What its processes would hold.
const PROCESS_BYTES: u64 = 64 << 20;

impl FakeSandbox {
    pub(super) fn new(id: SandboxId, shared: Arc<Shared>, events: mpsc::Sender<SandboxEvent>) -> Self {
        Self {
            id,
            shared,
            files: Files::default(),
            processes: Mutex::default(),
            ports: Arc::default(),
            events,
            dropped: AtomicU64::new(0),
            frozen: AtomicBool::new(false),
            ended: CancellationToken::new(),
        }
    }

    /// True once it was stopped or has ended otherwise.
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Names of the commands that run.
    pub fn commands(&self) -> Vec<String> {
        lock(&self.processes).keys().cloned().collect()
    }

    /// Ends one command as if by itself; nothing when there is none of that name.
    pub async fn exit(&self, name: &str, exit: Exit) {
        if lock(&self.processes).remove(name).is_some() {
            self.must_report(SandboxEvent::Exited { name: name.to_owned(), exit }).await;
        }
    }

    pub(super) async fn end(&self, reason: EndReason) {
        if self.close() {
            self.must_report(SandboxEvent::Ended { reason }).await;
        }
    }

    /// True for the first call.
    fn close(&self) -> bool {
        let mut processes = lock(&self.processes);
        if self.ended.is_cancelled() {
            return false;
        }
        self.ended.cancel();
        processes.clear();
        lock(&self.ports).clear();
        lock(&self.shared.running).remove(&self.id);
        self.shared.stops.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// True while it is frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::SeqCst)
    }

    /// A real one would leave the caller waiting while it is frozen.
    fn check(&self) -> Result<(), DriverError> {
        match (self.has_ended(), self.is_frozen()) {
            (true, _) => Err(DriverError::Ended),
            (_, true) => Err(DriverError::Timeout(std::time::Duration::ZERO)),
            _ => Ok(()),
        }
    }

    /// Lines are dropped when nobody reads.
    fn say(&self, name: &str, is_stderr: bool, line: String) {
        let event = SandboxEvent::Output { name: name.to_owned(), is_stderr, line };
        if self.events.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What must arrive does, unless nobody listens any more.
    async fn must_report(&self, event: SandboxEvent) {
        let lines = self.dropped.swap(0, Ordering::SeqCst);
        if lines > 0 {
            let dropped = SandboxEvent::OutputDropped { name: "dev".to_owned(), lines };
            let _ = self.events.send(dropped).await;
        }
        let _ = self.events.send(event).await;
    }

    fn talk(&self, name: &str, script: &FakeScript) {
        for line in &script.output {
            self.say(name, false, line.clone());
        }
        for line in &script.errors {
            self.say(name, true, line.clone());
        }
        if let FakeDev::Floods(lines) = script.dev {
            for number in 0..lines {
                self.say(name, false, format!("line {number}"));
            }
        }
    }

    async fn serve(&self, port: u16, is_silent: bool, stop: CancellationToken) -> Result<(), DriverError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        lock(&self.ports).insert(port, listener.local_addr()?);
        let files = self.files.clone();
        let ports = self.ports.clone();
        tokio::spawn(async move {
            let address = listener.local_addr().ok();
            let served = dev_server::serve(listener, files, is_silent, stop.clone());
            stop.run_until_cancelled(served).await;
            lock(&ports).retain(|_, bound| Some(*bound) != address);
        });
        Ok(())
    }
}

#[async_trait]
impl Sandbox for FakeSandbox {
    fn id(&self) -> &SandboxId {
        &self.id
    }

    async fn apply(&self, batch: FileBatch) -> Result<Applied, DriverError> {
        self.check()?;
        let stalls = lock(&self.shared.script).stalls;
        if stalls {
            std::future::pending::<()>().await;
        }
        let mut files = lock(&self.files);
        let mut applied = Applied::default();
        for put in batch.put {
            if files.get(&put.path) == Some(&put) {
                applied.unchanged += 1;
            } else {
                applied.written += 1;
                files.insert(put.path.clone(), put);
            }
        }
        for path in batch.removed {
            applied.removed += u32::from(files.remove(&path).is_some());
        }
        Ok(applied)
    }

    async fn digest(&self) -> Result<BTreeMap<ProjectPath, HeldFile>, DriverError> {
        self.check()?;
        let held = |file: &FilePut| HeldFile { sha256: Sha256::of(&file.content), mode: file.mode };
        Ok(lock(&self.files).iter().map(|(path, file)| (path.clone(), held(file))).collect())
    }

    async fn read(&self, path: &ProjectPath, max_bytes: u64) -> Result<Option<Bytes>, DriverError> {
        self.check()?;
        let max = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        Ok(lock(&self.files).get(path).map(|file| file.content.slice(..file.content.len().min(max))))
    }

    async fn collect(
        &self,
        folder: Option<&ProjectPath>,
        limits: CollectLimits,
    ) -> Result<Collected, DriverError> {
        self.check()?;
        collect::collect(self, folder, limits).await
    }

    async fn spawn(&self, name: &str, command: Command) -> Result<(), DriverError> {
        self.check()?;
        lock(&self.shared.spawned).push((name.to_owned(), command.clone()));
        let script = lock(&self.shared.script).clone();
        if name == super::BUILD {
            return self.build(script).await;
        }
        let stop = self.ended.child_token();
        lock(&self.processes).insert(name.to_owned(), stop.clone().drop_guard());
        self.talk(name, &script);
        let port = command.env.get("PORT").and_then(|port| port.parse().ok()).unwrap_or(DEFAULT_PORT);
        match script.dev {
            FakeDev::Exits(code) => self.exit(name, Exit::Code { code }).await,
            FakeDev::NeverListens => {}
            FakeDev::Serves | FakeDev::Floods(_) => self.serve(port, false, stop).await?,
            FakeDev::NeverAnswers => self.serve(port, true, stop).await?,
        }
        Ok(())
    }

    async fn kill(&self, name: &str) -> Result<(), DriverError> {
        self.check()?;
        self.exit(name, Exit::Signal { signal: 15 }).await;
        Ok(())
    }

    async fn exec(&self, _command: Command, _limits: ExecLimits) -> Result<ExecOutput, DriverError> {
        self.check()?;
        Ok(ExecOutput { exit: Exit::Code { code: 0 }, stdout: Bytes::new(), stderr: Bytes::new() })
    }

    async fn run(&self, command: Command, limits: ExecLimits) -> Result<Running, DriverError> {
        self.check()?;
        lock(&self.shared.ran).push(command);
        let script = lock(&self.shared.script).run.clone();
        let watched = self.shared.watched.clone();
        watched.fetch_add(1, Ordering::SeqCst);
        let stop = self.ended.child_token();
        let (running, reports) = Running::new(limits, {
            let stop = stop.clone();
            move || stop.cancel()
        });
        tokio::spawn(async move {
            let mut left = limits.max_output_bytes;
            let mut is_truncated = false;
            for (is_stderr, mut piece) in script.output {
                is_truncated |= piece.len() > left;
                piece.truncate(left);
                left -= piece.len();
                if !piece.is_empty() {
                    let _ = reports.send(Ok(RunEvent::Output { is_stderr, piece }));
                }
            }
            let ends = async {
                match script.exit {
                    Some(exit) => exit,
                    None => {
                        tokio::time::sleep(limits.timeout).await;
                        Exit::TimedOut
                    }
                }
            };
            if let Some(exit) = stop.run_until_cancelled(ends).await {
                let _ = reports.send(Ok(RunEvent::Ended { exit, is_truncated }));
            }
            watched.fetch_sub(1, Ordering::SeqCst);
        });
        Ok(running)
    }

    async fn dial(&self, port: u16) -> Result<Stream, DriverError> {
        self.check()?;
        let address = lock(&self.ports).get(&port).copied();
        let address = address.ok_or(DriverError::ConnectionRefused(port))?;
        let stream = TcpStream::connect(address).await;
        stream.map(Stream::from).map_err(|_| DriverError::ConnectionRefused(port))
    }

    async fn listen(&self, port: u16) -> Result<Listener, DriverError> {
        self.check()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        lock(&self.ports).insert(port, listener.local_addr()?);
        Ok(listener.into())
    }

    async fn usage(&self) -> Result<Usage, DriverError> {
        let bytes: usize = lock(&self.files).values().map(|file| file.content.len()).sum();
        Ok(Usage { memory_bytes: PROCESS_BYTES + bytes as u64, ..Usage::default() })
    }

    fn can_freeze(&self) -> bool {
        !lock(&self.shared.script).cannot_freeze
    }

    async fn freeze(&self) -> Result<(), DriverError> {
        if self.has_ended() {
            return Err(DriverError::Ended);
        }
        self.frozen.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn thaw(&self) -> Result<(), DriverError> {
        self.frozen.store(false, Ordering::SeqCst);
        Ok(())
    }

    async fn stop(&self) -> Result<(), DriverError> {
        self.end(EndReason::Stopped).await;
        Ok(())
    }
}

impl FakeSandbox {
    /// Says what it is scripted to say, leaves what it is scripted to leave, and ends.
    async fn build(&self, script: FakeScript) -> Result<(), DriverError> {
        lock(&self.processes).insert(super::BUILD.to_owned(), self.ended.child_token().drop_guard());
        let (lines, errors) = (&script.build.output, &script.build.errors);
        lines.iter().for_each(|line| self.say(super::BUILD, false, line.clone()));
        errors.iter().for_each(|line| self.say(super::BUILD, true, line.clone()));
        let left = script.build.leaves.into_iter();
        let puts =
            left.map(|(path, content)| (path.clone(), FilePut { path, mode: FileMode::Regular, content }));
        lock(&self.files).extend(puts);
        if let Some(exit) = script.build.exit {
            self.exit(super::BUILD, exit).await;
        }
        Ok(())
    }
}

impl collect::Source for FakeSandbox {
    async fn list(&self, folder: &str) -> Result<Vec<ListedEntry>, DriverError> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let files = lock(&self.files);
        let beneath = files.iter().filter_map(|(path, file)| {
            let path = path.as_str().strip_prefix(prefix.as_str())?.to_owned();
            Some(ListedEntry { path, kind: ListedKind::File, size: file.content.len() as u64 })
        });
        Ok(beneath.collect())
    }

    async fn fetch(&self, pieces: Vec<FetchPiece>) -> Result<(Vec<Option<u64>>, Bytes), DriverError> {
        let files = lock(&self.files);
        let (mut sizes, mut content) = (Vec::new(), Vec::new());
        for piece in pieces {
            let file = files.get(piece.path.as_str());
            sizes.push(file.map(|file| {
                let all = file.content.len() as u64;
                let begin = piece.offset.min(all);
                let end = piece.offset.saturating_add(piece.max_bytes).min(all);
                content.extend_from_slice(&file.content[begin as usize..end as usize]);
                end - begin
            }));
        }
        Ok((sizes, content.into()))
    }
}

impl Drop for FakeSandbox {
    fn drop(&mut self) {
        if self.close() {
            let _ = self.events.try_send(SandboxEvent::Ended { reason: EndReason::Stopped });
        }
    }
}
