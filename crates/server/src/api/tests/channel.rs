//! An app's channel, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use vitrine_model::AppId;
use vitrine_model::problem::Code;

use super::harness::{KEY, TestServer};

const WITHIN: Duration = Duration::from_secs(10);

/// What a client says about itself.
#[derive(Default, Clone)]
struct Says<'a> {
    key: Option<&'a str>,
    cookie: Option<&'a str>,
    origin: Option<&'a str>,
    site: Option<&'a str>,
    protocols: Option<&'a str>,
    after: Option<u64>,
}

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    hello: Value,
}

/// Opens a channel, or tells how it was refused.
async fn open(address: SocketAddr, app: &AppId, says: Says<'_>) -> Result<Client, (StatusCode, Value)> {
    let after = says.after.map(|after| format!("?after={after}")).unwrap_or_default();
    let mut request = format!("ws://{address}/v1/apps/{app}/channel{after}").into_client_request().unwrap();
    let headers: &mut HeaderMap = request.headers_mut();
    let mut put = |name: &'static str, value: Option<String>| {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_str(&value).unwrap());
        }
    };
    put("authorization", says.key.map(|key| format!("Bearer {key}")));
    put("cookie", says.cookie.map(str::to_owned));
    put("origin", says.origin.map(str::to_owned));
    put("sec-fetch-site", says.site.map(str::to_owned));
    put("sec-websocket-protocol", Some(says.protocols.unwrap_or("vitrine.v1").to_owned()));
    match connect_async(request).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], "vitrine.v1");
            let mut client = Client { socket, hello: Value::Null };
            client.hello = client.next().await;
            assert_eq!(client.hello["type"], "hello");
            Ok(client)
        }
        Err(Error::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            Err((answer.status(), serde_json::from_slice(body).unwrap_or(Value::Null)))
        }
        Err(error) => panic!("{error}"),
    }
}

async fn join(address: SocketAddr, app: &AppId) -> Client {
    open(address, app, Says { key: Some(KEY), ..Says::default() })
        .await
        .unwrap_or_else(|error| panic!("{error:?}"))
}

async fn resume(address: SocketAddr, app: &AppId, after: u64) -> Client {
    let says = Says { key: Some(KEY), after: Some(after), ..Says::default() };
    open(address, app, says).await.unwrap_or_else(|error| panic!("{error:?}"))
}

