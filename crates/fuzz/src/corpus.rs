//! The corpus on disk: one folder for each target, one file for each input, committed.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// Where a target's inputs are: made by hand, or found and repaired since.
pub fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The inputs of a target with their file names, in the order of these. None at all is an error.
pub(crate) fn read(target: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    let folder = folder(target);
    let unreadable = |error: std::io::Error| format!("the corpus {}: {error}", folder.display());
    let mut inputs = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        inputs.push((name, fs::read(&path).map_err(unreadable)?));
    }
    inputs.sort();
    match inputs.is_empty() {
        true => Err(format!("the corpus {} is empty", folder.display())),
        false => Ok(inputs),
    }
}

/// Puts an input into the corpus under a name made of its hash.
pub(crate) fn keep(target: &str, input: &[u8]) -> Result<PathBuf, String> {
    let mut name = "found-".to_owned();
    for byte in &Sha256::digest(input)[..8] {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    let path = folder(target).join(name);
    fs::write(&path, input).map_err(|error| format!("cannot keep {}: {error}", path.display()))?;
    Ok(path)
}
