//! The queue: order, fairness, leases and fences, cancellation, deadlines.

use std::collections::{BTreeMap, HashSet};

use vitrine_model::problem::{Code, Problem};
use vitrine_model::publish::{PublishStatus, PublishStep, PublishStepName, PublishStepStatus, PublishTarget};
use vitrine_store::{Allowance, Heartbeat, NewLogLine, PublishEnd, Quotas, StoreError, Switched};

use crate::publishing::{DEADLINE_SECS, LEASE, app_with_revision, built, claim, enqueue, new_publish};
use crate::support::{Fixture, at_secs, new_app, tree};

#[tokio::test]
async fn a_publish_waits_runs_and_is_released() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let publish = enqueue(&fixture, &app, &revision).await;
    assert_eq!((publish.status, publish.build_seq, publish.attempt), (PublishStatus::Queued, 1, 0));
    assert_eq!(store.active_publish(scope, &app).await.unwrap(), Some(publish.clone()));
    fixture.clock.advance_secs(3);
    let claimed = claim(store).await.unwrap();
    assert_eq!((claimed.publish.id.clone(), claimed.scope.clone()), (publish.id.clone(), scope.clone()));
    assert_eq!((claimed.publish.attempt, claimed.publish.started_at), (1, Some(at_secs(3))));
    assert_eq!(claimed.deadline, at_secs(DEADLINE_SECS));
    assert!(claim(store).await.is_none());
    let steps = [PublishStep {
        name: PublishStepName::Build,
        status: PublishStepStatus::Active,
        started_at: Some(at_secs(3)),
        finished_at: None,
        detail: Some("vite build".to_owned()),
    }];
    store.save_publish_steps(&publish.id, claimed.fence, &steps).await.unwrap();
    assert_eq!(store.publish(scope, &app, &publish.id).await.unwrap().steps, steps);
    let artifact = built(store, scope, &claimed, "<h1>").await;
    let switched = store.release_publish(&publish.id, claimed.fence, &artifact, true, &steps).await.unwrap();
    let Switched::Released(release) = switched else { panic!("{switched:?}") };
    let done = store.publish(scope, &app, &publish.id).await.unwrap();
    assert_eq!((done.status, done.reused, done.error), (PublishStatus::Succeeded, true, None));
    assert_eq!((done.artifact, done.release), (Some(artifact.clone()), Some(release.id.clone())));
    assert_eq!((release.number, release.artifact.clone(), release.current), (1, artifact, true));
    assert_eq!(store.current_release(scope, &app).await.unwrap(), Some(release));
    assert_eq!(store.active_publish(scope, &app).await.unwrap(), None);
    assert_eq!(store.publishes(scope, &app, 10, None).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn many_workers_at_once_never_run_one_app_twice_and_leave_nothing_waiting() {
    let fixture = Fixture::new().await;
    let mut apps = Vec::new();
    for n in 0..6 {
        let (app, revision) = app_with_revision(&fixture, &format!("app {n}")).await;
        for target in [PublishTarget::Hosting, PublishTarget::Preview] {
            let new = new_publish(&fixture, &revision, target);
            fixture.store.enqueue_publish(&fixture.scope, &app, new).await.unwrap();
        }
        apps.push(app);
    }
    for round in 0..2 {
        let claims = (0..12).map(|n| {
            let store = fixture.store.clone();
            tokio::spawn(async move { store.claim_publish(&format!("w{n}"), LEASE).await.unwrap() })
        });
        let claims = futures::future::join_all(claims).await;
        let claimed: Vec<_> = claims.into_iter().filter_map(|claim| claim.unwrap()).collect();
        let busy: HashSet<_> = claimed.iter().map(|claimed| claimed.publish.app_id.clone()).collect();
        assert_eq!((claimed.len(), busy.len()), (6, 6), "round {round}");
        for one in claimed {
            store_failed(&fixture, &one.publish.id, one.fence).await.unwrap();
        }
    }
    assert!(claim(&fixture.store).await.is_none());
}

async fn store_failed(
    fixture: &Fixture,
    id: &vitrine_model::PublishId,
    fence: u64,
) -> Result<(), StoreError> {
    let problem = Problem::new(Code::BuildFailed, "no");
    fixture.store.end_publish(id, fence, PublishEnd::Failed(problem), false, &[]).await
}

#[tokio::test]
async fn a_stale_fence_changes_nothing() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let id = enqueue(&fixture, &app, &revision).await.id;
    let old = claim(store).await.unwrap();
    let artifact = built(store, scope, &old, "<h1>").await;
    assert!(store.heartbeat_publish(&id, old.fence, LEASE).await.is_ok());
    fixture.clock.advance_secs(61);
    let new = claim(store).await.unwrap();
    assert_eq!((new.publish.id.clone(), new.publish.attempt), (id.clone(), 2));
    assert!(new.fence > old.fence);
    let before = store.publish(scope, &app, &id).await.unwrap();
    let answers = [
        store.heartbeat_publish(&id, old.fence, LEASE).await.err(),
        store.save_publish_steps(&id, old.fence, &[]).await.err(),
        store.append_publish_log(&id, old.fence, vec![line("late")]).await.err(),
        store.end_publish(&id, old.fence, PublishEnd::Cancelled, false, &[]).await.err(),
        store.release_publish(&id, old.fence, &artifact, false, &[]).await.err(),
        store_failed(&fixture, &id, u64::MAX).await.err(),
    ];
    for (call, answer) in answers.iter().enumerate() {
        assert!(matches!(answer, Some(StoreError::LeaseLost)), "call {call}: {answer:?}");
    }
    assert_eq!(store.publish(scope, &app, &id).await.unwrap(), before);
    assert!(store.publish_log(scope, &app, &id, 0, 10).await.unwrap().is_empty());
    store.release_publish(&id, new.fence, &artifact, false, &[]).await.unwrap();
    let over = store.heartbeat_publish(&id, new.fence, LEASE).await;
    assert!(matches!(over, Err(StoreError::LeaseLost)), "what is over is nobody's");
}

