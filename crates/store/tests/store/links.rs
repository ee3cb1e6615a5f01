//! Preview links, used tokens and quotas as the store keeps them.

use vitrine_model::quota::Quota;
use vitrine_model::{Sha256, TenantId};
use vitrine_store::{Allowance, MOST_LINKS, NewPreviewLink, QuotaOverrides, Quotas, StoreError, TenantPatch};

use crate::support::{Fixture, new_app, tree};

fn new_link(fixture: &Fixture, secret: &str) -> NewPreviewLink {
    NewPreviewLink {
        label: None,
        revision: None,
        secret_hash: Sha256::of(secret.as_bytes()),
        password_hash: None,
        expires_at: fixture.now().plus_secs(600),
    }
}

#[tokio::test]
async fn a_token_is_used_up_once_for_all_and_forgotten_after_it_expired() {
    let fixture = Fixture::new().await;
    let until = fixture.now().plus_secs(120);
    let tries = (0..20).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.redeem_token("ses_1", "nonce", until).await.unwrap() })
    });
    let outcomes = futures::future::join_all(tries).await;
    assert_eq!(outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 1);
    assert!(!fixture.reopened().await.redeem_token("ses_1", "nonce", until).await.unwrap(), "also later");
    assert!(fixture.store.redeem_token("ses_2", "nonce", until).await.unwrap(), "another session's");
    assert_eq!(fixture.store.collect_redeemed_tokens().await.unwrap(), 0);
    fixture.clock.advance_secs(120 + 3_600);
    assert_eq!(fixture.store.collect_redeemed_tokens().await.unwrap(), 2);
}

#[tokio::test]
async fn a_link_is_its_tenants_alone_and_goes_with_its_app() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[("a.txt", "a")]).await.id;
    let other = fixture.other_tenant().await;
    let link = store.create_preview_link(scope, &app, new_link(&fixture, "s")).await.unwrap();
    let foreign = store.create_preview_link(&other, &app, new_link(&fixture, "t")).await;
    assert!(matches!(foreign, Err(StoreError::NotFound)));
    assert!(matches!(store.preview_links(&other, &app).await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_preview_link(&other, &app, &link.id).await, Err(StoreError::NotFound)));
    let stored = store.preview_link_by_secret(&Sha256::of(b"s")).await.unwrap().unwrap();
    assert_eq!((&stored.link, &stored.scope), (&link, scope));
    assert!(store.preview_link_by_secret(&Sha256::of(b"t")).await.unwrap().is_none());
    store.delete_app(scope, &app).await.unwrap();
    assert!(store.preview_link(&link.id).await.unwrap().is_none());
    assert!(matches!(store.count_link_visit(&link.id).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn an_app_has_so_many_links_and_expired_ones_are_removed_a_month_later() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[]).await.id;
    for n in 0..MOST_LINKS {
        store.create_preview_link(scope, &app, new_link(&fixture, &n.to_string())).await.unwrap();
    }
    let more = store.create_preview_link(scope, &app, new_link(&fixture, "more")).await;
    assert!(matches!(more, Err(StoreError::TooManyLinks)));
    fixture.clock.advance_secs(600 + 30 * 24 * 3_600);
    assert_eq!(store.collect_preview_links().await.unwrap(), MOST_LINKS as u64);
    assert!(store.preview_links(scope, &app).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_tenant_stores_is_counted_once_and_refused_beyond_its_quota() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    store.set_default_quotas(Quotas { storage_bytes: Allowance::AtMost(10), ..Quotas::default() });
    let used = async || {
        let uses = store.quota_use(scope).await.unwrap();
        uses.into_iter().find(|item| item.quota == Quota::StorageBytes).unwrap().used
    };
    store.put_blob(scope, "12345".into()).await.unwrap();
    store.put_blob(scope, "12345".into()).await.unwrap();
    assert_eq!(used().await, 5);
    let refused = store.put_blob(scope, "123456".into()).await;
    assert!(
        matches!(refused, Err(StoreError::QuotaExceeded { quota: Quota::StorageBytes, limit: 10, used: 5 })),
        "{refused:?}"
    );
    assert_eq!(used().await, 5);
    let hash = Sha256::of(b"123456");
    assert!(matches!(store.blob(scope, &hash).await, Err(StoreError::NotFound)), "nothing of it is kept");
    let other = fixture.other_tenant().await;
    store.put_blob(&other, "12345".into()).await.unwrap();
    assert_eq!(used().await, 5, "others' content is theirs");
}

#[tokio::test]
async fn a_tenant_with_a_limit_of_its_own_is_held_to_it_also_when_it_has_more() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let make = |name: &'static str| store.create_app(scope, new_app(name, tree(&[])));
    make("one").await.unwrap();
    make("two").await.unwrap();
    let own = QuotaOverrides { apps: Some(Allowance::AtMost(1)), ..QuotaOverrides::default() };
    store.set_quotas(&scope.tenant, own).await.unwrap();
    let refused = make("three").await;
    assert!(matches!(refused, Err(StoreError::QuotaExceeded { quota: Quota::Apps, limit: 1, used: 2 })));
    store.set_quotas(&scope.tenant, QuotaOverrides::default()).await.unwrap();
    make("three").await.unwrap();
}

