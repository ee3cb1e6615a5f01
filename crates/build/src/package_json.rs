//! `package.json`, read tolerantly: what is not understood is left to the package manager to complain about.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A parsed `package.json`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PackageJson(Map<String, Value>);

/// Why a `package.json` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageJsonError {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) reason: String,
}

/// The tables that decide what is installed.
pub(crate) const DEPENDENCY_TABLES: [&str; 4] =
    ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// The fields that decide what is installed, besides the tables.
const INSTALL_FIELDS: [&str; 8] = [
    "peerDependenciesMeta",
    "dependenciesMeta",
    "bundledDependencies",
    "bundleDependencies",
    "overrides",
    "resolutions",
    "pnpm",
    "workspaces",
];

impl PackageJson {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, PackageJsonError> {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match serde_json::from_slice(text) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(PackageJsonError { line: 1, column: 1, reason: "it is not an object".to_owned() }),
            Err(error) => Err(PackageJsonError {
                line: u32::try_from(error.line()).unwrap_or(u32::MAX),
                column: u32::try_from(error.column()).unwrap_or(u32::MAX),
                reason: bare_reason(&error),
            }),
        }
    }

    /// True when any table lists anything, or there are workspaces that might.
    pub(crate) fn has_dependencies(&self) -> bool {
        let listed = DEPENDENCY_TABLES.iter().any(|table| !self.table(table).is_empty());
        listed || self.0.contains_key("workspaces")
    }

    /// True when `name` stands in a table that is installed.
    pub(crate) fn depends_on(&self, name: &str) -> bool {
        DEPENDENCY_TABLES.iter().any(|table| self.table(table).contains_key(name))
    }

    /// Dependencies that do not come from a registry, with where they come from.
    pub(crate) fn foreign_dependencies(&self) -> Vec<(String, String)> {
        let all = DEPENDENCY_TABLES.iter().flat_map(|table| self.table(table));
        all.filter(|(_, spec)| is_foreign(spec))
            .map(|(name, spec)| (name.to_owned(), spec.to_owned()))
            .collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn has_workspaces(&self) -> bool {
        self.0.contains_key("workspaces")
    }

    pub(crate) fn script(&self, name: &str) -> Option<&str> {
        self.0.get("scripts")?.get(name)?.as_str()
    }

    pub(crate) fn engines_node(&self) -> Option<&str> {
        self.0.get("engines")?.get("node")?.as_str().map(str::trim).filter(|range| !range.is_empty())
    }

    pub(crate) fn package_manager(&self) -> Option<&str> {
        self.0.get("packageManager")?.as_str()
    }

    /// What of this file decides what is installed, in one canonical text: the same for a renamed script.
    pub(crate) fn install_parts(&self) -> String {
        let names = DEPENDENCY_TABLES.iter().chain(&INSTALL_FIELDS);
        let parts: BTreeMap<&str, &Value> =
            names.filter_map(|name| Some((*name, self.0.get(*name)?))).collect();
        serde_json::to_string(&parts).unwrap_or_default()
    }

    /// What of this file a running dev server has read: everything that is neither a name nor an install part.
    pub(crate) fn runtime_parts(&self) -> String {
        let names = ["type", "imports", "exports", "sideEffects", "browserslist", "browser"];
        let parts: BTreeMap<&str, &Value> =
            names.iter().filter_map(|name| Some((*name, self.0.get(*name)?))).collect();
        serde_json::to_string(&parts).unwrap_or_default()
    }

    fn table(&self, name: &str) -> BTreeMap<&str, &str> {
        let entries = self.0.get(name).and_then(Value::as_object).into_iter().flatten();
        entries.filter_map(|(name, spec)| Some((name.as_str(), spec.as_str()?))).collect()
    }
}

/// The error without serde's position suffix, which stands in fields of its own.
fn bare_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn is_foreign(spec: &str) -> bool {
    let schemes =
        ["file:", "link:", "git:", "git+", "github:", "gitlab:", "bitbucket:", "http:", "https:", "portal:"];
    schemes.iter().any(|scheme| spec.starts_with(scheme)) || is_github_shorthand(spec)
}

/// `owner/name`, which npm takes for a GitHub repository.
fn is_github_shorthand(spec: &str) -> bool {
    !spec.starts_with(['@', '.', '/', '~']) && !spec.contains(':') && spec.matches('/').count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_says_where_it_is() {
        let error = PackageJson::parse(b"{\n  \"name\": \"x\",\n}").unwrap_err();
        assert_eq!((error.line, error.reason.as_str()), (3, "trailing comma"));
        assert_eq!(PackageJson::parse(b"[]").unwrap_err().reason, "it is not an object");
    }

    #[test]
    fn a_byte_order_mark_and_odd_types_are_tolerated() {
        let package =
            PackageJson::parse(b"\xef\xbb\xbf{\"dependencies\":{\"a\":1,\"b\":\"^1\"},\"scripts\":[]}")
                .unwrap();
        assert!(package.depends_on("b") && !package.depends_on("a"));
        assert_eq!(package.script("dev"), None);
    }

    #[test]
    fn only_what_decides_the_tree_is_an_install_part() {
        let parts = |text: &str| PackageJson::parse(text.as_bytes()).unwrap().install_parts();
        let base = parts(r#"{"name":"a","dependencies":{"x":"1","y":"2"}}"#);
        assert_eq!(base, parts(r#"{"dependencies":{"y":"2","x":"1"},"scripts":{"dev":"vite"}}"#));
        assert_ne!(base, parts(r#"{"dependencies":{"x":"1","y":"2"},"overrides":{"y":"3"}}"#));
    }

    #[test]
    fn dependencies_from_elsewhere_are_told_apart() {
        let package = PackageJson::parse(
            br#"{"dependencies":{"a":"^1","b":"file:./b","c":"owner/repo","d":"npm:e@1","f":"workspace:*","g":"github:o/r"}}"#,
        )
        .unwrap();
        let names: Vec<_> = package.foreign_dependencies().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "c", "g"]);
    }
}
