//! The command lines of the package managers, and the reading of their failures.

use std::collections::BTreeMap;

use vitrine_model::ProjectPath;
use vitrine_sandbox::driver::{Command, PROJECT_DIR, SCRATCH_DIR, TOOLCHAIN_DIR};
use vitrine_sandbox::egress::{CA_TARGET, PROXY_PORT};

use crate::RegistrySettings;
use crate::diagnostic::Diagnostic;
use crate::profile::PackageManager;

/// How an installation is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Follow the lockfile to the letter, or choose versions where it has none.
    pub(super) is_locked: bool,
    /// Enforce peer dependencies (npm only; pnpm merely warns).
    pub(super) is_peer_strict: bool,
}

/// The command of an attempt.
pub(super) fn command(manager: PackageManager, attempt: Attempt, registry: &RegistrySettings) -> Command {
    let tool = format!("{TOOLCHAIN_DIR}/bin/{}", manager.as_str());
    let arguments = match manager {
        PackageManager::Npm => npm_arguments(attempt),
        PackageManager::Pnpm | PackageManager::Pnpm9 => pnpm_arguments(attempt),
    };
    let argv = std::iter::once(tool).chain(arguments.into_iter().map(str::to_owned)).collect();
    Command { argv, env: environment(registry), cwd: PROJECT_DIR.to_owned() }
}

fn npm_arguments(attempt: Attempt) -> Vec<&'static str> {
    let verb = if attempt.is_locked { "ci" } else { "install" };
    let mut arguments =
        vec![verb, "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--include=dev"];
    if !attempt.is_peer_strict {
        arguments.push("--legacy-peer-deps");
    }
    if !attempt.is_locked {
        // A lockfile that names no registry works behind every mirror.
        arguments.extend(["--package-lock", "--omit-lockfile-registry-resolved", "--lockfile-version=3"]);
    }
    arguments
}

fn pnpm_arguments(attempt: Attempt) -> Vec<&'static str> {
    let lockfile = if attempt.is_locked { "--frozen-lockfile" } else { "--no-frozen-lockfile" };
    vec![
        "install",
        lockfile,
        "--ignore-scripts",
        "--ignore-pnpmfile",
        "--prod=false",
        "--reporter=append-only",
        "--config.store-dir=node_modules/.vitrine-store",
        "--config.virtual-store-dir=node_modules/.pnpm",
        "--config.modules-dir=node_modules",
        "--config.package-import-method=hardlink",
        "--config.confirm-modules-purge=false",
        "--config.manage-package-manager-versions=false",
        "--config.side-effects-cache=false",
    ]
}