impl Client {
    /// The next message; panics when none comes.
    async fn next(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(WITHIN, self.socket.next()).await.expect("a message comes");
            match message.expect("it is open").unwrap() {
                Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message of a kind; others are passed over.
    async fn hears(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    async fn says(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Says a change set and returns what it is answered.
    async fn changes(&mut self, id: Value, more: Value) -> Value {
        let mut message = json!({ "type": "change", "id": id });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.says(message).await;
        loop {
            let message = self.next().await;
            if message["type"] == "ack" || message["type"] == "refused" {
                return message;
            }
        }
    }

    /// Why it was closed.
    async fn closed(&mut self) -> u16 {
        loop {
            let message = tokio::time::timeout(WITHIN, self.socket.next()).await.expect("it is closed");
            match message {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn id(&self) -> &str {
        self.hello["client_id"].as_str().unwrap()
    }
}

fn write(path: &str, text: &str) -> Value {
    json!({ "op": "write", "path": path, "text": text })
}

#[tokio::test]
async fn two_who_have_an_app_open_see_each_other_and_what_each_changes() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let key = server.key(KEY, json!({ "name": "Robot", "role": "editor" })).await;
    let mut one = join(address, &app).await;
    assert_eq!((&one.hello["version"], one.hello["presence"].as_array().unwrap().len()), (&json!(1), 1));
    let mut two = open(address, &app, Says { key: Some(&key), ..Says::default() })
        .await
        .unwrap_or_else(|e| panic!("{e:?}"));
    let seen = one.hears("presence").await;
    let names: Vec<_> =
        seen["people"].as_array().unwrap().iter().map(|person| person["name"].clone()).collect();
    assert!(names.contains(&json!("Robot")) && names.contains(&json!("Owner")), "{names:?}");

    let answer = two.changes(json!("a"), json!({ "base_version": 1, "ops": [write("a.txt", "a")] })).await;
    assert_eq!(answer, json!({ "type": "ack", "id": "a", "version": 2 }));
    let told = one.hears("draft").await;
    assert_eq!((&told["version"], &told["paths"]), (&json!(2), &json!(["a.txt"])));
    assert_eq!((&told["client_id"], &told["name"]), (&json!(two.id()), &json!("Robot")));
    assert_eq!(server.read(&app, "a.txt").await, "a");

    one.says(json!({ "type": "presence", "file": "src/main.tsx", "line": 3 })).await;
    let seen = two.hears("presence").await;
    let there = seen["people"].as_array().unwrap().iter().find(|person| person["client_id"] == one.id());
    assert_eq!((&there.unwrap()["file"], &there.unwrap()["line"]), (&json!("src/main.tsx"), &json!(3)));
    drop(two);
    assert_eq!(one.hears("presence").await["people"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_way_to_change_a_draft_is_told_and_a_page_knows_its_own() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let revision = server.post(&format!("/v1/apps/{app}/revisions"), json!({})).await.json();
    let mut client = join(address, &app).await;
    let request = axum::http::Request::post(format!("/v1/apps/{app}/changes"))
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .header("x-vitrine-client", client.id())
        .body(axum::body::Body::from(json!({ "ops": [write("a.txt", "a")] }).to_string()));
    assert_eq!(server.send(request.unwrap()).await.status, StatusCode::OK);
    let own = client.hears("draft").await;
    assert_eq!((&own["client_id"], &own["version"]), (&json!(client.id()), &json!(2)));
    server.change(&app, json!([write("b.txt", "b")])).await;
    let other = client.hears("draft").await;
    assert_eq!((&other["client_id"], &other["name"]), (&Value::Null, &json!("Owner")));
    let path = format!("/v1/apps/{app}/revisions/{}/restore", revision["id"].as_str().unwrap());
    server.post(&path, json!({})).await;
    assert_eq!(client.hears("draft").await["paths"], json!(["a.txt", "b.txt"]));
    server.change(&app, (0..201).map(|n| write(&format!("many/{n}"), "x")).collect()).await;
    assert_eq!(client.hears("draft").await["paths"], Value::Null, "too many to name");
    // Nothing is told when nothing changed.
    server.change(&app, json!([write("many/1", "x")])).await;
    server.change(&app, json!([write("many/1", "y")])).await;
    assert_eq!(client.hears("draft").await["paths"], json!(["many/1"]));
}

#[tokio::test]
async fn sessions_and_publishes_are_told_and_open_nothing() {
    let server = TestServer::start().await;
    let (app, address) = (server.site("<h1>ours</h1>").await, server.listen().await);
    let mut client = join(address, &app).await;
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    let session = loop {
        let told = client.hears("session").await;
        assert!(told["seq"].is_u64() && told["session"]["preview_url"].is_null());
        if told["session"]["status"] == "running" {
            break told;
        }
    };
    assert_eq!(session["session"]["app_id"], json!(app));
    server.call("DELETE", &format!("/v1/apps/{app}/session"), None).await;
    while client.hears("session").await["session"]["status"] != "stopped" {}

    let asked = server.post(&format!("/v1/apps/{app}/publishes"), json!({})).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED);
    let mut states = Vec::new();
    while states.last() != Some(&json!("succeeded")) {
        let told = client.hears("publish").await;
        assert_eq!(told["publish"]["id"], asked.json()["id"]);
        states.push(told["publish"]["status"].clone());
    }
    assert!(states.contains(&json!("running")), "{states:?}");
}

#[tokio::test]
async fn who_was_cut_off_goes_on_where_they_were() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let mut client = join(address, &app).await;
    server.change(&app, json!([write("a.txt", "1")])).await;
    let last = client.hears("draft").await["seq"].as_u64().unwrap();
    drop(client);
    server.change(&app, json!([write("a.txt", "2")])).await;
    server.change(&app, json!([write("b.txt", "3")])).await;
    let mut client = resume(address, &app, last).await;
    assert_eq!((&client.hello["version"], &client.hello["seq"]), (&json!(4), &json!(last)));
    let missed = [client.next().await, client.next().await];
    let versions: Vec<_> =
        missed.iter().map(|told| (told["seq"].as_u64().unwrap(), told["version"].clone())).collect();
    assert_eq!(versions, [(last + 1, json!(3)), (last + 2, json!(4))]);
    server.change(&app, json!([write("a.txt", "4")])).await;
    assert_eq!(client.hears("draft").await["seq"], json!(last + 3));

    for unknown in [0, last - 1_000_000, last + 1_000] {
        let mut client = resume(address, &app, unknown).await;
        let gap = client.next().await;
        assert_eq!((&gap["type"], &gap["seq"]), (&json!("gap"), &json!(last + 3)), "{unknown}");
    }
}

#[tokio::test]
async fn a_change_set_that_comes_again_is_applied_once() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let body = json!({ "base_version": 1, "ops": [write("a.txt", "a")], "idempotency_key": "one" });
    let mut client = join(address, &app).await;
    assert_eq!(client.changes(json!(1), body.clone()).await["version"], 2);
    drop(client);
    let mut client = join(address, &app).await;
    assert_eq!(client.changes(json!(2), body.clone()).await, json!({ "type": "ack", "id": 2, "version": 2 }));
    let other = json!({ "ops": [write("a.txt", "b")], "idempotency_key": "one" });
    assert_eq!(client.changes(json!(3), other).await["problem"]["code"], "idempotency_conflict");
    assert_eq!(server.draft(&app).await["version"], 2);
}

#[tokio::test]
async fn what_is_refused_changes_nothing_and_the_channel_goes_on() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    server.change(&app, json!([write("a.txt", "a")])).await;
    let mut client = join(address, &app).await;
    let stale = client.changes(json!("x"), json!({ "base_version": 1, "ops": [write("a.txt", "b")] })).await;
    assert_eq!((&stale["id"], &stale["problem"]["code"]), (&json!("x"), &json!("draft_conflict")));
    assert_eq!(stale["problem"]["latest_version"], 2);
    assert_eq!(stale["problem"]["errors"][0]["path"], "a.txt");
    let bad = client.changes(json!(7), json!({ "ops": [write("../a.txt", "b")] })).await;
    assert_eq!((&bad["id"], &bad["problem"]["code"]), (&json!(7), &json!("invalid_json")));
    for nonsense in ["{", "[]", r#"{"type":"hello"}"#, r#"{"type":"presence","more":1}"#] {
        client.socket.send(Message::text(nonsense)).await.unwrap();
        assert_eq!(client.hears("refused").await["problem"]["code"], "invalid_json", "{nonsense}");
    }
    client.says(json!({ "type": "ping" })).await;
    assert_eq!(client.hears("pong").await, json!({ "type": "pong" }));
    assert_eq!(server.draft(&app).await["version"], 2);
    client.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.closed().await, 1003);
    let mut client = join(address, &app).await;
    let large = json!({ "type": "change", "id": 1, "ops": [write("a.txt", &"x".repeat(1024 * 1024))] });
    // The rest of it may not be taken any more.
    let _ = client.socket.send(Message::text(large.to_string())).await;
    assert_eq!(client.closed().await, 1009);
    assert_eq!(server.draft(&app).await["version"], 2);
}

#[tokio::test]
async fn viewers_listen_and_change_nothing_and_strangers_find_nothing() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let viewer = server.key(KEY, json!({ "name": "viewer", "role": "viewer" })).await;
    let mut client = open(address, &app, Says { key: Some(&viewer), ..Says::default() })
        .await
        .unwrap_or_else(|e| panic!("{e:?}"));
    let refused = client.changes(json!(1), json!({ "ops": [write("a.txt", "a")] })).await;
    assert_eq!(refused["problem"]["code"], "forbidden");
    let (_, stranger) = server.tenant("Strangers").await;
    let refused = open(address, &app, Says { key: Some(&stranger), ..Says::default() }).await.err().unwrap();
    assert_eq!((refused.0, &refused.1["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    let other = server.app().await;
    let narrow = server.key(KEY, json!({ "name": "other", "role": "owner", "apps": [other] })).await;
    let refused = open(address, &app, Says { key: Some(&narrow), ..Says::default() }).await.err().unwrap();
    assert_eq!(refused.0, StatusCode::NOT_FOUND);
    let refused = open(address, &app, Says::default()).await.err().unwrap();
    assert_eq!(refused.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.draft(&app).await["version"], 1);
}

#[tokio::test]
async fn a_cookie_opens_the_channel_for_pages_of_the_builder_alone() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let cookie = server.owners_browser().await;
    let ours = "http://localhost:4400";
    let page =
        Says { cookie: Some(&cookie), origin: Some(ours), site: Some("same-origin"), ..Says::default() };
    assert!(open(address, &app, page.clone()).await.is_ok());
    assert!(
        open(address, &app, Says { site: None, ..page.clone() }).await.is_ok(),
        "a browser that says less"
    );
    for (origin, site) in [
        (Some("http://evil.example"), Some("cross-site")),
        (Some("http://evil.example"), None),
        (Some("null"), None),
        (Some("http://localhost:4401"), None),
        (Some("http://session.preview.localhost:4400"), Some("same-site")),
        (Some("http://evil.example"), Some("same-origin")),
        (Some(ours), Some("cross-site")),
        (None, None),
    ] {
        let refused = open(address, &app, Says { origin, site, ..page.clone() }).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{origin:?} {site:?} is let in"));
        assert_eq!(refused.0, StatusCode::FORBIDDEN, "{origin:?} {site:?}");
    }
    // With its own key, a page of somebody's product is let in from wherever it is; the cookie that comes along is not looked at.
    let elsewhere = Says {
        cookie: Some(&cookie),
        origin: Some("https://product.example"),
        site: Some("cross-site"),
        ..Says::default()
    };
    let with = |key: &str| format!("vitrine.v1, bearer.{key}");
    assert!(open(address, &app, Says { protocols: Some(&with(KEY)), ..elsewhere.clone() }).await.is_ok());
    for wrong in ["", "vt_wrong", "x"] {
        let protocols = with(wrong);
        let refused = open(address, &app, Says { protocols: Some(&protocols), ..elsewhere.clone() })
            .await
            .err()
            .unwrap();
        assert_eq!(refused.0, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let plain =
        open(address, &app, Says { key: Some(KEY), protocols: Some("other"), ..Says::default() }).await;
    assert_eq!(plain.err().unwrap().0, StatusCode::UPGRADE_REQUIRED);
}

#[tokio::test]
async fn a_key_in_a_subprotocol_opens_nothing_but_sockets() {
    let server = TestServer::start().await;
    let request = axum::http::Request::get("/v1/me")
        .header("sec-websocket-protocol", format!("vitrine.v1, bearer.{KEY}"));
    let answer = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn who_loses_their_key_and_whose_app_goes_are_shown_out() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let made = server.post("/v1/keys", json!({ "name": "short", "role": "editor" })).await.json();
    let says = Says { key: Some(made["secret"].as_str().unwrap()), ..Says::default() };
    let mut short = open(address, &app, says).await.unwrap_or_else(|error| panic!("{error:?}"));
    server.call("DELETE", &format!("/v1/keys/{}", made["id"].as_str().unwrap()), None).await;
    assert_eq!(short.closed().await, 4003);
    let mut client = join(address, &app).await;
    server.call("DELETE", &format!("/v1/apps/{app}"), None).await;
    assert_eq!(client.closed().await, 4004);
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_answers_what_it_has_taken() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let mut client = join(address, &app).await;
    server.services.stopping.cancel();
    assert_eq!(client.closed().await, 1001);
}

#[tokio::test]
async fn a_flood_is_slowed_and_holds_up_nobody_else() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let (mut flooding, mut other) = (join(address, &app).await, join(address, &app).await);
    let begun = std::time::Instant::now();
    for _ in 0..100 {
        flooding.says(json!({ "type": "ping" })).await;
    }
    server.change(&app, json!([write("a.txt", "a")])).await;
    assert_eq!(other.hears("draft").await["version"], 2);
    other.says(json!({ "type": "ping" })).await;
    other.hears("pong").await;
    for _ in 0..100 {
        flooding.hears("pong").await;
    }
    // Sixty at once, then twenty in a second.
    assert!(begun.elapsed() >= Duration::from_millis(1_900), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < WITHIN);
}

#[tokio::test]
async fn an_app_has_room_for_so_many_and_no_more() {
    let server = TestServer::start().await;
    let (app, address) = (server.app().await, server.listen().await);
    let mut all = Vec::new();
    let refused = loop {
        match open(address, &app, Says { key: Some(KEY), ..Says::default() }).await {
            Ok(client) => all.push(client),
            Err(refused) => break refused,
        }
        assert!(all.len() <= 64);
    };
    assert_eq!((refused.0, &refused.1["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_requests")));
    drop(all);
    let joins =
        async { while open(address, &app, Says { key: Some(KEY), ..Says::default() }).await.is_err() {} };
    tokio::time::timeout(WITHIN, joins).await.expect("there is room again");
}
