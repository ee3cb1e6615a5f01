//! The rules of a policy, one function each.

use node_semver::{Range, Version};
use vitrine_model::ProjectPath;

use super::catalogue::{Catalogue, Entry};
use super::facts::{PackageFacts, Published};
use super::lock::{Lock, LockedPackage};
use super::{Policy, roots};
use crate::package_json::{DEPENDENCY_TABLES, PackageJson};
use crate::validate::finding::{Finding, FindingCode, Findings, Weight};

/// Packages that one rule names one by one; the rest is counted.
const MAX_NAMED: usize = 10;

/// Packages whose install script only fetches or checks what their optional dependencies bring anyway.
const WORKS_WITHOUT_SCRIPT: [&str; 8] = [
    "@parcel/watcher",
    "@swc/core",
    "@tailwindcss/oxide",
    "core-js",
    "esbuild",
    "fsevents",
    "sharp",
    "unrs-resolver",
];

/// Everything the rules look at.
pub(super) struct Rules<'r> {
    pub(super) package: &'r PackageJson,
    pub(super) manifest: (&'r ProjectPath, &'r str),
    pub(super) lock: &'r Lock,
    pub(super) lockfile: (&'r ProjectPath, &'r str),
    pub(super) facts: &'r dyn PackageFacts,
}

