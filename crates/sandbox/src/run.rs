//! A command whose output is watched while it runs.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::driver::{DriverError, ExecLimits, Exit};

/// Given to whoever runs the command on top of its own time.
const GRACE: Duration = Duration::from_secs(10);

/// What a watched command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEvent {
    /// A piece of output, as it came: it may end in the middle of a line or of a character.
    Output {
        /// True for standard error.
        is_stderr: bool,
        /// Never empty.
        piece: Bytes,
    },
    /// It has ended, and everything that it started with it. The last event.
    Ended {
        /// How.
        exit: Exit,
        /// True when there was more output than was asked for.
        is_truncated: bool,
    },
}

/// A command that runs. Dropping it kills the command and everything that it started.
pub struct Running {
    events: mpsc::UnboundedReceiver<Result<RunEvent, DriverError>>,
    within: Duration,
    until: Instant,
    kill: Option<Box<dyn FnOnce() + Send + Sync>>,
    explain: Option<Box<dyn Fn(Exit) -> Exit + Send + Sync>>,
}

/// Where a driver says what a command does. What it says is bounded by the output that was asked for, so that nothing else has
/// to be.
pub(crate) type RunReports = mpsc::UnboundedSender<Result<RunEvent, DriverError>>;

impl Running {
    /// A command within these limits, what is told about it, and what kills it.
    pub(crate) fn new(limits: ExecLimits, kill: impl FnOnce() + Send + Sync + 'static) -> (Self, RunReports) {
        let (reports, events) = mpsc::unbounded_channel();
        let within = limits.timeout.saturating_add(GRACE);
        let until = Instant::now() + within;
        (Self { events, within, until, kill: Some(Box::new(kill)), explain: None }, reports)
    }

    /// With what only the driver knows about ends.
    pub(crate) fn explained(mut self, explain: impl Fn(Exit) -> Exit + Send + Sync + 'static) -> Self {
        self.explain = Some(Box::new(explain));
        self
    }

    /// What it does next; `None` after [`RunEvent::Ended`] or an error. [`DriverError::Ended`] when its sandbox is gone,
    /// [`DriverError::Refused`] when it could not be started.
    pub async fn next(&mut self) -> Option<Result<RunEvent, DriverError>> {
        self.kill.as_ref()?;
        let event = tokio::time::timeout_at(self.until, self.events.recv()).await;
        let event = match event {
            Ok(Some(Ok(RunEvent::Ended { exit, is_truncated }))) => {
                let exit = self.explain.as_ref().map_or(exit, |explain| explain(exit));
                Ok(RunEvent::Ended { exit, is_truncated })
            }
            Ok(Some(event)) => event,
            Ok(None) => Err(DriverError::Ended),
            Err(_) => {
                self.end();
                return Some(Err(DriverError::Timeout(self.within)));
            }
        };
        if !matches!(event, Ok(RunEvent::Output { .. })) {
            // Nothing is left to kill.
            self.kill = None;
        }
        Some(event)
    }

    fn end(&mut self) {
        if let Some(kill) = self.kill.take() {
            kill();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
