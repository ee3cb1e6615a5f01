//! The sandbox's root file system: put together on a private mount, then entered for good.
//!
//! Everything happens in one small tmpfs on the host's (otherwise empty) mount point, the working directory here:
//!
//! ```text
//! skeleton/   mount points and the minimal /etc: the top layer of the root
//! low/        the host's directories, bound here so that overlays can name them without the host's paths
//! empty/      nothing: the second layer that a read-only overlay needs
//! masks/      an empty file and directory to cover parts of /proc with
//! disk/       the size-limited tmpfs: workspace, tmp, shared memory, private overlay tops
//! new/        the root: skeleton over base root, read-only
//! ```
//!
//! Read-only directories are overlays and not bind mounts, because `/proc/self/mountinfo` tells the source of a bind
//! mount to whoever is inside. It does so for read-only files and for writable directories.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{chdir, pivot_root};

use super::LaunchError;
use super::mounts::{self, PLAIN, Restriction};
use super::{devices, procfs};
use crate::layout::{HOST_NAME, PROJECT, SCRATCH, STAGING, WORKSPACE};
use crate::spec::{Identity, LaunchSpec, MountSpec};
use crate::walls::{Wall, stands};

/// Enough for mount points and `/etc`.
const SKELETON_OPTIONS: &str = "size=1m,nr_inodes=1024,mode=755";

const ETC: [(&str, &str); 6] = [
    ("passwd", "root:x:0:0:sandbox:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("group", "root:x:0:\nnogroup:x:65534:\n"),
    ("hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 sandbox\n"),
    ("resolv.conf", ""),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("hostname", HOST_NAME),
];

/// Builds the root of `spec` and enters it; the host's file systems are out of reach afterwards. `user` is the namespace whose
/// root the sandbox's root will be. Returns `/proc/sys` as it is beneath its cover.
pub(super) fn enter(spec: &LaunchSpec, user: Option<&OwnedFd>) -> Result<OwnedFd, LaunchError> {
    mounts::make_private()?;
    let at = spec.mount_point.to_string_lossy();
    mounts::tmpfs(&at, PLAIN, SKELETON_OPTIONS)?;
    chdir(&*spec.mount_point).map_err(LaunchError::Pivot)?;
    let settings = Builder { spec, user, in_user: spec.identity == Identity::Myself }.build()?;
    chdir("new").map_err(LaunchError::Pivot)?;
    // Both arguments the same: the old root ends up on top of the new one and can be detached from there.
    pivot_root(".", ".").map_err(LaunchError::Pivot)?;
    unmount(".", UnmountFlags::DETACH).map_err(LaunchError::Pivot)?;
    chdir("/").map_err(LaunchError::Pivot)?;
    Ok(settings)
}

struct Builder<'a> {
    spec: &'a LaunchSpec,
    user: Option<&'a OwnedFd>,
    /// True when the mounts are made within a user namespace.
    in_user: bool,
}

