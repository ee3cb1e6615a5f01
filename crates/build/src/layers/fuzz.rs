//! What must hold for every lockfile that names a layer.

use bytes::Bytes;
use vitrine_model::ProjectPath;

use super::lockfile::{normalise, with_addresses};
use crate::policy::lock::Lock;

/// What a layer is named by lists the packages that are installed, for layers are shared by all who have the name; and
/// adding addresses a second time changes nothing.
pub(crate) fn lockfile(path: &ProjectPath, data: &[u8]) {
    let content = Bytes::copy_from_slice(data);
    let normal = normalise(path, &content);
    if let Ok(lock) = Lock::read(path, data) {
        assert_eq!(Lock::read(path, &normal), Ok(lock));
    }
    let registry = "https://registry.example/";
    if let Some(addressed) = with_addresses(&content, registry) {
        assert_eq!(with_addresses(&addressed, registry), None);
    }
}
