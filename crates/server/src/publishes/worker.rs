//! Takes publishes out of the queue and sees each of them to its end, or to somebody else's hands.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vitrine_model::problem::{Code, Problem};
use vitrine_store::{Claimed, Heartbeat, PublishEnd, StoreError};

use super::attempt::{Attempt, Outcome};
use super::recorder::Recorder;
use super::{Publishes, heartbeat_interval, lock};

/// How often is looked for what other servers left behind, and for what they queued without telling us.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The pause after the store did not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How one attempt left the worker.
enum Left {
    /// Written down by the attempt itself.
    Written,
    /// To be written down.
    Ended(PublishEnd),
    /// The token is not ours any more: whoever has it now decides.
    Lost,
}

impl Publishes {
    /// Works until `stopping`; then what runs is given back to the queue, to be begun anew by the next process.
    pub(crate) async fn work(&self, stopping: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.0.context.maker.settings.workers()));
        let attempts = TaskTracker::new();
        while !stopping.is_cancelled() {
            let Ok(slot) = slots.clone().acquire_owned().await else { break };
            let claimed = tokio::select! {
                claimed = self.claim() => claimed,
                () = stopping.cancelled() => break,
            };
            let (publishes, stopping) = (self.clone(), stopping.clone());
            attempts.spawn(async move {
                publishes.attend(claimed, stopping).await;
                drop(slot);
            });
        }
        attempts.close();
        attempts.wait().await;
    }

    /// The next publish to work on, whenever there is one.
    async fn claim(&self) -> Claimed {
        let settings = &self.0.context.maker.settings;
        loop {
            let lease = Duration::from_secs(settings.lease_secs);
            let woken = self.0.wake.notified();
            match self.0.context.store.claim_publish(&self.0.worker, lease).await {
                Ok(Some(claimed)) => return claimed,
                Ok(None) => _ = tokio::time::timeout(LOOK_INTERVAL, woken).await,
                Err(error) => {
                    tracing::error!(%error, "the queue of publishes cannot be read");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Ends what nobody will, now and then, however busy the workers are.
    pub(crate) async fn reap_on(&self) {
        loop {
            self.reap().await;
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Ends what nobody will: past its deadline, or out of attempts.
    pub(crate) async fn reap(&self) {
        match self.0.context.store.reap_publishes(self.0.context.maker.clock.now()).await {
            Ok(ended) => ended.iter().for_each(|(app, id)| self.announce(app, id)),
            Err(error) => tracing::error!(%error, "lost publishes were not ended"),
        }
    }

    async fn attend(&self, claimed: Claimed, stopping: CancellationToken) {
        let (id, app) = (claimed.publish.id.clone(), claimed.publish.app_id.clone());
        let cancel = CancellationToken::new();
        lock(&self.0.running).insert(id.clone(), cancel.clone());
        self.announce(&app, &id);
        tracing::info!(publish = %id, app = %claimed.publish.app_id, attempt = claimed.publish.attempt, "publish begun");
        let fence = claimed.fence;
        let steps = super::pending_steps(claimed.publish.target);
        let recorder = Recorder::new(self.clone(), (app.clone(), id.clone()), fence, steps);
        let left = self.run(&claimed, &recorder, cancel, stopping).await;
        lock(&self.0.running).remove(&id);
        self.leave(&claimed, &recorder, left).await;
        self.announce(&app, &id);
        // Something of the same app may have waited for this.
        self.0.wake.notify_one();
    }

    async fn run(
        &self,
        claimed: &Claimed,
        recorder: &Recorder,
        cancel: CancellationToken,
        stopping: CancellationToken,
    ) -> Left {
        let attempt = Attempt::new(self.clone(), claimed, recorder.clone());
        let left = claimed.deadline.as_millis() - self.0.context.maker.clock.now().as_millis();
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        // Dropping the attempt ends its sandbox and everything in it.
        let outcome = tokio::select! {
            outcome = attempt.run() => outcome,
            end = self.heartbeats(claimed) => return end,
            error = recorder.run() => return self.lost(claimed, &error),
            () = cancel.cancelled() => return Left::Ended(PublishEnd::Cancelled),
            () = stopping.cancelled() => return Left::Lost,
            () = tokio::time::sleep(left) => {
                let limit = self.0.context.maker.settings.deadline_secs;
                let text = format!("It did not end within {limit} s (`publish.deadline_secs`).");
                return Left::Ended(PublishEnd::Failed(Problem::new(Code::PublishTimedOut, text)));
            }
        };
        match outcome {
            Outcome::Written => Left::Written,
            Outcome::Failed(problem) => Left::Ended(PublishEnd::Failed(problem)),
            Outcome::Lost => self.lost(claimed, &StoreError::LeaseLost),
        }
    }

    /// Says again and again that this worker lives; ends when the store wants something else.
    async fn heartbeats(&self, claimed: &Claimed) -> Left {
        let settings = &self.0.context.maker.settings;
        let lease = Duration::from_secs(settings.lease_secs);
        loop {
            tokio::time::sleep(heartbeat_interval(settings)).await;
            match self.0.context.store.heartbeat_publish(&claimed.publish.id, claimed.fence, lease).await {
                Ok(Heartbeat::Continue) => {}
                Ok(Heartbeat::CancelRequested) => return Left::Ended(PublishEnd::Cancelled),
                Err(StoreError::LeaseLost) => return self.lost(claimed, &StoreError::LeaseLost),
                // The lease runs on for a while: perhaps the store is back by the next beat.
                Err(error) => tracing::warn!(%error, "a heartbeat was not written"),
            }
        }
    }

    fn lost(&self, claimed: &Claimed, error: &StoreError) -> Left {
        match error {
            StoreError::LeaseLost => {
                tracing::warn!(publish = %claimed.publish.id, "another worker has this publish now");
                Left::Lost
            }
            error => {
                tracing::error!(publish = %claimed.publish.id, %error, "the store did not take a publish's progress");
                let text = "The progress could not be written down; the log of the server has the reason.";
                Left::Ended(PublishEnd::Failed(Problem::new(Code::Internal, text)))
            }
        }
    }

    async fn leave(&self, claimed: &Claimed, recorder: &Recorder, left: Left) {
        let id = &claimed.publish.id;
        let end = match left {
            Left::Written | Left::Lost => return,
            Left::Ended(PublishEnd::Failed(problem)) => PublishEnd::Failed(recorder.masked(problem)),
            Left::Ended(end) => end,
        };
        recorder.fail();
        if let PublishEnd::Failed(problem) = &end {
            tracing::info!(publish = %id, code = problem.code.as_str(), "publish failed");
            recorder.line(true, problem.detail.clone());
        }
        let result = match recorder.flush().await {
            Ok(()) => {
                self.0.context.store.end_publish(id, claimed.fence, end, false, &recorder.steps()).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            // Its lease runs out, and the next look ends it or gives it to another worker.
            tracing::error!(publish = %id, %error, "the end of a publish was not written");
        }
    }

    /// Gives running publishes back to the queue: the next process begins them anew.
    pub(crate) async fn shut_down(&self) {
        if let Err(error) = self.0.context.store.requeue_publishes_of(&self.0.worker).await {
            tracing::warn!(%error, "running publishes wait for their leases to run out");
        }
    }
}
