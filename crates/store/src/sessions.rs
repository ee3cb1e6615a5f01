//! Sessions: at most one live one per app and user, moved through their states under a lock on their row.
//!
//! Calls with a [`Scope`] are for people. Calls without one are for the server itself and for the preview gateway, where
//! the session's unguessable id is the capability.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
};
use vitrine_model::problem::Problem;
use vitrine_model::quota::Quota;
use vitrine_model::session::{SessionEvent, SessionStatus};
use vitrine_model::{AppId, SessionId, TenantId, Timestamp, UserId};

use crate::apps::{find_app, lock_app};
use crate::codec::unsigned;
use crate::entity::sessions::{self, Column};
use crate::error::{StoreError, is_unique_violation};
use crate::scope::Scope;
use crate::session_row::{SessionRow, status_of, statuses_where};
use crate::store::Store;
use crate::tenants::require_active;

/// A session to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSession {
    /// When it ends unless this is moved.
    pub expires_at: Timestamp,
    /// Without use for this long its sandbox is to be taken down.
    pub idle_timeout_secs: u64,
}

impl Store {
    /// The caller's live session on the app; made, as [`SessionStatus::Starting`], when there is none. The second value
    /// says whether it was made now; of several calls at once exactly one makes it. Asking is use: an existing session's
    /// expiry moves to the one given, unless it is later already, and its idle time begins anew. [`StoreError::QuotaExceeded`]
    /// when it would be made and the tenant has as many as it may have; [`StoreError::TenantSuspended`] when that is so.
    pub async fn ensure_session(
        &self,
        scope: &Scope,
        app: &AppId,
        new: NewSession,
    ) -> Result<(SessionRow, bool), StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        // Callers for one app wait for each other here, so that the second one sees what the first one made.
        lock_app(&tx, scope, app).await?;
        require_active(&tx, &scope.tenant).await?;
        if let Some(found) = live(of_caller(scope, app)).one(&tx).await? {
            let mut row = SessionRow::read(found)?;
            row.expires_at = row.expires_at.max(new.expires_at);
            row.last_activity_at = row.last_activity_at.max(now);
            row.write()?.into_active_model().reset_all().update_without_returning(&tx).await?;
            tx.commit().await?;
            return Ok((row, false));
        }
        self.require_room(&tx, &scope.tenant, Quota::Sessions).await?;
        let row = SessionRow {
            id: SessionId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref()),
            app_id: app.clone(),
            tenant_id: scope.tenant.clone(),
            user_id: scope.user.clone(),
            status: SessionStatus::Starting,
            created_at: now,
            expires_at: new.expires_at,
            idle_timeout_secs: new.idle_timeout_secs,
            last_activity_at: now,
            error: None,
        };
        sessions::Entity::insert(row.write()?.into_active_model()).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok((row, true))
    }

    /// The caller's live session on the app, or else the one made last. [`StoreError::NotFound`] when there never was one.
    pub async fn session(&self, scope: &Scope, app: &AppId) -> Result<SessionRow, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let found = match live(of_caller(scope, app)).one(self.0.db.reader()).await? {
            Some(found) => Some(found),
            None => {
                let latest = of_caller(scope, app).order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
                latest.one(self.0.db.reader()).await?
            }
        };
        SessionRow::read(found.ok_or(StoreError::NotFound)?)
    }

    /// A session by its id alone. For the preview gateway: knowing the id is the right to ask.
    pub async fn session_by_id(&self, session: &SessionId) -> Result<Option<SessionRow>, StoreError> {
        let found = sessions::Entity::find_by_id(session.as_str()).one(self.0.db.reader()).await?;
        found.map(SessionRow::read).transpose()
    }

    /// Every session of an app that is not over, of all users. For the server itself.
    pub async fn sessions_of_app(&self, app: &AppId) -> Result<Vec<SessionRow>, StoreError> {
        let query = live(sessions::Entity::find().filter(Column::AppId.eq(app.as_str())));
        read_all(query.all(self.0.db.reader()).await?)
    }

    /// Every session of a tenant that is not over; with a user, theirs alone. For the server itself, when somebody loses
    /// what they had.
    pub async fn sessions_of_tenant(
        &self,
        tenant: &TenantId,
        user: Option<&UserId>,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let mut query = sessions::Entity::find().filter(Column::TenantId.eq(tenant.as_str()));
        if let Some(user) = user {
            query = query.filter(Column::UserId.eq(user.as_str()));
        }
        read_all(live(query).all(self.0.db.reader()).await?)
    }

    /// Moves a session on; several calls at once take turns.
    ///
    /// A problem given is kept as the session's error; without one, the error is cleared when the session is asked for
    /// while it has no sandbox, and when it becomes ready. [`SessionEvent::Ensure`] counts as use. A session that was over
    /// and is revived after its expiry is due at once: extend it.
    ///
    /// # Errors
    /// [`StoreError::InvalidTransition`] when its state cannot take the event; [`StoreError::NotExpired`] when it is to
    /// expire and its expiry has been moved; [`StoreError::NewerSession`] when it is over and its owner has another one.
    pub async fn transition_session(
        &self,
        session: &SessionId,
        event: SessionEvent,
        problem: Option<Problem>,
    ) -> Result<SessionRow, StoreError> {
        let now = self.now();
        self.change_session(session, |row| moved(row, event, problem, now)).await
    }

    /// As [`Store::transition_session`] with [`SessionEvent::Ensure`], of a session that is not over: what was ended a moment
    /// ago stays ended, and is [`StoreError::NotFound`].
    pub async fn wake_session(&self, session: &SessionId) -> Result<SessionRow, StoreError> {
        let now = self.now();
        let wake = |row: &mut SessionRow| {
            live_only(row)?;
            moved(row, SessionEvent::Ensure, None, now)
        };
        self.change_session(session, wake).await
    }

    /// Moves the expiry of a session that is not over; never to an earlier time than it has.
    pub async fn extend_session(&self, session: &SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
        let extend = |row: &mut SessionRow| {
            row.expires_at = row.expires_at.max(expires_at);
            live_only(row)
        };
        self.change_session(session, extend).await.map(|_| ())
    }

    /// Notes use of a session that is not over; its idle time begins anew. An earlier time than the noted one is ignored.
    /// The row as it is then.
    pub async fn touch_session(
        &self,
        session: &SessionId,
        last_activity_at: Timestamp,
    ) -> Result<SessionRow, StoreError> {
        let touch = |row: &mut SessionRow| {
            row.last_activity_at = row.last_activity_at.max(last_activity_at);
            live_only(row)
        };
        self.change_session(session, touch).await
    }

    /// Sessions of all tenants that are past their expiry, or have a sandbox and are past their idle time; the longest due
    /// first. Costs what is due, not what there is. For the server's sweep.
    pub async fn due_sessions(&self, now: Timestamp, limit: u32) -> Result<Vec<SessionRow>, StoreError> {
        read_all(due(now, limit).all(self.0.db.reader()).await?)
    }

    /// Sessions of all tenants that have, or should have, a sandbox; the first due first. For the server's start.
    pub async fn sessions_needing_sandbox(&self) -> Result<Vec<SessionRow>, StoreError> {
        read_all(needing_sandbox().all(self.0.db.reader()).await?)
    }

    /// How many sessions of all tenants are in which state; those that are over are not counted, and a state without any is
    /// absent. Costs what is not over. For the server's own figures.
    pub async fn count_sessions(&self) -> Result<HashMap<SessionStatus, u64>, StoreError> {
        let rows: Vec<(String, i64)> = by_status().into_tuple().all(self.0.db.reader()).await?;
        rows.into_iter().map(|(status, count)| Ok((status_of(&status)?, unsigned(count)?))).collect()
    }

    async fn change_session(
        &self,
        session: &SessionId,
        change: impl FnOnce(&mut SessionRow) -> Result<(), StoreError>,
    ) -> Result<SessionRow, StoreError> {
        let tx = self.begin().await?;
        let found = sessions::Entity::find_by_id(session.as_str()).lock_exclusive().one(&tx).await?;
        let before = SessionRow::read(found.ok_or(StoreError::NotFound)?)?;
        let mut after = before.clone();
        change(&mut after)?;
        if after == before {
            return Ok(after);
        }
        let updated = after.write()?.into_active_model().reset_all().update_without_returning(&tx).await;
        updated.map_err(|error| match is_unique_violation(&error) {
            true => StoreError::NewerSession,
            false => error.into(),
        })?;
        tx.commit().await?;
        Ok(after)
    }
}

