//! Objects of artifacts: what is known as present is there, and what is needed is never collected.

use bytes::Bytes;
use sea_orm::{ConnectionTrait as _, Database};
use vitrine_model::{Sha256, Timestamp};
use vitrine_store::{Amount, Collected, StoreError, TemplateArtifact};

use crate::publishing::{
    app_with_revision, claim, enqueue, inputs, manifest, new_artifact, objects, release,
};
use crate::support::{Fixture, START_MILLIS};

/// Later than anything a test or the machine's clock has written.
const LATER: Timestamp = Timestamp::from_millis(i64::MAX);

/// How many were removed that nothing named, and how many that nobody knew.
pub(crate) fn counts(collected: Collected) -> (u64, u64) {
    (collected.unnamed, collected.unknown)
}

fn named(text: &str) -> (Sha256, u64) {
    (Sha256::of(text.as_bytes()), text.len() as u64)
}

fn file(fixture: &Fixture, text: &str) -> std::path::PathBuf {
    let hex = named(text).0.to_hex();
    fixture.objects().join("assets").join(&hex[..2]).join(&hex[2..])
}

#[tokio::test]
async fn an_object_counts_once_it_was_read_back() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (one, two) = (named("one"), named("two"));
    assert_eq!(store.missing_objects(&[two, one, two]).await.unwrap(), [two.0, one.0]);
    store.put_object(&one.0, Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(store.missing_objects(&[one]).await.unwrap(), [one.0], "uploaded is not verified");
    store.verify_objects(&[one]).await.unwrap();
    assert_eq!(store.missing_objects(&[one, two]).await.unwrap(), [two.0]);
    assert_eq!(store.object(&one.0).await.unwrap(), "one");
    let mut read = String::new();
    let mut opened = store.object_file(&one.0).unwrap().unwrap();
    std::io::Read::read_to_string(&mut opened, &mut read).unwrap();
    assert_eq!(read, "one");
    assert!(store.object_file(&two.0).unwrap().is_none());
    let other = store.put_object(&two.0, Bytes::from_static(b"three")).await;
    assert!(matches!(other, Err(StoreError::HashMismatch)));
}

#[tokio::test]
async fn what_is_damaged_missing_or_never_announced_is_named_and_does_not_count() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    objects(store, &["good", "damaged"]).await;
    std::fs::write(file(&fixture, "damaged"), "DAMAGED").unwrap();
    let (good, damaged, absent) = (named("good"), named("damaged"), named("absent"));
    let mut bad = vec![damaged.0, absent.0];
    bad.sort();
    let verified = store.verify_objects(&[good, damaged, absent]).await;
    assert!(matches!(verified, Err(StoreError::MissingObjects(hashes)) if hashes == bad));
    assert_eq!(store.missing_objects(&[good, damaged]).await.unwrap(), [damaged.0], "it is asked for again");
    assert!(matches!(store.object(&damaged.0).await, Err(StoreError::Corrupt(_))));
    objects(store, &["damaged"]).await;
    assert_eq!(store.object(&damaged.0).await.unwrap(), "damaged");
    std::fs::create_dir_all(file(&fixture, "smuggled").parent().unwrap()).unwrap();
    std::fs::write(file(&fixture, "smuggled"), "smuggled").unwrap();
    let verified = store.verify_objects(&[named("smuggled")]).await;
    assert!(matches!(verified, Err(StoreError::MissingObjects(_))));
}

#[tokio::test]
async fn an_artifact_of_objects_that_are_not_there_is_not_recorded() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(store).await.unwrap();
    objects(store, &["provenance", "sbom"]).await;
    let new = new_artifact(&app, &claimed, "page", "sources");
    let recorded = store.record_artifact(scope, &app, new.clone()).await;
    assert!(matches!(recorded, Err(StoreError::MissingObjects(hashes)) if hashes == [named("page").0]));
    assert!(matches!(store.artifact(scope, &app, &new.artifact.id).await, Err(StoreError::NotFound)));
    assert_eq!(store.artifact_by_inputs(scope, &app, &new.artifact.input_sha256).await.unwrap(), None);
    objects(store, &["page"]).await;
    let mut renamed = new.clone();
    renamed.artifact.id = manifest("another").id();
    let recorded = store.record_artifact(scope, &app, renamed).await;
    assert!(matches!(recorded, Err(StoreError::HashMismatch)));
    store.record_artifact(scope, &app, new).await.unwrap();
}

