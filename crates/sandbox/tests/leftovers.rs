//! What is left when sandboxes go, when their server is killed, and after many of them: nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "how the server to be killed says that it is ready")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use vitrine_model::Sha256;
use vitrine_sandbox::Driver;
use vitrine_sandbox::driver::{EndReason, OrphanReport, SandboxEvent};
use vitrine_sandbox::local::{HostIds, LocalConfig, LocalDriver, RootSource};

use support::{again_as_user, eventually, limits, sh, spec, until};

/// Where the server that will be killed keeps its state.
const STATE_DIR: &str = "LEFTOVERS_STATE_DIR";

fn driver(state_dir: PathBuf) -> LocalDriver {
    LocalDriver::new(LocalConfig { state_dir, root: RootSource::Host, ids: HostIds::default() }).unwrap()
}

#[test]
fn nothing_is_left_by_an_ordinary_user_either() {
    again_as_user(&["--skip", "ordinary_user"]);
}

/// Started by the test below as a process of its own, to be killed while it has sandboxes.
#[tokio::test(flavor = "multi_thread")]
async fn server() {
    let Ok(state_dir) = std::env::var(STATE_DIR) else { return };
    let driver = driver(state_dir.into());
    let mut held = Vec::new();
    for _ in 0..3 {
        let started = driver.start(spec(Vec::new())).await.unwrap();
        started.sandbox.spawn("dev", sh("sleep 1000 & exec sleep 1000")).await.unwrap();
        println!("\nstarted {}", started.sandbox.id());
        held.push(started);
    }
    println!("ready");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_nothing_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    let (mut server, ids) = start_server(&state_dir);
    let inits = noted_processes(&state_dir);
    assert_eq!((ids.len(), inits.len()), (3, 3));
    let frozen = freeze(&ids[0]);
    server.kill().unwrap();
    server.wait().unwrap();
    eventually("guests without a server end", || async {
        inits.iter().filter(|pid| is_alive(pid)).count() == usize::from(frozen)
            && ids.iter().filter(|id| is_populated(id)).count() == usize::from(frozen)
    })
    .await;

    let next = driver(state_dir.clone());
    let report = next.remove_orphans().await.unwrap();
    assert_eq!(report.sandboxes, u32::from(frozen));
    assert!(report.leftovers >= 3, "{report:?}");
    eventually("the frozen one is gone, too", || async { !inits.iter().any(|pid| is_alive(pid)) }).await;
    assert_eq!(next.remove_orphans().await.unwrap(), OrphanReport::default());
    assert!(noted_processes(&state_dir).is_empty());
    for id in &ids {
        assert!(cgroups_of(id).is_empty(), "{:?}", cgroups_of(id));
    }
    let again = next.start(spec(Vec::new())).await.unwrap();
    again.sandbox.stop().await.unwrap();
}

fn start_server(state_dir: &Path) -> (Child, Vec<String>) {
    start_server_until(state_dir, usize::MAX)
}

/// Starts the server and waits until it has so many sandboxes, or is ready.
fn start_server_until(state_dir: &Path, sandboxes: usize) -> (Child, Vec<String>) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server", "--nocapture"])
        .env(STATE_DIR, state_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said = lines.take_while(|line| line != "ready");
    let ids = said.filter_map(|line| Some(line.strip_prefix("started ")?.to_owned()));
    (server, ids.take(sandboxes).collect())
}

fn noted_processes(state_dir: &Path) -> Vec<String> {
    let notes = std::fs::read_dir(state_dir.join("notes")).unwrap();
    let note = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    notes.map(|entry| note(entry.unwrap().path()).split(' ').next().unwrap().to_owned()).collect()
}

fn is_alive(pid: &str) -> bool {
    // A zombie waits for the host's init, which is none of our business.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// A guest whose first thread has ended may have others that are about to.
fn is_populated(id: &str) -> bool {
    let procs = |dir: &PathBuf| std::fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    cgroups_of(id).iter().any(|dir| !procs(dir).is_empty())
}

/// A frozen guest cannot notice that its server has gone.
fn freeze(id: &str) -> bool {
    let group = cgroups_of(id).into_iter().find(|dir| dir.join("freezer.state").exists());
    group.is_some_and(|dir| std::fs::write(dir.join("freezer.state"), "FROZEN").is_ok())
}

fn cgroups_of(id: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(dir) = open.pop() {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            match entry.file_name().to_string_lossy().contains(id) {
                true => found.push(entry.path()),
                false => open.push(entry.path()),
            }
        }
    }
    found
}

