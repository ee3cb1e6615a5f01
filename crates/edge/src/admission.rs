//! Whether a request may pass: what it is, where it goes and who sent it.

use std::time::Duration;

use http::Method;
use http::Response;
use http::header::{HeaderMap, HeaderValue};
use vitrine_model::problem::Code;
use vitrine_model::{SessionId, Timestamp};

use crate::admitted::Admitted;
use crate::answer::{Refusal, see_other};
use crate::ask::Ask;
use crate::body::{Body, Upload};
use crate::cookie;
use crate::credential::Purpose;
use crate::gateway::Gateway;
use crate::host::HostKind;
use crate::target::{Redeemed, Redemption};

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
    /// It may pass: who it is from, and the cookie lines to answer with when it is time for a fresh one.
    Here { visitor: Admitted, renewed: Vec<HeaderValue> },
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

    /// Turns a token into a cookie, once, or looks for the cookie. Every candidate is tried until one opens this door.
    pub(crate) async fn admit(
        &self,
        door: &Door<'_>,
        ask: &Ask,
        headers: &HeaderMap,
    ) -> Result<Admission, Refusal> {
        let held = self.held(door, headers).await;
        if let Some(token) = &ask.token
            && matches!(ask.method, Method::GET | Method::HEAD)
            && !ask.is_websocket
        {
            let cookies = self.exchange(door, token, held).await?;
            let here = format!("{}://{}{}", self.config.scheme.as_str(), ask.authority, ask.target());
            return Ok(Admission::Elsewhere(see_other(&here, cookies)));
        }
        let held = held?;
        let ttl = self.cookie_ttl(door, &held.visitor);
        let renewed =
            if held.left < ttl / 2 { self.set_cookies(door, &held.visitor, ttl) } else { Vec::new() };
        Ok(Admission::Here { visitor: held.visitor, renewed })
    }

    /// The best of the cookies that came along: one of the session's own people before one by link, then the longest.
    async fn held(&self, door: &Door<'_>, headers: &HeaderMap) -> Result<Held, Refusal> {
        let mut best: Option<Held> = None;
        let mut refusal = Refusal::NoCredentials;
        for checked in cookie::candidates(headers, self.cookies)
            .filter_map(|value| self.signer.check(door.cookie, door.subject, value))
        {
            match self.admitted(checked.link).await {
                Some(visitor) => {
                    let held = Held { left: checked.left, visitor };
                    if best.as_ref().is_none_or(|best| best.rank() < held.rank()) {
                        best = Some(held);
                    }
                }
                None => refusal = Refusal::LinkOver,
            }
        }
        best.ok_or(refusal)
    }

    /// The cookies that a token is exchanged for; none when the browser has a good one anyway.
    async fn exchange(
        &self,
        door: &Door<'_>,
        token: &str,
        held: Result<Held, Refusal>,
    ) -> Result<Vec<HeaderValue>, Refusal> {
        let Some(token) = self.signer.check(door.token, door.subject, token) else {
            return held.map(|_| Vec::new());
        };
        let Some(visitor) = self.admitted(token.link).await else {
            return held.map(|_| Vec::new()).map_err(|_| Refusal::LinkOver);
        };
        let redemption =
            Redemption { subject: door.subject, nonce: &token.nonce, expires_at: token.expires_at };
        match self.targets.redeem(redemption).await {
            // Who may see the session anyway does not become a visitor by opening a link to it.
            Redeemed::First if held.as_ref().is_ok_and(|held| held.visitor.outranks(&visitor)) => {
                Ok(Vec::new())
            }
            Redeemed::First => {
                let ttl = self.cookie_ttl(door, &visitor);
                Ok(self.set_cookies(door, &visitor, ttl))
            }
            Redeemed::Again => held.map(|_| Vec::new()).map_err(|_| Refusal::TokenUsed),
            Redeemed::Unknown => held.map(|_| Vec::new()).map_err(|_| {
                Refusal::new(
                    Code::Internal,
                    "Whether this address was opened before cannot be told now. Reload the page.",
                )
            }),
        }
    }

    fn set_cookies(&self, door: &Door<'_>, visitor: &Admitted, ttl: Duration) -> Vec<HeaderValue> {
        self.cookies.set(&self.signer.cookie(door.cookie, door.subject, ttl, visitor.link()), ttl)
    }

    /// How long a cookie made now is good for: not longer than what it opens, nor than the link it came by.
    fn cookie_ttl(&self, door: &Door<'_>, visitor: &Admitted) -> Duration {
        let now = self.signer.now();
        let until = |at: Timestamp| Duration::from_millis(u64::try_from(at.millis_since(now)).unwrap_or(0));
        let session = door.session.and_then(|session| self.targets.expires_at(session)).map(until);
        let link = visitor.ends_at().map(until);
        [session, link].into_iter().flatten().fold(self.config.limits.cookie_ttl, Duration::min)
    }
}

/// A good cookie.
struct Held {
    left: Duration,
    visitor: Admitted,
}

impl Held {
    fn rank(&self) -> (bool, Duration) {
        (self.visitor.link().is_none(), self.left)
    }
}

/// What a token and a cookie open.
pub(crate) struct Door<'a> {
    token: Purpose,
    cookie: Purpose,
    subject: &'a str,
    session: Option<&'a SessionId>,
}

impl<'a> Door<'a> {
    /// A session's preview.
    pub(crate) fn of_session(session: &'a SessionId) -> Self {
        Self {
            token: Purpose::Token,
            cookie: Purpose::Cookie,
            subject: session.as_str(),
            session: Some(session),
        }
    }

    /// An artifact of an app; `subject` names both.
    pub(crate) fn of_artifact(subject: &'a str) -> Self {
        Self { token: Purpose::ArtifactToken, cookie: Purpose::ArtifactCookie, subject, session: None }
    }
}
