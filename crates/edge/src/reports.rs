//! What the gateway tells about the use of a session: of requests that take long, and of open sockets.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use hyper::Response;
use tokio::time::Instant;
use vitrine_model::SessionId;
use vitrine_model::source::Clock;

use crate::admitted::Admitted;
use crate::ask::Ask;
use crate::body::{self, Body};
use crate::gateway::Gateway;
use crate::target::{Activity, PreviewTargets};
use crate::tunnel::Watcher;

/// Use is reported at most this often per request and socket.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// For so long an answer that still comes is use: time for a large download. One that never ends is not.
const ANSWER_COUNTS_FOR: Duration = Duration::from_secs(600);

/// Reports the use of one visitor.
pub(crate) struct Reporter {
    targets: Arc<dyn PreviewTargets>,
    clock: Arc<dyn Clock>,
    session: SessionId,
    visitor: Admitted,
    is_counted: bool,
}

impl Reporter {
    fn report(&self, activity: Activity) {
        if self.is_counted && self.visitor.counts_at(self.clock.now()) {
            self.targets.touch(&self.session, activity);
        }
    }

    /// Waits for an answer. Whoever waits uses the session, so that it does not stand still before it has answered.
    pub(crate) async fn while_waiting<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = std::pin::pin!(answer);
        loop {
            match tokio::time::timeout(REPORT_INTERVAL, &mut answer).await {
                Ok(answer) => return answer,
                Err(_) => self.report(Activity::Answer),
            }
        }
    }

    /// The answer, whose pieces are use while they come. A stream of events is none: nobody need be looking at it.
    pub(crate) fn with_answer(self, response: Response<Body>) -> Response<Body> {
        let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        if !self.is_counted || kind.starts_with(b"text/event-stream") {
            return response;
        }
        let report = move || self.report(Activity::Answer);
        let until = Instant::now() + ANSWER_COUNTS_FOR;
        response.map(|body| body::reporting(body, report, REPORT_INTERVAL, until))
    }
}

impl Watcher for Reporter {
    fn report(&self) {
        Self::report(self, Activity::SocketData);
    }

    fn is_resting(&self) -> bool {
        self.targets.is_resting(&self.session)
    }
}

impl Gateway {
    /// Reports what a visitor does with a request, unless it is a dev server's own client that does it.
    pub(crate) fn reporter(&self, (session, visitor): (&SessionId, &Admitted), ask: &Ask) -> Reporter {
        Reporter {
            targets: self.targets.clone(),
            clock: self.signer.clock(),
            session: session.clone(),
            visitor: visitor.clone(),
            is_counted: if ask.is_websocket { !ask.is_hmr } else { !ask.is_probe },
        }
    }
}
