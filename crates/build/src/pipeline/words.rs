//! What a build tool's own words say: where in the project the fault is, and which limit was reached.

use std::collections::BTreeSet;

use vitrine_model::ProjectPath;
use vitrine_sandbox::driver::PROJECT_DIR;

/// A place in the project that an error names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: ProjectPath,
    /// The line, from 1.
    pub line: u32,
    /// The line of output that says what is wrong, as well as can be told.
    pub message: String,
}

/// The first place in `words` that is a file of the project with a line: `src/App.tsx:3:10`, `src/App.tsx (3:10)` or
/// `src/App.tsx(3,10)`, with or without the folder in front. Names of files that are not the project's do not count.
pub(super) fn location(words: &str, paths: &BTreeSet<&str>) -> Option<Location> {
    let lines: Vec<&str> = words.lines().collect();
    lines.iter().enumerate().find_map(|(at, text)| {
        let (path, line) = place_in(text, paths)?;
        let message = message(&lines[..at], text, path.as_str());
        Some(Location { path, line, message })
    })
}

fn place_in(text: &str, paths: &BTreeSet<&str>) -> Option<(ProjectPath, u32)> {
    let starts = text.match_indices('.').map(|(dot, _)| dot);
    starts.into_iter().find_map(|dot| {
        let end = dot
            + 1
            + text[dot + 1..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len() - dot - 1);
        let line = line_after(&text[end..])?;
        let path = path_before(&text[..end], paths)?;
        Some((path, line))
    })
}

/// The longest end of `text` that is a path of the project.
fn path_before(text: &str, paths: &BTreeSet<&str>) -> Option<ProjectPath> {
    let inside = text.rfind(PROJECT_DIR).and_then(|at| text[at + PROJECT_DIR.len()..].strip_prefix('/'));
    if let Some(path) = inside.filter(|path| paths.contains(path)) {
        return ProjectPath::parse(path).ok();
    }
    let is_boundary =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | '[' | '<' | '/' | ':');
    let begins = text.char_indices().filter(|(_, c)| is_boundary(*c)).map(|(at, c)| at + c.len_utf8());
    let found = std::iter::once(0).chain(begins).map(|at| &text[at..]).find(|end| paths.contains(end))?;
    // `node_modules/x/src/index.js` is not the project's `src/index.js`.
    let before = &text[..text.len() - found.len()];
    let is_elsewhere = before.ends_with('/')
        && !before.ends_with(&format!("{PROJECT_DIR}/"))
        && !before.ends_with(" ./")
        && before != "./";
    if is_elsewhere { None } else { ProjectPath::parse(found).ok() }
}

fn line_after(text: &str) -> Option<u32> {
    // Vite adds a query to some names: `src/App.vue?vue&type=script:3:1`.
    let text = match text.strip_prefix('?') {
        Some(query) => &query[query.find(':')?..],
        None => text,
    };
    let digits =
        text.strip_prefix(':').or_else(|| text.strip_prefix('(')).or_else(|| text.strip_prefix(" ("))?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok().filter(|line| *line > 0)
}

/// Lines above the place that may hold the reason: tools put a rule or a blank line between.
const REASON_WITHIN: usize = 4;

/// The line that says what is wrong: the one with the place when it says more than that, else the nearest above.
fn message(above: &[&str], place: &str, location: &str) -> String {
    let says_something =
        |text: &str| text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1).count() > 1;
    // Announcements ("error during build:") end with a colon; the frames of a stack say where and never why.
    let is_reason = |line: &&str| {
        let line = line.trim();
        says_something(line) && !line.ends_with(':') && !line.starts_with("at ") && !line.starts_with("file:")
    };
    let rest = place.replacen(location, "", 1);
    if is_reason(&rest.as_str()) {
        return place.trim().to_owned();
    }
    above.iter().rev().take(REASON_WITHIN).copied().find(is_reason).unwrap_or(place).trim().to_owned()
}

/// True when the words say that the disk was full.
pub(super) fn tell_of_full_disk(words: &str) -> bool {
    ["ENOSPC", "EDQUOT", "No space left on device", "no space left on device"]
        .iter()
        .any(|sign| words.contains(sign))
}

/// True when the words say that no process or thread could be started.
pub(super) fn tell_of_too_many_processes(words: &str) -> bool {
    ["EAGAIN", "Cannot fork", "can't fork", "Resource temporarily unavailable"]
        .iter()
        .any(|sign| words.contains(sign))
}

/// True when JavaScript's own heap was too small, which Node.js sizes by the memory there is.
pub(super) fn tell_of_full_heap(words: &str) -> bool {
    words.contains("heap out of memory") || words.contains("Array buffer allocation failed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(words: &str) -> Option<(String, u32)> {
        let paths = BTreeSet::from(["src/App.tsx", "src/pages/index.astro", "main.js", "a b/c.ts"]);
        location(words, &paths).map(|location| (location.path.into(), location.line))
    }

    #[test]
    fn places_are_found_as_tools_write_them() {
        for (words, path, line) in [
            ("src/App.tsx:3:10: ERROR: Unexpected", "src/App.tsx", 3),
            ("file: /workspace/app/src/App.tsx:12:1", "src/App.tsx", 12),
            ("src/App.tsx (7:2): \"x\" is not exported", "src/App.tsx", 7),
            ("src/App.tsx(9,1): error TS2304", "src/App.tsx", 9),
            ("   ╭─[ src/App.tsx:4:5 ]", "src/App.tsx", 4),
            ("at ./src/App.tsx:4:5", "src/App.tsx", 4),
            ("file:///workspace/app/src/pages/index.astro?x&y:2:1", "src/pages/index.astro", 2),
            ("in a b/c.ts:5", "a b/c.ts", 5),
            ("node_modules/x/dist/y.js:9:1\n  main.js:1:1", "main.js", 1),
        ] {
            assert_eq!(found(words), Some((path.to_owned(), line)), "{words}");
        }
        for words in [
            "node_modules/x/main.js:3:1",
            "src/App.tsx is 3:4",
            "other.ts:3:1",
            "main.js:0",
            "at 1.2.3:4",
            "",
        ] {
            assert_eq!(found(words), None, "{words}");
        }
    }

    #[test]
    fn the_message_is_the_line_that_names_the_error() {
        let paths = BTreeSet::from(["main.js"]);
        for (words, message) in [
            (
                "✗ Build failed\nerror during build:\nParse error: expected `;`\n at main.js:3:1",
                "Parse error: expected `;`",
            ),
            (
                "Build failed with 1 error:\n[X] \"a\" is not exported\n   ╭─[ main.js:3:10 ]\n   │",
                "[X] \"a\" is not exported",
            ),
            ("error during build:\nmain.js:3:1: error: cannot find it", "main.js:3:1: error: cannot find it"),
            ("main.js:3:1", "main.js:3:1"),
        ] {
            assert_eq!(location(words, &paths).unwrap().message, message);
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read_without_a_panic(words in "(\\PC|[./:(?]|main\\.js|/workspace/app){0,30}") {
            let _ = found(&words);
        }
    }
}
