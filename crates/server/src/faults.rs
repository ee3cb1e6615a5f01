//! From what goes wrong below to what people are told: one problem code per kind of fault, and what to do about it.

use vitrine_build::layers::LayerError;
use vitrine_build::profile::ProfileError;
use vitrine_model::problem::{Code, Problem, ProblemItem};
use vitrine_sandbox::DriverError;
use vitrine_sandbox::driver::{EndReason, Exit};
use vitrine_store::{NotKept, StoreError, VaultError};

/// The project cannot be run as it is.
pub(crate) fn of_profile(error: &ProfileError) -> Problem {
    let code = match error {
        ProfileError::PackageJson { .. } => Code::InvalidPackageJson,
        ProfileError::UnsupportedNode { .. } => Code::UnsupportedNode,
        ProfileError::Unrecognised
        | ProfileError::NoDevCommand
        | ProfileError::EmptyDevCommand
        | ProfileError::DevServerMissing { .. } => Code::InvalidProfile,
    };
    let mut problem = Problem::new(code, format!("{}.", capitalised(&error.to_string())));
    if let ProfileError::PackageJson { line, reason, .. } = error {
        let path = Some("package.json".to_owned());
        problem.errors.push(ProblemItem { path, line: Some(*line), code, message: format!("{reason}.") });
    }
    problem
}

/// There is no toolchain or no layer.
pub(crate) fn of_layer(error: &LayerError) -> Problem {
    match error {
        LayerError::InstallFailed { tool_output, refused_connections, .. } => {
            let mut detail = error.to_string();
            if *refused_connections > 0 {
                detail.push_str(
                    "\nConnections were refused: installations reach the registry only, at public addresses. Where a \
                     company's mirror or gateway stands in between, the operator names its address in \
                     `egress.allow_cidrs`.",
                );
            }
            if tool_output.is_empty() {
                detail.push_str("(it said nothing)");
            }
            Problem::new(Code::InstallFailed, detail)
        }
        LayerError::TimedOut(_) | LayerError::OutOfMemory(_) | LayerError::TooLarge => {
            Problem::new(Code::SandboxLimit, format!("{}.", capitalised(&error.to_string())))
        }
        LayerError::NothingToInstall | LayerError::UnsafeTree { .. } => {
            Problem::new(Code::InstallFailed, format!("{}.", capitalised(&error.to_string())))
        }
        LayerError::Toolchain(_) => Problem::new(Code::ToolchainUnavailable, capitalised(&error.to_string())),
        LayerError::Sandbox(error) => of_driver(error),
        LayerError::Io(_) | LayerError::Interrupted => {
            tracing::error!(%error, "no layer");
            Problem::new(
                Code::Internal,
                "The dependencies could not be kept; the log of the server has the reason.",
            )
        }
    }
}

/// A sandbox cannot be made or used.
pub(crate) fn of_driver(error: &DriverError) -> Problem {
    match error {
        DriverError::Limit(_) => {
            Problem::new(Code::SandboxLimit, format!("The sandbox is too small: {error}."))
        }
        DriverError::Refused(_) => {
            Problem::new(Code::DevServerExited, format!("The dev command did not start: {error}."))
        }
        _ => {
            tracing::warn!(%error, "a sandbox could not be used");
            Problem::new(Code::SandboxUnavailable, format!("No sandbox could be started: {error}."))
        }
    }
}

/// Secrets cannot be had.
pub(crate) fn of_vault(error: &VaultError) -> Problem {
    match error {
        VaultError::NotKept(NotKept::Store(error)) => of_store(error),
        VaultError::Damaged { what } => {
            tracing::error!(%error, "a secret does not open");
            let text = format!("The secret {what} cannot be opened any more; set it again, or remove it.");
            Problem::new(Code::SecretsUnavailable, text)
        }
        VaultError::MasterKey(_) | VaultError::UnknownMasterKey { .. } | VaultError::NotKept(_) => {
            tracing::error!(%error, "secrets are locked");
            let text = "The app has secrets, and the key to them is not there. They are not lost: the operator finds the \
                        reason in the log of the server.";
            Problem::new(Code::SecretsUnavailable, text)
        }
    }
}

/// The store cannot be read.
pub(crate) fn of_store(error: &StoreError) -> Problem {
    tracing::error!(%error, "the store did not answer");
    Problem::new(Code::Internal, "The draft could not be read; the log of the server has the reason.")
}

/// The store does not take or give what a publish needs.
pub(crate) fn of_publish_store(error: &StoreError) -> Problem {
    tracing::error!(%error, "a publish could not go on");
    match error {
        StoreError::Objects(_) | StoreError::ObjectLeaving => Problem::new(
            Code::StorageUnavailable,
            "The storage for published files does not answer as it should. What is live stays live; publish again later.",
        ),
        StoreError::HashMismatch | StoreError::Corrupt(_) | StoreError::MissingObjects(_) => Problem::new(
            Code::StorageUnavailable,
            "What was uploaded does not read back as it was sent. What is live stays live; publish again.",
        ),
        _ => {
            Problem::new(Code::Internal, "The publish could not go on; the log of the server has the reason.")
        }
    }
}

/// The dev command ended; `tail` is the end of what it said.
pub(crate) fn of_exit(exit: Exit, tail: &str) -> Problem {
    let (code, how) = match exit {
        Exit::Code { code } => {
            (Code::DevServerExited, format!("The dev server ended with exit code {code}."))
        }
        Exit::Signal { signal } => {
            (Code::DevServerExited, format!("The dev server was ended by signal {signal}."))
        }
        Exit::TimedOut => (Code::DevServerSilent, "The dev server took too long.".to_owned()),
        Exit::OutOfMemory => {
            (Code::SandboxLimit, "The dev server needed more memory than its sandbox has.".to_owned())
        }
    };
    Problem::new(code, with_tail(&how, tail))
}

/// The sandbox ended.
pub(crate) fn of_end(reason: &EndReason) -> Problem {
    match reason {
        EndReason::Stopped => Problem::new(Code::SandboxUnavailable, "The sandbox was stopped."),
        EndReason::OutOfMemory => {
            Problem::new(Code::SandboxLimit, "The project needed more memory than its sandbox has.")
        }
        EndReason::GuestLost(what) => {
            Problem::new(Code::SandboxUnavailable, format!("The sandbox broke off: {what}."))
        }
    }
}

/// A sentence, and what the tool said last.
pub(crate) fn with_tail(sentence: &str, tail: &str) -> String {
    match tail.is_empty() {
        true => sentence.to_owned(),
        false => format!("{sentence} Its last words:\n{tail}"),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // A file name or a quoted word stays as it is.
        Some(first) if first.is_lowercase() && !text.starts_with("package.json") => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