#[tokio::test]
async fn a_later_publish_takes_the_place_of_one_that_waits_and_not_of_one_that_runs() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let first = enqueue(&fixture, &app, &revision).await;
    let preview = new_publish(&fixture, &revision, PublishTarget::Preview);
    let preview = store.enqueue_publish(scope, &app, preview).await.unwrap();
    let second = enqueue(&fixture, &app, &revision).await;
    assert_eq!((first.build_seq, preview.build_seq, second.build_seq), (1, 2, 3));
    let first = store.publish(scope, &app, &first.id).await.unwrap();
    assert_eq!(first.status, PublishStatus::Superseded);
    assert_eq!(first.error.unwrap().code, Code::Superseded);
    let status = store.publish(scope, &app, &preview.id).await.unwrap().status;
    assert_eq!(status, PublishStatus::Queued, "a preview is another matter");
    let running = claim(store).await.unwrap();
    let third = enqueue(&fixture, &app, &revision).await;
    let running = store.publish(scope, &app, &running.publish.id).await.unwrap();
    assert_eq!(running.status, PublishStatus::Running);
    assert_eq!(store.active_publish(scope, &app).await.unwrap(), Some(running));
    assert_eq!(third.status, PublishStatus::Queued);
}

#[tokio::test]
async fn a_tenant_with_a_long_queue_does_not_keep_the_others_waiting() {
    let fixture = Fixture::new().await;
    let (mine, other) = (fixture.scope.clone(), fixture.other_tenant().await);
    let mut whose = BTreeMap::new();
    for (scope, count) in [(&mine, 6), (&other, 2)] {
        for n in 0..count {
            fixture.clock.advance_secs(1);
            let app =
                fixture.store.create_app(scope, new_app(&format!("app {n}"), tree(&[]))).await.unwrap().id;
            let revision = fixture.store.create_revision(scope, &app, None).await.unwrap().id;
            let new = new_publish(&fixture, &revision, PublishTarget::Hosting);
            whose.insert(new.id.clone(), (scope.tenant.clone(), n));
            fixture.store.enqueue_publish(scope, &app, new).await.unwrap();
        }
    }
    fixture.store.set_default_quotas(Quotas { builds: Allowance::AtMost(3), ..Quotas::default() });
    let mut order = Vec::new();
    while let Some(claimed) = fixture.store.claim_publish("w", LEASE).await.unwrap() {
        order.push(whose[&claimed.publish.id].clone());
    }
    let (m, o) = (mine.tenant, other.tenant);
    assert_eq!(order, [(m.clone(), 0), (o.clone(), 0), (m.clone(), 1), (o, 1), (m, 2)]);
}

#[tokio::test]
async fn cancelling_ends_what_waits_at_once_and_asks_the_worker_of_what_runs() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let waiting = enqueue(&fixture, &app, &revision).await.id;
    let cancelled = store.cancel_publish(scope, &app, &waiting).await.unwrap();
    assert_eq!(cancelled.status, PublishStatus::Cancelled);
    assert!(matches!(store.cancel_publish(scope, &app, &waiting).await, Err(StoreError::PublishOver)));
    assert!(claim(store).await.is_none());

    enqueue(&fixture, &app, &revision).await;
    let claimed = claim(store).await.unwrap();
    let id = claimed.publish.id.clone();
    let artifact = built(store, scope, &claimed, "<h1>").await;
    for _ in 0..2 {
        let asked = store.cancel_publish(scope, &app, &id).await.unwrap();
        assert_eq!(asked.status, PublishStatus::Running);
    }
    let told = store.heartbeat_publish(&id, claimed.fence, LEASE).await.unwrap();
    assert_eq!(told, Heartbeat::CancelRequested);
    let switched = store.release_publish(&id, claimed.fence, &artifact, false, &[]).await.unwrap();
    assert_eq!(switched, Switched::Cancelled, "what was cancelled is never released");
    assert_eq!(store.publish(scope, &app, &id).await.unwrap().status, PublishStatus::Cancelled);
    assert_eq!(store.current_release(scope, &app).await.unwrap(), None);
}

