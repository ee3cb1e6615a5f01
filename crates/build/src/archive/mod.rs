//! Archives: reading the zip that a person uploads, and writing the one they take away.

mod announced;
mod pack;
mod read;
mod skip;
mod write;

pub use pack::Packer;
pub use read::{ArchiveError, ArchiveLimits, ImportedFile, ImportedFiles, read_zip};
pub use skip::is_skipped;
pub use write::{write_tar, write_zip};

#[cfg(test)]
mod tests;
