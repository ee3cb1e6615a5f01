//! Profiles: how a kind of project is installed, developed and built.

use serde::{Deserialize, Serialize};

/// The kinds of project Vitrine knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileKind {
    /// A project whose dev server is Vite.
    Vite,
    /// A project whose dev server is Astro's.
    Astro,
    /// Files served as they are; no package manager.
    Static,
    /// A project that names its own dev command.
    Custom,
}

/// How to run one app: detected from its files, or set by its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The kind, which decides everything not given below.
    pub kind: ProfileKind,
    /// The dev command; required for `custom`. It finds its port in `PORT` and its address in `HOST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<Vec<String>>,
    /// The build command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Vec<String>>,
    /// Where the build leaves its output, for example `dist`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The major version of Node.js, for example `24`; absent means chosen by `engines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Profile {
    /// A profile with nothing but its kind.
    pub fn of(kind: ProfileKind) -> Self {
        Self { kind, dev: None, build: None, output: None, node: None }
    }
}
