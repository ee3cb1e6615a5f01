//! What the tests of publishing share: publishes to ask for, and artifacts whose objects are really there.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use vitrine_model::artifact::{Artifact, ArtifactFile, BuildInputs, Manifest};
use vitrine_model::profile::ProfileKind;
use vitrine_model::publish::{BuildMode, Publish, PublishTarget};
use vitrine_model::{AppId, ArtifactId, PublishId, ReleaseId, RevisionId, Sha256};
use vitrine_store::{Claimed, NewArtifact, NewPublish, Scope, Store, StoreError};

use crate::support::{Fixture, at_secs, path};

pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How long after the start of a test every publish must have ended.
pub(crate) const DEADLINE_SECS: i64 = 3_600;

/// An app with one revision.
pub(crate) async fn app_with_revision(fixture: &Fixture, name: &str) -> (AppId, RevisionId) {
    let app = fixture.app(name, &[("index.html", name)]).await.id;
    let revision = fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap().id;
    (app, revision)
}

pub(crate) fn new_publish(fixture: &Fixture, revision: &RevisionId, target: PublishTarget) -> NewPublish {
    NewPublish {
        id: PublishId::mint(fixture.clock.as_ref(), fixture.entropy.as_ref()),
        revision: revision.clone(),
        mode: BuildMode::Production,
        target,
        environment: Default::default(),
        artifact: None,
        steps: Vec::new(),
        attempts_max: 2,
        deadline: at_secs(DEADLINE_SECS),
    }
}

pub(crate) fn release_id(fixture: &Fixture) -> ReleaseId {
    ReleaseId::mint(fixture.clock.as_ref(), fixture.entropy.as_ref())
}

pub(crate) async fn enqueue(fixture: &Fixture, app: &AppId, revision: &RevisionId) -> Publish {
    let new = new_publish(fixture, revision, PublishTarget::Hosting);
    fixture.store.enqueue_publish(&fixture.scope, app, new).await.unwrap()
}

pub(crate) async fn claim(store: &Store) -> Option<Claimed> {
    store.claim_publish("worker", LEASE).await.unwrap()
}

/// A manifest of one page with this text.
pub(crate) fn manifest(text: &str) -> Manifest {
    let page = ArtifactFile {
        sha256: Sha256::of(text.as_bytes()),
        size: text.len() as u64,
        content_type: "text/html; charset=utf-8".to_owned(),
        variants: BTreeMap::new(),
        script_hashes: Vec::new(),
        has_config_slot: false,
    };
    Manifest { files: BTreeMap::from([(path("index.html"), page)]) }
}

pub(crate) fn inputs(text: &str) -> BuildInputs {
    BuildInputs {
        tree: Sha256::of(text.as_bytes()),
        profile: ProfileKind::Vite,
        command: Vec::new(),
        output: "dist".to_owned(),
        mode: BuildMode::Production,
        node: None,
        package_manager: None,
        layer: None,
        platform: "linux-x64".to_owned(),
        environment: BTreeMap::new(),
        searched_for: None,
        procedure: 1,
    }
}

/// Uploads content as objects and verifies them.
pub(crate) async fn objects(store: &Store, contents: &[&str]) {
    try_objects(store, contents).await.unwrap();
}

async fn try_objects(store: &Store, contents: &[&str]) -> Result<(), StoreError> {
    let named: Vec<_> =
        contents.iter().map(|text| (Sha256::of(text.as_bytes()), text.len() as u64)).collect();
    for missing in store.missing_objects(&named).await? {
        let text = contents.iter().find(|text| Sha256::of(text.as_bytes()) == missing).unwrap();
        store.put_object(&missing, Bytes::copy_from_slice(text.as_bytes())).await?;
    }
    store.verify_objects(&named).await
}

pub(crate) fn new_artifact(app: &AppId, claimed: &Claimed, page: &str, from: &str) -> NewArtifact {
    let manifest = manifest(page);
    let inputs = inputs(from);
    let artifact = Artifact {
        id: manifest.id(),
        app_id: app.clone(),
        revision_id: claimed.publish.revision_id.clone(),
        publish_id: claimed.publish.id.clone(),
        manifest_sha256: manifest.hash(),
        input_sha256: inputs.hash(),
        inputs,
        file_count: 1,
        size_bytes: manifest.size_bytes(),
        build_millis: 5,
        created_at: claimed.publish.created_at,
    };
    NewArtifact { artifact, manifest, provenance: Sha256::of(b"provenance"), sbom: Sha256::of(b"sbom") }
}

/// Records an artifact of one page for what was claimed.
pub(crate) async fn built(store: &Store, scope: &Scope, claimed: &Claimed, page: &str) -> ArtifactId {
    try_built(store, scope, claimed, page).await.unwrap();
    manifest(page).id()
}

pub(crate) async fn try_built(
    store: &Store,
    scope: &Scope,
    claimed: &Claimed,
    page: &str,
) -> Result<(), StoreError> {
    try_objects(store, &[page, "provenance", "sbom"]).await?;
    let new = new_artifact(&claimed.publish.app_id, claimed, page, page);
    store.record_artifact(scope, &claimed.publish.app_id, new).await
}

/// Publishes a page from the queue to the switch.
pub(crate) async fn release(fixture: &Fixture, app: &AppId, revision: &RevisionId, page: &str) -> ArtifactId {
    let publish = enqueue(fixture, app, revision).await;
    let claimed = claim(&fixture.store).await.unwrap();
    assert_eq!(claimed.publish.id, publish.id, "nothing else waits");
    let artifact = built(&fixture.store, &fixture.scope, &claimed, page).await;
    let done = fixture.store.release_publish(&publish.id, claimed.fence, &artifact, false, &[]).await;
    assert!(matches!(done, Ok(vitrine_store::Switched::Released(_))), "{done:?}");
    artifact
}
