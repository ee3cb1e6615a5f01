//! Content of drafts that nothing names goes, all of it and nothing else, wherever a collection is broken off.

use std::future::Future;
use std::task::Poll;

use bytes::Bytes;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use vitrine_model::limits::INLINE_BLOB_BYTES;
use vitrine_model::quota::Quota;
use vitrine_model::{Sha256, Timestamp};
use vitrine_store::{Amount, Scope, Store, StoreError};

use crate::support::{Fixture, commit, new_app, put, tree};

/// Later than anything a test or the machine's clock has written: no grace.
const LATER: Timestamp = Timestamp::from_millis(i64::MAX);

/// Far more calls than anything here takes.
const MOST_CALLS: usize = 200;

fn large(byte: u8) -> Bytes {
    Bytes::from(vec![byte; INLINE_BLOB_BYTES + 1])
}

fn object(fixture: &Fixture, hash: &Sha256) -> std::path::PathBuf {
    let hex = hash.to_hex();
    fixture.objects().join("blobs").join(&hex[..2]).join(&hex[2..])
}

/// Collects until everything was looked at once.
pub(crate) async fn collect(store: &Store) -> (u64, u64) {
    let (mut trees, mut blobs) = (0, 0);
    for _ in 0..MOST_CALLS {
        let collected = store.collect_content("test", LATER).await.unwrap();
        trees += collected.trees.count;
        blobs += collected.blobs.count;
        if collected.is_done {
            return (trees, blobs);
        }
    }
    panic!("the collection has no end");
}

pub(crate) async fn database(fixture: &Fixture) -> DatabaseConnection {
    Database::connect(format!("sqlite:{}", fixture.database().display())).await.unwrap()
}

/// Rows of the tables that content is in: trees, content, grants, counts, and what is on its way.
pub(crate) async fn rows(db: &DatabaseConnection) -> [i64; 5] {
    let mut counts = [0; 5];
    let tables = ["trees", "blobs", "blob_grants", "blob_refs", "blob_transits"];
    for (table, count) in tables.into_iter().zip(&mut counts) {
        *count = counted(db, table).await;
    }
    counts
}

/// Rows of a table, perhaps with a condition.
pub(crate) async fn counted(db: &DatabaseConnection, which: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {which}");
    let row = db.query_one_raw(Statement::from_string(sea_orm::DbBackend::Sqlite, sql)).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

pub(crate) async fn stored_bytes(store: &Store, scope: &Scope) -> u64 {
    let uses = store.quota_use(scope).await.unwrap();
    uses.iter().find(|one| one.quota == Quota::StorageBytes).unwrap().used
}

#[tokio::test]
async fn what_nothing_names_goes_after_the_grace_and_is_no_longer_charged() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[("a", "first"), ("b", "kept")]).await.id;
    let dropped = store.put_blob(scope, large(1)).await.unwrap();
    let revision = store.create_revision(scope, &app, None).await.unwrap();
    for text in ["second", "third"] {
        fixture.write(&app, "a", text).await;
    }
    let grace = async || store.collect_content("test", fixture.now().plus_secs(-3_600)).await.unwrap();
    let first = grace().await;
    assert_eq!(
        (first.blobs, first.is_done),
        (Amount::default(), true),
        "noted, and not older than the grace"
    );
    fixture.clock.advance_secs(3_599);
    assert_eq!(grace().await.blobs, Amount::default());
    fixture.clock.advance_secs(1);
    let bytes = large(1).len() as u64 + "second".len() as u64;
    assert_eq!(grace().await.blobs, Amount { count: 2, bytes });
    assert!(!object(&fixture, &dropped).exists());
    for gone in [dropped, Sha256::of(b"second")] {
        assert!(matches!(store.blob(scope, &gone).await, Err(StoreError::NotFound)));
        assert_eq!(store.missing_blobs(scope, &[gone]).await.unwrap(), [gone]);
    }
    assert_eq!(stored_bytes(store, scope).await, "firstkeptthird".len() as u64);
    let kept = store.revision_tree(scope, &app, &revision.id).await.unwrap();
    for hash in [Sha256::of(b"third"), Sha256::of(b"kept"), kept.get("a").unwrap().sha256] {
        fixture.reopened().await.blob(scope, &hash).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_uses_what_was_noted_keeps_it_and_whoever_comes_late_is_told_to_bring_it_again() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[]).await.id;
    let grace = async || store.collect_content("test", fixture.now().plus_secs(-3_600)).await.unwrap();
    for text in ["put again", "named"] {
        store.put_blob(scope, Bytes::from_static(text.as_bytes())).await.unwrap();
    }
    grace().await;
    fixture.clock.advance_secs(3_000);
    store.put_blob(scope, Bytes::from_static(b"put again")).await.unwrap();
    let draft = store.draft(scope, &app).await.unwrap();
    commit(store, scope, &app, &draft, &[put("x", "named")], vec![]).await.unwrap();
    fixture.clock.advance_secs(3_000);
    assert_eq!(grace().await.blobs.count, 0, "its grace begins anew");
    fixture.clock.advance_secs(3_600);
    assert_eq!(grace().await.blobs.count, 1);
    // The caches of this store may still say that it is there.
    let draft = store.draft(scope, &app).await.unwrap();
    let late = commit(store, scope, &app, &draft, &[put("y", "put again")], vec![]).await;
    assert!(matches!(late, Err(StoreError::MissingBlobs(hashes)) if hashes == [Sha256::of(b"put again")]));
    store.put_blob(scope, Bytes::from_static(b"put again")).await.unwrap();
    commit(store, scope, &app, &draft, &[put("y", "put again")], vec![]).await.unwrap();
    collect(store).await;
    let cold = fixture.reopened().await;
    for text in ["put again", "named"] {
        assert_eq!(cold.blob(scope, &Sha256::of(text.as_bytes())).await.unwrap(), text);
    }
}

