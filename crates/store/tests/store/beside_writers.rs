//! Eight writers beside a collector that never rests and grants no grace: whatever is named can be read, at any time and at the
//! end, and what is not named is gone.
//!
//! `VITRINE_COLLECT_SECS` makes it longer than the few seconds of every run, `VITRINE_COLLECT_SEED` makes the writers do the same
//! again; what they do at the same time is up to the machine.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use vitrine_model::change::TreeOp;
use vitrine_model::limits::INLINE_BLOB_BYTES;
use vitrine_model::{AppId, FileEntry, FileMode, Sha256, Timestamp, Tree};
use vitrine_store::{Claimed, Scope, Store, StoreError};

use crate::content_collection::{collect, counted, database, rows, stored_bytes};
use crate::publishing::{app_with_revision, claim, enqueue, manifest, try_built};
use crate::support::{Fixture, commit, new_app, path};

const WRITERS: u64 = 8;

/// Later than anything that was written: no grace.
const LATER: Timestamp = Timestamp::from_millis(i64::MAX);

/// Some more than are named at a time, so that much of it comes and goes.
const CONTENTS: u64 = 400;

/// What a writer has used lately it uses again, as often as not after it was dropped.
const RECENT: usize = 6;

/// How often somebody tries again who is told that what they want has just gone.
const TRIES: usize = 50;

/// Apps a writer has at most; with more, it deletes one.
const MOST_APPS: usize = 6;

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Every fourth is an object.
fn content(number: u64) -> Bytes {
    let length = if number.is_multiple_of(4) { INLINE_BLOB_BYTES + 1 } else { 40 };
    Bytes::from(format!("content {number} ").repeat(length / 10))
}

