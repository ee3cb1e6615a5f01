//! Policies as people write them: read strictly, and checked before they are kept.

use node_semver::Range;

use super::Policy;

/// Names in one list or catalogue: the largest curated ones have some hundreds.
pub const MAX_POLICY_ENTRIES: usize = 5_000;

/// Characters of a package's name: npm allows no more.
const MAX_NAME_CHARS: usize = 214;

/// Ten years: whoever means more means "never", which `deny` says better.
const MAX_AGE_SECS: u64 = 10 * 365 * 24 * 3_600;

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A list or a catalogue is too long.
    #[error("`{list}` has {len} entries; at most {MAX_POLICY_ENTRIES} are possible")]
    TooMany {
        /// The field.
        list: &'static str,
        /// How many there are.
        len: usize,
    },
    /// An entry is not the name of a package.
    #[error("`{name}` in `{list}` is no name of a package; a `*` may stand at its end only")]
    BadName {
        /// The field.
        list: &'static str,
        /// The entry, cut to what can be shown.
        name: String,
    },
    /// An entry of the catalogue has no range of versions.
    #[error("`{range}` is no range of versions for `{name}`: write one as in package.json")]
    BadRange {
        /// The package.
        name: String,
        /// What stands there.
        range: String,
    },
    /// An age that no version reaches.
    #[error("`min_age_secs` is at most {MAX_AGE_SECS}")]
    TooOld,
    /// Not a policy at all.
    #[error("this is no policy: {0}")]
    Unreadable(String),
}

impl Policy {
    /// Reads a policy from TOML, in the fields of its JSON form. The result has been checked.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let policy: Self =
            toml::from_str(text).map_err(|error| PolicyError::Unreadable(error.message().to_owned()))?;
        policy.check()?;
        Ok(policy)
    }

    /// Whether every entry means something.
    pub fn check(&self) -> Result<(), PolicyError> {
        match self {
            Self::Strict { catalogue } => {
                for (name, range) in catalogue.iter().flat_map(|catalogue| &catalogue.0) {
                    check_name("catalogue", name, false)?;
                    if Range::parse(range).is_err() {
                        return Err(PolicyError::BadRange { name: shown(name), range: shown(range) });
                    }
                }
                check_len("catalogue", catalogue.as_ref().map_or(0, |catalogue| catalogue.0.len()))
            }
            Self::Open { min_age_secs } => check_age(*min_age_secs),
            Self::Custom { allow, deny, min_age_secs, scripts_not_needed } => {
                let lists = [("allow", allow), ("deny", deny), ("scripts_not_needed", scripts_not_needed)];
                for (list, names) in lists {
                    check_len(list, names.len())?;
                    names.iter().try_for_each(|name| check_name(list, name, true))?;
                }
                check_age(*min_age_secs)
            }
        }
    }
}

fn check_len(list: &'static str, len: usize) -> Result<(), PolicyError> {
    if len > MAX_POLICY_ENTRIES { Err(PolicyError::TooMany { list, len }) } else { Ok(()) }
}

fn check_age(secs: u64) -> Result<(), PolicyError> {
    if secs > MAX_AGE_SECS { Err(PolicyError::TooOld) } else { Ok(()) }
}

/// Letters as the registry has them, old names with capitals among them.
fn check_name(list: &'static str, name: &str, may_end_open: bool) -> Result<(), PolicyError> {
    let stem = if may_end_open { name.strip_suffix('*').unwrap_or(name) } else { name };
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_name = match stem.strip_prefix('@') {
        // `@scope/` is the stem of everything in a scope.
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, rest)| {
            !scope.is_empty() && scope.bytes().all(is_usual) && rest.bytes().all(is_usual)
        }),
        None => stem.bytes().all(is_usual),
    };
    match is_name && !name.is_empty() && name.len() <= MAX_NAME_CHARS {
        true => Ok(()),
        false => Err(PolicyError::BadName { list, name: shown(name) }),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let text = "mode = \"custom\"\nallow = [\"@radix-ui/*\", \"react\", \"*\"]\ndeny = [\"left-pad\"]\nmin_age_secs = 0\n";
        let Policy::Custom { allow, deny, min_age_secs, .. } = Policy::from_toml(text).unwrap() else {
            panic!()
        };
        assert_eq!((allow.len(), deny.len(), min_age_secs), (3, 1, 0));
        let text = "mode = \"strict\"\n[catalogue]\nreact = \"^19.0.0\"\n\"@a/b\" = \"1.x\"\n";
        assert!(matches!(Policy::from_toml(text), Ok(Policy::Strict { catalogue: Some(_) })));
    }

    #[test]
    fn an_entry_that_means_nothing_is_refused_by_name() {
        let custom = |entry: &str| format!("mode = \"custom\"\nallow = [\"{entry}\"]\n");
        for bad in ["", "a*b", "re act", "@scope", "@/x", "a/b", "../x", "ä", &"x".repeat(300)] {
            let error = Policy::from_toml(&custom(bad)).unwrap_err();
            assert!(matches!(error, PolicyError::BadName { list: "allow", .. }), "{bad}: {error}");
        }
        let error =
            Policy::from_toml("mode = \"strict\"\n[catalogue]\nreact = \"not a range\"\n").unwrap_err();
        assert!(matches!(error, PolicyError::BadRange { .. }), "{error}");
        let error = Policy::from_toml("mode = \"open\"\nmin_age_secs = 999999999999\n").unwrap_err();
        assert_eq!(error, PolicyError::TooOld);
        for text in ["mode = \"loose\"", "allow = []", "mode = \"open\"\nallow = []"] {
            assert!(matches!(Policy::from_toml(text), Err(PolicyError::Unreadable(_))), "{text}");
        }
        let many = Policy::Custom {
            allow: vec!["a".to_owned(); MAX_POLICY_ENTRIES + 1],
            deny: Vec::new(),
            min_age_secs: 0,
            scripts_not_needed: Vec::new(),
        };
        assert!(matches!(many.check(), Err(PolicyError::TooMany { list: "allow", .. })));
    }
}
