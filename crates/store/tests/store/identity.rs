//! Tenants, members, keys, browsers, invitations: who may do what, where, until when.

use vitrine_model::identity::{Actor, ActorKind, ApiKey};
use vitrine_model::{KeyId, Role, Sha256, TenantId};
use vitrine_store::{
    HostUser, Joining, NewBrowserSession, NewInvite, NewKey, NewTenant, Scope, Sight, Store, StoreError,
    TenantPatch,
};

use crate::support::{Fixture, at_secs};

const SIGHT: Sight = Sight { makes_tenants: true, makes_users: true, default_role: Role::Editor };

/// The person of a scope, by their browser.
fn by(scope: &Scope) -> Actor {
    Actor { kind: ActorKind::Browser, user_id: scope.user.clone(), key_id: None }
}

async fn person(fixture: &Fixture, email: &str, role: Role) -> Scope {
    invited(&fixture.store, &fixture.scope, email, role).await
}

async fn invited(store: &Store, into: &Scope, email: &str, role: Role) -> Scope {
    let code = Sha256::of(email.as_bytes());
    let invite = NewInvite { note: email.to_owned(), role, code, expires_at: at_secs(60) };
    store.create_invite(into, invite, &by(into)).await.unwrap();
    store.accept_invite(&code, new(email)).await.unwrap().scope
}

fn new(email: &str) -> Joining {
    Joining::New { email: email.to_owned(), name: "Somebody".to_owned(), password_hash: "h".to_owned() }
}

fn new_key(fixture: &Fixture, role: Role) -> NewKey {
    NewKey {
        id: KeyId::mint(fixture.clock.as_ref(), fixture.entropy.as_ref()),
        name: "a key".to_owned(),
        prefix: "vt_".to_owned(),
        secret: Sha256::of(b"secret"),
        role,
        apps: None,
        expires_at: None,
    }
}

async fn key(fixture: &Fixture, scope: &Scope, role: Role) -> ApiKey {
    fixture.store.create_key(scope, new_key(fixture, role), &by(scope)).await.unwrap()
}

fn new_tenant(fixture: &Fixture, name: &str) -> NewTenant {
    NewTenant {
        name: name.to_owned(),
        host_id: Some(name.to_lowercase()),
        owner_name: "Host".to_owned(),
        first_key: new_key(fixture, Role::Owner),
    }
}

async fn suspend(fixture: &Fixture, tenant: &TenantId, suspended: bool) {
    let patch = TenantPatch { name: None, suspended: Some(suspended) };
    fixture.store.update_tenant(tenant, patch).await.unwrap();
}

