//! What must hold for every source file and configuration that is read without being run.

use bytes::Bytes;
use vitrine_model::profile::ProfileKind;

use super::{config, source, stack, tsconfig};
use crate::Files;
use crate::fuzz::path;

/// Names whose readers differ; the first byte of an input chooses.
const NAMES: [&str; 10] =
    ["a.ts", "a.tsx", "a.cjs", "a.css", "a.scss", "a.html", "a.vue", "a.svelte", "a.astro", "a.mdx"];

/// Whatever stands in a file, where its imports and faults are is within it.
pub(crate) fn project_source(data: &[u8]) {
    let Some((name, content)) = data.split_first() else { return };
    let path = path(NAMES[usize::from(*name) % NAMES.len()]);
    let Ok(text) = std::str::from_utf8(content) else { return };
    if stack::refusal(content).is_some() {
        return;
    }
    assert!(source::is_source(&path));
    let read = stack::with_room(|| source::read(&path, text));
    let Ok(read) = read else { panic!("a reader of {path} did not return") };
    assert!(read.imports.iter().all(|import| import.offset <= text.len()), "{path}: {:?}", read.imports);
    assert!(read.errors.iter().all(|error| error.offset <= text.len()), "{path}");
}

/// A configuration is read or not; what is read of it twice is the same.
pub(crate) fn vite_config(data: &[u8]) {
    let files: Files = [
        (path("vite.config.ts"), Bytes::copy_from_slice(data)),
        (path("astro.config.mjs"), Bytes::copy_from_slice(data)),
        (path("tsconfig.json"), Bytes::copy_from_slice(data)),
    ]
    .into();
    for kind in [ProfileKind::Vite, ProfileKind::Astro] {
        let read = || stack::with_room(|| format!("{:?}", config::read(&files, kind)));
        let (Ok(one), Ok(other)) = (read(), read()) else {
            panic!("a configuration's reader did not return")
        };
        assert_eq!(one, other);
    }
    let _ = tsconfig::read(&files).iter().filter(|mapping| mapping.is_catch_all()).count();
}