#[tokio::test]
async fn a_server_whose_caches_do_not_know_of_the_collection_stores_content_again_all_the_same() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    for content in [Bytes::from_static(b"small"), large(2)] {
        let hash = store.put_blob(scope, content.clone()).await.unwrap();
        // By another process.
        collect(&fixture.reopened().await).await;
        assert!(matches!(fixture.reopened().await.blob(scope, &hash).await, Err(StoreError::NotFound)));
        store.put_blob(scope, content.clone()).await.unwrap();
        assert_eq!(fixture.reopened().await.blob(scope, &hash).await.unwrap(), content);
    }
}

#[tokio::test]
async fn what_one_tenant_lets_go_another_keeps() {
    let fixture = Fixture::new().await;
    let (store, mine) = (&fixture.store, &fixture.scope);
    let theirs = fixture.other_tenant().await;
    let files = [("a", "both")];
    let app = fixture.app("Mine", &files).await.id;
    store.put_blob(&theirs, Bytes::from_static(b"both")).await.unwrap();
    store.create_app(&theirs, new_app("Theirs", tree(&files))).await.unwrap();
    store.delete_app(mine, &app).await.unwrap();
    collect(store).await;
    assert_eq!(fixture.reopened().await.blob(&theirs, &Sha256::of(b"both")).await.unwrap(), "both");
}

#[tokio::test]
async fn uploads_that_were_never_used_and_objects_that_nobody_knows_go() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[]).await.id;
    let draft = store.draft(scope, &app).await.unwrap();
    // The object is uploaded before it is found that something else is missing.
    let ops = [put("x", "never stored")];
    let refused = commit(store, scope, &app, &draft, &ops, vec![large(3)]).await;
    assert!(matches!(refused, Err(StoreError::MissingBlobs(_))));
    let unused = object(&fixture, &Sha256::of(&large(3)));
    assert!(unused.exists());
    let stranger = object(&fixture, &Sha256::of(b"stranger"));
    std::fs::create_dir_all(stranger.parent().unwrap()).unwrap();
    std::fs::write(&stranger, "stranger").unwrap();
    let (mut blobs, mut strangers) = (0, 0);
    // Each lists a part of the object store.
    for _ in 0..8 {
        let collected = store.collect_content("test", LATER).await.unwrap();
        blobs += collected.blobs.count;
        strangers += collected.strangers;
    }
    assert_eq!((blobs, strangers), (1, 1));
    assert!(!unused.exists() && !stranger.exists());
    assert_eq!(rows(&database(&fixture).await).await[4], 0, "nothing is on its way");
}

#[tokio::test]
async fn what_is_leaving_is_waited_for_before_it_is_brought_again() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let hash = store.put_blob(scope, large(4)).await.unwrap();
    // A collection that was interrupted before it removed the object.
    let db = database(&fixture).await;
    for sql in ["DELETE FROM blob_grants", "DELETE FROM blobs"] {
        db.execute_unprepared(sql).await.unwrap();
    }
    let leaving = format!("INSERT INTO blob_transits VALUES (x'{}', 'leaving', 0, 0)", hash.to_hex());
    db.execute_unprepared(&leaving).await.unwrap();
    let (writer, scope_of_writer) = (store.clone(), scope.clone());
    let bringing = tokio::spawn(async move { writer.put_blob(&scope_of_writer, large(4)).await });
    let file = object(&fixture, &hash);
    // Whenever the collection comes, the upload is after it.
    tokio::task::yield_now().await;
    collect(store).await;
    bringing.await.unwrap().unwrap();
    assert!(file.exists());
    assert_eq!(fixture.reopened().await.blob(scope, &hash).await.unwrap(), large(4));
}

