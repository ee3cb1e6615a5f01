//! Apps: slugs, lists, changes, deletion, tenants.

use std::collections::BTreeSet;

use vitrine_model::app::{AppStatus, check_slug};
use vitrine_model::profile::{Profile, ProfileKind};
use vitrine_model::{Sha256, Tree};
use vitrine_store::{AppPatch, NewSession, StoreError};

use crate::support::{Fixture, at_secs, new_app, tree};

#[tokio::test]
async fn a_new_app_is_at_version_1_and_reads_back_as_created() {
    let fixture = Fixture::new().await;
    let app = fixture.app("My App", &[("index.html", "<h1>")]).await;
    assert_eq!((app.slug.as_str(), app.version, app.status), ("my-app", 1, AppStatus::Draft));
    assert_eq!(app.profile, Profile::of(ProfileKind::Vite));
    assert_eq!(app.created_at, at_secs(0));
    assert_eq!(fixture.store.app(&fixture.scope, &app.id).await.unwrap(), app);
    let draft = fixture.store.draft(&fixture.scope, &app.id).await.unwrap();
    assert_eq!((draft.version, draft.tree.as_ref()), (1, &tree(&[("index.html", "<h1>")])));
}

#[tokio::test]
async fn an_app_whose_content_was_never_stored_is_not_made() {
    let fixture = Fixture::new().await;
    let made = fixture.store.create_app(&fixture.scope, new_app("x", tree(&[("a", "1"), ("b", "1")]))).await;
    assert!(matches!(made, Err(StoreError::MissingBlobs(hashes)) if hashes == [Sha256::of(b"1")]));
    assert!(fixture.store.list_apps(&fixture.scope, 10, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_given_slug_is_taken_once_and_free_again_after_deletion() {
    let fixture = Fixture::new().await;
    let mut new = new_app("Shop", Tree::new());
    new.slug = Some("shop".to_owned());
    let first = fixture.store.create_app(&fixture.scope, new.clone()).await.unwrap();
    let other = fixture.other_tenant().await;
    for scope in [&fixture.scope, &other] {
        let again = fixture.store.create_app(scope, new.clone()).await;
        assert!(
            matches!(again, Err(StoreError::SlugTaken)),
            "slugs are hosts: one owner on the whole server"
        );
    }
    fixture.store.delete_app(&fixture.scope, &first.id).await.unwrap();
    fixture.store.create_app(&other, new).await.unwrap();
}

#[tokio::test]
async fn slugs_from_names_are_numbered_then_random_and_always_valid() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(80);
    for name in ["My App", long.as_str()] {
        let mut slugs = BTreeSet::new();
        for _ in 0..202 {
            let app = fixture.store.create_app(&fixture.scope, new_app(name, Tree::new())).await.unwrap();
            assert_eq!(check_slug(&app.slug), Ok(()), "{}", app.slug);
            slugs.insert(app.slug);
        }
        assert_eq!(slugs.len(), 202);
        if name == "My App" {
            assert!(slugs.contains("my-app") && slugs.contains("my-app-2") && slugs.contains("my-app-199"));
            assert!(!slugs.contains("my-app-1") && !slugs.contains("my-app-200"));
        }
    }
}

#[tokio::test]
async fn apps_made_at_once_under_one_name_all_get_slugs_of_their_own() {
    let fixture = Fixture::new().await;
    let making = (0..20).map(|_| fixture.store.create_app(&fixture.scope, new_app("Same", Tree::new())));
    let made = futures::future::join_all(making).await;
    let slugs: BTreeSet<_> = made.into_iter().map(|app| app.unwrap().slug).collect();
    assert_eq!(slugs.len(), 20);
}

#[tokio::test]
async fn pages_show_every_app_once_the_last_changed_first() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for n in 0..25 {
        // Several apps share a millisecond, so that ties are paged through too.
        if n % 4 == 0 {
            fixture.clock.advance_secs(1);
        }
        ids.push(fixture.app(&format!("app {n}"), &[]).await.id);
    }
    fixture.clock.advance_secs(1);
    fixture.write(&ids[3], "a", "1").await;
    let all = fixture.store.list_apps(&fixture.scope, 200, None).await.unwrap();
    assert_eq!(all.next_cursor, None);
    assert_eq!(all.items[0].id, ids[3], "a change moves an app to the front");
    let mut paged = Vec::new();
    let mut cursor = None;
    loop {
        let page = fixture.store.list_apps(&fixture.scope, 7, cursor.as_deref()).await.unwrap();
        paged.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.items);
}

#[tokio::test]
async fn apps_made_while_paging_shift_no_page() {
    let fixture = Fixture::new().await;
    for n in 0..6 {
        fixture.clock.advance_secs(1);
        fixture.app(&format!("app {n}"), &[]).await;
    }
    let first = fixture.store.list_apps(&fixture.scope, 3, None).await.unwrap();
    fixture.clock.advance_secs(1);
    fixture.app("newcomer", &[]).await;
    let second = fixture.store.list_apps(&fixture.scope, 3, first.next_cursor.as_deref()).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["app 5", "app 4", "app 3", "app 2", "app 1", "app 0"]);
    assert_eq!(second.next_cursor, None);
    let foreign = fixture.store.list_apps(&fixture.scope, 3, Some("nonsense")).await;
    assert!(matches!(foreign, Err(StoreError::InvalidCursor)));
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[]).await;
    let taken = fixture.app("Two", &[]).await;
    fixture.clock.advance_secs(5);
    let patch = AppPatch { name: Some("Uno".to_owned()), ..AppPatch::default() };
    let updated = fixture.store.update_app(&fixture.scope, &app.id, patch).await.unwrap();
    assert_eq!(
        (updated.name.as_str(), updated.slug.as_str(), updated.updated_at),
        ("Uno", "one", at_secs(5))
    );
    let patch = AppPatch { slug: Some(taken.slug), name: Some("lost".to_owned()), ..AppPatch::default() };
    let refused = fixture.store.update_app(&fixture.scope, &app.id, patch).await;
    assert!(matches!(refused, Err(StoreError::SlugTaken)));
    assert_eq!(fixture.store.app(&fixture.scope, &app.id).await.unwrap(), updated);
}

