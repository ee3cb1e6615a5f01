//! More than its share: processes, memory, processor, files.

use std::fs::File;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use rustix::process::{Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};

use super::{Attempt, argument, number};

pub(super) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("processes", processes),
    ("memory", memory),
    ("processor", processor),
    ("fill", fill),
    ("litter", litter),
    ("hoard", hoard),
];

/// As many children as asked for, all at once.
#[allow(unsafe_code, reason = "a child that only waits needs a plain fork")]
fn processes(arguments: &[String]) -> io::Result<()> {
    let wanted: usize = number(arguments, 0)?;
    let mut children = Vec::with_capacity(wanted);
    let mut outcome = Ok(());
    while children.len() < wanted {
        // SAFETY: this program has one thread; the child only waits to be killed.
        match unsafe { libc::fork() } {
            0 => loop {
                thread::park();
            },
            child => match rustix::process::Pid::from_raw(child).filter(|_| child > 0) {
                Some(child) => children.push(child),
                None => {
                    outcome = Err(io::Error::last_os_error());
                    break;
                }
            },
        }
    }
    for child in children {
        kill_process(child, Signal::KILL)?;
    }
    outcome
}

/// As many MiB as asked for, each page of them touched.
fn memory(arguments: &[String]) -> io::Result<()> {
    let mebibytes: usize = number(arguments, 0)?;
    let held: Vec<Vec<u8>> = (0..mebibytes).map(|_| vec![1; 1 << 20]).collect();
    // The sum keeps the pages from being optimised away.
    match held.iter().map(|part| part.iter().map(|byte| usize::from(*byte)).sum::<usize>()).sum::<usize>() {
        0 => Err(io::ErrorKind::InvalidData.into()),
        _ => Ok(()),
    }
}

/// As much processor time as asked for (in milliseconds), within as much time (the same).
fn processor(arguments: &[String]) -> io::Result<()> {
    const THREADS: usize = 4;
    let wanted = Duration::from_millis(number(arguments, 0)?);
    let within = Duration::from_millis(number(arguments, 1)?);
    let until = Instant::now() + within;
    let spun = || -> Duration {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| while Instant::now() < until && spun() < wanted {});
        }
    });
    match spun() >= wanted {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::EBUSY)),
    }
}

/// As many MiB into one file.
fn fill(arguments: &[String]) -> io::Result<()> {
    let mut file = File::create(argument(arguments, 0)?)?;
    let block = vec![1; 1 << 20];
    (0..number::<usize>(arguments, 1)?).try_for_each(|_| file.write_all(&block))
}

/// As many files into a folder.
fn litter(arguments: &[String]) -> io::Result<()> {
    let folder = argument(arguments, 0)?;
    (0..number::<usize>(arguments, 1)?)
        .try_for_each(|index| File::create(format!("{folder}/{index}")).map(drop))
}

/// As many open files.
fn hoard(arguments: &[String]) -> io::Result<()> {
    let wanted: usize = number(arguments, 0)?;
    let held: io::Result<Vec<File>> = (0..wanted).map(|_| File::open("/dev/null")).collect();
    held.map(drop)
}
