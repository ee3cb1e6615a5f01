//! Which package manager installs a project, and from which lockfile.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vitrine_model::ProjectPath;

use crate::Files;
use crate::diagnostic::Diagnostic;
use crate::package_json::PackageJson;

/// A package manager of the toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageManager {
    /// npm, for `package-lock.json`, `npm-shrinkwrap.json` and projects without a lockfile.
    Npm,
    /// pnpm, for `pnpm-lock.yaml` of format 9 and new ones.
    Pnpm,
    /// The last pnpm that reads `pnpm-lock.yaml` of format 6.
    Pnpm9,
}

impl PackageManager {
    /// Its name in `toolchains.toml`, in the toolchain's `bin` and in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Pnpm9 => "pnpm9",
        }
    }

    /// The lockfile it writes when there is none.
    pub const fn lockfile_name(self) -> &'static str {
        match self {
            Self::Npm => "package-lock.json",
            Self::Pnpm | Self::Pnpm9 => "pnpm-lock.yaml",
        }
    }

    /// The word people know it by.
    pub const fn family(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm | Self::Pnpm9 => "pnpm",
        }
    }
}

/// Lockfiles that are honoured, first one first. npm itself prefers the shrinkwrap.
const HONOURED: [&str; 3] = ["pnpm-lock.yaml", "npm-shrinkwrap.json", "package-lock.json"];

/// Lockfiles of package managers that are not offered.
const NOT_OFFERED: [&str; 3] = ["yarn.lock", "bun.lock", "bun.lockb"];

/// The package manager, and the lockfile it is to follow if there is one it can.
pub(super) fn choose(
    files: &Files,
    package: &PackageJson,
    diagnostics: &mut Vec<Diagnostic>,
) -> (PackageManager, Option<ProjectPath>) {
    let asked = package.package_manager().map(|field| field.split('@').next().unwrap_or(field));
    let used = honoured_lockfile(files, asked);
    report_others(files, used.as_ref(), diagnostics);
    report_field(asked, used.as_ref(), diagnostics);
    if files.contains_key(".pnpmfile.cjs") {
        diagnostics.push(Diagnostic::PnpmfileIgnored);
    }
    match used {
        Some(path) if path.as_str() == "pnpm-lock.yaml" => pnpm_for(files.get(&path), path, diagnostics),
        Some(path) => (PackageManager::Npm, Some(path)),
        None if asked == Some("pnpm") || files.contains_key("pnpm-workspace.yaml") => {
            (PackageManager::Pnpm, None)
        }
        None => (PackageManager::Npm, None),
    }
}

fn honoured_lockfile(files: &Files, asked: Option<&str>) -> Option<ProjectPath> {
    let of_asked = |name: &&str| asked.is_some_and(|asked| (asked == "pnpm") == (*name == "pnpm-lock.yaml"));
    let asked_is_offered = matches!(asked, Some("npm" | "pnpm"));
    let preferred = HONOURED.iter().filter(|name| asked_is_offered && of_asked(name));
    preferred.chain(&HONOURED).find_map(|name| files.get_key_value(*name).map(|(path, _)| path.clone()))
}

fn report_others(files: &Files, used: Option<&ProjectPath>, diagnostics: &mut Vec<Diagnostic>) {
    let present = HONOURED.iter().chain(&NOT_OFFERED).filter_map(|name| files.get_key_value(*name));
    let others: Vec<_> = present.map(|(path, _)| path.clone()).filter(|path| Some(path) != used).collect();
    match (used, others.first()) {
        (_, None) => {}
        (Some(used), Some(_)) => {
            diagnostics.push(Diagnostic::SeveralLockfiles { used: used.clone(), ignored: others });
        }
        (None, Some(first)) => diagnostics.push(Diagnostic::LockfileNotSupported { lockfile: first.clone() }),
    }
}

fn report_field(asked: Option<&str>, used: Option<&ProjectPath>, diagnostics: &mut Vec<Diagnostic>) {
    let (Some(asked), Some(used)) = (asked, used) else {
        return;
    };
    let used = if used.as_str() == "pnpm-lock.yaml" { "pnpm" } else { "npm" };
    if asked != used {
        let (asked, used) = (asked.to_owned(), used.to_owned());
        diagnostics.push(Diagnostic::PackageManagerWithoutLockfile { asked, used });
    }
}

