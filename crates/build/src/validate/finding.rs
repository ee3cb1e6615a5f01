//! What validation says: findings with stable codes and places, gathered up to a limit.

use serde::{Deserialize, Serialize};
use vitrine_model::ProjectPath;

/// Findings of one report at most, both lists together: more than anyone reads, and a bound for hostile projects.
pub const MAX_FINDINGS: usize = 200;

/// What kind of thing was found; each is explained in `docs/validation.md`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// There is no `package.json` where one is needed.
    PackageJsonMissing,
    /// `package.json` is not JSON, or a field of it cannot be what it is.
    PackageJsonInvalid,
    /// No lockfile that the build follows.
    LockfileMissing,
    /// The lockfile cannot be read.
    LockfileUnreadable,
    /// The lockfile does not hold what `package.json` asks for.
    LockfileOutdated,
    /// No `index.html` where the site or Vite starts.
    IndexHtmlMissing,
    /// A page or a setting names an entry that does not exist.
    EntryMissing,
    /// An Astro project without a page.
    PageMissing,
    /// `base` is an address below which the site is not served.
    BaseNotServed,
    /// A configuration cannot be read without running it.
    ConfigUnreadable,
    /// The parser refuses the file.
    SyntaxError,
    /// An import leads nowhere.
    UnresolvedImport,
    /// A file of that name exists in other letters only.
    CaseMismatch,
    /// An import leads out of the project.
    ImportOutsideProject,
    /// An imported package that `package.json` does not list.
    UndeclaredPackage,
    /// Code or styles are fetched from the network when the page runs.
    NetworkImport,
    /// A picture, font or script that a page or style names does not exist.
    AssetMissing,
    /// A file was not read.
    NotChecked,
    /// A dependency does not come from the registry.
    NotFromRegistry,
    /// A locked package has no integrity hash.
    IntegrityMissing,
    /// A direct dependency that the catalogue does not list.
    NotInCatalogue,
    /// A direct dependency in a version that the catalogue does not allow.
    VersionNotAllowed,
    /// A package that the policy refuses.
    PackageDenied,
    /// A direct dependency that the policy does not list.
    PackageNotAllowed,
    /// A version that was published too recently.
    PackageTooNew,
    /// When a version was published could not be found out.
    PackageAgeUnknown,
    /// A package whose install script is not run.
    InstallScriptSkipped,
    /// There are more findings than a report holds.
    MoreFindings,
}

impl FindingCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 28] = [
        Self::PackageJsonMissing,
        Self::PackageJsonInvalid,
        Self::LockfileMissing,
        Self::LockfileUnreadable,
        Self::LockfileOutdated,
        Self::IndexHtmlMissing,
        Self::EntryMissing,
        Self::PageMissing,
        Self::BaseNotServed,
        Self::ConfigUnreadable,
        Self::SyntaxError,
        Self::UnresolvedImport,
        Self::CaseMismatch,
        Self::ImportOutsideProject,
        Self::UndeclaredPackage,
        Self::NetworkImport,
        Self::AssetMissing,
        Self::NotChecked,
        Self::NotFromRegistry,
        Self::IntegrityMissing,
        Self::NotInCatalogue,
        Self::VersionNotAllowed,
        Self::PackageDenied,
        Self::PackageNotAllowed,
        Self::PackageTooNew,
        Self::PackageAgeUnknown,
        Self::InstallScriptSkipped,
        Self::MoreFindings,
    ];
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Finding {
    /// What kind of thing.
    pub code: FindingCode,
    /// The file it is in; absent when it is about the whole project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<ProjectPath>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// A sentence for the maker of the project that says what to do.
    pub message: String,
    /// The package it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

impl Finding {
    /// A finding about the whole project.
    pub(crate) fn new(code: FindingCode, message: impl Into<String>) -> Self {
        Self { code, path: None, line: None, column: None, message: message.into(), package: None }
    }

    /// In this file.
    pub(crate) fn in_file(mut self, path: &ProjectPath) -> Self {
        self.path = Some(path.clone());
        self
    }

    /// At this byte of the file, whose text is given.
    pub(crate) fn at(mut self, text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.line = Some(count(before.bytes().filter(|byte| *byte == b'\n').count() + 1));
        self.column = Some(count(before[line_start..].chars().count() + 1));
        self
    }

    /// About this package.
    pub(crate) fn about(mut self, package: &str) -> Self {
        self.package = Some(package.to_owned());
        self
    }

    fn sort_key(&self) -> (Option<&ProjectPath>, Option<u32>, Option<u32>, FindingCode) {
        (self.path.as_ref(), self.line, self.column, self.code)
    }
}

/// What a project's validation says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Report {
    /// What a build breaks on, or is refused for.
    pub faults: Vec<Finding>,
    /// What is worth knowing and stops nothing.
    pub warnings: Vec<Finding>,
}

