//! What can go wrong in the store, in variants a caller can act on.

use std::path::PathBuf;

use sea_orm::{DbErr, SqlErr};
use vitrine_model::Sha256;
use vitrine_model::quota::Quota;
use vitrine_model::session::InvalidTransition;

/// Why the store did not do what it was asked; nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing there, or nothing of this tenant.
    #[error("not found")]
    NotFound,
    /// Whoever asked may not do that to others in the tenant, or not any more.
    #[error("forbidden")]
    Forbidden,
    /// The draft has moved on.
    #[error("the draft is at version {latest}")]
    VersionConflict {
        /// Where it is now.
        latest: u64,
    },
    /// Another app has the slug.
    #[error("the slug is taken")]
    SlugTaken,
    /// Another account has the email.
    #[error("the email is taken")]
    EmailTaken,
    /// The host product's tenant is there already.
    #[error("there is such a tenant")]
    TenantExists,
    /// The tenant is suspended, and nothing is begun for it.
    #[error("the tenant is suspended")]
    TenantSuspended,
    /// The tenant would be left without an owner.
    #[error("the tenant would have no owner")]
    LastOwner,
    /// A tree names content that this tenant never stored. Sorted, without repeats.
    #[error("{} pieces of content are missing", .0.len())]
    MissingBlobs(Vec<Sha256>),
    /// Bytes are not the ones their hash names.
    #[error("the content does not match its hash")]
    HashMismatch,
    /// A page's cursor is none that this store gave out for this list.
    #[error("the cursor is not valid")]
    InvalidCursor,
    /// The session cannot take the event in its state.
    #[error(transparent)]
    InvalidTransition(#[from] InvalidTransition),
    /// The tenant has as much of something as it may have.
    #[error("{used} of {limit} {} are used", .quota.noun())]
    QuotaExceeded {
        /// Of what.
        quota: Quota,
        /// How much it may have.
        limit: u64,
        /// How much it has.
        used: u64,
    },
    /// The app has [`crate::MOST_LINKS`] preview links.
    #[error("the app has {} preview links", crate::MOST_LINKS)]
    TooManyLinks,
    /// The session was to expire, but its expiry has been moved since.
    #[error("the session has not expired")]
    NotExpired,
    /// The session was to be revived, but its owner has a newer one on the app.
    #[error("there is a newer session")]
    NewerSession,
    /// The publish has ended.
    #[error("the publish has ended")]
    PublishOver,
    /// The publish is for a preview, which makes no release.
    #[error("the publish is for a preview and makes no release")]
    NoRelease,
    /// An artifact names objects that were never verified. Sorted, without repeats.
    #[error("{} objects are missing", .0.len())]
    MissingObjects(Vec<Sha256>),
    /// An object is being collected at this moment; trying again in a few seconds helps.
    #[error("an object is being collected")]
    ObjectLeaving,
    /// Somebody else holds, or has held, the lease since.
    #[error("the lease is lost")]
    LeaseLost,
    /// A directory cannot be made or used.
    #[error("cannot use the directory {}: {source}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed; trying again later may help.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The object store failed; trying again later may help.
    #[error("object store: {0}")]
    Objects(#[source] object_store::Error),
    /// The object store does not let us in: the key is wrong, or does not allow what was tried. Trying again does not help;
    /// the configuration has to change.
    #[error("the object store refuses the credentials: {0}")]
    ObjectsRefused(#[source] object_store::Error),
    /// The bucket or container of the configuration is not there.
    #[error("the object store has no such bucket: {0}")]
    NoBucket(#[source] object_store::Error),
    /// What is stored is not what was stored. Trying again does not help.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        match error {
            E::Unauthenticated { .. } | E::PermissionDenied { .. } => Self::ObjectsRefused(error),
            other => Self::Objects(other),
        }
    }
}

/// What was to be changed or removed was not there when no row was.
pub(crate) fn found(rows_affected: u64) -> Result<(), StoreError> {
    match rows_affected {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

/// True when a unique index refused the write.
pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
