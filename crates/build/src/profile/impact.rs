//! What a change of files means for a running session.

use vitrine_model::ProjectPath;
use vitrine_model::profile::{Profile, ProfileKind};

use super::{DetectedProfile, ProfileError, detect};
use crate::Files;
use crate::layers::inputs::InstallInputs;
use crate::package_json::PackageJson;

/// What has to happen for a session to follow a change; the later ones include the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// Nothing: the dev server's watcher takes care of it, a restart of its own included.
    None,
    /// The dev server has read something at its start that changed and that it does not watch.
    RestartDevServer,
    /// Another layer.
    Reinstall,
    /// Another kind, command or Node.js: another sandbox.
    ChangeProfile,
}

/// What changing `paths` from `before` to `after` means. Cheap when no path [`crate::is_input`] or is a file that dev
/// servers read at their start.
///
/// An error when the project cannot be run as it is now (a half-typed `package.json`): let the session run on as it
/// is, and show the error.
pub fn impact_of<'a>(
    paths: impl IntoIterator<Item = &'a ProjectPath>,
    before: &Files,
    after: &Files,
    owner: Option<&Profile>,
) -> Result<Impact, ProfileError> {
    let paths: Vec<_> = paths.into_iter().collect();
    let started_with = paths.iter().any(|path| is_read_at_start(path));
    if !started_with && !paths.iter().any(|path| crate::is_input(path)) {
        return Ok(Impact::None);
    }
    let now = detect(after, owner)?;
    // What could not run before has no session to keep.
    let Ok(was) = detect(before, owner) else {
        return Ok(Impact::ChangeProfile);
    };
    if was.profile != now.profile || was.node != now.node {
        return Ok(Impact::ChangeProfile);
    }
    if install_differs(before, &was, after, &now) {
        return Ok(Impact::Reinstall);
    }
    let restart = now.profile.kind != ProfileKind::Static
        && (started_with || runtime_parts(before) != runtime_parts(after));
    Ok(if restart { Impact::RestartDevServer } else { Impact::None })
}

/// Files that Vite reads once and does not watch: it restarts by itself for its own config and for `.env`, and
/// notices `tsconfig.json`, but not these.
fn is_read_at_start(path: &ProjectPath) -> bool {
    let name = path.as_str();
    let postcss = name.starts_with("postcss.config.") || name.starts_with(".postcssrc");
    path.is_at_root() && (postcss || name == ".browserslistrc")
}

fn install_differs(before: &Files, was: &DetectedProfile, after: &Files, now: &DetectedProfile) -> bool {
    if was.package_manager != now.package_manager {
        return true;
    }
    let Some(manager) = now.package_manager else {
        return false;
    };
    let inputs = |files, detected: &DetectedProfile| {
        InstallInputs::select(files, manager, detected.lockfile.as_ref()).digest()
    };
    inputs(before, was) != inputs(after, now)
}

fn runtime_parts(files: &Files) -> Option<String> {
    let package = PackageJson::parse(files.get("package.json")?).ok()?;
    Some(package.runtime_parts())
}

#[cfg(test)]
mod tests {
    use super::super::tests::files;
    use super::*;

    const PACKAGE: &str = r#"{"name":"a","scripts":{"dev":"vite"},"devDependencies":{"vite":"^8"}}"#;

    fn impact(path: &str, from: &str, to: &str) -> Impact {
        let with = |text: &str| {
            let mut all = files(&[("package.json", PACKAGE), ("package-lock.json", "{}")]);
            all.insert(ProjectPath::parse(path).unwrap(), text.as_bytes().to_vec().into());
            all
        };
        impact_of([&ProjectPath::parse(path).unwrap()], &with(from), &with(to), None).unwrap()
    }

    #[test]
    fn what_the_dev_server_watches_needs_nothing() {
        for path in ["src/App.tsx", "vite.config.ts", ".env", "index.html", "tsconfig.json"] {
            assert_eq!(impact(path, "a", "b"), Impact::None, "{path}");
        }
        assert_eq!(impact("package.json", PACKAGE, &PACKAGE.replace("\"a\"", "\"b\"")), Impact::None);
        assert_eq!(
            impact("package.json", PACKAGE, &PACKAGE.replace("\"vite\"}", "\"vite -d\"}")),
            Impact::None
        );
    }

    #[test]
    fn what_is_read_once_needs_a_restart() {
        assert_eq!(impact("postcss.config.js", "a", "b"), Impact::RestartDevServer);
        let typed = PACKAGE.replace("\"name\":\"a\"", "\"name\":\"a\",\"type\":\"module\"");
        assert_eq!(impact("package.json", PACKAGE, &typed), Impact::RestartDevServer);
    }

    #[test]
    fn what_decides_node_modules_needs_another_layer() {
        assert_eq!(impact("package.json", PACKAGE, &PACKAGE.replace("^8", "^7")), Impact::Reinstall);
        assert_eq!(impact("package-lock.json", "{}", "{\"a\":1}"), Impact::Reinstall);
        assert_eq!(impact(".npmrc", "", "legacy-peer-deps=true"), Impact::Reinstall);
        assert_eq!(impact(".npmrc", "", "//registry.example/:_authToken=x"), Impact::None);
        assert_eq!(impact("patches/a.patch", "a", "b"), Impact::Reinstall);
    }

    #[test]
    fn another_kind_or_node_needs_another_sandbox() {
        assert_eq!(
            impact("package.json", PACKAGE, &PACKAGE.replace("vite\":\"^8", "astro\":\"^7")),
            Impact::ChangeProfile
        );
        assert_eq!(impact(".nvmrc", "24", "22"), Impact::ChangeProfile);
    }

    #[test]
    fn a_project_that_cannot_run_now_is_an_error_and_keeps_its_session() {
        let before = files(&[("package.json", PACKAGE)]);
        let after = files(&[("package.json", "{")]);
        let path = ProjectPath::parse("package.json").unwrap();
        assert!(impact_of([&path], &before, &after, None).is_err());
    }
}
