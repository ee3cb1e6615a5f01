//! Links and races on the way of files into and out of a sandbox, and other deeds that need a hand outside.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use nix::libc::{ENODATA, ENOENT, EPERM, ETOOMANYREFS};
use vitrine_jail::walls::Wall::BeneathProject;
use vitrine_sandbox::driver::{CollectLimits, Command, RefusalReason};
use vitrine_sandbox::{DriverError, Sandbox};

use crate::arena::{ATTEMPT, Arena};
use crate::attempt::Refusal::Errno;
use crate::attempt::{Attempt, Group, Proof, Seen, Tries};
use crate::support::{self, batch, path};

/// What is done with a hand outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// A link in the project, where the server reads a file.
    ReadLink,
    /// A link in the place of a folder, where the server reads a file.
    ReadBehindLink,
    /// A link in the place of a folder, where the server writes a file.
    WriteBehindLink,
    /// The same, where it removes one.
    RemoveBehindLink,
    /// A link in the place of the folder that a build leaves.
    CollectBehindLink,
    /// A link that leads out by way of `/proc`, past every directory.
    ReadMagicLink,
    /// Folders and links change places while files are written.
    RaceWrites,
    /// A program that root owns and that gives root to whoever runs it, in a directory of the host.
    LeaveRootsProgram,
    /// A command whose working directory is a descriptor that the server forgot to close.
    WorkInLeakedFolder,
    /// What the server's environment has, looked for in every environment inside.
    ReadEnvironment,
    /// A port that a neighbour listens on.
    ConnectToNeighbour,
    /// Descriptors in flight, as many as the kernel takes, while somebody connects to a neighbour.
    ParkBesideNeighbour,
    /// The same, while somebody connects to the sandbox itself.
    ParkBesideGuest,
}

const fn row(name: &'static str, deed: Deed, errno: &'static [i32]) -> Attempt {
    let proof = Proof::Without(&[BeneathProject]);
    Attempt { name, group: Group::Links, tries: Tries::With(deed), refused: Errno(errno), proof }
}

#[rustfmt::skip]
pub(crate) const TABLE: &[Attempt] = &[
    row("have the server read a link", Deed::ReadLink, &[ENOENT]),
    row("have the server read behind a link", Deed::ReadBehindLink, &[ENOENT]),
    row("have the server read through proc", Deed::ReadMagicLink, &[ENOENT]),
    row("have the server write behind a link", Deed::WriteBehindLink, &[ENOENT]),
    row("have the server remove behind a link", Deed::RemoveBehindLink, &[ENOENT]),
    row("have the server collect behind a link", Deed::CollectBehindLink, &[ENOENT]),
    row("change folder and link while the server writes", Deed::RaceWrites, &[ENOENT]),
];

impl Deed {
    /// Does it.
    pub(crate) async fn run(self, arena: &Arena<'_>) -> Seen {
        match self {
            Self::ReadLink => through_if(reads(arena, "ln -s /etc/passwd link", "link").await, ENOENT),
            Self::ReadBehindLink => through_if(reads(arena, "ln -s /etc link", "link/passwd").await, ENOENT),
            Self::ReadMagicLink => {
                through_if(reads(arena, "ln -s /proc/self/root/etc link", "link/passwd").await, ENOENT)
            }
            Self::WriteBehindLink => through_if(writes(arena).await, ENOENT),
            Self::RemoveBehindLink => through_if(removes(arena).await, ENOENT),
            Self::CollectBehindLink => through_if(collects(arena).await, ENOENT),
            Self::RaceWrites => through_if(races(arena).await, ENOENT),
            Self::LeaveRootsProgram => through_if(leaves_program(arena).await, EPERM),
            Self::WorkInLeakedFolder => through_if(works_in_leaked(arena).await, ENOENT),
            Self::ReadEnvironment => through_if(reads_environment(arena).await, ENODATA),
            Self::ConnectToNeighbour => connects_to_neighbour(arena).await,
            Self::ParkBesideNeighbour => {
                let neighbour = arena.neighbour().await;
                let seen = parks(arena, neighbour.sandbox()).await;
                neighbour.end().await;
                seen
            }
            Self::ParkBesideGuest => parks(arena, arena.sandbox()).await,
        }
    }
}

fn through_if(is_through: bool, errno: i32) -> Seen {
    if is_through { Seen::Through } else { Seen::Errno(errno) }
}

/// Whether the server gets what is behind a link that a script has made.
async fn reads(arena: &Arena<'_>, script: &str, place: &str) -> bool {
    assert!(arena.sh(script).await.exit.is_success());
    let content = arena.sandbox().read(&path(place), 10_000).await;
    content.is_ok_and(|content| content.is_some_and(|content| content.starts_with(b"root:")))
}

async fn says(arena: &Arena<'_>, script: &str) -> String {
    String::from_utf8_lossy(&arena.sh(script).await.stdout).trim().to_owned()
}

