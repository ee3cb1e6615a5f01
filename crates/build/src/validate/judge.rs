//! What an import that leads nowhere means for the build, and the sentence that says so.

use std::collections::{BTreeMap, HashSet};

use vitrine_model::ProjectPath;
use vitrine_model::profile::ProfileKind;

use super::finding::{Finding, FindingCode, Findings, Weight};
use super::resolve::{Resolver, Target, Wrong};
use super::script::{Import, ImportKind};
use super::walk::Sources;
use crate::Files;

/// Syntax errors of one file that are told: after the first, most follow from it.
const MAX_SYNTAX_ERRORS: usize = 3;

/// What decides how much weight a finding has.
pub(super) struct Judge<'j, 'p> {
    pub(super) files: &'j Files,
    pub(super) kind: ProfileKind,
    pub(super) resolver: &'j Resolver<'p>,
    /// Files that the build reads.
    pub(super) reachable: HashSet<&'p ProjectPath>,
    /// Why an import may lead somewhere that cannot be seen.
    pub(super) opening: Option<&'static str>,
}

/// The same fault in many files is told once.
struct Repeated<'p> {
    weight: Weight,
    path: &'p ProjectPath,
    offset: usize,
    types_only: bool,
    files: HashSet<&'p ProjectPath>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Package(String),
    Alias(String),
}

