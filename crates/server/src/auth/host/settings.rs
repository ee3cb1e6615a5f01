//! What a host product's tokens have to look like.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::JwkSet;
use vitrine_store::Sight;

use super::{ClaimNames, JwksFetch, JwksTimes};

/// What a host product's tokens have to look like.
pub(crate) struct HostSettings {
    /// Who signs them, word for word.
    pub(crate) issuer: String,
    /// Whom they are for: one of these.
    pub(crate) audiences: Vec<String>,
    /// The algorithms, all of one kind with the keys.
    pub(crate) algorithms: Vec<Algorithm>,
    /// The keys.
    pub(crate) keys: Keys,
    /// How far two clocks may be apart.
    pub(crate) leeway_secs: i64,
    /// Which claim says what.
    pub(crate) claims: ClaimNames,
    /// What may be made of somebody who is seen for the first time.
    pub(crate) sight: Sight,
}

/// Where the keys come from.
pub(crate) enum Keys {
    /// From the host product, as it changes them.
    Remote(Arc<dyn JwksFetch>, JwksTimes),
    /// From a file, read when the server started.
    Fixed(JwkSet),
    /// A secret that both sides know.
    Shared(Vec<u8>),
}
