//! Sites as visitors reach them: by slug, by permalink, with what was current before.

use std::time::Duration;

use vitrine_model::AppId;
use vitrine_model::hosting::{Fallback, HostingSettings};
use vitrine_store::SlugName;
use vitrine_store::{AppPatch, NewApp, PERMALINK_SLUG_CHARS, StoreError, UsageDay};

use crate::publishing::{
    app_with_revision, built, claim, enqueue, inputs, manifest, release, release_id, try_built,
};
use crate::support::{Fixture, at_secs, new_app, tree};

const GRACE: Duration = Duration::from_secs(3_600);

async fn version(fixture: &Fixture, app: &AppId) -> u64 {
    let versions = fixture.store.site_versions(std::slice::from_ref(app)).await.unwrap();
    versions[0].1
}

#[tokio::test]
async fn a_site_shows_its_current_release_and_the_files_of_earlier_ones_for_a_while() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let draft = store.site_by_slug("one", GRACE).await.unwrap().unwrap();
    assert_eq!((draft.app, draft.current), (app.clone(), None));
    for n in 0..8 {
        fixture.clock.advance_secs(60);
        release(&fixture, &app, &revision, &format!("page {n}")).await;
    }
    let site = store.site_by_slug("one", GRACE).await.unwrap().unwrap();
    let current = site.current.unwrap();
    assert_eq!((current.manifest, current.revision), (manifest("page 7"), revision.clone()));
    assert_eq!(current.released_at, Some(at_secs(480)));
    let earlier: Vec<_> = (2..7).rev().map(|n| manifest(&format!("page {n}"))).collect();
    assert_eq!(site.earlier, earlier, "the last five");
    store.promote(&fixture.scope, &app, &manifest("page 5").id(), release_id(&fixture)).await.unwrap();
    let site = store.site_by_slug("one", GRACE).await.unwrap().unwrap();
    assert_eq!(site.earlier[0], manifest("page 7"));
    assert!(!site.earlier.contains(&manifest("page 5")), "the current one is not among the earlier ones");
    fixture.clock.advance_secs(3_600);
    assert!(store.site_by_slug("one", GRACE).await.unwrap().unwrap().earlier.is_empty());
    assert_eq!(store.site_by_slug("two", GRACE).await.unwrap(), None);
}

#[tokio::test]
async fn everything_a_visitor_could_notice_raises_the_sites_version() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let mut seen = vec![version(&fixture, &app).await];
    let artifact = release(&fixture, &app, &revision, "page").await;
    seen.push(version(&fixture, &app).await);
    store.promote(scope, &app, &artifact, release_id(&fixture)).await.unwrap();
    seen.push(version(&fixture, &app).await);
    let settings = HostingSettings { paused: true, fallback: Fallback::Page, ..HostingSettings::default() };
    store.set_hosting_settings(scope, &app, &settings).await.unwrap();
    seen.push(version(&fixture, &app).await);
    let patch = AppPatch { slug: Some("uno".to_owned()), ..AppPatch::default() };
    store.update_app(scope, &app, patch).await.unwrap();
    seen.push(version(&fixture, &app).await);
    store.unpublish(scope, &app).await.unwrap();
    seen.push(version(&fixture, &app).await);
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    let site = store.site_by_slug("uno", GRACE).await.unwrap().unwrap();
    assert_eq!((site.version, site.settings.clone()), (seen[5], settings.clone()));
    assert_eq!(store.hosting_settings(scope, &app).await.unwrap(), settings);
    fixture.write(&app, "src/a.ts", "1").await;
    enqueue(&fixture, &app, &revision).await;
    assert_eq!(version(&fixture, &app).await, seen[5], "a draft that changes is not noticed");
}

#[tokio::test]
async fn a_permalink_shows_its_artifact_and_says_whether_it_is_public() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let old = release(&fixture, &app, &revision, "old").await;
    release(&fixture, &app, &revision, "new").await;
    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(store).await.unwrap();
    let unreleased = built(store, scope, &claimed, "never released").await;
    for (artifact, page, is_public) in [(old, "old", true), (unreleased, "never released", false)] {
        let site = store.site_by_artifact(&artifact, SlugName::Whole("one")).await.unwrap().unwrap();
        let shown = site.current.unwrap();
        assert_eq!((site.app, shown.manifest), (app.clone(), manifest(page)));
        assert_eq!(shown.released_at.is_some(), is_public, "{page}");
        assert_eq!(
            store.site_by_artifact(&artifact, SlugName::Whole("on")).await.unwrap(),
            None,
            "half a slug"
        );
        assert_eq!(store.site_by_artifact(&artifact, SlugName::Whole("")).await.unwrap(), None);
        assert_eq!(store.site_by_artifact(&artifact, SlugName::Whole("two")).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_permalink_of_a_long_slug_is_found_by_what_fits_into_its_host() {
    let fixture = Fixture::new().await;
    let slug = "s".repeat(64);
    let new = NewApp { slug: Some(slug.clone()), ..new_app("Long", tree(&[])) };
    let app = fixture.store.create_app(&fixture.scope, new).await.unwrap().id;
    let revision = fixture.store.create_revision(&fixture.scope, &app, None).await.unwrap().id;
    let artifact = release(&fixture, &app, &revision, "page").await;
    let site = fixture
        .store
        .site_by_artifact(&artifact, SlugName::Cut(&slug[..PERMALINK_SLUG_CHARS]))
        .await
        .unwrap();
    assert_eq!(site.unwrap().slug, slug);
    let other = "t".repeat(PERMALINK_SLUG_CHARS);
    assert_eq!(fixture.store.site_by_artifact(&artifact, SlugName::Cut(&other)).await.unwrap(), None);
}

#[tokio::test]
async fn usage_adds_up_by_day_and_forgets_apps_that_are_gone() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (one, _) = app_with_revision(&fixture, "One").await;
    let (gone, _) = app_with_revision(&fixture, "Gone").await;
    store.delete_app(scope, &gone).await.unwrap();
    store.add_usage(20_000, vec![(one.clone(), 1, 10), (gone, 5, 5), (one.clone(), 2, 20)]).await.unwrap();
    store.add_usage(20_000, vec![(one.clone(), 3, 30)]).await.unwrap();
    store.add_usage(20_001, vec![(one.clone(), 1, 1 << 40)]).await.unwrap();
    let first = UsageDay { day: 20_000, requests: 6, bytes: 60 };
    let second = UsageDay { day: 20_001, requests: 1, bytes: 1 << 40 };
    assert_eq!(store.usage(scope, &one, 0).await.unwrap(), [first, second]);
    assert_eq!(store.usage(scope, &one, 20_001).await.unwrap(), [second]);
}

#[tokio::test]
async fn another_tenants_site_cannot_be_set_or_counted() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (app, revision) = app_with_revision(&fixture, "Mine").await;
    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(store).await.unwrap();
    let other = fixture.other_tenant().await;
    let answers = [
        store.hosting_settings(&other, &app).await.err(),
        store.set_hosting_settings(&other, &app, &HostingSettings::default()).await.err(),
        store.usage(&other, &app, 0).await.err(),
        try_built(store, &other, &claimed, "page").await.err(),
        store.artifact_by_inputs(&other, &app, &inputs("page").hash()).await.err(),
    ];
    for (call, answer) in answers.iter().enumerate() {
        assert!(matches!(answer, Some(StoreError::NotFound)), "call {call}: {answer:?}");
    }
}