/// How much weight a finding has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Fault,
    Warning,
}

/// Gathers findings; keeps a bounded number and counts the rest.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    faults: Vec<Finding>,
    warnings: Vec<Finding>,
    dropped: usize,
}

impl Findings {
    pub(crate) fn add(&mut self, weight: Weight, finding: Finding) {
        let list = match weight {
            Weight::Fault => &mut self.faults,
            Weight::Warning => &mut self.warnings,
        };
        match list.len() < MAX_FINDINGS {
            true => list.push(finding),
            false => self.dropped += 1,
        }
    }

    /// As [`Self::add`]; `finding` is not made when there is no room, as finding its place reads the file.
    pub(crate) fn add_with(&mut self, weight: Weight, finding: impl FnOnce() -> Finding) {
        let list = match weight {
            Weight::Fault => &self.faults,
            Weight::Warning => &self.warnings,
        };
        match list.len() < MAX_FINDINGS {
            true => self.add(weight, finding()),
            false => self.dropped += 1,
        }
    }

    pub(crate) fn fault(&mut self, finding: Finding) {
        self.add(Weight::Fault, finding);
    }

    pub(crate) fn warn(&mut self, finding: Finding) {
        self.add(Weight::Warning, finding);
    }

    /// Takes over what another gathered.
    pub(crate) fn merge(&mut self, other: Self) {
        self.dropped += other.dropped;
        other.faults.into_iter().for_each(|finding| self.fault(finding));
        other.warnings.into_iter().for_each(|finding| self.warn(finding));
    }

    /// Sorted by place; faults first when there is not room for all.
    pub(crate) fn into_report(self) -> Report {
        let Self { mut faults, mut warnings, mut dropped } = self;
        faults.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        warnings.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        let room = MAX_FINDINGS - faults.len();
        dropped += warnings.len().saturating_sub(room);
        warnings.truncate(room);
        if dropped > 0 {
            let last = Finding::new(
                FindingCode::MoreFindings,
                format!("There are {dropped} more findings; resolve these first."),
            );
            if warnings.is_empty() { faults.push(last) } else { warnings.push(last) }
        }
        Report { faults, warnings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_bound_and_says_what_it_left_out() {
        let mut findings = Findings::default();
        for n in 0..MAX_FINDINGS + 5 {
            findings.fault(Finding::new(FindingCode::SyntaxError, n.to_string()));
        }
        findings.warn(Finding::new(FindingCode::AssetMissing, "x"));
        let report = findings.into_report();
        assert_eq!((report.faults.len(), report.warnings.len()), (MAX_FINDINGS + 1, 0));
        assert!(report.faults[MAX_FINDINGS].message.contains("6 more"));
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let text = "a\né: b";
        let place = Finding::new(FindingCode::SyntaxError, "").at(text, text.len() - 1);
        assert_eq!((place.line, place.column), (Some(2), Some(4)));
    }
}
