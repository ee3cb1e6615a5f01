//! The one type a path from outside can become: relative, normalised, portable.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::limits::{MAX_PATH_BYTES, MAX_SEGMENT_BYTES};

/// A path of a file in a project: relative to its root, `/`-separated, in Unicode NFC, never empty.
///
/// Whatever holds one may join it to a root without further checks of its *text*; symbolic links on disk are the
/// business of whoever opens it (`openat2` with `RESOLVE_BENEATH`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectPath(String);

/// Why a text is not a project path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing at all, or an empty segment (`a//b`, a trailing slash).
    #[error("a path has no empty segments")]
    EmptySegment,
    /// Starts at a root: `/a`, `C:/a`.
    #[error("a path is relative to the project")]
    Absolute,
    /// Contains `.` or `..` as a segment.
    #[error("a path has no `.` or `..` segments")]
    DotSegment,
    /// Contains a backslash, which separates folders on Windows only.
    #[error("a path uses `/`, not a backslash")]
    Backslash,
    /// Contains NUL, another control character, or an invisible or direction-changing one.
    #[error("a path has no control or invisible characters")]
    ControlCharacter,
    /// A character Windows refuses in file names, or a segment ending in a dot or a space.
    #[error("`{0}` cannot be a file name on every system")]
    NotPortable(String),
    /// A name Vitrine or the tools keep for themselves, such as `node_modules` or `.git`.
    #[error("`{0}` is reserved")]
    Reserved(String),
    /// Over [`MAX_PATH_BYTES`], or a segment over [`MAX_SEGMENT_BYTES`].
    #[error("a path has at most {MAX_PATH_BYTES} bytes and a segment {MAX_SEGMENT_BYTES}")]
    TooLong,
}

/// Segments that never belong to a draft: installed packages, version control, and Vitrine's own.
const RESERVED_SEGMENTS: [&str; 5] = ["node_modules", ".git", ".hg", ".svn", ".vitrine"];

/// Device names that Windows refuses with any extension.
const DEVICE_NAMES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

impl ProjectPath {
    /// Checks and normalises; the same text always gives the same path.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.len() > MAX_PATH_BYTES {
            return Err(InvalidPath::TooLong);
        }
        let path: String = text.nfc().collect();
        if path.len() > MAX_PATH_BYTES {
            return Err(InvalidPath::TooLong);
        }
        if path.chars().any(is_invisible) {
            return Err(InvalidPath::ControlCharacter);
        }
        if path.contains('\\') {
            return Err(InvalidPath::Backslash);
        }
        if path.starts_with('/') || has_drive(&path) {
            return Err(InvalidPath::Absolute);
        }
        path.split('/').try_for_each(check_segment)?;
        Ok(Self(path))
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The part of the file name after its last dot, if it has one that is not its first character.
    pub fn extension(&self) -> Option<&str> {
        self.file_name().rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension)
    }

    /// Every folder above the file, outermost first: `a`, `a/b` for `a/b/c`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// What the path is called on a file system that ignores case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// True for files directly in the project's root.
    pub fn is_at_root(&self) -> bool {
        !self.0.contains('/')
    }

    /// True for the lockfiles of npm, pnpm, Yarn and Bun in the project's root.
    pub fn is_lockfile(&self) -> bool {
        matches!(
            self.0.as_str(),
            "package-lock.json"
                | "npm-shrinkwrap.json"
                | "pnpm-lock.yaml"
                | "yarn.lock"
                | "bun.lock"
                | "bun.lockb"
        )
    }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn has_drive(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
}

fn check_segment(segment: &str) -> Result<(), InvalidPath> {
    if segment.is_empty() {
        return Err(InvalidPath::EmptySegment);
    }
    if segment == "." || segment == ".." {
        return Err(InvalidPath::DotSegment);
    }
    if segment.len() > MAX_SEGMENT_BYTES {
        return Err(InvalidPath::TooLong);
    }
    let folded = segment.to_lowercase();
    if RESERVED_SEGMENTS.contains(&folded.as_str()) {
        return Err(InvalidPath::Reserved(segment.to_owned()));
    }
    let stem = folded.split('.').next().unwrap_or(&folded);
    let ends_badly = segment.ends_with(['.', ' ']);
    if ends_badly || segment.contains(['<', '>', ':', '"', '|', '?', '*']) || DEVICE_NAMES.contains(&stem) {
        return Err(InvalidPath::NotPortable(segment.to_owned()));
    }
    Ok(())
}

impl std::str::FromStr for ProjectPath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ProjectPath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl From<ProjectPath> for String {
    fn from(path: ProjectPath) -> String {
        path.0
    }
}

impl std::borrow::Borrow<str> for ProjectPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl utoipa::PartialSchema for ProjectPath {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for ProjectPath {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_project_paths_are_accepted_as_they_are() {
        for text in
            ["index.html", "src/App.tsx", ".env.local", "src/[slug]/page.tsx", "src/@types/é.d.ts", "a b/c+d"]
        {
            assert_eq!(ProjectPath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn each_kind_of_bad_path_is_refused_for_its_own_reason() {
        use InvalidPath::*;
        let cases = [
            ("", EmptySegment),
            ("a//b", EmptySegment),
            ("a/", EmptySegment),
            ("/etc/passwd", Absolute),
            ("C:/x", Absolute),
            ("../x", DotSegment),
            ("a/../../x", DotSegment),
            ("./a", DotSegment),
            ("a\\b", Backslash),
            ("a\0b", ControlCharacter),
            ("a\nb", ControlCharacter),
            ("a\u{202e}b", ControlCharacter),
            ("a/NUL.txt", NotPortable("NUL.txt".into())),
            ("what?", NotPortable("what?".into())),
            ("dot.", NotPortable("dot.".into())),
            ("node_modules/x/index.js", Reserved("node_modules".into())),
            ("src/.GIT/config", Reserved(".GIT".into())),
        ];
        for (text, error) in cases {
            assert_eq!(ProjectPath::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_path_may_have_exactly_the_limit_and_no_more() {
        let at_limit = format!("{}/{}/{}", "a".repeat(255), "b".repeat(255), "");
        let at_limit = format!("{}{}", &at_limit[..at_limit.len() - 1], "");
        assert_eq!(at_limit.len(), MAX_PATH_BYTES - 1);
        assert!(ProjectPath::parse(&at_limit).is_ok());
        assert_eq!(ProjectPath::parse(&format!("{at_limit}/c")), Err(InvalidPath::TooLong));
        assert_eq!(ProjectPath::parse(&"s".repeat(256)), Err(InvalidPath::TooLong));
    }

    #[test]
    fn two_spellings_of_one_name_are_one_path() {
        assert_eq!(ProjectPath::parse("caf\u{e9}"), ProjectPath::parse("cafe\u{301}"));
    }

    proptest! {
        #[test]
        fn an_accepted_path_stays_beneath_its_root(text in "\\PC{0,40}|[./a-c\\\\:]{0,12}") {
            if let Ok(path) = ProjectPath::parse(&text) {
                let joined = std::path::Path::new("/root").join(path.as_str());
                prop_assert!(joined.starts_with("/root"));
                prop_assert!(joined.components().all(|c| c != std::path::Component::ParentDir));
                prop_assert_eq!(ProjectPath::parse(path.as_str()), Ok(path.clone()));
            }
        }
    }
}
