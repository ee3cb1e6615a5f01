//! The audit log is a chain: whatever is changed, taken out, added or cut off is found.

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use vitrine_model::audit::AuditFacts;
use vitrine_model::identity::{Actor, ActorKind};
use vitrine_store::{AuditFilter, Scope};

use crate::support::Fixture;

fn facts(fixture: &Fixture, scope: &Scope, operation: &str) -> AuditFacts {
    AuditFacts {
        at: fixture.now(),
        actor: Actor { kind: ActorKind::Browser, user_id: scope.user.clone(), key_id: None },
        operation: operation.to_owned(),
        target: "/v1/apps".to_owned(),
        app: None,
        status: 201,
        from: Some("192.0.2.1".to_owned()),
        request_id: "req_1".to_owned(),
        note: None,
    }
}

async fn log(fixture: &Fixture, entries: usize) {
    for number in 0..entries {
        let facts = facts(fixture, &fixture.scope, &format!("operation_{number}"));
        fixture.store.append_audit(&fixture.scope.tenant, &facts).await.unwrap();
    }
}

/// The database as somebody with the file has it.
async fn intruder(fixture: &Fixture) -> DatabaseConnection {
    Database::connect(format!("sqlite:{}", fixture.database().display())).await.unwrap()
}

async fn broken_at(fixture: &Fixture) -> Option<u64> {
    let verdict = fixture.store.verify_audit(&fixture.scope).await.unwrap();
    assert_eq!(verdict.intact, verdict.broken_at.is_none());
    verdict.broken_at
}

#[tokio::test]
async fn an_untouched_log_is_whole_and_another_tenants_is_its_own() {
    let fixture = Fixture::new().await;
    assert_eq!(broken_at(&fixture).await, None, "an empty one too");
    log(&fixture, 5).await;
    let theirs = fixture.other_tenant().await;
    let seq = fixture.store.append_audit(&theirs.tenant, &facts(&fixture, &theirs, "x")).await.unwrap();
    assert_eq!(seq, 1);
    let verdict = fixture.store.verify_audit(&fixture.scope).await.unwrap();
    assert_eq!((verdict.intact, verdict.entries), (true, 5));
    let page = fixture.store.audit(&theirs, &AuditFilter::default(), 10, None).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].hash, fixture.store.verify_audit(&theirs).await.unwrap().head);
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_where_it_was_done() {
    let cases = [
        ("UPDATE audit_entries SET user_id = 'usr_00000000000000000000000000' WHERE seq = 3", 3),
        ("UPDATE audit_entries SET status = 403 WHERE seq = 1", 1),
        ("UPDATE audit_entries SET at = at + 1 WHERE seq = 5", 5),
        ("UPDATE audit_entries SET address = NULL WHERE seq = 2", 2),
        ("UPDATE audit_entries SET operation = 'x' WHERE seq = 4", 4),
        ("UPDATE audit_entries SET actor_kind = 'nobody' WHERE seq = 4", 4),
        ("UPDATE audit_entries SET hash = zeroblob(32) WHERE seq = 2", 2),
        ("DELETE FROM audit_entries WHERE seq = 1", 1),
        ("DELETE FROM audit_entries WHERE seq = 3", 3),
        ("DELETE FROM audit_entries WHERE seq = 5", 5),
        ("DELETE FROM audit_entries", 1),
        ("DELETE FROM audit_entries WHERE seq = 3; UPDATE audit_entries SET seq = seq - 1 WHERE seq > 3", 3),
        ("UPDATE audit_entries SET seq = 99 WHERE seq = 5", 5),
        ("UPDATE tenants SET audit_head = zeroblob(32)", 6),
        ("UPDATE tenants SET audit_seq = 4", 5),
    ];
    for (tampering, at) in cases {
        let fixture = Fixture::new().await;
        log(&fixture, 5).await;
        assert_eq!(broken_at(&fixture).await, None);
        intruder(&fixture).await.execute_unprepared(tampering).await.unwrap();
        assert_eq!(broken_at(&fixture).await, Some(at), "{tampering}");
    }
}

#[tokio::test]
async fn an_entry_slipped_in_at_the_end_is_found() {
    let fixture = Fixture::new().await;
    log(&fixture, 2).await;
    let slip = "INSERT INTO audit_entries SELECT tenant_id, 3, at, actor_kind, user_id, key_id, operation, target, app_id, \
                status, address, request_id, note, hash FROM audit_entries WHERE seq = 2";
    intruder(&fixture).await.execute_unprepared(slip).await.unwrap();
    assert_eq!(broken_at(&fixture).await, Some(3));
}

#[tokio::test]
async fn entries_appended_at_once_make_one_chain() {
    let fixture = Fixture::new().await;
    let facts = facts(&fixture, &fixture.scope, "x");
    let calls = (0..20).map(|_| fixture.store.append_audit(&fixture.scope.tenant, &facts));
    let mut places: Vec<_> = futures::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=20).collect::<Vec<_>>());
    assert_eq!(broken_at(&fixture).await, None);
}

#[tokio::test]
async fn a_log_longer_than_one_piece_is_checked_to_its_end() {
    let fixture = Fixture::new().await;
    log(&fixture, 1_003).await;
    assert_eq!(broken_at(&fixture).await, None);
    let tampering = "UPDATE audit_entries SET note = 'x' WHERE seq = 1002";
    intruder(&fixture).await.execute_unprepared(tampering).await.unwrap();
    assert_eq!(broken_at(&fixture).await, Some(1_002));
}

#[tokio::test]
async fn a_log_is_read_by_pages_and_by_what_is_asked_for() {
    let fixture = Fixture::new().await;
    log(&fixture, 5).await;
    fixture.clock.advance_secs(60);
    log(&fixture, 2).await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let all = AuditFilter::default();
    let first = store.audit(scope, &all, 4, None).await.unwrap();
    let rest = store.audit(scope, &all, 4, first.next_cursor.as_deref()).await.unwrap();
    let places: Vec<_> = first.items.iter().chain(&rest.items).map(|entry| entry.seq).collect();
    assert_eq!(places, [7, 6, 5, 4, 3, 2, 1]);
    let named = AuditFilter { operation: Some("operation_1".to_owned()), ..all.clone() };
    let found = store.audit(scope, &named, 10, None).await.unwrap().items;
    assert_eq!(found.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [7, 2]);
    let late = AuditFilter { since: Some(fixture.now()), ..all.clone() };
    assert_eq!(store.audit(scope, &late, 10, None).await.unwrap().items.len(), 2);
    let early = AuditFilter { until: Some(fixture.now()), ..all.clone() };
    assert_eq!(store.audit(scope, &early, 10, None).await.unwrap().items.len(), 5);
    let nobody = AuditFilter { user: Some(fixture.other_tenant().await.user), ..all.clone() };
    assert!(store.audit(scope, &nobody, 10, None).await.unwrap().items.is_empty());
    let piece = store.audit_after(scope, &all, 5, 10).await.unwrap();
    assert_eq!(piece.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [6, 7]);
}
