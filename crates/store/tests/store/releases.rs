//! The release pointer: what moves it, what does not, and that any interleaving ends where the rules say.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use vitrine_model::app::AppStatus;
use vitrine_model::problem::Code;
use vitrine_model::publish::{PublishStatus, PublishTarget, ReleaseCause};
use vitrine_model::{AppId, ArtifactId, PublishId, RevisionId};
use vitrine_store::SlugName;
use vitrine_store::{Claimed, StoreError, Switched};

use crate::publishing::{
    DEADLINE_SECS, app_with_revision, built, claim, enqueue, new_publish, release, release_id,
};
use crate::support::Fixture;

#[tokio::test]
async fn a_rollback_makes_an_older_artifact_current_and_what_ran_meanwhile_is_superseded() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let old = release(&fixture, &app, &revision, "old").await;
    release(&fixture, &app, &revision, "bad").await;
    enqueue(&fixture, &app, &revision).await;
    let running = claim(store).await.unwrap();
    let newest = built(store, scope, &running, "newest").await;
    let waiting = enqueue(&fixture, &app, &revision).await.id;
    let rollback = store.promote(scope, &app, &old, release_id(&fixture)).await.unwrap();
    assert_eq!(
        (rollback.number, rollback.cause, rollback.publish_id.clone()),
        (3, ReleaseCause::Promotion, None)
    );
    let id = &running.publish.id;
    let switched = store.release_publish(id, running.fence, &newest, false, &[]).await.unwrap();
    assert_eq!(switched, Switched::Superseded);
    for id in [id, &waiting] {
        let publish = store.publish(scope, &app, id).await.unwrap();
        assert_eq!(publish.status, PublishStatus::Superseded);
        assert_eq!(publish.error.unwrap().code, Code::Superseded);
    }
    assert_eq!(store.current_release(scope, &app).await.unwrap(), Some(rollback));
    let kept = store.publish(scope, &app, id).await.unwrap().artifact;
    assert_eq!(kept, Some(newest.clone()), "what was built stays");
    let promoted = store.promote(scope, &app, &newest, release_id(&fixture)).await.unwrap();
    assert_eq!(promoted.artifact, newest, "and can be promoted");
}

#[tokio::test]
async fn a_publish_asked_for_after_a_rollback_is_released() {
    let fixture = Fixture::new().await;
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let old = release(&fixture, &app, &revision, "old").await;
    fixture.store.promote(&fixture.scope, &app, &old, release_id(&fixture)).await.unwrap();
    let new = release(&fixture, &app, &revision, "new").await;
    let current = fixture.store.current_release(&fixture.scope, &app).await.unwrap().unwrap();
    assert_eq!((current.artifact, current.number), (new, 3));
}

#[tokio::test]
async fn the_history_is_complete_and_only_its_pointer_is_current() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    for page in ["1", "2", "3"] {
        release(&fixture, &app, &revision, page).await;
    }
    let first = store.releases(scope, &app, 2, None).await.unwrap();
    let rest = store.releases(scope, &app, 2, first.next_cursor.as_deref()).await.unwrap();
    let all: Vec<_> = first.items.iter().chain(&rest.items).map(|one| (one.number, one.current)).collect();
    assert_eq!(all, [(3, true), (2, false), (1, false)]);
    assert_eq!(rest.next_cursor, None);
}

#[tokio::test]
async fn unpublishing_takes_everything_down_and_what_ran_meanwhile_does_not_bring_it_back() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let first = release(&fixture, &app, &revision, "first").await;
    release(&fixture, &app, &revision, "leak").await;
    assert_eq!(store.app(scope, &app).await.unwrap().status, AppStatus::Published);
    enqueue(&fixture, &app, &revision).await;
    let running = claim(store).await.unwrap();
    let artifact = built(store, scope, &running, "late").await;
    store.unpublish(scope, &app).await.unwrap();
    assert!(matches!(store.unpublish(scope, &app).await, Err(StoreError::NotFound)), "it is down already");
    assert_eq!(store.app(scope, &app).await.unwrap().status, AppStatus::Draft);
    assert_eq!(store.current_release(scope, &app).await.unwrap(), None);
    let switched = store.release_publish(&running.publish.id, running.fence, &artifact, false, &[]).await;
    assert_eq!(switched.unwrap(), Switched::Superseded);
    let site = store.site_by_slug("one", Duration::MAX).await.unwrap().unwrap();
    assert_eq!((site.current, site.earlier.len()), (None, 0));
    assert_eq!(store.releases(scope, &app, 10, None).await.unwrap().items.len(), 2, "the history stays");
    release(&fixture, &app, &revision, "again").await;
    let site = store.site_by_slug("one", Duration::MAX).await.unwrap().unwrap();
    assert_eq!(site.earlier.len(), 0, "what was withdrawn is not the past of the new release");
    let link = store.site_by_artifact(&first, SlugName::Whole("one")).await.unwrap().unwrap();
    assert_eq!(link.current.unwrap().released_at, None, "nor public under its permalink");
}