impl Rules<'_> {
    /// What holds under every policy.
    pub(super) fn check_lock(&self, findings: &mut Findings) {
        self.check_drift(findings);
        let foreign = self.lock.packages.iter().filter(|package| package.foreign.is_some());
        self.each(foreign, Weight::Fault, findings, |package| {
            let source = package.foreign.as_deref().unwrap_or_default();
            let message = format!(
                "The lockfile takes `{}` from `{source}`, not from the registry: use a published version.",
                package.name
            );
            Finding::new(FindingCode::NotFromRegistry, message)
        });
        let bare =
            self.lock.packages.iter().filter(|package| !package.has_integrity && package.foreign.is_none());
        self.each(bare, Weight::Fault, findings, |package| {
            let message = format!("The lockfile has no integrity hash for `{}` {}, so nobody would notice another content: make the lockfile anew.", package.name, package.version);
            Finding::new(FindingCode::IntegrityMissing, message)
        });
    }

    /// What the policy adds.
    pub(super) fn check_policy(&self, policy: &Policy, findings: &mut Findings) {
        match policy {
            Policy::Strict { catalogue } => {
                let catalogue = catalogue.as_ref().unwrap_or_else(|| Catalogue::built_in());
                self.check_catalogue(catalogue, findings);
                self.check_scripts(&[], findings);
            }
            Policy::Open { .. } => self.check_scripts(&[], findings),
            Policy::Custom { allow, deny, scripts_not_needed, .. } => {
                self.check_lists(allow, deny, findings);
                self.check_scripts(scripts_not_needed, findings);
            }
        }
        if let Some(min_age_secs) = policy.min_age_secs() {
            self.check_age(min_age_secs, findings);
        }
    }

    /// The names and specs of `package.json`, with their tables.
    fn direct(&self) -> impl Iterator<Item = (&'static str, &str, &str)> {
        DEPENDENCY_TABLES.into_iter().flat_map(|table| {
            let entries = self.package.field(table).and_then(|table| table.as_object());
            let entries = entries.into_iter().flatten();
            entries.filter_map(move |(name, spec)| Some((table, name.as_str(), spec.as_str()?)))
        })
    }

    fn in_manifest(&self, finding: Finding, table: &str, name: &str) -> Finding {
        let (path, text) = self.manifest;
        finding.in_file(path).at(text, roots::place_of(text, table, name)).about(name)
    }

    fn each<'l>(
        &self,
        packages: impl Iterator<Item = &'l LockedPackage>,
        weight: Weight,
        findings: &mut Findings,
        finding: impl Fn(&LockedPackage) -> Finding,
    ) {
        let (path, text) = self.lockfile;
        let mut more = None;
        let mut count = 0_usize;
        for package in packages {
            count += 1;
            if count > MAX_NAMED {
                more.get_or_insert_with(|| finding(package));
                continue;
            }
            let at = text
                .find(&format!("\"{}\"", package.key))
                .or_else(|| text.find(&format!("{}:", package.key)));
            findings.add(
                weight,
                finding(package).in_file(path).at(text, at.unwrap_or_default()).about(&package.name),
            );
        }
        if let Some(mut more) = more {
            more.message =
                format!("{} (The same holds for {} more packages.)", more.message, count - MAX_NAMED - 1);
            findings.add(weight, more.in_file(path));
        }
    }

    /// `npm ci` and `pnpm install --frozen-lockfile` refuse what is reported here; peers are the package manager's choice.
    fn check_drift(&self, findings: &mut Findings) {
        for (table, name, spec) in self.direct().filter(|(table, ..)| *table != "peerDependencies") {
            let message = match self.lock.direct.get(name) {
                None => format!(
                    "The lockfile does not know `{name}`: open the preview once, which brings it up to date."
                ),
                Some(locked)
                    if locked.spec.as_deref() != Some(spec) && !fits(spec, locked.version.as_deref()) =>
                {
                    let version = locked.version.as_deref().unwrap_or("another source");
                    format!(
                        "package.json asks for `{name}` {spec}, the lockfile has {version}: open the preview once, which brings it up to date."
                    )
                }
                Some(_) => continue,
            };
            findings.fault(self.in_manifest(
                Finding::new(FindingCode::LockfileOutdated, message),
                table,
                name,
            ));
        }
    }

    fn check_catalogue(&self, catalogue: &Catalogue, findings: &mut Findings) {
        for (table, name, _) in self.direct() {
            let Some(locked) = self.lock.direct.get(name) else {
                // Peers that are not installed, and what the check of the lockfile has told.
                continue;
            };
            // What lies in the project is the project's own code.
            let Some(version) = locked.version.as_deref() else {
                continue;
            };
            let finding = match catalogue.entry(&locked.name, Some(version)) {
                Entry::Allowed => continue,
                Entry::Unlisted => Finding::new(
                    FindingCode::NotInCatalogue,
                    format!(
                        "`{name}` is not in the catalogue of allowed packages: remove it, or ask for it to be added."
                    ),
                ),
                Entry::OtherVersion(range) => Finding::new(
                    FindingCode::VersionNotAllowed,
                    format!(
                        "`{name}` {version} is installed, but the catalogue allows {range}: ask for a version in that range."
                    ),
                ),
            };
            findings.fault(self.in_manifest(finding, table, name));
        }
    }

    fn check_lists(&self, allow: &[String], deny: &[String], findings: &mut Findings) {
        for (table, name, _) in self.direct() {
            let real = self.lock.direct.get(name).map_or(name, |locked| locked.name.as_str());
            if !allow.is_empty() && !is_listed(allow, real) && !is_listed(deny, real) {
                let message = format!(
                    "`{real}` is not among the packages that are allowed: remove it, or ask for it to be allowed."
                );
                findings.fault(self.in_manifest(
                    Finding::new(FindingCode::PackageNotAllowed, message),
                    table,
                    name,
                ));
            }
        }
        let denied = self.lock.packages.iter().filter(|package| is_listed(deny, &package.name));
        self.each(denied, Weight::Fault, findings, |package| {
            let message = format!("`{}` may not be used: remove what brings it.", package.name);
            Finding::new(FindingCode::PackageDenied, message)
        });
    }

    fn check_scripts(&self, not_needed: &[String], findings: &mut Findings) {
        let is_known = |name: &str| WORKS_WITHOUT_SCRIPT.contains(&name) || is_listed(not_needed, name);
        let with_script = self
            .lock
            .packages
            .iter()
            .filter(|package| package.has_script && !package.is_optional && !is_known(&package.name));
        self.each(with_script, Weight::Warning, findings, |package| {
            let message = format!("`{}` {} has an install script, and its install script is not run: what the script would make is missing.", package.name, package.version);
            Finding::new(FindingCode::InstallScriptSkipped, message)
        });
    }

    fn check_age(&self, min_age_secs: u64, findings: &mut Findings) {
        let now = self.facts.as_of();
        let age_of = |name: &str, version: &str| match self.facts.published_at(name, version) {
            Published::Known(time) => Some(now.millis_since(time) / 1_000),
            Published::Unknown => None,
        };
        let min_age = i64::try_from(min_age_secs).unwrap_or(i64::MAX);
        let of_registry = self.lock.packages.iter().filter(|package| package.foreign.is_none());
        let young = of_registry
            .filter(|package| age_of(&package.name, &package.version).is_some_and(|age| age < min_age));
        self.each(young, Weight::Fault, findings, |package| {
            let message = format!("`{}` {} was published less than {} ago, when hijacked releases are not found yet: use an older version, or wait.", package.name, package.version, hours(min_age_secs));
            Finding::new(FindingCode::PackageTooNew, message)
        });
        let direct = self.lock.direct.values();
        let unknown: Vec<&str> = direct
            .filter(|one| one.version.as_ref().is_some_and(|version| age_of(&one.name, version).is_none()))
            .map(|one| one.name.as_str())
            .collect();
        if !unknown.is_empty() {
            let shown = unknown.iter().take(5).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let rest =
                if unknown.len() > 5 { format!(" and {} more", unknown.len() - 5) } else { String::new() };
            let message = format!(
                "The registry did not tell when {shown}{rest} were published, so their age was not checked."
            );
            findings.warn(Finding::new(FindingCode::PackageAgeUnknown, message).in_file(self.manifest.0));
        }
    }
}

