//! What a build runs and where its output will be: decided from the profile and the project's files, before anything
//! runs.

use vitrine_model::ProjectPath;
use vitrine_model::path::InvalidPath;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::profile::ProfileKind;
use vitrine_model::publish::BuildMode;
use vitrine_sandbox::driver::PROJECT_DIR;

use super::config;
use crate::Files;
use crate::profile::DetectedProfile;

/// Where Vite and Astro leave their output unless the profile says otherwise.
const DEFAULT_OUTPUT: &str = "dist";

/// Where npm and pnpm put the commands of packages, beneath the project.
pub(super) const BIN_DIR: &str = "node_modules/.bin/";

/// What to run, and where the result will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    /// The command, run in [`PROJECT_DIR`]; empty when the files are the site as they are.
    ///
    /// A command in `node_modules/.bin` is run as the script behind it, by the toolchain's Node.js: no shell in between.
    pub command: Vec<String>,
    /// The folder with the output, relative to the project; empty for the project itself (only without a command).
    pub output: String,
    /// How it is built.
    pub mode: BuildMode,
    /// The kind of project.
    pub profile: ProfileKind,
}

/// Why there is nothing to run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A custom profile without a command.
    #[error(
        "a custom profile needs a build command and an output folder: set `profile.build` and `profile.output`"
    )]
    NoBuildCommand,
    /// A custom profile with a command and no folder.
    #[error("a custom profile needs an output folder: set `profile.output`")]
    NoOutput,
    /// A command without a program.
    #[error("`profile.build` is empty")]
    EmptyBuildCommand,
    /// The output is no folder of the project, or the project itself.
    #[error("`profile.output` is `{output}`, which is not a folder of the project: {reason}")]
    InvalidOutput {
        /// What it says.
        output: String,
        /// What is wrong with it.
        reason: InvalidPath,
    },
    /// Pages would be made by a server at run time.
    #[error(
        "`astro.config` sets `{option}`: pages that a server makes cannot be published, only static output can; remove it"
    )]
    ServerRendering {
        /// The option.
        option: &'static str,
    },
}

impl PlanError {
    /// What an outsider sees.
    pub fn problem(&self) -> Problem {
        let text = self.to_string();
        let sentence: String =
            text.chars().take(1).flat_map(char::to_uppercase).chain(text.chars().skip(1)).collect();
        Problem::new(Code::InvalidProfile, format!("{sentence}."))
    }
}

impl BuildPlan {
    /// The folder with the output; `None` for the project itself.
    pub(super) fn output_folder(&self) -> Option<ProjectPath> {
        ProjectPath::parse(&self.output).ok()
    }

    /// True when nothing runs: the project's files are the site.
    pub fn is_as_is(&self) -> bool {
        self.command.is_empty()
    }
}

/// Decides. Pure: the same project and mode give the same plan. `files` holds at least what [`crate::is_input`] selects.
///
/// Vitrine runs Vite's and Astro's own build, not the project's `build` script: a type error does not stop a publish. What
/// the owner sets in `profile.build` runs as it is.
pub fn plan(detected: &DetectedProfile, files: &Files, mode: BuildMode) -> Result<BuildPlan, PlanError> {
    let profile = &detected.profile;
    let kind = profile.kind;
    let output = profile.output.as_deref().map(output_of).transpose()?;
    if let Some(argv) = &profile.build {
        if argv.first().is_none_or(String::is_empty) {
            return Err(PlanError::EmptyBuildCommand);
        }
        let output = match (output, kind) {
            (Some(output), _) => output,
            (None, ProfileKind::Vite | ProfileKind::Astro) => DEFAULT_OUTPUT.to_owned(),
            (None, ProfileKind::Static | ProfileKind::Custom) => return Err(PlanError::NoOutput),
        };
        return Ok(BuildPlan { command: argv.clone(), output, mode, profile: kind });
    }
    let output_or_default = || output.clone().unwrap_or_else(|| DEFAULT_OUTPUT.to_owned());
    let (command, output) = match kind {
        ProfileKind::Vite => (vite(files, &output_or_default(), mode), output_or_default()),
        ProfileKind::Astro => (astro(files, &output_or_default(), mode)?, output_or_default()),
        ProfileKind::Static => (Vec::new(), output.unwrap_or_default()),
        ProfileKind::Custom => return Err(PlanError::NoBuildCommand),
    };
    Ok(BuildPlan { command, output, mode, profile: kind })
}

fn output_of(given: &str) -> Result<String, PlanError> {
    let plain = given.trim_start_matches("./").trim_end_matches('/');
    let path = ProjectPath::parse(plain);
    let path = path.map_err(|reason| PlanError::InvalidOutput { output: given.to_owned(), reason })?;
    Ok(path.into())
}

