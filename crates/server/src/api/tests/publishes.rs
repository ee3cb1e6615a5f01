//! Publishes over the real router and store: what fails fails alone, what is newest wins, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Notify;
use vitrine_build::archive::write_zip;
use vitrine_model::problem::Code;
use vitrine_model::publish::{Publish, PublishStepName};
use vitrine_model::{AppId, FileMode, ProjectPath};

use vitrine_sandbox::driver::Exit;

use super::harness::{TestServer, import};
use crate::publishes::{Damage, Sabotage};

/// What is to happen at a step of the publish with a sequence number, each once per attempt it is listed for.
#[derive(Default)]
pub(super) struct Plan {
    damages: Mutex<HashMap<(u64, PublishStepName, u32), Damage>>,
    gates: Mutex<HashMap<(u64, PublishStepName, u32), Arc<Gate>>>,
}

/// Where an attempt waits until the test lets it go on.
#[derive(Default)]
pub(super) struct Gate {
    reached: Notify,
    open: Notify,
}

#[async_trait]
impl Sabotage for Plan {
    async fn at(&self, publish: &Publish, step: PublishStepName) -> Option<Damage> {
        let here = (publish.build_seq, step, publish.attempt);
        let gate = self.gates.lock().unwrap().get(&here).cloned();
        if let Some(gate) = gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
        self.damages.lock().unwrap().get(&here).copied()
    }
}

impl Plan {
    fn damage(&self, build_seq: u64, step: PublishStepName, attempt: u32, damage: Damage) {
        self.damages.lock().unwrap().insert((build_seq, step, attempt), damage);
    }

    fn gate(&self, build_seq: u64, step: PublishStepName, attempt: u32) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        self.gates.lock().unwrap().insert((build_seq, step, attempt), gate.clone());
        gate
    }
}

