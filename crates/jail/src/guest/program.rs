//! A command made ready to be executed: found in its `PATH`, everything as C strings.

use std::ffi::CString;

use rustix::fs::{Access, access};

use crate::protocol::CommandSpec;

/// Where programs are looked for when the environment does not say.
const DEFAULT_PATH: &str = "/usr/bin:/bin";

/// A command whose every string is ready, so that nothing needs to be allocated between fork and exec.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: CString,
    pub(super) arguments: Vec<CString>,
    pub(super) environment: Vec<CString>,
    pub(super) directory: CString,
}

/// Why a command cannot be run.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    /// No argument at all.
    #[error("a command without a program")]
    Empty,
    /// A string with a NUL in it, or a name of an environment variable with `=`.
    #[error("a command with an unusable argument or variable")]
    Unusable,
    /// Nowhere in `PATH`.
    #[error("`{0}` is not in PATH")]
    NotFound(String),
}

impl Program {
    /// Looks the program up in `PATH` of the command's own environment.
    pub(super) fn prepare(command: &CommandSpec) -> Result<Self, ProgramError> {
        let name = command.argv.first().ok_or(ProgramError::Empty)?;
        let path = find(name, command.env.get("PATH").map_or(DEFAULT_PATH, String::as_str))?;
        let variables = command.env.iter().map(|(name, value)| match name.is_empty() || name.contains('=') {
            true => Err(ProgramError::Unusable),
            false => c_string(format!("{name}={value}")),
        });
        Ok(Self {
            path: c_string(path)?,
            arguments: command
                .argv
                .iter()
                .map(|argument| c_string(argument.as_str()))
                .collect::<Result<_, _>>()?,
            environment: variables.collect::<Result<_, _>>()?,
            directory: c_string(command.cwd.as_str())?,
        })
    }
}

fn find(name: &str, path: &str) -> Result<String, ProgramError> {
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    let candidates = path.split(':').filter(|folder| folder.starts_with('/'));
    candidates
        .map(|folder| format!("{folder}/{name}"))
        .find(|candidate| access(candidate.as_str(), Access::EXEC_OK).is_ok())
        .ok_or_else(|| ProgramError::NotFound(name.to_owned()))
}

fn c_string(text: impl Into<Vec<u8>>) -> Result<CString, ProgramError> {
    CString::new(text).map_err(|_| ProgramError::Unusable)
}