impl<'p> Judge<'_, 'p> {
    /// Everything that is wrong with the sources.
    pub(super) fn judge(&self, sources: &Sources<'p>, findings: &mut Findings) {
        let mut repeated: BTreeMap<Subject, Repeated<'p>> = BTreeMap::new();
        for (path, source) in sources {
            let text = self.text(path);
            for error in source.errors.iter().take(MAX_SYNTAX_ERRORS) {
                let message = format!("`{path}` cannot be parsed: {}.", error.message.trim_end_matches('.'));
                let finding =
                    Finding::new(FindingCode::SyntaxError, message).in_file(path).at(text, error.offset);
                findings.add(self.weight(path), finding);
            }
            for import in &source.imports {
                if import.kind == ImportKind::Glob {
                    continue;
                }
                let Target::Wrong(wrong) = self.resolver.resolve(path, import) else {
                    continue;
                };
                let weight = self.weight_of(path, import, &wrong);
                match self.subject(&wrong) {
                    Some(subject) => repeat(&mut repeated, subject, (path, import, weight)),
                    None => {
                        if let Some(finding) = self.finding(import, &wrong) {
                            findings.add_with(weight, || finding.in_file(path).at(text, import.offset));
                        }
                    }
                }
            }
        }
        for (subject, place) in &repeated {
            findings.add(place.weight, self.repeated_finding(subject, place));
        }
    }

    fn text(&self, path: &ProjectPath) -> &str {
        self.files.get(path).and_then(|content| std::str::from_utf8(content).ok()).unwrap_or_default()
    }

    fn weight(&self, path: &ProjectPath) -> Weight {
        if self.reachable.contains(path) { Weight::Fault } else { Weight::Warning }
    }

    fn weight_of(&self, path: &ProjectPath, import: &Import, wrong: &Wrong) -> Weight {
        let breaks = match import.kind {
            ImportKind::Module => true,
            ImportKind::Entry => !matches!(wrong, Wrong::Network),
            // A bare name may be looked up where only the compiler of the style sheet knows.
            ImportKind::Style => {
                let is_css = path.extension() == Some("css");
                !matches!(wrong, Wrong::Network) && (is_css || import.specifier.starts_with('.'))
            }
            ImportKind::TypeOnly
            | ImportKind::Require
            | ImportKind::Glob
            | ImportKind::Asset
            | ImportKind::StyleTool => false,
        };
        let is_certain = match wrong {
            Wrong::Case(_) | Wrong::Network => true,
            Wrong::Package(package) => {
                self.opening.is_none() && !self.resolver.packages.hoisted.contains(package)
            }
            Wrong::Missing | Wrong::Outside | Wrong::Alias(_) => self.opening.is_none(),
        };
        if breaks && is_certain { self.weight(path) } else { Weight::Warning }
    }

    fn subject(&self, wrong: &Wrong) -> Option<Subject> {
        match wrong {
            Wrong::Package(package) => Some(Subject::Package(package.clone())),
            Wrong::Alias(first) => Some(Subject::Alias(first.clone())),
            _ => None,
        }
    }

    /// The finding without its place; `None` for what is usual in this kind of project.
    fn finding(&self, import: &Import, wrong: &Wrong) -> Option<Finding> {
        let specifier = &import.specifier;
        let is_asset = import.kind == ImportKind::Asset;
        let finding = match wrong {
            Wrong::Network if self.kind == ProfileKind::Static => return None,
            Wrong::Network => Finding::new(
                FindingCode::NetworkImport,
                format!(
                    "`{specifier}` is fetched from the network when the page runs, where nothing pins it and a strict content security policy refuses it: install the package or copy the file into the project."
                ),
            ),
            Wrong::Case(actual) => Finding::new(
                FindingCode::CaseMismatch,
                format!(
                    "`{specifier}` is written `{actual}`: capital and small letters are different where the project is built. Write the import as the file is named."
                ),
            ),
            Wrong::Outside => Finding::new(
                FindingCode::ImportOutsideProject,
                format!(
                    "`{specifier}` leads out of the project, where there is nothing in a build: move the file into the project."
                ),
            ),
            Wrong::Missing if is_asset => Finding::new(
                FindingCode::AssetMissing,
                format!(
                    "`{specifier}` does not exist in the project, and will be missing from the page: add the file or remove the reference."
                ),
            ),
            Wrong::Missing if import.kind == ImportKind::Entry => Finding::new(
                FindingCode::EntryMissing,
                format!("The page's script `{specifier}` does not exist: add the file or correct `src`."),
            ),
            Wrong::Missing => Finding::new(FindingCode::UnresolvedImport, self.missing(import)),
            Wrong::Package(_) | Wrong::Alias(_) => return None,
        };
        Some(finding)
    }

    fn missing(&self, import: &Import) -> String {
        let specifier = &import.specifier;
        if specifier.starts_with('#') {
            return format!(
                "`{specifier}` is not listed in `imports` of package.json: add it there, or import the file itself."
            );
        }
        let because = self
            .opening
            .map(|why| format!(" (It may exist when the project runs: {why}.)"))
            .unwrap_or_default();
        format!(
            "`{specifier}` is imported but does not exist in the project: add the file or correct the import.{because}"
        )
    }

    fn repeated_finding(&self, subject: &Subject, place: &Repeated<'p>) -> Finding {
        let more = match place.files.len() - 1 {
            0 => String::new(),
            1 => " One more file imports it.".to_owned(),
            n => format!(" {n} more files import it."),
        };
        let finding = match subject {
            Subject::Package(package) => {
                Finding::new(FindingCode::UndeclaredPackage, self.undeclared(package, place) + &more)
                    .about(package)
            }
            Subject::Alias(first) => Finding::new(
                FindingCode::UnresolvedImport,
                format!(
                    "`{first}/…` is neither a package nor a folder that has such a name: define it in `resolve.alias` of the configuration or in `paths` of tsconfig.json, or import by a relative path.{more}"
                ),
            ),
        };
        finding.in_file(place.path).at(self.text(place.path), place.offset)
    }

    fn undeclared(&self, package: &str, place: &Repeated<'p>) -> String {
        if place.types_only {
            return format!(
                "The types of `{package}` are imported, but package.json does not list it: a type check fails. Add it to `devDependencies`."
            );
        }
        if self.resolver.packages.hoisted.contains(package) {
            return format!(
                "`{package}` is imported but not listed in package.json; it is there only because another package brings it. Add it to `dependencies`."
            );
        }
        format!(
            "`{package}` is imported but not listed in package.json: add it to `dependencies`, or remove the import."
        )
    }
}

fn repeat<'p>(
    repeated: &mut BTreeMap<Subject, Repeated<'p>>,
    subject: Subject,
    (path, import, weight): (&'p ProjectPath, &Import, Weight),
) {
    let types_only = import.kind == ImportKind::TypeOnly;
    let fresh = &|| Repeated { weight, path, offset: import.offset, types_only, files: HashSet::new() };
    let entry = repeated.entry(subject).or_insert_with(fresh);
    let is_weightier = weight == Weight::Fault && entry.weight == Weight::Warning;
    if is_weightier || (entry.types_only && !types_only && weight == entry.weight) {
        *entry = Repeated { files: std::mem::take(&mut entry.files), ..fresh() };
    }
    entry.files.insert(path);
}