#[tokio::test]
async fn a_release_of_an_artifact_that_is_not_the_apps_is_refused() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (mine, revision) = app_with_revision(&fixture, "Mine").await;
    let (other, _) = app_with_revision(&fixture, "Other").await;
    let artifact = release(&fixture, &mine, &revision, "page").await;
    let stranger = fixture.other_tenant().await;
    let answers = [
        store.promote(scope, &other, &artifact, release_id(&fixture)).await.err(),
        store.promote(&stranger, &mine, &artifact, release_id(&fixture)).await.err(),
        store.unpublish(&stranger, &mine).await.err(),
        store.releases(&stranger, &mine, 10, None).await.err(),
        store.current_release(&stranger, &mine).await.err(),
        store.artifact(&stranger, &mine, &artifact).await.err(),
        store.artifact(scope, &other, &artifact).await.err(),
        store.artifact_documents(&stranger, &mine, &artifact).await.err(),
        store.artifact_by_inputs(&stranger, &mine, &crate::publishing::inputs("page").hash()).await.err(),
    ];
    for (call, answer) in answers.iter().enumerate() {
        assert!(matches!(answer, Some(StoreError::NotFound)), "call {call}: {answer:?}");
    }
    enqueue(&fixture, &mine, &revision).await;
    let claimed = claim(store).await.unwrap();
    let never = crate::publishing::manifest("never recorded").id();
    let refused = store.release_publish(&claimed.publish.id, claimed.fence, &never, false, &[]).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
    assert_eq!(store.current_release(scope, &mine).await.unwrap().unwrap().artifact, artifact);
}

#[tokio::test]
async fn deleting_an_app_ends_its_site_and_its_running_publish() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let artifact = release(&fixture, &app, &revision, "page").await;
    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(store).await.unwrap();
    store.delete_app(scope, &app).await.unwrap();
    let late = store.release_publish(&claimed.publish.id, claimed.fence, &artifact, false, &[]).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    assert_eq!(store.site_by_slug("one", Duration::MAX).await.unwrap(), None);
    assert_eq!(store.site_by_artifact(&artifact, SlugName::Whole("one")).await.unwrap(), None);
    assert!(store.site_versions(&[app]).await.unwrap().is_empty());
}

/// One thing that can happen while publishes run.
#[derive(Debug, Clone, Copy)]
enum Act {
    Enqueue,
    Claim,
    /// The n-th worker that still believes to hold something tries to release it.
    Release(usize),
    /// Its lease passes, and everyone else's that is as old.
    LoseLeases,
    /// Promotes the n-th artifact there is.
    Promote(usize),
    Unpublish,
    /// Cancels the n-th publish there is.
    Cancel(usize),
    RestartWorkers,
    Reap,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Enqueue),
        5 => Just(Act::Claim),
        5 => (0..4_usize).prop_map(Act::Release),
        1 => Just(Act::LoseLeases),
        1 => (0..6_usize).prop_map(Act::Promote),
        1 => Just(Act::Unpublish),
        1 => (0..20_usize).prop_map(Act::Cancel),
        1 => Just(Act::RestartWorkers),
        1 => Just(Act::Reap),
    ]
}

/// What the rules say, kept beside the store.
#[derive(Default)]
struct Expected {
    /// What is current: its artifact.
    current: Option<ArtifactId>,
    /// How often a person moved the pointer.
    epoch: u64,
    /// The last sequence that was released.
    released: u64,
    /// The epoch each publish was asked for in.
    asked: BTreeMap<PublishId, u64>,
    cancelled: Vec<PublishId>,
    artifacts: Vec<ArtifactId>,
}

struct Play {
    fixture: Fixture,
    app: AppId,
    revision: RevisionId,
    publishes: Vec<PublishId>,
    /// Claims whose workers still believe in them.
    held: Vec<Claimed>,
    expected: Expected,
}