#[tokio::test]
async fn equal_output_of_other_inputs_is_one_artifact_found_by_both() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(store).await.unwrap();
    objects(store, &["page", "provenance", "sbom"]).await;
    let first = new_artifact(&app, &claimed, "page", "sources");
    let second = new_artifact(&app, &claimed, "page", "sources and a comment");
    for new in [&first, &second, &second] {
        store.record_artifact(scope, &app, new.clone()).await.unwrap();
    }
    let expected = (first.artifact.clone(), first.manifest.clone());
    assert_eq!(store.artifact(scope, &app, &first.artifact.id).await.unwrap(), expected);
    for inputs in [first.artifact.input_sha256, second.artifact.input_sha256] {
        assert_eq!(store.artifact_by_inputs(scope, &app, &inputs).await.unwrap(), Some(expected.clone()));
    }
    let documents = store.artifact_documents(scope, &app, &first.artifact.id).await.unwrap();
    assert_eq!((documents.provenance, documents.sbom), (named("provenance").0, named("sbom").0));
}

#[tokio::test]
async fn collection_takes_what_nothing_needs_and_nothing_else() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let kept = release(&fixture, &app, &revision, "released").await;
    objects(store, &["template", "never recorded"]).await;
    store.put_template_artifact(&template("template")).await.unwrap();
    let half = named("half uploaded");
    store.put_object(&half.0, Bytes::from_static(b"half uploaded")).await.unwrap();
    std::fs::create_dir_all(file(&fixture, "stranger").parent().unwrap()).unwrap();
    std::fs::write(file(&fixture, "stranger"), "stranger").unwrap();
    fixture.clock.advance_secs(3_599);
    let early = store.collect_objects("test", LATER).await.unwrap();
    assert_eq!(counts(early), (0, 1), "what is younger than an hour is never taken");
    fixture.clock.advance_secs(7_200);
    objects(store, &["about to be recorded"]).await;
    let blob = store.put_blob(scope, Bytes::from(vec![7; 1 << 20])).await.unwrap();
    let (due, later) = store.survey_objects("test", LATER).await.unwrap();
    assert_eq!(due, Amount { count: 1, bytes: "half uploaded".len() as u64 });
    assert_eq!(later, Amount { count: 1, bytes: "never recorded".len() as u64 });
    let first = store.collect_objects("test", LATER).await.unwrap();
    assert_eq!(first.unnamed_bytes, due.bytes);
    assert_eq!(counts(first), (1, 0), "what never was an artifact's goes first");
    assert!(file(&fixture, "never recorded").exists(), "and what was verified a grace later");
    assert_eq!(counts(store.collect_objects("test", LATER).await.unwrap()), (0, 0));
    fixture.clock.advance_secs(7_200);
    objects(store, &["about to be recorded"]).await;
    assert_eq!(counts(store.collect_objects("test", LATER).await.unwrap()), (1, 0));
    for gone in ["never recorded", "half uploaded", "stranger"] {
        assert!(!file(&fixture, gone).exists(), "{gone}");
    }
    for text in ["released", "provenance", "sbom", "template", "about to be recorded"] {
        assert_eq!(store.object(&named(text).0).await.unwrap(), text);
    }
    assert_eq!(store.blob(scope, &blob).await.unwrap().len(), 1 << 20, "blobs are another matter");
    assert_eq!(store.artifact(scope, &app, &kept).await.unwrap().1, manifest("released"));
    assert_eq!(store.missing_objects(&[named("never recorded")]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_an_interrupted_write_left_is_removed_when_it_is_old() {
    let fixture = Fixture::new().await;
    objects(&fixture.store, &["one"]).await;
    let staged = |number: u32| {
        let whole = file(&fixture, "one");
        whole.with_file_name(format!("{}#{number}", whole.file_name().unwrap().to_str().unwrap()))
    };
    for (number, age_secs) in [(1, 7_200), (2, 60)] {
        let left = std::fs::File::create(staged(number)).unwrap();
        let written = START_MILLIS as u64 / 1_000 - age_secs;
        left.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(written)).unwrap();
    }
    let collected = fixture.store.collect_objects("test", fixture.now()).await.unwrap();
    assert_eq!(counts(collected), (0, 1));
    assert!(!staged(1).exists() && staged(2).exists() && file(&fixture, "one").exists());
}

#[tokio::test]
async fn the_objects_of_a_deleted_app_go_unless_another_app_names_them() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (mine, revision) = app_with_revision(&fixture, "Mine").await;
    let (other, other_revision) = app_with_revision(&fixture, "Other").await;
    release(&fixture, &mine, &revision, "only mine").await;
    release(&fixture, &mine, &revision, "both").await;
    release(&fixture, &other, &other_revision, "both").await;
    store.delete_app(scope, &mine).await.unwrap();
    fixture.clock.advance_secs(7_200);
    assert_eq!(counts(store.collect_objects("test", fixture.now()).await.unwrap()), (0, 0));
    assert!(file(&fixture, "only mine").exists(), "a grace after the deletion, not before");
    fixture.clock.advance_secs(7_200);
    assert_eq!(store.collect_objects("test", fixture.now()).await.unwrap().unnamed, 1);
    assert!(!file(&fixture, "only mine").exists());
    assert_eq!(store.object(&named("both").0).await.unwrap(), "both");
}