impl Builder<'_> {
    fn build(&self) -> Result<OwnedFd, LaunchError> {
        self.make_places()?;
        mounts::bind(&self.spec.root, "low/root")?;
        for mount in &self.spec.mounts {
            self.make_mount_point(mount)?;
        }
        self.mount_root()?;
        mounts::bind(Path::new("disk/workspace"), &format!("new{WORKSPACE}"))?;
        mounts::bind(Path::new("disk/tmp"), &format!("new{SCRATCH}"))?;
        devices::mount("new/dev", "disk/shm")?;
        let settings = procfs::mount("new/proc", "masks")?;
        if !stands(Wall::NoHostFiles) {
            mounts::bind_all(Path::new("/"), "new/host")?;
        }
        self.spec.mounts.iter().enumerate().try_for_each(|(index, mount)| self.mount(index, mount))?;
        Ok(settings)
    }

    /// Skeleton over base root, read-only.
    fn mount_root(&self) -> Result<(), LaunchError> {
        let layers = ["skeleton".to_owned(), "low/root".to_owned()];
        if stands(Wall::ReadOnlyRoot) {
            return mounts::overlay("new", &layers, None, self.in_user);
        }
        let top = "disk/tops/root";
        make_dir(top)?;
        self.make_own_dir(&format!("{top}/upper"))?;
        make_dir(&format!("{top}/work"))?;
        mounts::overlay("new", &layers, Some(top), self.in_user)
    }

    fn make_places(&self) -> Result<(), LaunchError> {
        for place in ["skeleton", "low", "low/root", "empty", "masks", "masks/directory", "disk", "new"] {
            make_dir(place)?;
        }
        write_file("masks/file", "")?;
        mounts::bind(Path::new("masks"), "masks")?;
        mounts::restrict("masks", Restriction::ReadOnly)?;
        for place in ["dev", "proc", "etc", &WORKSPACE[1..], &SCRATCH[1..]] {
            make_dir(&format!("skeleton/{place}"))?;
        }
        if !stands(Wall::NoHostFiles) {
            make_dir("skeleton/host")?;
        }
        for (name, content) in ETC {
            write_file(&format!("skeleton/etc/{name}"), content)?;
        }
        let options = match stands(Wall::DiskSize) {
            true => format!("size={},nr_inodes={},mode=755", self.spec.disk_bytes, self.spec.disk_inodes),
            false => "mode=755".to_owned(),
        };
        mounts::tmpfs("disk", mounts::plain_writable(), &options)?;
        make_dir("disk/tops")?;
        for place in [WORKSPACE, PROJECT, STAGING, SCRATCH, "/shm"] {
            self.make_own_dir(&format!("disk{place}"))?;
        }
        Ok(())
    }

    /// A directory that belongs to the sandbox's root.
    fn make_own_dir(&self, path: &str) -> Result<(), LaunchError> {
        make_dir(path)?;
        if let Identity::Mapped { uid, gid } = self.spec.identity {
            chown(path, Some(uid), Some(gid)).map_err(|source| failed_to_make(path, source))?;
        }
        Ok(())
    }

    /// Makes what `mount` will be mounted on: on the disk for places the sandbox may write to, else in the skeleton.
    fn make_mount_point(&self, mount: &MountSpec) -> Result<(), LaunchError> {
        let target = plain_target(mount.target())?;
        let is_dir = match mount {
            MountSpec::ReadOnly { source, .. } => is_dir(source)?,
            MountSpec::Writable { .. } | MountSpec::Overlay { .. } => true,
        };
        let is_on_disk = [WORKSPACE, SCRATCH].iter().any(|place| target.starts_with(&place[1..]));
        let base = if is_on_disk { "disk" } else { "skeleton" };
        let mut folder = PathBuf::from(base);
        for part in target.parent().into_iter().flat_map(Path::components).chain(last_part(&target, is_dir)) {
            folder.push(part);
            let path = folder.to_string_lossy();
            match folder.is_dir() {
                true => {}
                false if is_on_disk => self.make_own_dir(&path)?,
                false => {
                    refuse_link_in_root(folder.strip_prefix(base).unwrap_or(&folder))?;
                    make_dir(&path)?;
                }
            }
        }
        if !is_dir {
            write_file(&Path::new(base).join(&target).to_string_lossy(), "")?;
        }
        Ok(())
    }

    fn mount(&self, index: usize, mount: &MountSpec) -> Result<(), LaunchError> {
        let at = format!("new{}", mount.target().display());
        match mount {
            MountSpec::ReadOnly { source, .. } if !stands(Wall::ReadOnlyRoot) => mounts::bind(source, &at),
            MountSpec::ReadOnly { source, .. } if is_dir(source)? => {
                let lower = self.lower(&format!("low/{index}"), source)?;
                mounts::overlay(&at, &[lower, "empty".to_owned()], None, self.in_user)
            }
            MountSpec::ReadOnly { source, .. } => {
                mounts::bind(source, &at)?;
                mounts::restrict(&at, Restriction::ReadOnly)
            }
            MountSpec::Writable { source, .. } => {
                mounts::bind(source, &at)?;
                mounts::restrict(&at, Restriction::Plain)
            }
            MountSpec::Overlay { lowers, .. } => {
                let named = |(layer, source): (usize, &PathBuf)| {
                    self.own_lower(&format!("low/{index}-{layer}"), source)
                };
                let lowers = lowers.iter().enumerate().map(named).collect::<Result<Vec<_>, _>>()?;
                let top = format!("disk/tops/{index}");
                make_dir(&top)?;
                self.make_own_dir(&format!("{top}/upper"))?;
                make_dir(&format!("{top}/work"))?;
                copy_owner_mode(&lowers, &format!("{top}/upper"))?;
                mounts::overlay(&at, &lowers, Some(&top), self.in_user)
            }
        }
    }

    /// Binds a host directory to a place whose name may be seen inside.
    fn lower(&self, place: &str, source: &Path) -> Result<String, LaunchError> {
        make_dir(place)?;
        mounts::bind(source, place)?;
        Ok(place.to_owned())
    }

    /// The same for what the sandbox's root is to own, so that it may change it in its private top: what belongs to the
    /// host's root there belongs to the sandbox's here. Where a kernel or a file system cannot do that, what is there can be
    /// read and added to.
    fn own_lower(&self, place: &str, source: &Path) -> Result<String, LaunchError> {
        let is_roots = fs::metadata(source).is_ok_and(|metadata| metadata.uid() == 0 && metadata.gid() == 0);
        match self.user.filter(|_| is_roots && mounts::overlays_take_owners()) {
            Some(user) => {
                make_dir(place)?;
                if mounts::bind_as_owned(source, place, user).is_err() {
                    mounts::bind(source, place)?;
                }
                Ok(place.to_owned())
            }
            None => self.lower(place, source),
        }
    }
}

