//! People of a host product: let in by its tokens, into the tenant that those name.

use axum::http::StatusCode;
use serde_json::{Value, json};
use vitrine_model::problem::Code;

use super::harness::{Answer, TEMPLATE, TestServer};
use crate::auth::host::tests::{Signer, claims};

struct Host {
    server: TestServer,
    signer: Signer,
}

impl Host {
    async fn start() -> Self {
        let signer = Signer::new("k1");
        let server = TestServer::start_for_host(|clock| signer.tokens(clock)).await;
        Self { server, signer }
    }

    async fn call(&self, claims: Value, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.server.call_as(&self.signer.token(&claims), method, path, body).await
    }
}

fn person(tenant: &str, name: &str, role: Option<&str>) -> Value {
    let mut claims = claims();
    (claims["tenant"], claims["sub"]) = (json!(tenant), json!(name));
    if let Some(role) = role {
        claims["role"] = json!(role);
    }
    claims
}

#[tokio::test]
async fn a_token_opens_its_own_tenant_and_no_other() {
    let host = Host::start().await;
    let me = host.call(person("acme", "ada", None), "GET", "/v1/me", None).await.json();
    assert_eq!((&me["role"], &me["actor"]["kind"]), (&json!("editor"), &json!("host")));
    assert_eq!((&me["tenant"]["name"], &me["user"]["name"]), (&json!("acme"), &json!("Ada")));
    let new = json!({ "name": "Theirs", "template": TEMPLATE });
    let made = host.call(person("acme", "ada", None), "POST", "/v1/apps", Some(new)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let path = format!("/v1/apps/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(host.call(person("acme", "bob", None), "GET", &path, None).await.status, StatusCode::OK);
    assert_eq!(host.call(person("other", "ada", None), "GET", &path, None).await.code(), Code::NotFound);
    assert_eq!(host.server.get(&path).await.code(), Code::NotFound, "not even the operator's own tenant");
}

#[tokio::test]
async fn roles_of_the_host_hold_and_change_with_its_tokens() {
    let host = Host::start().await;
    let create = |role| {
        let new = json!({ "name": "Theirs", "template": TEMPLATE });
        host.call(person("acme", "ada", Some(role)), "POST", "/v1/apps", Some(new))
    };
    assert_eq!(create("viewer").await.code(), Code::Forbidden);
    assert_eq!(create("editor").await.status, StatusCode::CREATED);
    assert_eq!(create("viewer").await.code(), Code::Forbidden);
    let operator = host.call(person("acme", "ada", Some("owner")), "GET", "/v1/tenants", None).await;
    assert_eq!(operator.code(), Code::Forbidden, "an owner of a tenant does not run the server");
}

#[tokio::test]
async fn a_token_that_was_taken_is_not_taken_after_its_end() {
    let host = Host::start().await;
    let ada = || person("acme", "ada", None);
    assert_eq!(host.call(ada(), "GET", "/v1/me", None).await.status, StatusCode::OK);
    host.server.clock.advance_secs(89);
    let token = host.signer.token(&ada());
    assert_eq!(host.server.call_as(&token, "GET", "/v1/me", None).await.status, StatusCode::OK);
    host.server.clock.advance_secs(1);
    assert_eq!(host.server.call_as(&token, "GET", "/v1/me", None).await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_suspended_tenant_is_closed_to_its_tokens_at_once() {
    let host = Host::start().await;
    let me = host.call(person("acme", "ada", None), "GET", "/v1/me", None).await.json();
    let path = format!("/v1/tenants/{}", me["tenant"]["id"].as_str().unwrap());
    host.server.call("PATCH", &path, Some(json!({ "suspended": true }))).await;
    let closed = host.call(person("acme", "ada", None), "GET", "/v1/me", None).await;
    assert_eq!(closed.code(), Code::TenantSuspended);
}

#[tokio::test]
async fn without_a_host_product_no_token_is_taken() {
    let server = TestServer::start().await;
    let token = Signer::new("k1").token(&claims());
    assert_eq!(server.call_as(&token, "GET", "/v1/me", None).await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn who_was_taken_out_stays_out_until_somebody_lets_them_in_again() {
    let host = Host::start().await;
    let owner = || person("acme", "ada", Some("owner"));
    let me = async |claims| host.call(claims, "GET", "/v1/me", None).await;
    me(owner()).await;
    let bob = me(person("acme", "bob", None)).await.json()["user"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/members/{bob}");
    let removed = host.call(owner(), "DELETE", &path, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    for role in [None, Some("editor")] {
        assert_eq!(me(person("acme", "bob", role)).await.code(), Code::Unauthenticated);
    }
    assert_eq!(
        me(person("other", "bob", None)).await.status,
        StatusCode::OK,
        "another tenant is another matter"
    );

    let again = Some(json!({ "role": "viewer" }));
    let stranger = host.call(person("third", "eve", Some("owner")), "PATCH", &path, again.clone()).await;
    assert_eq!(stranger.code(), Code::NotFound);
    assert_eq!(host.call(owner(), "PATCH", &path, again).await.status, StatusCode::OK);
    assert_eq!(me(person("acme", "bob", None)).await.json()["role"], "viewer");
    let log = host.call(owner(), "GET", "/v1/audit?operation=update_member", None).await.json();
    assert_eq!(log["items"][0]["note"], "let in again, role: viewer");
}
