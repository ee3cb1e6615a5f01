//! Who may call.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use vitrine_model::problem::Code;

use super::harness::{KEY, TestServer};

#[tokio::test]
async fn every_resource_needs_a_caller() {
    let server = TestServer::start().await;
    let document = super::super::document();
    let open = ["/v1/sign-in", "/v1/templates/{key}/thumbnail", "/healthz", "/readyz"];
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
