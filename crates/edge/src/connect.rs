//! From a session to a connection: wakes what sleeps, waits a little for what is starting, dials again once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use vitrine_model::SessionId;
use vitrine_model::problem::Code;

use crate::answer::Refusal;
use crate::ask::Ask;
use crate::forward::dial;
use crate::gateway::Gateway;
use crate::pool::Connection;
use crate::target::{DialError, PreviewState, Upstream, WaitInfo};

/// How long a wait for news lasts at first and at most: a dev server may begin to listen without anybody saying so, and
/// one that never does must not be dialled all the time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// A dev server and a connection to it.
pub(crate) struct Line {
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) connection: Connection,
}

impl Gateway {
    /// A connection to the session's dev server, or why there is none. `state` is what was just resolved.
    pub(crate) async fn connect(
        &self,
        session: &SessionId,
        ask: &Ask,
        mut state: PreviewState,
    ) -> Result<Line, Refusal> {
        let deadline = Instant::now() + self.hold(ask);
        let mut has_woken = false;
        let mut has_failed = false;
        let mut pause = FIRST_PAUSE;
        loop {
            let waiting = match state {
                PreviewState::NotFound => return Err(Refusal::UnknownSession),
                PreviewState::Over => return Err(Refusal::Over),
                PreviewState::Failed(problem) => return Err(Refusal::Failed(Box::new(problem))),
                PreviewState::Starting(wait) => wait,
                PreviewState::Asleep(wait) if ask.is_probe => return Err(Refusal::Starting(wait)),
                PreviewState::Asleep(_) if !std::mem::replace(&mut has_woken, true) => {
                    // A wake that takes longer goes on without this request.
                    let _ = timeout_at(deadline, self.targets.wake(session)).await;
                    state = self.targets.resolve(session).await;
                    continue;
                }
                PreviewState::Asleep(wait) => wait,
                PreviewState::Running(upstream) => match self.line(session, ask, upstream).await {
                    Ok(line) => return Ok(line),
                    Err(DialError::Failed(reason)) if has_failed => {
                        return Err(Refusal::new(Code::Internal, reason));
                    }
                    Err(error) => {
                        has_failed |= matches!(error, DialError::Failed(_));
                        WaitInfo::default()
                    }
                },
            };
            if Instant::now() >= deadline {
                return Err(Refusal::Starting(waiting));
            }
            let until = deadline.min(Instant::now() + pause);
            let _ = timeout_at(until, self.targets.changed(session)).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            state = self.targets.resolve(session).await;
        }
    }

    async fn line(
        &self,
        session: &SessionId,
        ask: &Ask,
        upstream: Arc<dyn Upstream>,
    ) -> Result<Line, DialError> {
        let generation = upstream.generation();
        // A socket takes its connection for good.
        let kept = if ask.is_websocket { None } else { self.pool.take(session, generation) };
        let connection = match kept {
            Some(connection) => connection,
            None => {
                self.sockets.keep_only(session, generation);
                dial(upstream.as_ref(), self.config.limits.connect_timeout).await?
            }
        };
        Ok(Line { upstream, connection })
    }

    fn hold(&self, ask: &Ask) -> Duration {
        let limits = &self.config.limits;
        match ask {
            Ask { is_probe: true, .. } => Duration::ZERO,
            Ask { is_navigation: true, .. } => limits.hold_navigation,
            _ => limits.hold_request,
        }
    }
}