#[tokio::test]
async fn a_tenant_keeps_an_owner() {
    let fixture = Fixture::new().await;
    let (store, owner) = (&fixture.store, &fixture.scope);
    let demoted = store.set_member_role(owner, &owner.user, Role::Admin, &by(owner)).await;
    assert!(matches!(demoted, Err(StoreError::LastOwner)));
    assert!(matches!(store.remove_member(owner, &owner.user, &by(owner)).await, Err(StoreError::LastOwner)));
    let second = person(&fixture, "b@example.com", Role::Owner).await;
    store.set_member_role(owner, &owner.user, Role::Viewer, &by(owner)).await.unwrap();
    let left = store.remove_member(owner, &second.user, &by(&second)).await;
    assert!(matches!(left, Err(StoreError::LastOwner)));
    store.remove_member(owner, &owner.user, &by(&second)).await.unwrap();
    assert_eq!(store.list_members(&second, 10, None).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn of_two_owners_who_leave_at_once_one_stays() {
    let fixture = Fixture::new().await;
    let (store, first) = (&fixture.store, &fixture.scope);
    let second = person(&fixture, "b@example.com", Role::Owner).await;
    let (own, by_first) = (first.user.clone(), by(first));
    let (one, two) = tokio::join!(
        store.remove_member(first, &own, &by_first),
        store.remove_member(first, &second.user, &by_first)
    );
    assert_eq!([one, two].iter().filter(|left| left.is_ok()).count(), 1);
}

#[tokio::test]
async fn whoever_has_lost_their_role_or_key_manages_nobody_whatever_they_were_let_in_as() {
    let fixture = Fixture::new().await;
    let (store, ours) = (&fixture.store, &fixture.scope);
    let admin = person(&fixture, "a@example.com", Role::Admin).await;
    let viewer = person(&fixture, "v@example.com", Role::Viewer).await;
    let owners = key(&fixture, ours, Role::Owner).await;
    let with_key = |key: &ApiKey| Actor { kind: ActorKind::Key, key_id: Some(key.id.clone()), ..by(&admin) };
    let tries = async |by: &Actor| {
        let code = Sha256::of(b"a try");
        let invite = NewInvite { note: String::new(), role: Role::Viewer, code, expires_at: at_secs(60) };
        let kept = [
            store.set_member_role(&admin, &viewer.user, Role::Viewer, by).await.map(drop),
            store.create_invite(&admin, invite, by).await.map(drop),
            store.revoke_key(&admin, &owners.id, by).await,
            store.set_member_role(&admin, &viewer.user, Role::Owner, by).await.map(drop),
            store.remove_member(&admin, &ours.user, by).await,
        ];
        kept.map(|result| match result {
            Ok(()) => true,
            Err(StoreError::Forbidden) => false,
            Err(other) => panic!("{other}"),
        })
    };
    let live = key(&fixture, &admin, Role::Admin).await;
    let narrow = key(&fixture, &admin, Role::Editor).await;
    assert_eq!(
        tries(&by(&admin)).await,
        [true, true, false, false, false],
        "admins manage everybody but owners"
    );
    assert_eq!(tries(&with_key(&narrow)).await, [false; 5], "a key does what it is for");
    store.revoke_key(ours, &live.id, &with_key(&live)).await.unwrap();
    assert_eq!(tries(&with_key(&live)).await, [false; 5], "not with a revoked key");
    store.set_member_role(ours, &admin.user, Role::Editor, &by(ours)).await.unwrap();
    assert_eq!(tries(&by(&admin)).await, [false; 5], "not after a demotion");
    store.remove_member(ours, &admin.user, &by(ours)).await.unwrap();
    assert_eq!(tries(&by(&admin)).await, [false; 5], "not as a stranger");
    let suspended = TenantPatch { suspended: Some(true), ..TenantPatch::default() };
    store.update_tenant(&ours.tenant, suspended).await.unwrap();
    assert_eq!(tries(&by(ours)).await, [false; 5], "not in a suspended tenant");
    let operator = Actor { kind: ActorKind::AdminKey, ..by(ours) };
    store.set_member_role(ours, &viewer.user, Role::Editor, &operator).await.unwrap();
}

#[tokio::test]
async fn members_keys_and_invitations_of_another_tenant_are_not_found() {
    let fixture = Fixture::new().await;
    let (store, ours) = (&fixture.store, &fixture.scope);
    let theirs = fixture.other_tenant().await;
    let key = key(&fixture, ours, Role::Owner).await;
    let code = Sha256::of(b"code");
    let invite = NewInvite { note: String::new(), role: Role::Viewer, code, expires_at: at_secs(60) };
    let invite = store.create_invite(ours, invite, &by(ours)).await.unwrap();
    assert!(matches!(store.member(&theirs, &ours.user).await, Err(StoreError::NotFound)));
    let promoted = store.set_member_role(&theirs, &ours.user, Role::Viewer, &by(&theirs)).await;
    assert!(matches!(promoted, Err(StoreError::NotFound)));
    let removed = store.remove_member(&theirs, &ours.user, &by(&theirs)).await;
    assert!(matches!(removed, Err(StoreError::NotFound)));
    assert!(matches!(store.key(&theirs, &key.id).await, Err(StoreError::NotFound)));
    let revoked = store.revoke_key(&theirs, &key.id, &by(&theirs)).await;
    assert!(matches!(revoked, Err(StoreError::NotFound)));
    assert!(matches!(store.withdraw_invite(&theirs, &invite.id).await, Err(StoreError::NotFound)));
    assert!(store.list_keys(&theirs, 10, None).await.unwrap().items.is_empty());
    assert!(store.list_invites(&theirs, 10, None).await.unwrap().items.is_empty());
    assert!(store.key_record(&key.id).await.unwrap().is_some(), "nothing of it was changed");
}

#[tokio::test]
async fn a_key_is_for_apps_of_its_own_tenant() {
    let fixture = Fixture::new().await;
    let app = fixture.app("An app", &[("index.html", "")]).await;
    let theirs = fixture.other_tenant().await;
    let new = NewKey {
        id: KeyId::mint(fixture.clock.as_ref(), fixture.entropy.as_ref()),
        name: "x".to_owned(),
        prefix: "vt_".to_owned(),
        secret: Sha256::of(b""),
        role: Role::Viewer,
        apps: Some(vec![app.id.clone()]),
        expires_at: None,
    };
    let stolen = fixture.store.create_key(&theirs, new.clone(), &by(&theirs)).await;
    assert!(matches!(stolen, Err(StoreError::NotFound)));
    let made = fixture.store.create_key(&fixture.scope, new, &by(&fixture.scope)).await.unwrap();
    assert_eq!(fixture.store.key_record(&made.id).await.unwrap().unwrap().apps, Some(vec![app.id]));
}

#[tokio::test]
async fn a_key_ends_with_its_revocation_and_with_its_member() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let member = person(&fixture, "b@example.com", Role::Admin).await;
    let (one, two) = (key(&fixture, &member, Role::Admin).await, key(&fixture, &member, Role::Viewer).await);
    store.revoke_key(&fixture.scope, &one.id, &by(&fixture.scope)).await.unwrap();
    assert!(store.key_record(&one.id).await.unwrap().is_none());
    assert!(store.key_record(&two.id).await.unwrap().is_some());
    store.remove_member(&fixture.scope, &member.user, &by(&fixture.scope)).await.unwrap();
    assert!(store.key_record(&two.id).await.unwrap().is_none());
    let again = invited(store, &fixture.scope, "c@example.com", Role::Admin).await;
    assert_ne!(again.user, member.user);
    assert!(store.key(&fixture.scope, &two.id).await.unwrap().revoked_at.is_some(), "it stays revoked");
}

#[tokio::test]
async fn the_use_of_a_key_is_written_once_a_minute() {
    let fixture = Fixture::new().await;
    let key = key(&fixture, &fixture.scope, Role::Viewer).await;
    let last_use = async || fixture.store.key(&fixture.scope, &key.id).await.unwrap().last_used_at;
    assert_eq!(last_use().await, None);
    fixture.store.note_key_use(&key.id).await.unwrap();
    fixture.clock.advance_secs(59);
    fixture.store.note_key_use(&key.id).await.unwrap();
    assert_eq!(last_use().await, Some(at_secs(0)));
    fixture.clock.advance_secs(1);
    fixture.store.note_key_use(&key.id).await.unwrap();
    assert_eq!(last_use().await, Some(at_secs(60)));
}

#[tokio::test]
async fn an_invitation_is_accepted_once_in_time_and_never_lowers_a_role() {
    let fixture = Fixture::new().await;
    let (store, ours) = (&fixture.store, &fixture.scope);
    let invite = |code: &Sha256, role| NewInvite {
        note: String::new(),
        role,
        code: *code,
        expires_at: fixture.now().plus_secs(60),
    };
    let code = Sha256::of(b"one");
    store.create_invite(ours, invite(&code, Role::Viewer), &by(ours)).await.unwrap();
    let (one, two) =
        tokio::join!(store.accept_invite(&code, new("a@x.y")), store.accept_invite(&code, new("b@x.y")));
    assert_eq!([one, two].iter().filter(|joined| joined.is_ok()).count(), 1);

    store.create_invite(ours, invite(&code, Role::Viewer), &by(ours)).await.unwrap();
    store.accept_invite(&code, Joining::Known(ours.user.clone())).await.unwrap();
    assert_eq!(store.member(ours, &ours.user).await.unwrap().role, Role::Owner);

    store.create_invite(ours, invite(&code, Role::Viewer), &by(ours)).await.unwrap();
    fixture.clock.advance_secs(61);
    assert!(matches!(store.accept_invite(&code, new("c@x.y")).await, Err(StoreError::NotFound)));
    assert!(store.list_invites(ours, 10, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn an_email_is_one_accounts_and_a_taken_one_uses_no_invitation_up() {
    let fixture = Fixture::new().await;
    person(&fixture, "a@example.com", Role::Viewer).await;
    let code = Sha256::of(b"another");
    let invite = NewInvite { note: String::new(), role: Role::Viewer, code, expires_at: at_secs(60) };
    fixture.store.create_invite(&fixture.scope, invite, &by(&fixture.scope)).await.unwrap();
    let taken = fixture.store.accept_invite(&code, new("a@example.com")).await;
    assert!(matches!(taken, Err(StoreError::EmailTaken)));
    assert!(fixture.store.is_invited(&code).await.unwrap());
    let kept = Sha256::of(b"cookie");
    let user = &fixture.scope.user;
    let set = fixture.store.set_credentials(user, "a@example.com", "h", &kept).await;
    assert!(matches!(set, Err(StoreError::EmailTaken)));
    assert_eq!(fixture.store.account(user).await.unwrap().password_hash, None);
}

#[tokio::test]
async fn a_new_password_signs_out_every_other_browser() {
    let fixture = Fixture::new().await;
    let (store, scope) = (&fixture.store, &fixture.scope);
    let tokens = [Sha256::of(b"one"), Sha256::of(b"two"), Sha256::of(b"three")];
    for token in tokens {
        let new = NewBrowserSession { token, proof: "key".to_owned(), expires_at: at_secs(60) };
        store.open_browser_session(scope, new).await.unwrap();
    }
    store.set_credentials(&scope.user, "a@example.com", "h", &tokens[0]).await.unwrap();
    assert!(store.browser_session(&tokens[0]).await.unwrap().is_some());
    assert!(store.browser_session(&tokens[1]).await.unwrap().is_none());
    store.close_browser_sessions(&scope.user).await.unwrap();
    assert!(store.browser_session(&tokens[0]).await.unwrap().is_none());
}

#[tokio::test]
async fn a_browser_is_signed_in_until_its_time_is_over() {
    let fixture = Fixture::new().await;
    let token = Sha256::of(b"one");
    let new = NewBrowserSession { token, proof: "key".to_owned(), expires_at: at_secs(60) };
    fixture.store.open_browser_session(&fixture.scope, new).await.unwrap();
    let theirs = fixture.other_tenant().await;
    let chosen = fixture.store.choose_tenant(&token, &theirs.tenant).await;
    assert!(matches!(chosen, Err(StoreError::NotFound)), "a tenant of others cannot be looked at");
    fixture.clock.advance_secs(59);
    assert!(fixture.store.browser_session(&token).await.unwrap().is_some());
    assert_eq!(fixture.store.collect_browser_sessions().await.unwrap(), 0);
    fixture.clock.advance_secs(1);
    assert!(fixture.store.browser_session(&token).await.unwrap().is_none());
    assert_eq!(fixture.store.collect_browser_sessions().await.unwrap(), 1);
}

#[tokio::test]
async fn a_tenant_is_made_with_its_owner_suspended_and_brought_back() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (tenant, owner, key) = store.create_tenant(new_tenant(&fixture, "Acme")).await.unwrap();
    assert_eq!(store.key_record(&key.id).await.unwrap().unwrap().standing.scope, owner);
    let again = store.create_tenant(new_tenant(&fixture, "Acme")).await;
    assert!(matches!(again, Err(StoreError::TenantExists)));
    let standing = store.standing(&owner.user, None).await.unwrap().unwrap();
    assert_eq!((standing.role, standing.is_suspended), (Role::Owner, false));
    suspend(&fixture, &tenant.id, true).await;
    assert!(store.standing(&owner.user, None).await.unwrap().unwrap().is_suspended);
    suspend(&fixture, &tenant.id, false).await;
    assert!(!store.standing(&owner.user, None).await.unwrap().unwrap().is_suspended);
    let names: Vec<_> =
        store.list_tenants(10, None).await.unwrap().items.into_iter().map(|tenant| tenant.name).collect();
    assert_eq!(names, ["Default", "Acme"]);
}

fn seen(issuer: &str, tenant: Option<&str>, role: Option<Role>) -> HostUser {
    HostUser {
        issuer: issuer.to_owned(),
        subject: "42".to_owned(),
        name: "Ada".to_owned(),
        tenant: tenant.map(str::to_owned),
        role,
    }
}

#[tokio::test]
async fn a_hosts_user_is_the_same_at_every_sight_and_another_issuers_is_not() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (one, two) = (seen("https://a", Some("acme"), None), seen("https://b", Some("acme"), None));
    let calls = (0..8).map(|_| store.host_standing(&one, SIGHT));
    let standings = futures::future::join_all(calls).await;
    let first = standings[0].as_ref().unwrap().clone().unwrap();
    assert_eq!(first.role, Role::Editor);
    assert!(standings.iter().all(|standing| standing.as_ref().unwrap().as_ref() == Some(&first)));
    let other = store.host_standing(&two, SIGHT).await.unwrap().unwrap();
    assert_eq!(other.scope.tenant, first.scope.tenant);
    assert_ne!(other.scope.user, first.scope.user);
}

#[tokio::test]
async fn no_host_can_name_a_tenant_that_is_not_its_own() {
    let fixture = Fixture::new().await;
    let default: TenantId = fixture.scope.tenant.clone();
    for name in ["default", "named:default", default.as_str(), "Default"] {
        let standing =
            fixture.store.host_standing(&seen("https://a", Some(name), None), SIGHT).await.unwrap();
        assert_ne!(standing.unwrap().scope.tenant, default, "{name}");
    }
    let unnamed = fixture.store.host_standing(&seen("https://a", None, None), SIGHT).await.unwrap();
    assert_eq!(unnamed.unwrap().scope.tenant, default, "without a tenant it is the server's own");
}

#[tokio::test]
async fn a_role_that_the_host_states_replaces_the_one_on_record() {
    let fixture = Fixture::new().await;
    let role = async |role| {
        let seen = seen("https://a", Some("acme"), role);
        fixture.store.host_standing(&seen, SIGHT).await.unwrap().unwrap().role
    };
    assert_eq!(role(Some(Role::Admin)).await, Role::Admin);
    assert_eq!(role(None).await, Role::Admin);
    assert_eq!(role(Some(Role::Viewer)).await, Role::Viewer);
}

#[tokio::test]
async fn nobody_is_made_at_sight_where_that_is_not_allowed() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let no_tenants = Sight { makes_tenants: false, ..SIGHT };
    assert_eq!(store.host_standing(&seen("i", Some("acme"), None), no_tenants).await.unwrap(), None);
    let no_users = Sight { makes_users: false, ..SIGHT };
    assert_eq!(store.host_standing(&seen("i", Some("acme"), None), no_users).await.unwrap(), None);
    assert_eq!(store.list_tenants(10, None).await.unwrap().items.len(), 1, "not even the tenant");
}

#[tokio::test]
async fn a_tenant_whose_first_key_cannot_be_written_is_not_made() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let taken = key(&fixture, &fixture.scope, Role::Viewer).await.id;
    let mut new = new_tenant(&fixture, "Acme");
    new.first_key.id = taken;
    assert!(store.create_tenant(new).await.is_err());
    assert_eq!(store.list_tenants(10, None).await.unwrap().items.len(), 1);
    store.create_tenant(new_tenant(&fixture, "Acme")).await.unwrap();
}

