//! The timer of sessions: writes down use, ends what has expired, freezes and takes down what nobody uses.
//!
//! Deadlines live in the database, so a restart forgets none; what a sweep costs depends on what is due, not on how many
//! sessions there are.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use vitrine_model::session::{SessionEvent, SessionStatus};
use vitrine_model::{AppId, Timestamp};
use vitrine_store::{SessionRow, StoreError};

use super::preview::{Command, Phase, Unused};
use super::{Sessions, lock};

/// Sessions handled in one query; more are due at the next one.
const BATCH: u32 = 100;

/// Sessions ended at once: one that does not let go of its sandbox must not keep the others waiting.
const AT_ONCE: usize = 16;

const COLLECT_EVERY: Duration = Duration::from_secs(3_600);

/// A preview that is down is forgotten, and its log with it, after this long.
const LOG_KEPT_FOR: Duration = Duration::from_secs(600);

impl Sessions {
    /// Sweeps for ever.
    pub(crate) async fn sweep_on(&self, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.sweep().await {
                tracing::error!(%error, "sessions were not swept; trying again at the next tick");
            }
        }
    }

    /// Removes what the store keeps for a while only: old idempotency keys, browsers that were signed in long ago,
    /// invitations that are over, used tokens and links.
    pub(crate) async fn collect_on(&self) {
        let mut ticks = tokio::time::interval(COLLECT_EVERY);
        loop {
            ticks.tick().await;
            let store = &self.0.context.store;
            let collected = async {
                let keys = store.collect_idempotency_keys().await?;
                store.collect_browser_sessions().await?;
                store.collect_invites().await?;
                let tokens = store.collect_redeemed_tokens().await?;
                let links = store.collect_preview_links().await?;
                Ok::<_, StoreError>((keys, tokens, links))
            };
            match collected.await {
                Ok((keys, tokens, links)) => tracing::debug!(keys, tokens, links, "collected"),
                Err(error) => tracing::error!(%error, "nothing was collected; trying again in an hour"),
            }
        }
    }

    /// One sweep; returns how many sessions were ended or taken down.
    pub(crate) async fn sweep(&self) -> Result<usize, StoreError> {
        self.write_use().await?;
        let now = self.0.context.clock.now();
        let due = self.0.context.store.due_sessions(now, BATCH).await?;
        let ending: Vec<_> = due.iter().map(|row| self.end_due(row, now)).collect();
        futures::stream::iter(ending).buffer_unordered(AT_ONCE).collect::<()>().await;
        self.freeze_unused(now);
        self.forget_idle();
        self.0.context.pool.trim().await;
        Ok(due.len())
    }

    /// Freezes what nobody has used for a while. Costs what is in memory, which is what has been used lately.
    fn freeze_unused(&self, now: Timestamp) {
        let after = self.0.context.settings.freeze_after_secs;
        if after == 0 {
            return;
        }
        for (app, last_use) in self.last_uses() {
            let Some(preview) = lock(&self.0.previews).get(&app).cloned() else { continue };
            let last_use = last_use.max(preview.edited_at());
            if last_use.plus_secs(after as i64) <= now && preview.snapshot().phase == Phase::Running {
                preview.order(Command::Freeze(self.unused_since(&app, last_use)));
            }
        }
    }

    /// When each app that is known here was used last by somebody with a session.
    pub(super) fn last_uses(&self) -> HashMap<AppId, Timestamp> {
        let mut last_uses: HashMap<AppId, Timestamp> = HashMap::new();
        for known in lock(&self.0.known).values() {
            let last_use = last_uses.entry(known.app.clone()).or_insert(known.last_use());
            *last_use = known.last_use().max(*last_use);
        }
        last_uses
    }

    /// Whether nobody has used the app after `since`.
    pub(super) fn unused_since(&self, app: &AppId, since: Timestamp) -> Unused {
        let (sessions, app) = (self.clone(), app.clone());
        Box::new(move || sessions.last_use_of(&app).is_none_or(|last_use| last_use <= since))
    }

    /// Whether nobody with a session has used the app after `since`.
    pub(super) fn unopened_since(&self, app: &AppId, since: Timestamp) -> Unused {
        let (sessions, app) = (self.clone(), app.clone());
        Box::new(move || sessions.last_uses().get(&app).is_none_or(|last_use| *last_use <= since))
    }

    pub(super) fn last_use_of(&self, app: &AppId) -> Option<Timestamp> {
        let edited_at = lock(&self.0.previews).get(app).map(|preview| preview.edited_at());
        let known = lock(&self.0.known);
        known.values().filter(|known| known.app == *app).map(|known| known.last_use()).chain(edited_at).max()
    }

    /// Puts a session's row right, which says that it is hibernated: its preview runs.
    pub(super) async fn back_in_use(&self, row: &SessionRow) -> Result<(), StoreError> {
        tracing::debug!(session = %row.id, "in use, or in use again");
        let context = &self.0.context;
        context.store.transition_session(&row.id, SessionEvent::Ensure, None).await?;
        context.record(&row.app_id, SessionEvent::Ready, None).await;
        Ok(())
    }

    /// Forgets previews that have been down for long. Who follows a log keeps it.
    fn forget_idle(&self) {
        lock(&self.0.previews).retain(|_, preview| {
            let is_mine_alone = Arc::strong_count(preview) == 1;
            !(is_mine_alone && preview.has_been_idle_for(LOG_KEPT_FOR) && !preview.logs.is_followed())
        });
    }

    async fn end_due(&self, row: &SessionRow, now: Timestamp) {
        let event = event_due(row, now);
        tracing::info!(session = %row.id, app = %row.app_id, ?event, "session due");
        if let Err(error) = self.end(row, event).await {
            tracing::warn!(session = %row.id, %error, "a due session was not ended");
        }
    }

    /// Use is counted in memory and written here: a row per session in use and sweep, not one per request.
    async fn write_use(&self) -> Result<(), StoreError> {
        let used: Vec<_> = lock(&self.0.known)
            .iter()
            .map(|(id, known)| (id.clone(), known.clone()))
            .filter(|(_, known)| {
                known.last_use.load(Ordering::Relaxed) > known.written_use.load(Ordering::Relaxed)
            })
            .collect();
        for (id, known) in used {
            let at = known.last_use();
            let expires_at = at.plus_secs(self.0.context.settings.expiry_secs as i64);
            match self.0.context.store.touch_session(&id, at).await {
                Ok(row) => {
                    self.0.context.store.extend_session(&id, expires_at).await?;
                    // Others of the app have brought its preview back, and this one found it running.
                    let runs = || self.snapshot(&known.app).is_some_and(|now| now.phase == Phase::Running);
                    if row.status == SessionStatus::Hibernated && runs() {
                        self.back_in_use(&row).await?;
                    }
                }
                Err(StoreError::NotFound) => {
                    lock(&self.0.known).remove(&id);
                }
                Err(error) => return Err(error),
            }
            known.written_use.store(at.as_millis().max(0) as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn event_due(row: &SessionRow, now: Timestamp) -> SessionEvent {
    match row.expires_at <= now {
        true => SessionEvent::Expire,
        false => SessionEvent::Idle,
    }
}
