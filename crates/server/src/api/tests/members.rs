//! Members, invitations, keys and tenants over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};
use vitrine_model::problem::Code;

use super::harness::{KEY, PASSWORD, TEMPLATE, TestServer};

async fn members(server: &TestServer) -> Vec<Value> {
    server.get("/v1/members").await.json()["items"].as_array().unwrap().clone()
}

async fn user(server: &TestServer, email: &str) -> String {
    let members = members(server).await;
    let found = members.iter().find(|member| member["email"] == email);
    found.unwrap_or_else(|| panic!("{email} is no member"))["user_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_role_that_changes_counts_for_the_very_next_request() {
    let server = TestServer::start().await;
    let cookie = server.person(KEY, "ada@example.com", "admin").await;
    assert_eq!(server.browse(&cookie, "GET", "/v1/keys", None).await.status, StatusCode::OK);
    let path = format!("/v1/members/{}", user(&server, "ada@example.com").await);
    server.call("PATCH", &path, Some(json!({ "role": "viewer" }))).await;
    assert_eq!(server.browse(&cookie, "GET", "/v1/keys", None).await.code(), Code::Forbidden);
    assert_eq!(server.browse(&cookie, "GET", "/v1/apps", None).await.status, StatusCode::OK);
    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.browse(&cookie, "GET", "/v1/apps", None).await.code(), Code::Unauthenticated);
    let note = server.get("/v1/audit?operation=update_member").await.json()["items"][0]["note"].clone();
    assert_eq!(note, "role: admin to viewer");
}

#[tokio::test]
async fn admins_manage_everybody_but_owners() {
    let server = TestServer::start().await;
    let admin = server.person(KEY, "admin@example.com", "admin").await;
    server.person(KEY, "editor@example.com", "editor").await;
    let owner = server.get("/v1/me").await.json()["user"]["id"].as_str().unwrap().to_owned();
    let editor = user(&server, "editor@example.com").await;
    let patch = async |user: &str, role: &str| {
        let body = json!({ "role": role });
        server.browse(&admin, "PATCH", &format!("/v1/members/{user}"), Some(body)).await
    };
    assert_eq!(patch(&owner, "viewer").await.code(), Code::Forbidden);
    assert_eq!(patch(&editor, "owner").await.code(), Code::Forbidden);
    assert_eq!(patch(&editor, "admin").await.status, StatusCode::OK);
    let removed = server.browse(&admin, "DELETE", &format!("/v1/members/{owner}"), None).await;
    assert_eq!(removed.code(), Code::Forbidden);
    for path in ["/v1/invites", "/v1/keys"] {
        let body = |role| Some(json!({ "name": "x", "role": role }));
        assert_eq!(server.browse(&admin, "POST", path, body("owner")).await.code(), Code::Forbidden);
        assert_eq!(server.browse(&admin, "POST", path, body("admin")).await.status, StatusCode::CREATED);
    }
    let last = server.call("DELETE", &format!("/v1/members/{owner}"), None).await;
    assert_eq!(last.code(), Code::LastOwner);
}

