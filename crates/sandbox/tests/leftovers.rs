//! What is left when sandboxes go, when their server is killed, and after many of them: nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "how the server to be killed says that it is ready")]

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use vitrine_sandbox::Driver;
use vitrine_sandbox::driver::{EndReason, OrphanReport, SandboxEvent};
use vitrine_sandbox::local::{LocalConfig, LocalDriver, RootSource};

use support::{again_as_user, eventually, limits, sh, spec, until};

/// Where the server that will be killed keeps its state.
const STATE_DIR: &str = "LEFTOVERS_STATE_DIR";

fn driver(state_dir: PathBuf) -> LocalDriver {
    LocalDriver::new(LocalConfig { state_dir, root: RootSource::Host }).unwrap()
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
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server", "--nocapture"])
        .env(STATE_DIR, state_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = lines.take_while(|line| line != "ready").collect();
    let ids = said.iter().filter_map(|line| line.strip_prefix("started "));
    (server, ids.map(str::to_owned).collect())
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
            match entry.file_name().to_str() == Some(id) {
                true => found.push(entry.path()),
                false => open.push(entry.path()),
            }
        }
    }
    found
}

/// Descriptors and children of this process, and whatever is in the state directory.
fn counts(state_dir: &Path) -> (usize, usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let stats = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("stat"));
    let own = format!(" {} ", std::process::id());
    let is_child = |stat: &PathBuf| {
        let stat = std::fs::read_to_string(stat).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest[1..].starts_with(&own))
    };
    let children = stats.filter(is_child).count();
    (descriptors, children, std::fs::read_dir(state_dir.join("notes")).unwrap().count())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sandboxes_leave_as_much_as_none() {
    // Alone in a process, so that no other test's sandboxes are counted.
    if std::env::var_os("LEFTOVERS_ALONE").is_none() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "fifty_sandboxes_leave_as_much_as_none", "--nocapture"])
            .env("LEFTOVERS_ALONE", "1")
            .output()
            .unwrap();
        return assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    let driver = driver(state_dir.clone());
    one_after_the_other(&driver, 3).await;
    let before = counts(&state_dir);
    one_after_the_other(&driver, 30).await;
    let many = (0..20).map(|_| driver.start(spec(Vec::new())));
    let mut started = Vec::new();
    for one in many {
        started.push(one.await.unwrap());
    }
    drop(started);
    eventually("there is no more than before", || async {
        let after = counts(&state_dir);
        after.0 <= before.0 && after.1 <= before.1 && after.2 <= before.2
    })
    .await;
    assert_eq!(driver.remove_orphans().await.unwrap(), OrphanReport::default());
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
