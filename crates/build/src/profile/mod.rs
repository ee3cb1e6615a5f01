//! Profiles: what kind of project a draft is, which package manager and Node.js it wants, and how its dev server runs.

use vitrine_model::ProjectPath;
use vitrine_model::profile::{Profile, ProfileKind};

use crate::Files;
use crate::diagnostic::Diagnostic;
use crate::package_json::PackageJson;
use crate::toolchain::NodeMajor;

mod dev;
mod impact;
mod manager;
mod node;

pub use dev::{DevSettings, PREBUNDLE_DIR, dev_env};
pub use impact::{Impact, impact_of};
pub use manager::PackageManager;

/// How one project runs, found out from its files and its owner's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedProfile {
    /// The kind, with the owner's settings kept and `dev` filled in where the project's own script decides.
    pub profile: Profile,
    /// Who installs; absent when there is nothing to install (no `package.json`, or none that lists anything).
    pub package_manager: Option<PackageManager>,
    /// The lockfile that is honoured; absent when versions are chosen anew.
    pub lockfile: Option<ProjectPath>,
    /// The Node.js it runs on.
    pub node: NodeMajor,
    /// What a person should know about these choices.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a project cannot be run as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// `package.json` is not JSON, or not an object.
    #[error("package.json, line {line}: {reason}")]
    PackageJson {
        /// The line, from 1.
        line: u32,
        /// The column, from 1.
        column: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing in the project says how to run it.
    #[error(
        "the project has no package.json with Vite, Astro or a `dev` script, and no index.html: add one of them, or set a profile"
    )]
    Unrecognised,
    /// The profile is `custom` but names no command, and the project has no `dev` script.
    #[error("a custom profile needs a dev command: set `profile.dev`, or add a `dev` script to package.json")]
    NoDevCommand,
    /// The command given by the owner is empty.
    #[error("`profile.dev` is empty")]
    EmptyDevCommand,
    /// No offered Node.js satisfies what is asked.
    #[error("{asked_by} asks for Node.js {asked}; offered are {offered}")]
    UnsupportedNode {
        /// What asks: `engines` or the profile.
        asked_by: &'static str,
        /// What it asks for.
        asked: String,
        /// The offered releases.
        offered: String,
    },
    /// The dev server's package is not installed, because `package.json` does not list it.
    #[error("`{package}` is not installed: add it to package.json")]
    DevServerMissing {
        /// The package.
        package: &'static str,
    },
}

/// Finds out how to run a project. Pure: the same files and owner's settings give the same answer.
///
/// `files` holds at least what [`crate::is_input`] selects. What the owner sets wins over what the files say.
pub fn detect(files: &Files, owner: Option<&Profile>) -> Result<DetectedProfile, ProfileError> {
    let package = parse_package(files)?;
    let mut diagnostics = Vec::new();
    let profile = resolve_profile(files, package.as_ref(), owner, &mut diagnostics)?;
    let node = node::choose(files, package.as_ref(), profile.node.as_deref(), &mut diagnostics)?;
    let installs = package.filter(PackageJson::has_dependencies);
    let (package_manager, lockfile) = match &installs {
        Some(package) => {
            let (manager, lockfile) = manager::choose(files, package, &mut diagnostics);
            (Some(manager), lockfile)
        }
        None => (None, None),
    };
    let foreign = installs.iter().flat_map(PackageJson::foreign_dependencies);
    diagnostics.extend(foreign.map(|(name, spec)| Diagnostic::NotFromRegistry { name, spec }));
    Ok(DetectedProfile { profile, package_manager, lockfile, node, diagnostics })
}

fn parse_package(files: &Files) -> Result<Option<PackageJson>, ProfileError> {
    let Some(bytes) = files.get("package.json") else {
        return Ok(None);
    };
    PackageJson::parse(bytes).map(Some).map_err(|error| ProfileError::PackageJson {
        line: error.line,
        column: error.column,
        reason: error.reason,
    })
}