fn hours(secs: u64) -> String {
    match secs {
        3_600 => "an hour".to_owned(),
        secs if secs % 3_600 == 0 => format!("{} hours", secs / 3_600),
        secs => format!("{secs} seconds"),
    }
}

/// True when the locked version is in the asked range; specs that are no ranges are the package manager's business.
fn fits(spec: &str, version: Option<&str>) -> bool {
    let range =
        spec.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@')).map_or(spec, |(_, range)| range);
    match (Range::parse(range), version.map(Version::parse)) {
        (Ok(range), Some(Ok(version))) => range.satisfies(&version),
        _ => true,
    }
}

/// By whole name, or by its beginning before a `*`.
fn is_listed(list: &[String], name: &str) -> bool {
    list.iter().any(|one| match one.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => one == name,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use vitrine_model::{Timestamp, Tree};

    use super::*;
    use crate::Files;
    use crate::profile::detect;
    use crate::validate::{Project, Report, validate};

    /// Everything was published at one time, except for `unknown`.
    struct At(i64);

    impl PackageFacts for At {
        fn published_at(&self, name: &str, _: &str) -> Published {
            match name {
                "unknown" => Published::Unknown,
                _ => Published::Known(Timestamp::from_millis(self.0)),
            }
        }
        fn as_of(&self) -> Timestamp {
            Timestamp::from_millis(100_000_000)
        }
    }

    fn report(dependencies: &str, lock: &str, policy: &Policy, facts: &dyn PackageFacts) -> Report {
        let package = format!(r#"{{"scripts":{{"dev":"x"}},"dependencies":{{{dependencies}}}}}"#);
        let lock = format!(
            r#"{{"lockfileVersion":3,"packages":{{"":{{"dependencies":{{{dependencies}}}}},{lock}}}}}"#
        );
        let files: Files = [("package.json", package), ("package-lock.json", lock)]
            .into_iter()
            .map(|(path, text)| (ProjectPath::parse(path).unwrap(), Bytes::from(text)))
            .collect();
        let (tree, profile) = (Tree::new(), detect(&files, None).unwrap());
        validate(&Project { files: &files, tree: &tree, profile: &profile }, policy, facts)
    }

    fn codes(findings: &[Finding]) -> Vec<(FindingCode, &str)> {
        findings.iter().map(|one| (one.code, one.package.as_deref().unwrap_or_default())).collect()
    }

    const A: &str = r#""node_modules/a":{"version":"1.0.0","integrity":"sha512-x"}"#;
    const OPEN: Policy = Policy::Open { min_age_secs: 86_400 };

    #[test]
    fn what_is_not_from_the_registry_or_not_secured_is_refused_by_every_policy() {
        let strict = Policy::Strict { catalogue: Some(Catalogue([("a".into(), "*".into())].into())) };
        for policy in [OPEN, strict] {
            let bare = report(r#""a":"1.0.0""#, r#""node_modules/a":{"version":"1.0.0"}"#, &policy, &At(0));
            assert_eq!(codes(&bare.faults), [(FindingCode::IntegrityMissing, "a")]);
            let git = report(r#""a":"git+https://host/a.git""#, A, &policy, &At(0));
            assert_eq!(codes(&git.faults), [(FindingCode::NotFromRegistry, "a")]);
            let deep = format!(
                r#"{A},"node_modules/b":{{"version":"1.0.0","resolved":"https://host/b.tgz","integrity":"sha512-x"}}"#
            );
            let deep = report(r#""a":"1.0.0""#, &deep, &policy, &At(0));
            assert_eq!(codes(&deep.faults), [(FindingCode::NotFromRegistry, "b")]);
        }
    }

    #[test]
    fn strict_mode_allows_the_catalogue_and_nothing_else() {
        let catalogue =
            |range: &str| Policy::Strict { catalogue: Some(Catalogue([("a".into(), range.into())].into())) };
        let fault = |policy: &Policy| {
            codes(&report(r#""a":"1.0.0""#, A, policy, &At(0)).faults).first().map(|one| one.0)
        };
        assert_eq!(fault(&catalogue("^1.0.0")), None);
        assert_eq!(fault(&catalogue("^2.0.0")), Some(FindingCode::VersionNotAllowed));
        assert_eq!(fault(&Policy::Strict { catalogue: None }), Some(FindingCode::NotInCatalogue));
    }

    #[test]
    fn a_version_must_have_been_public_for_a_while_wherever_it_stands() {
        let deep = format!(r#"{A},"node_modules/b":{{"version":"2.0.0","integrity":"sha512-x"}}"#);
        let young = report(r#""a":"1.0.0""#, &deep, &OPEN, &At(99_000_000));
        assert_eq!(
            codes(&young.faults),
            [(FindingCode::PackageTooNew, "a"), (FindingCode::PackageTooNew, "b")]
        );
        assert_eq!(report(r#""a":"1.0.0""#, &deep, &OPEN, &At(100_000_000 - 86_400_000)), Report::default());
    }

    #[test]
    fn an_unreachable_registry_stops_nobody_and_is_told() {
        let lock = r#""node_modules/unknown":{"version":"1.0.0","integrity":"sha512-x"}"#;
        let report = report(r#""unknown":"1.0.0""#, lock, &OPEN, &At(0));
        assert_eq!(report.faults, []);
        assert_eq!(report.warnings[0].code, FindingCode::PackageAgeUnknown);
    }

    #[test]
    fn a_tenants_own_lists_are_followed() {
        let custom = |allow: &[&str], deny: &[&str], known: &[&str]| {
            let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Policy::Custom {
                allow: list(allow),
                deny: list(deny),
                min_age_secs: 0,
                scripts_not_needed: list(known),
            }
        };
        let lock = format!(
            r#"{A},"node_modules/@s/b":{{"version":"1.0.0","integrity":"sha512-x","hasInstallScript":true}}"#
        );
        let with = |policy: &Policy| report(r#""a":"1.0.0""#, &lock, policy, &At(0));
        assert_eq!(codes(&with(&custom(&["b*"], &[], &[])).faults), [(FindingCode::PackageNotAllowed, "a")]);
        assert_eq!(
            codes(&with(&custom(&["a"], &["@s/*"], &[])).faults),
            [(FindingCode::PackageDenied, "@s/b")]
        );
        assert_eq!(
            codes(&with(&custom(&[], &[], &[])).warnings),
            [(FindingCode::InstallScriptSkipped, "@s/b")]
        );
        assert_eq!(with(&custom(&[], &[], &["@s/b"])), Report::default());
    }

    #[test]
    fn a_lockfile_behind_package_json_is_a_fault() {
        let lock = r#"{"packages":{"":{"dependencies":{"a":"^1.0.0"}},"node_modules/a":{"version":"1.0.0","integrity":"sha512-x"}}}"#;
        let fault = |dependencies: &str| {
            let files: Files = [
                ("package.json", format!(r#"{{"scripts":{{"dev":"x"}},"dependencies":{{{dependencies}}}}}"#)),
                ("package-lock.json", lock.to_owned()),
            ]
            .into_iter()
            .map(|(path, text)| (ProjectPath::parse(path).unwrap(), Bytes::from(text)))
            .collect();
            let (tree, profile) = (Tree::new(), detect(&files, None).unwrap());
            let project = Project { files: &files, tree: &tree, profile: &profile };
            validate(&project, &OPEN, &At(0)).faults.first().map(|one| one.code)
        };
        assert_eq!(fault(r#""a":"~1.0.0""#), None);
        assert_eq!(fault(r#""a":"^2.0.0""#), Some(FindingCode::LockfileOutdated));
        assert_eq!(fault(r#""a":"^1.0.0","b":"*""#), Some(FindingCode::LockfileOutdated));
    }

    #[test]
    fn a_policy_is_written_as_documented() {
        let open: Policy = serde_json::from_str(r#"{"mode":"open"}"#).unwrap();
        assert_eq!(open, Policy::default());
        let strict: Policy = serde_json::from_str(r#"{"mode":"strict"}"#).unwrap();
        assert_eq!(strict, Policy::Strict { catalogue: None });
        let custom: Policy = serde_json::from_str(r#"{"mode":"custom","deny":["x"]}"#).unwrap();
        assert!(matches!(custom, Policy::Custom { min_age_secs: 86_400, .. }));
        assert!(serde_json::from_str::<Policy>(r#"{"mode":"open","typo":1}"#).is_err());
    }
}
