//! Which offered Node.js a project runs on.
//!
//! The owner's setting and `engines.node` are requirements: what cannot be met is an error. `.nvmrc` and
//! `.node-version` are a developer's convenience: what cannot be met there is reported and passed over.

use node_semver::{Range, Version};

use super::ProfileError;
use crate::Files;
use crate::diagnostic::Diagnostic;
use crate::package_json::PackageJson;
use crate::toolchain::NodeMajor;

pub(super) fn choose(
    files: &Files,
    package: Option<&PackageJson>,
    owner: Option<&str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<NodeMajor, ProfileError> {
    let engines = package.and_then(PackageJson::engines_node);
    if let Some(asked) = owner {
        return by_owner(asked, engines, diagnostics);
    }
    let wished = wish(files, diagnostics);
    let Some(asked) = engines else {
        return Ok(wished.unwrap_or_default());
    };
    by_engines(asked, wished, diagnostics)
}

fn by_owner(
    asked: &str,
    engines: Option<&str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<NodeMajor, ProfileError> {
    let major = fitting(asked, None).ok_or_else(|| unsupported("the profile", asked))?;
    if let Some(range) = engines.filter(|range| !admits(range, major)) {
        let (asked, used) = (range.to_owned(), major.version().to_owned());
        diagnostics.push(Diagnostic::EnginesOverruled { asked, used });
    }
    Ok(major)
}

fn by_engines(
    asked: &str,
    wished: Option<NodeMajor>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<NodeMajor, ProfileError> {
    if let Some(major) = fitting(asked, wished) {
        return Ok(major);
    }
    // An exact release such as `22.11.0`: the pinned release of that line is the nearest there is.
    let major = candidates(wished)
        .find(|major| overlaps(asked, *major))
        .ok_or_else(|| unsupported("`engines`", asked))?;
    let (asked, used) = (asked.to_owned(), major.version().to_owned());
    diagnostics.push(Diagnostic::NodeReleaseDiffers { asked, used });
    Ok(major)
}

/// What `.nvmrc` or `.node-version` wishes, when it is offered.
fn wish(files: &Files, diagnostics: &mut Vec<Diagnostic>) -> Option<NodeMajor> {
    let (file, asked) = [".nvmrc", ".node-version"].iter().find_map(|name| {
        let text = String::from_utf8_lossy(files.get(*name)?).trim().to_owned();
        (!text.is_empty()).then(|| ((*name).to_owned(), text))
    })?;
    // Aliases (`lts/*`, `node`) follow the calendar; the default does so too.
    if asked.starts_with("lts/") || matches!(asked.as_str(), "node" | "stable" | "latest" | "lts") {
        return None;
    }
    let offered = NodeMajor::offered().find(|major| overlaps(&asked, *major));
    if offered.is_none() {
        let used = NodeMajor::default().version().to_owned();
        diagnostics.push(Diagnostic::NodeFileIgnored { file, asked, used });
    }
    offered
}

/// The first candidate whose pinned release the range admits.
fn fitting(range: &str, wished: Option<NodeMajor>) -> Option<NodeMajor> {
    candidates(wished).find(|major| admits(range, *major))
}

/// The wish, the default, then the other offered ones from old to new.
fn candidates(wished: Option<NodeMajor>) -> impl Iterator<Item = NodeMajor> {
    wished.into_iter().chain([NodeMajor::default()]).chain(NodeMajor::offered())
}

fn admits(range: &str, major: NodeMajor) -> bool {
    let version = Version::parse(major.version());
    matches!((parse(range), version), (Some(range), Ok(version)) if range.satisfies(&version))
}

fn overlaps(range: &str, major: NodeMajor) -> bool {
    let line = parse(&format!("{major}.x"));
    matches!((parse(range), line), (Some(range), Some(line)) if range.allows_any(&line))
}

/// A range as people write them: a leading `v` is fine.
fn parse(range: &str) -> Option<Range> {
    Range::parse(range.trim().trim_start_matches('v')).ok()
}

fn unsupported(asked_by: &'static str, asked: &str) -> ProfileError {
    let offered: Vec<_> = NodeMajor::offered().map(|major| major.version()).collect();
    ProfileError::UnsupportedNode { asked_by, asked: asked.to_owned(), offered: offered.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::files;
    use super::*;

    fn chosen(engines: &str, others: &[(&str, &str)]) -> (Result<String, ProfileError>, Vec<Diagnostic>) {
        let package =
            PackageJson::parse(format!(r#"{{"engines":{{"node":"{engines}"}}}}"#).as_bytes()).unwrap();
        let mut diagnostics = Vec::new();
        let node = choose(&files(others), Some(&package), None, &mut diagnostics);
        (node.map(|node| node.to_string()), diagnostics)
    }

    #[test]
    fn engines_choose_among_the_offered_and_prefer_the_default() {
        for (range, major) in [
            ("", "24"),
            (">=18", "24"),
            ("^20.19.0 || >=22.12.0", "24"),
            ("22.x", "22"),
            ("<24", "22"),
            (">=25", "26"),
            ("^22.12", "22"),
            ("*", "24"),
        ] {
            assert_eq!(chosen(range, &[]).0, Ok(major.to_owned()), "{range}");
        }
    }

    #[test]
    fn what_is_not_offered_is_refused_with_what_is() {
        for range in ["18.x", "^20", ">=99", "not a range at all"] {
            let error = chosen(range, &[]).0.unwrap_err();
            assert!(
                matches!(&error, ProfileError::UnsupportedNode { offered, .. } if offered.contains("24.")),
                "{range}"
            );
        }
    }

    #[test]
    fn an_exact_release_of_an_offered_line_gets_the_pinned_one_and_a_note() {
        let (node, diagnostics) = chosen("22.11.0", &[]);
        assert_eq!(node, Ok("22".to_owned()));
        assert!(matches!(diagnostics[..], [Diagnostic::NodeReleaseDiffers { .. }]));
    }

    #[test]
    fn files_of_version_managers_are_wishes_within_engines() {
        assert_eq!(chosen(">=18", &[(".nvmrc", "v22.3.0\n")]).0, Ok("22".to_owned()));
        assert_eq!(chosen(">=24", &[(".nvmrc", "22")]).0, Ok("24".to_owned()));
        assert_eq!(chosen("", &[(".node-version", "lts/*")]), (Ok("24".to_owned()), vec![]));
        let (node, diagnostics) = chosen("", &[(".nvmrc", "18")]);
        assert_eq!(node, Ok("24".to_owned()));
        assert!(matches!(diagnostics[..], [Diagnostic::NodeFileIgnored { .. }]));
    }
}
