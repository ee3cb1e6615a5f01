//! The key of the server's operator: given by configuration, or made once and kept in the data directory.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vitrine_model::source::Entropy;

/// The admin key and whether it was made just now: given by configuration, else read from the data directory, else
/// made and kept there for its owner's eyes.
pub(crate) fn admin_key(
    configured: &str,
    data_dir: &Path,
    entropy: &dyn Entropy,
) -> std::io::Result<(String, bool)> {
    if !configured.is_empty() {
        return Ok((configured.to_owned(), false));
    }
    let path = data_dir.join("admin-key");
    match std::fs::read_to_string(&path) {
        Ok(key) if !key.trim().is_empty() => return Ok((key.trim().to_owned(), false)),
        Ok(_) => std::fs::remove_file(&path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; 30];
    entropy.fill(&mut bytes);
    let key = format!("vt_{}", URL_SAFE_NO_PAD.encode(bytes));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(format!("{key}\n").as_bytes())?;
    file.sync_all()?;
    Ok((key, true))
}

#[cfg(test)]
mod tests {
    use vitrine_model::source::fixed::CountingEntropy;

    use super::*;

    #[test]
    fn the_admin_key_is_made_once_and_kept_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (key, is_new) = admin_key("", dir.path(), &CountingEntropy::default()).unwrap();
        assert!(is_new && key.starts_with("vt_"));
        assert_eq!(admin_key("", dir.path(), &CountingEntropy::default()).unwrap(), (key, false));
        let mode = std::fs::metadata(dir.path().join("admin-key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
