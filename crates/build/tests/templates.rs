//! The packs that ship: each loads, can be run, and brings its lockfile.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::path::Path;

use vitrine_build::profile::detect;
use vitrine_build::template::load_dir;

#[test]
fn every_pack_loads_runs_and_ships_its_lockfile() {
    let packs = load_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates")).unwrap();
    assert!(!packs.is_empty());
    for (key, pack) in packs {
        let detected = detect(&pack.files, Some(&pack.manifest.profile)).unwrap();
        assert_eq!(detect(&pack.files, None).unwrap().profile.kind, pack.manifest.profile.kind, "{key}");
        assert_eq!(detected.package_manager.is_some(), detected.lockfile.is_some(), "{key}");
        assert_eq!(detected.diagnostics, [], "{key}");
    }
}
