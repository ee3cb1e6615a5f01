//! Why a caller was not let in.

use vitrine_store::StoreError;

/// Why a caller was not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// No credential, or none that is valid now.
    #[error("no valid credentials: send `Authorization: Bearer vt_…`, or sign in on the builder page")]
    Unauthenticated,
    /// A browser's request that changes something came without the token that only our own page has.
    #[error("a request with a cookie needs the `X-CSRF-Token` header that /v1/me gives")]
    CsrfMissing,
    /// A browser sent the request for a page of another site.
    #[error("the request comes from a page of another site")]
    ForeignOrigin,
    /// The tenant is suspended.
    #[error("the tenant is suspended; ask whoever runs this server")]
    Suspended,
    /// The tenant of the header is none of the caller's.
    #[error("there is no such tenant, or you are no member of it")]
    NoSuchTenant,
    /// Somebody who signed in belongs to no tenant any more.
    #[error("you are a member of no tenant; ask for an invitation")]
    NoTenant,
    /// The host product's keys are not there and cannot be fetched.
    #[error("the host product's keys cannot be fetched now")]
    HostKeysUnavailable,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
