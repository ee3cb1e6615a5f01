//! Sessions: one at a time, moved by events, swept when due.

use vitrine_model::AppId;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::session::{SessionEvent, SessionStatus};
use vitrine_store::{NewSession, SessionRow, StoreError, TenantPatch};

use crate::support::{Fixture, at_secs};

const IDLE_SECS: u64 = 30 * 60;
const EXPIRY_SECS: i64 = 2 * 3_600;

fn new_session() -> NewSession {
    NewSession { expires_at: at_secs(EXPIRY_SECS), idle_timeout_secs: IDLE_SECS }
}

async fn with_session() -> (Fixture, AppId, SessionRow) {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[]).await.id;
    let (row, created) = fixture.store.ensure_session(&fixture.scope, &app, new_session()).await.unwrap();
    assert!(created);
    (fixture, app, row)
}

async fn send(fixture: &Fixture, row: &SessionRow, event: SessionEvent) -> Result<SessionRow, StoreError> {
    fixture.store.transition_session(&row.id, event, None).await
}

#[tokio::test]
async fn ensuring_at_once_makes_one_session() {
    let fixture = Fixture::new().await;
    let app = fixture.app("One", &[]).await.id;
    let second = fixture.reopened().await;
    let calls = (0..16).map(|n| {
        let store = if n % 2 == 0 { &fixture.store } else { &second };
        store.ensure_session(&fixture.scope, &app, new_session())
    });
    let results: Vec<_> = futures::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|(_, created)| *created).count(), 1);
    assert!(results.iter().all(|(row, _)| row.id == results[0].0.id));
    assert_eq!(fixture.store.sessions_of_app(&app).await.unwrap().len(), 1);
}

#[tokio::test]
async fn ensuring_again_is_use_and_never_shortens() {
    let (fixture, app, row) = with_session().await;
    assert_eq!((row.status, row.last_activity_at), (SessionStatus::Starting, at_secs(0)));
    fixture.clock.advance_secs(10);
    let sooner = NewSession { expires_at: at_secs(20), ..new_session() };
    let (again, created) = fixture.store.ensure_session(&fixture.scope, &app, sooner).await.unwrap();
    assert!(!created);
    assert_eq!((again.expires_at, again.last_activity_at), (at_secs(EXPIRY_SECS), at_secs(10)));
    assert_eq!(fixture.store.session_by_id(&row.id).await.unwrap(), Some(again));
}

