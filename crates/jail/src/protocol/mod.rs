//! What the server and the guest say to each other.
//!
//! Two sockets. The *control* socket (a stream) carries [`frame`]s: the server sends a [`crate::spec::LaunchSpec`],
//! then [`RequestFrame`]s; launcher and guest answer with [`Message`]s. The *dial* socket (sequenced packets) carries
//! [`DialRequest`]s one way and [`DialReply`]s with a descriptor the other, so that a connection never waits behind a
//! large batch of files. Neither side trusts the other's lengths; the server trusts nothing in a message at all.

pub mod frame;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One request of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFrame {
    /// Chosen by the server, repeated in the reply.
    pub id: u64,
    /// What to do.
    pub request: Request,
}

/// What the server may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// One part of a batch of files; only the last part is answered, with [`Reply::Applied`].
    Apply(ApplyPart),
    /// The project's files by hash; answered with [`Reply::Digest`] and a payload.
    Digest,
    /// The content of a file; answered with [`Reply::Content`] and a payload.
    Read {
        /// Relative to the project.
        path: String,
        /// At most this much.
        max_bytes: u64,
    },
    /// Everything beneath a folder; answered with [`Reply::Listing`] and a payload.
    List {
        /// Relative to the project; empty for the project itself.
        folder: String,
    },
    /// Pieces of files; answered with [`Reply::Fetched`] and a payload.
    Fetch {
        /// Together at most [`MAX_FETCH_BYTES`].
        pieces: Vec<FetchPiece>,
    },
    /// Starts a command under a name, after ending the one that has it; answered with [`Reply::Done`].
    Spawn {
        /// Its name.
        name: String,
        /// What to run.
        command: CommandSpec,
    },
    /// Ends a command; answered with [`Reply::Done`] once nothing of it is left.
    Kill {
        /// Its name.
        name: String,
    },
    /// Runs a command to its end; answered with [`Reply::Exec`] and both outputs as payload.
    Exec {
        /// What to run.
        command: CommandSpec,
        /// Killed after this.
        timeout_ms: u64,
        /// Of each stream, the last bytes.
        max_output_bytes: u64,
    },
    /// Runs a command and passes its output on as it comes; answered with any number of [`Reply::Piece`] and, at its end, one
    /// [`Reply::Ran`].
    Run {
        /// What to run.
        command: CommandSpec,
        /// Killed after this.
        timeout_ms: u64,
        /// Of both streams together, the first bytes; what comes after is read and dropped.
        max_output_bytes: u64,
    },
    /// Kills the command that the [`Request::Run`] of the same id started, with everything that it started; not answered
    /// itself. Nothing happens when it has ended.
    Cancel,
}

/// One part of a batch. The payload holds the content of `put`, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ApplyPart {
    /// Files, or pieces of files.
    pub put: Vec<PutPiece>,
    /// Files to remove.
    pub removed: Vec<String>,
    /// True for the last part: now put everything in place.
    pub is_last: bool,
}

/// A file or the next piece of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPiece {
    /// Relative to the project.
    pub path: String,
    /// Whether it may be executed.
    pub is_executable: bool,
    /// Bytes in the payload.
    pub size: u64,
    /// True when the next piece (in this part or the next one) continues this file.
    pub continues: bool,
}

/// Bytes that one [`Request::Fetch`] may ask for: what the guest holds in memory meanwhile.
pub const MAX_FETCH_BYTES: u64 = 4 * 1024 * 1024;

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchPiece {
    /// Relative to the project.
    pub path: String,
    /// Where it begins.
    pub offset: u64,
    /// At most this much.
    pub max_bytes: u64,
}

/// A command with its whole environment. Its `Debug` shows no values of it: secrets may be among them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Where, absolute.
    pub cwd: String,
}

impl std::fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.env.keys().collect();
        f.debug_struct("CommandSpec").field("argv", &self.argv).field("env", &names).finish_non_exhaustive()
    }
}

