//! How publishes end: failed, cancelled, superseded, built, or with the release pointer moved to what they made.

use sea_orm::{EntityTrait as _, QuerySelect as _};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::publish::{PublishStep, PublishTarget, Release, ReleaseCause};
use vitrine_model::{ArtifactId, PublishId, ReleaseId, Timestamp};

use crate::artifacts::find_artifact;
use crate::codec::word;
use crate::entity::apps;
use crate::entity_publishing::publishes;
use crate::error::StoreError;
use crate::publish_row::{CANCELLED, FAILED, SUCCEEDED, SUPERSEDED, end, held, steps_column, write};
use crate::releases::{Switch, switch};
use crate::store::Store;

/// How a publish ends without a release.
#[derive(Debug, Clone, PartialEq)]
pub enum PublishEnd {
    /// It cannot be done.
    Failed(Problem),
    /// A person asked for it.
    Cancelled,
    /// Something newer took its place.
    Superseded(Problem),
    /// Built, and that is all there was to do: a static preview.
    Built {
        /// What was built; recorded for the app.
        artifact: ArtifactId,
    },
}

/// What became of a publish that was to be released.
#[derive(Debug, Clone, PartialEq)]
pub enum Switched {
    /// It is what visitors get now.
    Released(Release),
    /// Something newer was there first; nothing changed for visitors, the artifact stays.
    Superseded,
    /// Its cancellation came first; nothing changed for visitors, the artifact stays.
    Cancelled,
}

impl Store {
    /// Ends a publish that makes no release; `reused` says that its artifact was there already. [`StoreError::LeaseLost`]
    /// when it is not the caller's, [`StoreError::NotFound`] when the artifact was not recorded for the app.
    pub async fn end_publish(
        &self,
        publish: &PublishId,
        fence: u64,
        with: PublishEnd,
        reused: bool,
        steps: &[PublishStep],
    ) -> Result<(), StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let mut row = held(&tx, publish, fence).await?;
        row.reused = reused;
        row.steps = steps_column(steps)?;
        match with {
            PublishEnd::Failed(problem) => end(&mut row, FAILED, Some(&problem), now)?,
            PublishEnd::Cancelled => end(&mut row, CANCELLED, None, now)?,
            PublishEnd::Superseded(problem) => end(&mut row, SUPERSEDED, Some(&problem), now)?,
            PublishEnd::Built { artifact } => {
                row.artifact_id = Some(find_artifact(&tx, &row.app_id, &artifact).await?.id);
                end(&mut row, SUCCEEDED, None, now)?;
            }
        }
        write(&tx, row).await?;
        Ok(tx.commit().await?)
    }

    /// Makes an artifact the app's release and ends its publish, in one transaction, unless something newer is there: a
    /// later publish that was released, or a release that a person moved after this publish was asked for. Then the
    /// publish ends as superseded, with the reason. One that was cancelled in time ends as cancelled.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the publish is not the caller's; [`StoreError::NotFound`] when the artifact was not
    /// recorded for the app; [`StoreError::NoRelease`] when it is for a preview.
    pub async fn release_publish(
        &self,
        publish: &PublishId,
        fence: u64,
        artifact: &ArtifactId,
        reused: bool,
        steps: &[PublishStep],
    ) -> Result<Switched, StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        // The app first, as everywhere: two transactions that lock in different orders can wait for each other.
        let seen = publishes::Entity::find_by_id(publish.as_str()).one(&tx).await?;
        let app_id = seen.ok_or(StoreError::LeaseLost)?.app_id;
        let app = apps::Entity::find_by_id(app_id).lock_exclusive().one(&tx).await?;
        let app = app.ok_or(StoreError::LeaseLost)?;
        let mut row = held(&tx, publish, fence).await?;
        if row.target != word(&PublishTarget::Hosting)? {
            return Err(StoreError::NoRelease);
        }
        let made = find_artifact(&tx, &row.app_id, artifact).await?;
        row.reused = reused;
        row.steps = steps_column(steps)?;
        row.artifact_id = Some(made.id.clone());
        let switched = match outcome(&app, &row) {
            Outcome::Cancelled => {
                end(&mut row, CANCELLED, None, now)?;
                Switched::Cancelled
            }
            Outcome::Superseded(why) => {
                end(&mut row, SUPERSEDED, Some(&Problem::new(Code::Superseded, why)), now)?;
                Switched::Superseded
            }
            Outcome::Release => {
                let id = ReleaseId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref());
                let release = switch(&tx, app, &made, from_publish(id, &row, now)).await?;
                row.release_id = Some(release.id.to_string());
                end(&mut row, SUCCEEDED, None, now)?;
                Switched::Released(release)
            }
        };
        write(&tx, row).await?;
        tx.commit().await?;
        Ok(switched)
    }
}

enum Outcome {
    Release,
    Cancelled,
    Superseded(&'static str),
}

fn outcome(app: &apps::Model, row: &publishes::Model) -> Outcome {
    if row.cancel_requested {
        return Outcome::Cancelled;
    }
    if row.release_epoch != app.release_epoch {
        return Outcome::Superseded(
            "Somebody moved or withdrew the app's release after this publish was asked for. Its artifact can be promoted.",
        );
    }
    if row.build_seq <= app.released_build_seq {
        return Outcome::Superseded("A later publish was released first.");
    }
    Outcome::Release
}

fn from_publish(id: ReleaseId, row: &publishes::Model, now: Timestamp) -> Switch<'_> {
    Switch {
        id,
        cause: ReleaseCause::Publish,
        publish: Some(&row.id),
        revision: &row.revision_id,
        build_seq: Some(row.build_seq),
        now,
    }
}
