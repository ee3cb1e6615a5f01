//! From the attacker's chair: programs inside a real sandbox of the local driver, and what they find.
//!
//! Limits on memory and processes need control groups, which these tests have as root; without, they say so and pass
//! over what cannot hold.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod support;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use vitrine_model::SandboxId;
use vitrine_sandbox::driver::{
    EndReason, ExecOutput, Exit, Mount, PROJECT_DIR, SandboxEvent, SandboxSpec, Started,
};
use vitrine_sandbox::local::{HostIds, LocalConfig, LocalDriver, RootSource};
use vitrine_sandbox::{Driver, DriverError, Sandbox};

use support::{again_as_user, batch, eventually, is_root, limits, sh, spec, until};

struct Inside {
    started: Started,
    _driver: LocalDriver,
    id: SandboxId,
    dir: TempDir,
}

impl Inside {
    async fn start() -> Self {
        Self::start_with(|_| Vec::new()).await
    }

    /// The mounts may come from the directory that the state is in.
    async fn start_with(mounts: impl FnOnce(&Path) -> Vec<Mount>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec(mounts(dir.path()));
        Self::start_in(dir, spec).await
    }

    async fn start_as(spec: SandboxSpec) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), spec).await
    }

    async fn start_in(dir: TempDir, spec: SandboxSpec) -> Self {
        let config = LocalConfig {
            state_dir: dir.path().join("state"),
            root: RootSource::Host,
            ids: HostIds::default(),
        };
        let id = spec.id.clone();
        let driver = LocalDriver::new(config).unwrap();
        let started = driver.start(spec).await.unwrap();
        Self { started, _driver: driver, id, dir }
    }

    fn sandbox(&self) -> &dyn Sandbox {
        self.started.sandbox.as_ref()
    }

    async fn sh(&self, script: &str) -> ExecOutput {
        self.sandbox().exec(sh(script), limits()).await.unwrap()
    }

    async fn says(&self, script: &str) -> String {
        let output = self.sh(script).await;
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Every test ends with this: what is dropped when the test's runtime goes has no time to clear up.
    async fn end(self) {
        self.sandbox().stop().await.unwrap();
    }

    async fn put(&self, path: &str, content: &str) -> Result<(), DriverError> {
        self.sandbox().apply(batch(&[(path, content)], &[])).await.map(drop)
    }

    /// Names of the processes inside, but for the guest and what asks.
    async fn processes(&self) -> Vec<String> {
        let names = self.says("cat /proc/[0-9]*/comm").await;
        let own = ["vitrine-guest", "commands", "sh", "cat"];
        names.lines().filter(|name| !own.contains(name)).map(str::to_owned).collect()
    }

    async fn exit_of(&mut self, wanted: &str) -> Exit {
        until(&mut self.started.events, |event| match event {
            SandboxEvent::Exited { name, exit } => (name == wanted).then_some(exit),
            _ => None,
        })
        .await
    }
}

