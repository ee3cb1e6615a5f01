//! The proxy against listeners in this process.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::hello::tests::hello_for;

use super::*;

const LOOPBACK: &str = "127.0.0.0/8";

struct Names(HashMap<&'static str, Vec<IpAddr>>);

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        self.0.get(host).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

fn label() -> EgressLabel {
    EgressLabel { purpose: "test", app: None, totals: None }
}

/// A server that sends back what it gets.
async fn echo_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    port
}

struct Fixture {
    proxy: Arc<EgressProxy>,
    address: SocketAddr,
    port: u16,
}

/// A proxy that may reach `registry.test` at an echo server; `inside.test` and `both.test` are allowed by name too.
async fn fixture(exceptions: &[&str], limits: EgressLimits) -> Fixture {
    let port = echo_server().await;
    let loopback: IpAddr = [127, 0, 0, 1].into();
    let names = HashMap::from([
        ("registry.test", vec![loopback]),
        ("inside.test", vec![[169, 254, 169, 254].into(), [10, 0, 0, 1].into()]),
        ("both.test", vec![[10, 0, 0, 1].into(), loopback]),
    ]);
    let tls = |host: &str| Destination { host: host.to_owned(), port, plain_http: false };
    let plain = Destination { plain_http: true, ..tls("plain.test") };
    let policy = EgressPolicy {
        destinations: vec![tls("registry.test"), tls("inside.test"), tls("both.test"), plain],
        exceptions: exceptions.iter().map(|range| range.parse().unwrap()).collect(),
        limits,
    };
    let mut names = names;
    names.insert("plain.test", vec![loopback]);
    let proxy = EgressProxy::new(policy, Arc::new(Names(names)), label());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(proxy.clone().serve(listener));
    Fixture { proxy, address, port }
}

impl Fixture {
    async fn send(&self, text: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(text.replace("PORT", &self.port.to_string()).as_bytes()).await.unwrap();
        client
    }