/// What this process has, and what is on the machine for the sake of its sandboxes.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    descriptors: usize,
    /// Of which sockets.
    sockets: usize,
    children: usize,
    /// Process, network and mount namespaces of this process and its children.
    namespaces: usize,
    mounts: usize,
    /// Beneath the driver's own, in every hierarchy.
    groups: usize,
    /// In the state directory.
    files: usize,
    /// Session keyrings and other keys that this user can see.
    keys: usize,
}

impl Counts {
    fn now(state_dir: &Path) -> Self {
        let descriptors: Vec<PathBuf> = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
            .collect();
        let is_socket = |path: &&PathBuf| path.to_string_lossy().starts_with("socket:");
        let children = children();
        let own = std::process::id().to_string();
        let of = |pid: &String| {
            ["pid", "net", "mnt"].map(|kind| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok())
        };
        let namespaces: BTreeSet<_> = children.iter().chain([&own]).flat_map(of).flatten().collect();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let keys = std::fs::read_to_string("/proc/keys").unwrap_or_default();
        Self {
            sockets: descriptors.iter().filter(is_socket).count(),
            descriptors: descriptors.len(),
            children: children.len(),
            namespaces: namespaces.len(),
            mounts: mounts.lines().filter(|line| line.contains(&*state_dir.to_string_lossy())).count(),
            groups: instance_groups(state_dir),
            files: std::fs::read_dir(state_dir).unwrap().count()
                + std::fs::read_dir(state_dir.join("notes")).unwrap().count(),
            keys: keys.lines().filter(|line| line.contains("_ses")).count(),
        }
    }

    /// Nothing is more than it was. Other programs of this user come and go, and with them keys: a few are nothing.
    fn is_within(&self, before: &Self) -> bool {
        const FOREIGN_KEYS: usize = 8;
        self.descriptors <= before.descriptors
            && self.sockets <= before.sockets
            && self.children <= before.children
            && self.namespaces <= before.namespaces
            && self.mounts <= before.mounts
            && self.groups <= before.groups
            && self.files <= before.files
            && self.keys <= before.keys + FOREIGN_KEYS
    }
}

/// The processes whose parent is this one.
fn children() -> Vec<String> {
    let own = format!(" {} ", std::process::id());
    let names = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str().map(str::to_owned));
    let is_child = |pid: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest[1..].starts_with(&own))
    };
    pids.filter(is_child).collect()
}

/// Control groups of the driver's sandboxes, in every hierarchy.
fn instance_groups(state_dir: &Path) -> usize {
    let id = Sha256::of(state_dir.canonicalize().unwrap().as_os_str().as_encoded_bytes()).to_hex();
    cgroups_of(&format!("vitrine-{}.", &id[..12])).len()
}

