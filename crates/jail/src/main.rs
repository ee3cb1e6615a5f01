//! `vitrine-guest launch` makes a sandbox; `vitrine-guest init` is its first process. See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("launch") => vitrine_jail::launch::run(),
        Some("init") => vitrine_jail::guest::run(),
        _ => ExitCode::from(2),
    }
}