#[tokio::test]
async fn a_large_tree_is_counted_and_let_go_in_pieces_once_each_wherever_that_is_broken_off() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let files: Vec<_> = (0..4_100).map(|n| (format!("f{n:04}"), format!("{}", n % 1_000))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let app = fixture.app("Large", &files).await.id;
    let db = database(&fixture).await;
    assert!(collect_in_pieces(store).await > 3, "it is not counted at once");
    assert_eq!(rows(&db).await, [1, 1_000, 1_000, 1_000, 0]);
    // No slice has the same content twice.
    let named_more_or_less_often = "blob_refs WHERE slices NOT IN (4, 5)";
    assert_eq!(counted(&db, named_more_or_less_often).await, 0);
    assert_eq!(counted(&db, "blob_refs WHERE slices = 5").await, 100);
    store.delete_app(scope, &app).await.unwrap();
    assert!(collect_in_pieces(store).await > 3, "it is not let go at once");
    assert_eq!(rows(&db).await, [0; 5]);
    assert_eq!(stored_bytes(store, scope).await, 0);
}

/// Collects until a call ends, which is broken off after more and more steps; says how often it was.
async fn collect_in_pieces(store: &Store) -> u32 {
    let (mut polls, mut broken_off) = (1, 0);
    while !poll_at_most(polls, store.collect_content("test", LATER)).await {
        broken_off += 1;
        assert!(broken_off < 100, "the collection has no end");
        polls += 1 + polls / 4;
    }
    collect(store).await;
    broken_off
}

#[tokio::test]
async fn a_survey_says_what_a_collection_would_take_and_takes_nothing() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[("a", "1")]).await.id;
    fixture.write(&app, "a", "22").await;
    fixture.write(&app, "a", "333").await;
    let hash = store.put_blob(scope, large(5)).await.unwrap();
    let bytes = large(5).len() as u64 + 2;
    let survey = store.survey_content("test", fixture.now().plus_secs(-1)).await.unwrap();
    let all = Amount { count: 2, bytes };
    assert_eq!((survey.due, survey.later, survey.is_done), (Amount::default(), all, true));
    fixture.clock.advance_secs(1);
    let survey = store.survey_content("test", fixture.now().plus_secs(-1)).await.unwrap();
    assert_eq!((survey.due, survey.later), (all, Amount::default()));
    assert!(object(&fixture, &hash).exists());
    assert_eq!(store.collect_content("test", fixture.now().plus_secs(-1)).await.unwrap().blobs, all);
    let survey = store.survey_content("test", LATER).await.unwrap();
    assert_eq!((survey.due, survey.later), (Amount::default(), Amount::default()));
}

/// Every point at which a collection waits is one at which it can end for good: at each in turn it is dropped, as by a server
/// that stops, and the next begins where the first was.
#[tokio::test]
async fn a_collection_that_is_broken_off_anywhere_is_ended_by_the_next_and_counts_nothing_twice() {
    let fixture = Fixture::new().await;
    let scope = &fixture.scope;
    let db = database(&fixture).await;
    let keeper = fixture.app("Keeper", &[("a", "kept"), ("b", "kept too")]).await.id;
    let (mut polls, mut broken_off, mut ended) = (1, 0, 0);
    while ended < 3 {
        // Something for each step: trees to count and to let go, content and objects to sweep.
        let text = format!("text {polls}");
        let app = fixture.app("Passing", &[("a", "kept"), ("b", &text)]).await.id;
        fixture.store.create_revision(scope, &app, None).await.unwrap();
        fixture.write(&app, "b", &format!("other {polls}")).await;
        fixture.store.put_blob(scope, large((polls % 251) as u8)).await.unwrap();
        fixture.store.delete_app(scope, &app).await.unwrap();
        let is_done = poll_at_most(polls, fixture.store.collect_content("test", LATER)).await;
        ended += usize::from(is_done);
        broken_off += u32::from(!is_done);
        // Closer together at the beginning, where one step follows the other.
        polls += 1 + polls / 20;
    }
    assert!(broken_off > 20, "it waits often: {broken_off}");
    let cold = fixture.reopened().await;
    collect(&cold).await;
    for text in ["kept", "kept too"] {
        assert_eq!(cold.blob(scope, &Sha256::of(text.as_bytes())).await.unwrap(), text);
    }
    assert_eq!(rows(&db).await, [1, 2, 2, 2, 0], "what is named is counted once");
    assert_eq!(stored_bytes(&cold, scope).await, "keptkept too".len() as u64);
    cold.delete_app(scope, &keeper).await.unwrap();
    collect(&cold).await;
    assert_eq!(rows(&db).await, [0; 5]);
    assert_eq!(stored_bytes(&cold, scope).await, 0);
}

/// Drops the future when it has made so many steps; true when it ended before that.
async fn poll_at_most<F: Future>(mut polls: u32, future: F) -> bool {
    let mut future = std::pin::pin!(future);
    let cut = std::future::poll_fn(|context| match polls {
        0 => Poll::Ready(false),
        _ => {
            polls -= 1;
            future.as_mut().poll(context).map(|_| true)
        }
    });
    cut.await
}
