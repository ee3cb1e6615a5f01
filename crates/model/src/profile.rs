//! Profiles: how a kind of project is installed, developed and built.

use serde::{Deserialize, Serialize};

use crate::path::{InvalidPath, ProjectPath};

/// Words of a command: what starts a dev server or a build has some ten.
pub const MAX_COMMAND_WORDS: usize = 64;

/// Bytes of a command, all words together: a line that nobody reads to its end belongs into a script of the project.
pub const MAX_COMMAND_BYTES: usize = 8 * 1024;

/// Bytes of what names a Node.js: `24`, `^22.1`, `lts/jod`.
pub const MAX_NODE_BYTES: usize = 64;

/// The kinds of project Vitrine knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileKind {
    /// A project whose dev server is Vite.
    Vite,
    /// A project whose dev server is Astro's.
    Astro,
    /// Files served as they are; no package manager.
    Static,
    /// A project that names its own dev command.
    Custom,
}

/// How to run one app: detected from its files, or set by its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The kind, which decides everything not given below.
    pub kind: ProfileKind,
    /// The dev command; required for `custom`. It finds its port in `PORT` and its address in `HOST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<Vec<String>>,
    /// The build command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Vec<String>>,
    /// Where the build leaves its output, for example `dist`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The major version of Node.js, for example `24`; absent means chosen by `engines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Profile {
    /// A profile with nothing but its kind.
    pub fn of(kind: ProfileKind) -> Self {
        Self { kind, dev: None, build: None, output: None, node: None }
    }

    /// Whether a profile that somebody sends can be kept: its commands are commands, and nothing is longer than it has to
    /// be. Whether it fits a project is found out when it runs.
    pub fn check(&self) -> Result<(), InvalidProfile> {
        if self.kind == ProfileKind::Custom && self.dev.is_none() {
            return Err(InvalidProfile::NoDev);
        }
        for (field, command) in [("dev", &self.dev), ("build", &self.build)] {
            command.as_deref().map_or(Ok(()), |words| check_command(field, words))?;
        }
        if self.node.as_ref().is_some_and(|node| node.len() > MAX_NODE_BYTES) {
            return Err(InvalidProfile::LongNode);
        }
        match self.output.as_deref().map(ProjectPath::parse) {
            Some(Err(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn check_command(field: &'static str, words: &[String]) -> Result<(), InvalidProfile> {
    if words.first().is_none_or(String::is_empty) {
        return Err(InvalidProfile::EmptyCommand(field));
    }
    if words.len() > MAX_COMMAND_WORDS {
        return Err(InvalidProfile::ManyWords(field));
    }
    if words.iter().map(String::len).sum::<usize>() > MAX_COMMAND_BYTES {
        return Err(InvalidProfile::LongCommand(field));
    }
    match words.iter().any(|word| word.contains('\0')) {
        true => Err(InvalidProfile::Nul(field)),
        false => Ok(()),
    }
}

/// Why a profile is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// A custom profile says nothing of how it runs.
    #[error("a custom profile needs `dev`, the command that serves the app on the port in `PORT`")]
    NoDev,
    /// A command without a program.
    #[error("`{0}` starts with the name of a program")]
    EmptyCommand(&'static str),
    /// A command of more than [`MAX_COMMAND_WORDS`].
    #[error("`{0}` has at most {MAX_COMMAND_WORDS} words")]
    ManyWords(&'static str),
    /// A command of more than [`MAX_COMMAND_BYTES`].
    #[error(
        "`{0}` has at most {MAX_COMMAND_BYTES} bytes in all its words; put more into a script of the project"
    )]
    LongCommand(&'static str),
    /// What no process can be given.
    #[error("`{0}` cannot contain NUL")]
    Nul(&'static str),
    /// A Node.js named with more than [`MAX_NODE_BYTES`].
    #[error("`node` has at most {MAX_NODE_BYTES} bytes")]
    LongNode,
    /// The output is no path in a project.
    #[error("`output` is no path in the project: {0}")]
    Output(#[from] InvalidPath),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: usize, bytes: usize) -> Option<Vec<String>> {
        let mut command = vec!["x".repeat(bytes / words); words];
        command[0].push_str(&"x".repeat(bytes % words));
        Some(command)
    }

    #[test]
    fn a_profile_is_kept_up_to_its_limits_and_not_beyond() {
        let whole = Profile {
            dev: command(MAX_COMMAND_WORDS, MAX_COMMAND_BYTES),
            build: command(1, MAX_COMMAND_BYTES),
            output: Some("a/".repeat(200) + "b"),
            node: Some("2".repeat(MAX_NODE_BYTES)),
            ..Profile::of(ProfileKind::Custom)
        };
        assert_eq!(whole.check(), Ok(()));
        let dev = |dev| Profile { dev, ..whole.clone() }.check();
        assert_eq!(dev(None), Err(InvalidProfile::NoDev));
        assert_eq!(dev(Some(vec![])), Err(InvalidProfile::EmptyCommand("dev")));
        assert_eq!(dev(command(MAX_COMMAND_WORDS + 1, 100)), Err(InvalidProfile::ManyWords("dev")));
        assert_eq!(dev(command(9, MAX_COMMAND_BYTES + 1)), Err(InvalidProfile::LongCommand("dev")));
        assert_eq!(dev(Some(vec!["a\0".to_owned()])), Err(InvalidProfile::Nul("dev")));
        let build = Profile { build: command(1, MAX_COMMAND_BYTES + 1), ..whole.clone() };
        assert_eq!(build.check(), Err(InvalidProfile::LongCommand("build")));
        let node = Profile { node: Some("2".repeat(MAX_NODE_BYTES + 1)), ..whole.clone() };
        assert_eq!(node.check(), Err(InvalidProfile::LongNode));
        let output = |text: String| Profile { output: Some(text), ..whole.clone() }.check();
        assert!(matches!(output("../dist".to_owned()), Err(InvalidProfile::Output(_))));
        assert!(matches!(output("a/".repeat(300) + "b"), Err(InvalidProfile::Output(_))));
    }
}
