//! Why a build did not lead to a site, each reason with the sentence its maker reads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vitrine_model::ProjectPath;
use vitrine_model::problem::{Code, Problem, ProblemItem};
use vitrine_sandbox::driver::{DriverError, Exit, Refused};

use super::references::MissingReference;
use super::words::Location;
use crate::guard::Leak;

/// Faults listed one by one in a problem document.
const MAX_ITEMS: usize = 50;

/// Why there is no site. Nothing is left of the build in any case.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuildError {
    /// The command failed.
    #[error("the build command ended {}", Ended(*exit))]
    Failed {
        /// How it ended.
        exit: Exit,
        /// The end of what it said.
        words: String,
        /// The first place in the project that its words name.
        location: Option<Location>,
    },
    /// The command succeeded and left no page.
    #[error("the build left no `index.html` in {}", folder(output))]
    NoPage {
        /// Where it was looked for.
        output: String,
        /// A folder beneath that has one.
        elsewhere: Option<String>,
    },
    /// Pages name files that are not there.
    #[error("the pages name {} that the build did not leave", files(missing.len()))]
    Missing {
        /// What is missing; only what a page cannot do without.
        missing: Vec<MissingReference>,
    },
    /// The output holds what cannot be published.
    #[error("the output holds what cannot be published: {}", refused.first().map(ToString::to_string).unwrap_or_default())]
    OutputRefused {
        /// What.
        refused: Vec<Refused>,
    },
    /// Files of the output hold secrets.
    #[error("the output holds secrets of the app, in {}", files(leaks.len()))]
    SecretInOutput {
        /// Where, and which; the first few.
        leaks: Vec<Leak>,
    },
    /// A limit of the sandbox was reached.
    #[error("the build reached a limit: {0}")]
    Limit(ReachedLimit),
    /// It ran for too long.
    #[error("the build did not end within {0:?}")]
    TimedOut(Duration),
    /// The build tool's package is not installed.
    #[error("`{package}` is not installed: add it to package.json")]
    ToolMissing {
        /// The package.
        package: String,
    },
    /// No sandbox could be made, or it was lost; not the project's fault.
    #[error("the sandbox failed: {0}")]
    Sandbox(Arc<DriverError>),
    /// It was cancelled.
    #[error("the build was cancelled")]
    Cancelled,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachedLimit {
    /// So many bytes of memory were too little.
    Memory(u64),
    /// So many bytes of files were too little.
    Disk(u64),
    /// So many processes and threads were too few.
    Processes(u32),
}

impl fmt::Display for ReachedLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => write!(f, "{} MiB of memory", bytes >> 20),
            Self::Disk(bytes) => write!(f, "{} MiB of files", bytes >> 20),
            Self::Processes(count) => write!(f, "{count} processes and threads"),
        }
    }
}

impl From<DriverError> for BuildError {
    fn from(error: DriverError) -> Self {
        Self::Sandbox(Arc::new(error))
    }
}

impl BuildError {
    /// What an outsider sees: one code for each reason.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Failed { exit, words, location } => failed(*exit, words, location.as_ref()),
            Self::NoPage { output, elsewhere } => no_page(output, elsewhere.as_deref()),
            Self::Missing { missing } => incomplete(missing),
            Self::OutputRefused { refused } => output_refused(refused),
            Self::SecretInOutput { leaks } => secret_in_output(leaks),
            Self::Limit(limit) => Problem::new(Code::SandboxLimit, limit_sentence(*limit)),
            Self::TimedOut(time) => Problem::new(
                Code::PublishTimedOut,
                format!("The build command did not end within {} s and was stopped.", time.as_secs()),
            ),
            Self::ToolMissing { package } => Problem::new(
                Code::InvalidProfile,
                format!("`{package}` is not installed: add it to package.json, or set `profile.build`."),
            ),
            Self::Sandbox(error) => {
                Problem::new(Code::SandboxUnavailable, format!("The build's sandbox failed: {error}."))
            }
            Self::Cancelled => Problem::new(Code::PublishOver, "The build was cancelled."),
        }
    }

    /// True when the same build may succeed another time: the fault is neither the project's nor its maker's.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Sandbox(_))
    }
}

struct Ended(Exit);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Exit::Code { code } => write!(f, "with exit code {code}"),
            Exit::Signal { signal } => write!(f, "by signal {signal}"),
            Exit::TimedOut => f.write_str("because its time was up"),
            Exit::OutOfMemory => f.write_str("for lack of memory"),
        }
    }
}

fn files(count: usize) -> String {
    if count == 1 { "a file".to_owned() } else { format!("{count} files") }
}

fn folder(output: &str) -> String {
    if output.is_empty() { "the project".to_owned() } else { format!("`{output}`") }
}

fn failed(exit: Exit, words: &str, location: Option<&Location>) -> Problem {
    let said = if words.is_empty() { " It printed nothing.".to_owned() } else { format!("\n\n{words}") };
    let mut problem =
        Problem::new(Code::BuildFailed, format!("The build command ended {}.{said}", Ended(exit)));
    problem.errors.extend(location.map(|location| ProblemItem {
        path: Some(location.path.as_str().to_owned()),
        line: Some(location.line),
        code: Code::BuildFailed,
        message: location.message.clone(),
    }));
    problem
}

