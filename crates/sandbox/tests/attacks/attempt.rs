//! One row of the tables, and what is asserted of it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::libc::{EACCES, EAFNOSUPPORT, EBUSY, EINVAL, ENODEV, ENOENT, ENOSYS, ENXIO, EPERM, EPROTONOSUPPORT};
use vitrine_jail::attempts::Outcome;
use vitrine_jail::launch::landlock_version;
use vitrine_jail::walls::Wall;
use vitrine_sandbox::driver::{ExecOutput, Exit};

use crate::arena::Arena;
use crate::bait::Bait;
use crate::links::Deed;
use crate::{names, support};

/// Attempts that were seen to get through without their walls, in this run.
pub(crate) static PROVEN: AtomicUsize = AtomicUsize::new(0);

/// Something hostile code tries.
pub(crate) struct Attempt {
    /// What, in a few words.
    pub(crate) name: &'static str,
    /// Among which.
    pub(crate) group: Group,
    /// How.
    pub(crate) tries: Tries,
    /// How it ends in a sandbox as it ships.
    pub(crate) refused: Refusal,
    /// How it is known that the test can fail.
    pub(crate) proof: Proof,
}

/// The groups of the promises.
#[derive(Clone, Copy)]
pub(crate) enum Group {
    Kernel,
    Processes,
    Files,
    Network,
    Limits,
    Links,
}

impl fmt::Display for Group {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Kernel => "kernel",
            Self::Processes => "processes",
            Self::Files => "files",
            Self::Network => "network",
            Self::Limits => "limits",
            Self::Links => "links",
        })
    }
}

/// How an attempt is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tries {
    /// `vitrine-guest attempt` with these words inside. `{at}` stands for where the host's files would be, any other
    /// braces for what [`Bait`] has laid out.
    Inside(&'static [&'static str]),
    /// Something between what is inside and the guest.
    With(Deed),
}

/// How an attempt is refused.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    /// By one of these error numbers.
    Errno(&'static [i32]),
    /// By killing who tries, for a system call that no program has.
    Killed,
    /// By killing who tries, because its memory is used up.
    OutOfMemory,
}

