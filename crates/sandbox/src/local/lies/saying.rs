//! Lies on the control socket.

use bytes::Bytes;

use super::*;
use crate::driver::{CollectLimits, Command as Run, ExecLimits, Exit, FileBatch, FilePut};
use crate::run::RunEvent;
use vitrine_model::{FileMode, ProjectPath};

type Lie = (&'static str, fn(u64) -> Vec<u8>);

/// What is no answer to a request for a digest, and ends the session.
const ENDS: &[Lie] = &[
    ("a header of four gigabytes", |_| [[0xff; 4], [0; 4]].concat()),
    ("a payload of four gigabytes", |_| [&2_u32.to_le_bytes()[..], &[0xff; 4], b"{}"].concat()),
    ("no header", |_| vec![0; 8]),
    ("a header that is not JSON", |_| raw(b"not json!", b"")),
    ("a header that is not UTF-8", |_| raw(b"{\"say\":\"\xff\xfe\"}", b"")),
    ("a header of another shape", |_| framed(&json!([1, 2, 3]), b"")),
    ("a message of an unknown kind", |_| framed(&json!({ "say": "hello" }), b"")),
    ("an answer of an unknown kind", |id| reply(id, json!({ "is": "fine" }), b"")),
    ("a header nested a million deep", |_| raw(&vec![b'['; 1_000_000], b"")),
    ("a number beyond all numbers", |_| raw(br#"{"say":"reply","id":1e999,"reply":{"is":"done"}}"#, b"")),
    ("a negative id", |_| framed(&json!({ "say": "reply", "id": -1, "reply": { "is": "done" } }), b"")),
    ("an answer to a request still to come", |id| reply(id + 1, json!({ "is": "done" }), b"")),
    ("an answer to no request", |_| reply(0, json!({ "is": "done" }), b"")),
    ("an answer to the last of all requests", |_| reply(u64::MAX, json!({ "is": "done" }), b"")),
    ("the launcher's word", |_| framed(&json!({ "say": "launched", "pid": 1 }), b"")),
    ("ready once more", |_| framed(&json!({ "say": "ready" }), b"")),
    ("giving up, at length and in colour", |_| {
        let reason = "\u{1b}[31m\nERROR forged ".repeat(20_000);
        framed(&json!({ "say": "failed", "step": reason, "reason": "x" }), b"")
    }),
    ("a variant name of a megabyte", |_| framed(&json!({ "say": "x\n".repeat(300_000) }), b"")),
    ("an event with a payload", |_| {
        let lines =
            json!({ "say": "event", "event": "output", "name": "dev", "is_stderr": false, "lines": [] });
        framed(&lines, &[0; 1_000])
    }),
    ("a negative exit in a word", |_| {
        framed(&json!({ "say": "event", "event": "exited", "name": "dev", "exit": { "how": "bored" } }), b"")
    }),
];

#[tokio::test]
async fn what_makes_no_sense_ends_its_own_session_and_says_so_briefly() {
    for (name, lie) in ENDS {
        let (mut started, guest) = sandbox();
        let guest = guest.lies(lie);
        let asked = tokio::time::timeout(WITHIN, started.sandbox.digest()).await;
        assert!(matches!(asked, Ok(Err(DriverError::Ended))), "{name}: {asked:?}");
        let (why, _) = end_of(&mut started).await;
        assert!(why.len() < 1_100 && !why.contains(char::is_control), "{name}: {why}");
        assert!(matches!(started.sandbox.kill("dev").await, Err(DriverError::Ended)), "{name}");
        drop(guest.join().unwrap());
    }
    assert_a_neighbour_is_well().await;
}

#[tokio::test]
async fn a_frame_that_is_cut_off_ends_the_session() {
    let whole = reply(1, json!({ "is": "digest" }), b"[\"0123456789\"]");
    for cut in [1, 7, 8, 9, 30, whole.len() - 14, whole.len() - 1] {
        let (mut started, mut guest) = sandbox();
        let part = whole[..cut].to_vec();
        let hanging_up = std::thread::spawn(move || {
            guest.hears();
            guest.says(&part);
        });
        assert!(matches!(started.sandbox.digest().await, Err(DriverError::Ended)), "{cut}");
        end_of(&mut started).await;
        hanging_up.join().unwrap();
    }
}

#[tokio::test]
async fn an_answer_has_no_more_content_than_its_question_allows() {
    let path = ProjectPath::parse("a").unwrap();
    let command = || Run { argv: vec!["x".to_owned()], env: Default::default(), cwd: "/".to_owned() };
    let limits = ExecLimits { timeout: WITHIN, max_output_bytes: 10 };
    for question in ["read", "kill", "exec"] {
        let (mut started, guest) = sandbox();
        let guest = guest.lies(move |id| match question {
            "read" => reply(id, json!({ "is": "content", "is_found": true }), &[b'x'; 11]),
            "kill" => reply(id, json!({ "is": "done" }), b"x"),
            _ => {
                let exit = json!({ "how": "code", "code": 0 });
                reply(id, json!({ "is": "exec", "exit": exit, "stdout_bytes": 10 }), &[b'x'; 21])
            }
        });
        let sandbox = started.sandbox.clone();
        let refused = match question {
            "read" => sandbox.read(&path, 10).await.is_err(),
            "kill" => sandbox.kill("dev").await.is_err(),
            _ => sandbox.exec(command(), limits).await.is_err(),
        };
        assert!(refused, "{question}");
        let (why, _) = end_of(&mut started).await;
        assert!(why.contains("bytes of content"), "{why}");
        drop(guest.join().unwrap());
    }
}

#[tokio::test]
async fn an_answer_to_another_question_is_refused_and_the_session_goes_on() {
    for (name, answer, payload) in [
        ("another kind", json!({ "is": "done" }), &b""[..]),
        ("content that is not JSON", json!({ "is": "digest" }), b"\xff\xff"),
        ("content of another shape", json!({ "is": "digest" }), b"{\"path\":1}"),
        ("a list nested without end", json!({ "is": "digest" }), &[b'['; 100_000]),
        (
            "a reason without end",
            json!({ "is": "failed", "kind": "refused", "reason": "x\n".repeat(200_000) }),
            b"",
        ),
    ] {
        let (started, mut guest) = sandbox();
        let payload = payload.to_vec();
        let guest = std::thread::spawn(move || {
            let id = guest.hears().id;
            guest.says(&reply(id, answer, &payload));
            guest.lies(|id| reply(id, json!({ "is": "digest" }), b"[]")).join().unwrap()
        });
        match started.sandbox.digest().await {
            Err(DriverError::Refused(why)) => {
                assert!(why.len() < 1_100 && !why.contains('\n'), "{name}: {why}")
            }
            other => panic!("{name}: {other:?}"),
        }
        assert!(started.sandbox.digest().await.unwrap().is_empty(), "{name}");
        started.sandbox.stop().await.unwrap();
        drop(guest.join().unwrap());
    }
}

#[tokio::test]
async fn second_and_late_answers_are_passed_over_with_all_their_content() {
    let (started, mut guest) = sandbox();
    let guest = std::thread::spawn(move || {
        let id = guest.hears().id;
        let truth = reply(id, json!({ "is": "digest" }), b"[]");
        let again = reply(id, json!({ "is": "digest" }), &vec![b'x'; 3_000_000]);
        guest.says(&[truth, again].concat());
        guest.lies(|id| reply(id, json!({ "is": "done" }), b"")).join().unwrap()
    });
    assert!(started.sandbox.digest().await.unwrap().is_empty());
    started.sandbox.kill("dev").await.unwrap();
    started.sandbox.stop().await.unwrap();
    drop(guest.join().unwrap());
}

#[tokio::test]
async fn names_and_sizes_in_an_answer_are_not_believed() {
    let (started, guest) = sandbox();
    let entry = |path: &str, sha256: &str| json!({ "path": path, "sha256": sha256, "is_executable": true });
    let hash = "0".repeat(64);
    let held = json!([
        entry("../../etc/passwd", &hash),
        entry("/etc/passwd", &hash),
        entry("a\u{0}b", &hash),
        entry("node_modules/x", &hash),
        entry("cafe\u{301}", &hash),
        entry("good", "not a hash"),
        entry("good/one", &hash),
    ]);
    let guest = guest.lies(move |id| reply(id, json!({ "is": "digest" }), held.to_string().as_bytes()));
    let held = started.sandbox.digest().await.unwrap();
    assert_eq!(held.keys().map(ProjectPath::as_str).collect::<Vec<_>>(), ["good/one"]);
    started.sandbox.stop().await.unwrap();
    drop(guest.join().unwrap());
}

#[tokio::test]
async fn output_is_split_where_there_is_output() {
    let (started, guest) = sandbox();
    let exit = json!({ "how": "signal", "signal": -7 });
    let answer = json!({ "is": "exec", "exit": exit, "stdout_bytes": u64::MAX });
    let guest = guest.lies(move |id| reply(id, answer, b"out"));
    let command = Run { argv: vec!["x".to_owned()], env: Default::default(), cwd: "/".to_owned() };
    let limits = ExecLimits { timeout: WITHIN, max_output_bytes: 10 };
    let output = started.sandbox.exec(command, limits).await.unwrap();
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out"[..], &b""[..]));
    assert_eq!(output.exit, Exit::Signal { signal: -7 });
    started.sandbox.stop().await.unwrap();
    drop(guest.join().unwrap());
}

#[tokio::test]
async fn a_watched_command_says_no_more_than_was_asked_for() {
    let piece = |id: u64, content: &[u8]| reply(id, json!({ "is": "piece", "is_stderr": false }), content);
    for (name, pieces) in
        [("one too long", vec![11]), ("one too many", vec![6, 5]), ("without content", vec![0; 11])]
    {
        let (mut started, mut guest) = sandbox();
        let guest = std::thread::spawn(move || {
            let id = guest.hears().id;
            for bytes in pieces {
                guest.says(&piece(id, &vec![b'x'; bytes]));
            }
            guest
        });
        let command = Run { argv: vec!["x".to_owned()], env: Default::default(), cwd: "/".to_owned() };
        let limits = ExecLimits { timeout: WITHIN, max_output_bytes: 10 };
        let mut running = started.sandbox.run(command, limits).await.unwrap();
        let mut said = 0;
        while let Some(Ok(RunEvent::Output { piece, .. })) = running.next().await {
            said += piece.len();
        }
        assert!(said <= 10, "{name}: {said}");
        let (why, _) = end_of(&mut started).await;
        assert!(why.contains("bytes of content"), "{name}: {why}");
        drop(guest.join().unwrap());
    }
}

#[tokio::test]
async fn what_a_command_says_after_nobody_watches_is_passed_over() {
    let (started, mut guest) = sandbox();
    let (told, tells) = std::sync::mpsc::channel();
    let guest = std::thread::spawn(move || {
        let id = guest.hears().id;
        guest.says(&reply(id, json!({ "is": "piece", "is_stderr": true }), b"begun"));
        let cancel = guest.hears();
        told.send((id, cancel)).unwrap();
        guest.says(&reply(id, json!({ "is": "piece", "is_stderr": true }), &[b'x'; 100]));
        let exit = json!({ "how": "signal", "signal": 9 });
        guest.says(&reply(id, json!({ "is": "ran", "exit": exit, "is_truncated": true }), b""));
        guest.lies(|id| reply(id, json!({ "is": "digest" }), b"[]")).join().unwrap()
    });
    let command = Run { argv: vec!["x".to_owned()], env: Default::default(), cwd: "/".to_owned() };
    let limits = ExecLimits { timeout: WITHIN, max_output_bytes: 10 };
    let mut running = started.sandbox.run(command, limits).await.unwrap();
    assert!(matches!(running.next().await, Some(Ok(RunEvent::Output { is_stderr: true, .. }))));
    drop(running);
    assert!(started.sandbox.digest().await.unwrap().is_empty());
    let (id, cancel) = tells.recv().unwrap();
    assert_eq!((cancel.id, cancel.request), (id, vitrine_jail::protocol::Request::Cancel));
    started.sandbox.stop().await.unwrap();
    drop(guest.join().unwrap());
}

#[tokio::test]
async fn a_listing_of_very_many_refused_names_is_cut_short() {
    let (started, guest) = sandbox();
    let guest = guest.lies(|id| {
        let entry = format!(r#"{{"path":"{}","kind":"link","size":1}},"#, "x".repeat(20));
        let listing = format!("[{}]", entry.repeat(100_000).trim_end_matches(','));
        reply(id, json!({ "is": "listing" }), listing.as_bytes())
    });
    let limits = CollectLimits { files: 10, file_bytes: 10, total_bytes: 10 };
    let collected = started.sandbox.collect(None, limits).await.unwrap();
    assert!(collected.files.is_empty() && collected.refused.len() <= 101);
    started.sandbox.stop().await.unwrap();
    drop(guest.join().unwrap());
}

#[tokio::test]
async fn only_what_was_started_has_output_and_each_start_one_end() {
    let (mut started, mut guest) = sandbox();
    let guest = std::thread::spawn(move || {
        let id = guest.hears().id;
        let event = |event: Value| {
            let mut said = json!({ "say": "event" });
            said.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
            framed(&said, b"")
        };
        let exited =
            |name: &str| json!({ "event": "exited", "name": name, "exit": { "how": "code", "code": 0 } });
        let output = |name: &str, lines: Value| json!({ "event": "output", "name": name, "is_stderr": false, "lines": lines });
        guest.says(&reply(id, json!({ "is": "done" }), b""));
        for n in 0..5_000 {
            guest.says(&event(exited(&format!("never-started-{n}"))));
        }
        guest.says(&event(output(&"n".repeat(500_000), json!(["x", "x", "x"]))));
        guest.says(&event(output("dev", json!(["one\nforged\u{0}", "x".repeat(500_000)]))));
        for _ in 0..2 {
            guest.says(&event(json!({ "event": "dropped", "name": "dev", "lines": u64::MAX })));
        }
        for _ in 0..5_000 {
            guest.says(&event(exited("dev")));
        }
        // And hangs up.
    });
    let command = Run { argv: vec!["x".to_owned()], env: Default::default(), cwd: "/".to_owned() };
    started.sandbox.spawn("dev", command).await.unwrap();
    let (_, events) = end_of(&mut started).await;
    let exits = events.iter().filter(|event| matches!(event, SandboxEvent::Exited { .. })).count();
    assert_eq!(exits, 1, "{events:?}");
    let lines: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            SandboxEvent::Output { name, line, .. } => Some((name.as_str(), line)),
            _ => None,
        })
        .collect();
    assert!(
        matches!(&lines[..], [("dev", one), ("dev", long)] if *one == "one forged " && long.len() == 8 * 1024)
    );
    assert!(events.contains(&SandboxEvent::OutputDropped { name: "dev".to_owned(), lines: u64::MAX }));
    guest.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_events_waits_in_the_guest() {
    let (started, mut guest) = sandbox();
    let flood =
        framed(&json!({ "say": "event", "event": "dropped", "name": "x", "lines": 1 }), b"").repeat(1_000);
    guest.control.set_nonblocking(true).unwrap();
    let begun = tokio::time::Instant::now();
    let mut sent = 0;
    while sent < 50 * flood.len() {
        match guest.control.write(&flood[sent % flood.len()..]) {
            Ok(count) => sent += count,
            // The clock is the test's: it moves on when the server waits.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(begun.elapsed() > Duration::from_secs(3), "50,000 events in {:?}", begun.elapsed());
    started.sandbox.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_says_nothing_or_stops_reading_is_not_waited_for() {
    let (started, _guest) = sandbox();
    assert!(matches!(started.sandbox.digest().await, Err(DriverError::Timeout(_))));
    let content = Bytes::from(vec![0; 20 << 20]);
    for n in 0..3 {
        let path = ProjectPath::parse(&format!("f{n}")).unwrap();
        let put = vec![FilePut { path, mode: FileMode::Regular, content: content.clone() }];
        let batch = FileBatch { put, removed: Vec::new() };
        assert!(matches!(started.sandbox.apply(batch).await, Err(DriverError::Timeout(_))));
    }
    assert!(matches!(started.sandbox.kill("dev").await, Err(DriverError::Timeout(_))));
    started.sandbox.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_begins_and_does_not_go_on_ends_the_session() {
    let announced = [&2_u32.to_le_bytes()[..], &(32_u32 << 20).to_le_bytes(), b"{"].concat();
    let digest = reply(1, json!({ "is": "digest" }), &[b' '; 1_000]);
    for part in [&announced[..3], &announced[..], &digest[..digest.len() - 500]] {
        let (mut started, mut guest) = sandbox();
        let sandbox = started.sandbox.clone();
        let asking = tokio::spawn(async move { sandbox.digest().await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        guest.says(part);
        let (why, _) = end_of_stalled(&mut started).await;
        assert!(why.contains("did not end within"), "{why}");
        assert!(asking.await.unwrap().is_err());
    }
}

/// As [`end_of`], with the test's own clock.
async fn end_of_stalled(started: &mut Started) -> (String, ()) {
    loop {
        match started.events.recv().await {
            Some(SandboxEvent::Ended { reason: EndReason::GuestLost(why) }) => return (why, ()),
            Some(_) => {}
            None => panic!("the end is always told"),
        }
    }
}
