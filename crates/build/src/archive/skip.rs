//! What never belongs to a draft although archives carry it.

/// Anywhere in the tree: installed packages, version control, what systems leave.
const ANYWHERE: [&str; 8] =
    ["node_modules", ".git", ".hg", ".svn", "__macosx", ".ds_store", "thumbs.db", "desktop.ini"];

/// Only as a folder at the root: what builds and tools make. Deeper down, such names are sources.
const ROOT_FOLDERS: [&str; 13] = [
    "dist",
    "build",
    ".astro",
    ".vite",
    ".cache",
    "coverage",
    ".next",
    ".turbo",
    ".output",
    ".svelte-kit",
    ".nuxt",
    ".parcel-cache",
    ".vitrine",
];

/// Whether a file or folder of this name never belongs to a draft; `at_root` when nothing of the project is above it.
pub fn is_skipped(name: &str, is_folder: bool, at_root: bool) -> bool {
    let name = name.to_ascii_lowercase();
    // AppleDouble companions of every file, in archives made on a Mac.
    let apple_double = name.starts_with("._");
    let is_made = at_root && is_folder && ROOT_FOLDERS.contains(&name.as_str());
    is_made || apple_double || ANYWHERE.contains(&name.as_str())
}

/// The part of a path that makes it skipped, or `None` when it is kept: `a/node_modules` for `a/node_modules/b/c.js`.
pub(super) fn skipped_part(path: &str) -> Option<&str> {
    let mut end = 0;
    for (index, segment) in path.split('/').enumerate() {
        end += segment.len() + usize::from(index > 0);
        if is_skipped(segment, end < path.len(), index == 0) {
            return Some(&path[..end]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_folders_are_skipped_at_the_root_only() {
        assert_eq!(skipped_part("dist/index.html"), Some("dist"));
        assert_eq!(skipped_part("src/build/index.ts"), None);
        assert_eq!(skipped_part("build"), None);
        assert_eq!(skipped_part("packages/a/node_modules/b/c.js"), Some("packages/a/node_modules"));
        assert_eq!(skipped_part("src/.DS_Store"), Some("src/.DS_Store"));
        assert_eq!(skipped_part("__MACOSX/._a"), Some("__MACOSX"));
        assert_eq!(skipped_part("src/._App.tsx"), Some("src/._App.tsx"));
        assert_eq!(skipped_part("src/App.tsx"), None);
    }
}
