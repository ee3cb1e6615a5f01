//! Names of packages: which ones a specifier asks for, which ones the project lists, which ones are part of Node.js.

use std::collections::{BTreeMap, HashSet};

use crate::Files;
use crate::package_json::{DEPENDENCY_TABLES, PackageJson};

/// Modules of Node.js that are known without `node:`.
const BUILTINS: [&str; 42] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The package that a bare specifier asks for: `@a/b` of `@a/b/c`. `None` when no package can have that name.
pub(crate) fn package_of(specifier: &str) -> Option<&str> {
    let scoped = specifier.starts_with('@');
    let end = specifier.match_indices('/').nth(usize::from(scoped)).map_or(specifier.len(), |(at, _)| at);
    let name = &specifier[..end];
    is_package_name(name).then_some(name)
}

/// True for what npm accepts as a name, the old capital letters included.
pub(crate) fn is_package_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!'()*".contains(&byte))
    };
    if name.len() > 214 {
        return false;
    }
    match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, rest)| plain(scope) && plain(rest)),
        None => plain(name) && !name.starts_with('~'),
    }
}

pub(super) fn is_builtin(package: &str) -> bool {
    BUILTINS.contains(&package)
}

/// What the `package.json` files of a project say about names.
#[derive(Debug, Default)]
pub(super) struct Packages {
    /// By folder, with a slash at the end; the root is empty.
    manifests: BTreeMap<String, Manifest>,
    /// Names of the project itself and of packages inside it.
    own: HashSet<String>,
    /// Installed at the top although not listed: resolvable by accident.
    pub(super) hoisted: HashSet<String>,
}

#[derive(Debug, Default)]
struct Manifest {
    listed: HashSet<String>,
    /// Keys of `imports`, up to a `*`.
    private: Vec<String>,
}

impl Packages {
    pub(super) fn read(files: &Files) -> Self {
        let mut packages = Self::default();
        for (path, content) in files.iter().filter(|(path, _)| path.file_name() == "package.json") {
            let Ok(package) = PackageJson::parse(content) else {
                continue;
            };
            let folder = path.as_str().strip_suffix("package.json").unwrap_or_default();
            if let Some(name) = package.field("name").and_then(|name| name.as_str()) {
                packages.own.insert(name.to_owned());
            }
            let tables = DEPENDENCY_TABLES.iter().filter_map(|table| package.field(table)?.as_object());
            let listed = tables.flat_map(|table| table.keys().cloned()).collect();
            let private = package.field("imports").and_then(|imports| imports.as_object());
            let private = private.into_iter().flat_map(|imports| imports.keys());
            let private = private.map(|key| key.split('*').next().unwrap_or(key).to_owned()).collect();
            packages.manifests.insert(folder.to_owned(), Manifest { listed, private });
        }
        packages
    }

    fn manifests_above<'s>(&'s self, from: &str) -> impl Iterator<Item = &'s Manifest> {
        self.manifests.iter().filter(move |(folder, _)| from.starts_with(folder.as_str())).map(|(_, one)| one)
    }

    /// True when a file may import this package by what is written down.
    pub(super) fn lists(&self, from: &str, package: &str) -> bool {
        self.own.contains(package) || self.manifests_above(from).any(|one| one.listed.contains(package))
    }

    /// True when only the package's types are listed.
    pub(super) fn lists_types_of(&self, from: &str, package: &str) -> bool {
        let types = match package.strip_prefix('@') {
            Some(scoped) => format!("@types/{}", scoped.replacen('/', "__", 1)),
            None => format!("@types/{package}"),
        };
        self.lists(from, &types)
    }

    /// True when a `#name` is in `imports`.
    pub(super) fn has_private(&self, from: &str, specifier: &str) -> bool {
        self.manifests_above(from)
            .any(|one| one.private.iter().any(|key| specifier.starts_with(key.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specifier_names_its_package() {
        assert_eq!(package_of("react"), Some("react"));
        assert_eq!(package_of("react-dom/client"), Some("react-dom"));
        assert_eq!(package_of("@a/b/c/d.css"), Some("@a/b"));
        for none in ["@/components/x", "~/x", "", "./a", "@a", "a b", "--flag", "$lib/x", "é"] {
            assert_eq!(package_of(none), None, "{none}");
        }
    }
}
