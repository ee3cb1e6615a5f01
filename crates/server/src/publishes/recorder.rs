//! Writes what happens to a publish into the store: steps and lines, together and soon, never one by one.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use vitrine_build::guard::Guard;
use vitrine_model::problem::Problem;
use vitrine_model::publish::{PublishStep, PublishStepName, PublishStepStatus};
use vitrine_model::{AppId, PublishId, Timestamp};
use vitrine_store::{NewLogLine, StoreError};

use super::{Publishes, lock};

/// How long lines are gathered before they are written: a build prints hundreds in a second.
const GATHER: Duration = Duration::from_millis(50);

/// The record of one attempt; cheap to clone. Nothing is written after the store has refused the attempt's token.
#[derive(Clone)]
pub(super) struct Recorder(Arc<Inner>);

struct Inner {
    publishes: Publishes,
    app: AppId,
    id: PublishId,
    fence: u64,
    pending: Mutex<Pending>,
    kick: Notify,
    /// What is not to be written down.
    guard: OnceLock<Arc<Guard>>,
    /// Held while writing, so that lines stay in order.
    writing: tokio::sync::Mutex<()>,
}

struct Pending {
    steps: Vec<PublishStep>,
    steps_are_new: bool,
    lines: Vec<NewLogLine>,
    /// The step that prints.
    current: PublishStepName,
}

impl Recorder {
    pub(super) fn new(
        publishes: Publishes,
        (app, id): (AppId, PublishId),
        fence: u64,
        steps: Vec<PublishStep>,
    ) -> Self {
        let pending =
            Pending { steps, steps_are_new: false, lines: Vec::new(), current: PublishStepName::Check };
        let inner = Inner {
            publishes,
            app,
            id,
            fence,
            pending: Mutex::new(pending),
            kick: Notify::new(),
            guard: OnceLock::new(),
            writing: tokio::sync::Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// Writes nothing of what `guard` knows from now on; the second call does nothing.
    pub(super) fn hide(&self, guard: Arc<Guard>) {
        let _ = self.0.guard.set(guard);
    }

    /// The same problem without what is to be hidden.
    pub(super) fn masked(&self, mut problem: Problem) -> Problem {
        problem.detail = self.clean(problem.detail);
        for item in &mut problem.errors {
            item.message = self.clean(std::mem::take(&mut item.message));
        }
        problem
    }

    fn clean(&self, text: String) -> String {
        match self.0.guard.get() {
            Some(guard) => guard.mask(&text).into_owned(),
            None => text,
        }
    }

    /// Writes as things happen; ends with an error when the store refuses.
    pub(super) async fn run(&self) -> StoreError {
        loop {
            self.0.kick.notified().await;
            tokio::time::sleep(GATHER).await;
            if let Err(error) = self.flush().await {
                return error;
            }
        }
    }

    /// Writes what is pending, now.
    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        let _writing = inner.writing.lock().await;
        let (steps, lines) = {
            let mut pending = lock(&inner.pending);
            let steps = std::mem::take(&mut pending.steps_are_new).then(|| pending.steps.clone());
            (steps, std::mem::take(&mut pending.lines))
        };
        let store = &inner.publishes.0.context.store;
        if !lines.is_empty() {
            store.append_publish_log(&inner.id, inner.fence, lines).await?;
        }
        if let Some(steps) = steps {
            store.save_publish_steps(&inner.id, inner.fence, &steps).await?;
        }
        inner.publishes.announce(&inner.app, &inner.id);
        Ok(())
    }

    /// The steps as they are now.
    pub(super) fn steps(&self) -> Vec<PublishStep> {
        lock(&self.0.pending).steps.clone()
    }

    pub(super) fn begin(&self, name: PublishStepName) {
        let now = self.now();
        lock(&self.0.pending).current = name;
        self.change(name, |step| {
            step.status = PublishStepStatus::Active;
            step.started_at = Some(now);
        });
    }

    pub(super) fn end(&self, name: PublishStepName) {
        let now = self.now();
        self.change(name, |step| {
            step.status = PublishStepStatus::Done;
            step.finished_at = Some(now);
        });
    }

    pub(super) fn skip(&self, name: PublishStepName, why: &str) {
        self.change(name, |step| {
            step.status = PublishStepStatus::Skipped;
            step.detail = Some(why.to_owned());
        });
    }

    pub(super) fn detail(&self, name: PublishStepName, text: impl Into<String>) {
        let text = self.clean(text.into());
        self.change(name, |step| step.detail = Some(text));
    }

    /// Whatever was going on has failed.
    pub(super) fn fail(&self) {
        let now = self.now();
        let mut pending = lock(&self.0.pending);
        for step in &mut pending.steps {
            if step.status == PublishStepStatus::Active {
                step.status = PublishStepStatus::Failed;
                step.finished_at = Some(now);
            }
        }
        pending.steps_are_new = true;
    }

    /// A line of the step that is going on.
    pub(super) fn line(&self, is_stderr: bool, text: impl Into<String>) {
        let (at, text) = (self.now(), self.clean(text.into()));
        let mut pending = lock(&self.0.pending);
        let step = pending.current;
        pending.lines.push(NewLogLine { at, step, is_stderr, text });
        drop(pending);
        self.0.kick.notify_one();
    }

    fn change(&self, name: PublishStepName, change: impl FnOnce(&mut PublishStep)) {
        let mut pending = lock(&self.0.pending);
        if let Some(step) = pending.steps.iter_mut().find(|step| step.name == name) {
            change(step);
            pending.steps_are_new = true;
        }
        drop(pending);
        self.0.kick.notify_one();
    }

    fn now(&self) -> Timestamp {
        self.0.publishes.0.context.maker.clock.now()
    }
}
