//! What every driver promises. Isolation is tested elsewhere; here are the contracts of the trait.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::Receiver;
use vitrine_model::{FileMode, Sha256};
use vitrine_sandbox::driver::{
    CollectLimits, Collected, Command, EndReason, ExecLimits, Exit, FileBatch, FilePut, Mount, OrphanReport,
    PROJECT_DIR, RefusalReason, SCRATCH_DIR, SandboxEvent, Started,
};
use vitrine_sandbox::{Driver, DriverError, Listener, RunEvent, Running, Sandbox};

use crate::support::{DEADLINE, batch, eventually, limits, path, sh, spec, until};

/// Runs every test with `driver`, one after the other.
pub(crate) async fn run(driver: &dyn Driver) {
    assert_eq!(driver.remove_orphans().await.unwrap(), OrphanReport::default(), "nothing to remove at first");
    files_arrive_as_they_were_sent(driver).await;
    large_and_numerous_files_arrive(driver).await;
    what_stands_in_the_way_is_replaced(driver).await;
    what_a_command_left_is_collected(driver).await;
    what_cannot_be_collected_is_named(driver).await;
    a_command_gets_what_it_was_given_and_nothing_else(driver).await;
    the_end_of_output_is_kept_and_time_is_limited(driver).await;
    a_watched_command_says_what_it_says_when_it_says_it(driver).await;
    the_beginning_of_watched_output_is_kept_and_its_time_is_limited(driver).await;
    what_nobody_watches_is_killed_with_all_it_started(driver).await;
    spawned_commands_report_their_lines_and_their_end(driver).await;
    a_command_that_ignores_the_request_is_killed(driver).await;
    floods_are_counted_not_stored(driver).await;
    connections_reach_inside(driver).await;
    mounts_are_where_they_belong(driver).await;
    what_is_written_to_a_writable_mount_stays(driver).await;
    many_calls_at_once_are_answered(driver).await;
    what_is_frozen_stands_still_and_goes_on(driver).await;
    what_is_frozen_can_be_stopped(driver).await;
    stopping_ends_everything(driver).await;
    dropping_the_handle_stops_too(driver).await;
    a_start_that_cannot_work_leaves_nothing(driver).await;
    assert_eq!(driver.remove_orphans().await.unwrap(), OrphanReport::default(), "nothing was left");
}

async fn start(driver: &dyn Driver, mounts: Vec<Mount>) -> Started {
    driver.start(spec(mounts)).await.unwrap()
}

async fn says(sandbox: &dyn Sandbox, script: &str) -> String {
    let output = sandbox.exec(sh(script), limits()).await.unwrap();
    assert!(output.exit.is_success(), "{script}: {output:?}");
    String::from_utf8(output.stdout.to_vec()).unwrap().trim_end().to_owned()
}

async fn files_arrive_as_they_were_sent(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let files = batch(&[("index.html", "<p>"), ("src/a/b.ts", "b"), ("src/c.ts", "")], &[]);
    let applied = sandbox.apply(files.clone()).await.unwrap();
    assert_eq!((applied.written, applied.unchanged, applied.removed), (3, 0, 0));
    let applied = sandbox.apply(files).await.unwrap();
    assert_eq!((applied.written, applied.unchanged, applied.removed), (0, 3, 0));
    let run = FilePut {
        path: path("run"),
        mode: FileMode::Executable,
        content: Bytes::from("#!/bin/sh\necho ran\n"),
    };
    sandbox.apply(FileBatch { put: vec![run], removed: Vec::new() }).await.unwrap();
    assert_eq!(says(sandbox, "./run; cat src/a/b.ts").await, "ran\nb");

    let digest = sandbox.digest().await.unwrap();
    let names: Vec<_> = digest.keys().map(|path| path.as_str()).collect();
    assert_eq!(names, ["index.html", "run", "src/a/b.ts", "src/c.ts"]);
    assert_eq!(digest["index.html"].sha256, Sha256::of(b"<p>"));
    assert_eq!(digest["run"].mode, FileMode::Executable);
    says(
        sandbox,
        "mkdir -p node_modules/x dist .vite; touch node_modules/x/y dist/z .vite/v; ln -s run link",
    )
    .await;
    assert_eq!(sandbox.digest().await.unwrap().len(), 4, "generated files and links are left out");

    let applied =
        sandbox.apply(batch(&[("src/c.ts", "now more")], &["src/a/b.ts", "never/was"])).await.unwrap();
    assert_eq!((applied.written, applied.unchanged, applied.removed), (1, 0, 1));
    assert_eq!(says(sandbox, "cat src/c.ts; ls src").await, "now morec.ts", "the empty folder is gone");
    assert_eq!(sandbox.read(&path("src/c.ts"), 3).await.unwrap(), Some(Bytes::from("now")));
    assert_eq!(sandbox.read(&path("src/none.ts"), 3).await.unwrap(), None);
    assert_eq!(sandbox.read(&path("src"), 3).await.unwrap(), None, "a folder is no file");
    sandbox.stop().await.unwrap();
}

