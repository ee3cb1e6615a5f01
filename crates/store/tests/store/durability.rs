//! What was acknowledged is there after a restart; what is opened at once is opened once.

use std::sync::Arc;

use bytes::Bytes;
use sea_orm::{ConnectionTrait as _, Database};
use vitrine_model::Sha256;
use vitrine_model::hosting::HostingSettings;
use vitrine_model::limits::INLINE_BLOB_BYTES;
use vitrine_model::publish::PublishTarget;
use vitrine_model::{AppId, ReleaseId};
use vitrine_store::SlugName;
use vitrine_store::{AppPatch, NewPublish, NewSession, PublishEnd, Scope, Store, StoreError};

use crate::publishing::{LEASE, built, claim, enqueue, manifest, new_publish, release, release_id};

use crate::support::{Fixture, at_secs, commit, new_app, put};

#[tokio::test]
async fn reopening_gives_back_everything_acknowledged() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[("index.html", "<h1>")]).await;
    fixture.write(&app.id, "src/main.ts", "1").await;
    let revision = store.create_revision(scope, &app.id, Some("first".to_owned())).await.unwrap();
    fixture.write(&app.id, "src/main.ts", "2").await;
    let large = store.put_blob(scope, Bytes::from(vec![7; INLINE_BLOB_BYTES + 1])).await.unwrap();
    let new = NewSession { expires_at: at_secs(60), idle_timeout_secs: 60 };
    let (session, _) = store.ensure_session(scope, &app.id, new).await.unwrap();
    let key = store.signing_key("preview").await.unwrap();
    release(&fixture, &app.id, &revision.id, "page").await;
    enqueue(&fixture, &app.id, &revision.id).await;

    let again = fixture.reopened().await;
    assert_eq!(again.default_scope().await.unwrap(), *scope);
    assert_eq!(again.app(scope, &app.id).await.unwrap(), store.app(scope, &app.id).await.unwrap());
    let (draft, now) =
        (store.draft(scope, &app.id).await.unwrap(), again.draft(scope, &app.id).await.unwrap());
    assert_eq!((now.version, now.tree), (draft.version, draft.tree));
    assert_eq!(again.revision(scope, &app.id, &revision.id).await.unwrap(), revision);
    assert_eq!(again.revision_tree(scope, &app.id, &revision.id).await.unwrap().hash(), revision.tree);
    assert_eq!(again.blob(scope, &large).await.unwrap().len(), INLINE_BLOB_BYTES + 1);
    assert_eq!(again.session(scope, &app.id).await.unwrap(), session);
    assert_eq!(again.signing_key("preview").await.unwrap(), key);
    let site = again.site_by_slug("one", LEASE).await.unwrap();
    assert_eq!(site, store.site_by_slug("one", LEASE).await.unwrap());
    assert_eq!(site.unwrap().current.unwrap().manifest, manifest("page"));
    assert_eq!(again.object(&Sha256::of(b"page")).await.unwrap(), "page");
    let waiting = store.active_publish(scope, &app.id).await.unwrap();
    assert!(waiting.is_some() && again.active_publish(scope, &app.id).await.unwrap() == waiting);
}

#[tokio::test]
async fn first_calls_at_once_agree_on_one_tenant_and_one_key() {
    let fixture = Fixture::new().await;
    let (one, two) = (Arc::new(fixture.reopened().await), Arc::new(fixture.reopened().await));
    let mut scopes = std::collections::HashSet::new();
    let mut keys = std::collections::HashSet::new();
    let calls = (0..10).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let scope = store.named_scope("fresh", "owner").await.unwrap();
            (scope, store.signing_key("csrf").await.unwrap())
        })
    });
    for call in futures::future::join_all(calls).await {
        let (scope, key) = call.unwrap();
        scopes.insert(scope);
        keys.insert(key);
    }
    assert_eq!((scopes.len(), keys.len()), (1, 1));
    assert_ne!(fixture.store.signing_key("preview").await.unwrap(), *keys.iter().next().unwrap());
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_not_opened() {
    let fixture = Fixture::new().await;
    let db = Database::connect(format!("sqlite:{}", fixture.database().display())).await.unwrap();
    let from_the_future = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 1)";
    db.execute_unprepared(from_the_future).await.unwrap();
    assert!(matches!(fixture.try_reopen().await.err(), Some(StoreError::Database(_))));
}

#[tokio::test]
async fn every_call_that_writes_can_run_in_a_task_of_its_own() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[]).await.id;
    let (store, scope) = (fixture.store.clone(), fixture.scope.clone());
    let revision = store.create_revision(&scope, &app, None).await.unwrap().id;
    let publishing = (new_publish(&fixture, &revision, PublishTarget::Hosting), release_id(&fixture));
    // Compiling is most of the test: request handlers are tasks, and their futures must be `Send`.
    let task = tokio::spawn(async move {
        store.put_blobs(&scope, vec![Bytes::from_static(b"1"), Bytes::from(vec![7; 1 << 20])]).await?;
        store.blobs(&scope, &[Sha256::of(b"1")]).await?;
        let draft = store.draft(&scope, &app).await?;
        commit(&store, &scope, &app, &draft, &[put("a", "1")], vec![]).await?;
        store.create_app(&scope, new_app("Two", draft.tree.as_ref().clone())).await?;
        store.update_app(&scope, &app, AppPatch::default()).await?;
        let revision = store.create_revision(&scope, &app, None).await?;
        store.revision_tree(&scope, &app, &revision.id).await?;
        let new = NewSession { expires_at: at_secs(60), idle_timeout_secs: 60 };
        let (session, _) = store.ensure_session(&scope, &app, new).await?;
        store.touch_session(&session.id, at_secs(1)).await?;
        store.begin_idempotent(&scope, "k", Sha256::of(b"1")).await?;
        store.collect_content("test", at_secs(0)).await?;
        store.survey_content("test", at_secs(0)).await?;
        publish_and_release(&store, &scope, &app, publishing).await?;
        store.delete_app(&scope, &app).await
    });
    task.await.unwrap().unwrap();
}

async fn publish_and_release(
    store: &Store,
    scope: &Scope,
    app: &AppId,
    (new, release): (NewPublish, ReleaseId),
) -> Result<(), StoreError> {
    let publish = store.enqueue_publish(scope, app, new).await?.id;
    let claimed = claim(store).await.unwrap();
    store.heartbeat_publish(&publish, claimed.fence, LEASE).await?;
    store.save_publish_steps(&publish, claimed.fence, &[]).await?;
    store.append_publish_log(&publish, claimed.fence, vec![]).await?;
    store.publish_log(scope, app, &publish, 0, 1).await?;
    let artifact = built(store, scope, &claimed, "page").await;
    store.release_publish(&publish, claimed.fence, &artifact, false, &[]).await?;
    let end = store.end_publish(&publish, claimed.fence, PublishEnd::Cancelled, false, &[]).await;
    assert!(matches!(end, Err(StoreError::LeaseLost)));
    store.cancel_publish(scope, app, &publish).await.unwrap_err();
    store.promote(scope, app, &artifact, release).await?;
    store.unpublish(scope, app).await?;
    store.set_hosting_settings(scope, app, &HostingSettings::default()).await?;
    store.add_usage(1, vec![(app.clone(), 1, 1)]).await?;
    store.reap_publishes(at_secs(0)).await?;
    store.requeue_publishes_of("worker").await?;
    store.site_by_slug("one", LEASE).await?;
    store.site_by_artifact(&artifact, SlugName::Whole("one")).await?;
    store.collect_objects("test", at_secs(0)).await?;
    Ok(())
}
