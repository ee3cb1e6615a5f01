//! How many entries a zip says it has, before a reader makes room for them.

use memchr::memmem;

/// Begins the end record of a large archive, of which the last 16 bits of the ordinary one are too few (APPNOTE.TXT
/// §4.3.14).
const END_64: &[u8] = b"PK\x06\x06";

/// Begins what leads to it (§4.3.15): 20 bytes, right before the ordinary end record.
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const LOCATOR_BYTES: usize = 20;

/// Begins the ordinary end record (§4.3.16).
const END: &[u8] = b"PK\x05\x06";

/// Where the number of all entries stands in [`END_64`].
const COUNT_AT: usize = 32;

/// True when an end record that a reader may go by counts more than `most` entries. The ordinary one counts at most
/// 65,535, which is no burden; the large one can make a reader take memory for millions.
pub(super) fn announces_more_than(archive: &[u8], most: u64) -> bool {
    let is_locator = |at: &usize| archive.get(at + LOCATOR_BYTES..).is_some_and(|end| end.starts_with(END));
    // Not in whatever is packed by chance, or in an archive inside this one.
    let Some(last) = memmem::rfind_iter(archive, LOCATOR_64).find(is_locator) else { return false };
    let records = memmem::find_iter(&archive[..last], END_64);
    records.filter_map(|at| count(&archive[at..])).any(|count| count > most)
}

fn count(record: &[u8]) -> Option<u64> {
    let bytes = record.get(COUNT_AT..COUNT_AT + 8)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}
