//! Publishes: from a revision to a release that strangers see.
//!
//! The store has the truth: the queue, the leases, the logs, the release pointer. A worker that dies loses nothing but
//! its time, and whatever it wrote afterwards is refused by its fencing token.

mod attempt;
mod bulletin;
mod inputs;
mod making;
pub(crate) mod prebuild;
mod recorder;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::Stream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vitrine_model::app::Page;
use vitrine_model::publish::{
    BuildMode, Publish, PublishLogLine, PublishStep, PublishStepName, PublishStepStatus, PublishTarget,
    Release,
};
use vitrine_model::secret::Environment;
use vitrine_model::{AppId, ArtifactId, PublishId, ReleaseId, RevisionId};
use vitrine_store::{NewPublish, Scope, Store, StoreError};

use crate::config::PublishConfig;
use crate::drafts::Drafts;
use crate::policies::Policies;
use crate::secrets::Secrets;
use bulletin::Bulletin;
pub(crate) use making::Maker;

/// What a new publish is asked to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The revision to build; absent means a new one of the draft.
    pub(crate) revision: Option<RevisionId>,
    pub(crate) mode: BuildMode,
    pub(crate) target: PublishTarget,
    /// Whose secrets and variables it is given; absent means what fits the target.
    pub(crate) environment: Option<Environment>,
    /// For a verification: what to build anew.
    pub(crate) artifact: Option<ArtifactId>,
}

/// What publishes are made with.
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) maker: Maker,
    pub(crate) drafts: Drafts,
    /// Which packages apps may have.
    pub(crate) policies: Policies,
    /// What builds are given by name.
    pub(crate) secrets: Secrets,
    /// Told at once when what an app serves has changed.
    pub(crate) visitors: Arc<dyn Visitors>,
    /// What the tests break.
    #[cfg(test)]
    pub(crate) sabotage: Arc<dyn Sabotage>,
}

/// Whoever serves visitors, and keeps what it serves in memory.
pub(crate) trait Visitors: Send + Sync + 'static {
    /// What the app serves has changed: the very next request must see it.
    fn switched(&self, app: &AppId);
}

/// Breaks publishes at a step, to show that nothing else breaks.
#[cfg(test)]
#[async_trait::async_trait]
pub(crate) trait Sabotage: Send + Sync + 'static {
    /// What happens to an attempt at the beginning of a step; may take its time, as a worker that is out of breath does.
    async fn at(&self, publish: &Publish, step: PublishStepName) -> Option<Damage>;
}

/// What the tests do to an attempt.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The step fails.
    Fails,
    /// The worker is gone, without a word.
    Vanishes,
}

/// What a server outside of tests suffers: nothing.
#[cfg(test)]
pub(crate) struct NoSabotage;

#[cfg(test)]
#[async_trait::async_trait]
impl Sabotage for NoSabotage {
    async fn at(&self, _: &Publish, _: PublishStepName) -> Option<Damage> {
        None
    }
}

/// The service; cheap to clone.
#[derive(Clone)]
pub(crate) struct Publishes(Arc<Inner>);

struct Inner {
    context: Context,
    /// The name of this process among the workers of the store.
    worker: String,
    running: Mutex<HashMap<PublishId, CancellationToken>>,
    /// There is something to claim.
    wake: Notify,
    bulletin: Bulletin,
}

impl Publishes {
    /// Which packages apps may have.
    pub(crate) fn policies(&self) -> &Policies {
        &self.0.context.policies
    }

    pub(crate) fn new(context: Context) -> Self {
        let mut id = [0_u8; 8];
        context.maker.entropy.fill(&mut id);
        let worker = format!("worker-{:016x}", u64::from_be_bytes(id));
        let inner = Inner {
            context,
            worker,
            running: Mutex::default(),
            wake: Notify::new(),
            bulletin: Bulletin::default(),
        };
        Self(Arc::new(inner))
    }

    /// Queues a publish. What the draft holds now is what will be built, whatever is edited meanwhile.
    pub(crate) async fn publish(
        &self,
        scope: &Scope,
        app: &AppId,
        wish: Wish,
    ) -> Result<Publish, StoreError> {
        let context = &self.0.context;
        let wish = self.verification(scope, app, wish).await?;
        let revision = match wish.revision {
            Some(revision) => context.store.revision(scope, app, &revision).await?.id,
            None => context.store.create_revision(scope, app, None).await?.id,
        };
        let superseded = context.store.active_publish(scope, app).await?;
        let new = NewPublish {
            id: PublishId::mint(context.maker.clock.as_ref(), context.maker.entropy.as_ref()),
            revision,
            mode: wish.mode,
            target: wish.target,
            environment: wish.environment.unwrap_or(usual_environment(wish.target)),
            artifact: wish.artifact,
            steps: pending_steps(wish.target),
            attempts_max: context.maker.settings.attempts,
            deadline: context.maker.clock.now().plus_secs(context.maker.settings.deadline_secs as i64),
        };
        let publish = context.store.enqueue_publish(scope, app, new).await?;
        if let Some(older) = superseded {
            self.announce(app, &older.id);
        }
        self.announce(app, &publish.id);
        self.0.wake.notify_one();
        Ok(publish)
    }

