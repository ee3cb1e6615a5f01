//! What a sandbox's start costs, and what each wall adds to it. Run by hand, on a machine that does nothing else:
//! `cargo test --release -p vitrine-sandbox --test attacks -- --ignored start_cost`.
//!
//! The first lines are of the launcher that ships, beside an ordinary process that does nothing. What a wall adds is the
//! difference between a weakened launcher that leaves nothing out and one that leaves this wall out; both are started in the
//! same way, one after the other in turn, so that whatever else the machine does falls on all of them.

use std::process::Command;
use std::time::{Duration, Instant};

use vitrine_jail::walls::Wall;
use vitrine_sandbox::Driver;
use vitrine_sandbox::local::LocalDriver;

use crate::arena::{driver, open_dir, weaken};
use crate::bait::Bait;
use crate::support;

/// Rounds of everything; figures are medians.
const ROUNDS: usize = 150;

/// Ways through the drivers that meet each of them once: their number, thirteen, is a prime.
const STRIDES: [usize; 6] = [1, 2, 3, 5, 7, 11];

/// What is left out together.
const LAYERS: [(&str, &[Wall]); 11] = [
    ("control groups", &[Wall::ControlGroup]),
    ("process namespace", &[Wall::ProcessNamespace]),
    ("network namespace", &[Wall::NetworkNamespace]),
    (
        "IPC, host name and cgroup namespaces",
        &[Wall::IpcNamespace, Wall::HostNameNamespace, Wall::CgroupNamespace],
    ),
    ("user namespace and its map", &[Wall::UserNamespace]),
    ("covers of /proc", &[Wall::CoveredProc]),
    ("/dev of its own", &[Wall::PrivateDevices]),
    ("keyring", &[Wall::Keyring]),
    ("limits and capabilities", &[Wall::ResourceLimits, Wall::Capabilities]),
    ("Landlock", &[Wall::Landlock]),
    ("seccomp filter", &[Wall::Filter]),
];

/// Prints the table.
pub(crate) async fn measure(bait: &Bait) {
    let dir = open_dir();
    let shipped = driver(bait, dir.path());
    let left_out: Vec<&[Wall]> = std::iter::once(&[][..]).chain(LAYERS.map(|(_, walls)| walls)).collect();
    let dirs: Vec<_> = left_out.iter().map(|_| open_dir()).collect();
    let weak: Vec<_> =
        left_out.iter().zip(&dirs).map(|(walls, dir)| weakened(bait, dir.path(), walls)).collect();
    let drivers: Vec<&LocalDriver> = std::iter::once(&shipped).chain(&weak).collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); drivers.len() + 1];
    for round in 0..ROUNDS {
        samples[0].push(bare_process(bait));
        // Each comes after another one in every round: what a sandbox leaves to the kernel to do falls on the next.
        for turn in 0..drivers.len() {
            let index = (turn * STRIDES[round % STRIDES.len()] + round) % drivers.len();
            samples[index + 1].push(start(drivers[index]).await);
        }
    }
    samples.iter_mut().for_each(|samples| samples.sort());
    let at = |index: usize, percent: usize| {
        samples[index][samples[index].len() * percent / 100].as_secs_f64() * 1_000.0
    };
    println!("milliseconds                                  p10      p50      p95");
    let line = |name: &str, of: &dyn Fn(usize) -> f64| {
        println!("{name:40} {:>8.2} {:>8.2} {:>8.2}", of(10), of(50), of(95));
    };
    line("a process that does nothing", &|percent| at(0, percent));
    line("a sandbox, until it takes commands", &|percent| at(1, percent));
    line("difference", &|percent| at(1, percent) - at(0, percent));
    for (index, (name, _)) in LAYERS.iter().enumerate() {
        line(&format!("  {name}"), &|percent| at(2, percent) - at(index + 3, percent));
    }
}

fn weakened(bait: &Bait, dir: &std::path::Path, walls: &[Wall]) -> LocalDriver {
    let driver = driver(bait, dir);
    weaken(bait, dir, walls);
    driver
}

/// The same program as the launcher, with nothing to do.
fn bare_process(bait: &Bait) -> Duration {
    let begun = Instant::now();
    Command::new(&bait.attempt).env_clear().status().unwrap();
    begun.elapsed()
}

async fn start(driver: &LocalDriver) -> Duration {
    let begun = Instant::now();
    let started = driver.start(support::spec(Vec::new())).await.unwrap();
    let took = begun.elapsed();
    started.sandbox.stop().await.unwrap();
    took
}
