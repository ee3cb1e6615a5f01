//! `vitrine-guest launch` makes a sandbox; `vitrine-guest init` is its first process; `vitrine-guest attempt` tries, inside
//! one, something that must not succeed. See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("launch") => vitrine_jail::launch::run(),
        Some("init") => vitrine_jail::guest::run(),
        Some("attempt") => vitrine_jail::attempts::run(),
        _ => ExitCode::from(2),
    }
}