#[test]
fn all_of_this_holds_for_an_ordinary_user() {
    again_as_user(&["--skip", "all_of_this_holds"]);
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
async fn files_count_as_memory_and_running_out_is_told_apart_from_dying() {
    if !is_root() {
        return eprintln!("no control groups for an ordinary user: memory is not limited");
    }
    let mut spec = spec(Vec::new());
    spec.limits.memory_bytes = 24 << 20;
    let mut inside = Inside::start_as(spec).await;
    assert_eq!(inside.sh("exec cat /dev/zero > /tmp/fill").await.exit, Exit::OutOfMemory);
    // Nothing has room now; sooner or later the guest itself has none. Each end has its reason.
    inside.sandbox().spawn("dev", sh("while :; do echo x; done")).await.ok();
    let told = until(&mut inside.started.events, |event| match event {
        SandboxEvent::Exited { exit, .. } => Some(exit == Exit::OutOfMemory),
        SandboxEvent::Ended { reason } => Some(reason == EndReason::OutOfMemory),
        _ => None,
    });
    let told = tokio::time::timeout(Duration::from_secs(2), told).await;
    assert!(told.unwrap_or(true));
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
    assert!(usage.pids <= 48 + 16, "{usage:?}");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_limited() {
    let inside = Inside::start().await;
    let output = inside.sh("cat /dev/zero > /tmp/fill; wc -c < /tmp/fill").await;
    let bytes: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    assert!(bytes <= 32 << 20 && bytes > 16 << 20, "{bytes}");
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

#[tokio::test(flavor = "multi_thread")]
async fn no_path_of_the_host_is_shown() {
    let inside = Inside::start_with(|dir| {
        let layer = dir.join("layer");
        std::fs::create_dir(&layer).unwrap();
        vec![
            Mount::ReadOnly { source: layer.clone(), target: "/opt/toolchain".into() },
            Mount::Overlay { lowers: vec![layer], target: format!("{PROJECT_DIR}/node_modules").into() },
        ]
    })
    .await;
    let seen =
        inside.says("cat /proc/self/mountinfo /proc/self/mounts /proc/self/cgroup /proc/self/maps").await;
    let host = inside.dir.path().file_name().unwrap().to_string_lossy().into_owned();
    assert!(!seen.contains(&host), "{seen}");
    assert!(!seen.contains(inside.id.as_str()) && !seen.contains("vitrine-"), "{seen}");
    assert_eq!(inside.says("ls /proc/self/fd | wc -l").await, "4", "three, and the directory being listed");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_mounts_and_lowers_cannot_be_changed() {
    let inside = Inside::start_with(|dir| {
        let layer = dir.join("layer");
        std::fs::create_dir(&layer).unwrap();
        std::fs::write(layer.join("file"), "original").unwrap();
        vec![
            Mount::ReadOnly { source: layer.clone(), target: "/opt/toolchain".into() },
            Mount::ReadOnly { source: layer.join("file"), target: "/opt/file".into() },
            Mount::Overlay { lowers: vec![layer], target: format!("{PROJECT_DIR}/node_modules").into() },
        ]
    })
    .await;
    for place in ["/opt/toolchain/file", "/opt/toolchain/new", "/opt/file"] {
        assert!(!inside.sh(&format!("echo changed > {place}")).await.exit.is_success(), "{place}");
    }
    inside
        .sh("echo changed > node_modules/file; rm -rf node_modules/file; echo new > node_modules/new")
        .await;
    let layer = inside.dir.path().join("layer");
    assert_eq!(std::fs::read_to_string(layer.join("file")).unwrap(), "original");
    assert!(!layer.join("new").exists());
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_layer_holds_can_be_changed_in_the_private_top() {
    let inside = Inside::start_with(|dir| {
        let layer = dir.join("layer");
        std::fs::create_dir_all(layer.join("package/lib")).unwrap();
        std::fs::write(layer.join("package/index.js"), "original").unwrap();
        vec![Mount::Overlay { lowers: vec![layer], target: format!("{PROJECT_DIR}/node_modules").into() }]
    })
    .await;
    let script =
        "cd node_modules/package && echo changed > index.js && echo new > lib/x && chmod 700 lib && cat *.js";
    let seen = inside.says(script).await;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut version = release.split('.').map_while(|part| part.parse::<u32>().ok());
    // Older kernels cannot map owners for overlays: what a layer has is read only there, except for whoever owns it.
    if (version.next().unwrap_or(0), version.next().unwrap_or(0)) >= (5, 19) || !is_root() {
        assert_eq!(seen, "changed");
    }
    let layer = inside.dir.path().join("layer/package");
    assert_eq!(std::fs::read_to_string(layer.join("index.js")).unwrap(), "original");
    assert!(!layer.join("lib/x").exists());
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sandbox_is_a_user_of_its_own_on_the_host() {
    if !is_root() {
        return;
    }
    let start = || {
        Inside::start_with(|dir| {
            let shared = dir.join("shared");
            std::fs::create_dir(&shared).unwrap();
            vec![Mount::Writable { source: shared, target: "/opt/shared".into() }]
        })
    };
    let mut seen = Vec::new();
    for inside in [start().await, start().await] {
        inside.says("touch /opt/shared/file").await;
        let file = std::fs::metadata(inside.dir.path().join("shared/file")).unwrap();
        assert_eq!(file.uid(), file.gid());
        seen.push(file.uid());
        inside.end().await;
    }
    let ids = HostIds::default();
    assert!(seen.iter().all(|id| (ids.first..ids.first + ids.count).contains(id)), "{seen:?}");
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_takes_along_whatever_it_left_behind() {
    let mut inside = Inside::start_with(|_| {
        vec![Mount::ReadOnly { source: "/usr/bin/setsid".into(), target: "/opt/setsid".into() }]
    })
    .await;
    // Forked twice, in sessions of their own, and one of them ignores being asked.
    let daemons =
        "(/opt/setsid sleep 1001 &); (/opt/setsid sh -c \"trap '' TERM; sleep 1002; sleep 1003\" &)";
    inside.sandbox().spawn("dev", sh(&format!("{daemons}; exec sleep 1000"))).await.unwrap();
    eventually("all of them run", || async { inside.processes().await.len() == 3 }).await;
    inside.sandbox().spawn("other", sh("exec tail -f /dev/null")).await.unwrap();
    inside.sandbox().kill("dev").await.unwrap();
    assert_eq!(inside.processes().await, ["tail"], "only the other command is left");
    assert_eq!(inside.exit_of("dev").await, Exit::Signal { signal: 15 });
    // Ending by itself takes them along, too.
    inside.sandbox().spawn("dev", sh(daemons)).await.unwrap();
    assert_eq!(inside.exit_of("dev").await, Exit::Code { code: 0 });
    assert_eq!(inside.processes().await, ["tail"]);
    assert!(inside.sh(daemons).await.exit.is_success());
    assert_eq!(inside.processes().await, ["tail"]);
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_nowhere_else_while_folders_and_links_change_places() {
    let mut inside = Inside::start().await;
    let race =
        "mkdir -p /tmp/out real; while :; do ln -s /tmp/out src; rm src; mv real src; mv src real; done";
    inside.sandbox().spawn("race", sh(race)).await.unwrap();
    let mut applied = 0;
    for round in 0..300 {
        let text = round.to_string();
        applied += u32::from(inside.put("src/deep/a.txt", &text).await.is_ok());
        let _ = inside.sandbox().apply(batch(&[], &["src/deep/a.txt"])).await;
        let _ = inside.sandbox().read(&support::path("src/deep/a.txt"), 100).await;
    }
    inside.sandbox().kill("race").await.unwrap();
    inside.exit_of("race").await;
    assert_eq!(inside.says("ls -A /tmp/out").await, "", "nothing went through the link");
    assert!(applied > 0);
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_the_staging_place_away_spoils_only_the_own_session() {
    let inside = Inside::start().await;
    assert!(inside.sh("rm -rf /workspace/.stage && ln -s /etc /workspace/.stage").await.exit.is_success());
    assert!(inside.put("a.txt", "content").await.is_err());
    assert!(inside.sandbox().digest().await.unwrap().is_empty());
    assert_eq!(inside.says("echo still here").await, "still here");
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn special_files_do_not_block_the_guest() {
    let inside = Inside::start_with(|_| {
        vec![Mount::ReadOnly { source: "/usr/bin/mkfifo".into(), target: "/opt/mkfifo".into() }]
    })
    .await;
    assert!(inside.sh("/opt/mkfifo pipe && ln -s /dev/zero zero && ln -s . loop").await.exit.is_success());
    assert!(inside.sandbox().digest().await.unwrap().is_empty());
    for name in ["pipe", "zero", "loop"] {
        assert_eq!(inside.sandbox().read(&support::path(name), 100).await.unwrap(), None, "{name}");
        inside.put(name, "a file now").await.unwrap();
    }
    assert_eq!(inside.sandbox().digest().await.unwrap().len(), 3);
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_too_deep_to_walk_is_refused() {
    let inside = Inside::start().await;
    let script = "i=0; while [ $i -lt 100 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done";
    assert!(inside.sh(script).await.exit.is_success());
    assert!(matches!(inside.sandbox().digest().await, Err(DriverError::Refused(_))));
    // A file in the way is not worth going down there either; the project is as usable as before.
    assert!(inside.put("d", "file").await.is_err());
    inside.put("other", "file").await.unwrap();
    inside.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_inside_that_accepts_nobody_keeps_no_other_connection_waiting() {
    let inside = Inside::start().await;
    let _full = inside.sandbox().listen(4_000).await.unwrap();
    let open = inside.sandbox().listen(4_001).await.unwrap();
    let mut held = Vec::new();
    let refused = loop {
        match tokio::time::timeout(Duration::from_millis(300), inside.sandbox().dial(4_000)).await {
            Ok(Ok(stream)) => held.push(stream),
            refused => break refused,
        }
        assert!(held.len() < 1_000, "the listener's queue has an end");
    };
    assert!(refused.is_err(), "it waits: {refused:?}");
    let (other, accepted) = tokio::join!(inside.sandbox().dial(4_001), open.accept());
    other.unwrap();
    accepted.unwrap();
    inside.end().await;
}

fn mentions(below: &Path, name: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(below) else { return false };
    entries.flatten().any(|entry| {
        let is_it = entry.file_name().to_string_lossy().contains(name);
        is_it || (entry.file_type().is_ok_and(|kind| kind.is_dir()) && mentions(&entry.path(), name))
    })
}