fn no_page(output: &str, elsewhere: Option<&str>) -> Problem {
    let place = folder(output);
    let hint = match elsewhere {
        Some(folder) => format!("There is one in `{folder}`: set `profile.output` to it."),
        None => "A site begins with that page; check the build command and `profile.output`.".to_owned(),
    };
    Problem::new(Code::BuildIncomplete, format!("The build left no `index.html` in {place}. {hint}"))
}

fn incomplete(missing: &[MissingReference]) -> Problem {
    let detail = match missing {
        [one] => format!("{one}."),
        _ => format!("The pages name {} that the build did not leave.", files(missing.len())),
    };
    let item = |one: &MissingReference| item(Some(one.from.as_str().to_owned()), Code::BuildIncomplete, one);
    let errors = missing.iter().take(MAX_ITEMS).map(item).collect();
    Problem { errors, ..Problem::new(Code::BuildIncomplete, detail) }
}

fn output_refused(refused: &[Refused]) -> Problem {
    let first = refused.first().map(ToString::to_string).unwrap_or_default();
    let item = |one: &Refused| {
        item(Some(one.path.escape_debug().to_string()), Code::BuildOutputRefused, &one.reason)
    };
    let errors = refused.iter().take(MAX_ITEMS).map(item).collect();
    let detail = format!("What the build left cannot be published: {first}.");
    Problem { errors, ..Problem::new(Code::BuildOutputRefused, detail) }
}

fn secret_in_output(leaks: &[Leak]) -> Problem {
    let first =
        leaks.first().map(|leak| format!("`{}` holds the value of the secret `{}`", leak.path, leak.name));
    let advice = "Nothing was published. What a browser downloads is public: call the service from a back end, or store \
                  the value as a variable if it is no secret.";
    let item = |leak: &Leak| {
        let message = format!("It holds the value of the secret `{}`.", leak.name);
        item(Some(leak.path.clone()), Code::SecretInArtifact, &message)
    };
    let errors = leaks.iter().map(item).collect();
    let detail = format!("{}. {advice}", first.unwrap_or_default());
    Problem { errors, ..Problem::new(Code::SecretInArtifact, detail) }
}

fn item(path: Option<String>, code: Code, message: &impl ToString) -> ProblemItem {
    ProblemItem { path, line: None, code, message: message.to_string() }
}

fn limit_sentence(limit: ReachedLimit) -> String {
    match limit {
        ReachedLimit::Memory(_) => format!("The build needs more than the {limit} it may have."),
        ReachedLimit::Disk(_) => format!("The build wrote more than the {limit} it may have."),
        ReachedLimit::Processes(_) => format!("The build started more than the {limit} it may have."),
    }
}

/// Everything beneath an output is refused under the path where its maker finds it.
pub(super) fn refused_in(output: Option<&ProjectPath>, refused: Vec<Refused>) -> BuildError {
    let place = |refused: Refused| match output {
        Some(output) if refused.path != output.as_str() => {
            Refused { path: format!("{output}/{}", refused.path), ..refused }
        }
        _ => refused,
    };
    BuildError::OutputRefused { refused: refused.into_iter().map(place).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_sandbox::driver::RefusalReason;

    #[test]
    fn every_reason_has_its_code_and_a_sentence() {
        let refused = vec![Refused { path: "a\nb".to_owned(), reason: RefusalReason::Link }];
        let failed =
            BuildError::Failed { exit: Exit::Code { code: 1 }, words: "boom".into(), location: None };
        let no_page = BuildError::NoPage { output: "dist".into(), elsewhere: Some("dist/client".into()) };
        let cases = [
            (failed, Code::BuildFailed, "exit code 1.\n\nboom"),
            (no_page, Code::BuildIncomplete, "set `profile.output` to it"),
            (refused_in(None, refused), Code::BuildOutputRefused, "a\\nb: a symbolic link"),
            (BuildError::Limit(ReachedLimit::Memory(1 << 30)), Code::SandboxLimit, "1024 MiB of memory"),
            (BuildError::TimedOut(Duration::from_secs(600)), Code::PublishTimedOut, "within 600 s"),
            (BuildError::ToolMissing { package: "vite".into() }, Code::InvalidProfile, "`vite`"),
            (DriverError::Ended.into(), Code::SandboxUnavailable, "has ended"),
            (BuildError::Cancelled, Code::PublishOver, "cancelled"),
        ];
        for (error, code, words) in cases {
            let problem = error.problem();
            assert_eq!(problem.code, code);
            assert!(problem.detail.contains(words), "{}", problem.detail);
        }
    }

    #[test]
    fn refusals_are_named_by_their_path_in_the_project() {
        let output: ProjectPath = "dist".parse().unwrap();
        let of = |path: &str| Refused { path: path.to_owned(), reason: RefusalReason::Link };
        let error = refused_in(Some(&output), vec![of("a"), of("dist")]);
        let paths: Vec<_> = error.problem().errors.into_iter().filter_map(|item| item.path).collect();
        assert_eq!(paths, ["dist/a", "dist"]);
    }
}
