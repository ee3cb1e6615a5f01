//! The head of a request, read strictly: only what can be read in one way is answered here, and the rest is hyper's.

use std::mem::MaybeUninit;

use httparse::{Header, Status};
use memchr::memchr_iter;

use super::super::request::{HostedRequest, Verb};

/// Bytes of a head. What is longer is answered with 431.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// Fields of a head; hyper refuses more as well.
const MAX_FIELDS: usize = 100;

/// What has arrived so far.
#[expect(
    clippy::large_enum_variant,
    reason = "taken apart at once; a box would be an allocation per request"
)]
pub(super) enum Head<'b> {
    /// Not the whole head yet.
    Partial,
    /// Over [`MOST_HEAD_BYTES`].
    TooLarge,
    /// Not for us: another protocol, a body, something unusual. hyper answers it, with 400 where it is wrong.
    Foreign,
    /// One whole request without a body.
    Whole(Parsed<'b>),
}

/// A request and what concerns its connection.
pub(super) struct Parsed<'b> {
    /// Bytes of the head; the next request begins behind them.
    pub(super) len: usize,
    /// The value of the one `Host` field.
    pub(super) host: &'b str,
    pub(super) request: HostedRequest<'b>,
    /// True when the client wants no further request on this connection.
    pub(super) closes: bool,
}

/// Reads the head at the beginning of `input`. `seen` bytes of it were looked at before, in vain.
pub(super) fn read(input: &[u8], seen: usize) -> Head<'_> {
    if input.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
        return Head::Foreign;
    }
    match end_of_head(input, seen) {
        None if input.len() > MOST_HEAD_BYTES => Head::TooLarge,
        None => Head::Partial,
        Some(len) if len > MOST_HEAD_BYTES => Head::TooLarge,
        Some(len) => parse(&input[..len]).map_or(Head::Foreign, Head::Whole),
    }
}

/// Where the head ends, by any reader's account: behind the first empty line.
fn end_of_head(input: &[u8], seen: usize) -> Option<usize> {
    // The line break before the empty line may have been seen already.
    let from = seen.saturating_sub(3);
    memchr_iter(b'\n', &input[from..]).map(|at| from + at + 1).find_map(|next| match &input[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

fn parse(head: &[u8]) -> Option<Parsed<'_>> {
    // A line break without its carriage return is where readers disagree.
    if memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r') {
        return None;
    }
    let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut fields) {
        Ok(Status::Complete(len)) if len == head.len() => {}
        _ => return None,
    }
    let verb = match request.method? {
        "GET" => Verb::Get,
        "HEAD" => Verb::Head,
        _ => return None,
    };
    let target = request.path.filter(|target| is_origin_form(target))?;
    if request.version != Some(1) {
        return None;
    }
    let mut parsed =
        Parsed { len: head.len(), host: "", request: HostedRequest::new(verb, target), closes: false };
    request.headers.iter().try_for_each(|field| take(&mut parsed, field))?;
    (!parsed.host.is_empty()).then_some(parsed)
}

/// A path in the characters that hyper takes for one too; with a fragment it is none.
fn is_origin_form(target: &str) -> bool {
    target.starts_with('/')
        && target.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte))
}

