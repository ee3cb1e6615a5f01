//! Sessions: a person's live preview of an app's draft, its life cycle and its wire form.

use serde::{Deserialize, Serialize};

use crate::id::{AppId, SessionId};
use crate::problem::Problem;
use crate::time::Timestamp;

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// On its way to running.
    Starting,
    /// The dev server answered `/` and the entry module.
    Running,
    /// Paused in memory.
    Frozen,
    /// Its sandbox is gone; the next request brings it back.
    Hibernated,
    /// Ended by a person.
    Stopped,
    /// Ended by its deadline.
    Expired,
    /// Cannot run; `error` says why. Ensuring it again tries again.
    Error,
}

/// What can happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEvent {
    /// Somebody asks for it, by API or by opening its page.
    Ensure,
    /// The dev server answers, or goes on where it was frozen.
    Ready,
    /// The sandbox or the dev server is gone and is being brought back.
    Lost,
    /// It was brought back too often, or can never run as it is.
    Failed,
    /// Nobody uses it for a short while.
    Freeze,
    /// Nobody uses it for its idle time.
    Idle,
    /// Its owner stops it.
    Stop,
    /// Its expiry has passed.
    Expire,
}

/// The event makes no sense in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session that is {from:?} cannot take {event:?}")]
pub struct InvalidTransition {
    /// The state it is in.
    pub from: SessionStatus,
    /// What was tried.
    pub event: SessionEvent,
}

impl SessionStatus {
    /// The state after `event`.
    pub fn on(self, event: SessionEvent) -> Result<Self, InvalidTransition> {
        use SessionEvent as E;
        use SessionStatus as S;
        match (self, event) {
            (S::Starting | S::Running, E::Ensure) => Ok(self),
            (S::Frozen, E::Ensure) => Ok(S::Running),
            (S::Hibernated | S::Stopped | S::Expired | S::Error, E::Ensure) => Ok(S::Starting),
            (S::Starting | S::Running | S::Frozen, E::Ready) => Ok(S::Running),
            (S::Starting | S::Running | S::Frozen, E::Lost) => Ok(S::Starting),
            (S::Starting | S::Running | S::Frozen, E::Failed) => Ok(S::Error),
            (S::Running | S::Frozen, E::Freeze) => Ok(S::Frozen),
            (S::Starting | S::Running | S::Frozen | S::Hibernated, E::Idle) => Ok(S::Hibernated),
            (_, E::Stop) => Ok(S::Stopped),
            (S::Stopped | S::Expired, E::Expire) => Ok(self),
            (_, E::Expire) => Ok(S::Expired),
            _ => Err(InvalidTransition { from: self, event }),
        }
    }

    /// True while a sandbox runs or is being started for it.
    pub const fn needs_sandbox(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Frozen)
    }

    /// True when only an explicit ensure brings it back: its URL answers nobody.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Expired)
    }
}

/// The steps from asking for a session to a page, in order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Reading the draft and finding out what kind of project it is.
    Files,
    /// The pinned Node.js and package managers.
    Toolchain,
    /// `node_modules` for the lockfile.
    Layer,
    /// The isolated environment, with the files in it.
    Sandbox,
    /// The dev server answers `/` and the entry module.
    DevServer,
}

/// How a step is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// Going on.
    Active,
    /// Done.
    Done,
    /// Failed; the session's `error` says why.
    Failed,
}

/// One step with its measured time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Step {
    /// Which step.
    pub name: StepName,
    /// How it is doing.
    pub status: StepStatus,
    /// How long it took, or has taken so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// What it is waiting for or what it found, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The measured times of the latest start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Timings {
    /// Every step in order.
    pub steps: Vec<Step>,
    /// From asking to running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<f64>,
}

/// A session as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionView {
    /// The session.
    pub id: SessionId,
    /// The app whose draft it shows.
    pub app_id: AppId,
    /// Where it is in its life.
    pub status: SessionStatus,
    /// Where a browser sees it. Carries a short-lived token that the preview exchanges for a cookie; ask again for a
    /// fresh one instead of keeping it.
    pub preview_url: String,
    /// When it ends unless a heartbeat or use moves this.
    pub expires_at: Timestamp,
    /// Without use for this long its sandbox is taken down; the URL stays.
    pub idle_timeout_secs: u64,
    /// The last request, edit or console use; heartbeats do not count.
    pub last_activity_at: Timestamp,
    /// What isolates it.
    pub driver: String,
    /// The draft version its files are at.
    pub draft_version: u64,
    /// What the latest start took.
    pub timings: Timings,
    /// How often the dev server or the sandbox was brought back since the last ensure.
    pub restarts: u32,
    /// Why it is not running, or what last went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// Where a line of a session's log comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The package manager.
    Install,
    /// The dev server's standard output.
    Stdout,
    /// The dev server's standard error.
    Stderr,
    /// Vitrine itself.
    Vitrine,
}

/// One line of a session's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogLine {
    /// Grows by one per line; the SSE id.
    pub seq: u64,
    /// When it was received.
    pub at: Timestamp,
    /// Where it comes from.
    pub source: LogSource,
    /// The text: UTF-8, no NUL, bounded.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [SessionStatus; 7] = [
        SessionStatus::Starting,
        SessionStatus::Running,
        SessionStatus::Frozen,
        SessionStatus::Hibernated,
        SessionStatus::Stopped,
        SessionStatus::Expired,
        SessionStatus::Error,
    ];

    #[test]
    fn every_state_can_be_ensured_stopped_and_expired() {
        for status in ALL {
            assert!(matches!(
                status.on(SessionEvent::Ensure),
                Ok(SessionStatus::Starting | SessionStatus::Running)
            ));
            assert_eq!(status.on(SessionEvent::Stop), Ok(SessionStatus::Stopped));
            assert!(status.on(SessionEvent::Expire).is_ok_and(SessionStatus::is_over));
        }
    }

    #[test]
    fn a_late_answer_does_not_revive_an_ended_session() {
        for status in [SessionStatus::Stopped, SessionStatus::Expired, SessionStatus::Hibernated] {
            assert!(status.on(SessionEvent::Ready).is_err());
            assert!(status.on(SessionEvent::Lost).is_err());
        }
    }
}
