//! How a command that did not succeed ends: with which exit code, and what is said about it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::client::Refusal;

/// Exit codes that scripts tell apart; `docs/cli.md` lists them. 0 is success, or an end that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    /// Something else went wrong; also what a check that found a fault ends with.
    Failed = 1,
    /// Arguments, configuration or a folder that cannot be used as they are.
    Unusable = 2,
    /// This machine cannot do what was asked.
    Machine = 3,
    /// The address to listen on is taken.
    Address = 4,
    /// No server answers, or it stopped answering.
    Unreachable = 5,
    /// The key was not accepted, or does not allow this.
    NotAllowed = 6,
    /// There is no such thing.
    NotFound = 7,
    /// Not as things stand: a conflict, a limit, a quota, content that was not accepted.
    Refused = 8,
    /// The publish ended without a release.
    NotPublished = 9,
    /// Interrupted while it waited for something that goes on without it; as shells count Ctrl-C.
    Interrupted = 130,
}

/// Why the process ends with something other than 0.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    /// What the server said, when it was the server that refused.
    refusal: Option<Box<Refusal>>,
    /// Whoever read the output has stopped reading: nothing to say, and nothing failed.
    is_quiet: bool,
}

impl Failure {
    fn of(exit: Exit, error: impl std::fmt::Display) -> Self {
        Self { exit, message: error.to_string(), refusal: None, is_quiet: false }
    }

    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::Failed, error)
    }

    pub(crate) fn unusable(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::Unusable, error)
    }

    pub(crate) fn machine(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::Machine, error)
    }

    pub(crate) fn address(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::Address, error)
    }

    pub(crate) fn unreachable(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::Unreachable, error)
    }

    pub(crate) fn not_found(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::NotFound, error)
    }

    pub(crate) fn not_published(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::NotPublished, error)
    }

    pub(crate) fn interrupted(error: impl std::fmt::Display) -> Self {
        Self::of(Exit::Interrupted, error)
    }

    /// The server refused, in its own words.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let exit = match refusal.status {
            401 | 403 => Exit::NotAllowed,
            404 => Exit::NotFound,
            400..=499 => Exit::Refused,
            _ => Exit::Failed,
        };
        Self { refusal: Some(Box::new(refusal.clone())), ..Self::of(exit, refusal) }
    }

    /// What was printed could not be printed. A reader that has gone (`… | head`) is no failure.
    pub(crate) fn print(error: std::io::Error) -> Self {
        let is_quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { is_quiet, ..Self::failed(error) }
    }

    /// What the process ends with.
    pub(crate) fn code(&self) -> u8 {
        if self.is_quiet { 0 } else { self.exit as u8 }
    }

    /// Which kind of end this is.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// True when the server did not answer, which it may do later.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.exit == Exit::Unreachable
    }

    /// For people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the server said.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_deref()
    }

    /// What stands on standard error: words, or one line of JSON.
    pub(crate) fn shown(&self, json: bool) -> Option<String> {
        match (self.is_quiet, json) {
            (true, _) => None,
            (false, true) => Some(self.document().to_string()),
            (false, false) => Some(format!("vitrine: {}", self.message)),
        }
    }

    fn document(&self) -> Value {
        let mut error = json!({ "kind": self.exit, "exit_code": self.exit as u8, "message": self.message });
        if let (Some(refusal), Some(error)) = (&self.refusal, error.as_object_mut()) {
            error.insert("problem".to_owned(), json!(refusal));
        }
        json!({ "error": error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_refusal_has_an_exit_code_of_its_own() {
        let code = |status| Failure::refused(Refusal { status, ..Refusal::default() }).code();
        assert_eq!([401, 403, 404, 409, 413, 422, 429, 500].map(code), [6, 6, 7, 8, 8, 8, 8, 1]);
    }

    #[test]
    fn a_failure_is_one_line_of_json_for_scripts_and_words_for_people() {
        let refusal = Refusal {
            status: 404,
            code: "not_found".to_owned(),
            detail: "There is no such app.".to_owned(),
            ..Refusal::default()
        };
        let failure = Failure::refused(refusal);
        assert_eq!(failure.shown(false).unwrap(), "vitrine: There is no such app.");
        let line = failure.shown(true).unwrap();
        let document: Value = serde_json::from_str(&line).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(document["error"]["exit_code"], 7);
        assert_eq!(document["error"]["kind"], "not_found");
        assert_eq!(document["error"]["problem"]["code"], "not_found");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let gone = Failure::print(std::io::ErrorKind::BrokenPipe.into());
        assert_eq!((gone.code(), gone.shown(false)), (0, None));
        assert_eq!(Failure::print(std::io::ErrorKind::StorageFull.into()).code(), 1);
    }
}
