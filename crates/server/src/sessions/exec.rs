//! Commands that a maker runs in their own sandbox, watched while they run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use vitrine_build::guard::{Guard, LineMask};
use vitrine_build::profile::{DevSettings, dev_env};
use vitrine_model::AppId;
use vitrine_model::problem::{Code, Problem};
use vitrine_sandbox::driver::{Command, ExecLimits, Exit, PROJECT_DIR};
use vitrine_sandbox::{DriverError, RunEvent, Running, Sandbox};
use vitrine_store::{Scope, StoreError};

use super::{Phase, Sessions, lock, preview};
use crate::faults;

/// How often a command that runs counts as use of its session: well before anything that is unused is frozen.
const USED_EVERY: Duration = Duration::from_secs(10);

/// Bytes of a line that are kept back while its end is awaited, when there are secrets to hide in it.
const MOST_HELD_BYTES: usize = 8 * 1024;

/// Why a command was not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecError {
    /// There is no sandbox to run it in.
    #[error("{0}")]
    NotRunning(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// What a command does, with secrets hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExecEvent {
    Output { is_stderr: bool, text: String },
    Ended(ExecEnd),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExecEnd {
    pub(crate) exit: Exit,
    /// There was more output than was asked for.
    pub(crate) is_truncated: bool,
    pub(crate) duration: Duration,
}

/// A command that runs; dropping it ends the command.
pub(crate) struct Exec {
    running: Running,
    begun: Instant,
    streams: [Spoken; 2],
    guard: Arc<Guard>,
    ready: std::collections::VecDeque<ExecEvent>,
    used: Interval,
    sessions: Sessions,
    scope: Scope,
    app: AppId,
}

impl Sessions {
    /// Runs a command in the sandbox of the caller's session, which has to run or to be frozen, and counts as its use from
    /// beginning to end. It gets the environment of the dev server without anything that the app's owner gave that by name.
    pub(crate) async fn exec(
        &self,
        scope: &Scope,
        app: &AppId,
        argv: Vec<String>,
        limits: ExecLimits,
    ) -> Result<Exec, ExecError> {
        let (sandbox, guard) = self.sandbox_for_use(scope, app).await?;
        let command = Command { argv, env: self.exec_env(scope, app).await?, cwd: PROJECT_DIR.to_owned() };
        let begun = Instant::now();
        let running = sandbox.run(command, limits).await?;
        let mut used = interval_at(begun + USED_EVERY, USED_EVERY);
        used.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Exec {
            running,
            begun,
            streams: Default::default(),
            guard,
            ready: Default::default(),
            used,
            sessions: self.clone(),
            scope: scope.clone(),
            app: app.clone(),
        })
    }

    /// Says why the operator does not allow a program.
    pub(crate) fn may_exec(&self, program: &str) -> Result<(), String> {
        let allowed = &self.0.context.sandbox.exec_allow;
        let mut names = allowed.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
        match (names.peek().is_none(), names.any(|name| name == "*" || name == program)) {
            (true, _) => Err("Whoever runs this server allows no commands.".to_owned()),
            (_, false) => Err(format!("Whoever runs this server allows these programs: {allowed}.")),
            (_, true) => Ok(()),
        }
    }

    /// The sandbox of the caller's session, thawed when it was frozen, and what hides secrets in what it says.
    async fn sandbox_for_use(
        &self,
        scope: &Scope,
        app: &AppId,
    ) -> Result<(Arc<dyn Sandbox>, Arc<Guard>), ExecError> {
        self.0.context.store.app(scope, app).await?;
        let none = ExecError::NotRunning("There is no session; start one first.");
        let row = match self.0.context.store.session(scope, app).await {
            Ok(row) if !row.status.is_over() => row,
            Ok(_) | Err(StoreError::NotFound) => return Err(none),
            Err(error) => return Err(error.into()),
        };
        // First: from here on nothing freezes it for want of use.
        self.remember(&row).await;
        self.touch_app(scope, app);
        let Some(preview) = lock(&self.0.previews).get(app).cloned() else { return Err(none) };
        if preview.is_frozen() {
            preview.order(preview::Command::Ensure);
            preview.thawed().await;
        }
        let snapshot = preview.snapshot();
        match (snapshot.phase, snapshot.sandbox.as_ref().and_then(std::sync::Weak::upgrade)) {
            (Phase::Running, Some(sandbox)) => Ok((sandbox, preview.logs.guard())),
            (Phase::Starting, _) => {
                Err(ExecError::NotRunning("The session is starting; try again in a moment."))
            }
            (Phase::Frozen, _) => {
                Err(ExecError::NotRunning("The session is waking up; try again in a moment."))
            }
            _ => Err(ExecError::NotRunning("The session does not run; start it again.")),
        }
    }

    async fn exec_env(&self, scope: &Scope, app: &AppId) -> Result<BTreeMap<String, String>, StoreError> {
        let context = &self.0.context;
        let settings = DevSettings {
            port: 0,
            preview_host_suffix: &context.preview_suffix,
            timezone: "UTC",
            has_prebundle: false,
            has_compile_cache: false,
            marks_elements: false,
        };
        let mut env = dev_env(&settings);
        // What listens is the dev server's affair: a second one takes a port of its own choice.
        env.retain(|name, _| !matches!(name.as_str(), "PORT" | "HOST"));
        if context.driver.isolates_network() && context.egress.is_wanted(scope, app).await? {
            env.extend(context.egress.environment());
        }
        Ok(env)
    }
}

