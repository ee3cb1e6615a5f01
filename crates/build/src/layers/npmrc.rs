//! `.npmrc` of a project, reduced to the settings that shape the tree.
//!
//! An allow-list: registries, tokens, proxies, scripts, paths and whatever comes next stay outside of the sandbox and
//! of the layer's key.

/// Settings of npm and pnpm that decide which packages lie where, and can do nothing else.
const KEPT: [&str; 24] = [
    "auto-install-peers",
    "dedupe-direct-deps",
    "dedupe-injected-deps",
    "dedupe-peer-dependents",
    "exclude-links-from-lockfile",
    "hoist",
    "hoist-pattern[]",
    "hoist-pattern",
    "hoist-workspace-packages",
    "ignore-workspace-root-check",
    "include-workspace-root",
    "inject-workspace-packages",
    "install-strategy",
    "legacy-bundling",
    "legacy-peer-deps",
    "link-workspace-packages",
    "node-linker",
    "prefer-dedupe",
    "prefer-workspace-packages",
    "public-hoist-pattern[]",
    "public-hoist-pattern",
    "resolution-mode",
    "shamefully-hoist",
    "strict-peer-deps",
];

/// The kept lines as one canonical text, and the names of the settings that were left out.
pub(super) fn sanitise(content: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(content);
    let (mut kept, mut left_out) = (String::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or((line, "true"));
        let (name, value) = (name.trim(), value.trim());
        // `${…}` would be replaced from the environment.
        if KEPT.contains(&name) && !value.contains("${") {
            kept.push_str(&format!("{name}={value}\n"));
        } else {
            left_out.push(public_name(name));
        }
    }
    left_out.dedup();
    (kept, left_out)
}

/// A name that may be shown: the key of a token names a host at most.
fn public_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_shape_the_tree_are_kept() {
        let text = "# note\nlegacy-peer-deps = true\n//registry.example/:_authToken=secret\n@x:registry=https://x/\n\
                    ignore-scripts=false\nscript-shell=/bin/evil\nnode-linker=${EVIL}\nshamefully-hoist\r\n";
        let (kept, left_out) = sanitise(text.as_bytes());
        assert_eq!(kept, "legacy-peer-deps=true\nshamefully-hoist=true\n");
        assert_eq!(
            left_out,
            [
                "//registry.example/:_authToken",
                "@x:registry",
                "ignore-scripts",
                "script-shell",
                "node-linker"
            ]
        );
        assert!(!left_out.join(" ").contains("secret"));
    }
}
