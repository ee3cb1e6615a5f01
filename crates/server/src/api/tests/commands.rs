//! Commands of the command line against the real router, over a socket of its own: what they ask for, what they change, and how
//! they end.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use clap::Parser as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vitrine_model::AppId;

use super::harness::{KEY, TEMPLATE, TestServer};
use crate::Failure;
use crate::cli::Cli;
use crate::commands::{self, Output};

/// How long something may take that is done within moments.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server that listens.
struct Listening {
    server: Arc<TestServer>,
    url: String,
    serving: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Listening {
    async fn start() -> Self {
        let server = Arc::new(TestServer::start().await);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback({
            let server = server.clone();
            move |request: Request<Body>| {
                let server = server.clone();
                async move { server.open(request).await }
            }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { server, url, serving }
    }

    fn command(&self, args: &[&str]) -> Cli {
        let server = ["--server", &self.url, "--key", KEY];
        Cli::parse_from(["vitrine"].iter().chain(args).chain(&server))
    }

    /// Runs a command that answers with one document.
    async fn run(&self, args: &[&str]) -> Result<Value, Failure> {
        let (output, kept) = Output::kept();
        commands::dispatch(output, self.command(args).command).await?;
        Ok(serde_json::from_str(&kept.lock().unwrap()).unwrap())
    }

    /// Runs a command that must fail; its exit code.
    async fn fails(&self, args: &[&str]) -> u8 {
        self.run(args).await.unwrap_err().code()
    }

    /// Works on a folder until it is dropped.
    async fn dev(&self, folder: &Path) -> Dev {
        self.dev_with(folder, &[]).await
    }

    async fn dev_with(&self, folder: &Path, more: &[&str]) -> Dev {
        let (output, kept) = Output::kept();
        let args: Vec<_> =
            ["dev", folder.to_str().unwrap(), "--no-preview"].iter().chain(more).copied().collect();
        let command = self.command(&args).command;
        let (stop, stopped) = oneshot::channel::<()>();
        // A process of its own in life, a thread of its own here.
        let work = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    ended = commands::dispatch(output, command) => panic!("it ended by itself: {ended:?}"),
                }
            });
        });
        let dev = Dev { kept, stop, work };
        dev.says("in_step").await;
        dev
    }
}

/// `vitrine dev` at work.
struct Dev {
    kept: &'static Mutex<String>,
    stop: oneshot::Sender<()>,
    work: std::thread::JoinHandle<()>,
}

