//! Room for the parser: it recurses as deeply as a file nests, and files come from strangers.

use super::finding::{Finding, FindingCode};

/// Files beyond this are not parsed. With [`BYTES`] it is what keeps a hostile file from ending the server: nesting
/// costs at least a byte of source per level. No file that people or models write by hand comes near it.
pub(super) const MAX_SOURCE_BYTES: usize = 512 * 1024;

/// Source of all files together that is parsed: an upper bound for the time one validation takes.
pub(super) const MAX_TOTAL_BYTES: usize = 64 * 1024 * 1024;

/// Imports of all files together that are followed. Large projects have tens of thousands.
pub(super) const MAX_IMPORTS: usize = 200_000;

/// Brackets of all kinds that are open at once, counted without regard for strings. Written code stays below fifty.
const MAX_OPEN: i32 = 1_000;

/// Address space of the parser's stack; pages that are not touched cost nothing. The worst of thirty hostile files of the
/// largest size took 375 MiB of memory in all, in a build without optimisation.
pub(super) const BYTES: usize = 1024 * 1024 * 1024;

/// Why this source is left alone, if it is.
pub(super) fn refusal(source: &[u8]) -> Option<&'static str> {
    if source.len() > MAX_SOURCE_BYTES {
        return Some("is larger than 512 KiB");
    }
    nests_too_deeply(source).then_some("nests too deeply")
}

/// A cheap look at the brackets, and at runs of operators: it turns away what is plainly made to exhaust a parser,
/// before any memory is spent on it. What hides its brackets in strings passes here and finds a stack that holds it.
fn nests_too_deeply(source: &[u8]) -> bool {
    let mut open = 0_i32;
    let mut run = 0_i32;
    for byte in source {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = (open - 1).max(0),
            _ => {}
        }
        match byte {
            b'!' | b'~' | b'<' | b'+' | b'?' => run += 1,
            b' ' | b'\n' => {}
            _ => run = 0,
        }
        if open > MAX_OPEN || run > MAX_OPEN {
            return true;
        }
    }
    false
}

/// Runs `work` on a thread with room for the parser, and waits for it.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Finding> {
    let outcome = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("validate".to_owned())
            .stack_size(BYTES)
            .spawn_scoped(scope, work)
            .ok()?;
        thread.join().ok()
    });
    outcome.ok_or_else(|| {
        Finding::new(
            FindingCode::NotChecked,
            "The imports were not checked: the server had no room for it. Try again later.",
        )
    })
}
