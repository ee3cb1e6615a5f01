//! The queue as workers see it: claiming in turn, heartbeats, and what happens to publishes whose worker is lost.
//!
//! A claim is a lease with a fence: it grows with each claim, and every later call of the worker names it. Whoever has
//! lost the lease is told [`StoreError::LeaseLost`] and changes nothing. These calls have no [`Scope`]: they are the
//! server's own.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::publish::{Publish, PublishStep};
use vitrine_model::{AppId, PublishId, Timestamp};

use crate::codec::{after, parsed, unsigned};
use crate::entity_publishing::publishes::{self, Column, Model};
use crate::error::StoreError;
use crate::publish_row::{
    CANCELLED, FAILED, SUPERSEDED, end, give, give_back, held, publish_of, steps_column, write,
};
use crate::publishes::waiting;
use crate::quotas::{Allowance, builds_overridden};
use crate::scope::Scope;
use crate::store::Store;

/// Publishes ended in one transaction, so that no other writer waits long.
const MOST_REAPED: u64 = 100;

/// A publish in a worker's hands.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The publish, running.
    pub publish: Publish,
    /// Whose it is, and who asked for it.
    pub scope: Scope,
    /// What every later call of the worker has to name.
    pub fence: u64,
    /// When it must have ended.
    pub deadline: Timestamp,
}

/// What a worker is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// Go on.
    Continue,
    /// Stop and end it as cancelled.
    CancelRequested,
}

impl Store {
    /// Takes the publish whose turn it is, until `lease` is over or is renewed by [`Self::heartbeat_publish`]; `None`
    /// when there is nothing to do.
    ///
    /// First comes what another worker was lost with. Then the tenant that has the least running, and of its publishes
    /// the one that waits longest. Of one tenant only as many run as its quota of builds allows, of one app only one. What is found past its deadline, cancelled, or out of
    /// attempts is ended on the way. Of several claims at once each gets another publish.
    pub async fn claim_publish(&self, worker: &str, lease: Duration) -> Result<Option<Claimed>, StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let claimed = loop {
            let Some(mut row) = next(&tx, now, self.default_quotas().builds).await? else { break None };
            match verdict(&row, now) {
                Some((status, problem)) => {
                    end(&mut row, status, problem.as_ref(), now)?;
                    write(&tx, row).await?;
                }
                None => {
                    give(&mut row, worker, now, lease);
                    write(&tx, row.clone()).await?;
                    break Some(row);
                }
            }
        };
        tx.commit().await?;
        claimed.map(claimed_of).transpose()
    }

    /// Keeps a publish for another `lease` from now.
    pub async fn heartbeat_publish(
        &self,
        publish: &PublishId,
        fence: u64,
        lease: Duration,
    ) -> Result<Heartbeat, StoreError> {
        let tx = self.begin().await?;
        let mut row = held(&tx, publish, fence).await?;
        let cancel_requested = row.cancel_requested;
        row.lease_until = Some(after(self.now(), lease).as_millis());
        write(&tx, row).await?;
        tx.commit().await?;
        Ok(if cancel_requested { Heartbeat::CancelRequested } else { Heartbeat::Continue })
    }

    /// Notes how the steps of a publish are doing.
    pub async fn save_publish_steps(
        &self,
        publish: &PublishId,
        fence: u64,
        steps: &[PublishStep],
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let mut row = held(&tx, publish, fence).await?;
        row.steps = steps_column(steps)?;
        write(&tx, row).await?;
        Ok(tx.commit().await?)
    }

    /// Ends what is past its deadline, and what lost its worker and may not be tried again; says which. At the server's
    /// start and from time to time. Costs what is due, not what there is.
    pub async fn reap_publishes(&self, now: Timestamp) -> Result<Vec<(AppId, PublishId)>, StoreError> {
        let mut reaped = Vec::new();
        loop {
            let tx = self.begin().await?;
            let mut rows = past_deadline(now).limit(MOST_REAPED).lock_exclusive().all(&tx).await?;
            if rows.is_empty() {
                rows = given_up(now).limit(MOST_REAPED).lock_exclusive().all(&tx).await?;
            }
            if rows.is_empty() {
                return Ok(reaped);
            }
            for mut row in rows {
                reaped.push((parsed(&row.app_id)?, parsed(&row.id)?));
                if let Some((status, problem)) = verdict(&row, now) {
                    end(&mut row, status, problem.as_ref(), now)?;
                    write(&tx, row).await?;
                }
            }
            tx.commit().await?;
        }
    }

    /// Gives back what `worker` has running, without using up an attempt; says how many it were. What was cancelled, or
    /// has a later publish of the same target waiting behind it, ends instead. For an orderly end of the worker.
    pub async fn requeue_publishes_of(&self, worker: &str) -> Result<u64, StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let rows = running().filter(Column::Worker.eq(worker)).lock_exclusive().all(&tx).await?;
        let count = rows.len() as u64;
        for mut row in rows {
            let later = waiting(&parsed(&row.app_id)?, &row.target).one(&tx).await?;
            match later {
                _ if row.cancel_requested => end(&mut row, CANCELLED, None, now)?,
                Some(_) => {
                    let why = "A later publish of this app took its place in the queue.";
                    end(&mut row, SUPERSEDED, Some(&Problem::new(Code::Superseded, why)), now)?;
                }
                None => give_back(&mut row),
            }
            write(&tx, row).await?;
        }
        tx.commit().await?;
        Ok(count)
    }
}