async fn large_and_numerous_files_arrive(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let large: Bytes = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
    let file = FilePut { path: path("large.bin"), mode: FileMode::Regular, content: large.clone() };
    let files = FileBatch { put: vec![file], removed: Vec::new() };
    assert_eq!(sandbox.apply(files.clone()).await.unwrap().written, 1);
    assert_eq!(sandbox.apply(files).await.unwrap().unchanged, 1);
    assert_eq!(sandbox.read(&path("large.bin"), u64::MAX).await.unwrap(), Some(large));
    let names: Vec<String> = (0..1_500).map(|n| format!("many/{}/{n}.txt", n % 40)).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    assert_eq!(sandbox.apply(batch(&files, &[])).await.unwrap().written, 1_500);
    assert_eq!(sandbox.digest().await.unwrap().len(), 1_501);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(sandbox.apply(batch(&[], &names)).await.unwrap().removed, 1_500);
    assert_eq!(says(sandbox, "ls").await, "large.bin");
    sandbox.stop().await.unwrap();
}

async fn what_stands_in_the_way_is_replaced(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    says(
        sandbox,
        "mkdir -p a/deep/er; touch a/deep/er/x; touch b; ln -s /nowhere c; mkfifo d 2>/dev/null || touch d",
    )
    .await;
    let files = [("a", "file"), ("b/inner", "folder"), ("c", "file"), ("d", "file"), ("e/f", "folder")];
    sandbox.apply(batch(&files, &[])).await.unwrap();
    assert_eq!(says(sandbox, "cat a b/inner c d e/f").await, "filefolderfilefilefolder");
    // A file becomes a folder of its own name within one batch, and back.
    sandbox.apply(batch(&[("a/b", "now a folder")], &["a"])).await.unwrap();
    sandbox.apply(batch(&[("a", "a file again")], &["a/b"])).await.unwrap();
    assert_eq!(says(sandbox, "cat a").await, "a file again");
    sandbox.stop().await.unwrap();
}

/// Few enough to reach.
const COLLECT: CollectLimits = CollectLimits { files: 600, file_bytes: 8 << 20, total_bytes: 12 << 20 };

async fn what_a_command_left_is_collected(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    sandbox.apply(batch(&[("index.html", "<p>"), ("src/a.ts", "a")], &[])).await.unwrap();
    let script = "mkdir -p dist/assets/empty; echo page > dist/index.html; : > dist/nothing
        i=0; while [ $i -lt 550 ]; do echo $i > dist/assets/$i.js; i=$((i+1)); done
        head -c 5000000 /dev/zero > dist/large; printf end >> dist/large";
    says(sandbox, script).await;
    let dist = path("dist");
    let collected = sandbox.collect(Some(&dist), COLLECT).await.unwrap();
    assert_eq!((collected.files.len(), collected.refused.len()), (553, 0));
    assert_eq!(
        (&collected.files["index.html"][..], &collected.files["nothing"][..]),
        (&b"page\n"[..], &b""[..])
    );
    assert_eq!(collected.files["assets/549.js"], "549\n");
    let large = &collected.files["large"];
    assert!(large.len() == 5_000_003 && large.ends_with(b"\0end"));
    let all = sandbox.collect(None, COLLECT).await.unwrap();
    assert_eq!((all.files.len(), &all.files["dist/index.html"][..]), (555, &b"page\n"[..]));
    let nothing = sandbox.collect(Some(&path("never/made")), COLLECT).await.unwrap();
    assert_eq!(nothing, Collected::default());
    sandbox.stop().await.unwrap();
    assert!(matches!(sandbox.collect(None, COLLECT).await, Err(DriverError::Ended)));
}

