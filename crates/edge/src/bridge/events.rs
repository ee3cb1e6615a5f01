//! What a page tells: taken in as bytes, bounded, and handed to whoever owns the sessions.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use vitrine_model::SessionId;
use vitrine_model::problem::Code;

use crate::admitted::Admitted;
use crate::answer::Refusal;
use crate::ask::Ask;
use crate::body::{self, Body, Upload};
use crate::gateway::Gateway;
use crate::target::{Reported, Teller};

/// Where a page tells.
pub(crate) const EVENTS_PATH: &str = "/.vitrine/events";

/// Bytes of one batch; the script sends less.
const MAX_BATCH_BYTES: usize = 64 * 1024;

/// How long a batch may take to come in. It is small: who takes longer only holds a place.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);

impl Gateway {
    /// Takes a batch of events. Whoever sent it has shown the session's cookie, and is a page of the preview's own origin or no
    /// page at all: see [`Ask::is_foreign`]. It wakes nothing and is no use of the session.
    pub(crate) async fn take_events(
        &self,
        (session, visitor): (&SessionId, &Admitted),
        ask: &Ask,
        headers: &HeaderMap,
        upload: Upload,
    ) -> Result<Response<Body>, Refusal> {
        if ask.method != Method::POST {
            return Err(Refusal::new(Code::MethodNotAllowed, "Events are posted."));
        }
        // A form of another site cannot say so.
        if !is_json(headers) {
            return Err(Refusal::new(Code::InvalidRequest, "Send the events as application/json."));
        }
        let _seat = self.request_seat(session).ok_or(Refusal::Busy)?;
        let late = |_| Refusal::new(Code::InvalidRequest, "The events did not come in time.");
        let batch = tokio::time::timeout(BATCH_TIMEOUT, whole(upload.body)).await.map_err(late)??;
        let teller = match visitor {
            Admitted::Own => Teller::Own,
            Admitted::ByLink(..) => Teller::ByLink,
        };
        match self.targets.report(session, teller, &batch) {
            Reported::Taken => Ok(taken()),
            Reported::TooMany => Err(too_many()),
            Reported::Unreadable => Err(Refusal::new(Code::InvalidJson, "This is not a batch of events.")),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The body, unless it is larger than a batch may be.
async fn whole(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut batch = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::new(Code::InvalidRequest, "The events broke off."))?;
        batch.extend_from_slice(frame.data_ref().map(|data| data.as_ref()).unwrap_or_default());
        if batch.len() > MAX_BATCH_BYTES {
            let detail = format!("A batch has at most {MAX_BATCH_BYTES} bytes.");
            return Err(Refusal::new(Code::BodyTooLarge, detail));
        }
    }
    Ok(batch)
}

fn too_many() -> Refusal {
    Refusal::new(Code::TooManyRequests, "The page tells more than is kept.")
}

fn taken() -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
