//! Pre-bundles for real: made once, used by the next session, and not in its way when more is needed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Fixture, TestEntropy, files, fixture};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use vitrine_build::Files;
use vitrine_build::layers::Layer;
use vitrine_build::prebundle::{PrebundleKey, harvest_prebundle};
use vitrine_build::profile::{DetectedProfile, DevSettings, PREBUNDLE_DIR, detect};
use vitrine_model::source::fixed::FixedClock;
use vitrine_model::{FileMode, SandboxId, Sha256};
use vitrine_sandbox::driver::{
    FileBatch, FilePut, Limits, Mount, PROJECT_DIR, Sandbox, SandboxEvent, SandboxSpec, Started,
    TOOLCHAIN_DIR, Urgency,
};

const PORT: u16 = 5199;

fn project() -> Files {
    files(&[
        (
            "package.json",
            r#"{"name":"mine","type":"module","dependencies":{"react":"19.2.0","react-dom":"19.2.0","ms":"2.1.3"},"devDependencies":{"vite":"^8.0.0"}}"#,
        ),
        (
            "index.html",
            r#"<!doctype html><div id="root"></div><script type="module" src="/src/main.js"></script>"#,
        ),
        ("src/main.js", "import { createRoot } from 'react-dom/client';\ncreateRoot(document.body);\n"),
    ])
}

fn batch(files: &Files) -> FileBatch {
    let put = files.iter().map(|(path, content)| FilePut {
        path: path.clone(),
        mode: FileMode::Regular,
        content: content.clone(),
    });
    FileBatch { put: put.collect(), removed: Vec::new() }
}

struct Session {
    sandbox: Arc<dyn Sandbox>,
    events: mpsc::Receiver<SandboxEvent>,
}

impl Session {
    async fn start(fixture: &Fixture, layer: &Layer, detected: &DetectedProfile, prebundle: &Path) -> Self {
        let toolchain = fixture.store.toolchain(detected).await.unwrap();
        let spec = SandboxSpec {
            id: SandboxId::mint(&FixedClock::at_millis(1), &TestEntropy),
            mounts: vec![
                Mount::ReadOnly { source: toolchain.dir, target: TOOLCHAIN_DIR.into() },
                Mount::ReadOnly { source: prebundle.to_owned(), target: PREBUNDLE_DIR.into() },
                Mount::Overlay {
                    lowers: vec![layer.node_modules.clone()],
                    target: format!("{PROJECT_DIR}/node_modules").into(),
                },
            ],
            limits: Limits {
                memory_bytes: 1 << 30,
                cpu_millis: 2_000,
                urgency: Urgency::Interactive,
                pids: 256,
                disk_bytes: 1 << 30,
                open_files: 8_192,
            },
        };
        let Started { sandbox, events } = fixture.driver.start(spec).await.unwrap();
        sandbox.apply(batch(&project())).await.unwrap();
        let settings = DevSettings {
            port: PORT,
            preview_host_suffix: "preview.example.com",
            timezone: "UTC",
            has_prebundle: true,
            has_compile_cache: false,
            marks_elements: false,
        };
        let command = detected.dev_command(Some(&layer.node_modules), &settings).unwrap();
        sandbox.spawn("dev", command).await.unwrap();
        Self { sandbox, events }
    }

    /// The body of an answer, once the dev server gives one.
    async fn get(&self, path: &str) -> String {
        for _ in 0..600 {
            if let Ok(mut stream) = self.sandbox.dial(PORT).await {
                let request = format!("GET {path} HTTP/1.0\r\nHost: s.preview.example.com\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                if stream.read_to_string(&mut answer).await.is_ok() && answer.contains(" 200 ") {
                    return answer;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`{path}` was not answered");
    }

    async fn end(mut self) -> String {
        self.sandbox.stop().await.unwrap();
        let mut log = String::new();
        while let Some(event) = self.events.recv().await {
            match event {
                SandboxEvent::Output { line, .. } => log.push_str(&format!("{line}\n")),
                SandboxEvent::Ended { .. } => break,
                _ => {}
            }
        }
        log
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_bundle_spares_the_next_session_the_work_and_can_be_added_to() {
    let fixture = fixture().await;
    let project = project();
    let layer = fixture.layer(&project).await;
    let detected = detect(&project, None).unwrap();
    let key = PrebundleKey::Template(Sha256::of(b"template"));
    assert_eq!(fixture.store.prebundle_dir(&layer, &key), None);
    let dir = fixture.store.make_prebundle(&layer, &detected, &project, &key).await.unwrap();
    assert_eq!(fixture.store.prebundle_dir(&layer, &key), Some(dir.clone()));
    let record = std::fs::read_to_string(dir.join(".vite/deps/_metadata.json")).unwrap();
    assert!(record.contains("react-dom/client") && !record.contains("\"ms\""));

    let session = Session::start(&fixture, &layer, &detected, &dir).await;
    session.get("/").await;
    let main = session.get("/src/main.js").await;
    let bundled = main.split('"').find(|part| part.contains("/.vite/deps/")).unwrap().to_owned();
    session.get(&bundled).await;
    let same = harvest_prebundle(session.sandbox.as_ref()).await.unwrap();
    let (_, same) = same.iter().find(|(path, _)| path.ends_with("_metadata.json")).unwrap();
    assert_eq!(same, &record);

    // One more dependency: Vite replaces the whole folder.
    let more = files(&[("src/main.js", "import ms from 'ms';\nconsole.log(ms);\n")]);
    session.sandbox.apply(batch(&more)).await.unwrap();
    let replacing = async {
        loop {
            let main = session.get("/src/main.js").await;
            if let Some(bundled) = main.split('"').find(|part| part.contains("/.vite/deps/ms.js")) {
                return session.get(bundled).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let replaced = tokio::time::timeout(Duration::from_secs(60), replacing).await;
    replaced.expect("Vite never bundled the new dependency");
    let after = harvest_prebundle(session.sandbox.as_ref()).await.unwrap();
    let (_, after) = after.iter().find(|(path, _)| path.ends_with("_metadata.json")).unwrap();
    assert!(String::from_utf8_lossy(after).contains("\"ms\""));
    let log = session.end().await;
    assert!(!log.contains("EXDEV") && !log.contains("not used"), "{log}");
}
