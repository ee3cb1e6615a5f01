//! Who goes first when the machine has no room: the pool, then what is frozen, then what runs and was not used for a while.
//!
//! Among those the tenant that holds the most sandboxes gives first, and of its the one that was used least recently. What
//! somebody uses is never taken down.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Weak;

use async_trait::async_trait;
use vitrine_model::session::SessionEvent;
use vitrine_model::{AppId, TenantId, Timestamp};
use vitrine_store::StoreError;

use super::preview::Phase;
use super::top::Counts;
use super::{Sessions, lock};
use crate::kernel;

/// What has not been used for this long may be taken down for somebody who waits.
const QUIET_SECS: i64 = 60;

/// Those who turn out to be in use after all, or are gone, before it is taken that nobody can make room.
const MOST_ATTEMPTS: usize = 8;

/// What is not worth taking down: a frozen sandbox in a swap on disk holds next to nothing.
const LEAST_BYTES: u64 = 8 << 20;

/// What is in a compressed swap takes about this part of its size.
const COMPRESSED_TO: u64 = 4;

/// Takes something down that nobody uses.
#[async_trait]
pub(crate) trait Evict: Send + Sync {
    /// True when something was taken down. Goes on to its end when it is dropped.
    async fn evict_one(&self) -> bool;
}

/// Somebody who could make room.
#[derive(Debug, Clone)]
struct Candidate {
    app: AppId,
    tenant: TenantId,
    is_frozen: bool,
    last_use: Timestamp,
}

/// Who goes first; see the module's text.
fn in_order(mut candidates: Vec<Candidate>, held: &HashMap<TenantId, usize>) -> Vec<Candidate> {
    candidates.sort_by_cached_key(|candidate| {
        let held = held.get(&candidate.tenant).copied().unwrap_or(0);
        (!candidate.is_frozen, Reverse(held), candidate.last_use)
    });
    candidates
}

#[async_trait]
impl Evict for Sessions {
    async fn evict_one(&self) -> bool {
        let sessions = self.clone();
        // A start that is given up half-way must not leave rows that say something else than what is there.
        let evicting = tokio::spawn(async move { sessions.evict().await });
        evicting.await.unwrap_or(false)
    }
}

impl Sessions {
    async fn evict(&self) -> bool {
        if self.0.context.pool.give_up_one().await {
            return true;
        }
        let (candidates, held) = self.candidates();
        let mut attempts = 0;
        for Candidate { app, is_frozen, last_use, .. } in in_order(candidates, &held) {
            if attempts == MOST_ATTEMPTS {
                break;
            }
            if !self.is_worth_it(&app).await {
                continue;
            }
            attempts += 1;
            tracing::info!(%app, is_frozen, "taken down to make room");
            match self.take_down_unused(&app, last_use).await {
                Ok(true) => {
                    Counts::add(&self.0.context.counts.evictions);
                    return true;
                }
                Ok(false) => tracing::debug!(%app, "it is in use after all"),
                Err(error) => tracing::error!(%app, %error, "not taken down"),
            }
        }
        false
    }

    /// What may be taken down now, and how many sandboxes each tenant holds.
    fn candidates(&self) -> (Vec<Candidate>, HashMap<TenantId, usize>) {
        let now = self.0.context.clock.now();
        let previews: Vec<_> =
            lock(&self.0.previews).iter().map(|(app, preview)| (app.clone(), preview.clone())).collect();
        let last_uses = self.last_uses();
        let mut held: HashMap<TenantId, usize> = HashMap::new();
        let mut candidates = Vec::new();
        for (app, preview) in previews {
            let phase = preview.snapshot().phase;
            if !matches!(phase, Phase::Frozen | Phase::Running | Phase::Starting) {
                continue;
            }
            let tenant = preview.tenant.clone();
            *held.entry(tenant.clone()).or_default() += 1;
            let Some(last_use) = last_uses.get(&app).map(|last_use| preview.edited_at().max(*last_use))
            else {
                continue;
            };
            let is_frozen = phase == Phase::Frozen;
            if is_frozen || (phase == Phase::Running && last_use.plus_secs(QUIET_SECS) <= now) {
                candidates.push(Candidate { app, tenant, is_frozen, last_use });
            }
        }
        (candidates, held)
    }

    /// Whether memory comes free when it goes.
    async fn is_worth_it(&self, app: &AppId) -> bool {
        let sandbox =
            self.snapshot(app).and_then(|snapshot| snapshot.sandbox.as_ref().and_then(Weak::upgrade));
        let Some(sandbox) = sandbox else { return true };
        match sandbox.usage().await {
            // Nothing is counted here.
            Ok(usage) if usage.memory_bytes == 0 => true,
            Ok(usage) => {
                let is_compressed = kernel::swaps().iter().any(kernel::Swap::is_zram);
                let swapped = if is_compressed { usage.swap_bytes / COMPRESSED_TO } else { 0 };
                usage.memory_bytes + swapped >= LEAST_BYTES
            }
            Err(_) => true,
        }
    }

    /// Takes an app's sandbox down as if its idle time had passed, unless somebody has used it since.
    async fn take_down_unused(&self, app: &AppId, since: Timestamp) -> Result<bool, StoreError> {
        let store = &self.0.context.store;
        let rows = store.sessions_of_app(app).await?;
        let awake: Vec<_> = rows.iter().filter(|row| row.status.needs_sandbox()).collect();
        for row in &awake {
            store.transition_session(&row.id, SessionEvent::Idle, None).await?;
        }
        let Some(preview) = lock(&self.0.previews).get(app).cloned() else { return Ok(true) };
        if preview.hibernate(self.unused_since(app, since)).await {
            return Ok(true);
        }
        for row in &awake {
            store.transition_session(&row.id, SessionEvent::Ensure, None).await?;
        }
        self.0.context.record(app, SessionEvent::Ready, None).await;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(app: u8, tenant: u8, is_frozen: bool, used_at: i64) -> Candidate {
        Candidate {
            app: format!("app_{app:026}").parse().unwrap(),
            tenant: format!("ten_{tenant:026}").parse().unwrap(),
            is_frozen,
            last_use: Timestamp::from_millis(used_at),
        }
    }

    fn order(mut candidates: Vec<Candidate>) -> Vec<String> {
        let mut order = Vec::new();
        while let Some(first) = {
            let mut held = HashMap::new();
            candidates.iter().for_each(|one| *held.entry(one.tenant.clone()).or_default() += 1);
            in_order(candidates.clone(), &held).into_iter().next()
        } {
            candidates.retain(|one| one.app != first.app);
            order.push(first.app.to_string().trim_start_matches("app_").trim_start_matches('0').to_owned());
        }
        order
    }

    #[test]
    fn the_frozen_go_first_then_the_largest_tenants_then_the_least_recently_used() {
        let candidates = vec![
            candidate(1, 1, false, 10),
            candidate(2, 1, true, 40),
            candidate(3, 2, true, 20),
            candidate(4, 1, true, 30),
            candidate(5, 2, false, 5),
        ];
        // Tenant 1 holds three, so it gives before tenant 2 although that one's was used longer ago.
        assert_eq!(order(candidates), ["4", "3", "2", "5", "1"]);
    }
}