#[tokio::test]
async fn publishes_beside_a_collection_always_find_what_they_recorded() {
    let fixture = Fixture::new().await;
    let (app, revision) = app_with_revision(&fixture, "One").await;
    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(&fixture.store).await.unwrap();
    for round in 0..10 {
        let page = format!("page {round}");
        // Old and unneeded, so that the collection removes the very objects that the publish wants.
        objects(&fixture.store, &[&page, "provenance", "sbom"]).await;
        fixture.clock.advance_secs(7_200);
        fixture.store.collect_objects("test", LATER).await.unwrap();
        fixture.clock.advance_secs(7_200);
        let (store, scope, mine, app) =
            (fixture.store.clone(), fixture.scope.clone(), claimed.clone(), app.clone());
        let publish = tokio::spawn(async move {
            let id = manifest(&page).id();
            let recorded = crate::publishing::try_built(&store, &scope, &mine, &page).await;
            match recorded {
                Ok(()) => {
                    store.artifact(&scope, &app, &id).await.unwrap();
                    assert_eq!(store.object(&named(&page).0).await.unwrap(), page);
                }
                // Told so in time: trying again mends it.
                Err(StoreError::ObjectLeaving | StoreError::MissingObjects(_)) => {}
                Err(error) => panic!("{error}"),
            }
        });
        let store = fixture.store.clone();
        let collection = tokio::spawn(async move { store.collect_objects("test", LATER).await.unwrap() });
        publish.await.unwrap();
        collection.await.unwrap();
        let page = format!("page {round}");
        crate::publishing::try_built(&fixture.store, &fixture.scope, &claimed, &page).await.unwrap();
        assert_eq!(fixture.store.object(&named(&page).0).await.unwrap(), page);
    }
}

#[tokio::test]
async fn what_leaves_cannot_be_uploaded_before_it_has_left_and_the_next_collection_sees_to_that() {
    let fixture = Fixture::new().await;
    let (store, one) = (&fixture.store, named("one"));
    objects(store, &["one"]).await;
    // A collection that was interrupted between the mark and the removal.
    let db = Database::connect(format!("sqlite:{}", fixture.database().display())).await.unwrap();
    db.execute_unprepared("UPDATE assets SET state = 'leaving'").await.unwrap();
    assert_eq!(store.missing_objects(&[one]).await.unwrap(), [one.0]);
    let put = store.put_object(&one.0, Bytes::from_static(b"one")).await;
    assert!(matches!(put, Err(StoreError::ObjectLeaving)));
    assert!(matches!(store.verify_objects(&[one]).await, Err(StoreError::MissingObjects(_))));
    assert_eq!(store.collect_objects("test", fixture.now()).await.unwrap().unnamed, 1);
    assert!(!file(&fixture, "one").exists());
    objects(store, &["one"]).await;
    assert_eq!(store.object(&one.0).await.unwrap(), "one");
}

#[tokio::test]
async fn a_collection_that_was_broken_off_is_ended_by_its_server_at_once_and_by_no_other() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let names: Vec<_> = (0..900).map(|number| format!("object {number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    objects(store, &names).await;
    let db = Database::connect(format!("sqlite:{}", fixture.database().display())).await.unwrap();
    db.execute_unprepared("UPDATE assets SET state = 'leaving'").await.unwrap();
    let ttl = std::time::Duration::from_secs(600);
    let broken_off = store.acquire_lease("collect-objects", "test", ttl).await.unwrap();
    assert!(broken_off.is_some());
    assert_eq!(counts(store.collect_objects("other", fixture.now()).await.unwrap()), (0, 0));
    assert_eq!(store.collect_objects("test", fixture.now()).await.unwrap().unnamed, 900);
    assert!(names.iter().all(|name| !file(&fixture, name).exists()));
    // Given back.
    objects(store, &["one"]).await;
    db.execute_unprepared("UPDATE assets SET state = 'leaving'").await.unwrap();
    assert_eq!(store.collect_objects("other", fixture.now()).await.unwrap().unnamed, 1);
}

#[tokio::test]
async fn a_templates_artifact_is_found_by_its_inputs_and_replaced_with_the_template() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let made = template("page");
    assert!(matches!(store.put_template_artifact(&made).await, Err(StoreError::MissingObjects(_))));
    objects(store, &["page", "provenance", "sbom"]).await;
    for _ in 0..2 {
        store.put_template_artifact(&made).await.unwrap();
    }
    assert_eq!(store.template_artifact(&made.template_hash).await.unwrap(), Some(made.clone()));
    assert_eq!(store.shared_artifact_by_inputs(&made.inputs.hash()).await.unwrap(), Some(made));
    assert_eq!(store.shared_artifact_by_inputs(&inputs("other").hash()).await.unwrap(), None);
}

fn template(page: &str) -> TemplateArtifact {
    TemplateArtifact {
        template_hash: Sha256::of(b"template"),
        inputs: inputs(page),
        manifest: manifest(page),
        provenance: named("provenance").0,
        sbom: named("sbom").0,
        build_millis: 7,
    }
}
