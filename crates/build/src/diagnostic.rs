//! What a person should know about how a project was understood and installed, although it worked.

use serde::{Deserialize, Serialize};
use vitrine_model::ProjectPath;

/// One thing worth knowing. Its `Display` is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Diagnostic {
    /// More than one lockfile; a fixed precedence decided.
    #[error("there are several lockfiles; `{used}` decides, {} not used", ignored.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" and ") + if ignored.len() == 1 { " is" } else { " are" })]
    SeveralLockfiles {
        /// The one that decides.
        used: ProjectPath,
        /// The others.
        ignored: Vec<ProjectPath>,
    },
    /// Only the lockfile of a package manager that is not offered.
    #[error("`{lockfile}` is not supported: npm chooses the versions anew, so they may differ from it")]
    LockfileNotSupported {
        /// The lockfile.
        lockfile: ProjectPath,
    },
    /// A pnpm lockfile older than the offered pnpm reads.
    #[error(
        "`pnpm-lock.yaml` has the format {version}, which no offered pnpm reads: versions are chosen anew"
    )]
    LockfileTooOld {
        /// The format version in the file.
        version: String,
    },
    /// `packageManager` asks for one thing, the lockfiles say another.
    #[error("`packageManager` asks for {asked}, but there is no lockfile of it; {used} installs")]
    PackageManagerWithoutLockfile {
        /// What the field says.
        asked: String,
        /// What is used.
        used: String,
    },
    /// The project has no lockfile; one was made.
    #[error("the project had no lockfile; versions were chosen now and saved in `{saved}`")]
    LockfileMade {
        /// The new lockfile.
        saved: ProjectPath,
    },
    /// The lockfile did not match `package.json`; it was brought in step.
    #[error("`{lockfile}` did not match package.json and was brought up to date")]
    LockfileUpdated {
        /// The lockfile.
        lockfile: ProjectPath,
        /// What the package manager said about it.
        tool_output: String,
    },
    /// `npm ci` refused a lockfile that lacks optional packages for other platforms; it was followed all the same.
    #[error(
        "`{lockfile}` lacks optional packages for other platforms, which `npm ci` refuses; it was followed all the same"
    )]
    LockfileIncomplete {
        /// The lockfile.
        lockfile: ProjectPath,
        /// What the package manager said about it.
        tool_output: String,
    },
    /// The packages' peer requirements contradict each other; they were not enforced.
    #[error(
        "the packages' peer dependencies contradict each other; installed all the same, as with `--legacy-peer-deps`"
    )]
    PeerConflictIgnored {
        /// What the package manager said about it.
        tool_output: String,
    },
    /// Settings in `.npmrc` that were left out.
    #[error("`.npmrc`: {} left out; only settings that shape the tree are used", names.join(", "))]
    NpmrcSettingsIgnored {
        /// The names of the settings; never their values.
        names: Vec<String>,
    },
    /// `.pnpmfile.cjs` is code and is not run.
    #[error("`.pnpmfile.cjs` is not run when installing")]
    PnpmfileIgnored,
    /// The project asks for a Node.js by file that is not offered; another is used.
    #[error("`{file}` asks for Node.js {asked}, which is not offered; {used} is used")]
    NodeFileIgnored {
        /// `.nvmrc` or `.node-version`.
        file: String,
        /// What it says.
        asked: String,
        /// What is used.
        used: String,
    },
    /// `engines.node` asks for an exact release of an offered major version.
    #[error("`engines` asks for Node.js {asked}; the pinned release of that line, {used}, is used")]
    NodeReleaseDiffers {
        /// What it says.
        asked: String,
        /// What is used.
        used: String,
    },
    /// The owner's setting overrules `engines.node`.
    #[error("the profile sets Node.js {used} although `engines` asks for {asked}")]
    EnginesOverruled {
        /// What `engines` says.
        asked: String,
        /// What is used.
        used: String,
    },
    /// The project runs by its own `dev` script.
    #[error(
        "neither Vite nor Astro was found, so the `dev` script is run; it must listen on the port in `PORT` at the address in `HOST`"
    )]
    DevScript,
    /// A dependency that lives in the project or elsewhere, not in the registry.
    #[error("`{name}` comes from `{spec}`, not from the registry, and may not be reachable when installing")]
    NotFromRegistry {
        /// The dependency.
        name: String,
        /// Where it comes from.
        spec: String,
    },
}
