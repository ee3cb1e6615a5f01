//! From a project's files to something that runs: archives, template packs, profiles, toolchains and layers.
//!
//! - [`archive`] reads and writes zip and tar.
//! - [`template`] loads template packs.
//! - [`profile`] finds out what kind of project a draft is and how to run it.
//! - [`toolchain`] fetches the pinned Node.js and package managers.
//! - [`layers`] makes `node_modules` for a lockfile once, and keeps it.
//! - [`guard`] keeps secrets out of logs and artifacts.
//! - [`pipeline`] builds a project and packs what it leaves as an artifact.
//! - [`compile_cache`] keeps what Node.js made of a layer's tools.
//! - [`prebundle`] keeps Vite's pre-bundled dependencies beside a layer.
//! - [`validate`] says what would break a build; [`policy`] which packages a project may have.

use std::collections::BTreeMap;

use bytes::Bytes;
use vitrine_model::ProjectPath;

pub mod archive;
pub mod compile_cache;
pub mod diagnostic;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod guard;
pub mod layers;
mod package_json;
pub mod pipeline;
pub mod policy;
pub mod prebundle;
pub mod profile;
mod registry;
pub mod template;
pub mod toolchain;
pub mod validate;

pub use diagnostic::Diagnostic;
pub use registry::{RegistryError, RegistrySettings};

/// Files of a project with their content, by path.
pub type Files = BTreeMap<ProjectPath, Bytes>;

/// True for the files that detection and installation read; a [`Files`] needs no others.
pub fn is_input(path: &ProjectPath) -> bool {
    let name = path.file_name();
    let anywhere = name == "package.json" || path.as_str().starts_with("patches/");
    let at_root = path.is_lockfile()
        || matches!(
            name,
            "index.html" | ".npmrc" | "pnpm-workspace.yaml" | ".pnpmfile.cjs" | ".nvmrc" | ".node-version"
        )
        || name.starts_with("vite.config.")
        || name.starts_with("astro.config.");
    anywhere || (path.is_at_root() && at_root)
}
