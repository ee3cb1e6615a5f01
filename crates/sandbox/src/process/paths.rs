//! Paths inside a sandbox, turned into the host's where there is no inside.

use std::path::{Path, PathBuf};

use crate::driver::Command;

/// Pairs of places: inside, on the host.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// The longest first, so that a mount within the project wins over the project.
    pairs: Vec<(String, String)>,
}

impl Paths {
    pub(super) fn new(pairs: Vec<(PathBuf, PathBuf)>) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut pairs: Vec<_> = pairs.iter().map(|(inside, host)| (text(inside), text(host))).collect();
        pairs.sort_by_key(|(inside, _)| std::cmp::Reverse(inside.len()));
        Self { pairs }
    }

    /// The command as the host can run it.
    pub(super) fn translate(&self, command: Command) -> Command {
        Command {
            argv: command.argv.iter().map(|argument| self.replace(argument)).collect(),
            env: command.env.into_iter().map(|(name, value)| (name, self.replace(&value))).collect(),
            cwd: self.replace(&command.cwd),
        }
    }

    /// Replaces every place that stands where a path can begin (at the start, or after one of `:=,` or a blank) and
    /// ends where a component ends.
    fn replace(&self, text: &str) -> String {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        let mut can_begin = true;
        while let Some(first) = rest.chars().next() {
            let found = self.pairs.iter().find(|(inside, _)| can_begin && begins_with_place(rest, inside));
            if let Some((inside, host)) = found {
                replaced.push_str(host);
                rest = &rest[inside.len()..];
                can_begin = false;
                continue;
            }
            replaced.push(first);
            can_begin = matches!(first, ':' | '=' | ',' | ' ' | '"' | '\'');
            rest = &rest[first.len_utf8()..];
        }
        replaced
    }
}

fn begins_with_place(text: &str, place: &str) -> bool {
    let ends_component = |next: char| matches!(next, '/' | ':' | ',' | ' ' | '"' | '\'');
    text.strip_prefix(place).is_some_and(|after| after.chars().next().is_none_or(ends_component))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_replaced_where_paths_begin_and_nowhere_else() {
        let paths = Paths::new(vec![
            ("/workspace/app".into(), "/host/app".into()),
            ("/opt/toolchain".into(), "/host/node".into()),
            ("/tmp".into(), "/host/tmp".into()),
        ]);
        for (inside, host) in [
            ("/opt/toolchain/bin/node", "/host/node/bin/node"),
            (
                "/opt/toolchain/bin:/workspace/app/node_modules/.bin:/usr/bin",
                "/host/node/bin:/host/app/node_modules/.bin:/usr/bin",
            ),
            ("--cache=/tmp/x", "--cache=/host/tmp/x"),
            ("/tmp", "/host/tmp"),
            ("/tmpfoo", "/tmpfoo"),
            ("a/tmp", "a/tmp"),
            ("cat /workspace/app/a > /tmp/b", "cat /host/app/a > /host/tmp/b"),
            ("", ""),
        ] {
            assert_eq!(paths.replace(inside), host);
        }
    }
}
