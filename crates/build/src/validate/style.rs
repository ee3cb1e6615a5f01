//! Style sheets: what they import and which files they name. Comments and strings are told apart; nothing else of
//! their grammar is needed.

use super::script::{Import, ImportKind};

/// The kind of style sheet, which decides what a bare name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Plain CSS, whatever processes it.
    Css,
    /// Sass, Less and Stylus: names without a dot may be looked up in ways only the compiler knows.
    Preprocessed,
}

impl Flavour {
    /// By a file's extension or a block's `lang`.
    pub(super) fn of(extension: &str) -> Option<Self> {
        match extension {
            "css" | "pcss" | "postcss" => Some(Self::Css),
            "scss" | "sass" | "less" | "styl" | "stylus" => Some(Self::Preprocessed),
            _ => None,
        }
    }
}

/// At-rules that name a file or package.
const RULES: [(&str, ImportKind); 6] = [
    ("@import", ImportKind::Style),
    ("@use", ImportKind::Style),
    ("@forward", ImportKind::Style),
    ("@plugin", ImportKind::StyleTool),
    ("@config", ImportKind::StyleTool),
    ("@reference", ImportKind::StyleTool),
];

/// Everything that the sheet, which begins at `start` in its file, names.
pub(super) fn read(text: &str, start: usize, flavour: Flavour) -> Vec<Import> {
    let bytes = text.as_bytes();
    let mut imports = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                text[at + 2..].find("*/").map_or(bytes.len(), |end| at + end + 4)
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') && flavour == Flavour::Preprocessed => {
                text[at..].find('\n').map_or(bytes.len(), |end| at + end)
            }
            quote @ (b'"' | b'\'') => skip_string(bytes, at, quote),
            b'@' => read_rule(text, at, start, &mut imports),
            b'u' | b'U' if is_url(text, at) => read_url(text, at, start, ImportKind::Asset, &mut imports),
            _ => at + 1,
        };
    }
    imports
}

/// The index after a string that begins at `at`; a string ends with its line at the latest.
fn skip_string(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != quote && bytes[end] != b'\n' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    (end + 1).min(bytes.len())
}

fn read_rule(text: &str, at: usize, start: usize, imports: &mut Vec<Import>) -> usize {
    let rest = &text[at..];
    let rule = RULES.iter().find(|(name, _)| {
        rest.starts_with(name) && !rest[name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '-')
    });
    let Some((name, kind)) = rule else {
        return at + 1;
    };
    let mut from = at + name.len();
    from += text[from..].len() - text[from..].trim_start().len();
    // Less: `@import (reference) "x"`.
    if text[from..].starts_with('(') {
        from += text[from..].find(')').map_or(1, |end| end + 1);
        from += text[from..].len() - text[from..].trim_start().len();
    }
    if is_url(text, from) {
        return read_url(text, from, start, *kind, imports);
    }
    match text.as_bytes().get(from) {
        Some(quote @ (b'"' | b'\'')) => {
            let end = skip_string(text.as_bytes(), from, *quote);
            let specifier = text.get(from + 1..end - 1).unwrap_or_default();
            push(specifier, *kind, start + from, imports);
            end
        }
        _ => from.max(at + 1),
    }
}

fn is_url(text: &str, at: usize) -> bool {
    let names_function = text.get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case("url("));
    let before = text[..at].chars().next_back();
    names_function && !before.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

fn read_url(text: &str, at: usize, start: usize, kind: ImportKind, imports: &mut Vec<Import>) -> usize {
    let from = at + 4;
    let inner_start = from + (text[from..].len() - text[from..].trim_start().len());
    let (specifier, end) = match text.as_bytes().get(inner_start) {
        Some(quote @ (b'"' | b'\'')) => {
            let end = skip_string(text.as_bytes(), inner_start, *quote);
            (text.get(inner_start + 1..end - 1).unwrap_or_default(), end)
        }
        _ => {
            let end = text[inner_start..].find(')').map_or(text.len(), |end| inner_start + end);
            (text[inner_start..end].trim_end(), end)
        }
    };
    push(specifier, kind, start + inner_start, imports);
    end
}

/// What is computed by a preprocessor, names a fragment of the page or holds its data is nothing to look for.
fn push(specifier: &str, kind: ImportKind, offset: usize, imports: &mut Vec<Import>) {
    let is_computed = specifier.contains(['$', '{', '}', '\\', '\n']) || specifier.contains("var(");
    let is_inline = specifier.starts_with(['#', '@', '%']) && kind == ImportKind::Asset;
    if !specifier.is_empty() && !is_computed && !is_inline {
        imports.push(Import { specifier: specifier.to_owned(), kind, offset });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, flavour: Flavour) -> Vec<(String, ImportKind)> {
        read(text, 0, flavour).into_iter().map(|import| (import.specifier, import.kind)).collect()
    }

    #[test]
    fn imports_and_files_are_found_and_comments_are_not() {
        let text = r#"/* @import "no.css"; */ @import "a.css" layer(x); @import url(https://x/y?f="q");
            @plugin "@tailwindcss/typography"; b { background: url( './c.png' ), URL(d.svg) }
            e { content: "@import 'f'"; fill: url(#g); --u: my-url(h) } @important "x";"#;
        let expected = [
            ("a.css", ImportKind::Style),
            ("https://x/y?f=\"q\"", ImportKind::Style),
            ("@tailwindcss/typography", ImportKind::StyleTool),
            ("./c.png", ImportKind::Asset),
            ("d.svg", ImportKind::Asset),
        ];
        assert_eq!(found(text, Flavour::Css), expected.map(|(text, kind)| (text.to_owned(), kind)));
    }

    #[test]
    fn line_comments_and_computed_names_belong_to_preprocessors() {
        let text = "// @import 'no'\n@use 'sass:math';\n@import (reference) './b';\na { b: url($c) }";
        let expected = [("sass:math", ImportKind::Style), ("./b", ImportKind::Style)];
        assert_eq!(found(text, Flavour::Preprocessed), expected.map(|(text, kind)| (text.to_owned(), kind)));
    }

    #[test]
    fn what_is_cut_off_is_read_to_its_end() {
        for text in ["@import", "@import \"", "@import 'a", "url(", "url('", "/*", "@import (", "a\"\\"] {
            found(text, Flavour::Css);
            found(text, Flavour::Preprocessed);
        }
    }
}