/// The whole environment. `NODE_ENV` is not `production`, which would leave out the dev server.
fn environment(registry: &RegistrySettings) -> BTreeMap<String, String> {
    let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
    let path = format!("{TOOLCHAIN_DIR}/bin:/usr/bin:/bin");
    let mut env: BTreeMap<String, String> = [
        ("PATH", path.as_str()),
        ("HOME", SCRATCH_DIR),
        ("TMPDIR", SCRATCH_DIR),
        ("NODE_ENV", "development"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        ("NO_COLOR", "1"),
        ("HTTPS_PROXY", &proxy),
        ("HTTP_PROXY", &proxy),
        ("https_proxy", &proxy),
        ("http_proxy", &proxy),
        ("npm_config_https_proxy", &proxy),
        ("npm_config_proxy", &proxy),
        ("npm_config_registry", &registry.url),
        ("npm_config_cache", "/tmp/npm-cache"),
        ("npm_config_userconfig", "/tmp/no-npmrc"),
        ("npm_config_update_notifier", "false"),
        ("npm_config_fetch_retries", "2"),
        ("npm_config_fetch_retry_mintimeout", "1000"),
        ("npm_config_fetch_timeout", "60000"),
        ("npm_config_logs_max", "0"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    if registry.ca_bundle.is_some() {
        // Adds to the authorities Node.js brings; npm's `cafile` would replace them.
        env.insert("NODE_EXTRA_CA_CERTS".to_owned(), CA_TARGET.to_owned());
    }
    env
}

/// What to try after a failed attempt, and what to tell about it; `None` when the failure stands.
///
/// Decided by the error codes that the tools print for programs, not by their sentences.
pub(super) fn after_failure(
    manager: PackageManager,
    attempt: Attempt,
    lockfile: Option<&ProjectPath>,
    tool_output: &str,
) -> Option<(Attempt, Diagnostic)> {
    let has_code = |codes: &[&str]| codes.iter().any(|code| mentions_code(tool_output, code));
    let tool_output = without_usage(tool_output);
    if manager == PackageManager::Npm && attempt.is_peer_strict && has_code(&["ERESOLVE"]) {
        let next = Attempt { is_peer_strict: false, ..attempt };
        return Some((next, Diagnostic::PeerConflictIgnored { tool_output }));
    }
    let drifted = match manager {
        PackageManager::Npm => has_code(&["EUSAGE"]),
        PackageManager::Pnpm | PackageManager::Pnpm9 => has_code(&PNPM_DRIFT),
    };
    let lockfile = lockfile.filter(|_| attempt.is_locked && drifted)?.clone();
    let next = Attempt { is_locked: false, ..attempt };
    Some((next, Diagnostic::LockfileUpdated { lockfile, tool_output }))
}

/// What npm says about a lockfile, without the help text that it adds.
fn without_usage(tool_output: &str) -> String {
    let end = tool_output.find("npm error Clean install a project").unwrap_or(tool_output.len());
    tool_output[..end]
        .trim_end_matches(|c: char| c.is_whitespace())
        .trim_end_matches("npm error")
        .trim_end()
        .to_owned()
}

/// pnpm's codes for a lockfile that does not fit the manifest or the settings.
const PNPM_DRIFT: [&str; 7] = [
    "ERR_PNPM_OUTDATED_LOCKFILE",
    "ERR_PNPM_LOCKFILE_CONFIG_MISMATCH",
    "ERR_PNPM_LOCKFILE_BREAKING_CHANGE",
    "ERR_PNPM_LOCKFILE_MISSING_DEPENDENCY",
    "ERR_PNPM_FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE",
    "ERR_PNPM_BROKEN_LOCKFILE",
    "ERR_PNPM_NO_LOCKFILE",
];

/// True when a line of the output is the tool's code line: `npm error code X`, ` ERR_PNPM_X  …`.
fn mentions_code(output: &str, code: &str) -> bool {
    output.lines().any(|line| {
        let line = line.trim();
        let npm = line.strip_prefix("npm error code ").or_else(|| line.strip_prefix("npm ERR! code "));
        let pnpm = line.trim_start_matches(['[', '\u{2009}']).split([' ', ']', '\u{2009}']).next();
        npm == Some(code) || (code.starts_with("ERR_PNPM_") && pnpm == Some(code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Attempt = Attempt { is_locked: true, is_peer_strict: true };

    fn lock() -> ProjectPath {
        ProjectPath::parse("package-lock.json").unwrap()
    }

    fn next(manager: PackageManager, attempt: Attempt, output: &str) -> Option<Attempt> {
        after_failure(manager, attempt, Some(&lock()), output).map(|(attempt, _)| attempt)
    }

    #[test]
    fn drift_is_answered_by_an_update_and_a_peer_conflict_by_leniency() {
        let eusage = "npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages when…";
        let eresolve = "npm error code ERESOLVE\nnpm error ERESOLVE could not resolve";
        assert_eq!(next(PackageManager::Npm, FIRST, eusage), Some(Attempt { is_locked: false, ..FIRST }));
        let lenient = Attempt { is_peer_strict: false, ..FIRST };
        assert_eq!(next(PackageManager::Npm, FIRST, eresolve), Some(lenient));
        assert_eq!(next(PackageManager::Npm, lenient, eresolve), None);
        assert_eq!(next(PackageManager::Npm, lenient, eusage), Some(Attempt { is_locked: false, ..lenient }));
        let pnpm = " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\"";
        assert_eq!(next(PackageManager::Pnpm, FIRST, pnpm), Some(Attempt { is_locked: false, ..FIRST }));
    }

    #[test]
    fn every_other_failure_stands() {
        for output in ["npm error code E404\nnpm error 404 EUSAGE ERESOLVE", "", "EUSAGE"] {
            assert_eq!(next(PackageManager::Npm, FIRST, output), None, "{output}");
        }
        let unlocked = Attempt { is_locked: false, ..FIRST };
        assert_eq!(next(PackageManager::Npm, unlocked, "npm error code EUSAGE"), None);
    }
}
