//! `vitrine doctor --attack`: what hostile code would try first, tried in a throwaway sandbox on this very machine.
//!
//! The attempts are those of the attack suite that need nothing laid out on the host; the suite asserts that every one of
//! them is in its tables, where each is shown to get through when the walls in its way are missing.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use vitrine_jail::attempts::Outcome;
use vitrine_model::SandboxId;

use super::LocalDriver;
use super::cgroup::Cgroups;
use crate::driver::{
    Command, Driver, DriverError, ExecLimits, ExecOutput, Exit, Limits, Mount, SCRATCH_DIR, Sandbox,
    SandboxSpec, Urgency,
};

/// One attempt and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// What was tried, in a few words.
    pub name: &'static str,
    /// How it ended.
    pub ending: Ending,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was refused; what the kernel said.
    Refused(String),
    /// It got through: this sandbox does not hold.
    Through,
    /// It was not tried, because this machine limits nothing of the kind for this user.
    Unlimited,
}

/// What an attempt asks of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    ControlGroups,
}

/// A name, the words of `vitrine-guest attempt`, and what it needs.
type Row = (&'static str, &'static [&'static str], Needs);

/// The words in which braces stand for something of this process.
const PORT: &str = "{port}";
const PROCESS: &str = "{victim}";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("unshare a user namespace", &["unshare", "user"], Needs::Nothing),
    ("clone into a user namespace", &["clone-user"], Needs::Nothing),
    ("clone3 into a user namespace", &["clone3-user"], Needs::Nothing),
    ("enter the host's namespaces", &["join-namespace", "/proc/{victim}/ns/uts"], Needs::Nothing),
    ("mount a file system", &["mount", "tmpfs"], Needs::Nothing),
    ("mount control groups, for a release agent", &["mount", "cgroup", "memory"], Needs::Nothing),
    ("mount as root of a new user namespace", &["mount-as-new-user"], Needs::Nothing),
    ("mount a fresh proc over the covers", &["fresh-proc"], Needs::Nothing),
    ("remount the root to write", &["remount", "/"], Needs::Nothing),
    ("uncover a part of proc", &["unmount", "/proc/sys"], Needs::Nothing),
    ("clone the tree of mounts", &["clone-tree"], Needs::Nothing),
    ("change the root of the namespace", &["pivot-root"], Needs::Nothing),
    ("change the own root", &["chroot"], Needs::Nothing),
    ("make a bpf map", &["bpf"], Needs::Nothing),
    ("count performance events", &["perf"], Needs::Nothing),
    ("handle page faults", &["userfaultfd"], Needs::Nothing),
    ("set up io_uring", &["io-uring"], Needs::Nothing),
    ("add a key", &["add-key"], Needs::Nothing),
    ("watch the whole file system", &["fanotify"], Needs::Nothing),
    ("open a file by handle, as shocker did", &["file-handle"], Needs::Nothing),
    ("make a call that is newer than the filter", &["new-call"], Needs::Nothing),
    ("make a call of 32-bit programs", &["old-call"], Needs::Nothing),
    ("open a vsock to the hypervisor", &["socket", "40", "1", "0"], Needs::Nothing),
    ("make a pair of vsocks", &["socket-pair", "40", "1", "0"], Needs::Nothing),
    ("load a module", &["init-module"], Needs::Nothing),
    ("load another kernel", &["kexec"], Needs::Nothing),
    ("reboot", &["reboot"], Needs::Nothing),
    ("swap to a file", &["swapon"], Needs::Nothing),
    ("read the kernel's log", &["kernel-log"], Needs::Nothing),
    ("set the clock", &["clock"], Needs::Nothing),
    ("set the host name", &["host-name"], Needs::Nothing),
    ("become another user", &["become-user"], Needs::Nothing),
    ("have capabilities after executing", &["capabilities"], Needs::Nothing),
    ("see the path of the control group", &["find-in", "/proc/self/cgroup", "vitrine-"], Needs::Nothing),
    ("trace the guest", &["trace", "1"], Needs::Nothing),
    ("take a socket out of the guest", &["take-socket", "1"], Needs::Nothing),
    ("open the guest's memory", &["open-to-both", "/proc/1/mem"], Needs::Nothing),
    ("open the launcher's program, as against runc", &["open", "/proc/1/exe"], Needs::Nothing),
    ("signal a process of the host", &["signal", "{victim}"], Needs::Nothing),
    ("raise the own limits", &["raise-limit"], Needs::Nothing),
    ("put a file into the root", &["create", "/planted"], Needs::Nothing),
    ("replace a program of the root", &["open-to-write", "/usr/bin/env"], Needs::Nothing),
    ("name a program for core dumps", &["open-to-write", "/proc/sys/kernel/core_pattern"], Needs::Nothing),
    ("press the magic key", &["open-to-write", "/proc/sysrq-trigger"], Needs::Nothing),
    ("read the kernel's memory", &["read", "/proc/kcore"], Needs::Nothing),
    ("read where the kernel's functions are", &["read", "/proc/kallsyms"], Needs::Nothing),
    ("write to the kernel's log", &["open-to-write", "/dev/kmsg"], Needs::Nothing),
    ("open the machine's memory", &["open", "/dev/mem"], Needs::Nothing),
    ("open a device for networks", &["open-to-both", "/dev/net/tun"], Needs::Nothing),
    ("connect to a listener on the host's loopback", &["connect", "127.0.0.1:{port}"], Needs::Nothing),
    ("find a way to the cloud's metadata", &["route-to", "169.254.169.254:80"], Needs::Nothing),
    ("find a way to a private network", &["route-to", "10.0.0.1:443"], Needs::Nothing),
    ("see the host's interfaces", &["other-interface"], Needs::Nothing),
    ("send raw packets", &["socket", "2", "3", "1"], Needs::Nothing),
    ("listen to all packets", &["socket", "17", "3", "768"], Needs::Nothing),
    ("open files without end", &["hoard", "600"], Needs::Nothing),
    ("watch without end", &["inotify", "100"], Needs::Nothing),
    ("have the host handle core dumps", &["dump-core"], Needs::Nothing),
    ("fill the scratch directory", &["fill", "/tmp/fill", "64"], Needs::Nothing),
    ("fork without end", &["processes", "300"], Needs::ControlGroups),
    ("use up the memory", &["memory", "256"], Needs::ControlGroups),
];

/// Small, so that an attempt on a limit takes no more of the machine than it must.
const LIMITS: Limits = Limits {
    memory_bytes: 192 << 20,
    cpu_millis: 1_000,
    pids: 48,
    disk_bytes: 32 << 20,
    open_files: 512,
    urgency: Urgency::Background,
};

/// One attempt takes milliseconds; those on limits somewhat longer.
const WITHIN: ExecLimits = ExecLimits { timeout: Duration::from_secs(20), max_output_bytes: 1_024 };

/// Where the program with the attempts is inside.
const PROGRAM: &str = "/opt/attempt";

/// The words of every attempt, for the suite to compare with its tables.
pub fn attempts() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    ROWS.iter().map(|(name, words, _)| (*name, *words))
}