#[tokio::test]
async fn a_cancelled_publish_whose_worker_is_lost_is_not_tried_again() {
    let fixture = Fixture::new().await;
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let id = enqueue(&fixture, &app, &revision).await.id;
    claim(&fixture.store).await.unwrap();
    fixture.store.cancel_publish(&fixture.scope, &app, &id).await.unwrap();
    fixture.clock.advance_secs(61);
    assert!(claim(&fixture.store).await.is_none());
    let publish = fixture.store.publish(&fixture.scope, &app, &id).await.unwrap();
    assert_eq!(publish.status, PublishStatus::Cancelled);
}

#[tokio::test]
async fn what_keeps_losing_its_worker_is_given_up_by_a_claim_or_by_the_sweep() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for by_sweep in [false, true] {
        let (app, revision) = app_with_revision(&fixture, "One").await;
        let id = enqueue(&fixture, &app, &revision).await.id;
        for attempt in 1..=2 {
            assert!(store.reap_publishes(fixture.now()).await.unwrap().is_empty(), "it may be tried again");
            assert_eq!(claim(store).await.unwrap().publish.attempt, attempt);
            fixture.clock.advance_secs(61);
        }
        match by_sweep {
            true => {
                let reaped = store.reap_publishes(fixture.now()).await.unwrap();
                assert_eq!(reaped, [(app.clone(), id.clone())]);
            }
            false => assert!(claim(store).await.is_none()),
        }
        let publish = store.publish(&fixture.scope, &app, &id).await.unwrap();
        assert_eq!(publish.status, PublishStatus::Failed);
        assert_eq!(publish.error.unwrap().code, Code::PublishAbandoned);
        enqueue(&fixture, &app, &revision).await;
        let next = claim(store).await.expect("a lost publish blocks nothing");
        store_failed(&fixture, &next.publish.id, next.fence).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_past_its_deadline_fails_whether_it_waits_or_runs() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    enqueue(&fixture, &app, &revision).await;
    let running = claim(store).await.unwrap();
    let waiting = enqueue(&fixture, &app, &revision).await.id;
    fixture.clock.advance_secs(DEADLINE_SECS - 1);
    store.heartbeat_publish(&running.publish.id, running.fence, LEASE).await.unwrap();
    assert!(store.reap_publishes(fixture.now()).await.unwrap().is_empty());
    fixture.clock.advance_secs(1);
    let reaped: HashSet<_> = store.reap_publishes(fixture.now()).await.unwrap().into_iter().collect();
    let both = [running.publish.id.clone(), waiting.clone()].map(|id| (app.clone(), id));
    assert_eq!(reaped, HashSet::from(both));
    for id in [&running.publish.id, &waiting] {
        let publish = store.publish(scope, &app, id).await.unwrap();
        assert_eq!(publish.error.unwrap().code, Code::PublishTimedOut);
    }
    let late = store.heartbeat_publish(&running.publish.id, running.fence, LEASE).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    let mut late = new_publish(&fixture, &revision, PublishTarget::Hosting);
    late.deadline = fixture.now();
    store.enqueue_publish(scope, &app, late).await.unwrap();
    assert!(claim(store).await.is_none(), "a claim hands out nothing that is too late");
}

#[tokio::test]
async fn an_orderly_end_gives_publishes_back_without_using_up_an_attempt() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    enqueue(&fixture, &app, &revision).await;
    let first = claim(store).await.unwrap();
    assert_eq!(store.requeue_publishes_of("another").await.unwrap(), 0);
    assert_eq!(store.requeue_publishes_of("worker").await.unwrap(), 1);
    let late = store.heartbeat_publish(&first.publish.id, first.fence, LEASE).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    let again = claim(store).await.unwrap();
    assert_eq!((again.publish.id.clone(), again.publish.attempt), (first.publish.id, 1));
    assert!(again.fence > first.fence);
    let later = enqueue(&fixture, &app, &revision).await.id;
    store.requeue_publishes_of("worker").await.unwrap();
    let publish = store.publish(scope, &app, &again.publish.id).await.unwrap();
    assert_eq!(publish.status, PublishStatus::Superseded, "the later one is the one to build");
    assert_eq!(claim(store).await.unwrap().publish.id, later);
}

