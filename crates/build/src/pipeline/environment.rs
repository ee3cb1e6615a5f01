//! What a build command runs with: its whole environment, and the program behind it.

use std::collections::BTreeMap;
use std::path::Path;

use vitrine_model::publish::BuildMode;
use vitrine_sandbox::driver::{Command, PROJECT_DIR, SCRATCH_DIR, TOOLCHAIN_DIR};

use super::error::BuildError;
use super::plan::BIN_DIR;
use super::{BuildPlan, BuildRequest};
use crate::compile_cache::compile_cache_env;
use crate::layers::bin_of;

/// The time that tools write into what they make (reproducible-builds.org, `SOURCE_DATE_EPOCH`): the first day of 1980
/// in every time zone, before which zip knows no dates.
const SOURCE_DATE_EPOCH: &str = "315619200";

/// Of the memory, the part that JavaScript's heap may take; the rest is for native code and files.
const HEAP_SHARE: u64 = 2;
const HEAP_OF: u64 = 3;

/// The plan's command, as it runs in a sandbox with so much memory.
pub(super) fn command(request: &BuildRequest, memory_bytes: u64) -> Result<Command, BuildError> {
    let argv = argv(&request.plan, request.node_modules.as_deref())?;
    let given = request.environment.iter();
    let mut env: BTreeMap<_, _> =
        given.map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect();
    env.extend(own(request.plan.mode, memory_bytes));
    let (name, value) = compile_cache_env(request.compile_cache.is_some());
    env.insert(name.to_owned(), value.to_owned());
    Ok(Command { argv, env, cwd: PROJECT_DIR.to_owned() })
}

/// A package's own command is run by Node.js at the path its manifest names; any other as it is.
fn argv(plan: &BuildPlan, node_modules: Option<&Path>) -> Result<Vec<String>, BuildError> {
    let Some((package, arguments)) = plan
        .command
        .split_first()
        .and_then(|(program, arguments)| Some((program.strip_prefix(BIN_DIR)?, arguments)))
    else {
        return Ok(plan.command.clone());
    };
    let script = node_modules.and_then(|dir| bin_of(dir, package));
    let script = script.ok_or_else(|| BuildError::ToolMissing { package: package.to_owned() })?;
    let node = format!("{TOOLCHAIN_DIR}/bin/node");
    let script = format!("{PROJECT_DIR}/node_modules/{package}/{script}");
    Ok([node, script].into_iter().chain(arguments.iter().cloned()).collect())
}

fn own(mode: BuildMode, memory_bytes: u64) -> BTreeMap<String, String> {
    let path = format!("{TOOLCHAIN_DIR}/bin:{PROJECT_DIR}/node_modules/.bin:/usr/bin:/bin");
    let heap_mib = (memory_bytes >> 20) * HEAP_SHARE / HEAP_OF;
    let node_options = format!("--max-old-space-size={heap_mib}");
    let node_env = match mode {
        BuildMode::Development => "development",
        BuildMode::Production => "production",
    };
    [
        ("PATH", path.as_str()),
        ("HOME", SCRATCH_DIR),
        ("TMPDIR", SCRATCH_DIR),
        ("CI", "1"),
        ("NODE_ENV", node_env),
        ("NODE_OPTIONS", &node_options),
        ("TZ", "UTC"),
        ("LANG", "C.UTF-8"),
        ("NO_COLOR", "1"),
        ("FORCE_COLOR", "0"),
        ("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH),
        ("ASTRO_TELEMETRY_DISABLED", "1"),
        ("NEXT_TELEMETRY_DISABLED", "1"),
        ("DO_NOT_TRACK", "1"),
        ("npm_config_update_notifier", "false"),
        ("npm_config_cache", "/tmp/.npm"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::BuildLimits;
    use vitrine_model::profile::ProfileKind;
    use vitrine_model::secret::SecretValue;
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};

    fn request(command: &[&str]) -> BuildRequest {
        BuildRequest {
            sandbox_id: vitrine_model::SandboxId::mint(
                &FixedClock::at_millis(0),
                &CountingEntropy::default(),
            ),
            plan: BuildPlan {
                command: command.iter().map(|&word| word.to_owned()).collect(),
                output: "dist".into(),
                mode: BuildMode::Production,
                profile: ProfileKind::Vite,
            },
            files: Vec::new(),
            toolchain: "/".into(),
            node_modules: None,
            compile_cache: None,
            environment: [("PATH", "/evil"), ("NODE_ENV", "x"), ("API_URL", "https://x")]
                .map(|(name, value)| (name.to_owned(), SecretValue::new(value.to_owned())))
                .into(),
            guard: Default::default(),
            limits: BuildLimits::of(ProfileKind::Vite),
        }
    }

    #[test]
    fn named_variables_are_added_and_replace_nothing() {
        let command = command(&request(&["make", "site"]), 1 << 30).unwrap();
        assert_eq!(command.argv, ["make", "site"]);
        assert_eq!(
            (command.env["API_URL"].as_str(), command.env["NODE_ENV"].as_str()),
            ("https://x", "production")
        );
        assert!(command.env["PATH"].starts_with(TOOLCHAIN_DIR));
        assert_eq!(command.env["NODE_OPTIONS"], "--max-old-space-size=682");
    }

    #[test]
    fn a_packages_command_runs_by_node_and_a_missing_package_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("vite")).unwrap();
        std::fs::write(dir.path().join("vite/package.json"), r#"{"bin":{"vite":"bin/vite.js"}}"#).unwrap();
        let mut request = request(&["node_modules/.bin/vite", "build"]);
        assert!(
            matches!(command(&request, 1), Err(BuildError::ToolMissing { package }) if package == "vite")
        );
        request.node_modules = Some(dir.path().to_owned());
        let argv = command(&request, 1).unwrap().argv;
        assert_eq!(
            argv.join(" "),
            "/opt/toolchain/bin/node /workspace/app/node_modules/vite/bin/vite.js build"
        );
    }
}
