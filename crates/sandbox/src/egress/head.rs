//! Reading the head of a proxy request: bounded, strict, and no more than the proxy needs.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most a request head may have. npm and pnpm send a few hundred bytes.
pub(super) const MAX_HEAD_BYTES: usize = 8 * 1024;

/// What a client asks the proxy for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProxyRequest {
    /// A tunnel.
    Connect { host: String, port: u16 },
    /// A plain request in absolute form; `head` is what to send on to the origin, and after it so many bytes of a body.
    Plain { host: String, port: u16, head: Vec<u8>, body_bytes: u64 },
}

/// Why a head is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    #[error("the request head is too large")]
    TooLarge,
    #[error("the request was cut off")]
    CutOff,
    #[error("not a proxy request")]
    Malformed,
}

/// Reads until the empty line. Returns the request and the bytes that came after its head.
pub(super) async fn read_request(
    client: &mut (impl AsyncRead + Unpin),
) -> Result<(ProxyRequest, Vec<u8>), HeadError> {
    let mut buffer = Vec::with_capacity(1024);
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if buffer.len() >= MAX_HEAD_BYTES {
            return Err(HeadError::TooLarge);
        }
        match client.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return Err(HeadError::CutOff),
            Ok(_) => {}
        }
    };
    let rest = buffer.split_off(end);
    let text = std::str::from_utf8(&buffer).map_err(|_| HeadError::Malformed)?;
    // An origin may take a lone line feed for the end of a line, and see a `Host` that was not checked.
    if text.split("\r\n").any(|line| line.contains(|c: char| c.is_ascii_control() && c != '\t')) {
        return Err(HeadError::Malformed);
    }
    parse(text).map(|request| (request, rest)).ok_or(HeadError::Malformed)
}

fn parse(head: &str) -> Option<ProxyRequest> {
    // A lone line feed or carriage return ends a line for some readers and not for others (RFC 9112, 2.2).
    let is_clean = |line: &str| line.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control());
    if !head.split("\r\n").all(is_clean) {
        return None;
    }
    let (line, headers) = head.split_once("\r\n")?;
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let known = matches!(version, "HTTP/1.1" | "HTTP/1.0") && words.next().is_none();
    if !known || method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return None;
    }
    if method == "CONNECT" {
        let (host, port) = target.rsplit_once(':')?;
        return Some(ProxyRequest::Connect { host: host_name(host)?, port: parse_port(port)? });
    }
    parse_plain(method, target, headers)
}

/// Rewrites an absolute-form request into what the origin expects, for one exchange.
fn parse_plain(method: &str, target: &str, headers: &str) -> Option<ProxyRequest> {
    let rest = target.strip_prefix("http://")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host_name(host)?, parse_port(port)?),
        None => (host_name(authority)?, 80),
    };
    let path = if path.is_empty() { "/" } else { path };
    // `Host` is written by us: the name that was checked is the name that is asked for.
    let mut body_bytes = None;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    for line in headers.trim_end_matches("\r\n").split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let dropped =
            ["host", "connection", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade"];
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return None;
        }
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            // Where the body ends must be beyond doubt: what comes after it would be a request that nobody has checked.
            "transfer-encoding" => return None,
            "content-length" if body_bytes.is_some() => return None,
            "content-length" => body_bytes = Some(parse_length(value.trim_matches([' ', '\t']))?),
            _ => {}
        }
        if !dropped.contains(&name.as_str()) {
            head.push_str(line);
            head.push_str("\r\n");
        }
    }
    head.push_str("\r\n");
    Some(ProxyRequest::Plain { host, port, head: head.into_bytes(), body_bytes: body_bytes.unwrap_or(0) })
}

fn parse_length(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A DNS name in lower case. Literal addresses are no names: the allow-list is by name.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    (name.len() <= 253 && name.split('.').all(is_label)).then(|| name.to_ascii_lowercase())
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &str) -> Result<(ProxyRequest, Vec<u8>), HeadError> {
        read_request(&mut text.as_bytes()).await
    }

    #[tokio::test]
    async fn a_connect_is_read_and_what_follows_is_kept() {
        let (request, rest) =
            read("CONNECT Registry.Example.com:443 HTTP/1.1\r\nHost: x\r\n\r\nhello").await.unwrap();
        assert_eq!(request, ProxyRequest::Connect { host: "registry.example.com".into(), port: 443 });
        assert_eq!(rest, b"hello");
    }

    #[tokio::test]
    async fn a_plain_request_is_rewritten_for_the_origin() {
        let text = "GET http://mirror:4873/react?x=1 HTTP/1.1\r\nHost: evil\r\nProxy-Authorization: a\r\nAccept: */*\r\n\r\n";
        let (request, _) = read(text).await.unwrap();
        let head = "GET /react?x=1 HTTP/1.1\r\nHost: mirror:4873\r\nConnection: close\r\nAccept: */*\r\n\r\n";
        assert_eq!(
            request,
            ProxyRequest::Plain { host: "mirror".into(), port: 4873, head: head.into(), body_bytes: 0 }
        );
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "CONNECT x HTTP/1.1\r\n\r\n",
            "CONNECT x:0 HTTP/1.1\r\n\r\n",
            "CONNECT x:+443 HTTP/1.1\r\n\r\n",
            "CONNECT x:70000 HTTP/1.1\r\n\r\n",
            "CONNECT [::1]:443 HTTP/1.1\r\n\r\n",
            "CONNECT user@x:443 HTTP/1.1\r\n\r\n",
            "CONNECT x:443 HTTP/2\r\n\r\n",
            "CONNECT  x:443 HTTP/1.1\r\n\r\n",
            "get http://x/ HTTP/1.1\r\n\r\n",
            "GET ftp://x/ HTTP/1.1\r\n\r\n",
            "GET http://user:pw@x/ HTTP/1.1\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nBad Header: x\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\n: x\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nA: b\nHost: evil\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nA: b\rHost: evil\r\n\r\n",
            "GET http://x/\nHost:evil HTTP/1.1\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
            "POST http://x/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST http://x/ HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
            "POST http://x/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\n",
            "POST http://x/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
            "POST http://x/ HTTP/1.1\r\nContent-Length: 1, 9\r\n\r\n",
        ] {
            assert_eq!(read(text).await, Err(HeadError::Malformed), "{text}");
        }
        assert_eq!(read("CONNECT x:443").await, Err(HeadError::CutOff));
        let long = format!("CONNECT x:443 HTTP/1.1\r\nA: {}", "a".repeat(2 * MAX_HEAD_BYTES));
        assert_eq!(read(&long).await, Err(HeadError::TooLarge));
    }
}
