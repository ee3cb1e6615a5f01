//! Files and devices: of the host, of the kernel, and of the sandbox's own root.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

use super::call::call;
use super::{Attempt, argument, number};

pub(super) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("open", |arguments| open(arguments, true, false)),
    ("open-to-write", |arguments| open(arguments, false, true)),
    ("open-to-both", |arguments| open(arguments, true, true)),
    ("read", read),
    ("find-in", find_in),
    ("list", |arguments| fs::read_dir(argument(arguments, 0)?).map(drop)),
    ("follow", |arguments| fs::read_link(argument(arguments, 0)?).map(drop)),
    ("create", |arguments| File::create(argument(arguments, 0)?).map(drop)),
    ("make-device", |arguments| make_device(arguments).map(drop)),
    ("read-made-device", |arguments| File::open(make_device(arguments)?).map(drop)),
    ("read-descriptors", read_descriptors),
];

/// Opens without reading or writing; `O_NONBLOCK` so that nothing waits for another side.
fn open(arguments: &[String], reads: bool, writes: bool) -> io::Result<()> {
    let mut options = File::options();
    options.read(reads).write(writes).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(argument(arguments, 0)?).map(drop)
}

/// Whether there is anything in a file; `ENODATA` when it is empty, as covers are.
fn read(arguments: &[String]) -> io::Result<()> {
    let mut byte = [0];
    match File::open(argument(arguments, 0)?)?.read(&mut byte)? {
        0 => Err(io::Error::from_raw_os_error(libc::ENODATA)),
        _ => Ok(()),
    }
}

/// Whether a text is in a file.
fn find_in(arguments: &[String]) -> io::Result<()> {
    let content = fs::read(argument(arguments, 0)?)?;
    let text = argument(arguments, 1)?;
    match String::from_utf8_lossy(&content).contains(text) {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::ENODATA)),
    }
}

/// Makes a block device of the given numbers in the scratch directory.
fn make_device(arguments: &[String]) -> io::Result<&'static Path> {
    let device = libc::makedev(number(arguments, 0)?, number(arguments, 1)?);
    let place = Path::new("/tmp/made-device");
    let name = CString::new(place.as_os_str().as_encoded_bytes())?;
    let mode = i64::from(libc::S_IFBLK | 0o600);
    let device = i64::try_from(device).unwrap_or(0);
    let arguments = [libc::AT_FDCWD.into(), name.as_c_str().into(), mode.into(), device.into()];
    call(libc::SYS_mknodat, arguments)?;
    Ok(place)
}

/// Whether any descriptor of this process, beyond the usual three, is a folder in which a file of this name is.
fn read_descriptors(arguments: &[String]) -> io::Result<()> {
    const DESCRIPTORS: i32 = 128;
    let name = argument(arguments, 0)?;
    let found = (3..DESCRIPTORS).any(|number| fs::read(format!("/proc/self/fd/{number}/{name}")).is_ok());
    match found {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::EBADF)),
    }
}