async fn what_cannot_be_collected_is_named(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let refused = async |script: &str| {
        says(sandbox, &format!("rm -rf dist; mkdir dist; {script}")).await;
        let collected = sandbox.collect(Some(&path("dist")), COLLECT).await.unwrap();
        assert!(collected.files.is_empty(), "{script}");
        collected.refused.into_iter().map(|refused| (refused.path, refused.reason)).collect::<Vec<_>>()
    };
    let one = |path: &str, reason| vec![(path.to_owned(), reason)];
    assert_eq!(refused("echo a > dist/a; ln -s a dist/inner").await, one("inner", RefusalReason::Link));
    assert_eq!(refused("ln -s /etc/passwd dist/passwd").await, one("passwd", RefusalReason::Link));
    assert_eq!(refused("ln -s /etc dist/etc").await, one("etc", RefusalReason::Link));
    assert_eq!(
        refused("printf x > \"dist/$(printf 'bad\\377')\"").await,
        one("bad\u{fffd}", RefusalReason::NotUnicode)
    );
    assert!(matches!(&refused("echo > 'dist/two\nlines'").await[..], [(_, RefusalReason::Name(_))]));
    assert!(matches!(
        &refused("mkdir dist/node_modules; : > dist/node_modules/x").await[..],
        [(_, RefusalReason::Name(_))]
    ));
    let large = "head -c 8388609 /dev/zero > dist/large";
    assert_eq!(refused(large).await, one("large", RefusalReason::FileTooLarge(COLLECT.file_bytes)));
    let heavy = "for n in 1 2 3; do head -c 5000000 /dev/zero > dist/$n; done";
    assert_eq!(refused(heavy).await, one("dist", RefusalReason::TooManyBytes(COLLECT.total_bytes)));
    let many = "i=0; while [ $i -le 600 ]; do : > dist/$i; i=$((i+1)); done";
    assert_eq!(refused(many).await, one("dist", RefusalReason::TooManyFiles(COLLECT.files)));
    assert_eq!(refused("rmdir dist; ln -s / dist").await, one("dist", RefusalReason::Link));
    assert_eq!(refused("rmdir dist; echo > dist").await, one("dist", RefusalReason::Special));
    sandbox.stop().await.unwrap();
}

async fn a_command_gets_what_it_was_given_and_nothing_else(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let env = [("PATH", "/usr/bin:/bin"), ("HOME", SCRATCH_DIR), ("NAME", "a b\n=c")];
    let env: BTreeMap<String, String> =
        env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let command =
        Command { argv: vec!["env".into(), "-0".into()], env: env.clone(), cwd: PROJECT_DIR.into() };
    let output = sandbox.exec(command, limits()).await.unwrap();
    let text = String::from_utf8(output.stdout.to_vec()).unwrap();
    let seen: BTreeMap<_, _> = text.split_terminator('\0').filter_map(|line| line.split_once('=')).collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!((seen["PATH"], seen["NAME"]), ("/usr/bin:/bin", "a b\n=c"));
    assert_eq!(says(sandbox, "cat; echo no input").await, "no input");

    let failing = sandbox.exec(sh("echo out; echo err >&2; exit 3"), limits()).await.unwrap();
    assert_eq!(failing.exit, Exit::Code { code: 3 });
    assert_eq!((failing.stdout.as_ref(), failing.stderr.as_ref()), (&b"out\n"[..], &b"err\n"[..]));
    let killed = sandbox.exec(sh("kill -9 $$"), limits()).await.unwrap();
    assert_eq!(killed.exit, Exit::Signal { signal: 9 });
    for argv in [vec!["no-such-program".to_owned()], Vec::new(), vec!["/workspace/app/none".to_owned()]] {
        let command = Command { argv, env: env.clone(), cwd: PROJECT_DIR.into() };
        assert!(matches!(sandbox.exec(command.clone(), limits()).await, Err(DriverError::Refused(_))));
        assert!(matches!(sandbox.spawn("dev", command).await, Err(DriverError::Refused(_))));
    }
    let nowhere = Command { cwd: "/nowhere".into(), ..sh("true") };
    assert!(matches!(sandbox.exec(nowhere, limits()).await, Err(DriverError::Refused(_))));
    sandbox.stop().await.unwrap();
}