/// Runs one test of this program alone in a process, so that no other test's sandboxes are counted. True in there.
fn is_alone(test: &str) -> bool {
    if std::env::var_os("LEFTOVERS_ALONE").is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env("LEFTOVERS_ALONE", "1")
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// Cycles of a sandbox's whole life leave as much as there was before.
async fn cycles_leave_nothing(count: u32) {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    let driver = driver(state_dir.clone());
    one_after_the_other(&driver, 3).await;
    let before = Counts::now(&state_dir);
    one_after_the_other(&driver, count).await;
    let mut started = Vec::new();
    for _ in 0..20 {
        started.push(driver.start(spec(Vec::new())).await.unwrap());
    }
    assert!(!Counts::now(&state_dir).is_within(&before), "twenty that run are seen");
    drop(started);
    eventually("there is no more than before", || async { Counts::now(&state_dir).is_within(&before) }).await;
    println!("before: {before:?}\nafter {count} cycles: {:?}", Counts::now(&state_dir));
    assert_eq!(driver.remove_orphans().await.unwrap(), OrphanReport::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sandboxes_leave_as_much_as_none() {
    if is_alone("fifty_sandboxes_leave_as_much_as_none") {
        cycles_leave_nothing(30).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute or two: the same as the test above, a thousand times"]
async fn a_thousand_sandboxes_leave_as_much_as_none() {
    if is_alone("a_thousand_sandboxes_leave_as_much_as_none") {
        cycles_leave_nothing(1_000).await;
    }
}

/// Killed while it starts sandboxes and while it has them: after none, one, two or three of them.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_of_a_server_leave_nothing() {
    if !is_alone("twenty_kills_of_a_server_leave_nothing") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    drop(driver(state_dir.clone()));
    let before = Counts::now(&state_dir);
    for round in 0..20 {
        let (mut server, ids) = start_server_until(&state_dir, round % 4);
        let inits = noted_processes(&state_dir);
        server.kill().unwrap();
        server.wait().unwrap();
        drop(server);
        eventually("guests without a server end", || async { !inits.iter().any(|pid| is_alive(pid)) }).await;
        let next = driver(state_dir.clone());
        next.remove_orphans().await.unwrap();
        assert_eq!(next.remove_orphans().await.unwrap(), OrphanReport::default(), "round {round}");
        assert!(ids.iter().all(|id| cgroups_of(id).is_empty()), "round {round}");
    }
    eventually("there is no more than before", || async { Counts::now(&state_dir).is_within(&before) }).await;
    println!("before: {before:?}\nafter twenty kills: {:?}", Counts::now(&state_dir));
}

async fn one_after_the_other(driver: &LocalDriver, count: u32) {
    for _ in 0..count {
        let started = driver.start(spec(Vec::new())).await.unwrap();
        started.sandbox.exec(sh("echo x > file; sleep 1000 &"), limits()).await.unwrap();
        let _stream = started.sandbox.listen(4_000).await.unwrap();
        started.sandbox.dial(4_000).await.unwrap();
        started.sandbox.stop().await.unwrap();
    }
}

/// A command may kill its keeper, which is its parent; what it started is then found by the guest itself.
#[tokio::test(flavor = "multi_thread")]
async fn killing_its_keeper_frees_no_command() {
    let dir = tempfile::tempdir().unwrap();
    let driver = driver(dir.path().join("state"));
    let mut started = driver.start(spec(Vec::new())).await.unwrap();
    let script = "sleep 1001 & sleep 1002 & kill -9 $PPID; exec sleep 1003";
    started.sandbox.spawn("dev", sh(script)).await.unwrap();
    until(&mut started.events, |event| match event {
        SandboxEvent::Exited { name, .. } => (name == "dev").then_some(()),
        _ => None,
    })
    .await;
    eventually("nothing of the command is left", || async {
        let names = started.sandbox.exec(sh("cat /proc/[0-9]*/comm"), limits()).await.unwrap();
        !String::from_utf8_lossy(&names.stdout).contains("sleep")
    })
    .await;
    started.sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_dies_is_told_and_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    let driver = driver(state_dir.clone());
    let mut started = driver.start(spec(Vec::new())).await.unwrap();
    let pid = noted_processes(&state_dir).remove(0);
    Command::new("kill").args(["-9", &pid]).status().unwrap();
    let reason = until(&mut started.events, |event| match event {
        SandboxEvent::Ended { reason } => Some(reason),
        _ => None,
    })
    .await;
    assert!(matches!(reason, EndReason::GuestLost(_)), "{reason:?}");
    assert!(started.sandbox.exec(sh("true"), limits()).await.is_err());
    assert!(cgroups_of(started.sandbox.id().as_str()).is_empty());
    assert!(noted_processes(&state_dir).is_empty());
    started.sandbox.stop().await.unwrap();
}

#[test]
fn the_state_directory_shows_others_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    let _driver = driver(state_dir.clone());
    for place in ["", "notes", "bin", "root"] {
        let mode = std::fs::metadata(state_dir.join(place)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077 & !0o011, 0, "{place}: {mode:o}");
    }
}
