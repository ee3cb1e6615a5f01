//! A preview that nobody uses: frozen after a while, taken down after a longer one, and back when somebody comes.

use std::time::{Duration, Instant};

use vitrine_model::problem::Problem;
use vitrine_model::session::{LogSource, SessionEvent};

use super::super::top::Counts;
use super::{Actor, Phase, Unused};

/// What did not stop within its time, one with a process in a long system call for instance, is left alone for this long.
const AFTER_FAILED_FREEZE: Duration = Duration::from_secs(600);

impl Actor {
    /// Stands still from now on, if it runs and nothing is on its way to it. The gateway lets nobody through any more before
    /// the sandbox is frozen, and `unused` is asked after: nobody is left waiting for somebody who does not move.
    pub(super) async fn freeze(&mut self, unused: Unused) {
        let is_settled = self.starting.is_none() && self.retry_at.is_none() && self.deliver_at.is_none();
        let phase = self.publish.borrow().phase;
        let Some(sandbox) = self.live.as_ref().map(|live| live.sandbox.clone()) else { return };
        let may_freeze =
            sandbox.can_freeze() && self.freeze_after.is_none_or(|after| Instant::now() >= after);
        if phase != Phase::Running || !is_settled || !may_freeze {
            return;
        }
        self.publish.send_modify(|snapshot| {
            snapshot.phase = Phase::Frozen;
            snapshot.upstream = None;
        });
        tracing::debug!(app = %self.app, "freezing");
        if let Err(error) = sandbox.freeze().await {
            tracing::warn!(app = %self.app, %error, "a preview was not frozen; not tried again for some minutes");
            self.freeze_after = Some(Instant::now() + AFTER_FAILED_FREEZE);
            return self.thaw().await;
        }
        if !unused() {
            return self.thaw().await;
        }
        tracing::debug!(app = %self.app, "frozen");
        // Its memory goes while it stands still; whoever thaws it ends that.
        let app = self.app.clone();
        tokio::spawn(async move {
            match sandbox.reclaim().await {
                Ok(usage) => tracing::debug!(%app, ?usage, "its memory is reclaimed"),
                Err(error) => tracing::debug!(%app, %error, "ended while frozen"),
            }
        });
        Counts::add(&self.context.counts.freezes);
        self.record(SessionEvent::Freeze, None).await;
    }

    /// Goes on, if it is frozen. Its dev server is the one that it was: connections to it are good still.
    pub(super) async fn thaw(&mut self) {
        let phase = self.publish.borrow().phase;
        let Some(live) = self.live.as_ref().filter(|_| phase == Phase::Frozen) else { return };
        tracing::debug!(app = %self.app, "thawing");
        let begun = Instant::now();
        if let Err(error) = live.sandbox.thaw().await {
            self.logs.push(LogSource::Vitrine, format!("The sandbox does not go on: {error}."));
            self.take_down().await;
            return self.begin();
        }
        self.go_on();
        self.context.counts.count_thaw(begun.elapsed());
        self.record(SessionEvent::Ready, None).await;
    }

    fn go_on(&self) {
        let upstream = self.live.as_ref().map(|live| live.upstream.clone());
        self.publish.send_modify(|snapshot| {
            snapshot.phase = Phase::Running;
            snapshot.upstream = upstream;
        });
    }

    /// Takes the sandbox down, unless somebody has come meanwhile. True when it is down.
    pub(super) async fn hibernate(&mut self, unused: Unused) -> bool {
        let before = self.publish.borrow().clone();
        self.publish.send_modify(|snapshot| {
            snapshot.phase = Phase::Idle;
            snapshot.upstream = None;
        });
        if unused() {
            tracing::debug!(app = %self.app, "hibernating");
            self.take_down().await;
            self.be_idle();
            tracing::debug!(app = %self.app, "hibernated");
            Counts::add(&self.context.counts.hibernations);
            return true;
        }
        let runs = before.phase == Phase::Running;
        self.publish.send_modify(|snapshot| *snapshot = before);
        self.thaw().await;
        self.catch_up().await;
        if runs {
            self.record(SessionEvent::Ready, None).await;
        }
        false
    }

    /// What stood still is gone. Nobody has missed it: the next who comes starts it anew.
    pub(super) async fn lost_while_frozen(&mut self, problem: &Problem) {
        self.logs.push(LogSource::Vitrine, format!("Ended while it was frozen. {}", problem.detail));
        self.take_down().await;
        self.be_idle();
        self.record(SessionEvent::Idle, None).await;
    }

    /// From here on nobody tells it of drafts: what it knows of them would be out of date when it starts again.
    pub(super) fn be_idle(&mut self) {
        self.wanted = None;
        self.woken_at = None;
        self.contents.clear();
        self.publish.send_modify(|snapshot| {
            snapshot.phase = Phase::Idle;
            snapshot.since = Instant::now();
            snapshot.problem = None;
        });
    }
}
