//! What the front answers itself, hyper would have read in the same way: the two must never see two requests in one.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use super::super::request::{HostedRequest, Verb};
use super::head::{Head, read};

/// The head that the front reads off the input is the first request that hyper reads off it, and has no body. The first
/// byte says how much had arrived before.
pub(crate) fn request_head(data: &[u8]) {
    let Some((seen, input)) = data.split_first() else { return };
    let whole = read(input, 0);
    if let Head::Whole(parsed) = &whole {
        assert!(parsed.len <= input.len() && input[..parsed.len].ends_with(b"\r\n\r\n"));
        assert_same(&parsed.request, parsed.host, &input[..parsed.len]);
        let seen = usize::from(*seen).min(parsed.len.saturating_sub(1));
        assert!(matches!(read(&input[..seen], 0), Head::Partial), "a head is not read before it is there");
        assert!(matches!(read(input, seen), Head::Whole(again) if again.len == parsed.len));
    }
}

fn assert_same(ours: &HostedRequest<'_>, host: &str, head: &[u8]) {
    let seen = through_hyper(head);
    let [theirs] = &seen[..] else { panic!("hyper saw {} requests", seen.len()) };
    assert_eq!(theirs.version(), Version::HTTP_11);
    assert!(*theirs.body(), "hyper saw a body");
    let hosts: Vec<_> = theirs.headers().get_all(http::header::HOST).iter().collect();
    assert!(matches!(&hosts[..], [one] if one.as_bytes() == host.as_bytes()), "{hosts:?} and {host:?}");
    let (parts, _) = theirs.clone().into_parts();
    let theirs = HostedRequest::of(&parts);
    assert_eq!(theirs.verb, ours.verb);
    assert!(matches!(ours.verb, Verb::Get | Verb::Head));
    assert_eq!((theirs.path, theirs.query), (ours.path, ours.query));
    assert_eq!(theirs.accept, ours.accept);
    assert_eq!(theirs.accept_encoding, ours.accept_encoding);
    assert_eq!((&theirs.range, &theirs.if_range), (&ours.range, &ours.if_range));
    assert_eq!((&theirs.if_match, &theirs.if_none_match), (&ours.if_match, &ours.if_none_match));
    assert_eq!(theirs.fetch_mode, ours.fetch_mode);
}

/// What hyper takes these bytes for; each with whether it has no body.
fn through_hyper(input: &[u8]) -> Vec<Request<bool>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return Vec::new() };
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(input.len() + 1);
        let service = service_fn(|request: Request<Incoming>| {
            let request = request.map(|body| body.is_end_stream());
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
        });
        let _ = client.write_all(input).await;
        let _ = client.shutdown().await;
        let connection =
            http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service);
        let mut answer = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut client, &mut answer);
        let _ = tokio::join!(connection, reading);
    });
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}
