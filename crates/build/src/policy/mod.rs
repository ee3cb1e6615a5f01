//! Which packages a project may have: a tenant's policy, and the checks of `package.json` and the lockfile against it.

use serde::{Deserialize, Serialize};
use vitrine_model::profile::ProfileKind;

use crate::package_json::{DEPENDENCY_TABLES, PackageJson};
use crate::validate::finding::{Finding, FindingCode, Findings};
use crate::validate::{Project, roots};

mod catalogue;
mod facts;
pub(crate) mod lock;
mod rules;
mod written;

pub use catalogue::Catalogue;
pub use facts::{FactError, FactStore, GatheredFacts, PackageFacts, Published};
use lock::Lock;
use rules::Rules;
pub use written::{MAX_POLICY_ENTRIES, PolicyError};

/// Versions younger than this are refused unless an installation says otherwise: most hijacked releases are found and
/// withdrawn within a day.
pub const DEFAULT_MIN_AGE_SECS: u64 = 24 * 60 * 60;

/// Which packages a tenant's projects may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Policy {
    /// Direct dependencies from a catalogue only.
    Strict {
        /// Absent means the one that comes with this release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        catalogue: Option<Catalogue>,
    },
    /// Everything from the registry that is not too new.
    Open {
        /// How long a version must have been public, in seconds.
        #[serde(default = "default_min_age")]
        min_age_secs: u64,
    },
    /// As the tenant says.
    Custom {
        /// Direct dependencies that are allowed; a `*` at the end stands for any rest. Empty means all.
        #[serde(default)]
        allow: Vec<String>,
        /// Packages that are refused anywhere in the lockfile, written like `allow`; wins over it.
        #[serde(default)]
        deny: Vec<String>,
        /// How long a version must have been public, in seconds.
        #[serde(default = "default_min_age")]
        min_age_secs: u64,
        /// Packages that are known to work although their install script is not run: no warning is given for them.
        #[serde(default)]
        scripts_not_needed: Vec<String>,
    },
}

const fn default_min_age() -> u64 {
    DEFAULT_MIN_AGE_SECS
}

impl Default for Policy {
    fn default() -> Self {
        Self::Open { min_age_secs: DEFAULT_MIN_AGE_SECS }
    }
}

impl Policy {
    /// How long a version must have been public; absent when its age does not matter.
    pub fn min_age_secs(&self) -> Option<u64> {
        match self {
            Self::Strict { .. } => None,
            Self::Open { min_age_secs } | Self::Custom { min_age_secs, .. } => {
                Some(*min_age_secs).filter(|secs| *secs > 0)
            }
        }
    }
}

/// Checks a project's dependencies; returns the lockfile when there is one that can be read.
pub(crate) fn check(
    project: &Project,
    policy: &Policy,
    facts: &dyn PackageFacts,
    findings: &mut Findings,
) -> Option<Lock> {
    let (path, content) = project.files.get_key_value("package.json")?;
    // What is wrong with the file itself is told by the check of the root files.
    let package = PackageJson::parse(content).ok()?;
    let text = String::from_utf8_lossy(content);
    check_sources(project, &package, (path, &text), findings);
    let lock = read_lock(project, findings)?;
    let (lock_path, lock_content) = project.files.get_key_value(project.profile.lockfile.as_ref()?)?;
    let lock_text = String::from_utf8_lossy(lock_content);
    let rules = Rules {
        package: &package,
        manifest: (path, &text),
        lock: &lock,
        lockfile: (lock_path, &lock_text),
        facts,
    };
    rules.check_lock(findings);
    rules.check_policy(policy, findings);
    Some(lock)
}

fn read_lock(project: &Project, findings: &mut Findings) -> Option<Lock> {
    let Some(path) = &project.profile.lockfile else {
        let is_needed =
            project.profile.package_manager.is_some() && project.profile.profile.kind != ProfileKind::Static;
        if is_needed {
            let message = "There is no lockfile of npm or pnpm, so nobody can say which versions a build would use: open the preview once, which makes one, or add it.";
            findings.fault(Finding::new(FindingCode::LockfileMissing, message));
        }
        return None;
    };
    let outcome = match project.files.get(path) {
        Some(content) => Lock::read(path, content),
        None => Err("its content is not there".to_owned()),
    };
    match outcome {
        Ok(lock) => Some(lock),
        Err(reason) => {
            let message = format!(
                "`{path}` cannot be read, because {reason}: remove it, and the preview makes a new one."
            );
            findings.fault(Finding::new(FindingCode::LockfileUnreadable, message).in_file(path));
            None
        }
    }
}

/// Dependencies come from the registry or lie in the project.
fn check_sources(
    project: &Project,
    package: &PackageJson,
    (path, text): (&vitrine_model::ProjectPath, &str),
    findings: &mut Findings,
) {
    for (name, spec) in package.foreign_dependencies() {
        if is_inside(project, &spec) {
            continue;
        }
        let table = DEPENDENCY_TABLES
            .iter()
            .find(|table| package.field(table).is_some_and(|table| table.get(&name).is_some()));
        let message = format!(
            "`{name}` comes from `{spec}`, not from the registry: use a published version, or copy its source into the project."
        );
        let at = roots::place_of(text, table.copied().unwrap_or_default(), &name);
        findings.fault(
            Finding::new(FindingCode::NotFromRegistry, message).in_file(path).at(text, at).about(&name),
        );
    }
}

/// `file:` and `link:` to a folder of the project that is a package.
fn is_inside(project: &Project, spec: &str) -> bool {
    let folder = ["file:", "link:", "portal:"].iter().find_map(|scheme| spec.strip_prefix(scheme));
    let Some(folder) = folder.filter(|folder| !folder.starts_with(['/', '~'])) else {
        return false;
    };
    let plain = folder.trim_start_matches("./").trim_end_matches('/');
    project.tree.get(&format!("{plain}/package.json")).is_some()
}