async fn the_end_of_output_is_kept_and_time_is_limited(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let few = ExecLimits { timeout: DEADLINE, max_output_bytes: 4 };
    let output = sandbox.exec(sh("echo 123456789; echo abcdefgh >&2"), few).await.unwrap();
    assert_eq!((output.stdout.as_ref(), output.stderr.as_ref()), (&b"789\n"[..], &b"fgh\n"[..]));
    let brief = ExecLimits { timeout: Duration::from_millis(200), max_output_bytes: 1024 };
    let script = "trap '' TERM; echo begun; sleep 1000 & sleep 1000";
    let output = sandbox.exec(sh(script), brief).await.unwrap();
    assert_eq!((output.exit, output.stdout.as_ref()), (Exit::TimedOut, &b"begun\n"[..]));
    sandbox.stop().await.unwrap();
}

/// What a watched command says to its end, and how that came.
async fn watched(running: &mut Running) -> ([String; 2], Result<(Exit, bool), DriverError>) {
    let mut said = [String::new(), String::new()];
    loop {
        match running.next().await.expect("a command has an end") {
            Ok(RunEvent::Output { is_stderr, piece }) => {
                said[usize::from(is_stderr)].push_str(std::str::from_utf8(&piece).unwrap());
            }
            Ok(RunEvent::Ended { exit, is_truncated }) => {
                assert!(running.next().await.is_none(), "nothing comes after the end");
                return (said, Ok((exit, is_truncated)));
            }
            Err(error) => return (said, Err(error)),
        }
    }
}

async fn a_watched_command_says_what_it_says_when_it_says_it(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let mut running = sandbox
        .run(sh("printf one; while [ ! -e go ]; do sleep 0.01; done; echo two >&2; exit 3"), limits())
        .await
        .unwrap();
    let first = running.next().await.unwrap().unwrap();
    assert_eq!(first, RunEvent::Output { is_stderr: false, piece: Bytes::from("one") }, "before it ends");
    assert_eq!(says(sandbox, "echo beside it").await, "beside it");
    sandbox.apply(batch(&[("go", "")], &[])).await.unwrap();
    let (said, end) = watched(&mut running).await;
    assert_eq!((said[1].as_str(), end.unwrap()), ("two\n", (Exit::Code { code: 3 }, false)));
    let absent = Command { argv: vec!["no-such-program".to_owned()], ..sh("true") };
    let refused = match sandbox.run(absent, limits()).await {
        Ok(mut running) => watched(&mut running).await.1.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(refused, DriverError::Refused(_)), "{refused:?}");
    let mut many = Vec::new();
    for n in 0..4 {
        many.push(sandbox.run(sh(&format!("echo {n}; exit {n}")), limits()).await.unwrap());
    }
    for (n, mut running) in (0..).zip(many) {
        let (said, end) = watched(&mut running).await;
        assert_eq!((said[0].as_str(), end.unwrap().0), (format!("{n}\n").as_str(), Exit::Code { code: n }));
    }
    sandbox.stop().await.unwrap();
    assert!(matches!(sandbox.run(sh("true"), limits()).await, Err(DriverError::Ended)));
}

