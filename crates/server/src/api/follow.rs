//! Streams of events: so many at once, and no longer than whoever follows would be let in.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _};
use vitrine_model::problem::Code;

use super::problem::{ApiError, ApiResult};
use super::vouch::Vouch;
use crate::limits::Crowded;
use crate::services::Services;

/// How often something is sent on a quiet stream, so that nobody in between takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When whoever found too much going on may try again.
const RETRY_SECS: u64 = 5;

/// The events as an answer, to the end of whichever comes first: the events, the standing of who follows, the server.
pub(super) fn follow<S: Stream<Item = Event> + Send + 'static>(
    services: &Services,
    vouch: Vouch,
    events: S,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>> + use<S>>> {
    let place = services.limits.at_once().follow(&vouch.caller().scope)?;
    let stopping = services.stopping.clone();
    let end = async move {
        tokio::select! {
            () = stopping.cancelled() => {}
            () = vouch.ended() => {}
        }
    };
    let events = events.take_until(Box::pin(end)).map(move |event| {
        let _held = &place;
        Ok(event)
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl From<Crowded> for ApiError {
    fn from(error: Crowded) -> Self {
        let detail = format!("Not now: {error}. Try again in {RETRY_SECS} s.");
        Self::new(Code::TooManyRequests, detail).with_retry_after(RETRY_SECS)
    }
}