    /// The whole answer to a request that is refused.
    async fn refusal(&self, text: &str) -> String {
        let mut answer = String::new();
        self.send(text).await.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn tunnel(&self, host: &str) -> TcpStream {
        let mut client = self.send(&format!("CONNECT {host}:PORT HTTP/1.1\r\n\r\n")).await;
        let mut answer = [0; 39];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 Connection Established\r\n\r\n");
        client
    }
}

#[tokio::test]
async fn a_tunnel_to_an_allowed_name_carries_bytes_both_ways() {
    let fixture = fixture(&[LOOPBACK], EgressLimits::default()).await;
    let mut client = fixture.tunnel("registry.test").await;
    let hello = hello_for("registry.test");
    client.write_all(&hello).await.unwrap();
    let mut back = vec![0; hello.len()];
    client.read_exact(&mut back).await.unwrap();
    assert_eq!(back, hello);
    client.shutdown().await.unwrap();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    let stats = fixture.proxy.stats();
    assert_eq!((stats.allowed, stats.bytes_in, stats.bytes_out), (1, hello.len() as u64, hello.len() as u64));
}

#[tokio::test]
async fn other_names_ports_and_forms_are_refused() {
    let fixture = fixture(&[LOOPBACK], EgressLimits::default()).await;
    for request in [
        "CONNECT other.test:PORT HTTP/1.1\r\n\r\n",
        "CONNECT registry.test:1 HTTP/1.1\r\n\r\n",
        "CONNECT 127.0.0.1:PORT HTTP/1.1\r\n\r\n",
        "CONNECT sub.registry.test:PORT HTTP/1.1\r\n\r\n",
        "GET http://registry.test:PORT/ HTTP/1.1\r\n\r\n",
        "CONNECT plain.test:PORT HTTP/1.1\r\n\r\n",
    ] {
        let answer = fixture.refusal(request).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden"), "{request}: {answer}");
    }
    assert!(fixture.refusal("GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    assert_eq!(fixture.proxy.stats().allowed, 0);
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_refused_unless_excepted() {
    let strict = fixture(&[], EgressLimits::default()).await;
    for host in ["registry.test", "inside.test", "both.test"] {
        let answer = strict.refusal(&format!("CONNECT {host}:PORT HTTP/1.1\r\n\r\n")).await;
        assert!(answer.contains("no address that may be connected to"), "{answer}");
    }
    // Only the excepted one of its addresses is connected to.
    fixture(&[LOOPBACK], EgressLimits::default()).await.tunnel("both.test").await;
}

#[tokio::test]
async fn a_greeting_for_another_server_ends_the_tunnel() {
    let fixture = fixture(&[LOOPBACK], EgressLimits::default()).await;
    for greeting in [hello_for("other.test"), b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut client = fixture.tunnel("registry.test").await;
        client.write_all(&greeting).await.unwrap();
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        assert_eq!(rest, b"");
    }
    assert_eq!(fixture.proxy.stats().refused, 2);
}

#[tokio::test]
async fn a_plain_registry_is_spoken_to_in_plain_requests() {
    let fixture = fixture(&[LOOPBACK], EgressLimits::default()).await;
    let mut client = fixture.send("GET http://plain.test:PORT/react HTTP/1.1\r\nAccept: */*\r\n\r\n").await;
    let mut echoed = [0; 39];
    client.read_exact(&mut echoed).await.unwrap();
    let echoed = String::from_utf8_lossy(&echoed);
    assert!(echoed.starts_with("GET /react HTTP/1.1\r\nHost: plain.test"), "{echoed}");
}

#[tokio::test]
async fn slow_silent_and_greedy_connections_end() {
    let short = Duration::from_millis(50);
    let limits = EgressLimits { head: short, idle: short, bytes: 10_000, ..EgressLimits::default() };
    let fixture = fixture(&[LOOPBACK], limits).await;
    let mut rest = Vec::new();
    assert!(fixture.refusal("CONNECT regi").await.starts_with("HTTP/1.1 408"));
    let mut silent = fixture.tunnel("registry.test").await;
    let _ = silent.read_to_end(&mut rest).await;
    let mut idle = fixture.tunnel("registry.test").await;
    idle.write_all(&hello_for("registry.test")).await.unwrap();
    let _ = idle.read_to_end(&mut rest).await;
    let mut greedy = fixture.tunnel("registry.test").await;
    greedy.write_all(&hello_for("registry.test")).await.unwrap();
    let _ = greedy.write_all(&[0; 50_000]).await;
    rest.clear();
    let _ = greedy.read_to_end(&mut rest).await;
    assert!(rest.len() < 10_000);
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let limits = EgressLimits { connections: 1, ..EgressLimits::default() };
    let fixture = fixture(&[LOOPBACK], limits).await;
    let first = fixture.tunnel("registry.test").await;
    let mut second = fixture.send("CONNECT registry.test:PORT HTTP/1.1\r\n\r\n").await;
    let mut byte = [0; 1];
    assert!(timeout(Duration::from_millis(50), second.read(&mut byte)).await.is_err());
    drop(first);
    assert_eq!(second.read(&mut byte).await.unwrap(), 1);
}

#[tokio::test]
async fn nothing_is_smuggled_behind_a_plain_request() {
    let fixture =
        fixture(&[LOOPBACK], EgressLimits { idle: Duration::from_millis(100), ..EgressLimits::default() })
            .await;
    let request = "POST http://plain.test:PORT/a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo";
    let mut client = fixture.send(request).await;
    let mut echoed = Vec::new();
    while !echoed.ends_with(b"\r\n\r\nbo") {
        assert!(client.read_buf(&mut echoed).await.unwrap() > 0, "{echoed:?}");
    }
    // What comes after the body reaches nobody.
    client.write_all(b"dyGET /admin HTTP/1.1\r\nHost: other.test\r\n\r\n").await.unwrap();
    let _ = client.read_to_end(&mut echoed).await;
    assert!(echoed.ends_with(b"\r\n\r\nbody"), "{}", String::from_utf8_lossy(&echoed));
    let both = "GET http://plain.test:PORT/ HTTP/1.1\r\n\r\nGET /admin HTTP/1.1\r\nHost: other.test\r\n\r\n";
    assert!(fixture.refusal(both).await.starts_with("HTTP/1.1 400"));
    let two_hosts = "GET http://plain.test:PORT/ HTTP/1.1\r\nA: b\nHost: other.test\r\n\r\n";
    assert!(fixture.refusal(two_hosts).await.starts_with("HTTP/1.1 400"));
}

/// Says another thing each time it is asked.
struct Turncoat(AtomicUsize, Vec<IpAddr>);

#[async_trait]
impl Resolver for Turncoat {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let turn = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(vec![self.1[turn.min(self.1.len() - 1)]])
    }
}

/// The listener stands for a server on the inside: 127.0.0.2 is allowed here, 127.0.0.1 is not.
#[tokio::test]
async fn a_name_that_changes_its_answer_after_the_check_leads_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let outside = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let answers = vec!["127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let turncoat = Arc::new(Turncoat(AtomicUsize::new(0), answers));
    let proxy = || {
        let destination = Destination { host: "rebind.test".to_owned(), port, plain_http: false };
        let policy = EgressPolicy {
            destinations: vec![destination],
            exceptions: vec!["127.0.0.2/32".parse().unwrap()],
            limits: EgressLimits::default(),
        };
        EgressProxy::new(policy, turncoat.clone(), label())
    };
    let request = format!("CONNECT rebind.test:{port} HTTP/1.1\r\n\r\n");
    let ask = async |proxy: Arc<EgressProxy>| {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
        tokio::spawn(proxy.serve(door));
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        (client, String::from_utf8_lossy(&answer).into_owned())
    };
    let first = proxy();
    let (_client, answer) = ask(first.clone()).await;
    assert_eq!(answer, "HTTP/1.1 200");
    assert_eq!(turncoat.0.load(Ordering::SeqCst), 1, "what was judged is what was connected to");
    let (_, peer) = outside.accept().await.unwrap();
    assert!(peer.ip().is_loopback());
    let (_client, answer) = ask(proxy()).await;
    assert_eq!(answer, "HTTP/1.1 403", "the second answer is judged as well");
    assert!(timeout(Duration::from_millis(50), listener.accept()).await.is_err(), "nobody came inside");
}

#[tokio::test]
async fn a_destination_that_is_taken_off_the_list_is_cut_at_once_and_a_new_one_opens() {
    let fixture = fixture(&[LOOPBACK], EgressLimits::default()).await;
    let tls = |host: &str| Destination { host: host.to_owned(), port: fixture.port, plain_http: false };
    fixture.proxy.set_destinations(vec![tls("registry.test"), tls("both.test")]);
    let mut stays = fixture.tunnel("registry.test").await;
    let mut goes = fixture.tunnel("both.test").await;
    for (client, host) in [(&mut stays, "registry.test"), (&mut goes, "both.test")] {
        let hello = hello_for(host);
        client.write_all(&hello).await.unwrap();
        client.read_exact(&mut vec![0; hello.len()]).await.unwrap();
    }
    fixture.proxy.set_destinations(vec![tls("registry.test")]);
    let mut rest = Vec::new();
    let cut = timeout(Duration::from_secs(5), goes.read_to_end(&mut rest)).await;
    assert!(cut.is_ok() && rest.is_empty());
    stays.write_all(b"still there").await.unwrap();
    stays.read_exact(&mut [0; 11]).await.unwrap();
    assert!(fixture.refusal("CONNECT both.test:PORT HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 403"));
    fixture.proxy.set_destinations(vec![tls("both.test")]);
    fixture.tunnel("both.test").await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_lets_nothing_more_through() {
    let fixture = fixture(&[LOOPBACK], EgressLimits { bytes: 100, ..EgressLimits::default() }).await;
    let mut client = fixture.tunnel("registry.test").await;
    client.write_all(&hello_for("registry.test")).await.unwrap();
    let _ = client.write_all(&[0; 1_000]).await;
    let _ = client.read_to_end(&mut Vec::new()).await;
    let answer = fixture.refusal("CONNECT registry.test:PORT HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains("used up its network budget"), "{answer}");
}