async fn the_beginning_of_watched_output_is_kept_and_its_time_is_limited(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let few = ExecLimits { timeout: DEADLINE, max_output_bytes: 6 };
    let mut running = sandbox.run(sh("printf 1234; sleep 0.05; printf abcdefgh >&2"), few).await.unwrap();
    let (said, end) = watched(&mut running).await;
    assert_eq!((said, end.unwrap()), (["1234".to_owned(), "ab".to_owned()], (Exit::Code { code: 0 }, true)));
    let flood = ExecLimits { timeout: DEADLINE, max_output_bytes: 1000 };
    let mut running = sandbox.run(sh("head -c 20000000 /dev/zero | tr '\\0' x"), flood).await.unwrap();
    let (said, end) = watched(&mut running).await;
    assert_eq!((said[0].len(), end.unwrap()), (1000, (Exit::Code { code: 0 }, true)), "it is not held up");
    let brief = ExecLimits { timeout: Duration::from_millis(200), max_output_bytes: 1024 };
    let script = "trap '' TERM; echo begun; sleep 1000 & sleep 1000";
    let mut running = sandbox.run(sh(script), brief).await.unwrap();
    let (said, end) = watched(&mut running).await;
    assert_eq!((said[0].as_str(), end.unwrap()), ("begun\n", (Exit::TimedOut, false)));
    sandbox.stop().await.unwrap();
}

async fn what_nobody_watches_is_killed_with_all_it_started(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let script = "trap '' TERM HUP; (while :; do echo x >> beats; sleep 0.02; done) & echo begun; wait";
    let mut running = sandbox.run(sh(script), limits()).await.unwrap();
    assert!(matches!(running.next().await, Some(Ok(RunEvent::Output { .. }))));
    eventually("it is at work", || async { !says(sandbox, "cat beats 2>/dev/null || :").await.is_empty() })
        .await;
    drop(running);
    eventually("it works no more", || async {
        says(sandbox, "a=$(wc -c < beats); sleep 0.2; b=$(wc -c < beats); [ $a = $b ] && echo over || :")
            .await
            == "over"
    })
    .await;
    sandbox.stop().await.unwrap();
}

async fn spawned_commands_report_their_lines_and_their_end(driver: &dyn Driver) {
    let mut started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    sandbox
        .spawn("dev", sh("echo one; echo two >&2; printf 'a\\000b\\377\\r\\nlast'; exit 7"))
        .await
        .unwrap();
    let mut lines = Vec::new();
    let exit = until(&mut started.events, |event| match event {
        SandboxEvent::Output { name, is_stderr, line } => {
            assert_eq!(name, "dev");
            lines.push((is_stderr, line));
            None
        }
        SandboxEvent::Exited { name, exit } => (name == "dev").then_some(exit),
        other => panic!("{other:?}"),
    })
    .await;
    assert_eq!(exit, Exit::Code { code: 7 });
    lines.sort();
    let line = |is_stderr, text: &str| (is_stderr, text.to_owned());
    assert_eq!(
        lines,
        [line(false, "ab\u{fffd}"), line(false, "last"), line(false, "one"), line(true, "two")]
    );

    sandbox.spawn("dev", sh("echo first; exec sleep 1000")).await.unwrap();
    sandbox.spawn("other", sh("exec sleep 1000")).await.unwrap();
    wait_for_line(&mut started.events, "first").await;
    sandbox.spawn("dev", sh("echo second; exec sleep 1000")).await.unwrap();
    let exit = wait_for_exit(&mut started.events, "dev").await;
    assert_eq!(exit, Exit::Signal { signal: 15 }, "the one before is ended first");
    wait_for_line(&mut started.events, "second").await;
    sandbox.kill("dev").await.unwrap();
    wait_for_exit(&mut started.events, "dev").await;
    sandbox.kill("dev").await.unwrap();
    sandbox.kill("never was").await.unwrap();
    sandbox.kill("other").await.unwrap();
    let exit = wait_for_exit(&mut started.events, "other").await;
    assert_eq!(exit, Exit::Signal { signal: 15 }, "it ran until now");
    sandbox.stop().await.unwrap();
}

