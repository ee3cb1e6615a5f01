//! A client that sends exactly what it is told and shows exactly what came back.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// An answer that takes longer than this is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Any byte stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    host: String,
    received: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A field's value; empty when it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn new(stream: impl Stream + 'static, host: &str) -> Self {
        Self { stream: Box::new(stream), host: host.to_owned(), received: Vec::new() }
    }

    /// A request with the connection's host and these fields.
    pub(crate) async fn ask(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head.as_bytes()).await;
        self.answer(method == "HEAD").await.expect("an answer")
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, &[]).await
    }

    /// As a browser that opens a page.
    pub(crate) async fn navigate(&mut self, target: &str) -> Answer {
        self.ask("GET", target, &[("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")]).await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .await
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)));
    }

    /// The next answer; None when the connection ends instead.
    pub(crate) async fn answer(&mut self, is_head: bool) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer(is_head)).await.expect("an answer in time")
    }

    async fn read_answer(&mut self, is_head: bool) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if !self.receive().await {
                return None;
            }
        };
        let head = String::from_utf8(self.received[..end].to_vec()).unwrap();
        self.received.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let field = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
        let mut answer = Answer { status, headers: lines.map(field).collect(), body: Vec::new() };
        if !is_head && status != 304 {
            let len = answer.header("content-length").parse::<usize>().expect("a length");
            while self.received.len() < len {
                assert!(self.receive().await, "the answer was cut off");
            }
            answer.body = self.received.drain(..len).collect();
        }
        Some(answer)
    }

    async fn receive(&mut self) -> bool {
        self.stream.read_buf(&mut self.received).await.unwrap_or(0) > 0
    }

    /// True once the other side has closed, without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.received.is_empty()
            && !tokio::time::timeout(PATIENCE, self.receive()).await.expect("an end in time")
    }
}