pub(crate) fn of_caller(scope: &Scope, app: &AppId) -> Select<sessions::Entity> {
    sessions::Entity::find()
        .filter(Column::TenantId.eq(scope.tenant.as_str()))
        .filter(Column::UserId.eq(scope.user.as_str()))
        .filter(Column::AppId.eq(app.as_str()))
}

pub(crate) fn live(query: Select<sessions::Entity>) -> Select<sessions::Entity> {
    query.filter(Column::Status.is_not_in(statuses_where(SessionStatus::is_over)))
}

pub(crate) fn due(now: Timestamp, limit: u32) -> Select<sessions::Entity> {
    sessions::Entity::find()
        .filter(Column::DueAt.is_not_null())
        .filter(Column::DueAt.lte(now.as_millis()))
        .order_by_asc(Column::DueAt)
        .limit(u64::from(limit))
}

pub(crate) fn needing_sandbox() -> Select<sessions::Entity> {
    sessions::Entity::find()
        // Only what is not over has a due time: the index on it keeps ended sessions out of the search.
        .filter(Column::DueAt.is_not_null())
        .filter(Column::Status.is_in(statuses_where(SessionStatus::needs_sandbox)))
        .order_by_asc(Column::DueAt)
}

pub(crate) fn by_status() -> Select<sessions::Entity> {
    let open = sessions::Entity::find().filter(Column::DueAt.is_not_null()).select_only();
    open.column(Column::Status).column_as(Column::Status.count(), "count").group_by(Column::Status)
}

fn moved(
    row: &mut SessionRow,
    event: SessionEvent,
    problem: Option<Problem>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if event == SessionEvent::Expire && !row.status.is_over() && row.expires_at > now {
        return Err(StoreError::NotExpired);
    }
    let next = row.status.on(event)?;
    let begins_anew = event == SessionEvent::Ensure && !row.status.needs_sandbox();
    if problem.is_some() || begins_anew || event == SessionEvent::Ready {
        row.error = problem;
    }
    if event == SessionEvent::Ensure {
        row.last_activity_at = row.last_activity_at.max(now);
    }
    row.status = next;
    Ok(())
}

fn live_only(row: &SessionRow) -> Result<(), StoreError> {
    match row.status.is_over() {
        true => Err(StoreError::NotFound),
        false => Ok(()),
    }
}

fn read_all(rows: Vec<sessions::Model>) -> Result<Vec<SessionRow>, StoreError> {
    rows.into_iter().map(SessionRow::read).collect()
}
