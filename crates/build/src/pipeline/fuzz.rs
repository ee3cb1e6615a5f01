//! What must hold for every page that a build leaves, and for the bill of materials of every lockfile.

use vitrine_model::{Manifest, ProjectPath};

use super::page::scan;
use super::references::MAX_REFERENCES;
use super::sbom::{Subject, sbom};
use super::style;

/// Anything is a page; what is found in it is bounded, and the same each time.
pub(crate) fn built_page(data: &[u8]) {
    let found = scan(data);
    assert!(found.references.len() <= MAX_REFERENCES);
    assert_eq!(scan(data).page, found.page);
    assert!(found.page.script_hashes.iter().all(|hash| hash.starts_with("sha256-") && hash.len() == 51));
    let addresses: usize = found.references.iter().map(|one| one.address.len()).sum();
    // Bytes that are no UTF-8 become three.
    assert!(addresses <= data.len() * 3 + 64);
    let _ = style::references(&String::from_utf8_lossy(data));
}

/// A lockfile that can be read has one document, in JSON.
pub(crate) fn bill_of_materials(lockfile: &ProjectPath, data: &[u8]) {
    let artifact = Manifest::default().id();
    let subject = Subject { name: "app", artifact: &artifact };
    let Ok(document) = sbom(Some((lockfile, data)), subject) else { return };
    assert_eq!(sbom(Some((lockfile, data)), subject).as_ref(), Ok(&document));
    assert!(serde_json::from_slice::<serde_json::Value>(&document).is_ok_and(|value| value.is_object()));
}