impl Dev {
    fn events(&self) -> Vec<Value> {
        self.kept.lock().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn says(&self, name: &str) -> Value {
        let found = || self.events().into_iter().find(|event| event["event"] == name);
        until(&format!("{name}: {:?}", self.events()), || async { found() }).await
    }

    fn app(&self) -> AppId {
        let started = self.events().into_iter().find(|event| event["event"] == "app").unwrap();
        started["app"]["id"].as_str().unwrap().parse().unwrap()
    }

    /// Ends it as a power cut does.
    async fn kill(self) {
        let _ = self.stop.send(());
        tokio::task::spawn_blocking(|| self.work.join().unwrap()).await.unwrap();
    }
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let waiting = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(DEADLINE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [("index.html", "<h1>hello</h1>")].iter().chain(files) {
        let at = dir.path().join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, text).unwrap();
    }
    dir
}

async fn app_holds(here: &Listening, app: &AppId, path: &str, text: Option<&str>) {
    let at = format!("/v1/apps/{app}/files/{path}");
    until(&format!("{path} in the app"), || async {
        let answer = here.server.get(&at).await;
        let held = answer.status.is_success().then(|| answer.text().to_owned());
        (held.as_deref() == text).then_some(())
    })
    .await;
}

async fn folder_holds(dir: &TempDir, path: &str, text: Option<&str>) {
    let at = dir.path().join(path);
    until(&format!("{path} in the folder"), || async {
        (std::fs::read_to_string(&at).ok().as_deref() == text).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_are_made_found_renamed_and_deleted() {
    let here = Listening::start().await;
    let made = here.run(&["apps", "create", "My shop", "--template", TEMPLATE]).await.unwrap();
    assert_eq!(made["slug"], "my-shop");
    for named in ["my-shop", "MY SHOP", made["id"].as_str().unwrap()] {
        assert_eq!(here.run(&["apps", "show", named]).await.unwrap()["id"], made["id"]);
    }
    let renamed = here.run(&["apps", "rename", "my-shop", "--name", "Stall"]).await.unwrap();
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Stall"), &json!("my-shop")));
    assert_eq!(here.run(&["apps"]).await.unwrap().as_array().unwrap().len(), 1);
    assert_eq!(here.fails(&["apps", "delete", "my-shop"]).await, 2, "nobody can be asked");
    here.run(&["apps", "delete", "my-shop", "--yes"]).await.unwrap();
    assert_eq!(here.fails(&["apps", "show", "my-shop"]).await, 7);
    assert_eq!(here.fails(&["apps", "create", "X", "--template", "no-such"]).await, 7);
    assert_eq!(here.fails(&["apps", "create", "X", "--template", TEMPLATE, "--slug", "-"]).await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_accepted_is_told_apart_from_a_server_that_is_not_there() {
    let here = Listening::start().await;
    let with = |url: &str, key: &str| Cli::parse_from(["vitrine", "apps", "--server", url, "--key", key]);
    let (output, _) = Output::kept();
    let refused = commands::dispatch(output, with(&here.url, "vt_wrong").command).await;
    assert_eq!(refused.unwrap_err().code(), 6);
    let away = commands::dispatch(output, with("http://127.0.0.1:1", KEY).command).await;
    assert_eq!(away.unwrap_err().code(), 5);
    let odd = commands::dispatch(output, with("ftp://127.0.0.1", KEY).command).await;
    assert_eq!(odd.unwrap_err().code(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_imported_and_exported_again() {
    let here = Listening::start().await;
    let dir = folder(&[("src/a b.js", "1"), ("node_modules/x/y.js", "out")]);
    let made = here.run(&["import", dir.path().to_str().unwrap(), "--name", "Taken in"]).await.unwrap();
    let draft = here.server.draft(&made["id"].as_str().unwrap().parse().unwrap()).await;
    let paths: Vec<_> = draft["files"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(paths, ["index.html", "src/a b.js"]);
    let zip = dir.path().join("out.zip");
    let export = ["export", "taken-in", "--output", zip.to_str().unwrap()];
    let saved = here.run(&export).await.unwrap();
    assert_eq!(saved["size_bytes"], std::fs::metadata(&zip).unwrap().len());
    assert_eq!(here.fails(&export).await, 2, "nothing is written over");
    let again = here.run(&["import", zip.to_str().unwrap()]).await.unwrap();
    assert_eq!(again["name"], "out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_carries_edits_deletions_and_renames_both_ways() {
    let here = Listening::start().await;
    let dir = folder(&[("src/a.js", "1"), ("src/b.js", "2")]);
    let dev = here.dev(dir.path()).await;
    let app = dev.app();
    app_holds(&here, &app, "src/b.js", Some("2")).await;
    std::fs::write(dir.path().join("src/a.js"), "mine").unwrap();
    app_holds(&here, &app, "src/a.js", Some("mine")).await;
    std::fs::rename(dir.path().join("src/b.js"), dir.path().join("src/c.js")).unwrap();
    app_holds(&here, &app, "src/c.js", Some("2")).await;
    app_holds(&here, &app, "src/b.js", None).await;
    dev.says("sent_rename").await;
    let theirs = json!([
        { "op": "write", "path": "src/a.js", "text": "theirs" },
        { "op": "write", "path": "new/[x]/d e.js", "text": "new" },
        { "op": "delete", "path": "src/c.js" },
    ]);
    here.server.change(&app, theirs).await;
    folder_holds(&dir, "src/a.js", Some("theirs")).await;
    folder_holds(&dir, "new/[x]/d e.js", Some("new")).await;
    folder_holds(&dir, "src/c.js", None).await;
    dev.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_keeps_both_when_both_changed_the_same_file() {
    let here = Listening::start().await;
    let dir = folder(&[("src/App.jsx", "agreed")]);
    let dev = here.dev(dir.path()).await;
    let app = dev.app();
    dev.kill().await;
    std::fs::write(dir.path().join("src/App.jsx"), "mine").unwrap();
    here.server.change(&app, json!([{ "op": "write", "path": "src/App.jsx", "text": "theirs" }])).await;
    let dev = here.dev(dir.path()).await;
    assert_eq!(dev.app(), app);
    assert_eq!(dev.says("conflict").await["theirs"], "src/App.theirs.jsx");
    app_holds(&here, &app, "src/App.jsx", Some("mine")).await;
    app_holds(&here, &app, "src/App.theirs.jsx", Some("theirs")).await;
    folder_holds(&dir, "src/App.jsx", Some("mine")).await;
    folder_holds(&dir, "src/App.theirs.jsx", Some("theirs")).await;
    dev.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_sends_large_folders_by_hash_and_holds_back_what_the_server_refuses() {
    let here = Listening::start().await;
    let large = "x".repeat(300_000);
    let dir = folder(&[("a.txt", &large), ("b.txt", &large), ("Case.js", "1")]);
    let dev = here.dev(dir.path()).await;
    let app = dev.app();
    app_holds(&here, &app, "b.txt", Some(&large)).await;
    std::fs::write(dir.path().join("case.js"), "2").unwrap();
    std::fs::write(dir.path().join("good.js"), "3").unwrap();
    dev.says("held").await;
    std::fs::remove_file(dir.path().join("case.js")).unwrap();
    std::fs::write(dir.path().join("good.js"), "4").unwrap();
    app_holds(&here, &app, "good.js", Some("4")).await;
    app_holds(&here, &app, "Case.js", Some("1")).await;
    dev.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_of_an_app_that_is_gone_says_so_and_begins_anew_when_asked() {
    let here = Listening::start().await;
    let dir = folder(&[]);
    let dev = here.dev(dir.path()).await;
    let app = dev.app();
    dev.kill().await;
    assert_eq!(here.server.call("DELETE", &format!("/v1/apps/{app}"), None).await.status, 204);
    let path = dir.path().to_str().unwrap();
    assert_eq!(here.fails(&["dev", path, "--no-preview"]).await, 7);
    let dev = here.dev_with(dir.path(), &["--new"]).await;
    assert_ne!(dev.app(), app);
    dev.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_takes_an_app_that_is_there_into_an_empty_folder() {
    let here = Listening::start().await;
    let app = here.server.app().await;
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(here.fails(&["dev", dir.path().to_str().unwrap()]).await, 2, "it is no project");
    let dev = here.dev_with(dir.path(), &["--app", app.as_str()]).await;
    assert_eq!(dev.app(), app);
    let draft = here.server.draft(&app).await;
    for path in draft["files"].as_object().unwrap().keys() {
        assert_eq!(
            std::fs::read_to_string(dir.path().join(path)).unwrap(),
            here.server.read(&app, path).await
        );
    }
    dev.kill().await;
}
