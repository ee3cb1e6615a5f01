//! Drafts: one winner per version, all or nothing, and the same tree whatever way it is kept.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use vitrine_model::change::{self, Effects, TreeOp};
use vitrine_model::limits::INLINE_BLOB_BYTES;
use vitrine_model::{FileEntry, FileMode, Sha256, Tree};
use vitrine_store::{ChangeCause, ChangeCommit, Draft, StoreError};

use crate::support::{Fixture, at_secs, commit, entry, path, put, tree};

#[tokio::test]
async fn a_change_set_moves_version_files_and_time_together() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "1"), ("b", "2")]).await.id;
    let draft = fixture.store.draft(&fixture.scope, &app).await.unwrap();
    fixture.clock.advance_secs(7);
    let ops = [
        put("c", "3"),
        TreeOp::Delete { path: path("a") },
        TreeOp::Rename { from: path("b"), to: path("d") },
    ];
    let blobs = vec![Bytes::from_static(b"3")];
    let version = commit(&fixture.store, &fixture.scope, &app, &draft, &ops, blobs).await.unwrap();
    assert_eq!(version, 2);
    for store in [&fixture.store, &fixture.reopened().await] {
        let draft = store.draft(&fixture.scope, &app).await.unwrap();
        assert_eq!((draft.version, draft.tree.as_ref()), (2, &tree(&[("c", "3"), ("d", "2")])));
        let app = store.app(&fixture.scope, &app).await.unwrap();
        assert_eq!((app.version, app.updated_at), (2, at_secs(7)));
    }
    assert_eq!(fixture.store.blob(&fixture.scope, &Sha256::of(b"3")).await.unwrap(), "3");
}

#[tokio::test]
async fn of_commits_for_one_version_exactly_one_wins() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "0")]).await.id;
    let second = fixture.reopened().await;
    for version in 1..=5_u64 {
        let draft = fixture.store.draft(&fixture.scope, &app).await.unwrap();
        let (fixture, second, app, draft) = (&fixture, &second, &app, &draft);
        let tries = (0..16).map(|n| async move {
            let store = if n % 2 == 0 { &fixture.store } else { second };
            let text = format!("{version}/{n}");
            let blob = vec![Bytes::from(text.clone())];
            (text.clone(), commit(store, &fixture.scope, app, draft, &[put("a", &text)], blob).await)
        });
        let results = futures::future::join_all(tries).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
        assert_eq!((won.len(), lost.len()), (1, 15));
        let is_conflict =
            |error| matches!(error, StoreError::VersionConflict { latest } if latest == version + 1);
        assert!(lost.into_iter().all(|(_, result)| is_conflict(result.unwrap_err())));
        for store in [&fixture.store, second] {
            let now = store.draft(&fixture.scope, app).await.unwrap();
            assert_eq!((now.version, now.tree.as_ref()), (version + 1, &tree(&[("a", &won[0].0)])));
        }
    }
}

#[tokio::test]
async fn a_refused_commit_changes_nothing() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "1")]).await;
    let stale = fixture.store.draft(&fixture.scope, &app.id).await.unwrap();
    fixture.write(&app.id, "a", "2").await;
    let before = fixture.store.app(&fixture.scope, &app.id).await.unwrap();
    fixture.clock.advance_secs(1);
    let blob = || vec![Bytes::from_static(b"lost")];
    let conflict = commit(&fixture.store, &fixture.scope, &app.id, &stale, &[put("x", "lost")], blob()).await;
    assert!(matches!(conflict, Err(StoreError::VersionConflict { latest: 2 })));
    let draft = fixture.store.draft(&fixture.scope, &app.id).await.unwrap();
    let missing =
        commit(&fixture.store, &fixture.scope, &app.id, &draft, &[put("x", "unknown")], blob()).await;
    assert!(matches!(missing, Err(StoreError::MissingBlobs(hashes)) if hashes == [Sha256::of(b"unknown")]));
    let foreign = fixture.other_tenant().await;
    let hidden = commit(&fixture.store, &foreign, &app.id, &draft, &[put("x", "lost")], blob()).await;
    assert!(matches!(hidden, Err(StoreError::NotFound)));
    for store in [&fixture.store, &fixture.reopened().await] {
        assert_eq!(store.app(&fixture.scope, &app.id).await.unwrap(), before);
        assert_eq!(store.draft(&fixture.scope, &app.id).await.unwrap().tree, draft.tree);
        let lost = [Sha256::of(b"lost")];
        assert_eq!(store.missing_blobs(&fixture.scope, &lost).await.unwrap(), lost);
    }
}

