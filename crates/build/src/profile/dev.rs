//! The dev command: what runs inside a session's sandbox, with its whole environment.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use vitrine_model::profile::ProfileKind;
use vitrine_sandbox::driver::{Command, PROJECT_DIR, SCRATCH_DIR, TOOLCHAIN_DIR};

use super::{DetectedProfile, ProfileError};
use crate::compile_cache::compile_cache_env;
use crate::layers::bin_of;

/// The dev server of static projects. It is handed to Node on the command line, so no file of ours has to be mounted
/// into the sandbox.
const STATIC_DEV: &str = include_str!("static_dev.mjs");

/// Copies a mounted pre-bundle into `node_modules`; run by Node.js before the dev server.
const SEED: &str = include_str!("seed.mjs");

/// Has Vue write into every element where it stands; run by Node.js before the dev server.
const MARK_ELEMENTS: &str = include_str!("mark_elements.mjs");

/// Where a pre-bundle is mounted, read-only.
pub const PREBUNDLE_DIR: &str = "/opt/prebundle";

/// What a dev server is told about where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevSettings<'a> {
    /// The port it listens on, on the sandbox's loopback.
    pub port: u16,
    /// Previews live at `{session}.{preview_host_suffix}`: Vite refuses requests for hosts it does not know.
    pub preview_host_suffix: &'a str,
    /// The time zone, for example `UTC`.
    pub timezone: &'a str,
    /// True when a pre-bundle is mounted at [`PREBUNDLE_DIR`].
    pub has_prebundle: bool,
    /// True when a compile cache is mounted at [`crate::compile_cache::COMPILE_CACHE_DIR`].
    pub has_compile_cache: bool,
    /// True when elements are to say where they stand in the project, as far as their framework needs help with that.
    pub marks_elements: bool,
}

impl DetectedProfile {
    /// The command that starts the dev server. `node_modules` is the layer on the host; `None` without one.
    ///
    /// Vite and Astro are started through Node directly: a package manager and a shell in between cost memory and
    /// swallow signals. [`ProfileError::DevServerMissing`] when the layer does not hold them.
    pub fn dev_command(
        &self,
        node_modules: Option<&Path>,
        settings: &DevSettings<'_>,
    ) -> Result<Command, ProfileError> {
        let argv = match (&self.profile.dev, self.profile.kind) {
            (Some(argv), _) => argv.clone(),
            (None, ProfileKind::Vite) => vite_argv(node_modules, settings)?,
            (None, ProfileKind::Astro) => astro_argv(node_modules, settings)?,
            (None, ProfileKind::Static) => {
                vec![node(), "--input-type=module".into(), "-e".into(), STATIC_DEV.into()]
            }
            (None, ProfileKind::Custom) => return Err(ProfileError::NoDevCommand),
        };
        Ok(Command { argv, env: dev_env(settings), cwd: PROJECT_DIR.to_owned() })
    }
}

fn node() -> String {
    format!("{TOOLCHAIN_DIR}/bin/node")
}

fn vite_argv(node_modules: Option<&Path>, settings: &DevSettings<'_>) -> Result<Vec<String>, ProfileError> {
    let script = installed("vite", node_modules)?;
    let port = settings.port.to_string();
    let arguments = ["--host", "127.0.0.1", "--port", &port, "--strictPort"].map(str::to_owned);
    Ok(node_with(settings).chain([script]).chain(arguments).collect())
}

fn astro_argv(node_modules: Option<&Path>, settings: &DevSettings<'_>) -> Result<Vec<String>, ProfileError> {
    let script = installed("astro", node_modules)?;
    let port = settings.port.to_string();
    let arguments = ["dev", "--host", "127.0.0.1", "--port", &port].map(str::to_owned);
    Ok(node_with(settings).chain([script]).chain(arguments).collect())
}

/// Node.js, with what runs in it before the dev server: the pre-bundle is put in its place, elements are marked.
fn node_with(settings: &DevSettings<'_>) -> impl Iterator<Item = String> {
    let seed = settings.has_prebundle.then(|| import(SEED));
    let marks = settings.marks_elements.then(|| import(MARK_ELEMENTS));
    std::iter::once(node()).chain(seed).chain(marks)
}

/// The option that has Node.js run a module of ours first; no file has to be mounted for it.
fn import(module: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(module);
    format!("--import=data:text/javascript;base64,{encoded}")
}

fn installed(package: &'static str, node_modules: Option<&Path>) -> Result<String, ProfileError> {
    let script = node_modules.and_then(|dir| bin_of(dir, package));
    let script = script.ok_or(ProfileError::DevServerMissing { package })?;
    Ok(format!("{PROJECT_DIR}/node_modules/{package}/{script}"))
}

