//! Layers for real: the real driver, the real registry, small packages.

use crate::support::{files, fixture, project};
use vitrine_build::Files;
use vitrine_build::diagnostic::Diagnostic;
use vitrine_build::layers::{InstallEvent, Layer, LayerError};

fn has(layer: &Layer, path: &str) -> bool {
    layer.node_modules.join(path).exists()
}

/// The project with the lockfile that the layer led to, as a caller saves it into the draft.
fn locked(mut files: Files, layer: &Layer) -> Files {
    let (path, content) = layer.resolved_lockfile.clone().expect("a lockfile was made");
    files.insert(path, content);
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_makes_a_lockfile_once_and_follows_it_from_then_on() {
    let fixture = fixture().await;
    let fresh = project(r#""ms":"2.1.3""#);
    let made = fixture.layer(&fresh).await;
    assert!(has(&made, "ms/index.js") && !made.reused);
    assert!(matches!(made.diagnostics[..], [Diagnostic::LockfileMade { .. }]));
    let text = String::from_utf8(made.resolved_lockfile.clone().unwrap().1.to_vec()).unwrap();
    assert!(text.contains("\"name\": \"mine\"") && !text.contains("http"), "{text}");
    // The same request again, and the project with its lockfile saved: one and the same layer.
    let again = fixture.layer(&fresh).await;
    assert_eq!((again.id, again.reused, again.resolved_lockfile.is_some()), (made.id, true, true));
    let saved = fixture.layer(&locked(fresh.clone(), &made)).await;
    assert_eq!((saved.id, saved.reused, saved.resolved_lockfile), (made.id, true, None));
    // In another store, from the lockfile alone.
    let other = crate::support::fixture().await;
    let followed = other.layer(&locked(fresh, &made)).await;
    assert_eq!((followed.id, followed.reused, followed.diagnostics.len()), (made.id, false, 0));
    assert_eq!(other.count("staging"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pnpm_installs_a_tree_that_stands_alone() {
    let fixture = fixture().await;
    let mut fresh = project(r#""debug":"4.4.0""#);
    fresh.extend(files(&[("pnpm-workspace.yaml", "packages: []\n")]));
    let made = fixture.layer(&fresh).await;
    let lock = locked(fresh, &made);
    assert!(has(&made, "debug/package.json") && has(&made, ".pnpm/ms@2.1.3/node_modules/ms/index.js"));
    assert!(!has(&made, ".vitrine-store"));
    let other = crate::support::fixture().await;
    let followed = other.layer(&lock).await;
    assert_eq!((followed.id, followed.resolved_lockfile), (made.id, None));
    // An older format is read by the older pnpm.
    let old = String::from_utf8(lock["pnpm-lock.yaml"].to_vec()).unwrap();
    assert!(old.contains("lockfileVersion: '9.0'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drifted_lockfile_is_brought_up_to_date_and_said_so() {
    let fixture = fixture().await;
    let before = project(r#""ms":"2.1.2""#);
    let stale = locked(before.clone(), &fixture.layer(&before).await);
    let mut drifted = project(r#""ms":"2.1.3""#);
    drifted.insert("package-lock.json".parse().unwrap(), stale["package-lock.json"].clone());
    let layer = fixture.layer(&drifted).await;
    let version = std::fs::read_to_string(layer.node_modules.join("ms/package.json")).unwrap();
    assert!(version.contains("\"2.1.3\""));
    let [Diagnostic::LockfileUpdated { tool_output, .. }] = &layer.diagnostics[..] else {
        panic!("{:?}", layer.diagnostics);
    };
    assert!(tool_output.contains("EUSAGE"));
    let (path, content) = layer.resolved_lockfile.unwrap();
    assert!(path.as_str() == "package-lock.json" && content != drifted[&path]);
}

/// A project whose lockfile says that `ms` is what lies at another package's address, without a hash, and does not fit.
fn poisoned(honest: &Files, path: &str, entry: &str) -> Files {
    let mut files = project(r#""ms":"2.1.3","has-flag":"4.0.0""#);
    let lock = String::from_utf8(honest[path].to_vec()).unwrap();
    let integrity = lock.lines().find(|line| line.contains("sha512-")).unwrap();
    files.insert(path.parse().unwrap(), lock.replace(integrity, entry).into());
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_hash_puts_no_other_package_into_a_layer_that_others_share() {
    let fixture = fixture().await;
    let before = project(r#""ms":"2.1.3""#);
    let honest = locked(before.clone(), &fixture.layer(&before).await);
    let address = format!("{}escape-string-regexp/-/escape-string-regexp-4.0.0.tgz", fixture.registry);
    let loose = poisoned(&honest, "package-lock.json", &format!(r#""resolved": "{address}","#));
    let layer = fixture.layer(&loose).await;
    assert!(matches!(layer.diagnostics[..], [Diagnostic::LockfileUpdated { .. }]), "{:?}", layer.diagnostics);
    let name = std::fs::read_to_string(layer.node_modules.join("ms/package.json")).unwrap();
    assert!(name.contains(r#""name": "ms""#), "{name}");
    // Whoever has the lockfile that was written gets a layer made of that.
    let (_, written) = layer.resolved_lockfile.clone().unwrap();
    let text = String::from_utf8(written.to_vec()).unwrap();
    assert!(!text.contains("escape-string"), "{text}");
    let followed = fixture.layer(&locked(loose, &layer)).await;
    let is_pinned = text.matches("sha512-").count() == 2;
    assert_eq!(followed.id == layer.id, is_pinned, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tarball_without_a_hash_gives_pnpm_no_layer_that_others_share() {
    let fixture = fixture().await;
    let mut before = project(r#""ms":"2.1.3""#);
    before.extend(files(&[("pnpm-workspace.yaml", "packages: []\n")]));
    let honest = locked(before.clone(), &fixture.layer(&before).await);
    let address = format!("{}escape-string-regexp/-/escape-string-regexp-4.0.0.tgz", fixture.registry);
    let mut loose = poisoned(&honest, "pnpm-lock.yaml", &format!("    resolution: {{tarball: {address}}}"));
    loose.extend(files(&[("pnpm-workspace.yaml", "packages: []\n")]));
    // pnpm may refuse it, which is as good.
    if let Ok(layer) = fixture.ensure(&loose).await.0 {
        let name = std::fs::read_to_string(layer.node_modules.join("ms/package.json")).unwrap();
        let written = layer.resolved_lockfile.as_ref().map(|(_, written)| String::from_utf8_lossy(written));
        let written = written.unwrap_or_default();
        let is_honest = name.contains(r#""name": "ms""#);
        assert!(is_honest || written.contains("escape-string"), "{name}\n{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contradicting_peers_are_installed_leniently_and_said_so() {
    let fixture = fixture().await;
    // This release of react-dom wants React 17.
    let layer = fixture
        .layer(&project(
            r#""react":"18.2.0","use-sync-external-store":"1.2.0","scheduler":"0.23.0","react-dom":"17.0.2""#,
        ))
        .await;
    assert!(layer.diagnostics.iter().any(|d| matches!(d, Diagnostic::PeerConflictIgnored { .. })));
    assert!(has(&layer, "react-dom/package.json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_package_fails_with_the_tools_words_and_leaves_nothing() {
    let fixture = fixture().await;
    let (outcome, events) = fixture.ensure(&project(r#""@vitrine-tests/no-such-package":"1.0.0""#)).await;
    let Err(LayerError::InstallFailed { manager: "npm", tool_output, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(tool_output.contains("E404"), "{tool_output}");
    assert!(events.iter().any(|event| matches!(event, InstallEvent::Output(line) if line.contains("E404"))));
    assert_eq!((fixture.count("staging"), fixture.count("layers")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_want_the_same_share_one_installation() {
    let fixture = fixture().await;
    let wanted = project(r#""ms":"2.1.3""#);
    let ((first, first_events), (second, second_events)) =
        tokio::join!(fixture.ensure(&wanted), fixture.ensure(&wanted));
    assert_eq!(first.unwrap().id, second.unwrap().id);
    let started =
        |events: &[InstallEvent]| events.iter().any(|event| matches!(event, InstallEvent::Started { .. }));
    assert!(started(&first_events) && started(&second_events));
    assert_eq!(fixture.count("layers"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn install_scripts_do_not_run() {
    let fixture = fixture().await;
    // Its postinstall script would download and unpack a binary.
    let layer = fixture.layer(&project(r#""esbuild":"0.14.0""#)).await;
    let bin = std::fs::read(layer.node_modules.join("esbuild/bin/esbuild")).unwrap();
    assert!(bin.starts_with(b"#!/usr/bin/env node"), "the script has replaced its own placeholder");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_reaches_the_registry_and_nothing_else() {
    let fixture = fixture().await;
    let (outcome, _) = fixture.ensure(&project(r#""x":"https://example.com/x.tgz""#)).await;
    let Err(LayerError::InstallFailed { refused_connections, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(refused_connections > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_installation_left_is_removed_at_the_next_start() {
    let fixture = fixture().await;
    let left = fixture.dir.path().join("layers/staging/half/node_modules/a");
    std::fs::create_dir_all(&left).unwrap();
    let layer = fixture.layer(&project(r#""ms":"2.1.3""#)).await;
    let _again = crate::support::open(fixture.dir.path(), fixture.driver.clone()).await;
    assert!(!left.exists());
    assert!(layer.node_modules.join("ms").exists());
}
