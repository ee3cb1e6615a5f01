//! Makes sure that the folders embedded into the binary exist, so that a checkout compiles before the UI is built.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for embedded in ["web/dist", "bridge/dist"] {
        let folder = root.join(embedded);
        if let Err(error) = std::fs::create_dir_all(&folder) {
            println!("cargo::warning=cannot make {}: {error}", folder.display());
        }
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    println!("cargo::rerun-if-changed={}", root.join("templates").display());
}
