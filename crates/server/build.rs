//! Makes sure that the folders embedded into the binary exist, so that a checkout compiles before the UI is built.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ui = root.join("web/dist");
    if let Err(error) = std::fs::create_dir_all(&ui) {
        println!("cargo::warning=cannot make {}: {error}", ui.display());
    }
    println!("cargo::rerun-if-changed={}", ui.display());
    println!("cargo::rerun-if-changed={}", root.join("templates").display());
}