#[tokio::test]
async fn content_of_another_tenant_cannot_be_put_into_a_draft_by_its_hash() {
    let fixture = Fixture::new().await;
    let other = fixture.other_tenant().await;
    fixture.store.put_blob(&other, Bytes::from_static(b"theirs")).await.unwrap();
    let app = fixture.app("One", &[]).await.id;
    let draft = fixture.store.draft(&fixture.scope, &app).await.unwrap();
    let claim = commit(&fixture.store, &fixture.scope, &app, &draft, &[put("x", "theirs")], vec![]).await;
    assert!(matches!(claim, Err(StoreError::MissingBlobs(_))));
}

#[tokio::test]
async fn a_commit_whose_caller_goes_away_is_done_whole_or_not_at_all() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[]).await.id;
    let mut outcomes = BTreeSet::new();
    for polls in 0..40 {
        let draft = fixture.store.draft(&fixture.scope, &app).await.unwrap();
        let (name, text) = (format!("f{polls}"), format!("text {polls}"));
        let ops = [put(&name, &text)];
        let blobs = vec![Bytes::from(text.clone())];
        poll_at_most(polls, commit(&fixture.store, &fixture.scope, &app, &draft, &ops, blobs)).await;
        let now = fixture.reopened().await.draft(&fixture.scope, &app).await.unwrap();
        assert!(now.version == draft.version || now.version == draft.version + 1);
        assert_eq!(now.tree.get(&name).is_some(), now.version == draft.version + 1);
        outcomes.insert(now.version - draft.version);
    }
    assert_eq!(outcomes, BTreeSet::from([0, 1]), "some were cut off, some were not");
    fixture.write(&app, "last", "still works").await;
}

/// Drops the future when it has made so many steps.
async fn poll_at_most<F: Future>(mut polls: u32, future: F) {
    let mut future = std::pin::pin!(future);
    let cut = std::future::poll_fn(|context| match polls {
        0 => Poll::Ready(()),
        _ => {
            polls -= 1;
            future.as_mut().poll(context).map(|_| ())
        }
    });
    cut.await;
}

#[tokio::test]
async fn the_paths_of_later_change_sets_are_told() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "1")]).await.id;
    fixture.write(&app, "b", "2").await;
    let draft = fixture.store.draft(&fixture.scope, &app).await.unwrap();
    let ops = [TreeOp::Rename { from: path("a"), to: path("c") }];
    commit(&fixture.store, &fixture.scope, &app, &draft, &ops, vec![]).await.unwrap();
    let since =
        async |version| fixture.store.paths_changed_since(&fixture.scope, &app, version).await.unwrap();
    let names = |names: &[&str]| Some(names.iter().map(|name| path(name)).collect());
    assert_eq!(since(1).await, names(&["a", "b", "c"]));
    assert_eq!(since(2).await, names(&["a", "c"]));
    assert_eq!(since(3).await, names(&[]));
    assert_eq!((since(0).await, since(4).await), (None, None), "versions the draft never had");
}

#[tokio::test]
async fn large_content_comes_with_a_change_set_too() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[]).await.id;
    let text = "y".repeat(INLINE_BLOB_BYTES + 1);
    fixture.write(&app, "big.svg", &text).await;
    let store = fixture.reopened().await;
    let entry = *store.draft(&fixture.scope, &app).await.unwrap().tree.get("big.svg").unwrap();
    assert_eq!(store.blob(&fixture.scope, &entry.sha256).await.unwrap(), text);
}

