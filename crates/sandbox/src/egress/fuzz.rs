//! What must hold for every request to the proxy and every TLS greeting.

use super::head::{MAX_HEAD_BYTES, ProxyRequest, read_request};
use super::hello::read_hello;
use crate::fuzz::now;

/// What is sent on to an origin is one request for the host that was checked, for every reader.
pub(crate) fn egress_request(data: &[u8]) {
    let mut input = data;
    let Ok((request, rest)) = now(read_request(&mut input)) else { return };
    assert!(data.ends_with(&[&rest, input].concat()), "nothing is lost behind the head");
    let (host, port) = match &request {
        ProxyRequest::Connect { host, port } | ProxyRequest::Plain { host, port, .. } => (host, *port),
    };
    assert!(!host.is_empty() && port != 0);
    assert!(
        host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_')),
        "{host}"
    );
    let ProxyRequest::Plain { head, .. } = &request else { return };
    assert!(head.len() <= MAX_HEAD_BYTES * 2 && head.ends_with(b"\r\n\r\n"));
    let text = String::from_utf8_lossy(head);
    let lines: Vec<&str> = text.trim_end_matches("\r\n").split("\r\n").collect();
    assert!(lines.iter().all(|line| !line.contains(|c: char| c.is_ascii_control() && c != '\t')), "{text:?}");
    let named = |name: &str| {
        lines.iter().skip(1).filter(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:"))).count()
    };
    assert_eq!((named("host"), named("connection"), named("proxy-authorization")), (1, 1, 0));
    assert_eq!(lines[0].split(' ').count(), 3, "{text:?}");
}

/// The name in a greeting is a name, and every byte that was read is passed on. The first byte says how much had arrived
/// before.
pub(crate) fn tls_hello(data: &[u8]) {
    let Some((cut, hello)) = data.split_first() else { return };
    let cut = usize::from(*cut).min(hello.len());
    let mut whole = hello;
    let mut late = &hello[cut..];
    let at_once = now(read_hello(&mut whole, Vec::new()));
    let in_two = now(read_hello(&mut late, hello[..cut].to_vec()));
    if let (Ok((name, bytes)), Ok((same, _))) = (&at_once, &in_two) {
        assert_eq!(name, same);
        assert!(hello.starts_with(bytes) && !name.is_empty());
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()));
    }
    assert_eq!(at_once.is_ok(), in_two.is_ok(), "{at_once:?} and {in_two:?}");
}
