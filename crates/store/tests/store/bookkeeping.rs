//! Leases, idempotency keys and layers.

use std::time::Duration;

use bytes::Bytes;
use vitrine_model::Sha256;
use vitrine_store::{Idempotency, LayerKind, LayerRow, StoreError};

use crate::support::{Fixture, at_secs};

const TTL: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_lease_has_one_holder_and_its_token_only_grows() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let a = store.acquire_lease("app/1", "a", TTL).await.unwrap().unwrap();
    assert_eq!((a.fencing_token, a.expires_at), (1, at_secs(30)));
    assert_eq!(store.acquire_lease("app/1", "b", TTL).await.unwrap(), None);
    assert!(store.acquire_lease("app/2", "b", TTL).await.unwrap().is_some(), "names are independent");
    fixture.clock.advance_secs(30);
    let b = store.acquire_lease("app/1", "b", TTL).await.unwrap().unwrap();
    assert_eq!(b.fencing_token, 2);
    assert!(matches!(store.renew_lease(&a, TTL).await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.release_lease(&a).await, Err(StoreError::LeaseLost)));
    store.release_lease(&b).await.unwrap();
    assert!(matches!(store.release_lease(&b).await, Err(StoreError::LeaseLost)));
    let c = fixture.reopened().await.acquire_lease("app/1", "c", TTL).await.unwrap().unwrap();
    assert_eq!(c.fencing_token, 3, "a released lease keeps its count");
}

#[tokio::test]
async fn a_renewed_lease_keeps_its_token_and_keeps_others_out() {
    let fixture = Fixture::new().await;
    let lease = fixture.store.acquire_lease("x", "a", TTL).await.unwrap().unwrap();
    fixture.clock.advance_secs(29);
    let renewed = fixture.store.renew_lease(&lease, TTL).await.unwrap();
    assert_eq!((renewed.fencing_token, renewed.expires_at), (1, at_secs(59)));
    fixture.clock.advance_secs(29);
    assert_eq!(fixture.store.acquire_lease("x", "b", TTL).await.unwrap(), None);
    let again = fixture.store.acquire_lease("x", "a", TTL).await.unwrap().unwrap();
    assert_eq!(again.fencing_token, 2, "a restarted holder fences off what it was before");
    assert!(matches!(fixture.store.renew_lease(&renewed, TTL).await, Err(StoreError::LeaseLost)));
}

#[tokio::test]
async fn of_many_who_want_a_lease_at_once_one_gets_it() {
    let fixture = Fixture::new().await;
    let names: Vec<_> = (0..16).map(|n| format!("worker {n}")).collect();
    let calls = names.iter().map(|name| fixture.store.acquire_lease("x", name, TTL));
    let granted =
        futures::future::join_all(calls).await.into_iter().filter(|lease| lease.as_ref().unwrap().is_some());
    assert_eq!(granted.count(), 1);
}

#[tokio::test]
async fn a_repeated_request_is_answered_like_the_first() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let (request, other) = (Sha256::of(b"request"), Sha256::of(b"other"));
    assert_eq!(store.begin_idempotent(scope, "k", request).await.unwrap(), Idempotency::Fresh);
    assert_eq!(store.begin_idempotent(scope, "k", request).await.unwrap(), Idempotency::InFlight);
    let body = Bytes::from_static(b"{}");
    store.finish_idempotent(scope, "k", 201, body.clone(), "application/json").await.unwrap();
    let replay = Idempotency::Replay { status: 201, body, content_type: "application/json".to_owned() };
    let again = fixture.reopened().await;
    assert_eq!(again.begin_idempotent(scope, "k", request).await.unwrap(), replay);
    assert_eq!(store.begin_idempotent(scope, "k", other).await.unwrap(), Idempotency::Mismatch);
    let stranger = fixture.other_tenant().await;
    assert_eq!(
        store.begin_idempotent(&stranger, "k", other).await.unwrap(),
        Idempotency::Fresh,
        "keys are the caller's"
    );
    let finished = store.finish_idempotent(scope, "k", 200, Bytes::new(), "").await;
    assert!(matches!(finished, Err(StoreError::NotFound)), "the first answer stands");
}

