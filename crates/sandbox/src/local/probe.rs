//! Can this machine make sandboxes? Looked at piece by piece, then tried.

use std::path::Path;
use std::time::Duration;

use vitrine_jail::protocol::{Message, frame};
use vitrine_jail::spec::{LaunchSpec, MountSpec};

use super::base::{NEEDED_LIBRARIES, library};
use super::cgroup::Cgroups;
use super::launch::{Init, Launched, Progress, progress};
use super::state::State;
use super::users::Users;
use super::{HostIds, LocalConfig, RootSource};
use crate::driver::DriverError;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What was looked at: `kernel`, `cgroups`, …
    pub name: &'static str,
    /// False when sandboxes cannot be made, or not safely.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do about it; empty when there is nothing to do.
    pub advice: String,
}

impl Probe {
    fn new(name: &'static str, ok: bool, detail: impl Into<String>, advice: &str) -> Self {
        let advice = if ok { String::new() } else { advice.to_owned() };
        Self { name, ok, detail: detail.into(), advice }
    }
}

/// The oldest kernel with every call we make: `mount_setattr` came with 5.12.
const OLDEST_KERNEL: (u32, u32) = (5, 12);

/// Watching files takes one or two of these for each dev server. Sandboxes that cannot be users of their own share the
/// server's allowance.
const ENOUGH_INOTIFY_INSTANCES: u64 = 512;

/// What a user of its own may have at least, which is every kernel's default.
const ENOUGH_FOR_ONE: u64 = 64;

const TRY_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn run(ids: HostIds) -> Vec<Probe> {
    vec![
        kernel(),
        user_namespaces(),
        users(ids),
        libraries(),
        cgroups(),
        landlock(),
        inotify(ids),
        core_dumps(),
        throwaway(ids),
    ]
}

fn kernel() -> Probe {
    let release = read("/proc/sys/kernel/osrelease");
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let advice = "use a kernel of version 5.12 or newer (5.15 or newer recommended)";
    Probe::new("kernel", version >= OLDEST_KERNEL, release, advice)
}

fn user_namespaces() -> Probe {
    let limit = read("/proc/sys/user/max_user_namespaces");
    let switch = read("/proc/sys/kernel/unprivileged_userns_clone");
    let restricted = read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    let is_root = rustix::process::geteuid().is_root();
    let ok = limit != "0" && (is_root || (switch != "0" && restricted != "1"));
    let advice = "allow user namespaces: sysctl user.max_user_namespaces=10000, and where they exist \
                  kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0; or run as root";
    let who = if is_root { "as root" } else { "as an ordinary user" };
    Probe::new("user namespaces", ok, format!("at most {limit}, {who}"), advice)
}

fn libraries() -> Probe {
    let missing: Vec<&str> = NEEDED_LIBRARIES.into_iter().filter(|name| library(name).is_none()).collect();
    let detail = match missing.is_empty() {
        true => NEEDED_LIBRARIES.join(", "),
        false => format!("missing: {}", missing.join(", ")),
    };
    let advice =
        "install the C++ runtime (on Debian: libstdc++6), or name a root file system in the configuration";
    Probe::new("libraries", missing.is_empty(), detail, advice)
}

fn cgroups() -> Probe {
    let cgroups = Cgroups::detect("vitrine-probe");
    let missing = cgroups.missing();
    let advice = "without control groups sandboxes have no limits on memory and CPU: run as root, or under systemd \
                  with Delegate=yes (systemd-run --user --scope -p Delegate=yes vitrine serve)";
    let detail = match missing.is_empty() {
        true => cgroups.describe(),
        false => format!("{}; missing: {}", cgroups.describe(), missing.join(", ")),
    };
    Probe::new("cgroups", missing.is_empty(), detail, advice)
}

/// What files are renamed with came with the second version; the first is as good as none.
const OLDEST_LANDLOCK: u32 = 2;

fn landlock() -> Probe {
    let version = vitrine_jail::launch::landlock_version();
    let detail = match version {
        0 => "this kernel has none".to_owned(),
        version => format!("version {version}"),
    };
    let advice = "sandboxes hold without it, with one wall less: use a kernel of version 5.19 or newer, with landlock in \
                  its list of security modules (lsm=…)";
    Probe::new("landlock", version >= OLDEST_LANDLOCK, detail, advice)
}