impl Exec {
    /// What it does next; `None` after its end. A sandbox that is gone ends it with signal 9.
    pub(crate) async fn next(&mut self) -> Option<ExecEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let event = tokio::select! {
                event = self.running.next() => event?,
                _ = self.used.tick() => {
                    self.sessions.touch_app(&self.scope, &self.app);
                    continue;
                }
            };
            match event {
                Ok(RunEvent::Output { is_stderr, piece }) => {
                    let text = self.streams[usize::from(is_stderr)].push(&piece, &self.guard);
                    self.say(is_stderr, text);
                }
                Ok(RunEvent::Ended { exit, is_truncated }) => self.end(exit, is_truncated),
                Err(error) => {
                    self.say(true, format!("{}\n", problem_of(&error).detail));
                    let exit = match error {
                        DriverError::Timeout(_) => Exit::TimedOut,
                        _ => Exit::Signal { signal: 9 },
                    };
                    self.end(exit, false);
                }
            }
        }
    }

    fn say(&mut self, is_stderr: bool, text: String) {
        if !text.is_empty() {
            self.ready.push_back(ExecEvent::Output { is_stderr, text });
        }
    }

    fn end(&mut self, exit: Exit, is_truncated: bool) {
        for is_stderr in [false, true] {
            let rest = self.streams[usize::from(is_stderr)].finish(&self.guard);
            self.say(is_stderr, rest);
        }
        self.sessions.touch_app(&self.scope, &self.app);
        let duration = self.begun.elapsed();
        self.ready.push_back(ExecEvent::Ended(ExecEnd { exit, is_truncated, duration }));
    }
}

/// What people are told when a command could not be run.
pub(crate) fn problem_of(error: &DriverError) -> Problem {
    match error {
        DriverError::Ended => Problem::new(Code::SessionNotRunning, "The sandbox has ended."),
        DriverError::Refused(reason) => {
            Problem::new(Code::InvalidRequest, format!("The command was not started: {reason}."))
        }
        other => faults::of_driver(other),
    }
}

/// One stream on its way from bytes to text: whole characters, and whole lines where there are secrets to hide.
#[derive(Default)]
struct Spoken {
    /// The beginning of a character.
    bytes: Vec<u8>,
    /// The beginning of a line.
    line: String,
    mask: LineMask,
}

impl Spoken {
    /// Takes a piece; returns what can be shown.
    fn push(&mut self, piece: &[u8], guard: &Guard) -> String {
        self.bytes.extend_from_slice(piece);
        let text = take_text(&mut self.bytes);
        if guard.is_idle() {
            return text;
        }
        self.line.push_str(&text);
        let mut shown = String::new();
        while let Some((end, skipped)) = end_of_line(&self.line) {
            let rest = self.line.split_off(end);
            let line = std::mem::replace(&mut self.line, rest.get(skipped..).unwrap_or_default().to_owned());
            let is_whole = skipped > 0;
            shown.push_str(&self.mask.push(guard, &line).concat());
            if is_whole {
                shown.push_str(&self.mask.finish(guard).concat());
                shown.push('\n');
            }
        }
        shown
    }

    /// What is left at the end.
    fn finish(&mut self, guard: &Guard) -> String {
        let mut text = String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned();
        if guard.is_idle() {
            return text;
        }
        text.insert_str(0, &std::mem::take(&mut self.line));
        let mut lines = self.mask.push(guard, &text);
        lines.extend(self.mask.finish(guard));
        lines.concat()
    }
}

/// Where the first line ends and how many bytes its end has; a line that is too long to be kept back ends without one.
fn end_of_line(text: &str) -> Option<(usize, usize)> {
    match text.find('\n') {
        Some(at) if at <= MOST_HELD_BYTES => Some((at, 1)),
        _ if text.len() > MOST_HELD_BYTES => Some((text.floor_char_boundary(MOST_HELD_BYTES), 0)),
        _ => None,
    }
}

/// Takes all but the beginning of a character; what is none is replaced.
fn take_text(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut chunks = bytes.utf8_chunks().peekable();
    let mut kept = 0;
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        let is_cut = chunks.peek().is_none() && is_beginning(chunk.invalid());
        match chunk.invalid() {
            [] => {}
            invalid if is_cut => kept = invalid.len(),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    bytes.drain(..bytes.len() - kept);
    text
}

/// True for bytes that more bytes could make a character.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use vitrine_model::secret::SecretValue;

    use super::*;

    fn said(pieces: &[&[u8]], guard: &Guard) -> Vec<String> {
        let mut spoken = Spoken::default();
        let mut shown: Vec<_> = pieces.iter().map(|piece| spoken.push(piece, guard)).collect();
        shown.push(spoken.finish(guard));
        shown
    }

    #[test]
    fn a_character_that_is_cut_is_shown_whole_and_nonsense_as_such() {
        let guard = Guard::default();
        let crab = "🦀".as_bytes();
        assert_eq!(said(&[b"a", &crab[..2], &crab[2..], b"z"], &guard), ["a", "", "🦀", "z", ""]);
        assert_eq!(said(&[b"a\xffb", &crab[..3]], &guard), ["a\u{fffd}b", "", "\u{fffd}"]);
    }

    #[test]
    fn a_secret_is_hidden_wherever_its_pieces_are_cut() {
        let value = SecretValue::new("the-secret-value".to_owned());
        let guard = Guard::new([("KEY", &value)]);
        assert_eq!(
            said(&[b"one\nthe-sec", b"ret-value two\nend"], &guard),
            ["one\n", "[hidden] two\n", "end"]
        );
        for before in [MOST_HELD_BYTES - 20, MOST_HELD_BYTES - 8, MOST_HELD_BYTES, 2 * MOST_HELD_BYTES - 5] {
            let text = format!("{}the-secret-value!\n", "x".repeat(before));
            let shown = said(&[text.as_bytes()], &guard).concat();
            assert_eq!(shown, format!("{}[hidden]!\n", "x".repeat(before)), "after {before}");
        }
    }
}