async fn wait_for_line(events: &mut Receiver<SandboxEvent>, wanted: &str) {
    until(events, |event| match event {
        SandboxEvent::Output { line, .. } => (line == wanted).then_some(()),
        _ => None,
    })
    .await;
}

async fn wait_for_exit(events: &mut Receiver<SandboxEvent>, wanted: &str) -> Exit {
    until(events, |event| match event {
        SandboxEvent::Exited { name, exit } => (name == wanted).then_some(exit),
        _ => None,
    })
    .await
}

async fn a_command_that_ignores_the_request_is_killed(driver: &dyn Driver) {
    let mut started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let script = "trap '' TERM; sleep 1000 & echo ready; while :; do sleep 1000; done";
    sandbox.spawn("stubborn", sh(script)).await.unwrap();
    wait_for_line(&mut started.events, "ready").await;
    sandbox.kill("stubborn").await.unwrap();
    assert_eq!(wait_for_exit(&mut started.events, "stubborn").await, Exit::Signal { signal: 9 });
    sandbox.stop().await.unwrap();
}

async fn floods_are_counted_not_stored(driver: &dyn Driver) {
    let mut started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let wide = "x".repeat(20_000);
    let script =
        format!("echo {wide}; i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done; echo done");
    sandbox.spawn("loud", sh(&script)).await.unwrap();
    let (mut lines, mut dropped) = (0_u64, 0_u64);
    until(&mut started.events, |event| {
        match event {
            SandboxEvent::Output { line, .. } => {
                assert!(line.len() <= 8 * 1024);
                lines += 1;
            }
            SandboxEvent::OutputDropped { lines, .. } => dropped += lines,
            SandboxEvent::Exited { .. } => return Some(()),
            SandboxEvent::Ended { .. } => panic!("the sandbox ended"),
        }
        None
    })
    .await;
    // 20,000 bytes are three lines.
    assert_eq!(lines + dropped, 40_004);
    assert!(dropped > 0 && lines > 0, "{lines} lines, {dropped} dropped");
    sandbox.stop().await.unwrap();
}

