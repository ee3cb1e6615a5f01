//! Fuzzing: what a target is, its corpus, and the short run over both that every `make test` makes.
//!
//! A crate that reads what strangers send keeps its targets in a module `fuzz` of its own, beside the code and with
//! access to what is private: functions of bytes that panic when a property does not hold. The same functions are run
//! in two ways. A test gives each its committed corpus and a few thousand mutations of it ([`check`]), the same ones in
//! every run. `make fuzz` builds them with coverage counters into one libFuzzer program (`src/main.rs`), which looks for
//! inputs that reach new code for as long as it is let.

mod corpus;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub use corpus::folder;
use mutate::Mutator;

/// Mutated inputs for each target in a test run: some seconds for all of them in a debug build.
const MUTATIONS: u64 = 20_000;

/// The longest that a target's mutations take together in a test run; whatever has not been tried by then is left to
/// `make fuzz`. The corpus is always tried whole.
const MUTATE_FOR: Duration = Duration::from_secs(3);

/// What no input of at most [`MAX_INPUT_BYTES`] may take, on a machine however busy: a reader that needs longer is one
/// that can be kept busy.
const MUST_END_WITHIN: Duration = Duration::from_secs(20);

/// Bytes of an input. What limits are reached only beyond is a matter for ordinary tests.
pub const MAX_INPUT_BYTES: usize = 16 * 1024;

/// Something that must hold for all bytes: the name of its folder in the corpus, and what panics when it does not hold.
/// A plain pair, so that the crates' own code needs nothing of this one.
pub type Target = (&'static str, fn(&[u8]));

/// Runs every target over its corpus and over mutations of it, and panics with the first input that one does not
/// survive; the input is left in the corpus, as `found-…`, for whoever repairs it to commit. A target without a corpus
/// fails, too.
pub fn check(targets: &[Target]) {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = targets.iter().map(|target| scope.spawn(|| check_one(target))).collect();
        running
            .into_iter()
            .zip(targets)
            .filter_map(|(thread, target)| match thread.join() {
                Ok(outcome) => outcome.err(),
                Err(_) => Some(format!("{}: the run itself failed", target.0)),
            })
            .collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check_one(&(target, run): &Target) -> Result<(), String> {
    let seeds = corpus::read(target)?;
    for (name, seed) in &seeds {
        try_input(run, seed).map_err(|why| format!("{target}: {name}: {why}"))?;
    }
    let mut mutator = Mutator::new(target, seeds.into_iter().map(|(_, seed)| seed).collect());
    let until = Instant::now() + MUTATE_FOR;
    for _ in 0..MUTATIONS {
        if Instant::now() >= until {
            break;
        }
        let input = mutator.next();
        if let Err(why) = try_input(run, &input) {
            let kept = corpus::keep(target, &input)?;
            return Err(format!("{target}: {}: {why}", kept.display()));
        }
    }
    Ok(())
}

fn try_input(run: fn(&[u8]), input: &[u8]) -> Result<(), String> {
    let begun = Instant::now();
    catch_unwind(AssertUnwindSafe(|| run(input))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
    })?;
    let took = begun.elapsed();
    if took > MUST_END_WITHIN {
        return Err(format!("it took {took:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_a_target_does_not_survive_is_told() {
        let picky = |data: &[u8]| assert!(!data.contains(&b'!'), "a mark");
        assert!(try_input(picky, b"fine").is_ok());
        assert_eq!(try_input(picky, b"not!"), Err("a mark".to_owned()));
    }

    #[test]
    fn a_target_without_a_corpus_fails() {
        assert!(check_one(&("no-such-target", |_| {})).is_err_and(|why| why.contains("corpus")));
    }
}