#[tokio::test]
async fn of_a_persons_tenants_those_that_are_not_suspended_come_first() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (first, user) = (fixture.scope.tenant.clone(), fixture.scope.user.clone());
    let (second, owner, _) = store.create_tenant(new_tenant(&fixture, "Acme")).await.unwrap();
    let code = Sha256::of(b"code");
    let invite = NewInvite { note: String::new(), role: Role::Viewer, code, expires_at: at_secs(60) };
    fixture.clock.advance_secs(1);
    store.create_invite(&owner, invite, &by(&owner)).await.unwrap();
    store.accept_invite(&code, Joining::Known(user.clone())).await.unwrap();
    let stands = async || {
        let standing = store.standing(&user, None).await.unwrap().unwrap();
        (standing.scope.tenant, standing.is_suspended)
    };
    assert_eq!(stands().await, (first.clone(), false));
    suspend(&fixture, &first, true).await;
    assert_eq!(stands().await, (second.id.clone(), false));
    suspend(&fixture, &second.id, true).await;
    assert_eq!(stands().await, (first.clone(), true), "all are suspended: the one they joined first");
    let named = store.standing(&user, Some(&first)).await.unwrap().unwrap();
    assert!(named.is_suspended, "who names a tenant is told of that one");
}

#[tokio::test]
async fn a_hosts_token_does_not_leave_a_tenant_without_an_owner() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let role = async |role| {
        let seen = seen("https://a", Some("acme"), role);
        let standing = store.host_standing(&seen, SIGHT).await.unwrap().unwrap();
        (standing.role, store.member(&standing.scope, &standing.scope.user).await.unwrap().role)
    };
    assert_eq!(role(Some(Role::Owner)).await, (Role::Owner, Role::Owner));
    assert_eq!(role(Some(Role::Viewer)).await, (Role::Viewer, Role::Owner), "may what the token says");
    let other = HostUser { subject: "43".to_owned(), ..seen("https://a", Some("acme"), Some(Role::Owner)) };
    store.host_standing(&other, SIGHT).await.unwrap().unwrap();
    assert_eq!(role(Some(Role::Viewer)).await, (Role::Viewer, Role::Viewer), "there is another one now");
}