#[tokio::test]
async fn an_abandoned_key_may_be_tried_again_and_a_finished_one_not() {
    let fixture = Fixture::new().await;
    let (store, scope, request) = (&fixture.store, &fixture.scope, Sha256::of(b"request"));
    store.begin_idempotent(scope, "k", request).await.unwrap();
    store.abandon_idempotent(scope, "k").await.unwrap();
    assert_eq!(store.begin_idempotent(scope, "k", request).await.unwrap(), Idempotency::Fresh);
    store.finish_idempotent(scope, "k", 204, Bytes::new(), "").await.unwrap();
    store.abandon_idempotent(scope, "k").await.unwrap();
    let again = store.begin_idempotent(scope, "k", request).await.unwrap();
    assert!(matches!(again, Idempotency::Replay { status: 204, .. }));
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day() {
    let fixture = Fixture::new().await;
    let (store, scope, request) = (&fixture.store, &fixture.scope, Sha256::of(b"request"));
    for key in ["a", "b"] {
        store.begin_idempotent(scope, key, request).await.unwrap();
    }
    fixture.clock.advance_secs(24 * 3_600 - 1);
    assert_eq!(store.begin_idempotent(scope, "a", request).await.unwrap(), Idempotency::InFlight);
    assert_eq!(store.collect_idempotency_keys().await.unwrap(), 0);
    fixture.clock.advance_secs(1);
    assert_eq!(store.begin_idempotent(scope, "a", Sha256::of(b"new")).await.unwrap(), Idempotency::Fresh);
    assert_eq!(store.collect_idempotency_keys().await.unwrap(), 1, "only the old one");
}

#[tokio::test]
async fn of_equal_requests_at_once_one_is_fresh() {
    let fixture = Fixture::new().await;
    let request = Sha256::of(b"request");
    let calls = (0..16).map(|_| fixture.store.begin_idempotent(&fixture.scope, "k", request));
    let fresh = futures::future::join_all(calls).await;
    assert_eq!(fresh.iter().filter(|result| matches!(result, Ok(Idempotency::Fresh))).count(), 1);
}

#[tokio::test]
async fn layers_are_listed_the_longest_unused_first() {
    let fixture = Fixture::new().await;
    let layer = |id: &str, kind, used| LayerRow {
        id: id.to_owned(),
        kind,
        size_bytes: 1 << 40,
        file_count: 3,
        created_at: at_secs(0),
        last_used_at: at_secs(used),
    };
    let (one, two) = (layer("one", LayerKind::NodeModules, 1), layer("two", LayerKind::Toolchain, 2));
    for row in [&two, &one, &layer("three", LayerKind::Prebundle, 3)] {
        fixture.store.record_layer(row).await.unwrap();
    }
    assert_eq!(fixture.store.list_layers_by_last_use(2).await.unwrap(), [one, two.clone()]);
    fixture.clock.advance_secs(10);
    fixture.store.touch_layer("one").await.unwrap();
    fixture.store.record_layer(&LayerRow { size_bytes: 7, ..two }).await.unwrap();
    fixture.store.remove_layer("three").await.unwrap();
    let listed = fixture.store.list_layers_by_last_use(10).await.unwrap();
    let listed: Vec<_> =
        listed.iter().map(|row| (row.id.as_str(), row.size_bytes, row.last_used_at)).collect();
    assert_eq!(listed, [("two", 7, at_secs(2)), ("one", 1 << 40, at_secs(10))]);
    assert!(matches!(fixture.store.remove_layer("three").await, Err(StoreError::NotFound)));
    assert!(matches!(fixture.store.touch_layer("three").await, Err(StoreError::NotFound)));
}