fn resolve_profile(
    files: &Files,
    package: Option<&PackageJson>,
    owner: Option<&Profile>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Profile, ProfileError> {
    let mut profile = match owner {
        Some(profile) => profile.clone(),
        None => Profile::of(detect_kind(files, package)?),
    };
    if profile.dev.as_ref().is_some_and(|argv| argv.first().is_none_or(String::is_empty)) {
        return Err(ProfileError::EmptyDevCommand);
    }
    if profile.kind == ProfileKind::Custom && profile.dev.is_none() {
        let has_script = package.is_some_and(|package| package.script("dev").is_some());
        if !has_script {
            return Err(ProfileError::NoDevCommand);
        }
        profile.dev = Some(["npm", "run", "dev"].map(str::to_owned).to_vec());
        diagnostics.push(Diagnostic::DevScript);
    }
    Ok(profile)
}

fn detect_kind(files: &Files, package: Option<&PackageJson>) -> Result<ProfileKind, ProfileError> {
    let depends_on = |name| package.is_some_and(|package| package.depends_on(name));
    let has_config = |prefix: &str| {
        package.is_some() && files.keys().any(|path| path.is_at_root() && path.as_str().starts_with(prefix))
    };
    // Astro first: an Astro project often lists Vite too.
    if depends_on("astro") || has_config("astro.config.") {
        return Ok(ProfileKind::Astro);
    }
    if depends_on("vite") || has_config("vite.config.") {
        return Ok(ProfileKind::Vite);
    }
    if package.is_some_and(|package| package.script("dev").is_some()) {
        return Ok(ProfileKind::Custom);
    }
    match files.contains_key("index.html") {
        true => Ok(ProfileKind::Static),
        false => Err(ProfileError::Unrecognised),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn files(entries: &[(&str, &str)]) -> Files {
        entries
            .iter()
            .map(|(path, text)| (ProjectPath::parse(path).unwrap(), text.as_bytes().to_vec().into()))
            .collect()
    }

    fn kind(entries: &[(&str, &str)]) -> Result<ProfileKind, ProfileError> {
        detect(&files(entries), None).map(|detected| detected.profile.kind)
    }

    #[test]
    fn each_kind_is_recognised() {
        let vite = r#"{"devDependencies":{"vite":"^8"}}"#;
        let astro = r#"{"dependencies":{"astro":"^7","vite":"^8"}}"#;
        assert_eq!(kind(&[("package.json", vite)]), Ok(ProfileKind::Vite));
        assert_eq!(kind(&[("package.json", astro)]), Ok(ProfileKind::Astro));
        assert_eq!(kind(&[("package.json", "{}"), ("vite.config.ts", "")]), Ok(ProfileKind::Vite));
        assert_eq!(kind(&[("index.html", "")]), Ok(ProfileKind::Static));
        assert_eq!(kind(&[("package.json", "{}"), ("index.html", "")]), Ok(ProfileKind::Static));
        assert_eq!(
            kind(&[("package.json", r#"{"scripts":{"dev":"node server.js"}}"#)]),
            Ok(ProfileKind::Custom)
        );
        assert_eq!(kind(&[("README.md", "")]), Err(ProfileError::Unrecognised));
    }

    #[test]
    fn a_dev_script_runs_through_npm_and_says_so() {
        let detected =
            detect(&files(&[("package.json", r#"{"scripts":{"dev":"node server.js"}}"#)]), None).unwrap();
        assert_eq!(detected.profile.dev.as_deref(), Some(&["npm", "run", "dev"].map(str::to_owned)[..]));
        assert_eq!(detected.diagnostics, [Diagnostic::DevScript]);
        assert_eq!(detected.package_manager, None);
    }

    #[test]
    fn what_the_owner_sets_wins() {
        let project =
            files(&[("package.json", r#"{"devDependencies":{"vite":"^8"},"engines":{"node":">=24"}}"#)]);
        let owner = Profile {
            dev: Some(vec!["node".into(), "server.js".into()]),
            node: Some("22".into()),
            ..Profile::of(ProfileKind::Custom)
        };
        let detected = detect(&project, Some(&owner)).unwrap();
        assert_eq!(detected.profile, owner);
        assert_eq!(detected.node.to_string(), "22");
        assert!(matches!(detected.diagnostics[..], [Diagnostic::EnginesOverruled { .. }]));
    }

    #[test]
    fn a_profile_that_cannot_run_is_refused() {
        let custom = Profile::of(ProfileKind::Custom);
        assert_eq!(detect(&files(&[]), Some(&custom)), Err(ProfileError::NoDevCommand));
        let empty = Profile { dev: Some(vec![]), ..custom };
        assert_eq!(detect(&files(&[]), Some(&empty)), Err(ProfileError::EmptyDevCommand));
        assert!(matches!(
            detect(&files(&[("package.json", "{,}")]), None),
            Err(ProfileError::PackageJson { line: 1, .. })
        ));
    }
}
