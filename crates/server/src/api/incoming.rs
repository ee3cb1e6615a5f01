//! What holds for the body of every request: it has an end, it comes at a bearable pace, and it is not packed.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, HeaderMap};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::Limited;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use vitrine_model::limits::{MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, MAX_JSON_BYTES};
use vitrine_model::problem::Code;

use super::access::Rule;
use super::problem::ApiError;
use crate::auth::Caller;
use crate::limits::{BodyRoom, NoRoom};
use crate::services::Services;

/// The largest body that any call takes: an archive with the form around it.
const MAX_FORM_BYTES: usize = MAX_ARCHIVE_BYTES as usize + 1024 * 1024;

/// A body of most calls: settings and names. The longest is a package policy's lists.
const MAX_SETTINGS_BYTES: usize = 1024 * 1024;

/// A body of somebody who has not said yet who they are: a key or a password.
const MAX_OPEN_BODY_BYTES: usize = 16 * 1024;

/// The time that any body has.
const GRACE: Duration = Duration::from_secs(30);

/// The time without a byte after which nobody is there any more, however much came before.
const IDLE: Duration = Duration::from_secs(30);

/// And what has to come in every second after that, on average: a poor mobile network manages.
const LEAST_BYTES_PER_SEC: u64 = 16 * 1024;

/// For calls of known callers. What they send is in memory until they are answered, and is counted as long.
pub(crate) async fn guard(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let most = extensions.get::<&Rule>().map_or(MAX_SETTINGS_BYTES, |rule| most_bytes(rule));
    let room = extensions.get::<Caller>().map(|caller| services.limits.at_once().body(&caller.scope));
    let room = room.map(|room| Arc::new(Mutex::new(room)));
    let response = guard_with(most, room.clone(), request, next).await;
    drop(room);
    response
}

/// For calls that anybody may make.
pub(crate) async fn guard_open(request: Request, next: Next) -> Response {
    guard_with(MAX_OPEN_BODY_BYTES, None, request, next).await
}

/// The largest body that an operation takes.
pub(super) fn most_bytes(rule: &Rule) -> usize {
    match rule.operation {
        "create_app" => MAX_FORM_BYTES,
        "put_blob" => MAX_FILE_BYTES as usize,
        "apply_change_set" | "diff_files" => MAX_JSON_BYTES,
        _ => MAX_SETTINGS_BYTES,
    }
}

type Room = Arc<Mutex<BodyRoom>>;

async fn guard_with(most_bytes: usize, room: Option<Room>, request: Request, next: Next) -> Response {
    if is_packed(request.headers()) {
        // Never unpacked here: a small body could become any amount of memory.
        let detail = "Send the body as it is, without `Content-Encoding`.";
        return ApiError::new(Code::UnsupportedMediaType, detail).into_response();
    }
    let guarded = |body: Body| match body.is_end_stream() {
        true => body,
        false => Body::new(Limited::new(Paced::new(body, room), most_bytes)),
    };
    next.run(request.map(guarded)).await
}

fn is_packed(headers: &HeaderMap) -> bool {
    let is_plain = |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|line| !line.to_str().is_ok_and(|codings| codings.split(',').all(is_plain)))
}

/// The body came too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub(crate) struct TooSlow;

/// A body that fails when it falls behind the pace, or when there is no room for it.
struct Paced {
    body: Body,
    begun: Instant,
    received: u64,
    /// Since when nothing has come that we were waiting for.
    quiet: Option<Instant>,
    late: Pin<Box<Sleep>>,
    room: Option<Room>,
}

impl Paced {
    fn new(body: Body, room: Option<Room>) -> Self {
        let begun = Instant::now();
        Self { body, begun, received: 0, quiet: None, late: Box::pin(sleep_until(begun + GRACE)), room }
    }

    fn due(&mut self) -> Instant {
        let quiet = *self.quiet.get_or_insert_with(Instant::now);
        let due = self.begun + GRACE + Duration::from_secs(self.received / LEAST_BYTES_PER_SEC);
        due.min(quiet + IDLE)
    }

    fn received(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.quiet = None;
        self.received += bytes as u64;
        match &self.room {
            Some(room) => room.lock().unwrap_or_else(PoisonError::into_inner).grow(bytes),
            None => Ok(()),
        }
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(frame) = polled {
            if let Some(Ok(frame)) = &frame {
                self.received(frame.data_ref().map_or(0, Bytes::len))?;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let due = self.due();
        if self.late.deadline() != due {
            self.late.as_mut().reset(due);
        }
        ready!(self.late.as_mut().poll(cx));
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::HeaderValue;
    use futures::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;

    /// A body of pieces of so many bytes, one every `pause`, for ever.
    fn dripping(bytes: usize, pause: Duration) -> Paced {
        let pieces = stream::unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((Ok::<_, Infallible>(Bytes::from(vec![b'x'; bytes])), ()))
        });
        Paced::new(Body::from_stream(pieces), None)
    }

    async fn ends_after(mut body: Paced, most: Duration) -> Option<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < most {
            match body.frame().await {
                Some(Err(error)) if error.is::<TooSlow>() => return Some(begun.elapsed()),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_or_drips_is_cut_off_and_a_slow_one_is_not() {
        let hour = Duration::from_secs(3_600);
        let silent = ends_after(dripping(1, hour), hour).await;
        assert_eq!(silent.map(|after| after.as_secs()), Some(GRACE.as_secs()));
        let dripping_on = ends_after(dripping(100, Duration::from_secs(1)), hour).await;
        assert!(dripping_on.is_some_and(|after| after < GRACE * 2), "{dripping_on:?}");
        let slow = dripping(2 * LEAST_BYTES_PER_SEC as usize, Duration::from_secs(1));
        assert_eq!(ends_after(slow, Duration::from_secs(600)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_before_buys_no_time_to_send_nothing() {
        let hour = Duration::from_secs(3_600);
        let much = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b'x'; 32 << 20]))]);
        let body = Paced::new(Body::from_stream(much.chain(stream::pending())), None);
        let ended = ends_after(body, hour).await;
        assert_eq!(ended.map(|after| after.as_secs()), Some(IDLE.as_secs()));
    }

    #[test]
    fn every_packing_is_seen() {
        for (codings, packed) in [
            (&["identity"][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["identity, br"], true),
            (&["identity", "Deflate"], true),
            (&["\u{e9}"], true),
        ] {
            let headers: HeaderMap = codings
                .iter()
                .map(|coding| (CONTENT_ENCODING, HeaderValue::from_bytes(coding.as_bytes()).unwrap()))
                .collect();
            assert_eq!(is_packed(&headers), packed, "{codings:?}");
        }
        assert!(!is_packed(&HeaderMap::new()));
    }
}
