//! Who may call.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;
use vitrine_model::problem::Code;

use super::harness::{Answer, KEY, PASSWORD, TestServer, cookie_of};

#[tokio::test]
async fn every_resource_needs_a_caller() {
    let server = TestServer::start().await;
    let document = super::super::document();
    let open = ["/v1/sign-in", "/v1/invites/accept", "/v1/templates/{key}/thumbnail", "/healthz", "/readyz"];
    let mut checked = 0;
    for (path, item) in document.paths.paths {
        if open.contains(&path.as_str()) {
            continue;
        }
        let methods = [
            ("GET", item.get),
            ("POST", item.post),
            ("PUT", item.put),
            ("PATCH", item.patch),
            ("DELETE", item.delete),
        ];
        for (method, _) in methods.into_iter().filter(|(_, operation)| operation.is_some()) {
            for key in [None, Some("Bearer vt_wrong"), Some("Basic abc")] {
                let mut request = Request::builder().method(method).uri(path.replace(['{', '}'], ""));
                if let Some(key) = key {
                    request = request.header(header::AUTHORIZATION, key);
                }
                let answer = server.send(request.body(Body::empty()).unwrap()).await;
                assert_eq!(answer.code(), Code::Unauthenticated, "{method} {path}");
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "the document lists the operations");
}

#[tokio::test]
async fn a_browser_signs_in_once_by_link_and_needs_its_csrf_token() {
    let server = TestServer::start().await;
    let link = format!("/sign-in?code={}", server.services.auth.issue_code());
    let get = |uri: &str| Request::get(uri).body(Body::empty()).unwrap();
    let first = server.send(get(&link)).await;
    assert_eq!(first.headers[header::LOCATION], "/");
    let cookie = first.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let second = server.send(get(&link)).await;
    assert_eq!(second.headers[header::LOCATION], "/?sign_in=expired");
    assert!(!second.headers.contains_key(header::SET_COOKIE));

    let me = server.send(Request::get("/v1/me").header("cookie", &cookie).body(Body::empty()).unwrap()).await;
    let token = me.json()["csrf_token"].as_str().unwrap().to_owned();
    let sign_out = |token: Option<&str>| {
        let request = Request::post("/v1/sign-out").header("cookie", &cookie);
        let request = match token {
            Some(token) => request.header("x-csrf-token", token),
            None => request,
        };
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(server.send(sign_out(None)).await.code(), Code::Forbidden);
    assert_eq!(server.send(sign_out(Some("wrong"))).await.code(), Code::Forbidden);
    assert_eq!(server.send(sign_out(Some(&token))).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn files_of_an_app_are_never_served_as_pages_of_the_builder() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let answer = server.get(&format!("/v1/apps/{app}/files/index.html")).await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/octet-stream");
    assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let key = format!("Bearer {KEY}");
    let tag = answer.headers[header::ETAG].clone();
    let again = Request::get(format!("/v1/apps/{app}/files/index.html")).header("authorization", key);
    let again = server.send(again.header("if-none-match", tag).body(Body::empty()).unwrap()).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

async fn sign_in(server: &TestServer, email: &str, password: &str) -> Answer {
    server.open_call("/v1/sign-in", json!({ "email": email, "password": password })).await
}

#[tokio::test]
async fn the_owner_chooses_a_password_and_signs_in_with_it() {
    let server = TestServer::start().await;
    let first = server.owners_browser().await;
    assert_eq!(server.browse(&first, "GET", "/v1/me", None).await.json()["user"]["has_password"], false);
    let body = json!({ "email": "Owner@Example.com", "new_password": PASSWORD });
    let set = server.browse(&first, "PUT", "/v1/me/password", Some(body)).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{set:?}");
    assert_eq!(server.browse(&first, "POST", "/v1/sign-out", None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.browse(&first, "GET", "/v1/me", None).await.code(), Code::Unauthenticated);
    let again = sign_in(&server, "owner@example.com", PASSWORD).await;
    let me = server.browse(&cookie_of(&again), "GET", "/v1/me", None).await.json();
    assert_eq!((&me["role"], &me["user"]["email"]), (&json!("owner"), &json!("owner@example.com")));
    assert_eq!(server.get("/v1/me").await.json()["user"]["id"], me["user"]["id"], "the admin key's owner");
    let log = server.get("/v1/audit?operation=sign_in").await.json();
    let notes: Vec<_> = log["items"].as_array().unwrap().iter().map(|entry| entry["note"].clone()).collect();
    assert_eq!(notes, ["with: password", "with: link"]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_are_answered_alike() {
    let server = TestServer::start().await;
    server.person(KEY, "ada@example.com", "viewer").await;
    let said = |answer: &Answer| {
        let problem = answer.problem();
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
        (problem.status, problem.code, problem.detail)
    };
    let wrong = sign_in(&server, "ada@example.com", "not her password").await;
    assert_eq!(wrong.code(), Code::Unauthenticated);
    for email in ["nobody@example.com", "not an email", ""] {
        assert_eq!(said(&sign_in(&server, email, PASSWORD).await), said(&wrong), "{email}");
    }
    let both = json!({ "key": KEY, "email": "ada@example.com", "password": PASSWORD });
    assert_eq!(server.open_call("/v1/sign-in", both).await.code(), Code::InvalidRequest);
    assert_eq!(server.open_call("/v1/sign-in", json!({})).await.code(), Code::InvalidRequest);
}

#[tokio::test]
async fn guessing_is_slowed_down_whether_the_account_is_there_or_not() {
    let server = TestServer::start().await;
    server.person(KEY, "ada@example.com", "viewer").await;
    for email in ["ada@example.com", "nobody@example.com"] {
        for _ in 0..5 {
            assert_eq!(sign_in(&server, email, "a guess").await.code(), Code::Unauthenticated);
        }
        let slowed = sign_in(&server, email, PASSWORD).await;
        assert_eq!(slowed.code(), Code::TooManyRequests, "{email}");
        assert_eq!(slowed.headers[header::RETRY_AFTER], "900");
    }
    server.clock.advance_secs(900);
    assert_eq!(sign_in(&server, "ada@example.com", PASSWORD).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_browser_and_no_key() {
    let server = TestServer::start().await;
    let one = server.person(KEY, "ada@example.com", "editor").await;
    let two = cookie_of(&sign_in(&server, "ada@example.com", PASSWORD).await);
    let key = server.browse(&one, "POST", "/v1/keys", Some(json!({ "name": "k", "role": "viewer" }))).await;
    assert_eq!(key.code(), Code::Forbidden, "editors make no keys");
    assert_eq!(server.browse(&two, "GET", "/v1/me", None).await.status, StatusCode::OK);
    let out = server.browse(&one, "POST", "/v1/sign-out-everywhere", None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    for cookie in [&one, &two] {
        assert_eq!(server.browse(cookie, "GET", "/v1/me", None).await.code(), Code::Unauthenticated);
    }
    assert_eq!(server.get("/v1/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_every_other_browser() {
    let server = TestServer::start().await;
    let one = server.person(KEY, "ada@example.com", "viewer").await;
    let two = cookie_of(&sign_in(&server, "ada@example.com", PASSWORD).await);
    let set = async |body| server.browse(&one, "PUT", "/v1/me/password", Some(body)).await;
    let new = "another horse battery";
    assert_eq!(set(json!({ "new_password": new })).await.code(), Code::Forbidden);
    let wrong = json!({ "new_password": new, "current_password": "not her password" });
    assert_eq!(set(wrong).await.code(), Code::Forbidden);
    let weak = json!({ "new_password": "short", "current_password": PASSWORD });
    assert_eq!(set(weak).await.code(), Code::WeakPassword);
    assert_eq!(server.browse(&two, "GET", "/v1/me", None).await.status, StatusCode::OK);
    let right = json!({ "new_password": new, "current_password": PASSWORD });
    assert_eq!(set(right).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.browse(&one, "GET", "/v1/me", None).await.status, StatusCode::OK);
    assert_eq!(server.browse(&two, "GET", "/v1/me", None).await.code(), Code::Unauthenticated);
    assert_eq!(sign_in(&server, "ada@example.com", PASSWORD).await.code(), Code::Unauthenticated);
    assert_eq!(sign_in(&server, "ada@example.com", new).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_forgotten_password_of_the_owner_is_replaced_with_the_servers_own_key() {
    let server = TestServer::start().await;
    let set = async |cookie: &str, password: &str| {
        let body = json!({ "email": "owner@example.com", "new_password": password });
        server.browse(cookie, "PUT", "/v1/me/password", Some(body)).await.status
    };
    assert_eq!(set(&server.owners_browser().await, PASSWORD).await, StatusCode::NO_CONTENT);
    let by_key = cookie_of(&server.open_call("/v1/sign-in", json!({ "key": KEY })).await);
    assert_eq!(set(&by_key, "another horse battery").await, StatusCode::NO_CONTENT);
    assert_eq!(
        sign_in(&server, "owner@example.com", "another horse battery").await.status,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in_and_changes_nothing() {
    let server = TestServer::start().await;
    let cookie = server.owners_browser().await;
    let me = server.browse(&cookie, "GET", "/v1/me", None).await.json();
    let token = me["csrf_token"].as_str().unwrap();
    for (name, value, allowed) in [
        ("origin", "http://localhost:4400", true),
        ("origin", "http://evil.example", false),
        ("origin", "http://ses-00000000000000000000000000.preview.localhost:4400", false),
        ("origin", "null", false),
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "same-origin", true),
    ] {
        let post = |path: &str, body: serde_json::Value| {
            let request = Request::post(path).header("content-type", "application/json").header(name, value);
            let request = request.header("cookie", &cookie).header("x-csrf-token", token);
            request.body(Body::from(body.to_string())).unwrap()
        };
        let invite = json!({ "name": "x", "role": "viewer" });
        for request in [post("/v1/sign-in", json!({ "key": KEY })), post("/v1/invites", invite)] {
            let answer = server.send(request).await;
            assert_eq!(answer.status.is_success(), allowed, "{name}: {value}: {answer:?}");
            assert!(allowed || answer.code() == Code::Forbidden);
        }
    }
}

#[tokio::test]
async fn a_browser_is_signed_out_after_a_month() {
    let server = TestServer::start().await;
    let cookie = server.owners_browser().await;
    server.clock.advance_secs(30 * 24 * 3_600 - 1);
    assert_eq!(server.browse(&cookie, "GET", "/v1/me", None).await.status, StatusCode::OK);
    server.clock.advance_secs(1);
    assert_eq!(server.browse(&cookie, "GET", "/v1/me", None).await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_stranger_cannot_make_the_server_read_much() {
    let server = TestServer::start().await;
    for path in ["/v1/sign-in", "/v1/invites/accept"] {
        let answer = server.open_call(path, json!({ "key": "x".repeat(17 * 1024) })).await;
        assert_eq!(answer.code(), Code::BodyTooLarge, "{path}");
    }
}

#[tokio::test]
async fn what_a_browser_alone_can_do_is_refused_to_keys() {
    let server = TestServer::start().await;
    let body = json!({ "email": "owner@example.com", "new_password": PASSWORD });
    assert_eq!(server.call("PUT", "/v1/me/password", Some(body)).await.code(), Code::Forbidden);
}

#[tokio::test]
async fn guessing_the_admin_key_is_slowed_down_by_address() {
    let server = TestServer::start().await;
    let guess = async |key: &str| server.open_call("/v1/sign-in", json!({ "key": key })).await;
    for _ in 0..50 {
        assert_eq!(guess("vt_guess").await.code(), Code::Unauthenticated);
    }
    let slowed = guess(KEY).await;
    assert_eq!(slowed.code(), Code::TooManyRequests);
    assert_eq!(slowed.headers[header::RETRY_AFTER], "900");
    server.clock.advance_secs(900);
    for _ in 0..60 {
        assert_eq!(guess(KEY).await.status, StatusCode::NO_CONTENT, "who has it is not counted");
    }
}
