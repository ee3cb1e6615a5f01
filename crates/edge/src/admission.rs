//! Whether a request may pass: what it is, where it goes and who sent it.

use http::Method;
use http::Response;
use http::header::{HeaderMap, HeaderValue};
use vitrine_model::SessionId;
use vitrine_model::problem::Code;

use crate::answer::{Refusal, see_other};
use crate::ask::Ask;
use crate::body::{Body, Upload};
use crate::cookie;
use crate::credential::Purpose;
use crate::gateway::Gateway;
use crate::host::HostKind;

/// Headers in a request; browsers send some twenty.
const MAX_REQUEST_HEADERS: usize = 100;

/// Bytes of names and values in a request's head: Node's HTTP server refuses more than 16 KiB.
const MAX_REQUEST_HEAD_BYTES: usize = 16 * 1024;

/// True when no server behind us has to read such a head.
pub(crate) fn is_head_too_large(headers: &HeaderMap, path: &str) -> bool {
    let head_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    headers.len() > MAX_REQUEST_HEADERS || head_bytes + path.len() > MAX_REQUEST_HEAD_BYTES
}

/// What becomes of a request with respect to who sent it.
pub(crate) enum Admission {
    /// It may pass; the cookie lines to answer with, when it is time for a fresh one.
    Here { renewed: Vec<HeaderValue> },
    /// It is sent on without its token.
    Elsewhere(Response<Body>),
}

impl Gateway {
    /// What no session has to be known for.
    pub(crate) fn check_request(
        &self,
        session: &SessionId,
        ask: &Ask,
        headers: &HeaderMap,
        upload: &Upload,
    ) -> Result<(), Refusal> {
        if self.config.hosts.classify(&ask.authority) != HostKind::Preview(session.clone()) {
            return Err(Refusal::Misdirected);
        }
        if matches!(ask.method, Method::CONNECT | Method::TRACE) {
            return Err(Refusal::new(Code::MethodNotAllowed, "Previews do not take this method."));
        }
        if is_head_too_large(headers, &ask.path) {
            let detail = "The request's headers are too large. Clearing this site's cookies may help.";
            return Err(Refusal::new(Code::InvalidRequest, detail));
        }
        let declared = upload.declared_bytes();
        if declared.is_some_and(|bytes| bytes > self.config.limits.max_request_body_bytes) {
            let max = self.config.limits.max_request_body_bytes;
            return Err(Refusal::new(Code::BodyTooLarge, format!("A preview takes at most {max} bytes.")));
        }
        Ok(())
    }

    /// Turns a token into a cookie, or looks for the cookie. Every candidate is tried until one opens this door.
    pub(crate) fn admit(
        &self,
        door: &Door<'_>,
        ask: &Ask,
        headers: &HeaderMap,
    ) -> Result<Admission, Refusal> {
        let ttl = self.config.limits.cookie_ttl;
        let fresh = || self.cookies.set(&self.signer.issue(door.cookie, door.subject, ttl), ttl);
        let left = cookie::candidates(headers)
            .filter_map(|value| self.signer.check(door.cookie, door.subject, value))
            .max();
        if let Some(token) = &ask.token
            && matches!(ask.method, Method::GET | Method::HEAD)
            && !ask.is_websocket
        {
            let is_good = self.signer.check(door.token, door.subject, token).is_some();
            let cookies = if is_good { fresh() } else { Vec::new() };
            if !is_good && left.is_none() {
                return Err(Refusal::NoCredentials);
            }
            let here = format!("{}://{}{}", self.config.scheme.as_str(), ask.authority, ask.target());
            return Ok(Admission::Elsewhere(see_other(&here, cookies)));
        }
        match left {
            Some(left) if left < ttl / 2 => Ok(Admission::Here { renewed: fresh() }),
            Some(_) => Ok(Admission::Here { renewed: Vec::new() }),
            None => Err(Refusal::NoCredentials),
        }
    }
}

/// What a token and a cookie open.
pub(crate) struct Door<'a> {
    token: Purpose,
    cookie: Purpose,
    subject: &'a str,
}

impl<'a> Door<'a> {
    /// A session's preview.
    pub(crate) fn of_session(session: &'a SessionId) -> Self {
        Self { token: Purpose::Token, cookie: Purpose::Cookie, subject: session.as_str() }
    }

    /// An artifact of an app; `subject` names both.
    pub(crate) fn of_artifact(subject: &'a str) -> Self {
        Self { token: Purpose::ArtifactToken, cookie: Purpose::ArtifactCookie, subject }
    }
}