/// Takes in one field; None when it makes the request one for hyper.
fn take<'b>(parsed: &mut Parsed<'b>, field: &Header<'b>) -> Option<()> {
    let is = |name: &str| field.name.eq_ignore_ascii_case(name);
    match field.name.len() {
        4 if is("host") => {
            // An empty one counts: a proxy in front may have gone by it.
            if !parsed.host.is_empty() || field.value.is_empty() {
                return None;
            }
            parsed.host = std::str::from_utf8(field.value).ok()?;
        }
        6 if is("expect") => return None,
        7 if is("upgrade") => return None,
        10 if is("connection") => {
            for option in std::str::from_utf8(field.value).ok()?.split(',').map(str::trim) {
                if option.eq_ignore_ascii_case("close") {
                    parsed.closes = true;
                } else if !option.eq_ignore_ascii_case("keep-alive") {
                    return None;
                }
            }
        }
        14 if is("content-length") => return None,
        17 if is("transfer-encoding") => return None,
        _ => parsed.request.add(field.name, field.value),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(input: &str) -> &'static str {
        match read(input.as_bytes(), 0) {
            Head::Partial => "partial",
            Head::TooLarge => "too large",
            Head::Foreign => "foreign",
            Head::Whole(_) => "whole",
        }
    }

    #[test]
    fn a_plain_request_is_read_up_to_its_empty_line() {
        let input = b"GET /a?b HTTP/1.1\r\nhost: x.apps.localhost\r\nRange: bytes=0-1\r\n\r\nGET /next";
        let Head::Whole(parsed) = read(input, 0) else { panic!() };
        assert_eq!((parsed.len, parsed.host, parsed.closes), (input.len() - 9, "x.apps.localhost", false));
        assert_eq!((parsed.request.path, parsed.request.query), ("/a", Some("b")));
        assert_eq!(parsed.request.range.as_deref(), Some("bytes=0-1"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_left_to_hyper() {
        let with = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n");
        for input in [
            with("Host: a\r\nHost: a\r\n"),
            with("Host: a\r\nHost: b\r\n"),
            with(""),
            with("Host:\r\n"),
            with("Host : a\r\n"),
            with(" Host: a\r\n"),
            with("Host: a\r\nX: a\r\n b\r\n"),
            with("Host: a\r\nContent-Length: 5\r\n"),
            with("Host: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
            with("Host: a\r\ntransfer-encoding: chunked\r\n"),
            with("Host: a\r\nExpect: 100-continue\r\n"),
            with("Host: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"),
            with("Host: a\r\nConnection: close, x-hop\r\n"),
            with("Host: a\nX: b\r\n"),
            with("Host: a\r\nX: \0\r\n"),
            "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n".to_owned(),
            "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "get / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "\u{16}\u{3}\u{1}".to_owned(),
            with(&format!("Host: a\r\n{}", "X: y\r\n".repeat(MAX_FIELDS))),
        ] {
            assert_eq!(kind(&input), "foreign", "{input:?}");
        }
        assert_eq!(kind(&with("Host: a\r\nConnection: Keep-Alive\r\n")), "whole");
        assert_eq!(kind(&with(&format!("Host: a\r\n{}", "X: y\r\n".repeat(MAX_FIELDS - 1)))), "whole");
    }

    #[test]
    fn the_limit_of_a_head_is_reached_and_not_passed() {
        let head = |len: usize| {
            let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
            frame.replace("X: ", &format!("X: {}", "x".repeat(len - frame.len())))
        };
        assert_eq!(kind(&head(MOST_HEAD_BYTES)), "whole");
        assert_eq!(kind(&head(MOST_HEAD_BYTES + 1)), "too large");
        assert_eq!(kind(&head(MOST_HEAD_BYTES + 9)[..MOST_HEAD_BYTES]), "partial");
        assert_eq!(kind(&head(MOST_HEAD_BYTES + 9)[..=MOST_HEAD_BYTES]), "too large");
    }

    proptest! {
        #[test]
        fn a_head_is_the_same_however_it_was_cut(cut in 0_usize..60) {
            let input = b"GET /a HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX: y\r\n\r\n";
            let cut = cut.min(input.len() - 1);
            prop_assert!(matches!(read(&input[..cut], 0), Head::Partial));
            let Head::Whole(parsed) = read(input, cut) else { panic!() };
            prop_assert_eq!(parsed.len, input.len());
        }

        #[test]
        fn no_bytes_make_it_panic(input in proptest::collection::vec(any::<u8>(), 0..200), seen in 0_usize..200) {
            let _ = read(&input, seen.min(input.len()));
        }
    }
}