async fn connections_reach_inside(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    let (listener, port) = listen_somewhere(sandbox).await;
    let echo = tokio::spawn(async move {
        loop {
            let mut stream = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    let many: Vec<_> = (0..50_u8).map(|n| talk(sandbox, port, n)).collect();
    for one in many {
        one.await;
    }
    echo.abort();
    let _ = echo.await;
    eventually("a closed port refuses", || async {
        matches!(sandbox.dial(port).await, Err(DriverError::ConnectionRefused(refused)) if refused == port)
    })
    .await;
    sandbox.stop().await.unwrap();
}

async fn listen_somewhere(sandbox: &dyn Sandbox) -> (Listener, u16) {
    // Drivers without a network of their own share the machine's ports with whatever else runs.
    for port in 41_730.. {
        if let Ok(listener) = sandbox.listen(port).await {
            return (listener, port);
        }
    }
    unreachable!("some port is free")
}

async fn talk(sandbox: &dyn Sandbox, port: u16, n: u8) {
    let mut stream = sandbox.dial(port).await.unwrap();
    stream.write_all(&[n; 100]).await.unwrap();
    let mut answer = [0; 100];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [n; 100]);
}

async fn mounts_are_where_they_belong(driver: &dyn Driver) {
    let host = tempfile::tempdir().unwrap();
    let make = |name: &str, content: &str| {
        let file = host.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    };
    make("tool/bin/tool", "tool");
    make("bundle.pem", "certificate");
    make("top/react/index.js", "top");
    make("bottom/react/index.js", "bottom");
    make("bottom/vite/index.js", "vite");
    let source = |name: &str| host.path().join(name);
    let mounts = vec![
        Mount::ReadOnly { source: source("tool"), target: "/opt/toolchain".into() },
        Mount::ReadOnly { source: source("bundle.pem"), target: "/opt/bundle.pem".into() },
        Mount::Overlay {
            lowers: vec![source("top"), source("bottom")],
            target: format!("{PROJECT_DIR}/node_modules").into(),
        },
    ];
    let started = start(driver, mounts).await;
    let sandbox = started.sandbox.as_ref();
    assert_eq!(says(sandbox, "cat /opt/toolchain/bin/tool /opt/bundle.pem").await, "toolcertificate");
    assert_eq!(says(sandbox, "cat node_modules/react/index.js node_modules/vite/index.js").await, "topvite");
    assert_eq!(
        says(sandbox, "mkdir node_modules/.vite && echo own > node_modules/.vite/x && ls -A node_modules")
            .await,
        ".vite\nreact\nvite"
    );
    assert!(!source("top/.vite").exists() && !source("bottom/.vite").exists(), "lowers are never changed");
    sandbox.apply(batch(&[("package.json", "{}")], &[])).await.unwrap();
    assert_eq!(sandbox.digest().await.unwrap().len(), 1);
    sandbox.stop().await.unwrap();
}

async fn what_is_written_to_a_writable_mount_stays(driver: &dyn Driver) {
    let host = tempfile::tempdir().unwrap();
    let source = host.path().join("layer");
    std::fs::create_dir(&source).unwrap();
    let target = format!("{PROJECT_DIR}/node_modules").into();
    let started = start(driver, vec![Mount::Writable { source: source.clone(), target }]).await;
    let sandbox = started.sandbox.as_ref();
    says(
        sandbox,
        "mkdir node_modules/pkg && echo made > node_modules/pkg/index.js && ln -s pkg node_modules/alias",
    )
    .await;
    sandbox.stop().await.unwrap();
    assert_eq!(std::fs::read_to_string(source.join("pkg/index.js")).unwrap(), "made\n");
    assert_eq!(std::fs::read_link(source.join("alias")).unwrap().to_str(), Some("pkg"));
}

async fn many_calls_at_once_are_answered(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let sandbox = started.sandbox.clone();
            tokio::spawn(async move {
                let name = format!("dir{n}/file.txt");
                sandbox.apply(batch(&[(&name, "content")], &[])).await.unwrap();
                let output = sandbox.exec(sh(&format!("cat {name}")), limits()).await.unwrap();
                assert_eq!(output.stdout, "content");
                sandbox.digest().await.unwrap();
                sandbox.usage().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // A caller that loses patience does not disturb the others.
    for _ in 0..8 {
        let impatient = started.sandbox.exec(sh("sleep 0.05; echo late"), limits());
        let _ = tokio::time::timeout(Duration::from_millis(1), impatient).await;
    }
    assert_eq!(says(started.sandbox.as_ref(), "echo still in step").await, "still in step");
    started.sandbox.stop().await.unwrap();
}

async fn what_is_frozen_stands_still_and_goes_on(driver: &dyn Driver) {
    let started = start(driver, Vec::new()).await;
    let sandbox = started.sandbox.as_ref();
    if !sandbox.can_freeze() {
        assert!(matches!(sandbox.freeze().await, Err(DriverError::Unsupported(_))));
        return sandbox.stop().await.unwrap();
    }
    let (listener, port) = listen_somewhere(sandbox).await;
    let mut outside = sandbox.dial(port).await.unwrap();
    let mut inside = listener.accept().await.unwrap();
    sandbox.spawn("busy", sh("while :; do :; done")).await.unwrap();
    for round in 0..5 {
        sandbox.freeze().await.unwrap();
        sandbox.freeze().await.unwrap();
        let before = sandbox.usage().await.unwrap();
        let asking = {
            let sandbox = started.sandbox.clone();
            tokio::spawn(async move { says(sandbox.as_ref(), "echo awake").await })
        };
        let after = sandbox.reclaim().await.unwrap();
        assert_eq!(before.cpu_micros, after.cpu_micros, "nothing ran");
        assert!(!asking.is_finished());
        outside.write_all(&[round]).await.unwrap();
        sandbox.thaw().await.unwrap();
        sandbox.thaw().await.unwrap();
        assert_eq!(tokio::time::timeout(DEADLINE, asking).await.unwrap().unwrap(), "awake");
        let mut byte = [0];
        inside.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, [round], "a connection lives on");
    }
    sandbox.freeze().await.unwrap();
    let (reclaimed, thawed) = tokio::join!(sandbox.reclaim(), sandbox.thaw());
    reclaimed.unwrap();
    thawed.unwrap();
    assert_eq!(
        says(sandbox, "head -c 100000000 /dev/zero | tail -c 50000000 | wc -c").await,
        "50000000",
        "its memory is its own again"
    );
    sandbox.stop().await.unwrap();
}

async fn what_is_frozen_can_be_stopped(driver: &dyn Driver) {
    let mut started = start(driver, Vec::new()).await;
    if started.sandbox.can_freeze() {
        started.sandbox.spawn("dev", sh("sleep 1000")).await.unwrap();
        started.sandbox.freeze().await.unwrap();
        started.sandbox.stop().await.unwrap();
        assert!(matches!(started.sandbox.freeze().await, Err(DriverError::Ended)));
        started = start(driver, Vec::new()).await;
        started.sandbox.freeze().await.unwrap();
    }
    drop(started.sandbox);
    let reason = until(&mut started.events, |event| match event {
        SandboxEvent::Ended { reason } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.await, EndReason::Stopped);
}

async fn stopping_ends_everything(driver: &dyn Driver) {
    let spec = spec(Vec::new());
    let mut started = driver.start(spec.clone()).await.unwrap();
    assert_eq!(started.sandbox.id(), &spec.id);
    assert!(driver.start(spec.clone()).await.is_err(), "two of one id");
    started.sandbox.spawn("dev", sh("sleep 1000 & sleep 1000")).await.unwrap();
    let waiting = tokio::spawn({
        let sandbox = started.sandbox.clone();
        async move { sandbox.exec(sh("sleep 1000"), limits()).await }
    });
    let (first, second) = tokio::join!(started.sandbox.stop(), started.sandbox.stop());
    first.unwrap();
    second.unwrap();
    let outcome = tokio::time::timeout(DEADLINE, waiting).await.unwrap().unwrap();
    assert!(outcome.map_or(true, |output| !output.exit.is_success()));
    let reason = until(&mut started.events, |event| match event {
        SandboxEvent::Ended { reason } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.await, EndReason::Stopped);
    assert!(started.events.recv().await.is_none(), "nothing comes after the end");
    let sandbox = started.sandbox.as_ref();
    assert!(matches!(sandbox.apply(FileBatch::default()).await, Err(DriverError::Ended)));
    assert!(matches!(sandbox.exec(sh("true"), limits()).await, Err(DriverError::Ended)));
    assert!(matches!(sandbox.dial(1).await, Err(DriverError::Ended)));
    assert!(matches!(sandbox.usage().await, Err(DriverError::Ended)));
    // Its id is free again, at once and every time.
    for _ in 0..20 {
        driver.start(spec.clone()).await.unwrap().sandbox.stop().await.unwrap();
    }
}

async fn dropping_the_handle_stops_too(driver: &dyn Driver) {
    let mut started = start(driver, Vec::new()).await;
    started.sandbox.spawn("dev", sh("exec sleep 1000")).await.unwrap();
    drop(started.sandbox);
    let reason = until(&mut started.events, |event| match event {
        SandboxEvent::Ended { reason } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.await, EndReason::Stopped);
}

async fn a_start_that_cannot_work_leaves_nothing(driver: &dyn Driver) {
    let missing = Mount::ReadOnly { source: "/no/such/place".into(), target: "/opt/toolchain".into() };
    let spec = spec(vec![missing]);
    assert!(driver.start(spec.clone()).await.is_err());
    assert_eq!(driver.remove_orphans().await.unwrap(), OrphanReport::default());
    let spec = vitrine_sandbox::driver::SandboxSpec { mounts: Vec::new(), ..spec };
    driver.start(spec).await.unwrap().sandbox.stop().await.unwrap();
}
