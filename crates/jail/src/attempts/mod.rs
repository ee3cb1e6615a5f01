//! Things that hostile code tries, each as small as it can be: `vitrine-guest attempt <name> [argument…]`.
//!
//! Run inside a sandbox by the attack suite and by `vitrine doctor isolation`. An attempt does no harm where it gets
//! through: it opens without writing, sets what is set already, or gives the kernel an input that is incomplete, so that
//! the kernel's own complaint (and not the refusal of a wall) says that its code was reached.

mod call;
mod files;
mod kernel;
mod limits;
mod mounts;
mod network;
#[cfg(feature = "weakened")]
pub mod outside;
mod processes;

use std::io::{self, Write as _};
use std::process::ExitCode;

/// How an attempt ended, as it is printed: `through`, or `errno <number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It got through.
    Through,
    /// It was refused, with this error number.
    Refused(i32),
}

/// `Ok` when it got through.
type Attempt = fn(&[String]) -> io::Result<()>;

/// Runs the attempt that the command line names and prints its [`Outcome`]. Fails only when there is no such attempt.
pub fn run() -> ExitCode {
    let mut words = std::env::args().skip(2);
    let name = words.next().unwrap_or_default();
    let arguments: Vec<String> = words.collect();
    let tables = [kernel::ATTEMPTS, mounts::ATTEMPTS, processes::ATTEMPTS, files::ATTEMPTS];
    let known = tables.into_iter().chain([network::ATTEMPTS, limits::ATTEMPTS]).flatten();
    let Some((_, attempt)) = known.into_iter().find(|(known, _)| *known == name) else {
        return ExitCode::from(2);
    };
    let outcome = match attempt(&arguments) {
        Ok(()) => Outcome::Through,
        Err(error) => Outcome::Refused(error.raw_os_error().unwrap_or(0)),
    };
    // Nobody is left to be told when this fails.
    let _ = match outcome {
        Outcome::Through => writeln!(io::stdout(), "through"),
        Outcome::Refused(errno) => writeln!(io::stdout(), "errno {errno}"),
    };
    ExitCode::SUCCESS
}

impl Outcome {
    /// Reads what [`run`] printed; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "through" => Some(Self::Through),
            text => text.strip_prefix("errno ")?.parse().ok().map(Self::Refused),
        }
    }
}

/// The argument at `index`; an attempt without one that it needs was called wrongly.
fn argument(arguments: &[String], index: usize) -> io::Result<&str> {
    arguments.get(index).map(String::as_str).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// The same as a number.
fn number<N: std::str::FromStr>(arguments: &[String], index: usize) -> io::Result<N> {
    argument(arguments, index)?.parse().map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_as_they_are_printed() {
        assert_eq!(Outcome::parse("through\n"), Some(Outcome::Through));
        assert_eq!(Outcome::parse("errno 13\n"), Some(Outcome::Refused(13)));
        assert_eq!(Outcome::parse(""), None);
        assert_eq!(Outcome::parse("errno"), None);
    }
}
