//! The attack suite: what hostile code tries from inside, group by group, each attempt in a real sandbox of its own.
//!
//! Every row of the tables says what is tried, how it is refused, and which walls stand in its way. Three things are
//! asserted of a row: in a sandbox as it ships the attempt is refused; without its walls it *gets through*, so that the
//! refusal was theirs and this test can fail; and with any single one of them back it is refused again, so that each of
//! them holds alone. Rows that cannot get through on this machine whatever is taken away say why, and are counted apart.
//!
//! A weakened sandbox is made by the driver as any other; only the launcher in its state directory is replaced by this
//! very program, which is built with the feature `weakened` and is told what to leave out. What ships has no such switch.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "the suite says what it counted")]

mod arena;
mod attempt;
mod bait;
mod files;
mod kernel;
mod limits;
mod links;
mod lying_guest;
mod network;
mod processes;
mod start_cost;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use libtest_mimic::{Arguments, Trial};
use vitrine_jail::walls::Wall;
use vitrine_sandbox::local::attack::Ending;

use attempt::{Attempt, PROVEN, Tries};
use bait::Bait;

/// So many attempts at least are seen to get through without walls when all of them run, as root. Fewer than on the
/// machine that the tables were made on: others lack some of what is attempted, or refuse it to everybody.
const PROVEN_ATTEMPTS: usize = 100;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("launch-without") => arena::launch_without(words.get(2).map_or("", String::as_str)),
        Some("init") => arena::be_guest(words.get(2).map_or("", String::as_str)),
        Some("lie") => lying_guest::launch(&words[2]),
        Some("lie-on") => lying_guest::tell(&words[2]),
        _ => suite(),
    }
}

fn tables() -> impl Iterator<Item = &'static Attempt> {
    [kernel::TABLE, processes::TABLE, files::TABLE, network::TABLE, limits::TABLE, links::TABLE]
        .into_iter()
        .flatten()
}

fn suite() -> ExitCode {
    let arguments = Arguments::from_args();
    let bait = Arc::new(Bait::lay());
    let mut trials: Vec<Trial> = tables().map(|attempt| trial(attempt, bait.clone())).collect();
    trials.extend(lying_guest::trials(&bait));
    trials.push(Trial::test("no_attempt_is_in_the_tables_twice", || Ok(no_twins()?)));
    trials.push(Trial::test("what_the_doctor_tries_is_in_the_tables", || Ok(doctor_rows()?)));
    let weak = bait.clone();
    let doctor = Trial::test("the_doctor_sees_what_gets_through_a_sandbox_without_a_filter", move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(runtime.block_on(doctor_sees(&weak))?)
    });
    trials.push(doctor);
    let launcher = bait.clone();
    trials.push(Trial::test("the_launcher_that_ships_has_no_switch", move || Ok(no_switch(&launcher)?)));
    let measured = bait.clone();
    let start_cost = Trial::test("start_cost", move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(start_cost::measure(&measured));
        Ok(())
    });
    trials.push(start_cost.with_ignored_flag(true));
    if support::is_root() {
        trials.push(Trial::test("ordinary_user", || {
            support::again_as_user(&["--skip", "ordinary_user"]);
            Ok(())
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    Arc::into_inner(bait).expect("every trial is over").clear_away();
    let proven = PROVEN.load(Ordering::Relaxed);
    println!(
        "{} attempts, all refused; {proven} of them were seen to get through without their walls",
        tables().count()
    );
    let is_whole = support::is_root() && conclusion.num_filtered_out <= 1 && conclusion.num_failed == 0;
    match is_whole && proven < PROVEN_ATTEMPTS {
        true => ExitCode::FAILURE,
        false => conclusion.exit_code(),
    }
}

fn trial(attempt: &'static Attempt, bait: Arc<Bait>) -> Trial {
    let name = format!("{}: {}", attempt.group, attempt.name).replace(' ', "_");
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(runtime.block_on(attempt.try_all(&bait))?)
    })
}

fn no_twins() -> Result<(), String> {
    let names: BTreeSet<_> = tables().map(|attempt| attempt.name).collect();
    let deeds: BTreeSet<_> = tables().map(|attempt| attempt.tries).collect();
    match (names.len(), deeds.len()) == (tables().count(), tables().count()) {
        true => Ok(()),
        false => Err(format!("{} names, {} deeds, {} rows", names.len(), deeds.len(), tables().count())),
    }
}

fn doctor_rows() -> Result<(), String> {
    let strange: Vec<_> = vitrine_sandbox::local::attack::attempts()
        .filter(|(name, words)| !tables().any(|row| row.name == *name && row.tries == Tries::Inside(words)))
        .collect();
    if strange.is_empty() { Ok(()) } else { Err(format!("{strange:?}")) }
}

async fn doctor_sees(bait: &Bait) -> Result<(), String> {
    let through = async |missing: &[Wall]| -> usize {
        let dir = arena::open_dir();
        let driver = arena::driver(bait, dir.path());
        if !missing.is_empty() {
            arena::weaken(bait, dir.path(), missing);
        }
        let attacks = driver.attack_with(&bait.attempt).await.unwrap();
        attacks.iter().filter(|attack| attack.ending == Ending::Through).count()
    };
    let is_root = support::is_root();
    match (through(&[]).await, if is_root { through(&[Wall::Filter]).await } else { 1 }) {
        (0, 1..) => Ok(()),
        counts => Err(format!("as it ships and without a filter: {counts:?} got through")),
    }
}

/// The feature's own text is in this program, and not in the guest that the driver carries.
fn no_switch(bait: &Bait) -> Result<(), String> {
    let mark = vitrine_jail::walls::MARK.as_bytes();
    let contains = |program: &std::path::Path| {
        let bytes = std::fs::read(program).unwrap();
        bytes.windows(mark.len()).any(|window| window == mark)
    };
    match (contains(&std::env::current_exe().unwrap()), contains(&bait.attempt)) {
        (true, false) => Ok(()),
        found => Err(format!("the mark of the feature is in the test and in what ships: {found:?}")),
    }
}

/// Walls in words.
fn names(walls: &[Wall]) -> String {
    walls.iter().map(|wall| format!("{wall:?}")).collect::<Vec<_>>().join(", ")
}