/// Anything the launcher or the guest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Message {
    /// From the launcher: the process that will be the guest, as the server's process namespace counts it. It is a
    /// child of the server.
    Launched {
        /// Its process id.
        pid: i32,
    },
    /// From either, instead of `Ready`: a step failed, nothing is left of the sandbox.
    Failed {
        /// Which step.
        step: String,
        /// What the system said.
        reason: String,
    },
    /// From the guest: requests may come.
    Ready,
    /// The answer to a request.
    Reply {
        /// The request's.
        id: u64,
        /// How it went.
        reply: Reply,
    },
    /// Something happened.
    Event(Event),
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reply {
    /// The batch is in place.
    Applied(AppliedCounts),
    /// Payload: a JSON list of [`HeldEntry`].
    Digest,
    /// Payload: the content.
    Content {
        /// False when there is no such file.
        is_found: bool,
    },
    /// Payload: a JSON list of [`ListedEntry`].
    Listing,
    /// Payload: the pieces, one after the other.
    Fetched {
        /// Bytes of each; absent where there is no such file.
        sizes: Vec<Option<u64>>,
    },
    /// It was done.
    Done,
    /// The command ended. Payload: standard output, then standard error.
    Exec {
        /// How it ended.
        exit: Ended,
        /// Bytes of the payload that are standard output.
        stdout_bytes: u64,
    },
    /// A part of the answer to [`Request::Run`]. Payload: a piece of its output, never empty.
    Piece {
        /// True for standard error.
        is_stderr: bool,
    },
    /// The command that [`Request::Run`] started has ended, and nothing of it is left.
    Ran {
        /// How it ended.
        exit: Ended,
        /// True when there was more output than was asked for.
        is_truncated: bool,
    },
    /// It could not be done.
    Failed {
        /// What kind of failure.
        kind: FailureKind,
        /// In words.
        reason: String,
    },
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A limit of the sandbox was reached.
    Limit,
    /// The guest would not or could not.
    Refused,
}

/// Counts of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AppliedCounts {
    /// Files written.
    pub written: u32,
    /// Files that were so already.
    pub unchanged: u32,
    /// Files removed.
    pub removed: u32,
}

/// One file of a digest. The names are whatever the sandbox called them: the server checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldEntry {
    /// Relative to the project.
    pub path: String,
    /// Of the content, hexadecimal.
    pub sha256: String,
    /// Whether it may be executed.
    pub is_executable: bool,
}

/// One entry of a listing. The names are whatever the sandbox called them: the server checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedEntry {
    /// Relative to the listed folder; empty for what stands in its place.
    pub path: String,
    /// What it is.
    pub kind: ListedKind,
    /// Bytes, of an ordinary file.
    pub size: u64,
}

/// What an entry is. Folders are not listed, only what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListedKind {
    /// An ordinary file.
    File,
    /// A symbolic link, wherever it leads.
    Link,
    /// A name that is not UTF-8; shown with replacement characters.
    NotUnicode,
    /// A device, a socket, a pipe, a mount, or a folder that cannot be opened.
    Other,
}

/// Something that happened inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Lines of a command's output.
    Output {
        /// The command.
        name: String,
        /// True for standard error.
        is_stderr: bool,
        /// Without line ends.
        lines: Vec<String>,
    },
    /// Lines came faster than the guest forwards them.
    Dropped {
        /// The command.
        name: String,
        /// How many.
        lines: u64,
    },
    /// A command ended and nothing of it is left.
    Exited {
        /// The command.
        name: String,
        /// How.
        exit: Ended,
    },
}

/// How a command ended, as far as the guest can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ended {
    /// By itself.
    Code {
        /// Its exit code.
        code: i32,
    },
    /// By a signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// Killed because its time was up.
    TimedOut,
}

/// Asks for a descriptor, over the dial socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialRequest {
    /// Repeated in the reply.
    pub id: u64,
    /// On the loopback interface.
    pub port: u16,
    /// False: connect; true: listen.
    pub is_listen: bool,
}

/// The answer, with the descriptor attached when there is no error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialReply {
    /// The request's.
    pub id: u64,
    /// What went wrong.
    pub error: Option<DialError>,
}

/// Why there is no descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum DialError {
    /// Nothing listens there.
    Refused,
    /// Whoever listens did not answer in time.
    TimedOut,
    /// Something else, in words.
    Other {
        /// What the system said.
        reason: String,
    },
}

/// Bytes in one packet of the dial socket: a small JSON object.
pub const MAX_DIAL_BYTES: usize = 1024;
