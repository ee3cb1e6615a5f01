//! Where things are inside a sandbox.

/// The writable tree: the project and the place where its files are staged, on one mount so that renames work.
pub const WORKSPACE: &str = "/workspace";

/// The project, beneath [`WORKSPACE`].
pub const PROJECT: &str = "/workspace/app";

/// Where files are written before they are renamed into the project, beneath [`WORKSPACE`].
pub const STAGING: &str = "/workspace/.stage";

/// The writable place outside the project.
pub const SCRATCH: &str = "/tmp";

/// The name of the host inside.
pub const HOST_NAME: &str = "sandbox";

/// Processes and threads that the guest itself needs beside those of its commands: itself, its two other threads, and
/// one keeper for each of a few commands. Added to the sandbox's limit.
pub const GUEST_PIDS: u32 = 8;
