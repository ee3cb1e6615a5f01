//! Commands in a session's sandbox over HTTP, with a scripted sandbox.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use vitrine_model::AppId;
use vitrine_model::problem::Code;
use vitrine_sandbox::driver::Exit;

use super::harness::{Answer, KEY, TestServer};

fn request(app: &AppId, body: &Value) -> Request<Body> {
    Request::post(format!("/v1/apps/{app}/session/exec"))
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// All that a command has to say: the name and the data of every event.
async fn told(server: &TestServer, app: &AppId, body: Value) -> Vec<(String, Value)> {
    let response = server.open(request(app, &body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&text).unwrap();
    let events = text.split("\n\n").filter_map(|event| {
        let mut lines = event.lines();
        let name = lines.find_map(|line| line.strip_prefix("event: "))?;
        let data = lines.find_map(|line| line.strip_prefix("data: "))?;
        Some((name.to_owned(), serde_json::from_str(data).unwrap()))
    });
    events.collect()
}

async fn refused(server: &TestServer, app: &AppId, body: Value) -> Answer {
    server.send(request(app, &body)).await
}

async fn running(server: &TestServer) -> AppId {
    let app = server.app().await;
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    server.session_is(&app, "running").await;
    app
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok(), "not so: {what}");
}

#[tokio::test]
async fn output_comes_in_pieces_and_then_the_end() {
    let server = TestServer::start().await;
    let app = running(&server).await;
    server.driver.script(|script| {
        script.run.output = vec![(false, "one ".into()), (true, "err\n".into()), (false, "two".into())];
        script.run.exit = Some(Exit::Code { code: 3 });
    });
    let mut events = told(&server, &app, json!({ "argv": ["npm", "test"] })).await;
    let (name, mut end) = events.pop().unwrap();
    assert!(end.as_object_mut().unwrap().remove("duration_ms").unwrap().is_u64());
    let expected = json!({ "code": 3, "timed_out": false, "out_of_memory": false, "truncated": false });
    assert_eq!((name.as_str(), end), ("exit", expected));
    let output = |stream: &str, text: &str| ("output".to_owned(), json!({ "stream": stream, "text": text }));
    assert_eq!(events, [output("stdout", "one "), output("stderr", "err\n"), output("stdout", "two")]);

    let command = server.driver.ran().pop().unwrap();
    assert_eq!(
        (command.argv, command.cwd.as_str()),
        (vec!["npm".to_owned(), "test".to_owned()], "/workspace/app")
    );
    assert!(command.env["PATH"].starts_with("/opt/toolchain/bin:/workspace/app/node_modules/.bin"));
    assert!(!command.env.contains_key("PORT"), "the dev server's port is the dev server's");
}

#[tokio::test]
async fn more_output_than_was_asked_for_is_dropped_and_said_so() {
    let server = TestServer::start().await;
    let app = running(&server).await;
    server.driver.script(|script| {
        script.run.output = vec![(false, "123456789".into())];
        script.run.exit = Some(Exit::Code { code: 0 });
    });
    let events = told(&server, &app, json!({ "argv": ["x"], "max_output_bytes": 4 })).await;
    assert_eq!(events[0].1["text"], "1234");
    assert_eq!(events[1].1["truncated"], true);
}

#[tokio::test]
async fn hanging_up_ends_the_command() {
    let server = TestServer::start().await;
    let app = running(&server).await;
    server.driver.script(|script| script.run.output = vec![(false, "begun".into())]);
    let response = server.open(request(&app, &json!({ "argv": ["sleep", "1000"] }))).await;
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(server.driver.watched(), 1);
    drop(body);
    until("nothing runs", || server.driver.watched() == 0).await;
}

#[tokio::test]
async fn a_command_whose_sandbox_goes_has_an_end_too() {
    let server = TestServer::start().await;
    let app = running(&server).await;
    let telling = told(&server, &app, json!({ "argv": ["sleep", "1000"] }));
    let stopping = async {
        until("it runs", || server.driver.watched() == 1).await;
        server.call("DELETE", &format!("/v1/apps/{app}/session"), None).await
    };
    let (events, stopped) = tokio::join!(telling, stopping);
    assert_eq!(stopped.status, StatusCode::NO_CONTENT);
    let (name, end) = events.last().unwrap();
    assert_eq!((name.as_str(), &end["signal"]), ("exit", &json!(9)));
}

#[tokio::test]
async fn who_loses_their_role_loses_the_command() {
    let server = TestServer::start().await;
    let app = running(&server).await;
    let made = server.post("/v1/keys", json!({ "name": "short", "role": "editor" })).await.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let ensured = server.call_as(key, "PUT", &format!("/v1/apps/{app}/session"), None).await;
    assert!(ensured.status.is_success());
    let mut request = request(&app, &json!({ "argv": ["sleep", "1000"] }));
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    let response = server.open(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    server.call("DELETE", &format!("/v1/keys/{id}"), None).await;
    let ending = response.into_body().collect();
    tokio::time::timeout(Duration::from_secs(10), ending).await.expect("it ends").unwrap();
    until("nothing runs", || server.driver.watched() == 0).await;
}

#[tokio::test]
async fn a_frozen_session_wakes_and_is_used() {
    let server = TestServer::start().await;
    let app = running(&server).await;
    server.clock.advance_secs(200);
    server.services.sessions.sweep().await.unwrap();
    server.session_is(&app, "frozen").await;
    server.driver.script(|script| script.run.exit = Some(Exit::Code { code: 0 }));
    told(&server, &app, json!({ "argv": ["true"] })).await;
    server.session_is(&app, "running").await;
    server.services.sessions.sweep().await.unwrap();
    server.session_is(&app, "running").await;
}

#[tokio::test]
async fn without_a_session_nothing_runs() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let body = json!({ "argv": ["true"] });
    assert_eq!(refused(&server, &app, body.clone()).await.code(), Code::SessionNotRunning);
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    server.session_is(&app, "running").await;
    server.call("DELETE", &format!("/v1/apps/{app}/session"), None).await;
    assert_eq!(refused(&server, &app, body).await.code(), Code::SessionNotRunning);
    assert_eq!(server.driver.ran().len(), 0);
}

#[tokio::test]
async fn an_operator_says_what_may_be_run() {
    for (allowed, runs) in [("*", &["npm", "sh"][..]), ("npm, npx", &["npm"]), ("", &[])] {
        let server = TestServer::start_with(|config| config.sandbox.exec_allow = allowed.to_owned()).await;
        let app = running(&server).await;
        server.driver.script(|script| script.run.exit = Some(Exit::Code { code: 0 }));
        for program in ["npm", "sh"] {
            let answer = refused(&server, &app, json!({ "argv": [program] })).await;
            match runs.contains(&program) {
                true => assert_eq!(answer.status, StatusCode::OK, "{allowed}: {program}"),
                false => assert_eq!(answer.code(), Code::ExecRefused, "{allowed}: {program}"),
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_command_is_refused() {
    let server = TestServer::start().await;
    let app = running(&server).await;
    for body in [
        json!({ "argv": [] }),
        json!({ "argv": [""] }),
        json!({ "argv": ["a\u{0}b"] }),
        json!({ "argv": vec!["x"; 257] }),
        json!({ "argv": ["x", "y".repeat(64 * 1024)] }),
        json!({ "argv": ["x"], "timeout_secs": 0 }),
        json!({ "argv": ["x"], "timeout_secs": 601 }),
        json!({ "argv": ["x"], "max_output_bytes": 5_000_000 }),
    ] {
        assert_eq!(refused(&server, &app, body.clone()).await.code(), Code::InvalidRequest, "{body}");
    }
    assert_eq!(server.driver.ran().len(), 0);
}
