//! Patterns of `import.meta.glob`: which files one matches.

/// Alternatives of `{a,b}` that one pattern is expanded to at most.
const MAX_ALTERNATIVES: usize = 64;

/// Segments and characters of a pattern that are matched; longer ones match nothing.
const MAX_PATTERN_BYTES: usize = 512;

/// A pattern, taken apart.
pub(super) struct Glob(Vec<String>);

impl Glob {
    /// From a project-relative pattern.
    pub(super) fn new(pattern: &str) -> Self {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Self(Vec::new());
        }
        let mut expanded = vec![pattern.to_owned()];
        while let Some(at) = expanded.iter().position(|one| braces(one).is_some()) {
            if expanded.len() > MAX_ALTERNATIVES {
                return Self(Vec::new());
            }
            let one = expanded.swap_remove(at);
            if let Some((open, close)) = braces(&one) {
                let alternatives = one[open + 1..close].split(',');
                expanded.extend(
                    alternatives.map(|inner| format!("{}{inner}{}", &one[..open], &one[close + 1..])),
                );
            }
        }
        Self(expanded)
    }

    /// True when the pattern matches the path.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        self.0.iter().any(|one| segments(&one.split('/').collect::<Vec<_>>(), &path))
    }
}

/// The first pair of braces without braces in it.
fn braces(pattern: &str) -> Option<(usize, usize)> {
    let close = pattern.find('}')?;
    let open = pattern[..close].rfind('{')?;
    Some((open, close))
}

/// Row by row, so that the time is bounded by the product of the lengths.
fn segments(pattern: &[&str], path: &[&str]) -> bool {
    let mut row = vec![false; path.len() + 1];
    row[0] = true;
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        for at in 0..=path.len() {
            next[at] = match *part {
                "**" => row[at] || (at > 0 && next[at - 1]),
                part => at > 0 && row[at - 1] && segment(part.as_bytes(), path[at - 1].as_bytes()),
            };
        }
        row = next;
    }
    row[path.len()]
}

fn segment(pattern: &[u8], name: &[u8]) -> bool {
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for part in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match part {
                b'*' => row[at] || (at > 0 && next[at - 1]),
                b'?' => at > 0 && row[at - 1],
                byte => at > 0 && row[at - 1] && name[at - 1] == *byte,
            };
        }
        row = next;
    }
    row[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_question_marks_and_alternatives_match() {
        let glob = Glob::new("src/**/*.{ts,tsx}");
        assert!(glob.matches("src/a.ts") && glob.matches("src/a/b/c.tsx"));
        assert!(!glob.matches("src/a.js") && !glob.matches("lib/a.ts"));
        assert!(Glob::new("a/?.md").matches("a/b.md") && !Glob::new("a/*.md").matches("a/b/c.md"));
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let stars = "*a".repeat(200);
        assert!(!Glob::new(&stars).matches(&"a".repeat(150)));
        assert!(Glob::new(&"{a,b}".repeat(40)).0.is_empty());
    }
}