#[tokio::test]
async fn a_profile_that_a_person_set_outlives_detection_until_they_let_go() {
    let fixture = Fixture::new().await;
    let id = fixture.app("One", &[]).await.id;
    let (store, scope) = (&fixture.store, &fixture.scope);
    assert_eq!(store.owner_profile(scope, &id).await.unwrap(), None);
    let astro = Profile::of(ProfileKind::Astro);
    let patch = AppPatch { profile: Some(Some(astro.clone())), ..AppPatch::default() };
    store.update_app(scope, &id, patch).await.unwrap();
    store.set_detected_profile(scope, &id, &Profile::of(ProfileKind::Static)).await.unwrap();
    assert_eq!(store.owner_profile(scope, &id).await.unwrap(), Some(astro));
    store.update_app(scope, &id, AppPatch { profile: Some(None), ..AppPatch::default() }).await.unwrap();
    assert_eq!(store.owner_profile(scope, &id).await.unwrap(), None);
    store.set_detected_profile(scope, &id, &Profile::of(ProfileKind::Static)).await.unwrap();
    assert_eq!(store.app(scope, &id).await.unwrap().profile, Profile::of(ProfileKind::Static));
}

#[tokio::test]
async fn a_deleted_app_is_gone_with_everything_and_cannot_be_deleted_twice() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "1")]).await.id;
    let (store, scope) = (&fixture.store, &fixture.scope);
    fixture.write(&app, "b", "2").await;
    let revision = store.create_revision(scope, &app, None).await.unwrap();
    let new = NewSession { expires_at: at_secs(60), idle_timeout_secs: 60 };
    let (session, _) = store.ensure_session(scope, &app, new).await.unwrap();
    store.delete_app(scope, &app).await.unwrap();
    assert!(matches!(store.delete_app(scope, &app).await, Err(StoreError::NotFound)));
    assert!(matches!(store.app(scope, &app).await, Err(StoreError::NotFound)));
    assert!(matches!(store.draft(scope, &app).await, Err(StoreError::NotFound)));
    assert!(matches!(store.revision(scope, &app, &revision.id).await, Err(StoreError::NotFound)));
    assert_eq!(store.session_by_id(&session.id).await.unwrap(), None);
    fixture.clock.advance_secs(7_200);
    let collected = store.collect_content("test", fixture.now()).await.unwrap();
    assert_eq!(collected.trees.count, 2, "base tree and revision");
}

#[tokio::test]
async fn another_tenants_app_is_not_found_by_any_call() {
    let fixture = Fixture::new().await;
    let app = fixture.app("Mine", &[("a", "1")]).await.id;
    let revision = fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap().id;
    let other = fixture.other_tenant().await;
    let store = &fixture.store;
    let new = NewSession { expires_at: at_secs(60), idle_timeout_secs: 60 };
    let profile = Profile::of(ProfileKind::Static);
    let answers = [
        store.app(&other, &app).await.err(),
        store.owner_profile(&other, &app).await.err(),
        store.set_detected_profile(&other, &app, &profile).await.err(),
        store.update_app(&other, &app, AppPatch::default()).await.err(),
        store.draft(&other, &app).await.err(),
        store.paths_changed_since(&other, &app, 1).await.err(),
        store.create_revision(&other, &app, None).await.err(),
        store.list_revisions(&other, &app, 10, None).await.err(),
        store.revision(&other, &app, &revision).await.err(),
        store.revision_tree(&other, &app, &revision).await.err(),
        store.ensure_session(&other, &app, new).await.err(),
        store.session(&other, &app).await.err(),
        store.delete_app(&other, &app).await.err(),
    ];
    for (call, answer) in answers.iter().enumerate() {
        assert!(matches!(answer, Some(StoreError::NotFound)), "call {call}: {answer:?}");
    }
    assert!(store.list_apps(&other, 10, None).await.unwrap().items.is_empty());
    assert!(store.app(&fixture.scope, &app).await.is_ok());
}