fn inotify(ids: HostIds) -> Probe {
    let instances = read("/proc/sys/fs/inotify/max_user_instances");
    let users = Users::detect(ids, 0);
    let (enough, whose) = match users.is_ok_and(|users| !users.are_shared()) {
        true => (ENOUGH_FOR_ONE, "each sandbox"),
        false => (ENOUGH_INOTIFY_INSTANCES, "all sandboxes together"),
    };
    let ok = instances.parse::<u64>().is_ok_and(|instances| instances >= enough);
    let detail = format!("{instances} watchers for {whose}; a dev server needs one or two");
    Probe::new(
        "inotify",
        ok,
        detail,
        "sysctl fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576",
    )
}

fn users(ids: HostIds) -> Probe {
    let advice = "without a user for each sandbox, what the kernel counts by user can be used up by one for all: run as root, \
                  with sandbox.host_id_first and sandbox.host_ids in the configuration naming ids that nobody else has";
    match Users::detect(ids, 0) {
        Ok(users) if users.are_shared() => {
            Probe::new("users", false, "all sandboxes are one user of the host", advice)
        }
        Ok(_) => Probe::new("users", true, format!("{} of the host's, from {}", ids.count, ids.first), ""),
        Err(error) => Probe::new("users", false, error.to_string(), advice),
    }
}

/// A program that the kernel starts for core dumps runs as the host's root, one for each dump unless it is told to wait.
/// Sandboxes ask for none; other things on this machine may.
fn core_dumps() -> Probe {
    let (pattern, at_once) =
        (read("/proc/sys/kernel/core_pattern"), read("/proc/sys/kernel/core_pipe_limit"));
    let is_handed_out = pattern.starts_with(['|', '@']);
    let detail = match is_handed_out {
        true => format!("handed to {pattern}, {at_once} at a time (0: any number)"),
        false => format!("written to files: {pattern}"),
    };
    let advice = "sandboxes dump no cores; for everything else: sysctl kernel.core_pipe_limit=16, or a file in \
                  kernel.core_pattern";
    Probe::new("core dumps", !is_handed_out || at_once != "0", detail, advice)
}

fn throwaway(ids: HostIds) -> Probe {
    let advice = "see the findings above; inside a container, sandboxes need its privileged mode or a driver other \
                  than local";
    match make_throwaway(ids) {
        Ok(()) => Probe::new("sandbox", true, "one was made, with an overlay, and removed", ""),
        Err(error) => Probe::new("sandbox", false, error.to_string(), advice),
    }
}

/// Makes a sandbox without limits, with an overlay mount, and ends it.
fn make_throwaway(ids: HostIds) -> Result<(), DriverError> {
    let dir = std::env::temp_dir().join(format!("vitrine-probe-{}", std::process::id()));
    let made = make_throwaway_in(&dir, ids);
    let removed = std::fs::remove_dir_all(&dir);
    made.and_then(|()| Ok(removed?))
}

fn make_throwaway_in(dir: &Path, ids: HostIds) -> Result<(), DriverError> {
    let state = State::prepare(&LocalConfig { state_dir: dir.to_owned(), root: RootSource::Host, ids })?;
    let lower = dir.join("lower");
    std::fs::create_dir(&lower)?;
    let user = state.users.take()?;
    let overlay = MountSpec::Overlay { lowers: vec![lower], target: "/workspace/app/node_modules".into() };
    let spec = LaunchSpec {
        cgroup_procs: Vec::new(),
        identity: user.identity,
        mount_point: state.mount_point.clone(),
        root: state.root.clone(),
        mounts: vec![overlay],
        disk_bytes: 1024 * 1024,
        disk_inodes: 128,
        open_files: 256,
        processes: None,
    };
    let mut launched = Launched::start(&state.guest, &spec)?;
    launched.control.set_read_timeout(Some(TRY_WITHIN))?;
    let mut init = None;
    let outcome = follow(&mut launched, &mut init);
    if let Some(init) = &init {
        init.kill();
        init.reap();
    }
    outcome
}

fn follow(launched: &mut Launched, init: &mut Option<Init>) -> Result<(), DriverError> {
    loop {
        let message = frame::read::<Message>(&mut launched.control);
        let message = message.map_err(|error| std::io::Error::other(error.to_string()))?;
        let (message, _) = message.ok_or(DriverError::Ended)?;
        match progress(message)? {
            Progress::Launched(pid) => *init = Some(Init::open(pid)?),
            Progress::Ready => return Ok(()),
        }
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
