//! The catalogue: packages that strict mode allows, with the versions it allows of each.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use node_semver::{Range, Version};
use serde::{Deserialize, Serialize};

/// Packages by name, each with a range of versions in npm's notation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Catalogue(pub BTreeMap<String, String>);

/// What a catalogue says about one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'c> {
    /// Not listed.
    Unlisted,
    /// Listed, but not in this version; the range that is allowed.
    OtherVersion(&'c str),
    /// Allowed.
    Allowed,
}

impl Catalogue {
    /// The catalogue that comes with this release; empty if the embedded file were broken, which a test excludes.
    pub fn built_in() -> &'static Self {
        #[derive(Deserialize)]
        struct File {
            packages: Catalogue,
        }
        static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
            let file = toml::from_str::<File>(include_str!("catalogue.toml"));
            file.map(|file| file.packages).unwrap_or_default()
        });
        &BUILT_IN
    }

    pub(super) fn entry(&self, name: &str, version: Option<&str>) -> Entry<'_> {
        let Some(range) = self.0.get(name) else {
            return Entry::Unlisted;
        };
        let parsed = Range::parse(range).ok().zip(version.and_then(|version| Version::parse(version).ok()));
        match parsed {
            Some((allowed, version)) if allowed.satisfies(&version) => Entry::Allowed,
            _ => Entry::OtherVersion(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_readable() {
        let catalogue = Catalogue::built_in();
        assert!(catalogue.0.len() >= 35);
        for (name, range) in &catalogue.0 {
            assert!(Range::parse(range).is_ok(), "{name} {range}");
        }
    }

    #[test]
    fn a_version_is_allowed_by_its_range() {
        let catalogue = Catalogue([("a".to_owned(), "^1.2.0".to_owned())].into());
        assert_eq!(catalogue.entry("a", Some("1.3.0")), Entry::Allowed);
        assert_eq!(catalogue.entry("a", Some("2.0.0")), Entry::OtherVersion("^1.2.0"));
        assert_eq!(catalogue.entry("a", None), Entry::OtherVersion("^1.2.0"));
        assert_eq!(catalogue.entry("b", Some("1.0.0")), Entry::Unlisted);
    }
}