/// The output folder is always named: then it is where we look for it, whatever the configuration computes.
fn vite(files: &Files, output: &str, mode: BuildMode) -> Vec<String> {
    let mut command = vec![format!("{BIN_DIR}vite"), "build".to_owned()];
    // Absolute, because a relative one would be taken from Vite's own `root`.
    command.extend(["--outDir".to_owned(), format!("{PROJECT_DIR}/{output}"), "--emptyOutDir".to_owned()]);
    command.extend(["--mode", mode_name(mode)].map(str::to_owned));
    if !config::sets(files, "vite.config.", "base") {
        // Relative addresses: one artifact works at the root of a host and below any path.
        command.extend(["--base", "./"].map(str::to_owned));
    }
    if mode == BuildMode::Development {
        command.extend(["--minify", "false", "--sourcemap", "true"].map(str::to_owned));
    }
    command
}

fn astro(files: &Files, output: &str, mode: BuildMode) -> Result<Vec<String>, PlanError> {
    if config::sets(files, "astro.config.", "adapter") {
        return Err(PlanError::ServerRendering { option: "adapter" });
    }
    let mut command = vec![format!("{BIN_DIR}astro"), "build".to_owned()];
    command.extend(["--outDir", output, "--mode", mode_name(mode)].map(str::to_owned));
    if mode == BuildMode::Development {
        command.push("--devOutput".to_owned());
    }
    Ok(command)
}

fn mode_name(mode: BuildMode) -> &'static str {
    match mode {
        BuildMode::Development => "development",
        BuildMode::Production => "production",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::detect;
    use vitrine_model::profile::Profile;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries.iter().map(|(path, text)| (path.parse().unwrap(), text.as_bytes().to_vec().into())).collect()
    }

    fn planned(files: &Files, owner: Option<&Profile>, mode: BuildMode) -> Result<BuildPlan, PlanError> {
        plan(&detect(files, owner).unwrap(), files, mode)
    }

    const VITE: (&str, &str) =
        ("package.json", r#"{"devDependencies":{"vite":"^8"},"scripts":{"build":"tsc && vite build"}}"#);

    #[test]
    fn vite_builds_where_we_look_and_with_relative_addresses() {
        let made = planned(&files(&[VITE]), None, BuildMode::Production).unwrap();
        assert_eq!(
            made.command.join(" "),
            "node_modules/.bin/vite build --outDir /workspace/app/dist --emptyOutDir --mode production --base ./"
        );
        let own_base = files(&[VITE, ("vite.config.ts", "export default { base: '/' }")]);
        let made = planned(&own_base, None, BuildMode::Development).unwrap();
        assert!(!made.command.contains(&"--base".to_owned()));
        assert!(made.command.join(" ").ends_with("--mode development --minify false --sourcemap true"));
    }

    #[test]
    fn the_owners_command_and_folder_win() {
        let owner = Profile {
            build: Some(vec!["npm".into(), "run".into(), "build".into()]),
            output: Some("./build/client/".into()),
            ..Profile::of(ProfileKind::Vite)
        };
        let made = planned(&files(&[VITE]), Some(&owner), BuildMode::Production).unwrap();
        assert_eq!(
            (made.command.join(" ").as_str(), made.output.as_str()),
            ("npm run build", "build/client")
        );
    }

    #[test]
    fn a_custom_profile_says_what_it_needs() {
        let dev = Some(vec!["node".to_owned(), "server.js".to_owned()]);
        let custom = Profile { dev, ..Profile::of(ProfileKind::Custom) };
        let refused =
            |profile: Profile| planned(&files(&[]), Some(&profile), BuildMode::Production).unwrap_err();
        assert_eq!(refused(custom.clone()), PlanError::NoBuildCommand);
        let build = Some(vec!["make".to_owned()]);
        assert_eq!(refused(Profile { build: build.clone(), ..custom.clone() }), PlanError::NoOutput);
        assert_eq!(
            refused(Profile { build: Some(Vec::new()), ..custom.clone() }),
            PlanError::EmptyBuildCommand
        );
        for output in ["", ".", "..", "/etc", "../out", "node_modules/x", "a//b"] {
            let output = Some(output.to_owned());
            let error = refused(Profile { build: build.clone(), output, ..custom.clone() });
            assert!(matches!(&error, PlanError::InvalidOutput { .. }), "{error}");
            assert_eq!(error.problem().code, Code::InvalidProfile);
        }
    }

    #[test]
    fn static_files_are_the_site_and_servers_are_refused() {
        let made = planned(&files(&[("index.html", "")]), None, BuildMode::Production).unwrap();
        assert!(made.is_as_is() && made.output.is_empty());
        let astro = ("package.json", r#"{"dependencies":{"astro":"^7"}}"#);
        let made = planned(&files(&[astro]), None, BuildMode::Production).unwrap();
        assert_eq!(made.command.join(" "), "node_modules/.bin/astro build --outDir dist --mode production");
        let server = files(&[astro, ("astro.config.mjs", "export default { adapter: node() }")]);
        let refused = planned(&server, None, BuildMode::Production).unwrap_err();
        assert_eq!(refused, PlanError::ServerRendering { option: "adapter" });
    }
}