/// Makes a sandbox, tries everything in it and ends it.
pub(super) async fn run(
    driver: &LocalDriver,
    id: SandboxId,
    program: &Path,
) -> Result<Vec<Attack>, DriverError> {
    let program = Mount::ReadOnly { source: program.to_owned(), target: PROGRAM.into() };
    let has_groups = !matches!(driver.state.cgroups, Cgroups::None { .. });
    let started = driver.start(SandboxSpec { id, mounts: vec![program], limits: LIMITS }).await?;
    // Somebody to be reached, and not to be.
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let own = [(PORT, listener.local_addr()?.port().to_string()), (PROCESS, std::process::id().to_string())];
    let mut attacks = Vec::new();
    for (name, words, needs) in ROWS {
        let ending = match needs {
            Needs::ControlGroups if !has_groups => Ending::Unlimited,
            _ => try_one(started.sandbox.as_ref(), words, &own).await?,
        };
        attacks.push(Attack { name, ending });
    }
    started.sandbox.stop().await?;
    Ok(attacks)
}

async fn try_one(
    sandbox: &dyn Sandbox,
    words: &[&str],
    own: &[(&str, String)],
) -> Result<Ending, DriverError> {
    let named =
        |word: &&str| own.iter().fold((*word).to_owned(), |word, (brace, name)| word.replace(brace, name));
    let argv = [PROGRAM.to_owned(), "attempt".to_owned()].into_iter().chain(words.iter().map(named));
    let command = Command { argv: argv.collect(), env: BTreeMap::new(), cwd: SCRATCH_DIR.to_owned() };
    ending(&sandbox.exec(command, WITHIN).await?)
}

/// An attempt that says nothing and ended by itself was not made at all: that is no refusal.
fn ending(output: &ExecOutput) -> Result<Ending, DriverError> {
    let said = String::from_utf8_lossy(&output.stdout);
    match (Outcome::parse(&said), output.exit) {
        (Some(Outcome::Through), _) => Ok(Ending::Through),
        (Some(Outcome::Refused(errno)), _) => {
            Ok(Ending::Refused(std::io::Error::from_raw_os_error(errno).to_string()))
        }
        (None, Exit::OutOfMemory) => Ok(Ending::Refused("killed: its memory is used up".to_owned())),
        (None, Exit::Signal { signal }) => Ok(Ending::Refused(format!("killed by signal {signal}"))),
        (None, exit) => Err(DriverError::Refused(format!("an attempt could not be made: {exit:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str, exit: Exit) -> ExecOutput {
        ExecOutput { exit, stdout: stdout.to_owned().into(), stderr: bytes::Bytes::new() }
    }

    #[test]
    fn silence_is_no_refusal() {
        assert!(ending(&output("", Exit::Code { code: 2 })).is_err());
        assert_eq!(ending(&output("through\n", Exit::Code { code: 0 })).unwrap(), Ending::Through);
        assert!(matches!(ending(&output("errno 1\n", Exit::Code { code: 0 })), Ok(Ending::Refused(_))));
        assert!(matches!(ending(&output("", Exit::Signal { signal: 31 })), Ok(Ending::Refused(_))));
    }
}