/// How it is known that the test can fail.
#[derive(Clone, Copy)]
pub(crate) enum Proof {
    /// It gets through when all of these are gone; each of them alone refuses it.
    Without(&'static [Wall]),
    /// The same, on machines whose root has the capability of this number.
    WithoutWhereRootHas(u32, &'static [Wall]),
    /// It is refused, and cannot be shown to get through, at least on the kernel that the tables were made on, because.
    Apart(&'static str),
}

/// How an attempt ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Through,
    Errno(i32),
    Killed,
    OutOfMemory,
    /// Something that no attempt ends with.
    Odd(String),
}

impl Attempt {
    /// Everything that is asserted of the row. Root only can take walls away.
    pub(crate) async fn try_all(&self, bait: &Bait) -> Result<(), String> {
        let walls = self.proof.walls();
        if !support::is_root() && walls.contains(&Wall::ControlGroup) {
            return Ok(());
        }
        let seen = self.run(bait, &[]).await;
        if !self.refused.covers(&seen) {
            return Err(format!("in a sandbox as it ships: {seen:?}"));
        }
        if let Proof::Apart(why) = self.proof {
            println!("refused, and not shown to get through: {}: {why}", self.name);
        }
        match support::is_root() && !walls.is_empty() && self.proof.is_possible() {
            true => self.prove(bait, walls).await,
            false => Ok(()),
        }
    }

    async fn prove(&self, bait: &Bait, walls: &[Wall]) -> Result<(), String> {
        match self.run(bait, walls).await {
            Seen::Through => {}
            seen if seen.is_absence() && self.tries.may_lack_ground() => {
                println!("not on this machine: {}: {seen:?}", self.name);
                return Ok(());
            }
            seen => return Err(format!("without {}: {seen:?}", names(walls))),
        }
        for wall in walls.iter().filter(|wall| can_stand_alone(**wall)) {
            let others: Vec<Wall> = walls.iter().copied().filter(|other| other != wall).collect();
            let seen = self.run(bait, &others).await;
            if matches!(seen, Seen::Through | Seen::Odd(_)) {
                return Err(format!("{wall:?} alone does not hold: without {}: {seen:?}", names(&others)));
            }
        }
        PROVEN.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn run(&self, bait: &Bait, without: &[Wall]) -> Seen {
        let arena = Arena::start(bait, without).await;
        let seen = match self.tries {
            Tries::With(deed) => deed.run(&arena).await,
            Tries::Inside(words) => self.run_inside(&arena, bait, words).await,
        };
        arena.end().await;
        seen
    }

    /// Where the words name a place on the host, both places where it could be are tried.
    async fn run_inside(&self, arena: &Arena<'_>, bait: &Bait, words: &[&str]) -> Seen {
        let places = if words.concat().contains("{at}") { &["", "/host"][..] } else { &[""] };
        let mut seen = Seen::Odd("not tried".to_owned());
        for place in places {
            let words: Vec<String> =
                words.iter().map(|word| bait.name(&word.replace("{at}", place))).collect();
            seen = Seen::of(&arena.attempt(&words).await);
            if seen == Seen::Through {
                return seen;
            }
        }
        seen
    }
}

impl Tries {
    /// Whether it may be that a machine lacks what is tried. A race may also be lost every time.
    fn may_lack_ground(self) -> bool {
        matches!(self, Self::Inside(_) | Self::With(Deed::RaceWrites))
    }
}

impl Proof {
    fn walls(self) -> &'static [Wall] {
        match self {
            Self::Without(walls) | Self::WithoutWhereRootHas(_, walls) => walls,
            Self::Apart(_) => &[],
        }
    }

    fn is_possible(self) -> bool {
        let Self::WithoutWhereRootHas(capability, _) = self else { return true };
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
        u64::from_str_radix(effective, 16).unwrap() & (1 << capability) != 0
    }
}

/// Older kernels have less of Landlock than the tables say.
fn can_stand_alone(wall: Wall) -> bool {
    const WITH_SCOPES: u32 = 6;
    wall != Wall::Landlock || landlock_version() >= WITH_SCOPES
}

impl Refusal {
    fn covers(self, seen: &Seen) -> bool {
        match (self, seen) {
            // What is not there at all cannot be had either; that it is meant is seen where it gets through.
            (_, Seen::Errno(ENOENT | ENOSYS)) => true,
            (Self::Errno(expected), Seen::Errno(errno)) => expected.contains(errno),
            (Self::Killed, Seen::Killed) | (Self::OutOfMemory, Seen::OutOfMemory) => true,
            _ => false,
        }
    }
}

impl Seen {
    pub(crate) fn of(output: &ExecOutput) -> Self {
        const BAD_CALL: i32 = 31;
        // How a kernel without 32-bit programs ends who makes a call of theirs.
        const BAD_INSTRUCTION: i32 = 11;
        let said = String::from_utf8_lossy(&output.stdout);
        match (output.exit, Outcome::parse(&said)) {
            (_, Some(Outcome::Through)) => Self::Through,
            (_, Some(Outcome::Refused(errno))) => Self::Errno(errno),
            (Exit::OutOfMemory, None) => Self::OutOfMemory,
            (Exit::Signal { signal: BAD_CALL }, None) => Self::Killed,
            (Exit::Signal { signal: BAD_INSTRUCTION }, None) => Self::Errno(ENOSYS),
            (exit, None) => Self::Odd(format!("{exit:?}: {said}")),
        }
    }

    /// What a machine answers that does not have the thing at all, or refuses it to everybody by a setting.
    fn is_absence(&self) -> bool {
        match self {
            Self::Errno(
                ENOSYS | ENOENT | ENODEV | ENXIO | EAFNOSUPPORT | EPROTONOSUPPORT | EINVAL | EBUSY,
            ) => true,
            Self::Errno(EPERM | EACCES) => is_hardened(),
            _ => false,
        }
    }
}

/// Whether this machine refuses more than a kernel does by itself: then some attempts never get through.
fn is_hardened() -> bool {
    const SETTINGS: [(&str, i64); 5] = [
        ("kernel/perf_event_paranoid", 2),
        ("kernel/yama/ptrace_scope", 0),
        ("kernel/io_uring_disabled", 0),
        ("kernel/apparmor_restrict_unprivileged_userns", 0),
        ("kernel/unprivileged_bpf_disabled", 2),
    ];
    let value =
        |name: &str| std::fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse::<i64>().ok();
    SETTINGS.iter().any(|(name, usual)| value(name).is_some_and(|value| value > *usual))
}
