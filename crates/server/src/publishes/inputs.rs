//! Reads what a publish builds, and checks whether it can be built.

use std::collections::HashMap;

use bytes::Bytes;
use vitrine_build::Files;
use vitrine_build::validate::{self, Finding, FindingCode, Report};
use vitrine_model::problem::{Code, Problem, ProblemItem};
use vitrine_model::publish::BuildMode;
use vitrine_model::{AppId, Sha256, Tree};
use vitrine_store::{Scope, StoreError};

use super::Publishes;
use super::making::Project;
use crate::faults;

/// Faults that a problem document lists; the report has them all.
const MOST_ITEMS: usize = 50;

impl Publishes {
    /// What would keep these files from being built, or is not allowed.
    pub(crate) async fn validate(&self, scope: &Scope, app: &AppId, tree: &Tree) -> Result<Report, Problem> {
        let project = self.project(scope, app, tree.clone(), BuildMode::Production).await?;
        let mut report = self.check(scope, &project).await?;
        // A publish chooses versions and saves the lockfile: worth knowing, and nothing to mend.
        let (made, faults): (Vec<_>, Vec<_>) =
            report.faults.into_iter().partition(|fault| is_about_lockfile(fault.code));
        report.faults = faults;
        report.warnings.splice(0..0, made);
        Ok(report)
    }

    /// The project with these files.
    pub(super) async fn project(
        &self,
        scope: &Scope,
        app: &AppId,
        tree: Tree,
        mode: BuildMode,
    ) -> Result<Project, Problem> {
        let files = self.files(scope, &tree).await.map_err(|error| faults::of_store(&error))?;
        let owner = self.0.context.store.owner_profile(scope, app).await;
        let owner = owner.map_err(|error| faults::of_store(&error))?;
        Project::read(tree, files, owner.as_ref(), mode).map_err(|problem| *problem)
    }

    async fn files(&self, scope: &Scope, tree: &Tree) -> Result<Files, StoreError> {
        let hashes: Vec<_> = tree.iter().map(|(_, entry)| entry.sha256).collect();
        let contents: HashMap<Sha256, Bytes> = self.0.context.store.blobs(scope, &hashes).await?;
        let content = |hash: &Sha256| contents.get(hash).cloned().ok_or(StoreError::NotFound);
        tree.iter().map(|(path, entry)| Ok((path.clone(), content(&entry.sha256)?))).collect()
    }

    /// What is wrong with a project of the tenant.
    pub(super) async fn check(&self, scope: &Scope, project: &Project) -> Result<Report, Problem> {
        let policy =
            self.0.context.policies.of(scope).await.map_err(|error| faults::of_store(&error))?.policy;
        let facts = self.0.context.maker.provision.facts(&project.files, &project.detected, &policy).await;
        let (tree, files, detected) = (project.tree.clone(), project.files.clone(), project.detected.clone());
        // Parsing is all CPU: not on a thread that answers requests.
        let checking = tokio::task::spawn_blocking(move || {
            let project = validate::Project { files: &files, tree: &tree, profile: &detected };
            validate::validate(&project, &policy, &facts)
        });
        checking.await.map_err(|error| {
            tracing::error!(%error, "a check broke off");
            Problem::new(
                Code::Internal,
                "The project could not be checked; the log of the server has the reason.",
            )
        })
    }
}

/// Whether a lockfile that is missing or does not fit stands against a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lockfile {
    /// No: versions are chosen when the dependencies are installed, and checked then.
    MayBeMade,
    /// Yes.
    MustFit,
}

/// The problem that a report amounts to, if any.
pub(super) fn refusal(report: &Report, lockfile: Lockfile) -> Option<Problem> {
    let counts = |fault: &&Finding| lockfile == Lockfile::MustFit || !is_about_lockfile(fault.code);
    let faults: Vec<_> = report.faults.iter().filter(counts).collect();
    let first = faults.first()?;
    let code = match faults.iter().all(|fault| is_policy(fault.code)) {
        true => Code::DependencyRefused,
        false => Code::ValidationFailed,
    };
    let more = match faults.len() {
        1 => String::new(),
        count => format!(" And {} more.", count - 1),
    };
    let mut problem = Problem::new(code, format!("{}{more}", sentence(first)));
    problem.errors = faults.iter().take(MOST_ITEMS).map(|fault| item(fault, code)).collect();
    Some(problem)
}

/// Whether choosing versions anew mends it.
fn is_about_lockfile(code: FindingCode) -> bool {
    matches!(
        code,
        FindingCode::LockfileMissing | FindingCode::LockfileUnreadable | FindingCode::LockfileOutdated
    )
}

/// Whether a rule stands against it, rather than the build.
fn is_policy(code: FindingCode) -> bool {
    use FindingCode as C;
    matches!(
        code,
        C::NotFromRegistry
            | C::IntegrityMissing
            | C::NotInCatalogue
            | C::VersionNotAllowed
            | C::PackageDenied
            | C::PackageNotAllowed
            | C::PackageTooNew
            | C::PackageAgeUnknown
    )
}

fn item(fault: &Finding, code: Code) -> ProblemItem {
    let path = fault.path.as_ref().map(ToString::to_string);
    ProblemItem { path, line: fault.line, code, message: fault.message.clone() }
}

/// A finding for the log.
pub(super) fn sentence(finding: &Finding) -> String {
    match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: {}", finding.message),
        (Some(path), None) => format!("{path}: {}", finding.message),
        _ => finding.message.clone(),
    }
}