#[tokio::test]
async fn a_revoked_key_and_its_members_end_stop_the_very_next_request() {
    let server = TestServer::start().await;
    let cookie = server.person(KEY, "ada@example.com", "admin").await;
    let make = async || {
        let body = json!({ "name": "k", "role": "admin" });
        server.browse(&cookie, "POST", "/v1/keys", Some(body)).await.json()
    };
    let (one, two) = (make().await, make().await);
    let me = async |key: &Value| {
        server.call_as(key["secret"].as_str().unwrap(), "GET", "/v1/me", None).await.status
    };
    assert_eq!((me(&one).await, me(&two).await), (StatusCode::OK, StatusCode::OK));
    let path = format!("/v1/keys/{}", one["id"].as_str().unwrap());
    server.call("DELETE", &path, None).await;
    assert_eq!((me(&one).await, me(&two).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    let path = format!("/v1/members/{}", user(&server, "ada@example.com").await);
    server.call("PATCH", &path, Some(json!({ "role": "viewer" }))).await;
    let keys = server.call_as(two["secret"].as_str().unwrap(), "GET", "/v1/keys", None).await;
    assert_eq!(keys.code(), Code::Forbidden, "a key may no more than whom it acts for");
    server.call("DELETE", &path, None).await;
    assert_eq!(me(&two).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_a_hash() {
    let server = TestServer::start().await;
    let request = || {
        axum::http::Request::post("/v1/keys")
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "once")
            .body(axum::body::Body::from(json!({ "name": "k", "role": "viewer" }).to_string()))
            .unwrap()
    };
    let made = server.send(request()).await.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with(made["prefix"].as_str().unwrap()));
    let again = server.send(request()).await;
    assert_eq!(again.code(), Code::IdempotencyConflict, "an answer with a secret is not kept");
    let listed = server.get("/v1/keys").await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(secret));
    let half = secret.rsplit('_').next().unwrap();
    assert!(!server.database_contains(half), "not in the database, whatever the table");
}

#[tokio::test]
async fn the_use_of_a_key_is_seen_in_the_list() {
    let server = TestServer::start().await;
    let key = server.key(KEY, json!({ "name": "k", "role": "viewer" })).await;
    server.call_as(&key, "GET", "/v1/me", None).await;
    let seen = async {
        while server.get("/v1/keys").await.json()["items"][0]["last_used_at"].is_null() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(std::time::Duration::from_secs(10), seen).await.is_ok());
}

#[tokio::test]
async fn a_key_made_with_a_key_does_not_outlive_it() {
    let server = TestServer::start().await;
    let parent = server.key(KEY, json!({ "name": "p", "role": "admin", "expires_in_secs": 60 })).await;
    for body in [
        json!({ "name": "c", "role": "admin" }),
        json!({ "name": "c", "role": "admin", "expires_in_secs": 3_600 }),
    ] {
        let child = server.key(&parent, body).await;
        assert_eq!(server.call_as(&child, "GET", "/v1/me", None).await.status, StatusCode::OK);
    }
    server.clock.advance_secs(60);
    let keys = server.get("/v1/keys").await.json();
    let ends =
        keys["items"].as_array().unwrap().iter().map(|key| key["expires_at"].as_str().unwrap().to_owned());
    assert!(ends.into_iter().all(|end| end == "2025-10-09T08:54:20.000Z"));
}

#[tokio::test]
async fn bad_keys_members_and_tenants_are_refused() {
    let server = TestServer::start().await;
    let nowhere = "app_00000000000000000000000000";
    for (path, body, code) in [
        ("/v1/keys", json!({ "name": "", "role": "viewer" }), Code::InvalidRequest),
        ("/v1/keys", json!({ "name": "k", "role": "root" }), Code::InvalidJson),
        ("/v1/keys", json!({ "name": "k", "role": "viewer", "apps": [] }), Code::InvalidRequest),
        ("/v1/keys", json!({ "name": "k", "role": "viewer", "apps": [nowhere] }), Code::NotFound),
        ("/v1/keys", json!({ "name": "k", "role": "viewer", "expires_in_secs": 0 }), Code::InvalidRequest),
        ("/v1/invites", json!({ "name": "a\u{7}", "role": "viewer" }), Code::InvalidRequest),
        ("/v1/tenants", json!({ "name": "" }), Code::InvalidRequest),
        ("/v1/tenants", json!({ "name": "x", "host_id": " x" }), Code::InvalidRequest),
    ] {
        assert_eq!(server.post(path, body.clone()).await.code(), code, "{path}: {body}");
    }
    let host = json!({ "name": "x", "host_id": "acme" });
    assert_eq!(server.post("/v1/tenants", host.clone()).await.status, StatusCode::CREATED);
    assert_eq!(server.post("/v1/tenants", host).await.code(), Code::TenantExists);
    let own = server.get("/v1/me").await.json()["tenant"]["id"].as_str().unwrap().to_owned();
    let suspended =
        server.call("PATCH", &format!("/v1/tenants/{own}"), Some(json!({ "suspended": true }))).await;
    assert_eq!(suspended.code(), Code::InvalidRequest);
}

#[tokio::test]
async fn a_person_of_two_tenants_looks_at_one_at_a_time() {
    let server = TestServer::start().await;
    let (other, key) = server.tenant("Other").await;
    let cookie = server.person(KEY, "ada@example.com", "editor").await;
    let ours = server.browse(&cookie, "GET", "/v1/me", None).await.json()["tenant"]["id"].clone();
    let refused = server.browse(&cookie, "POST", "/v1/me/tenant", Some(json!({ "tenant": other }))).await;
    assert_eq!(refused.code(), Code::NotFound, "not before they are a member");

    let invite =
        server.call_as(&key, "POST", "/v1/invites", Some(json!({ "name": "a", "role": "viewer" }))).await;
    let code = invite.json()["code"].as_str().unwrap().to_owned();
    let wrong = json!({ "code": code, "email": "ada@example.com", "password": "not her password" });
    assert_eq!(server.open_call("/v1/invites/accept", wrong).await.code(), Code::Unauthenticated);
    assert_eq!(server.accept(&code, "ada@example.com").await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.accept(&code, "ada@example.com").await.code(), Code::NotFound, "once");

    let me = server.browse(&cookie, "GET", "/v1/me", None).await.json();
    assert_eq!(me["tenant"]["id"], ours);
    assert_eq!(me["tenants"].as_array().unwrap().len(), 2);
    let chosen = server.browse(&cookie, "POST", "/v1/me/tenant", Some(json!({ "tenant": other }))).await;
    assert_eq!(chosen.status, StatusCode::NO_CONTENT);
    let me = server.browse(&cookie, "GET", "/v1/me", None).await.json();
    assert_eq!((&me["tenant"]["id"], &me["role"]), (&json!(other), &json!("viewer")));
    let named = axum::http::Request::get("/v1/me")
        .header("cookie", &cookie)
        .header("vitrine-tenant", ours.as_str().unwrap())
        .body(axum::body::Body::empty());
    assert_eq!(server.send(named.unwrap()).await.json()["role"], "editor");
}

#[tokio::test]
async fn a_suspended_tenant_is_closed_at_once_and_comes_back() {
    let server = TestServer::start().await;
    let (tenant, key) = server.tenant("Other").await;
    let cookie = server.person(&key, "ada@example.com", "owner").await;
    let path = format!("/v1/tenants/{tenant}");
    assert_eq!(server.call_as(&key, "GET", "/v1/apps", None).await.status, StatusCode::OK);
    server.call("PATCH", &path, Some(json!({ "suspended": true }))).await;
    assert_eq!(server.call_as(&key, "GET", "/v1/apps", None).await.code(), Code::TenantSuspended);
    assert_eq!(server.browse(&cookie, "GET", "/v1/apps", None).await.code(), Code::TenantSuspended);
    server.call("PATCH", &path, Some(json!({ "suspended": false }))).await;
    assert_eq!(server.call_as(&key, "GET", "/v1/apps", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_previews_of_who_leaves_and_of_who_is_suspended_end() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let session = format!("/v1/apps/{app}/session");
    let cookie = server.person(KEY, "ada@example.com", "editor").await;
    server.browse(&cookie, "PUT", &session, None).await;
    server.session_runs(1).await;
    let path = format!("/v1/members/{}", user(&server, "ada@example.com").await);
    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.driver.running().len(), 0);

    let (tenant, key) = server.tenant("Other").await;
    let new = json!({ "name": "Theirs", "template": TEMPLATE, "session": true });
    assert_eq!(server.call_as(&key, "POST", "/v1/apps", Some(new)).await.status, StatusCode::CREATED);
    server.call("PUT", &session, None).await;
    server.session_runs(2).await;
    server.call("PATCH", &format!("/v1/tenants/{tenant}"), Some(json!({ "suspended": true }))).await;
    assert_eq!(server.driver.running().len(), 1, "the others' go on");
}

#[tokio::test]
async fn an_invitation_can_be_withdrawn() {
    let server = TestServer::start().await;
    let made = server.post("/v1/invites", json!({ "name": "a", "role": "viewer" })).await.json();
    let (code, path) =
        (made["code"].as_str().unwrap(), format!("/v1/invites/{}", made["id"].as_str().unwrap()));
    assert_eq!(made["url"], format!("http://localhost:4400/#invite={code}"));
    let listed = server.get("/v1/invites").await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    assert!(!String::from_utf8_lossy(&listed.body).contains(code));
    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.call("DELETE", &path, None).await.code(), Code::NotFound);
    assert_eq!(server.accept(code, "ada@example.com").await.code(), Code::NotFound);
    assert_eq!(members(&server).await.len(), 1);
}

#[tokio::test]
async fn one_suspended_tenant_locks_nobody_out_of_their_others() {
    let server = TestServer::start().await;
    let (other, key) = server.tenant("Other").await;
    let cookie = server.person(&key, "ada@example.com", "viewer").await;
    server.clock.advance_secs(1);
    let invite = server.post("/v1/invites", json!({ "name": "a", "role": "editor" })).await.json();
    server.accept(invite["code"].as_str().unwrap(), "ada@example.com").await;
    let me = server.browse(&cookie, "GET", "/v1/me", None).await.json();
    assert_eq!(me["tenant"]["id"], json!(other), "the browser looks at the first");

    server.call("PATCH", &format!("/v1/tenants/{other}"), Some(json!({ "suspended": true }))).await;
    let anew = json!({ "email": "ada@example.com", "password": PASSWORD });
    let anew = server.open_call("/v1/sign-in", anew).await.cookie();
    for cookie in [&cookie, &anew] {
        let me = server.browse(cookie, "GET", "/v1/me", None).await.json();
        assert_eq!((&me["role"], &me["tenant"]["name"]), (&json!("editor"), &json!("Default")));
    }
    let named = axum::http::Request::get("/v1/me").header("cookie", &cookie);
    let named = named.header("vitrine-tenant", &other).body(axum::body::Body::empty()).unwrap();
    assert_eq!(server.send(named).await.code(), Code::TenantSuspended, "who names it is told");
}

#[tokio::test]
async fn invitations_are_listed_by_pages() {
    let server = TestServer::start().await;
    for name in ["a", "b", "c"] {
        server.post("/v1/invites", json!({ "name": name, "role": "viewer" })).await;
        server.clock.advance_secs(1);
    }
    let first = server.get("/v1/invites?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let second = server.get(&format!("/v1/invites?limit=2&cursor={cursor}")).await.json();
    let notes = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|invite| invite["note"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((notes(&first), notes(&second)), (vec![json!("c"), json!("b")], vec![json!("a")]));
    assert!(second["next_cursor"].is_null());
}
