//! Commands in the sandbox of a session.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures::{Stream, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vitrine_model::AppId;
use vitrine_model::problem::{Code, Problem};
use vitrine_sandbox::driver::{ExecLimits, Exit};

use super::extract::{Json, Path};
use super::follow::follow;
use super::problem::{ApiError, ApiResult};
use super::record::AuditNote;
use super::vouch::Vouch;
use crate::auth::Caller;
use crate::limits::Share;
use crate::services::Services;
use crate::sessions::{Exec, ExecEnd, ExecError, ExecEvent, problem_of_exec};

/// How long a command may run when the caller does not say: tests and code generators take seconds.
const DEFAULT_TIMEOUT_SECS: u64 = 60;

/// How long a command may run: as long as an installation.
const MOST_TIMEOUT_SECS: u64 = 600;

/// Output that is passed on when the caller does not say.
const DEFAULT_OUTPUT_BYTES: usize = 256 * 1024;

/// Output that is passed on at most.
const MOST_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// Arguments of a command.
const MOST_ARGUMENTS: usize = 256;

/// Bytes of a command: a quarter of what one frame to the guest holds.
const MOST_ARGV_BYTES: usize = 64 * 1024;

/// Characters of the program that the audit log is told.
const MOST_NOTED_CHARS: usize = 200;

/// A command to run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExecBody {
    /// The program and its arguments. No shell reads them; for one, run `["sh", "-c", "…"]`.
    argv: Vec<String>,
    /// The command is killed after this; 60 when absent, at most 600.
    timeout_secs: Option<u64>,
    /// Of its output, the first so many bytes are passed on; 262,144 when absent, at most 4,194,304.
    max_output_bytes: Option<usize>,
}

/// The data of an event `output`.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecOutput {
    /// Which stream.
    stream: OutputStream,
    /// A piece of it, which may end in the middle of a line. Values of the app's secrets are hidden.
    text: String,
}

/// One of the two streams of a command.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The data of the event `exit`, the last one.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecExit {
    /// The exit code, of a command that ended by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    /// The signal that ended it, otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    /// True when it was killed because its time was up.
    timed_out: bool,
    /// True when the sandbox had no memory left for it.
    out_of_memory: bool,
    /// True when there was more output than is passed on.
    truncated: bool,
    /// How long it ran.
    duration_ms: u64,
}

/// Runs a command in the sandbox of the caller's session and passes its output on as server-sent events: `output`, and at the end
/// `exit`. Hanging up ends the command with everything that it started. It counts as use of the session, and wakes a frozen
/// one; 409 `session_not_running` when there is none. Files that it changes are the sandbox's and not the draft's.
#[utoipa::path(post, path = "/v1/apps/{app}/session/exec", tag = "sessions", params(("app" = String, Path)),
    request_body = ExecBody,
    responses((status = 200, body = ExecOutput, content_type = "text/event-stream"), (status = 400, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 429, body = Problem)))]
pub(crate) async fn exec_in_session(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Extension(vouch): Extension<Vouch>,
    Path(app): Path<AppId>,
    Json(body): Json<ExecBody>,
) -> ApiResult<Response> {
    let note = note_of(&body.argv);
    let limits = limits_of(&body)?;
    services.store.app(&caller.scope, &app).await?;
    services.sessions.may_exec(&body.argv[0]).map_err(|detail| ApiError::new(Code::ExecRefused, detail))?;
    let place = services.limits.at_once().exec(&caller.scope)?;
    let exec = services.sessions.exec(&caller.scope, &app, body.argv, limits).await?;
    let mut response = follow(&services, vouch, events(exec, place))?.into_response();
    response.extensions_mut().insert(AuditNote(note));
    Ok(response)
}

/// The command's events; dropping the stream drops the command.
fn events(exec: Exec, place: Share) -> impl Stream<Item = Event> + Send + 'static {
    stream::unfold((exec, place), |(mut exec, place)| async move {
        let event = exec.next().await?;
        Some((event_of(event), (exec, place)))
    })
}

fn event_of(event: ExecEvent) -> Event {
    let event = match event {
        ExecEvent::Output { is_stderr, text } => {
            let stream = if is_stderr { OutputStream::Stderr } else { OutputStream::Stdout };
            Event::default().event("output").json_data(ExecOutput { stream, text })
        }
        ExecEvent::Ended(end) => Event::default().event("exit").json_data(exit_of(&end)),
    };
    event.unwrap_or_default()
}

fn exit_of(end: &ExecEnd) -> ExecExit {
    let (code, signal) = match end.exit {
        Exit::Code { code } => (Some(code), None),
        Exit::Signal { signal } => (None, Some(signal)),
        // Killed, both of them.
        Exit::TimedOut | Exit::OutOfMemory => (None, Some(9)),
    };
    ExecExit {
        code,
        signal,
        timed_out: end.exit == Exit::TimedOut,
        out_of_memory: end.exit == Exit::OutOfMemory,
        truncated: end.is_truncated,
        duration_ms: u64::try_from(end.duration.as_millis()).unwrap_or(u64::MAX),
    }
}

fn limits_of(body: &ExecBody) -> ApiResult<ExecLimits> {
    let refused = |detail: String| Err(ApiError::new(Code::InvalidRequest, detail));
    let bytes: usize = body.argv.iter().map(|argument| argument.len() + 1).sum();
    if body.argv.first().is_none_or(String::is_empty) || body.argv.iter().any(|word| word.contains('\0')) {
        return refused("`argv` begins with a program, and holds no NUL.".to_owned());
    }
    if body.argv.len() > MOST_ARGUMENTS || bytes > MOST_ARGV_BYTES {
        return refused(format!("`argv` has at most {MOST_ARGUMENTS} words and {MOST_ARGV_BYTES} bytes."));
    }
    let timeout_secs = body.timeout_secs.unwrap_or(DEFAULT_TIMEOUT_SECS);
    if !(1..=MOST_TIMEOUT_SECS).contains(&timeout_secs) {
        return refused(format!("`timeout_secs` is 1 to {MOST_TIMEOUT_SECS}."));
    }
    let max_output_bytes = body.max_output_bytes.unwrap_or(DEFAULT_OUTPUT_BYTES);
    if max_output_bytes > MOST_OUTPUT_BYTES {
        return refused(format!("`max_output_bytes` is at most {MOST_OUTPUT_BYTES}."));
    }
    Ok(ExecLimits { timeout: Duration::from_secs(timeout_secs), max_output_bytes })
}

/// The program alone: arguments may hold what belongs in no log.
fn note_of(argv: &[String]) -> String {
    let program = argv.first().map(String::as_str).unwrap_or_default();
    program.chars().filter(|c| !c.is_control()).take(MOST_NOTED_CHARS).collect()
}

impl From<ExecError> for ApiError {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::NotRunning(detail) => Self::new(Code::SessionNotRunning, detail),
            ExecError::Store(error) => error.into(),
            ExecError::Driver(error) => problem_of_exec(&error).into(),
        }
    }
}