#[tokio::test]
async fn a_draft_that_is_edited_for_long_stays_small_and_leaves_no_tree_behind() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[("a", "0")]).await.id;
    for n in 0..600 {
        fixture.write(&app, &format!("f{}", n % 300), &n.to_string()).await;
    }
    let draft = fixture.reopened().await.draft(&fixture.scope, &app).await.unwrap();
    assert_eq!((draft.version, draft.tree.len()), (601, 301));
    assert!(rows(&fixture, "draft_deltas").await <= 256);
    assert!(rows(&fixture, "trees").await > 1);
    let collect = async || {
        let older_than = fixture.now().plus_secs(-3_600);
        fixture.store.collect_content("test", older_than).await.unwrap().trees.count
    };
    assert_eq!(collect().await, 0, "young trees are left alone");
    fixture.clock.advance_secs(7_200);
    assert!(collect().await > 0);
    assert_eq!(rows(&fixture, "trees").await, 1);
    assert_eq!(fixture.reopened().await.draft(&fixture.scope, &app).await.unwrap().tree, draft.tree);
}

async fn rows(fixture: &Fixture, table: &str) -> i64 {
    use sea_orm::{ConnectionTrait as _, Database, Statement};
    let url = format!("sqlite:{}", fixture.database().display());
    let db = Database::connect(url).await.unwrap();
    let count = Statement::from_string(db.get_database_backend(), format!("SELECT count(*) FROM {table}"));
    db.query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// What a generated operation does to one of a few paths; impossible ones are left out when it is used.
#[derive(Debug, Clone, Copy)]
enum Step {
    Put(u16, u8, bool),
    Delete(u16),
    Rename(u16, u16),
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let at = 0..400_u16;
    let step = prop_oneof![
        6 => (at.clone(), 0..5_u8, proptest::bool::ANY).prop_map(|(at, text, bit)| Step::Put(at, text, bit)),
        2 => at.clone().prop_map(Step::Delete),
        2 => (at.clone(), at).prop_map(|(from, to)| Step::Rename(from, to)),
    ];
    let sizes = prop_oneof![8 => Just(1..4_usize), 2 => Just(30..60), 1 => Just(150..320)];
    let change = sizes.prop_flat_map(move |size| proptest::collection::vec(step.clone(), size));
    proptest::collection::vec(change, 10..40)
}

fn ops_for(tree: &Tree, steps: &[Step]) -> Vec<TreeOp> {
    let name = |at: u16| path(&format!("src/f{at}"));
    let mut shadow = tree.clone();
    let mut ops = Vec::new();
    for step in steps {
        let op = match *step {
            Step::Put(at, text, is_executable) => {
                let mode = if is_executable { FileMode::Executable } else { FileMode::Regular };
                TreeOp::Put { path: name(at), entry: FileEntry { mode, ..entry(&text.to_string()) } }
            }
            Step::Delete(at) => TreeOp::Delete { path: name(at) },
            Step::Rename(from, to) => TreeOp::Rename { from: name(from), to: name(to) },
        };
        if let Ok((next, _)) = change::apply(&shadow, std::slice::from_ref(&op)) {
            shadow = next;
            ops.push(op);
        }
    }
    ops
}

#[test]
fn any_change_sets_read_back_cold_as_the_tree_they_made() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps(), |changes| {
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let app = fixture.app("One", &[("index.html", "0")]).await.id;
            let contents = (0..5).map(|text: u8| Bytes::from(text.to_string())).collect();
            fixture.store.put_blobs(&fixture.scope, contents).await.unwrap();
            let mut draft = fixture.store.draft(&fixture.scope, &app).await.unwrap();
            for steps in &changes {
                let ops = ops_for(&draft.tree, steps);
                if ops.is_empty() {
                    continue;
                }
                let (next, effects) = change::apply(&draft.tree, &ops).unwrap();
                let tree = Arc::new(next);
                let version = commit_applied(&fixture, &app, &draft, (&tree, &effects, &ops)).await;
                draft = Draft { version, tree };
            }
            let cold = fixture.reopened().await.draft(&fixture.scope, &app).await.unwrap();
            assert_eq!((cold.version, &cold.tree), (draft.version, &draft.tree));
        });
        Ok(())
    });
    outcome.unwrap();
}

async fn commit_applied(
    fixture: &Fixture,
    app: &vitrine_model::AppId,
    draft: &Draft,
    (tree, effects, ops): (&Arc<Tree>, &Effects, &[TreeOp]),
) -> u64 {
    let expected_version = draft.version;
    let cause = ChangeCause::Import;
    let commit = ChangeCommit { expected_version, tree: tree.clone(), effects, ops, blobs: vec![], cause };
    fixture.store.commit_change(&fixture.scope, app, commit).await.unwrap()
}