async fn writes(arena: &Arena<'_>) -> bool {
    assert!(arena.sh("mkdir /workspace/out && ln -s /workspace/out src").await.exit.is_success());
    // Refused, or the link is replaced by a folder: what it led to is what counts.
    let _ = arena.sandbox().apply(batch(&[("src/a.txt", "through")], &[])).await;
    !says(arena, "ls -A /workspace/out").await.is_empty()
}

async fn removes(arena: &Arena<'_>) -> bool {
    assert!(
        arena
            .sh("mkdir /tmp/out && echo kept > /tmp/out/a.txt && ln -s /tmp/out src")
            .await
            .exit
            .is_success()
    );
    let _ = arena.sandbox().apply(batch(&[], &["src/a.txt"])).await;
    says(arena, "cat /tmp/out/a.txt").await != "kept"
}

async fn collects(arena: &Arena<'_>) -> bool {
    assert!(
        arena
            .sh("mkdir /tmp/out && echo outside > /tmp/out/index.html && ln -s /tmp/out dist")
            .await
            .exit
            .is_success()
    );
    let limits = CollectLimits { files: 100, file_bytes: 10_000, total_bytes: 100_000 };
    let collected = arena.sandbox().collect(Some(&path("dist")), limits).await.unwrap();
    let is_told = collected.refused.iter().any(|refused| refused.reason == RefusalReason::Link);
    assert!(is_told == collected.files.is_empty(), "{collected:?}");
    !is_told
}

async fn races(arena: &Arena<'_>) -> bool {
    const ROUNDS: u32 = 200;
    let race = "mkdir -p /workspace/out real; while :; do ln -s /workspace/out src; rm src; mv real src; mv src real; done";
    arena.sandbox().spawn("race", support::sh(race)).await.unwrap();
    for round in 0..ROUNDS {
        let _ = arena.sandbox().apply(batch(&[("src/a.txt", &round.to_string())], &[])).await;
    }
    arena.sandbox().kill("race").await.unwrap();
    !says(arena, "ls -A /workspace/out").await.is_empty()
}

async fn leaves_program(arena: &Arena<'_>) -> bool {
    assert!(
        arena.sh("cp /usr/bin/env /opt/left/program && chmod 4755 /opt/left/program").await.exit.is_success()
    );
    let left = std::fs::metadata(arena.left.join("program")).unwrap();
    left.uid() == 0 && left.permissions().mode() & 0o4000 != 0
}

/// As against runc in 2024: the working directory is a descriptor of the process that starts the command.
async fn works_in_leaked(arena: &Arena<'_>) -> bool {
    const DESCRIPTORS: u32 = 64;
    for number in 3..DESCRIPTORS {
        let command = Command { cwd: format!("/proc/self/fd/{number}"), ..support::sh("cat secret") };
        let output = arena.sandbox().exec(command, support::limits()).await;
        if output.is_ok_and(|output| output.exit.is_success()) {
            return true;
        }
    }
    false
}

/// Cargo has given this process variables; no process inside has any of them.
async fn reads_environment(arena: &Arena<'_>) -> bool {
    let seen = says(arena, "cat /proc/[0-9]*/environ /proc/self/environ | tr '\\0' '\\n'").await;
    assert!(std::env::vars().any(|(name, _)| name == "PATH"));
    let own = |line: &str| {
        ["PATH=/usr/bin:/bin", "PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own))
    };
    seen.lines().any(|line| !own(line) && !line.is_empty())
}

async fn connects_to_neighbour(arena: &Arena<'_>) -> Seen {
    let neighbour = arena.neighbour().await;
    let listener = neighbour.sandbox().listen(NEIGHBOUR_PORT).await;
    let words = ["connect".to_owned(), format!("127.0.0.1:{NEIGHBOUR_PORT}")];
    let seen = Seen::of(&arena.attempt(&words).await);
    drop(listener);
    neighbour.end().await;
    seen
}

/// A port that nothing on the host uses.
const NEIGHBOUR_PORT: u16 = 47_113;

/// Got through when `other`, a sandbox that answered before, cannot be connected to any more.
async fn parks(arena: &Arena<'_>, other: &dyn Sandbox) -> Seen {
    let _listener = other.listen(NEIGHBOUR_PORT).await.unwrap();
    drop(other.dial(NEIGHBOUR_PORT).await.unwrap());
    let park = support::sh(&format!("exec {ATTEMPT} attempt park /tmp/parked"));
    arena.sandbox().spawn("park", park).await.unwrap();
    support::eventually("the kernel takes no more", || async {
        arena.sh("cat /tmp/parked").await.exit.is_success()
    })
    .await;
    match other.dial(NEIGHBOUR_PORT).await {
        Err(DriverError::Refused(_)) => Seen::Through,
        Err(error) => Seen::Odd(error.to_string()),
        Ok(_) => Seen::Errno(ETOOMANYREFS),
    }
}
