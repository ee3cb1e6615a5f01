//! What lies about on the host for an attempt to find: a secret file, listeners, a process, keys, shared memory.

use std::ffi::CStr;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;
use vitrine_jail::attempts::outside;
use vitrine_sandbox::local::{HostIds, LocalConfig, LocalDriver, RootSource};

use crate::arena::open_dir;

/// The key in the keyring of whoever starts a weakened launcher.
pub(crate) const KEY: &CStr = c"vitrine-attack-suite";

/// The name of the secret file.
const SECRET: &str = "secret";

/// A process that anybody could see.
const VICTIM: &str = "sleep";

/// All of it.
pub(crate) struct Bait {
    dir: TempDir,
    /// The guest binary as it ships, in which the attempts are.
    pub(crate) attempt: PathBuf,
    /// A program that executes this one with the words in the file beside it.
    pub(crate) launcher: PathBuf,
    /// A base root.
    pub(crate) root: PathBuf,
    /// A directory like a layer, which everybody on the host may write to.
    pub(crate) shared: PathBuf,
    tcp: TcpListener,
    _socket: UnixListener,
    _abstract: UnixListener,
    /// Open in this process and, by mistake, in every process it starts.
    _leaked: OwnedFd,
    victim: Child,
    shared_memory: i64,
    queue: i64,
}

impl Bait {
    pub(crate) fn lay() -> Self {
        let dir = open_dir();
        let at = |name: &str| dir.path().join(name);
        let config = LocalConfig { state_dir: at("state"), root: RootSource::Host, ids: HostIds::default() };
        drop(LocalDriver::new(config).unwrap());
        let made = |below: &str, prefix: &str| -> PathBuf {
            let entries = std::fs::read_dir(at(below)).unwrap().map(|entry| entry.unwrap().path());
            let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            entries.into_iter().find(|path| name(path).starts_with(prefix)).unwrap()
        };
        std::fs::write(at(SECRET), "the host's").unwrap();
        std::fs::set_permissions(at(SECRET), PermissionsExt::from_mode(0o666)).unwrap();
        std::fs::create_dir(at("shared")).unwrap();
        std::fs::set_permissions(at("shared"), PermissionsExt::from_mode(0o777)).unwrap();
        let socket = UnixListener::bind(at("socket")).unwrap();
        std::fs::set_permissions(at("socket"), PermissionsExt::from_mode(0o777)).unwrap();
        let name = UnixAddr::from_abstract_name(abstract_name()).unwrap();
        // Without O_CLOEXEC: this is the leak.
        let leaked = rustix::fs::open(dir.path(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let own = std::env::current_exe().unwrap();
        let words = "$(while read -r words; do echo \"$words\"; done < \"${0%/*}/words\")";
        std::fs::write(at("launcher"), format!("#!/bin/sh\nexec '{}' {words}\n", own.display())).unwrap();
        std::fs::set_permissions(at("launcher"), PermissionsExt::from_mode(0o755)).unwrap();
        Self {
            launcher: at("launcher"),
            attempt: made("state/bin", "vitrine-guest-"),
            root: made("state", "root-"),
            shared: at("shared"),
            tcp: TcpListener::bind("0.0.0.0:0").unwrap(),
            _socket: socket,
            _abstract: UnixListener::bind_addr(&name).unwrap(),
            _leaked: leaked,
            victim: Command::new(VICTIM).arg("1000").spawn().unwrap(),
            shared_memory: outside::make_shared_memory(ipc_key()).unwrap(),
            queue: outside::make_message_queue(ipc_key()).unwrap(),
            dir,
        }
    }

    /// Puts names of the bait in the place of their braces.
    pub(crate) fn name(&self, word: &str) -> String {
        let (major, minor) = block_device().unwrap_or((7, 0));
        let names = [
            ("{dir}", self.dir.path().display().to_string()),
            ("{port}", self.tcp.local_addr().unwrap().port().to_string()),
            ("{address}", own_address().ip().to_string()),
            ("{abstract}", abstract_name()),
            ("{victim}", self.victim.id().to_string()),
            ("{victim name}", VICTIM.to_owned()),
            ("{ipc}", ipc_key().to_string()),
            ("{key}", KEY.to_string_lossy().into_owned()),
            ("{host name}", host_name()),
            ("{major}", major.to_string()),
            ("{minor}", minor.to_string()),
            ("{disk}", disk().map_or_else(|| "/dev/none".to_owned(), |path| path.display().to_string())),
            ("{groups}", groups().display().to_string()),
        ];
        names.iter().fold(word.to_owned(), |word, (brace, name)| word.replace(brace, name))
    }

    /// Takes away what would stay.
    pub(crate) fn clear_away(mut self) {
        self.victim.kill().unwrap();
        self.victim.wait().unwrap();
        outside::remove_shared_memory(self.shared_memory).unwrap();
        outside::remove_message_queue(self.queue).unwrap();
    }
}

fn abstract_name() -> String {
    format!("vitrine-attacks-{}", std::process::id())
}

/// A key that no other run uses at the same time.
fn ipc_key() -> i32 {
    0x7669_0000 | (std::process::id() & 0xffff).cast_signed()
}

/// An address of this machine that is not the loopback; the loopback where there is no network. Sends nothing.
fn own_address() -> SocketAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    match socket.connect("192.0.2.1:9") {
        Ok(()) => socket.local_addr().unwrap(),
        Err(_) => SocketAddr::from(([127, 0, 0, 1], 9)),
    }
}

/// The first block device of this machine that its root may open.
fn disk() -> Option<PathBuf> {
    let partitions = std::fs::read_to_string("/proc/partitions").ok()?;
    let names = partitions.lines().skip(2).filter_map(|line| line.split_whitespace().nth(3));
    names
        .chain(["loop0"])
        .map(|name| Path::new("/dev").join(name))
        .find(|path| std::fs::File::open(path).is_ok())
}

fn block_device() -> Option<(u32, u32)> {
    let device = std::fs::metadata(disk()?).ok()?.rdev();
    Some((rustix::fs::major(device), rustix::fs::minor(device)))
}

/// Where control groups are, with a `release_agent` where they are of version 1.
fn groups() -> PathBuf {
    let version_1 = Path::new("/sys/fs/cgroup/memory");
    if version_1.exists() { version_1.to_owned() } else { PathBuf::from("/sys/fs/cgroup") }
}

fn host_name() -> String {
    nix::unistd::gethostname().unwrap().to_string_lossy().into_owned()
}
