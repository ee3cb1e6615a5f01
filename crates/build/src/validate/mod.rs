//! What would break a project's build, found without running anything: root files, configuration, syntax, imports.
//!
//! False alarms are worse than silence here, because a fault stops a publish. So only what the build certainly reads gives
//! faults; stray files, and whatever a configuration might resolve in ways that cannot be seen, give warnings.

use vitrine_model::{ProjectPath, Tree};

use crate::Files;
use crate::policy::{self, PackageFacts, Policy};
use crate::profile::DetectedProfile;

mod config;
mod evaluate;
pub(crate) mod finding;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod glob;
mod judge;
mod markup;
pub(crate) mod packages;
mod resolve;
pub(crate) mod roots;
mod script;
mod source;
mod stack;
mod style;
#[cfg(test)]
mod tests;
mod tsconfig;
mod walk;

pub use finding::{Finding, FindingCode, MAX_FINDINGS, Report};

use finding::Findings;
use judge::Judge;
use packages::Packages;
use resolve::Resolver;
use walk::Sources;

/// A whole project.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// The content of its text files; binary ones may be left out.
    pub files: &'a Files,
    /// Every file there is.
    pub tree: &'a Tree,
    /// What [`crate::profile::detect`] said about it.
    pub profile: &'a DetectedProfile,
}

/// What would break the project's build, or have it refused by `policy`.
///
/// Pure computation in bounded time (tens of milliseconds for an ordinary project, about a second at the limits): call
/// it where blocking is allowed. Never panics on any content.
pub fn validate(project: &Project, policy: &Policy, facts: &dyn PackageFacts) -> Report {
    let mut findings = Findings::default();
    let lock = policy::check(project, policy, facts, &mut findings);
    let hoisted = lock.map(|lock| lock.hoisted()).unwrap_or_default();
    match stack::with_room(|| check_sources(project, hoisted)) {
        Ok(found) => findings.merge(found),
        Err(finding) => findings.warn(finding),
    }
    findings.into_report()
}

fn check_sources(project: &Project, hoisted: std::collections::HashSet<String>) -> Findings {
    let mut findings = Findings::default();
    let kind = project.profile.profile.kind;
    let config = config::read(project.files, kind);
    let mut packages = Packages::read(project.files);
    packages.hoisted = hoisted;
    let resolver = Resolver::new(project.tree, &config, packages, tsconfig::read(project.files));
    roots::check(project, &config, &resolver, &mut findings);
    let sources = read_sources(project, &resolver, &mut findings);
    let entries = walk::entries(kind, &config, &resolver);
    let reachable = walk::reachable(entries, &sources, &resolver);
    let judge = Judge { files: project.files, kind, resolver: &resolver, reachable, opening: config.opening };
    judge.judge(&sources, &mut findings);
    findings
}

fn read_sources<'p>(project: &Project<'p>, resolver: &Resolver<'p>, findings: &mut Findings) -> Sources<'p> {
    let mut sources = Sources::new();
    let (mut total, mut imports) = (0, 0);
    let candidates =
        project.files.iter().filter(|(path, _)| source::is_source(path) && !resolver.is_public(path));
    for (path, content) in candidates {
        let skip = |why: &str| not_checked(path, why);
        if let Some(why) = stack::refusal(content) {
            findings.warn(skip(why));
            continue;
        }
        total += content.len();
        if total > stack::MAX_TOTAL_BYTES {
            findings.warn(skip("comes after 64 MiB of other sources"));
            break;
        }
        match std::str::from_utf8(content) {
            Ok(text) => {
                let source = source::read(path, text);
                imports += source.imports.len();
                if imports > stack::MAX_IMPORTS {
                    findings.warn(skip("comes after 200,000 other imports"));
                    break;
                }
                sources.insert(path, source);
            }
            Err(_) => findings.warn(skip("is not UTF-8")),
        }
    }
    sources
}

fn not_checked(path: &ProjectPath, why: &str) -> Finding {
    Finding::new(FindingCode::NotChecked, format!("`{path}` {why}; what it imports was not checked."))
        .in_file(path)
}
