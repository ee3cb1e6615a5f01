//! From the attacker's chair: programs inside a real sandbox of the local driver, and what they find.
//!
//! Limits on memory and processes need control groups, which these tests have as root; without, they say so and pass
//! over what cannot hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use vitrine_model::{FileMode, ProjectPath, SandboxId};
use vitrine_sandbox::driver::{
    Command, ExecLimits, ExecOutput, Exit, FileBatch, FilePut, Limits, PROJECT_DIR, SandboxSpec, Started,
};
use vitrine_sandbox::local::{LocalConfig, LocalDriver, RootSource};
use vitrine_sandbox::{Driver, Sandbox};

const MEMORY_BYTES: u64 = 192 << 20;
const DISK_BYTES: u64 = 32 << 20;
const PIDS: u32 = 48;

static NEXT: AtomicU32 = AtomicU32::new(0);

struct Inside {
    started: Started,
    _driver: LocalDriver,
    id: SandboxId,
    dir: TempDir,
}

impl Inside {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let driver =
            LocalDriver::new(LocalConfig { state_dir: dir.path().join("state"), root: RootSource::Host });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id: SandboxId = format!("sbx_0123456789abcdefghjk{:06}", number).parse().unwrap();
        let limits = Limits {
            memory_bytes: MEMORY_BYTES,
            cpu_millis: 1_000,
            pids: PIDS,
            disk_bytes: DISK_BYTES,
            open_files: 512,
        };
        let spec = SandboxSpec { id: id.clone(), mounts: Vec::new(), limits };
        let driver = driver.unwrap();
        let started = driver.start(spec).await.unwrap();
        Self { started, _driver: driver, id, dir }
    }

    fn sandbox(&self) -> &dyn Sandbox {
        self.started.sandbox.as_ref()
    }

    async fn sh(&self, script: &str) -> ExecOutput {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        let command = Command { argv, env, cwd: PROJECT_DIR.to_owned() };
        let limits = ExecLimits { timeout: Duration::from_secs(20), max_output_bytes: 64 * 1024 };
        self.sandbox().exec(command, limits).await.unwrap()
    }

    async fn says(&self, script: &str) -> String {
        let output = self.sh(script).await;
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Every test ends with this: what is dropped when the test's runtime goes has no time to clear up.
    async fn end(self) {
        self.sandbox().stop().await.unwrap();
    }

    async fn put(&self, path: &str, content: &str) -> Result<(), vitrine_sandbox::DriverError> {
        let path = ProjectPath::parse(path).unwrap();
        let file =
            FilePut { path, mode: FileMode::Regular, content: Bytes::copy_from_slice(content.as_bytes()) };
        self.sandbox().apply(FileBatch { put: vec![file], removed: Vec::new() }).await.map(drop)
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_network_but_loopback() {
    let inside = Inside::start().await;
    let devices = inside.says("tail -n +3 /proc/net/dev").await;
    assert_eq!(devices.lines().count(), 1, "{devices}");
    assert!(devices.trim_start().starts_with("lo:"), "{devices}");
    assert_eq!(inside.says("tail -n +2 /proc/net/route").await, "");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_process_and_no_foreign_environment_is_seen() {
    let inside = Inside::start().await;
    let processes = inside.says("ls /proc | grep '^[0-9]' | wc -l").await;
    assert!(processes.parse::<u32>().unwrap() <= 6, "the guest, the shell and its own: {processes}");
    let names = inside.says("env | sed 's/=.*//' | sort").await;
    let names: Vec<_> =
        names.lines().filter(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_")).collect();
    assert_eq!(names, ["PATH"]);
    let guest = inside.sh("cat /proc/1/environ").await;
    assert!(guest.stdout.is_empty(), "{guest:?}");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_project_and_scratch_can_be_written() {
    let inside = Inside::start().await;
    for place in [
        "/x",
        "/usr/x",
        "/usr/bin/x",
        "/etc/x",
        "/opt/x",
        "/dev/x",
        "/proc/sys/kernel/hostname",
        "/workspace/../x",
    ] {
        let output = inside.sh(&format!("echo x > {place}")).await;
        assert!(!output.exit.is_success(), "{place} was written");
    }
    for place in ["/workspace/app/x", "/tmp/x"] {
        assert!(inside.sh(&format!("echo x > {place}")).await.exit.is_success(), "{place}");
    }
    assert!(inside.sh("rm /usr/bin/env || mv /etc /etc2 || ln -s /tmp /usr/y").await.stdout.is_empty());
    assert!(inside.sh("ls /usr/bin/env").await.exit.is_success());
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_files_are_not_there() {
    let inside = Inside::start().await;
    let host = inside.dir.path().display();
    assert!(!inside.sh(&format!("ls {host}")).await.exit.is_success());
    for place in [
        "/root",
        "/home",
        "/sys/kernel",
        "/sys/fs/cgroup",
        "/var/log",
        "/etc/shadow",
        "/proc/kcore",
        "/dev/kmsg",
    ] {
        let output = inside.sh(&format!("cat {place}/* {place} 2>/dev/null")).await;
        assert!(output.stdout.is_empty(), "{place}: {output:?}");
    }
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_have_no_privilege_and_cannot_gain_one() {
    let inside = Inside::start().await;
    let status = inside.says("cat /proc/self/status").await;
    for line in [
        "CapEff:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(status.contains(line), "{line} is not in {status}");
    }
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_and_the_reason_is_told() {
    let inside = Inside::start().await;
    if !is_root() {
        eprintln!("no control groups for an ordinary user: memory is not limited");
        return inside.end().await;
    }
    let output = inside.sh("exec tail /dev/zero").await;
    assert_eq!(output.exit, Exit::OutOfMemory);
    assert_eq!(inside.says("echo still here").await, "still here", "the sandbox itself goes on");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_is_held() {
    let inside = Inside::start().await;
    let output = inside
        .sh("bomb() { bomb | bomb & }; bomb; i=0; while [ $i -lt 300 ]; do sleep 5 & i=$((i+1)); done; wait")
        .await;
    assert!(!output.exit.is_success() || !output.stderr.is_empty(), "{output:?}");
    let usage = inside.sandbox().usage().await.unwrap();
    assert!(usage.pids <= PIDS + 16, "{usage:?}");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_limited() {
    let inside = Inside::start().await;
    let output = inside.sh("cat /dev/zero > /tmp/fill; wc -c < /tmp/fill").await;
    let bytes: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    assert!(bytes <= DISK_BYTES && bytes > DISK_BYTES / 2, "{bytes}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symbolic_link_in_the_project_leads_no_file_out_of_it() {
    let inside = Inside::start().await;
    inside.put("src/a.txt", "first").await.unwrap();
    assert!(inside.sh("rm -r src && ln -s /tmp src && echo kept > /tmp/a.txt").await.exit.is_success());
    // Refused, or the link is replaced by a folder: either way what it led to is untouched.
    let _ = inside.put("src/a.txt", "second").await;
    assert_eq!(inside.says("cat /tmp/a.txt").await, "kept");
    assert!(inside.sh("ln -s /tmp/a.txt link.txt").await.exit.is_success());
    let _ = inside.put("link.txt", "through the link").await;
    assert_eq!(inside.says("cat /tmp/a.txt").await, "kept");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_sandbox_leaves_nothing() {
    let inside = Inside::start().await;
    inside.sh("sleep 1000 & sleep 1000 &").await;
    inside.sandbox().stop().await.unwrap();
    assert!(!mentions(Path::new("/sys/fs/cgroup"), inside.id.as_str()), "a control group is left");
    assert!(!mentions(&inside.dir.path().join("state"), inside.id.as_str()), "a directory is left");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&*inside.dir.path().to_string_lossy()), "a mount is left");
}

fn mentions(below: &Path, name: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(below) else { return false };
    entries.flatten().any(|entry| {
        let is_it = entry.file_name().to_string_lossy().contains(name);
        is_it || (entry.file_type().is_ok_and(|kind| kind.is_dir()) && mentions(&entry.path(), name))
    })
}