#[tokio::test]
async fn a_link_of_a_suspended_tenant_is_not_there_until_the_tenant_is_brought_back() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let app = fixture.app("One", &[]).await.id;
    let link = store.create_preview_link(scope, &app, new_link(&fixture, "s")).await.unwrap().id;
    assert_eq!(
        store.preview_links_of_tenant(&scope.tenant).await.unwrap().as_slice(),
        std::slice::from_ref(&link)
    );
    for suspended in [true, false] {
        let patch = TenantPatch { name: None, suspended: Some(suspended) };
        store.update_tenant(&scope.tenant, patch).await.unwrap();
        let by_secret = store.preview_link_by_secret(&Sha256::of(b"s")).await.unwrap();
        assert_eq!(by_secret.is_none(), suspended);
        assert_eq!(store.preview_link(&link).await.unwrap().is_none(), suspended);
    }
}

#[tokio::test]
async fn a_refused_app_uses_no_storage_up() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let make = async |name: &str, text: &'static str| {
        let mut new = new_app(name, tree(&[("a.txt", text)]));
        new.slug = Some(name.to_owned());
        store.create_app_of(scope, new, vec![text.into()]).await
    };
    let used = async || {
        let uses = store.quota_use(scope).await.unwrap();
        uses.into_iter().find(|item| item.quota == Quota::StorageBytes).unwrap().used
    };
    let limit = async |apps, storage| {
        let own = QuotaOverrides {
            apps: Some(Allowance::AtMost(apps)),
            storage_bytes: Some(Allowance::AtMost(storage)),
            ..QuotaOverrides::default()
        };
        store.set_quotas(&scope.tenant, own).await.unwrap();
    };
    make("one", "12345").await.unwrap();
    assert_eq!(used().await, 5);
    assert!(matches!(make("one", "other").await, Err(StoreError::SlugTaken)));
    limit(1, 100).await;
    assert!(matches!(make("two", "another").await, Err(StoreError::QuotaExceeded { .. })));
    limit(2, 10).await;
    assert!(matches!(make("two", "too much of it").await, Err(StoreError::QuotaExceeded { .. })));
    assert_eq!(used().await, 5);
    for refused in ["other", "another", "too much of it"] {
        let hash = Sha256::of(refused.as_bytes());
        assert!(matches!(store.blob(scope, &hash).await, Err(StoreError::NotFound)), "{refused}");
    }
    make("two", "fits").await.unwrap();
    assert_eq!(used().await, 9);
}

#[tokio::test]
async fn a_tenants_own_limits_are_read_back_and_those_of_nobody_are_not_set() {
    let fixture = Fixture::new().await;
    let (store, tenant) = (&fixture.store, &fixture.scope.tenant);
    assert_eq!(store.quota_overrides(tenant).await.unwrap(), QuotaOverrides::default());
    let own = QuotaOverrides {
        apps: Some(Allowance::AtMost(0)),
        builds: Some(Allowance::Unlimited),
        ..QuotaOverrides::default()
    };
    store.set_quotas(tenant, own).await.unwrap();
    assert_eq!(store.quota_overrides(tenant).await.unwrap(), own);
    let nobody = TenantId::mint(fixture.clock.as_ref(), fixture.entropy.as_ref());
    assert!(matches!(store.set_quotas(&nobody, own).await, Err(StoreError::NotFound)));
    assert!(matches!(store.quota_overrides(&nobody).await, Err(StoreError::NotFound)));
}
