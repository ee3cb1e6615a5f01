//! A session as it is stored, and when it next needs attention.

use vitrine_model::problem::Problem;
use vitrine_model::session::SessionStatus;
use vitrine_model::{AppId, SessionId, TenantId, Timestamp, UserId};

use crate::codec::{corrupt, parsed, signed, unsigned};
use crate::entity::sessions;
use crate::error::StoreError;

/// A stored session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// The session. Unguessable: whoever knows it may ask for its preview.
    pub id: SessionId,
    /// The app whose draft it shows.
    pub app_id: AppId,
    /// The tenant of the app.
    pub tenant_id: TenantId,
    /// Whose session it is.
    pub user_id: UserId,
    /// Where it is in its life.
    pub status: SessionStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, unless this is moved.
    pub expires_at: Timestamp,
    /// Without use for this long its sandbox is to be taken down.
    pub idle_timeout_secs: u64,
    /// The last use.
    pub last_activity_at: Timestamp,
    /// Why it does not run, or what last went wrong.
    pub error: Option<Problem>,
}

impl SessionRow {
    /// When its idle time is over.
    pub fn idle_at(&self) -> Timestamp {
        self.last_activity_at.plus_secs(signed(self.idle_timeout_secs))
    }

    /// When something must be done about it: its expiry, or before that the end of its idle time while it has a sandbox;
    /// never once it is over.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.status {
            status if status.is_over() => None,
            status if status.needs_sandbox() => Some(self.expires_at.min(self.idle_at())),
            _ => Some(self.expires_at),
        }
    }

    pub(crate) fn read(row: sessions::Model) -> Result<Self, StoreError> {
        let error = row.error.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id: parsed(&row.id)?,
            app_id: parsed(&row.app_id)?,
            tenant_id: parsed(&row.tenant_id)?,
            user_id: parsed(&row.user_id)?,
            status: status_of(&row.status)?,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            idle_timeout_secs: unsigned(row.idle_timeout_secs)?,
            last_activity_at: Timestamp::from_millis(row.last_activity_at),
            error: error.map_err(|_| corrupt("a session's error"))?,
        })
    }

    pub(crate) fn write(&self) -> Result<sessions::Model, StoreError> {
        let error = self.error.as_ref().map(serde_json::to_string).transpose();
        Ok(sessions::Model {
            id: self.id.to_string(),
            app_id: self.app_id.to_string(),
            tenant_id: self.tenant_id.to_string(),
            user_id: self.user_id.to_string(),
            status: status_column(self.status).to_owned(),
            created_at: self.created_at.as_millis(),
            expires_at: self.expires_at.as_millis(),
            idle_timeout_secs: signed(self.idle_timeout_secs),
            last_activity_at: self.last_activity_at.as_millis(),
            due_at: self.due_at().map(Timestamp::as_millis),
            error: error.map_err(|_| corrupt("a session's error"))?,
        })
    }
}

const STATUSES: [SessionStatus; 7] = [
    SessionStatus::Starting,
    SessionStatus::Running,
    SessionStatus::Frozen,
    SessionStatus::Hibernated,
    SessionStatus::Stopped,
    SessionStatus::Expired,
    SessionStatus::Error,
];

/// The statuses for which `holds`, as their column has them.
pub(crate) fn statuses_where(holds: impl Fn(SessionStatus) -> bool) -> Vec<&'static str> {
    STATUSES.into_iter().filter(|status| holds(*status)).map(status_column).collect()
}

fn status_column(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Starting => "starting",
        SessionStatus::Running => "running",
        SessionStatus::Frozen => "frozen",
        SessionStatus::Hibernated => "hibernated",
        SessionStatus::Stopped => "stopped",
        SessionStatus::Expired => "expired",
        SessionStatus::Error => "error",
    }
}

pub(crate) fn status_of(column: &str) -> Result<SessionStatus, StoreError> {
    STATUSES
        .into_iter()
        .find(|status| status_column(*status) == column)
        .ok_or_else(|| corrupt("a session's status"))
}