/// How a publish that is to be worked on must end instead, if it must.
fn verdict(row: &Model, now: Timestamp) -> Option<(&'static str, Option<Problem>)> {
    let is_lost = row.lease_until.is_some_and(|until| until <= now.as_millis());
    if row.cancel_requested && is_lost {
        return Some((CANCELLED, None));
    }
    if row.due_at.is_some_and(|deadline| deadline <= now.as_millis()) {
        let why = "The publish did not end in the time it may take. Publish again.";
        return Some((FAILED, Some(Problem::new(Code::PublishTimedOut, why))));
    }
    if is_lost && row.attempt >= row.attempts_max {
        let why = format!("{} workers that tried were lost. Publish again.", row.attempt);
        return Some((FAILED, Some(Problem::new(Code::PublishAbandoned, why))));
    }
    None
}

/// The publish whose turn it is, whatever is to become of it.
async fn next<C: ConnectionTrait>(
    tx: &C,
    now: Timestamp,
    builds_by_default: Allowance,
) -> Result<Option<Model>, StoreError> {
    if let Some(row) = skipping_locked(lost(now)).one(tx).await? {
        return Ok(Some(row));
    }
    // As many rows as there are workers busy.
    let busy: Vec<(String, String)> =
        running().select_only().column(Column::TenantId).column(Column::AppId).into_tuple().all(tx).await?;
    let mut load: HashMap<&str, u32> = HashMap::new();
    for (tenant, _) in &busy {
        *load.entry(tenant).or_default() += 1;
    }
    let busy_apps: Vec<_> = busy.iter().map(|(_, app)| app.clone()).collect();
    let queues: Vec<(String, i64)> = queues(&busy_apps).into_tuple().all(tx).await?;
    let overridden = builds_overridden(tx, queues.iter().map(|(tenant, _)| tenant.as_str())).await?;
    let may_begin = |tenant: &str, load: u32| {
        let builds = overridden.get(tenant).copied().unwrap_or(builds_by_default);
        builds.limit().is_none_or(|most| u64::from(load) < most)
    };
    let load_of = |tenant: &str| load.get(tenant).copied().unwrap_or(0);
    let turn = queues
        .into_iter()
        .filter(|(tenant, _)| may_begin(tenant, load_of(tenant)))
        .min_by_key(|(tenant, since)| (load_of(tenant), *since));
    match turn {
        Some((tenant, _)) => Ok(skipping_locked(queue_of(&tenant, &busy_apps)).one(tx).await?),
        None => Ok(None),
    }
}

/// Another claim may be at a row at this moment, where the database lets several write at once.
fn skipping_locked(query: Select<publishes::Entity>) -> Select<publishes::Entity> {
    query.limit(1).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
}

fn claimed_of(row: Model) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        scope: Scope { tenant: parsed(&row.tenant_id)?, user: parsed(&row.user_id)? },
        fence: unsigned(row.fence)?,
        deadline: Timestamp::from_millis(row.due_at.unwrap_or(row.created_at)),
        publish: publish_of(row)?,
    })
}

/// Everything that runs.
pub(crate) fn running() -> Select<publishes::Entity> {
    publishes::Entity::find().filter(Column::LeaseUntil.is_not_null())
}

/// What runs for a worker that was not heard of in time, the longest lost first.
pub(crate) fn lost(now: Timestamp) -> Select<publishes::Entity> {
    running().filter(Column::LeaseUntil.lte(now.as_millis())).order_by_asc(Column::LeaseUntil)
}

/// Of what is lost, that which is not to be tried again.
pub(crate) fn given_up(now: Timestamp) -> Select<publishes::Entity> {
    let is_spent = Expr::col(Column::Attempt).gte(Expr::col(Column::AttemptsMax));
    lost(now).filter(Condition::any().add(Column::CancelRequested.eq(true)).add(is_spent))
}

/// What is not over and should be, the longest due first.
pub(crate) fn past_deadline(now: Timestamp) -> Select<publishes::Entity> {
    publishes::Entity::find()
        .filter(Column::DueAt.is_not_null())
        .filter(Column::DueAt.lte(now.as_millis()))
        .order_by_asc(Column::DueAt)
}

/// Every tenant that has something waiting, with how long it waits; apps that run something do not count.
pub(crate) fn queues(busy_apps: &[String]) -> Select<publishes::Entity> {
    let query = publishes::Entity::find()
        .select_only()
        .column(Column::TenantId)
        .column_as(Column::QueuedAt.min(), "since")
        .filter(Column::QueuedAt.is_not_null())
        .group_by(Column::TenantId);
    without_apps(query, busy_apps)
}

/// What waits of one tenant, the oldest first.
pub(crate) fn queue_of(tenant: &str, busy_apps: &[String]) -> Select<publishes::Entity> {
    let query = publishes::Entity::find()
        .filter(Column::TenantId.eq(tenant))
        .filter(Column::QueuedAt.is_not_null())
        .order_by_asc(Column::QueuedAt)
        .order_by_asc(Column::Id);
    without_apps(query, busy_apps)
}

fn without_apps(query: Select<publishes::Entity>, apps: &[String]) -> Select<publishes::Entity> {
    match apps.is_empty() {
        true => query,
        false => query.filter(Column::AppId.is_not_in(apps.iter().map(String::as_str))),
    }
}