fn entry_of(content: &Bytes) -> FileEntry {
    FileEntry { sha256: Sha256::of(content), size: content.len() as u64, mode: FileMode::Regular }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What went on.
#[derive(Default)]
struct Tally {
    writes: AtomicU64,
    /// Writers that were told to bring something again.
    told: AtomicU64,
}

struct Writer {
    fixture: Arc<Fixture>,
    store: Store,
    scope: Scope,
    dice: Dice,
    apps: Vec<AppId>,
    site: Option<Claimed>,
    pages: BTreeSet<String>,
    recent: VecDeque<Bytes>,
    /// Of the publish that all artifacts are said to be of.
    claimed: Claimed,
    tally: Arc<Tally>,
}

impl Writer {
    async fn write(&mut self) {
        self.tally.writes.fetch_add(1, Ordering::Relaxed);
        match self.dice.roll(12) {
            _ if self.apps.is_empty() => self.create().await,
            0..5 => self.edit().await,
            5 => self.remove_file().await,
            6 => self.create().await,
            7 => self.snapshot().await,
            8 => self.delete_and_make_again().await,
            9 => self.put().await,
            _ => self.publish().await,
        }
        if self.apps.len() > MOST_APPS {
            let app = self.apps.remove(0);
            self.store.delete_app(&self.scope, &app).await.unwrap();
        }
    }

    fn any_content(&mut self) -> Bytes {
        let again = self.dice.roll(2 * RECENT as u64) as usize;
        if let Some(content) = self.recent.get(again) {
            return content.clone();
        }
        let content = content(self.dice.roll(CONTENTS));
        self.recent.push_front(content.clone());
        self.recent.truncate(RECENT);
        content
    }

    fn any_app(&mut self) -> AppId {
        self.apps[self.dice.roll(self.apps.len() as u64) as usize].clone()
    }

    /// Uploads something that perhaps nobody ever names.
    async fn put(&mut self) {
        let content = self.any_content();
        for _ in 0..TRIES {
            match self.store.put_blob(&self.scope, content.clone()).await {
                Ok(_) => return,
                Err(StoreError::ObjectLeaving) => _ = self.tally.told.fetch_add(1, Ordering::Relaxed),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("never taken");
    }

    /// Changes a file; half of the time by naming what it believes to be stored.
    async fn edit(&mut self) {
        let (app, content) = (self.any_app(), self.any_content());
        let at = path(&format!("f{}", self.dice.roll(12)));
        let ops = [TreeOp::Put { path: at, entry: entry_of(&content) }];
        let mut brings = self.dice.roll(2) == 0;
        for _ in 0..TRIES {
            let draft = self.store.draft(&self.scope, &app).await.unwrap();
            let blobs = if brings { vec![content.clone()] } else { vec![] };
            match commit(&self.store, &self.scope, &app, &draft, &ops, blobs).await {
                Ok(_) => return self.check(&app).await,
                Err(StoreError::MissingBlobs(_) | StoreError::ObjectLeaving) => {
                    self.tally.told.fetch_add(1, Ordering::Relaxed);
                    match self.dice.roll(2) {
                        0 => brings = true,
                        _ => _ = self.store.put_blob(&self.scope, content.clone()).await,
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("never taken");
    }

    async fn remove_file(&mut self) {
        let app = self.any_app();
        let draft = self.store.draft(&self.scope, &app).await.unwrap();
        let Some((at, _)) = draft.tree.iter().next() else { return };
        let ops = [TreeOp::Delete { path: at.clone() }];
        commit(&self.store, &self.scope, &app, &draft, &ops, vec![]).await.unwrap();
        self.check(&app).await;
    }

    async fn create(&mut self) {
        let contents: Vec<_> = (0..=self.dice.roll(8)).map(|_| self.any_content()).collect();
        let named = contents.iter().enumerate();
        let tree: Tree = named.map(|(n, content)| (path(&format!("f{n}")), entry_of(content))).collect();
        self.create_of(tree, contents).await;
    }

    /// An import: all at once, or uploaded first and named then.
    async fn create_of(&mut self, tree: Tree, contents: Vec<Bytes>) {
        for _ in 0..TRIES {
            let is_uploaded = self.dice.roll(2) == 0;
            if is_uploaded {
                match self.store.put_blobs(&self.scope, contents.clone()).await {
                    Ok(_) | Err(StoreError::ObjectLeaving) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            let brought = if is_uploaded { vec![] } else { contents.clone() };
            match self.store.create_app_of(&self.scope, new_app("An app", tree.clone()), brought).await {
                Ok(app) => {
                    self.check(&app.id).await;
                    return self.apps.push(app.id);
                }
                Err(StoreError::MissingBlobs(_) | StoreError::ObjectLeaving) => {
                    self.tally.told.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("never taken");
    }

    async fn snapshot(&mut self) {
        let app = self.any_app();
        self.store.create_revision(&self.scope, &app, None).await.unwrap();
        self.check(&app).await;
    }

    /// What has just lost its last name is brought again.
    async fn delete_and_make_again(&mut self) {
        let app = self.apps.remove(0);
        let draft = self.store.draft(&self.scope, &app).await.unwrap();
        self.store.delete_app(&self.scope, &app).await.unwrap();
        let of_hash = |hash| (0..CONTENTS).map(content).find(|content| Sha256::of(content) == hash).unwrap();
        let contents = draft.tree.iter().map(|(_, entry)| of_hash(entry.sha256)).collect();
        self.create_of(draft.tree.as_ref().clone(), contents).await;
    }

    /// What a publish writes: objects, and an artifact that names them. Now and then the app goes, and all its artifacts.
    async fn publish(&mut self) {
        if self.dice.roll(16) == 0
            && let Some(site) = self.site.take()
        {
            self.store.delete_app(&self.fixture.scope, &site.publish.app_id).await.unwrap();
            self.pages.clear();
        }
        if self.site.is_none() {
            let (store, scope) = (&self.store, &self.fixture.scope);
            let app = store.create_app(scope, new_app("A site", Tree::new())).await.unwrap().id;
            let mut site = self.claimed.clone();
            site.publish.revision_id = store.create_revision(scope, &app, None).await.unwrap().id;
            site.publish.app_id = app;
            self.site = Some(site);
        }
        let site = self.site.as_ref().unwrap();
        let page = format!("page {}", self.dice.roll(CONTENTS));
        for _ in 0..TRIES {
            match try_built(&self.store, &self.fixture.scope, site, &page).await {
                Ok(()) => {
                    self.pages.insert(page);
                    return self.check_site().await;
                }
                Err(StoreError::ObjectLeaving | StoreError::MissingObjects(_)) => {
                    self.tally.told.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("never taken");
    }

    /// By the rows and the files, not by what is in memory.
    async fn check(&self, app: &AppId) {
        let draft = self.store.draft(&self.scope, app).await.unwrap();
        for (at, entry) in draft.tree.iter() {
            let size = self.store.blob_size(&self.scope, &entry.sha256).await;
            assert_eq!(size.ok(), Some(entry.size), "{at} of {app} is lost");
            let hex = entry.sha256.to_hex();
            let file = self.fixture.objects().join("blobs").join(&hex[..2]).join(&hex[2..]);
            assert!(entry.size <= INLINE_BLOB_BYTES as u64 || file.exists(), "{at} of {app} has no object");
        }
    }

    async fn check_site(&self) {
        let Some(site) = &self.site else { return };
        for page in &self.pages {
            let (app, artifact) = (&site.publish.app_id, manifest(page).id());
            let (_, named) = self.store.artifact(&self.fixture.scope, app, &artifact).await.unwrap();
            for (hash, _) in named.objects() {
                self.store.object(&hash).await.unwrap();
            }
        }
    }

    /// Everything, with nothing in memory.
    async fn check_all(&self, cold: &Store) {
        for app in &self.apps {
            let mut trees = vec![cold.draft(&self.scope, app).await.unwrap().tree.as_ref().clone()];
            for revision in cold.list_revisions(&self.scope, app, 200, None).await.unwrap().items {
                trees.push(cold.revision_tree(&self.scope, app, &revision.id).await.unwrap());
            }
            for (at, entry) in trees.iter().flat_map(Tree::iter) {
                let content = cold.blob(&self.scope, &entry.sha256).await;
                let content = content.unwrap_or_else(|error| panic!("{at} of {app}: {error}"));
                assert_eq!(Sha256::of(&content), entry.sha256);
            }
        }
        self.check_site().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_named_is_ever_collected_beside_eight_writers() {
    let secs = setting("VITRINE_COLLECT_SECS", 4);
    let seed = setting("VITRINE_COLLECT_SEED", 7);
    let fixture = Arc::new(Fixture::new().await);
    let scopes = [fixture.scope.clone(), fixture.other_tenant().await];
    let tally = Arc::new(Tally::default());
    let (app, revision) = app_with_revision(&fixture, "Publishes").await;
    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(&fixture.store).await.unwrap();
    fixture.store.delete_app(&fixture.scope, &app).await.unwrap();
    let until = Instant::now() + Duration::from_secs(secs);
    let writers = (0..WRITERS).map(|number| {
        let mut writer = Writer {
            fixture: fixture.clone(),
            store: fixture.store.clone(),
            scope: scopes[(number % 2) as usize].clone(),
            dice: Dice(seed * 1_000 + number),
            apps: Vec::new(),
            site: None,
            pages: BTreeSet::new(),
            recent: VecDeque::new(),
            claimed: claimed.clone(),
            tally: tally.clone(),
        };
        tokio::spawn(async move {
            while Instant::now() < until {
                writer.write().await;
            }
            writer
        })
    });
    let writers: Vec<_> = writers.collect();
    let over = Arc::new(AtomicBool::new(false));
    let content = tokio::spawn(collect_content(fixture.clone(), over.clone()));
    let objects = tokio::spawn(collect_objects(fixture.clone(), over.clone()));
    let hours = tokio::spawn(hurry(fixture.clone(), over.clone()));
    let mut done = Vec::new();
    for writer in writers {
        done.push(writer.await.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    hours.await.unwrap();
    let collected = (content.await.unwrap(), objects.await.unwrap());
    let (writes, told) = (tally.writes.load(Ordering::Relaxed), tally.told.load(Ordering::Relaxed));
    say(&format!(
        "seed {seed}: {writes} writes, {told} told to bring something again, collected {collected:?}"
    ));
    assert!(collected.0 > 0 && collected.1 > 0, "nothing was at stake: {collected:?}");

    let cold = fixture.reopened().await;
    for writer in &done {
        writer.check_all(&cold).await;
    }
    nothing_is_left(&fixture, &cold, &done, &scopes).await;
}

#[expect(clippy::print_stdout, reason = "a long run is made to be told what went on")]
fn say(text: &str) {
    println!("{text}");
}

/// Collects content without a pause and without a grace, in turns as the writers' own process and as another one, which can tell
/// no cache; says how much it removed.
async fn collect_content(fixture: Arc<Fixture>, over: Arc<AtomicBool>) -> u64 {
    let stores = [fixture.store.clone(), fixture.reopened().await];
    let mut collected = 0;
    for store in stores.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        collected += store.collect_content("test", LATER).await.unwrap().blobs.count;
    }
    collected
}

/// Collects objects of artifacts without a pause; says how many it removed.
async fn collect_objects(fixture: Arc<Fixture>, over: Arc<AtomicBool>) -> u64 {
    let mut collected = 0;
    while !over.load(Ordering::Relaxed) {
        collected += fixture.store.collect_objects("test", LATER).await.unwrap().unnamed;
    }
    collected
}

/// An hour passes every few milliseconds, in the middle of whatever goes on.
async fn hurry(fixture: Arc<Fixture>, over: Arc<AtomicBool>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while !over.load(Ordering::Relaxed) {
        ticks.tick().await;
        fixture.clock.advance_secs(3_601);
    }
}

/// Without writers nothing is left that neither a draft's row nor a tree names; without apps, nothing at all.
async fn nothing_is_left(fixture: &Fixture, cold: &Store, writers: &[Writer], scopes: &[Scope]) {
    let db = database(fixture).await;
    // What a tree named that goes is unneeded a collection later.
    for _ in 0..2 {
        collect(cold).await;
    }
    let unnamed = "blobs WHERE sha256 NOT IN (SELECT sha256 FROM draft_deltas WHERE sha256 IS NOT NULL) \
                   AND sha256 NOT IN (SELECT sha256 FROM blob_refs)";
    assert_eq!((counted(&db, unnamed).await, counted(&db, "blob_transits").await), (0, 0));
    for writer in writers {
        for app in &writer.apps {
            cold.delete_app(&writer.scope, app).await.unwrap();
        }
        if let Some(site) = &writer.site {
            cold.delete_app(&fixture.scope, &site.publish.app_id).await.unwrap();
        }
    }
    for _ in 0..2 {
        collect(cold).await;
    }
    assert_eq!(rows(&db).await, [0; 5]);
    for scope in scopes {
        assert_eq!(stored_bytes(cold, scope).await, 0);
    }
}
