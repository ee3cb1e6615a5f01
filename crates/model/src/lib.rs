//! Vitrine's vocabulary as types: ids, paths, trees, change sets, states and the wire types of `/v1`.
//!
//! Nothing in this crate performs IO, reads a clock or draws randomness: those arrive as arguments, so that every
//! rule here can be tested as a pure function.

pub mod app;
pub mod artifact;
pub mod audit;
pub mod change;
pub mod egress;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod hash;
pub mod hosting;
pub mod id;
pub mod identity;
pub mod limits;
pub mod path;
pub mod preview_event;
pub mod preview_link;
pub mod problem;
pub mod profile;
pub mod publish;
pub mod quota;
pub mod revision_diff;
pub mod secret;
pub mod session;
pub mod source;
pub mod template;
pub mod time;
pub mod tree;

pub use artifact::{ArtifactFile, ArtifactId, BuildInputs, Encoding, Manifest, Variant};
pub use hash::Sha256;
pub use id::{
    AppId, InviteId, KeyId, LinkId, PublishId, ReleaseId, RequestId, RevisionId, SandboxId, SessionId,
    TenantId, UserId,
};
pub use identity::Role;
pub use path::ProjectPath;
pub use time::Timestamp;
pub use tree::{FileEntry, FileMode, Tree, TreeDiff};