/// The target relative to the root; absolute, without `.` and `..`, and not the root itself.
fn plain_target(target: &Path) -> Result<PathBuf, LaunchError> {
    let refused = || LaunchError::Target(target.to_owned());
    let relative = target.strip_prefix("/").map_err(|_| refused())?;
    let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    match is_plain && relative.components().next().is_some() {
        true => Ok(relative.to_owned()),
        false => Err(refused()),
    }
}

/// The last component of a path that is to be a directory.
fn last_part(target: &Path, is_dir: bool) -> Option<Component<'_>> {
    target.components().next_back().filter(|_| is_dir)
}

/// A folder of the skeleton must not stand where the base root has a symbolic link or a file: it would hide it.
fn refuse_link_in_root(folder: &Path) -> Result<(), LaunchError> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let root = rustix::fs::openat(CWD, "low/root", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| failed_to_make("low/root", error.into()))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(root, folder, flags, Mode::empty(), resolve) {
        Ok(_) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(_) => Err(LaunchError::Target(Path::new("/").join(folder))),
    }
}

fn is_dir(source: &Path) -> Result<bool, LaunchError> {
    fs::metadata(source)
        .map(|metadata| metadata.is_dir())
        .map_err(|error| LaunchError::Source { source_path: source.to_owned(), source: error })
}

/// The top of an overlay shows its own mode: it takes that of the uppermost lower.
fn copy_owner_mode(lowers: &[String], upper: &str) -> Result<(), LaunchError> {
    let Some(lower) = lowers.first() else { return Ok(()) };
    let copy = || {
        fs::set_permissions(upper, Permissions::from_mode(fs::metadata(lower)?.permissions().mode() | 0o700))
    };
    copy().map_err(|source| failed_to_make(upper, source))
}

fn make_dir(path: &str) -> Result<(), LaunchError> {
    fs::create_dir(path).map_err(|source| failed_to_make(path, source))
}

fn write_file(path: &str, content: &str) -> Result<(), LaunchError> {
    fs::write(path, content).map_err(|source| failed_to_make(path, source))
}

fn failed_to_make(path: &str, source: io::Error) -> LaunchError {
    LaunchError::Make { path: path.to_owned(), source }
}
