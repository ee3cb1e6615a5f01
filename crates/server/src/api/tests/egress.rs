//! What dev sandboxes reach, over the real router and proxy: what is listed, from the moment it is, as long as it is.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use vitrine_model::AppId;
use vitrine_model::problem::Code;
use vitrine_sandbox::Sandbox as _;
use vitrine_sandbox::egress::PROXY_PORT;

use vitrine_sandbox::Stream;

use super::harness::{Answer, TestServer};

impl TestServer {
    async fn reach(&self, app: &AppId, destinations: Value) -> Answer {
        let body = json!({ "destinations": destinations });
        self.call("PUT", &format!("/v1/apps/{app}/egress"), Some(body)).await
    }

    /// A tunnel from within the app's sandbox, and the first words of the proxy's answer.
    async fn tunnel(&self, to: &str) -> (Stream, String) {
        let sandbox = self.driver.running().pop().unwrap();
        let mut client = sandbox.dial(PROXY_PORT).await.unwrap();
        client.write_all(format!("CONNECT {to} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        let mut words = [0; 12];
        client.read_exact(&mut words).await.unwrap();
        (client, String::from_utf8_lossy(&words).into_owned())
    }

    async fn starts(&self, count: usize) {
        let waiting = async {
            while self.driver.spawned("dev").len() < count || self.driver.running().len() != 1 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dev_sandbox_reaches_what_is_listed_from_the_moment_it_is() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let outside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = outside.local_addr().unwrap().port();
    let (one, two) = (format!("one.example.com:{port}"), format!("two.example.com:{port}"));
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    server.session_is(&app, "running").await;
    assert!(!server.driver.spawned("dev")[0].env.contains_key("HTTPS_PROXY"), "nothing listed, no way out");
    assert!(server.driver.running()[0].dial(PROXY_PORT).await.is_err());
    // The first destination gives it a proxy, which takes a new start.
    assert_eq!(server.reach(&app, json!([one])).await.status, StatusCode::OK);
    server.starts(2).await;
    server.session_is(&app, "running").await;
    let env = server.driver.spawned("dev").remove(1).env;
    assert_eq!(
        (env["HTTPS_PROXY"].as_str(), env["NODE_USE_ENV_PROXY"].as_str()),
        ("http://127.0.0.1:3128", "1")
    );
    let (mut open, answer) = server.tunnel(&one).await;
    assert_eq!(answer, "HTTP/1.1 200");
    assert_eq!(server.tunnel(&two).await.1, "HTTP/1.1 403");
    // From then on the list acts at once, and on what is open.
    server.reach(&app, json!([two])).await;
    let mut rest = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(5), open.read_to_end(&mut rest)).await;
    assert!(cut.is_ok(), "a connection that is no longer allowed goes on");
    assert_eq!(server.tunnel(&one).await.1, "HTTP/1.1 403");
    assert_eq!(server.tunnel(&two).await.1, "HTTP/1.1 200");
    assert_eq!(server.driver.spawned("dev").len(), 2, "without another start");
    server.reach(&app, json!([])).await;
    assert_eq!(server.tunnel(&two).await.1, "HTTP/1.1 403");
    let shown = server.get(&format!("/v1/apps/{app}/egress")).await.json();
    assert_eq!((&shown["destinations"], &shown["mode"]), (&json!([]), &json!("listed")));
    assert_eq!(shown["today"]["refused"], 3, "{shown}");
    server.clock.advance_secs(24 * 3_600);
    let tomorrow = server.get(&format!("/v1/apps/{app}/egress")).await.json();
    assert_eq!(tomorrow["today"]["refused"], 0);
}

#[tokio::test]
async fn what_is_no_name_and_port_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.reach(&app, json!(["Api.Example.com:443", "api.example.com:443"])).await;
    let many: Vec<_> = (0..51).map(|n| format!("h{n}.example.com:443")).collect();
    for bad in [
        json!(["169.254.169.254:80"]),
        json!(["[::1]:443"]),
        json!(["*.example.com:443"]),
        json!(["localhost:443"]),
        json!(["api.example.com"]),
        json!(many),
    ] {
        let answer = server.reach(&app, bad.clone()).await;
        assert_eq!(answer.code(), Code::InvalidDestination, "{bad}");
    }
    let kept = server.get(&format!("/v1/apps/{app}/egress")).await.json();
    assert_eq!(kept["destinations"], json!(["api.example.com:443"]));
}