#[tokio::test]
async fn users_of_one_app_have_sessions_of_their_own() {
    let (fixture, app, row) = with_session().await;
    let colleague = fixture.store.named_scope("default", "colleague").await.unwrap();
    let (theirs, created) = fixture.store.ensure_session(&colleague, &app, new_session()).await.unwrap();
    assert!(created && theirs.id != row.id);
    assert_eq!(fixture.store.session(&colleague, &app).await.unwrap().id, theirs.id);
    assert_eq!(fixture.store.session(&fixture.scope, &app).await.unwrap().id, row.id);
    assert_eq!(fixture.store.sessions_of_app(&app).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_ended_session_is_shown_until_there_is_a_new_one_and_cannot_come_back_beside_it() {
    let (fixture, app, row) = with_session().await;
    send(&fixture, &row, SessionEvent::Stop).await.unwrap();
    let shown = fixture.store.session(&fixture.scope, &app).await.unwrap();
    assert_eq!((&shown.id, shown.status), (&row.id, SessionStatus::Stopped));
    assert!(fixture.store.sessions_of_app(&app).await.unwrap().is_empty());
    let (newer, created) = fixture.store.ensure_session(&fixture.scope, &app, new_session()).await.unwrap();
    assert!(created && newer.id != row.id);
    assert_eq!(fixture.store.session(&fixture.scope, &app).await.unwrap().id, newer.id);
    assert!(matches!(send(&fixture, &row, SessionEvent::Ensure).await, Err(StoreError::NewerSession)));
    send(&fixture, &newer, SessionEvent::Stop).await.unwrap();
    assert_eq!(send(&fixture, &row, SessionEvent::Ensure).await.unwrap().status, SessionStatus::Starting);
    assert_eq!(fixture.store.session(&fixture.scope, &app).await.unwrap().id, row.id);
}

#[tokio::test]
async fn events_move_the_status_and_impossible_ones_change_nothing() {
    let (fixture, _, row) = with_session().await;
    assert_eq!(send(&fixture, &row, SessionEvent::Ready).await.unwrap().status, SessionStatus::Running);
    assert_eq!(send(&fixture, &row, SessionEvent::Idle).await.unwrap().status, SessionStatus::Hibernated);
    let late = send(&fixture, &row, SessionEvent::Ready).await;
    assert!(matches!(late, Err(StoreError::InvalidTransition(_))));
    let stored = fixture.store.session_by_id(&row.id).await.unwrap().unwrap();
    assert_eq!(stored.status, SessionStatus::Hibernated);
}

#[tokio::test]
async fn an_error_is_kept_until_the_session_is_asked_for_or_ready_again() {
    let (fixture, _, row) = with_session().await;
    let problem = Problem::new(Code::InstallFailed, "npm said no");
    let failed =
        fixture.store.transition_session(&row.id, SessionEvent::Failed, Some(problem.clone())).await.unwrap();
    assert_eq!((failed.status, failed.error.as_ref()), (SessionStatus::Error, Some(&problem)));
    assert_eq!(fixture.store.session_by_id(&row.id).await.unwrap(), Some(failed));
    assert_eq!(send(&fixture, &row, SessionEvent::Ensure).await.unwrap().error, None);
    fixture.store.transition_session(&row.id, SessionEvent::Lost, Some(problem.clone())).await.unwrap();
    assert_eq!(
        send(&fixture, &row, SessionEvent::Ensure).await.unwrap().error,
        Some(problem),
        "it is on its way"
    );
    assert_eq!(send(&fixture, &row, SessionEvent::Ready).await.unwrap().error, None);
}

#[tokio::test]
async fn sessions_are_due_when_idle_or_expired_and_not_before_nor_after() {
    let (fixture, _, row) = with_session().await;
    let due = async |secs| fixture.store.due_sessions(at_secs(secs), 10).await.unwrap().len();
    let idle = i64::try_from(IDLE_SECS).unwrap();
    assert_eq!((due(idle - 1).await, due(idle).await), (0, 1));
    fixture.store.touch_session(&row.id, at_secs(100)).await.unwrap();
    fixture.store.touch_session(&row.id, at_secs(50)).await.unwrap();
    assert_eq!((due(idle + 99).await, due(idle + 100).await), (0, 1), "an older use does not count");
    send(&fixture, &row, SessionEvent::Idle).await.unwrap();
    assert_eq!(
        (due(EXPIRY_SECS - 1).await, due(EXPIRY_SECS).await),
        (0, 1),
        "asleep, only its expiry is left"
    );
    fixture.store.extend_session(&row.id, at_secs(EXPIRY_SECS + 60)).await.unwrap();
    assert_eq!((due(EXPIRY_SECS).await, due(EXPIRY_SECS + 60).await), (0, 1));
    fixture.clock.advance_secs(EXPIRY_SECS);
    assert!(matches!(send(&fixture, &row, SessionEvent::Expire).await, Err(StoreError::NotExpired)));
    fixture.clock.advance_secs(60);
    send(&fixture, &row, SessionEvent::Expire).await.unwrap();
    assert_eq!(due(EXPIRY_SECS * 10).await, 0);
}

#[tokio::test]
async fn waking_an_idle_session_begins_its_idle_time_anew() {
    let (fixture, _, row) = with_session().await;
    let idle = i64::try_from(IDLE_SECS).unwrap();
    fixture.clock.advance_secs(idle);
    send(&fixture, &row, SessionEvent::Idle).await.unwrap();
    fixture.clock.advance_secs(60);
    let woken = send(&fixture, &row, SessionEvent::Ensure).await.unwrap();
    assert_eq!(woken.last_activity_at, at_secs(idle + 60));
    assert!(fixture.store.due_sessions(at_secs(idle + 60), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_longest_due_come_first_and_no_more_than_asked_for() {
    let fixture = Fixture::new().await;
    for n in 0..5 {
        let app = fixture.app(&format!("app {n}"), &[]).await.id;
        let new = NewSession { expires_at: at_secs(50 - n), idle_timeout_secs: IDLE_SECS };
        fixture.store.ensure_session(&fixture.scope, &app, new).await.unwrap();
    }
    let due = fixture.store.due_sessions(at_secs(49), 3).await.unwrap();
    assert_eq!(
        due.iter().map(|row| row.expires_at).collect::<Vec<_>>(),
        [at_secs(46), at_secs(47), at_secs(48)]
    );
}

#[tokio::test]
async fn an_ended_session_cannot_be_kept_alive() {
    let (fixture, _, row) = with_session().await;
    send(&fixture, &row, SessionEvent::Stop).await.unwrap();
    assert!(matches!(fixture.store.extend_session(&row.id, at_secs(1)).await, Err(StoreError::NotFound)));
    assert!(matches!(fixture.store.touch_session(&row.id, at_secs(1)).await, Err(StoreError::NotFound)));
    assert_eq!(fixture.store.session_by_id(&row.id).await.unwrap().unwrap().expires_at, at_secs(EXPIRY_SECS));
}

#[tokio::test]
async fn a_start_finds_the_sessions_that_had_a_sandbox() {
    let (fixture, _, running) = with_session().await;
    send(&fixture, &running, SessionEvent::Ready).await.unwrap();
    let asleep = fixture.app("Two", &[]).await.id;
    let (asleep, _) = fixture.store.ensure_session(&fixture.scope, &asleep, new_session()).await.unwrap();
    send(&fixture, &asleep, SessionEvent::Idle).await.unwrap();
    let found = fixture.reopened().await.sessions_needing_sandbox().await.unwrap();
    assert_eq!(found.iter().map(|row| &row.id).collect::<Vec<_>>(), [&running.id]);
}

#[tokio::test]
async fn open_sessions_are_counted_by_state_and_ended_ones_not_at_all() {
    let (fixture, _, running) = with_session().await;
    send(&fixture, &running, SessionEvent::Ready).await.unwrap();
    for (name, event) in
        [("Two", SessionEvent::Idle), ("Three", SessionEvent::Idle), ("Four", SessionEvent::Stop)]
    {
        let app = fixture.app(name, &[]).await.id;
        let (row, _) = fixture.store.ensure_session(&fixture.scope, &app, new_session()).await.unwrap();
        send(&fixture, &row, event).await.unwrap();
    }
    let counts = fixture.store.count_sessions().await.unwrap();
    assert_eq!(counts, [(SessionStatus::Running, 1), (SessionStatus::Hibernated, 2)].into());
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_woken() {
    let (fixture, _, row) = with_session().await;
    send(&fixture, &row, SessionEvent::Idle).await.unwrap();
    assert_eq!(fixture.store.wake_session(&row.id).await.unwrap().status, SessionStatus::Starting);
    send(&fixture, &row, SessionEvent::Stop).await.unwrap();
    assert!(matches!(fixture.store.wake_session(&row.id).await, Err(StoreError::NotFound)));
    let stored = fixture.store.session_by_id(&row.id).await.unwrap().unwrap();
    assert_eq!(stored.status, SessionStatus::Stopped);
}

#[tokio::test]
async fn nobody_gets_a_session_of_a_suspended_tenant() {
    let (fixture, app, row) = with_session().await;
    let patch = |suspended| TenantPatch { name: None, suspended: Some(suspended) };
    let tenant = &fixture.scope.tenant;
    fixture.store.update_tenant(tenant, patch(true)).await.unwrap();
    for _ in 0..2 {
        let refused = fixture.store.ensure_session(&fixture.scope, &app, new_session()).await;
        assert!(matches!(refused, Err(StoreError::TenantSuspended)));
        send(&fixture, &row, SessionEvent::Stop).await.unwrap();
    }
    fixture.store.update_tenant(tenant, patch(false)).await.unwrap();
    assert!(fixture.store.ensure_session(&fixture.scope, &app, new_session()).await.unwrap().1);
}