impl Play {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let (app, revision) = app_with_revision(&fixture, "One").await;
        let expected = Expected::default();
        Self { fixture, app, revision, publishes: Vec::new(), held: Vec::new(), expected }
    }

    async fn act(&mut self, act: Act) {
        let (store, scope) = (self.fixture.store.clone(), self.fixture.scope.clone());
        match act {
            Act::Enqueue => {
                let new = new_publish(&self.fixture, &self.revision, PublishTarget::Hosting);
                let publish = store.enqueue_publish(&scope, &self.app, new).await.unwrap();
                self.expected.asked.insert(publish.id.clone(), self.expected.epoch);
                self.publishes.push(publish.id);
            }
            Act::Claim => self.held.extend(claim(&store).await),
            Act::Release(n) => self.release(n).await,
            Act::LoseLeases => self.fixture.clock.advance_secs(61),
            Act::Promote(n) => {
                let Some(artifact) = self.expected.artifacts.get(n).cloned() else { return };
                store.promote(&scope, &self.app, &artifact, release_id(&self.fixture)).await.unwrap();
                self.expected.epoch += 1;
                self.expected.current = Some(artifact);
            }
            Act::Unpublish => {
                let outcome = store.unpublish(&scope, &self.app).await;
                if self.expected.current.is_none() {
                    return assert!(matches!(outcome, Err(StoreError::NotFound)));
                }
                outcome.unwrap();
                self.expected.epoch += 1;
                self.expected.current = None;
            }
            Act::Cancel(n) => {
                let Some(id) = self.publishes.get(n).cloned() else { return };
                match store.cancel_publish(&scope, &self.app, &id).await {
                    Ok(_) => self.expected.cancelled.push(id),
                    Err(error) => assert!(matches!(error, StoreError::PublishOver)),
                }
            }
            Act::RestartWorkers => _ = store.requeue_publishes_of("worker").await.unwrap(),
            Act::Reap => _ = store.reap_publishes(self.fixture.now()).await.unwrap(),
        }
    }

    async fn release(&mut self, n: usize) {
        if n >= self.held.len() {
            return;
        }
        let (store, scope) = (&self.fixture.store, &self.fixture.scope);
        let claimed = self.held.remove(n);
        let publish = &claimed.publish;
        let artifact = built(store, scope, &claimed, &format!("page {}", publish.build_seq)).await;
        if !self.expected.artifacts.contains(&artifact) {
            self.expected.artifacts.push(artifact.clone());
        }
        let before = store.publish(scope, &self.app, &publish.id).await.unwrap();
        let is_newest = publish.build_seq > self.expected.released;
        let in_epoch = self.expected.asked[&publish.id] == self.expected.epoch;
        let is_cancelled = self.expected.cancelled.contains(&publish.id);
        match store.release_publish(&publish.id, claimed.fence, &artifact, false, &[]).await {
            Ok(Switched::Released(release)) => {
                assert!(is_newest && in_epoch && !is_cancelled);
                assert_eq!(release.artifact, artifact);
                self.expected.current = Some(artifact);
                self.expected.released = publish.build_seq;
            }
            Ok(Switched::Superseded) => assert!(!is_newest || !in_epoch),
            Ok(Switched::Cancelled) => assert!(is_cancelled),
            Err(StoreError::LeaseLost) => {
                // Somebody else has it or it is over; a worker of the same attempt cannot have lost it otherwise.
                let is_theirs = before.status == PublishStatus::Running && before.attempt == publish.attempt;
                assert!(!is_theirs || self.held.iter().any(|other| other.publish.id == publish.id));
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn check(&self) {
        let (store, scope) = (&self.fixture.store, &self.fixture.scope);
        let current = store.current_release(scope, &self.app).await.unwrap();
        assert_eq!(current.map(|release| release.artifact), self.expected.current);
        let all = store.publishes(scope, &self.app, 200, None).await.unwrap().items;
        let running = all.iter().filter(|publish| publish.status == PublishStatus::Running).count();
        let waiting = all.iter().filter(|publish| publish.status == PublishStatus::Queued).count();
        assert!(running <= 1 && waiting <= 1, "{running} run and {waiting} wait");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_ends_with_the_pointer_where_the_rules_say(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut play = Play::new().await;
            for act in acts {
                play.act(act).await;
                play.check().await;
            }
            // In the end nothing is stuck: what is left runs out.
            play.fixture.clock.advance_secs(DEADLINE_SECS);
            play.act(Act::Reap).await;
            let (store, scope) = (&play.fixture.store, &play.fixture.scope);
            assert_eq!(store.active_publish(scope, &play.app).await.unwrap(), None);
            play.check().await;
        });
    }
}