    /// A verification builds what its artifact was built from, as it was built.
    async fn verification(&self, scope: &Scope, app: &AppId, wish: Wish) -> Result<Wish, StoreError> {
        let Some(artifact) = wish.artifact.as_ref().filter(|_| wish.target == PublishTarget::Verify) else {
            return Ok(wish);
        };
        let (artifact, _) = self.0.context.store.artifact(scope, app, artifact).await?;
        let built = self.0.context.store.publish(scope, app, &artifact.publish_id).await;
        let environment = match built {
            Ok(publish) => Some(publish.environment),
            Err(StoreError::NotFound) => None,
            Err(error) => return Err(error),
        };
        Ok(Wish { revision: Some(artifact.revision_id), mode: artifact.inputs.mode, environment, ..wish })
    }

    /// Ends a publish: one that waits at once, one that runs as soon as its processes are gone.
    pub(crate) async fn cancel(
        &self,
        scope: &Scope,
        app: &AppId,
        id: &PublishId,
    ) -> Result<Publish, StoreError> {
        let publish = self.0.context.store.cancel_publish(scope, app, id).await?;
        if let Some(running) = lock(&self.0.running).get(id) {
            running.cancel();
        }
        self.announce(app, id);
        Ok(publish)
    }

    /// Queues another publish of the same revision, as a new one.
    pub(crate) async fn retry(
        &self,
        scope: &Scope,
        app: &AppId,
        id: &PublishId,
    ) -> Result<Publish, StoreError> {
        let old = self.0.context.store.publish(scope, app, id).await?;
        let wish = Wish {
            revision: Some(old.revision_id),
            mode: old.mode,
            target: old.target,
            environment: Some(old.environment),
            artifact: old.artifact.filter(|_| old.target == PublishTarget::Verify),
        };
        self.publish(scope, app, wish).await
    }

    /// Makes an artifact of the app current, without building anything.
    pub(crate) async fn promote(
        &self,
        scope: &Scope,
        app: &AppId,
        artifact: &ArtifactId,
    ) -> Result<Release, StoreError> {
        let context = &self.0.context;
        let id = ReleaseId::mint(context.maker.clock.as_ref(), context.maker.entropy.as_ref());
        let release = context.store.promote(scope, app, artifact, id).await?;
        context.visitors.switched(app);
        Ok(release)
    }

    /// Takes the app off the air; its artifacts stay.
    pub(crate) async fn unpublish(&self, scope: &Scope, app: &AppId) -> Result<(), StoreError> {
        self.0.context.store.unpublish(scope, app).await?;
        self.0.context.visitors.switched(app);
        Ok(())
    }

    /// Ends what an app that is being deleted has running, and takes it off the air.
    pub(crate) async fn forget_app(&self, scope: &Scope, app: &AppId) -> Result<(), StoreError> {
        if let Some(active) = self.0.context.store.active_publish(scope, app).await? {
            match self.cancel(scope, app, &active.id).await {
                Ok(_) | Err(StoreError::PublishOver) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells visitors' caches that an app is another one now (renamed, paused, deleted).
    pub(crate) fn changed(&self, app: &AppId) {
        self.0.context.visitors.switched(app);
    }

    /// The app's publishes, newest first.
    pub(crate) async fn list(
        &self,
        scope: &Scope,
        app: &AppId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Publish>, StoreError> {
        self.0.context.store.publishes(scope, app, limit, cursor).await
    }

    /// What happens to a publish from line `after` of its log on, until it has ended. Every line and every state comes out
    /// of the store: what was streamed has been stored.
    pub(crate) fn follow(
        &self,
        scope: Scope,
        app: AppId,
        id: PublishId,
        after: u64,
    ) -> impl Stream<Item = News> + Send + use<> {
        bulletin::follow(self.clone(), scope, app, id, after)
    }

    /// There is something new in the store about a publish: for those who follow it, and those who have the app open.
    fn announce(&self, app: &AppId, id: &PublishId) {
        self.0.bulletin.announce(id);
        self.0.context.drafts.channels().published(app, id);
    }

    /// How many publishes this process works on.
    pub(crate) fn running_count(&self) -> usize {
        lock(&self.0.running).len()
    }
}

#[cfg(test)]
impl Publishes {
    /// Workers look at the queue now.
    pub(crate) fn nudge(&self) {
        self.0.wake.notify_one();
    }
}

/// What a follower hears.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// A line of the log.
    Line(PublishLogLine),
    /// The publish as it is now.
    State(Box<Publish>),
    /// Nothing more will come.
    End,
}

/// The environment of a publish that names none.
const fn usual_environment(target: PublishTarget) -> Environment {
    match target {
        PublishTarget::Preview => Environment::Preview,
        PublishTarget::Hosting | PublishTarget::Verify => Environment::Production,
    }
}

/// The steps of a publish before it has begun.
fn pending_steps(target: PublishTarget) -> Vec<PublishStep> {
    let names = [
        PublishStepName::Check,
        PublishStepName::Toolchain,
        PublishStepName::Layer,
        PublishStepName::Build,
        PublishStepName::Pack,
        PublishStepName::Upload,
        PublishStepName::Verify,
        PublishStepName::Switch,
    ];
    let takes = |name: &PublishStepName| match target {
        PublishTarget::Hosting => true,
        PublishTarget::Preview => *name != PublishStepName::Switch,
        PublishTarget::Verify => !matches!(name, PublishStepName::Upload | PublishStepName::Switch),
    };
    let step = |name| PublishStep {
        name,
        status: PublishStepStatus::Pending,
        started_at: None,
        finished_at: None,
        detail: None,
    };
    names.into_iter().filter(takes).map(step).collect()
}

/// How often a worker says that it lives.
fn heartbeat_interval(settings: &PublishConfig) -> Duration {
    Duration::from_millis(settings.lease_secs.saturating_mul(1_000) / 3)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