#[tokio::test]
async fn a_preview_succeeds_without_a_release_and_cannot_make_one() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let new = new_publish(&fixture, &revision, PublishTarget::Preview);
    let id = store.enqueue_publish(scope, &app, new).await.unwrap().id;
    let claimed = claim(store).await.unwrap();
    let artifact = built(store, scope, &claimed, "<h1>").await;
    let refused = store.release_publish(&id, claimed.fence, &artifact, false, &[]).await;
    assert!(matches!(refused, Err(StoreError::NoRelease)));
    let end = PublishEnd::Built { artifact: artifact.clone() };
    store.end_publish(&id, claimed.fence, end, false, &[]).await.unwrap();
    let publish = store.publish(scope, &app, &id).await.unwrap();
    assert_eq!((publish.status, publish.artifact), (PublishStatus::Succeeded, Some(artifact)));
    assert_eq!(store.current_release(scope, &app).await.unwrap(), None);
}

#[tokio::test]
async fn a_log_keeps_its_beginning_and_its_end_and_says_what_is_between() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let id = enqueue(&fixture, &app, &revision).await.id;
    let fence = claim(store).await.unwrap().fence;
    for batch in 0..10 {
        let lines = (1..=1_000).map(|n| line(&format!("line {}\0", batch * 1_000 + n))).collect();
        store.append_publish_log(&id, fence, lines).await.unwrap();
    }
    let all = store.publish_log(scope, &app, &id, 0, 10_000).await.unwrap();
    assert_eq!(all.len(), 4_000);
    assert_eq!((all[0].text.as_str(), all[999].text.as_str()), ("line 1", "line 1000"));
    assert_eq!((all[1_000].text.as_str(), all[1_000].seq), ("[6001 lines were not kept]", 7_001));
    assert_eq!((all[1_001].text.as_str(), all[1_001].seq), ("line 7002", 7_002));
    assert_eq!((all[3_999].text.as_str(), all[3_999].seq), ("line 10000", 10_000));
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map_or(0, |line: &vitrine_model::publish::PublishLogLine| line.seq);
        let page = store.publish_log(scope, &app, &id, after, 999).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all, "paging shows the same");
    let missed = store.publish_log(scope, &app, &id, 6_000, 1).await.unwrap();
    assert_eq!(missed[0].text, "[1001 lines were not kept]", "a reader left behind hears what it missed");
}

#[tokio::test]
async fn a_log_of_long_lines_stays_within_its_bytes() {
    let fixture = Fixture::new().await;
    let (app, revision) = app_with_revision(&fixture, "One").await;
    let id = enqueue(&fixture, &app, &revision).await.id;
    let fence = claim(&fixture.store).await.unwrap().fence;
    for _ in 0..5 {
        let lines = (0..100).map(|_| line(&"x".repeat(20_000))).collect();
        fixture.store.append_publish_log(&id, fence, lines).await.unwrap();
    }
    let kept = fixture.store.publish_log(&fixture.scope, &app, &id, 0, 10_000).await.unwrap();
    let bytes: usize = kept.iter().map(|line| line.text.len()).sum();
    assert!(bytes <= 1024 * 1024 && bytes > 1000 * 1024, "{bytes}");
    assert_eq!(kept.last().unwrap().seq, 500);
}

#[tokio::test]
async fn another_tenants_publishes_are_not_found_by_any_call() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (app, revision) = app_with_revision(&fixture, "Mine").await;
    let (other_app, _) = app_with_revision(&fixture, "Mine too").await;
    let id = enqueue(&fixture, &app, &revision).await.id;
    let other = fixture.other_tenant().await;
    let new = || new_publish(&fixture, &revision, PublishTarget::Hosting);
    let answers = [
        store.enqueue_publish(&other, &app, new()).await.err(),
        store.publishes(&other, &app, 10, None).await.err(),
        store.publish(&other, &app, &id).await.err(),
        store.active_publish(&other, &app).await.err(),
        store.cancel_publish(&other, &app, &id).await.err(),
        store.publish_log(&other, &app, &id, 0, 10).await.err(),
        // The same tenant's other app has nothing to do with it either.
        store.publish(scope, &other_app, &id).await.err(),
        store.cancel_publish(scope, &other_app, &id).await.err(),
        store.enqueue_publish(scope, &other_app, new()).await.err(),
    ];
    for (call, answer) in answers.iter().enumerate() {
        assert!(matches!(answer, Some(StoreError::NotFound)), "call {call}: {answer:?}");
    }
    assert_eq!(store.publish(scope, &app, &id).await.unwrap().status, PublishStatus::Queued);
}

fn line(text: &str) -> NewLogLine {
    NewLogLine { at: at_secs(1), step: PublishStepName::Build, is_stderr: false, text: text.to_owned() }
}
