//! Giving up what a sandbox must not have. Limits are only ever lowered.

use nix::libc;
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getpriority_process, getrlimit, set_dumpable_behavior,
    setpriority_process, setrlimit,
};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits, set_no_new_privs,
};

use super::LaunchError;

/// Capabilities have numbers below this in every kernel (they are bits of 64).
const MAX_CAPABILITIES: u32 = 64;

/// Whatever the server passed on by accident ends with the next program: the guest gets three descriptors.
#[allow(unsafe_code, reason = "no crate here wraps close_range")]
pub(super) fn keep_standard_descriptors_only() -> Result<(), LaunchError> {
    // SAFETY: with this flag nothing is closed now, so no descriptor that somebody owns becomes invalid.
    let result = unsafe { libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int) };
    if result == 0 { Ok(()) } else { Err(LaunchError::Descriptors(std::io::Error::last_os_error())) }
}

/// Lets go of a priority that the server may have for itself.
pub(super) fn ordinary_priority() -> Result<(), LaunchError> {
    // A server that was told to be nice has nice sandboxes.
    if getpriority_process(None).is_ok_and(|priority| priority >= 0) {
        return Ok(());
    }
    setpriority_process(None, 0).map_err(LaunchError::Limit)
}

/// What the guest may open beyond what a command may. How many descriptors are on their way through sockets is counted for
/// the whole user and compared with the limit of whoever sends: a command that parks as many as it can must not keep the
/// guest from passing out one more. So many overshoot at most: what 256 threads send in the same moment, 253 each.
const GUEST_FILES: u64 = 65_536;

/// Core dumps of this many bytes: the one value for which the kernel starts no program that takes dumps (`core_pattern` with
/// `|`), whatever else it ignores the limit for; see core(5) and `fs/coredump.c`.
const NO_CORE: u64 = 1;

/// Signals that wait and have more to tell than their number; ordinary programs have a few.
const PENDING_SIGNALS: u64 = 1_024;

/// Bytes in POSIX message queues: three as they are by default. Nothing that builds web pages has one.
const QUEUE_BYTES: u64 = 256 * 1024;

/// Has the kernel write no core dumps of this process and its descendants, and start no program for them. To be called
/// while the launcher may still raise a limit: a server without core dumps has a limit of zero, which is not [`NO_CORE`].
pub(super) fn dump_no_core() -> Result<(), LaunchError> {
    let limit = Rlimit { current: Some(NO_CORE), maximum: Some(NO_CORE) };
    match setrlimit(Resource::Core, limit) {
        // An ordinary user whose limit is zero: no file is written, and what else happens is the host's setting.
        Err(Errno::PERM) => lower(Resource::Core, 0),
        result => result.map_err(LaunchError::Limit),
    }
}

/// Lowers signals, queues and (when asked to) processes for this process and all its descendants; open files for
/// commands to `open_files`, which is the soft limit, and for the guest to somewhat more, which is the hard one.
pub(super) fn lower_limits(open_files: u64, processes: Option<u64>) -> Result<(), LaunchError> {
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX).min(open_files + GUEST_FILES);
    // Where the server itself may not have more, commands get half of it.
    let limit = Rlimit { current: Some(open_files.min(most / 2)), maximum: Some(most) };
    setrlimit(Resource::Nofile, limit).map_err(LaunchError::Limit)?;
    lower(Resource::Sigpending, PENDING_SIGNALS)?;
    lower(Resource::Msgqueue, QUEUE_BYTES)?;
    processes.map_or(Ok(()), |processes| lower(Resource::Nproc, processes))
}

fn lower(resource: Resource, to: u64) -> Result<(), LaunchError> {
    let at_most = getrlimit(resource).maximum.map_or(to, |maximum| maximum.min(to));
    let limit = Rlimit { current: Some(at_most), maximum: Some(at_most) };
    setrlimit(resource, limit).map_err(LaunchError::Limit)
}

/// From here on no program gives any privilege, and nobody looks into this process.
pub(super) fn gain_no_more() -> Result<(), LaunchError> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(LaunchError::Capabilities)?;
    set_no_new_privs(true).map_err(LaunchError::NoNewPrivileges)
}

/// Drops every capability from every set for good.
pub(super) fn drop_all() -> Result<(), LaunchError> {
    let drop = || -> Result<(), Errno> {
        clear_ambient_capability_set()?;
        for number in 0..MAX_CAPABILITIES {
            let capability = CapabilitySet::from_bits_retain(1 << number);
            match capability_is_in_bounding_set(capability) {
                Ok(true) => remove_capability_from_bounding_set(capability)?,
                Ok(false) => {}
                // Beyond the last one this kernel knows.
                Err(_) => break,
            }
        }
        // Being root stops meaning anything to the kernel's capability rules.
        set_capabilities_secure_bits(
            CapabilitiesSecureBits::NO_ROOT
                | CapabilitiesSecureBits::NO_ROOT_LOCKED
                | CapabilitiesSecureBits::NO_SETUID_FIXUP
                | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
                | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
                | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
        )?;
        let none = CapabilitySet::empty();
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
    };
    drop().map_err(LaunchError::Capabilities)
}
