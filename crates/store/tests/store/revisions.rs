//! Revisions: names for trees that never change.

use vitrine_model::RevisionId;
use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
use vitrine_store::StoreError;

use crate::support::{Fixture, tree};

#[tokio::test]
async fn a_revision_keeps_its_tree_while_the_draft_moves_on() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "1")]).await.id;
    // Changed once, so that the revision alone refers to its tree.
    fixture.write(&app, "b", "2").await;
    let label = Some("v1".to_owned());
    let revision = fixture.store.create_revision(&fixture.scope, &app, label).await.unwrap();
    assert_eq!((revision.draft_version, revision.file_count, revision.size_bytes), (2, 2, 2));
    assert_eq!(revision.label.as_deref(), Some("v1"));
    fixture.write(&app, "a", "changed").await;
    fixture.clock.advance_secs(7_200);
    fixture.store.collect_content("test", fixture.now()).await.unwrap();
    let kept = fixture.reopened().await.revision_tree(&fixture.scope, &app, &revision.id).await.unwrap();
    assert_eq!((kept.hash(), kept), (revision.tree, tree(&[("a", "1"), ("b", "2")])));
}

#[tokio::test]
async fn a_snapshot_of_the_same_files_is_the_newest_revision_again() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "1")]).await.id;
    let first = fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap();
    assert_eq!(fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap(), first);
    fixture.write(&app, "a", "2").await;
    let second = fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap();
    fixture.write(&app, "a", "1").await;
    let third = fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap();
    assert_ne!(second.tree, third.tree);
    assert_eq!((first.tree, third.draft_version), (third.tree, 3), "the same files later are a new revision");
}

#[tokio::test]
async fn revisions_are_listed_newest_first_in_pages() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[]).await.id;
    let mut taken = Vec::new();
    for n in 0..7 {
        fixture.write(&app, "a", &n.to_string()).await;
        taken.insert(0, fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap());
    }
    let first = fixture.store.list_revisions(&fixture.scope, &app, 4, None).await.unwrap();
    let cursor = first.next_cursor.as_deref();
    let second = fixture.store.list_revisions(&fixture.scope, &app, 4, cursor).await.unwrap();
    assert_eq!([first.items, second.items].concat(), taken);
    assert_eq!(second.next_cursor, None);
}

#[tokio::test]
async fn a_revision_is_found_under_its_own_app_only() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.app("One", &[]).await.id, fixture.app("Two", &[]).await.id);
    let revision = fixture.store.create_revision(&fixture.scope, &one, None).await.unwrap().id;
    let unknown = RevisionId::mint(&FixedClock::at_millis(0), &CountingEntropy::default());
    for (app, revision) in [(&two, &revision), (&one, &unknown)] {
        assert!(matches!(
            fixture.store.revision(&fixture.scope, app, revision).await,
            Err(StoreError::NotFound)
        ));
    }
}
