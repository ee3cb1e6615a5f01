//! Publishes: the jobs that turn a revision into an artifact and make it the app's release.

use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactId;
use crate::id::{AppId, PublishId, ReleaseId, RevisionId};
use crate::problem::Problem;
use crate::secret::Environment;
use crate::time::Timestamp;

/// How a project is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuildMode {
    /// Fast: not minified, with source maps where the profile knows how.
    Development,
    /// Optimised, as strangers get it.
    #[default]
    Production,
}

/// What a finished build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublishTarget {
    /// The app's own origin on this server.
    #[default]
    Hosting,
    /// Nothing but a static preview of the draft, behind a token; no release.
    Preview,
    /// Nothing at all: an artifact is built anew and compared with the one on record.
    Verify,
}

/// Where a publish is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublishStatus {
    /// Waiting for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// Its artifact is (or, for a preview, could be) served.
    Succeeded,
    /// It ended; `error` says why. What was served before is served still.
    Failed,
    /// A person ended it.
    Cancelled,
    /// Something newer took its place: a later publish, or a rollback while it ran.
    Superseded,
}

/// What can happen to a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishEvent {
    /// A worker takes it.
    Claim,
    /// Its worker was lost; another may take it.
    Requeue,
    /// Done.
    Succeed,
    /// It cannot be done.
    Fail,
    /// A person ends it.
    Cancel,
    /// Something newer took its place.
    Supersede,
}

/// The event makes no sense in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a publish that is {from:?} cannot take {event:?}")]
pub struct InvalidPublishTransition {
    /// The state it is in.
    pub from: PublishStatus,
    /// What was tried.
    pub event: PublishEvent,
}

impl PublishStatus {
    /// The state after `event`. What has ended never changes again.
    pub fn on(self, event: PublishEvent) -> Result<Self, InvalidPublishTransition> {
        use PublishEvent as E;
        use PublishStatus as S;
        match (self, event) {
            (S::Queued, E::Claim) => Ok(S::Running),
            (S::Running, E::Requeue) => Ok(S::Queued),
            (S::Running, E::Succeed) => Ok(S::Succeeded),
            (S::Queued | S::Running, E::Fail) => Ok(S::Failed),
            (S::Queued | S::Running, E::Cancel) => Ok(S::Cancelled),
            (S::Queued | S::Running, E::Supersede) => Ok(S::Superseded),
            _ => Err(InvalidPublishTransition { from: self, event }),
        }
    }

    /// True when it has ended.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// The steps of a publish, in order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PublishStepName {
    /// Reading the revision and checking it: files, imports, dependencies.
    Check,
    /// The pinned Node.js and package managers.
    Toolchain,
    /// `node_modules` for the lockfile.
    Layer,
    /// The build command, in a fresh sandbox without network.
    Build,
    /// The manifest, and the compressed forms.
    Pack,
    /// New content to the object store.
    Upload,
    /// Everything the manifest names is read back and compared.
    Verify,
    /// The release pointer moves.
    Switch,
}

/// How a step is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublishStepStatus {
    /// Not begun.
    Pending,
    /// Going on.
    Active,
    /// Done.
    Done,
    /// Not needed: what it would make is there already.
    Skipped,
    /// Failed; the publish's `error` says why.
    Failed,
}

/// One step with its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PublishStep {
    /// Which step.
    pub name: PublishStepName,
    /// How it is doing.
    pub status: PublishStepStatus,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What it waits for or what it found, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A publish as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Publish {
    /// The publish.
    pub id: PublishId,
    /// The app.
    pub app_id: AppId,
    /// Where it is in its life.
    pub status: PublishStatus,
    /// Counts the app's publishes; a later one wins over an earlier one.
    pub build_seq: u64,
    /// The revision that is built.
    pub revision_id: RevisionId,
    /// How it is built.
    pub mode: BuildMode,
    /// What it is for.
    pub target: PublishTarget,
    /// Whose secrets and variables the build is given.
    #[serde(default)]
    pub environment: Environment,
    /// The steps, in order.
    pub steps: Vec<PublishStep>,
    /// Which attempt this is, from 1; 0 before the first.
    pub attempt: u32,
    /// True when an earlier artifact with the same inputs was used instead of building.
    pub reused: bool,
    /// What was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactId>,
    /// The release it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Why it failed, or what took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker first took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// One line of a publish's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PublishLogLine {
    /// Its number, from 1; resume after it.
    pub seq: u64,
    /// When it was printed.
    pub at: Timestamp,
    /// The step that printed it.
    pub step: PublishStepName,
    /// True for the error stream.
    pub is_stderr: bool,
    /// The line: UTF-8 without control characters but tab, without its end.
    pub text: String,
}

/// How a release came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCause {
    /// A publish built it, or found it built.
    Publish,
    /// A person promoted an artifact; an older one is a rollback.
    Promotion,
}

/// An artifact made current for an app, now or once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Release {
    /// The release.
    pub id: ReleaseId,
    /// The app.
    pub app_id: AppId,
    /// Counts the app's releases, from 1.
    pub number: u64,
    /// What is served.
    pub artifact: ArtifactId,
    /// The revision the artifact was built from.
    pub revision_id: RevisionId,
    /// How it came to be.
    pub cause: ReleaseCause,
    /// The publish, when one led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_id: Option<PublishId>,
    /// True for the one that is served now.
    pub current: bool,
    /// When it was made current.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_takes_no_event() {
        use PublishEvent as E;
        let over = [
            PublishStatus::Succeeded,
            PublishStatus::Failed,
            PublishStatus::Cancelled,
            PublishStatus::Superseded,
        ];
        for status in over {
            for event in [E::Claim, E::Requeue, E::Succeed, E::Fail, E::Cancel, E::Supersede] {
                assert_eq!(status.on(event), Err(InvalidPublishTransition { from: status, event }));
            }
        }
    }

    #[test]
    fn only_a_running_publish_succeeds() {
        assert!(PublishStatus::Queued.on(PublishEvent::Succeed).is_err());
        let running = PublishStatus::Queued.on(PublishEvent::Claim).unwrap();
        assert_eq!(running.on(PublishEvent::Succeed), Ok(PublishStatus::Succeeded));
    }
}
