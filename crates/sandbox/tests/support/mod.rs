//! What several test programs share: specs, commands, waiting, and running a test program again as an ordinary user.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command as Process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use vitrine_model::{FileMode, ProjectPath, SandboxId};
use vitrine_sandbox::driver::{
    Command, ExecLimits, FileBatch, FilePut, Limits, Mount, PROJECT_DIR, SandboxEvent, SandboxSpec, Urgency,
};

/// Anything that should happen happens within this, also on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A user that no machine has.
const USER: u32 = 54_321;

static NEXT_ID: AtomicU32 = AtomicU32::new(0);

/// An id that no other test program uses at the same time either.
pub(crate) fn fresh_id() -> SandboxId {
    let (process, number) = (std::process::id(), NEXT_ID.fetch_add(1, Ordering::Relaxed));
    format!("sbx_0123456789{process:08}{number:08}").parse().unwrap()
}

pub(crate) fn spec(mounts: Vec<Mount>) -> SandboxSpec {
    let limits = Limits {
        memory_bytes: 192 << 20,
        cpu_millis: 1_000,
        urgency: Urgency::Interactive,
        pids: 48,
        disk_bytes: 32 << 20,
        open_files: 512,
    };
    SandboxSpec { id: fresh_id(), mounts, limits }
}

pub(crate) fn sh(script: &str) -> Command {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    Command { argv, env, cwd: PROJECT_DIR.to_owned() }
}

pub(crate) fn limits() -> ExecLimits {
    ExecLimits { timeout: DEADLINE, max_output_bytes: 64 * 1024 }
}

pub(crate) fn path(text: &str) -> ProjectPath {
    ProjectPath::parse(text).unwrap()
}

pub(crate) fn put(text: &str, content: &str) -> FilePut {
    let content = Bytes::copy_from_slice(content.as_bytes());
    FilePut { path: path(text), mode: FileMode::Regular, content }
}

pub(crate) fn batch(files: &[(&str, &str)], removed: &[&str]) -> FileBatch {
    FileBatch {
        put: files.iter().map(|(path, content)| put(path, content)).collect(),
        removed: removed.iter().map(|text| path(text)).collect(),
    }
}

/// The first event that `wanted` makes something of; the others are passed over.
pub(crate) async fn until<T>(
    events: &mut mpsc::Receiver<SandboxEvent>,
    mut wanted: impl FnMut(SandboxEvent) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("the events ended early");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, search).await.expect("the event did not come")
}

/// Asks again and again until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut question: impl FnMut() -> F) {
    let asking = async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, asking).await.is_ok(), "this did not come true: {what}");
}

pub(crate) fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// Runs tests of this program again, as a user without any privilege. Only root can; others are that user.
pub(crate) fn again_as_user(which: &[&str]) {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let program = dir.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let scratch = dir.path().join("tmp");
    std::fs::create_dir(&scratch).unwrap();
    chown(&scratch, Some(USER), Some(USER)).unwrap();
    let mut command = Process::new(program);
    command.args(which).env("TMPDIR", &scratch).current_dir(&scratch).uid(USER).gid(USER);
    let output = loop {
        match command.output() {
            // Another test has started a process while the program was being written, and it is still open there.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => break output.unwrap(),
        }
    };
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !stdout.contains(" 0 passed"), "as a user:\n{stdout}\n{stderr}");
}