/// The whole environment of a dev command. Nothing of the server's own environment reaches it.
pub fn dev_env(settings: &DevSettings<'_>) -> BTreeMap<String, String> {
    let path = format!("{TOOLCHAIN_DIR}/bin:{PROJECT_DIR}/node_modules/.bin:/usr/bin:/bin");
    let port = settings.port.to_string();
    // A leading dot admits every host beneath the suffix (`isHostAllowed` of Vite 5.4.12, 6.0.9 and later; the
    // variable itself came with 6.1, hosts under `.localhost` need no admission at all).
    let allowed_hosts = format!(".{}", settings.preview_host_suffix.trim_start_matches('.'));
    [
        ("PATH", path.as_str()),
        ("HOME", SCRATCH_DIR),
        ("TMPDIR", SCRATCH_DIR),
        ("NODE_ENV", "development"),
        ("HOST", "127.0.0.1"),
        ("PORT", &port),
        ("TZ", settings.timezone),
        ("LANG", "C.UTF-8"),
        ("BROWSER", "none"),
        ("NO_COLOR", "1"),
        ("FORCE_COLOR", "0"),
        ("__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS", &allowed_hosts),
        ("ASTRO_TELEMETRY_DISABLED", "1"),
        ("NEXT_TELEMETRY_DISABLED", "1"),
        ("DO_NOT_TRACK", "1"),
        ("npm_config_update_notifier", "false"),
        ("npm_config_cache", "/tmp/.npm"),
        compile_cache_env(settings.has_compile_cache),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::files;
    use super::*;
    use crate::profile::detect;

    const SETTINGS: DevSettings<'_> = DevSettings {
        port: 4000,
        preview_host_suffix: "preview.example.com",
        timezone: "UTC",
        has_prebundle: false,
        has_compile_cache: false,
        marks_elements: false,
    };

    fn layer(package: &str, bin: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(package)).unwrap();
        let manifest = format!(r#"{{"name":"{package}","bin":{bin}}}"#);
        std::fs::write(dir.path().join(package).join("package.json"), manifest).unwrap();
        dir
    }

    #[test]
    fn vite_and_astro_run_by_node_at_the_path_their_package_names() {
        let project = files(&[("package.json", r#"{"devDependencies":{"vite":"^8"}}"#)]);
        let vite = layer("vite", r#"{"vite":"bin/vite.js"}"#);
        let command = detect(&project, None).unwrap().dev_command(Some(vite.path()), &SETTINGS).unwrap();
        assert_eq!(
            command.argv.join(" "),
            "/opt/toolchain/bin/node /workspace/app/node_modules/vite/bin/vite.js \
             --host 127.0.0.1 --port 4000 --strictPort"
        );
        assert_eq!(command.env["__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS"], ".preview.example.com");
        let project = files(&[("package.json", r#"{"dependencies":{"astro":"^7"}}"#)]);
        let astro = layer("astro", r#""./bin/astro.mjs""#);
        let command = detect(&project, None).unwrap().dev_command(Some(astro.path()), &SETTINGS).unwrap();
        assert_eq!(command.argv[1], "/workspace/app/node_modules/astro/bin/astro.mjs");
    }

    #[test]
    fn elements_are_marked_by_what_runs_before_the_dev_server_and_only_when_that_is_wanted() {
        let project = files(&[("package.json", r#"{"devDependencies":{"vite":"^8"}}"#)]);
        let vite = layer("vite", r#"{"vite":"bin/vite.js"}"#);
        let settings = DevSettings { marks_elements: true, ..SETTINGS };
        let command = detect(&project, None).unwrap().dev_command(Some(vite.path()), &settings).unwrap();
        assert_eq!(command.argv[1], import(MARK_ELEMENTS));
        assert!(command.argv[2].ends_with("vite.js"));
        let plain = detect(&project, None).unwrap().dev_command(Some(vite.path()), &SETTINGS).unwrap();
        assert!(!plain.argv.iter().any(|argument| argument.starts_with("--import")));
    }

    #[test]
    fn a_missing_dev_server_is_named() {
        let project = files(&[("package.json", "{}"), ("vite.config.js", "")]);
        let error = detect(&project, None).unwrap().dev_command(None, &SETTINGS).unwrap_err();
        assert_eq!(error, ProfileError::DevServerMissing { package: "vite" });
    }

    #[test]
    fn a_command_of_the_owner_runs_as_it_is() {
        let project = files(&[("package.json", r#"{"scripts":{"dev":"node s.js"}}"#)]);
        let command = detect(&project, None).unwrap().dev_command(None, &SETTINGS).unwrap();
        assert_eq!(command.argv, ["npm", "run", "dev"]);
        assert_eq!(command.env["PORT"], "4000");
        assert!(!command.env.contains_key("CI"));
    }
}