impl TestServer {
    /// An app of files that are served as they are.
    pub(super) async fn site(&self, page: &str) -> AppId {
        let files = [("index.html", page), ("style.css", "h1 { color: teal }"), ("note.txt", "a note")];
        let answer = self.send(import("Site", &archive(&files))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()["id"].as_str().unwrap().parse().unwrap()
    }

    pub(super) async fn edit(&self, app: &AppId, page: &str) {
        let answer = self.change(app, json!([{ "op": "write", "path": "index.html", "text": page }])).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }

    pub(super) async fn ask(&self, app: &AppId) -> (String, u64) {
        let answer = self.post(&format!("/v1/apps/{app}/publishes"), json!({})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        let publish = answer.json();
        (publish["id"].as_str().unwrap().to_owned(), publish["build_seq"].as_u64().unwrap())
    }

    pub(super) async fn ended(&self, app: &AppId, id: &str) -> Value {
        let path = format!("/v1/apps/{app}/publishes/{id}");
        let waiting = async {
            loop {
                let publish = self.get(&path).await.json();
                if !["queued", "running"].contains(&publish["status"].as_str().unwrap()) {
                    return publish;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        match tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await {
            Ok(publish) => publish,
            Err(_) => panic!("{} has not ended: {}", id, self.get(&path).await.json()),
        }
    }

    /// Waits until the publish's attempt has begun, and its worker is gone.
    async fn attempt_is_over(&self, app: &AppId, id: &str, attempt: u32) {
        let path = format!("/v1/apps/{app}/publishes/{id}");
        let waiting = async {
            while self.get(&path).await.json()["attempt"] != attempt {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.is_ok());
        self.until_idle().await;
    }

    pub(super) async fn publish(&self, app: &AppId) -> Value {
        let (id, _) = self.ask(app).await;
        self.ended(app, &id).await
    }

    /// The page that a visitor of the app gets.
    pub(super) async fn page(&self, app: &AppId) -> Option<String> {
        let slug = self.get(&format!("/v1/apps/{app}")).await.json()["slug"].as_str().unwrap().to_owned();
        self.visit(&slug, "/").await
    }
}

/// A zip of these files.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let files: Vec<(ProjectPath, Bytes)> = files
        .iter()
        .map(|(path, text)| (path.parse().unwrap(), Bytes::copy_from_slice(text.as_bytes())))
        .collect();
    let files = files.iter().map(|(path, content)| (path, FileMode::Regular, content));
    write_zip(std::io::Cursor::new(Vec::new()), files).unwrap().into_inner()
}

const STEPS: [PublishStepName; 6] = [
    PublishStepName::Check,
    PublishStepName::Build,
    PublishStepName::Pack,
    PublishStepName::Upload,
    PublishStepName::Verify,
    PublishStepName::Switch,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_any_step_leaves_the_release_serving_and_the_publish_ended() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    assert_eq!(server.publish(&app).await["status"], "succeeded");
    for round in 0..54_u64 {
        let step = STEPS[(round % 6) as usize];
        server.edit(&app, &format!("<h1>edition {}</h1>", round + 1)).await;
        server.sabotage.damage(round + 2, step, 1, Damage::Fails);
        let (id, seq) = server.ask(&app).await;
        assert_eq!(seq, round + 2);
        let ended = server.ended(&app, &id).await;
        assert_eq!(ended["status"], "failed", "{step:?}: {ended}");
        assert_eq!(ended["error"]["code"], "internal");
        let steps = ended["steps"].as_array().unwrap();
        let failed: Vec<_> = steps.iter().filter(|step| step["status"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{ended}");
        assert_eq!(failed[0]["name"], serde_json::to_value(step).unwrap());
        assert_eq!(server.page(&app).await.as_deref(), Some("<h1>edition 0</h1>"), "after {step:?}");
    }
    assert_eq!(server.publish(&app).await["status"], "succeeded", "what failed does not stand in the way");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>edition 54</h1>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_installation_or_build_leaves_the_release_serving() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.driver.script(|script| {
        script.build.leaves = vec![("dist/index.html".parse().unwrap(), "<h1>built</h1>".into())];
        script.build.exit = Some(Exit::Code { code: 0 });
    });
    let first = server.publish(&app).await;
    assert_eq!(first["status"], "succeeded", "{first}");
    let edit = |text: String| json!([{ "op": "write", "path": "src/main.tsx", "text": text }]);
    for (round, step) in
        (0_u64..).zip([PublishStepName::Toolchain, PublishStepName::Layer, PublishStepName::Build])
    {
        for (attempt, damage) in [Damage::Fails, Damage::Vanishes].into_iter().enumerate() {
            let seq = 2 + round * 2 + attempt as u64;
            server.change(&app, edit(format!("export const text = '{seq}';\n"))).await;
            server.sabotage.damage(seq, step, 1, damage);
            let (id, _) = server.ask(&app).await;
            if damage == Damage::Vanishes {
                server.attempt_is_over(&app, &id, 1).await;
                server.let_leases_run_out();
            }
            let status = if damage == Damage::Fails { "failed" } else { "succeeded" };
            assert_eq!(server.ended(&app, &id).await["status"], status, "{step:?} {damage:?}");
            assert_eq!(server.page(&app).await.as_deref(), Some("<h1>built</h1>"));
        }
    }
    let package = r#"{"devDependencies":{"vite":"8.0.0","no-such-pkg":"1.0.0"}}"#;
    server.change(&app, json!([{ "op": "write", "path": "package.json", "text": package }])).await;
    assert_eq!(server.publish(&app).await["error"]["code"], "install_failed");
    let package = r#"{"devDependencies":{"vite":"8.0.0"}}"#;
    server.change(&app, json!([{ "op": "write", "path": "package.json", "text": package }])).await;
    server.driver.script(|script| script.build.exit = Some(Exit::Code { code: 1 }));
    server.change(&app, edit("export const text = 'broken';\n".to_owned())).await;
    assert_eq!(server.publish(&app).await["error"]["code"], "build_failed");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>built</h1>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_vanishes_at_any_step_is_replaced_and_the_publish_ends() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    assert_eq!(server.publish(&app).await["status"], "succeeded");
    for (round, step) in (1_u64..).zip(STEPS) {
        server.edit(&app, &format!("<h1>edition {round}</h1>")).await;
        server.sabotage.damage(round + 1, step, 1, Damage::Vanishes);
        let (id, _) = server.ask(&app).await;
        server.attempt_is_over(&app, &id, 1).await;
        assert_eq!(server.page(&app).await, Some(format!("<h1>edition {}</h1>", round - 1)), "{step:?}");
        server.let_leases_run_out();
        let ended = server.ended(&app, &id).await;
        assert_eq!((&ended["status"], &ended["attempt"]), (&json!("succeeded"), &json!(2)), "{step:?}");
        assert_eq!(server.page(&app).await, Some(format!("<h1>edition {round}</h1>")), "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_whose_workers_all_vanish_is_given_up() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    server.publish(&app).await;
    server.edit(&app, "<h1>edition 1</h1>").await;
    for attempt in 1..=3 {
        server.sabotage.damage(2, PublishStepName::Upload, attempt, Damage::Vanishes);
    }
    let (id, _) = server.ask(&app).await;
    for attempt in 1..=3 {
        server.attempt_is_over(&app, &id, attempt).await;
        server.let_leases_run_out();
    }
    let ended = server.ended(&app, &id).await;
    assert_eq!(ended["error"]["code"], "publish_abandoned", "{ended}");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>edition 0</h1>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_taken_for_lost_cannot_switch_any_more() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    let gate = server.sabotage.gate(1, PublishStepName::Switch, 1);
    let (id, _) = server.ask(&app).await;
    gate.reached.notified().await;
    server.let_leases_run_out();
    let ended = server.ended(&app, &id).await;
    assert_eq!((&ended["status"], &ended["attempt"]), (&json!("succeeded"), &json!(2)));
    gate.open.notify_one();
    server.until_idle().await;
    let releases = server.get(&format!("/v1/apps/{app}/releases")).await.json();
    assert_eq!(releases["items"].as_array().unwrap().len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_beside_a_publish_stays_and_the_publish_says_what_happened() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    let first = server.publish(&app).await;
    server.edit(&app, "<h1>edition 1</h1>").await;
    server.publish(&app).await;
    server.edit(&app, "<h1>edition 2</h1>").await;
    let gate = server.sabotage.gate(3, PublishStepName::Switch, 1);
    let (id, _) = server.ask(&app).await;
    gate.reached.notified().await;
    let path = format!("/v1/apps/{app}/releases");
    let back = server.post(&path, json!({ "artifact": first["artifact"] })).await;
    assert_eq!(back.status, StatusCode::CREATED, "{back:?}");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>edition 0</h1>"), "at once");
    gate.open.notify_one();
    let ended = server.ended(&app, &id).await;
    assert_eq!(ended["status"], "superseded", "{ended}");
    assert_eq!(ended["error"]["code"], "superseded");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>edition 0</h1>"));
    // What was built is there all the same.
    let forward = server.post(&path, json!({ "artifact": ended["artifact"] })).await;
    assert_eq!(forward.status, StatusCode::CREATED, "{forward:?}");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>edition 2</h1>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_publishes_the_newest_wins_and_those_that_waited_are_superseded() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    let gate = server.sabotage.gate(1, PublishStepName::Build, 1);
    let (first, _) = server.ask(&app).await;
    gate.reached.notified().await;
    let mut waiting = Vec::new();
    for edition in 1..=3 {
        server.edit(&app, &format!("<h1>edition {edition}</h1>")).await;
        waiting.push(server.ask(&app).await.0);
    }
    assert_eq!(server.ended(&app, &waiting[0]).await["status"], "superseded");
    assert_eq!(server.ended(&app, &waiting[1]).await["status"], "superseded");
    gate.open.notify_one();
    assert_eq!(server.ended(&app, &first).await["status"], "succeeded");
    assert_eq!(server.ended(&app, &waiting[2]).await["status"], "succeeded");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>edition 3</h1>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_publish_builds_nothing_and_a_changed_one_uploads_what_changed() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    let first = server.publish(&app).await;
    let again = server.publish(&app).await;
    assert_eq!((&again["reused"], &again["artifact"]), (&json!(true), &first["artifact"]));
    server.edit(&app, "<h1>edition 1</h1>").await;
    let changed = server.publish(&app).await;
    assert_eq!(changed["reused"], false);
    let upload = changed["steps"].as_array().unwrap().iter().find(|step| step["name"] == "upload").unwrap();
    assert!(upload["detail"].as_str().unwrap().starts_with("1 of 3 files are new"), "{upload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_can_be_cancelled_until_it_has_ended_and_asked_for_again() {
    let server = TestServer::start().await;
    let app = server.site("<h1>edition 0</h1>").await;
    let gate = server.sabotage.gate(1, PublishStepName::Build, 1);
    let (running, _) = server.ask(&app).await;
    gate.reached.notified().await;
    let (queued, _) = server.ask(&app).await;
    let path = |id: &str, what: &str| format!("/v1/apps/{app}/publishes/{id}/{what}");
    let answer = server.post(&path(&queued, "cancel"), json!({})).await;
    assert_eq!(answer.json()["status"], "cancelled");
    server.post(&path(&running, "cancel"), json!({})).await;
    assert_eq!(server.ended(&app, &running).await["status"], "cancelled");
    let over = server.post(&path(&running, "cancel"), json!({})).await;
    assert_eq!((over.status, over.code()), (StatusCode::CONFLICT, Code::PublishOver));
    let again = server.post(&path(&running, "retry"), json!({})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    let id = again.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(server.ended(&app, &id).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_apps_is_not_found_and_bad_settings_change_nothing() {
    let server = TestServer::start().await;
    let (one, two) = (server.site("<h1>one</h1>").await, server.site("<h1>two</h1>").await);
    let published = server.publish(&one).await;
    let (id, artifact) = (published["id"].as_str().unwrap(), published["artifact"].as_str().unwrap());
    for path in [
        format!("/v1/apps/{two}/publishes/{id}"),
        format!("/v1/apps/{two}/publishes/{id}/logs"),
        format!("/v1/apps/{two}/artifacts/{artifact}"),
        format!("/v1/apps/{two}/artifacts/{artifact}/sbom"),
    ] {
        assert_eq!(server.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let promoted = server.post(&format!("/v1/apps/{two}/releases"), json!({ "artifact": artifact })).await;
    assert_eq!(promoted.status, StatusCode::NOT_FOUND);
    let path = format!("/v1/apps/{one}/hosting");
    for settings in [
        json!({ "frame_ancestors": ["https://a.example; script-src *"] }),
        json!({ "content_security_policy": "default-src 'self'\r\nx: y" }),
        json!({ "fallback": "sometimes" }),
        json!({ "unknown": true }),
    ] {
        let answer = server.call("PUT", &path, Some(settings.clone())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{settings}");
    }
    let unchanged = server.get(&path).await.json();
    assert_eq!(unchanged["paused"], false);
    let paused = server.call("PUT", &path, Some(json!({ "paused": true }))).await;
    assert_eq!(paused.status, StatusCode::OK);
    assert_eq!(server.page(&one).await, None, "a paused app shows no page");
}