/// Format 9 is read by the current pnpm, format 6 by pnpm 9 (it converts), older ones by neither.
fn pnpm_for(
    content: Option<&Bytes>,
    path: ProjectPath,
    diagnostics: &mut Vec<Diagnostic>,
) -> (PackageManager, Option<ProjectPath>) {
    let version = content.and_then(|bytes| lockfile_version(bytes)).unwrap_or_default();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(6) => (PackageManager::Pnpm9, Some(path)),
        Some(..=5) => {
            diagnostics.push(Diagnostic::LockfileTooOld { version });
            (PackageManager::Pnpm, None)
        }
        _ => (PackageManager::Pnpm, Some(path)),
    }
}

/// The value of the first `lockfileVersion:` line, without quotes. Reading YAML proper is pnpm's business.
fn lockfile_version(content: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&content[..content.len().min(4_096)]);
    let value = head.lines().find_map(|line| line.strip_prefix("lockfileVersion:"))?;
    Some(value.trim().trim_matches(['\'', '"']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::files;
    use super::*;

    fn chosen(field: &str, present: &[(&str, &str)]) -> (PackageManager, Option<String>, Vec<Diagnostic>) {
        let package = PackageJson::parse(format!("{{{field}}}").as_bytes()).unwrap();
        let mut diagnostics = Vec::new();
        let (manager, lockfile) = choose(&files(present), &package, &mut diagnostics);
        (manager, lockfile.map(String::from), diagnostics)
    }

    const V9: (&str, &str) = ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
    const NPM: (&str, &str) = ("package-lock.json", "{}");

    #[test]
    fn several_lockfiles_are_decided_by_a_fixed_precedence_and_reported() {
        let (manager, lockfile, diagnostics) = chosen("", &[NPM, V9, ("bun.lockb", "")]);
        assert_eq!((manager, lockfile.as_deref()), (PackageManager::Pnpm, Some("pnpm-lock.yaml")));
        assert_eq!(
            diagnostics[0].to_string(),
            "there are several lockfiles; `pnpm-lock.yaml` decides, `package-lock.json` and `bun.lockb` are not used"
        );
    }

    #[test]
    fn the_package_manager_field_is_honoured_when_its_lockfile_exists() {
        let npm_field = r#""packageManager":"npm@11.0.0""#;
        let (manager, lockfile, _) = chosen(npm_field, &[NPM, V9]);
        assert_eq!((manager, lockfile.as_deref()), (PackageManager::Npm, Some("package-lock.json")));
        let (manager, _, diagnostics) = chosen(npm_field, &[V9]);
        assert_eq!(manager, PackageManager::Pnpm);
        assert!(matches!(diagnostics[..], [Diagnostic::PackageManagerWithoutLockfile { .. }]));
        assert_eq!(chosen(r#""packageManager":"pnpm@10""#, &[]).0, PackageManager::Pnpm);
    }

    #[test]
    fn lockfiles_of_other_package_managers_are_named_and_npm_takes_over() {
        let (manager, lockfile, diagnostics) = chosen(r#""packageManager":"yarn@4""#, &[("yarn.lock", "")]);
        assert_eq!((manager, lockfile), (PackageManager::Npm, None));
        assert!(matches!(diagnostics[..], [Diagnostic::LockfileNotSupported { .. }]));
    }

    #[test]
    fn the_format_of_a_pnpm_lockfile_chooses_the_pnpm() {
        let of = |text| chosen("", &[("pnpm-lock.yaml", text)]);
        assert_eq!(of("lockfileVersion: '9.0'\n").0, PackageManager::Pnpm);
        assert_eq!(of("lockfileVersion: '6.0'\n").0, PackageManager::Pnpm9);
        assert_eq!(of("---\nlockfileVersion: \"6.1\"\n").0, PackageManager::Pnpm9);
        let (manager, lockfile, diagnostics) = of("lockfileVersion: 5.4\n");
        assert_eq!((manager, lockfile), (PackageManager::Pnpm, None));
        assert_eq!(diagnostics, [Diagnostic::LockfileTooOld { version: "5.4".into() }]);
        assert_eq!(of("no version at all").0, PackageManager::Pnpm);
    }
}