#[tokio::test]
async fn who_was_taken_out_does_not_come_back_with_the_next_token() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (_, owner, _) = store.create_tenant(new_tenant(&fixture, "acme")).await.unwrap();
    let seen = seen("https://a", Some("acme"), Some(Role::Editor));
    let user = store.host_standing(&seen, SIGHT).await.unwrap().unwrap().scope.user;
    let early = store.readmit_member(&owner, &user, Role::Owner).await;
    assert!(matches!(early, Err(StoreError::NotFound)), "a member is not let in again");
    store.remove_member(&owner, &user, &by(&owner)).await.unwrap();
    assert_eq!(store.host_standing(&seen, SIGHT).await.unwrap(), None);
    assert!(matches!(store.member(&owner, &user).await, Err(StoreError::NotFound)));

    let stranger = store.readmit_member(&fixture.scope, &user, Role::Viewer).await;
    assert!(matches!(stranger, Err(StoreError::NotFound)), "another tenant lets nobody in");
    assert_eq!(store.readmit_member(&owner, &user, Role::Viewer).await.unwrap().role, Role::Viewer);
    let back = store.host_standing(&seen, SIGHT).await.unwrap().unwrap();
    assert_eq!((back.scope.user, back.role), (user, Role::Editor));
}

#[tokio::test]
async fn who_was_taken_out_and_accepts_an_invitation_is_a_member_for_good() {
    let fixture = Fixture::new().await;
    let (store, owner) = (&fixture.store, &fixture.scope);
    let user = person(&fixture, "b@example.com", Role::Viewer).await.user;
    store.remove_member(owner, &user, &by(owner)).await.unwrap();
    let code = Sha256::of(b"again");
    let invite = NewInvite { note: String::new(), role: Role::Editor, code, expires_at: at_secs(60) };
    let invite = store.create_invite(owner, invite, &by(owner)).await.unwrap();
    let accepted = store.accept_invite(&code, Joining::Known(user.clone())).await.unwrap();
    assert_eq!((accepted.invite, accepted.role), (invite.id, Role::Editor));
    let again = store.readmit_member(owner, &user, Role::Owner).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "that they once left is forgotten");
}

#[tokio::test]
async fn invitations_are_listed_by_pages_and_removed_when_they_are_over() {
    let fixture = Fixture::new().await;
    let (store, ours) = (&fixture.store, &fixture.scope);
    for number in 0..5_u8 {
        let code = Sha256::of(&[number]);
        let expires_at = at_secs(60 + i64::from(number));
        let new = NewInvite { note: number.to_string(), role: Role::Viewer, code, expires_at };
        store.create_invite(ours, new, &by(ours)).await.unwrap();
    }
    let (mut notes, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list_invites(ours, 2, cursor.as_deref()).await.unwrap();
        notes.extend(page.items.into_iter().map(|invite| invite.note));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    notes.sort();
    assert_eq!(notes, ["0", "1", "2", "3", "4"]);
    fixture.clock.advance_secs(62);
    assert_eq!(store.collect_invites().await.unwrap(), 3);
    assert_eq!(store.collect_invites().await.unwrap(), 0);
    assert_eq!(store.list_invites(ours, 10, None).await.unwrap().items.len(), 2);
}
