//! Secrets over the real router and store: they reach whom they are meant for, and nothing else that anybody can read.

use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::{Value, json};
use vitrine_model::AppId;
use vitrine_model::problem::Code;
use vitrine_sandbox::driver::{Command, Exit};
use vitrine_sandbox::fake::FakeBuild;

use super::harness::{Answer, TestServer};

const VALUE: &str = "sk-live-5f2c9e81d7aa";

impl TestServer {
    async fn set(&self, app: &AppId, at: &str, value: &str, targets: Value) -> Answer {
        let path = format!("/v1/apps/{app}/environments/{at}");
        let answer = self.call("PUT", &path, Some(json!({ "value": value, "targets": targets }))).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer
    }

    /// Waits until so many commands of this name were spawned; the last of them.
    async fn spawned(&self, name: &str, count: usize) -> Command {
        let waiting = async {
            while self.driver.spawned(name).len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
        assert!(waited.is_ok(), "{:?}", self.driver.spawned(name));
        self.driver.spawned(name).swap_remove(count - 1)
    }

    /// The build of the next publishes leaves these files and says this.
    fn builds(&self, files: &[(&str, &str)], says: &str) {
        let leaves = files.iter().map(|(path, text)| {
            (format!("dist/{path}").parse().unwrap(), Bytes::copy_from_slice(text.as_bytes()))
        });
        let exit = Some(Exit::Code { code: 0 });
        let build = FakeBuild {
            output: vec![says.to_owned()],
            leaves: leaves.collect(),
            exit,
            ..FakeBuild::default()
        };
        self.driver.script(|script| script.build = build);
    }

    async fn log_of(&self, app: &AppId, publish: &Value) -> String {
        let id = publish["id"].as_str().unwrap();
        self.told(&format!("/v1/apps/{app}/publishes/{id}/logs")).await
    }
}

/// How many files below a directory hold these bytes.
fn files_with(dir: &Path, needle: &str) -> usize {
    let mut folders = vec![dir.to_path_buf()];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let content = std::fs::read(path).unwrap();
                    found += usize::from(content.windows(needle.len()).any(|part| part == needle.as_bytes()));
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn a_value_goes_in_and_never_comes_out() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let put = server.set(&app, "production/secrets/API_KEY", VALUE, json!(["build"])).await;
    assert_eq!((&put.json()["version"], &put.json()["targets"]), (&json!(1), &json!(["build"])));
    let listed = server.get(&format!("/v1/apps/{app}/environments/production/secrets")).await;
    assert_eq!(listed.json()["items"][0]["name"], "API_KEY");
    assert!(!format!("{put:?} {listed:?}").contains(VALUE));
    assert_eq!(files_with(server.dir.path(), VALUE), 0);
    assert!(files_with(server.dir.path(), "API_KEY") > 0, "the search finds what is there");
    let other = server.get(&format!("/v1/apps/{app}/environments/preview/secrets")).await;
    assert_eq!(other.json()["items"], json!([]));
    let path = format!("/v1/apps/{app}/environments/production/secrets/API_KEY");
    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_a_reason_and_without_a_quotation() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let at = |path: &str| format!("/v1/apps/{app}/environments/{path}");
    let body = json!({ "value": VALUE });
    for (path, body, code, words) in [
        ("production/secrets/VITE_KEY", body.clone(), Code::InvalidSecret, "store it as a variable"),
        ("production/secrets/NODE_OPTIONS", body.clone(), Code::InvalidSecret, "set by Vitrine"),
        ("production/secrets/lower", body.clone(), Code::InvalidSecret, "capital letter"),
        ("production/secrets/A", json!({ "value": "" }), Code::InvalidSecret, "empty"),
        (
            "production/secrets/A",
            json!({ "value": VALUE, "targets": ["dev"] }),
            Code::InvalidSecret,
            "development",
        ),
        ("production/secrets/A", json!({ "value": VALUE, "targets": VALUE }), Code::InvalidJson, "column"),
        ("production/secrets/A", json!({ "value": { "v": VALUE } }), Code::InvalidJson, "not quoted"),
        ("production/secrets/A", json!({ "value": VALUE, VALUE: 1 }), Code::InvalidJson, "not quoted"),
    ] {
        let answer = server.call("PUT", &at(path), Some(body)).await;
        let problem = answer.problem();
        assert_eq!(problem.code, code, "{problem:?}");
        assert!(problem.detail.contains(words) && !problem.detail.contains(VALUE), "{}", problem.detail);
    }
    for path in ["staging/secrets", "Production/secrets"] {
        assert_eq!(server.get(&at(path)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(server.get(&at("production/secrets")).await.json()["items"], json!([]), "nothing was kept");
    let public = server.set(&app, "production/variables/VITE_TITLE", "A title", json!(["build"])).await;
    assert_eq!(public.json()["value"], "A title");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dev_server_is_given_what_is_meant_for_it_and_starts_anew_when_that_changes() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.driver.script(|script| script.output = vec![format!("starting with {VALUE}")]);
    server.set(&app, "development/secrets/API_KEY", VALUE, json!(["dev"])).await;
    server.set(&app, "development/secrets/UNMEANT", "not for the dev server", json!([])).await;
    server.set(&app, "development/secrets/BUILD_ONLY", "for builds alone", json!(["build"])).await;
    server.set(&app, "production/secrets/PROD_KEY", "of production", json!(["build"])).await;
    server.set(&app, "development/variables/VITE_TITLE", "A title", json!(["dev"])).await;
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    server.session_is(&app, "running").await;
    let env = server.spawned("dev", 1).await.env;
    assert_eq!((env["API_KEY"].as_str(), env["VITE_TITLE"].as_str()), (VALUE, "A title"));
    assert!(["UNMEANT", "BUILD_ONLY", "PROD_KEY"].iter().all(|name| !env.contains_key(*name)));
    assert!(
        !format!("{:?}", server.driver.spawned("dev")).contains(VALUE),
        "a command in a log shows no value"
    );
    server.set(&app, "development/secrets/API_KEY", "another-value-1", json!(["dev"])).await;
    assert_eq!(server.spawned("dev", 2).await.env["API_KEY"], "another-value-1");
    server.set(&app, "development/secrets/API_KEY", "another-value-2", json!([])).await;
    assert!(!server.spawned("dev", 3).await.env.contains_key("API_KEY"));
    server.session_is(&app, "running").await;
    server.set(&app, "production/secrets/PROD_KEY", "of production, again", json!(["build"])).await;
    assert_eq!(server.driver.spawned("dev").len(), 3, "what it is not given does not concern it");
    let lines = server.services.sessions.log_lines(&app);
    assert!(lines.iter().any(|line| line.text == "starting with [hidden]"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dev_server_that_dies_of_its_secret_says_so_without_it() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.set(&app, "development/secrets/API_KEY", VALUE, json!(["dev"])).await;
    server.driver.script(|script| {
        script.dev = vitrine_sandbox::fake::FakeDev::Exits(1);
        script.errors = vec![format!("Error: bad key {VALUE}")];
    });
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    let session = server.session_is(&app, "error").await;
    let detail = session["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("bad key [hidden]"), "{detail}");
    assert_eq!(files_with(server.dir.path(), VALUE), 0, "sessions' errors are stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_may_use_its_secret_and_its_records_name_it_without_the_value() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.set(&app, "production/secrets/API_KEY", VALUE, json!(["build"])).await;
    server.set(&app, "production/variables/VITE_TITLE", "A title", json!(["build"])).await;
    server.builds(&[("index.html", "<h1>built</h1>")], &format!("fetching with {VALUE}"));
    let first = server.publish(&app).await;
    assert_eq!(
        (&first["status"], &first["environment"]),
        (&json!("succeeded"), &json!("production")),
        "{first}"
    );
    let env = server.driver.spawned("build").remove(0).env;
    assert_eq!((env["API_KEY"].as_str(), env["VITE_TITLE"].as_str()), (VALUE, "A title"));
    let log = server.log_of(&app, &first).await;
    assert!(log.contains("fetching with [hidden]"), "{log}");
    let artifact = format!("/v1/apps/{app}/artifacts/{}", first["artifact"].as_str().unwrap());
    let provenance = server.get(&format!("{artifact}/provenance")).await.json();
    let named = &provenance["predicate"]["buildDefinition"]["externalParameters"]["environment"];
    let digest = vitrine_model::Sha256::of(VALUE.as_bytes()).to_hex();
    assert!(named["API_KEY"].is_string() && named["API_KEY"] != json!(digest), "{named}");
    for text in [log, provenance.to_string(), server.get(&artifact).await.json().to_string()] {
        assert!(!text.contains(VALUE) && !text.contains(&digest));
    }
    assert_eq!(files_with(server.dir.path(), VALUE), 0);
    assert_eq!(files_with(server.dir.path(), &digest), 0, "nothing to try guesses on");
    // The same value again is the same build; another one is not.
    server.set(&app, "production/secrets/API_KEY", VALUE, json!(["build"])).await;
    assert_eq!(server.publish(&app).await["reused"], true);
    server.set(&app, "production/secrets/API_KEY", "sk-live-another", json!(["build"])).await;
    assert_eq!(server.publish(&app).await["reused"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_bundles_a_secret_is_refused_and_the_release_before_stays() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.builds(&[("index.html", "<h1>first</h1>")], "");
    assert_eq!(server.publish(&app).await["status"], "succeeded");
    // Not given to the build: it was copied into the source by hand.
    server.set(&app, "production/secrets/API_KEY", VALUE, json!([])).await;
    let script = format!("const key = '{VALUE}';");
    server.builds(&[("index.html", "<h1>second</h1>"), ("assets/a.js", &script)], "");
    let failed = server.publish(&app).await;
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("failed"), &json!("secret_in_artifact"))
    );
    let item = &failed["error"]["errors"][0];
    assert_eq!(item["path"], "assets/a.js");
    assert!(item["message"].as_str().unwrap().contains("`API_KEY`"), "{item}");
    assert_eq!(server.page(&app).await.as_deref(), Some("<h1>first</h1>"));
    let log = server.log_of(&app, &failed).await;
    assert!(!failed.to_string().contains(VALUE) && !log.contains(VALUE), "{log}");
    assert_eq!(files_with(server.dir.path(), VALUE), 0, "the bundle reached no object store");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_before_it_became_a_secret_is_not_reused() {
    let server = TestServer::start().await;
    let app = server.site(&format!("<script>let key = '{VALUE}'</script>")).await;
    assert_eq!(server.publish(&app).await["status"], "succeeded");
    assert_eq!(server.publish(&app).await["reused"], true);
    server.set(&app, "production/secrets/API_KEY", VALUE, json!([])).await;
    let refused = server.publish(&app).await;
    assert_eq!(refused["error"]["code"], "secret_in_artifact", "{refused}");
}

#[tokio::test]
async fn a_secret_leaves_no_hash_behind_for_a_repeated_request() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let path = format!("/v1/apps/{app}/environments/production/secrets/PIN");
    for version in 1..=2 {
        let request = axum::http::Request::put(&path)
            .header("authorization", format!("Bearer {}", super::harness::KEY))
            .header("content-type", "application/json")
            .header("idempotency-key", "the same")
            .body(axum::body::Body::from(r#"{"value":"1234"}"#));
        assert_eq!(server.send(request.unwrap()).await.json()["version"], version);
    }
}
