//! Whether two artifacts are the same, and if not, where they differ.

use vitrine_model::{Manifest, ProjectPath, Sha256};

/// How a second artifact differs from the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The file.
    pub path: ProjectPath,
    /// How.
    pub how: How,
}

/// How a file differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Only the first has it.
    Missing,
    /// Only the second has it.
    Added,
    /// Its content differs.
    Content {
        /// The hash in the first.
        first: Sha256,
        /// The hash in the second.
        second: Sha256,
    },
    /// The content is the same and would be served as another type.
    ContentType {
        /// The type in the first.
        first: String,
        /// The type in the second.
        second: String,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.path;
        match &self.how {
            How::Missing => write!(f, "`{path}` is not there any more"),
            How::Added => write!(f, "`{path}` was not there before"),
            How::Content { first, second } => write!(f, "`{path}` was {first} and is {second} now"),
            How::ContentType { first, second } => {
                write!(f, "`{path}` was served as {first} and would be as {second} now")
            }
        }
    }
}

/// Every difference in path order; none when both have the same id. Compressed forms are not compared: they are no part
/// of an artifact's identity.
pub fn compare(first: &Manifest, second: &Manifest) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut note = |path: &ProjectPath, how| differences.push(Difference { path: path.clone(), how });
    for (path, file) in &first.files {
        match second.files.get(path) {
            None => note(path, How::Missing),
            Some(other) if other.sha256 != file.sha256 => {
                note(path, How::Content { first: file.sha256, second: other.sha256 });
            }
            Some(other) if other.content_type != file.content_type => {
                let (first, second) = (file.content_type.clone(), other.content_type.clone());
                note(path, How::ContentType { first, second });
            }
            Some(_) => {}
        }
    }
    for path in second.files.keys().filter(|path| !first.files.contains_key(*path)) {
        note(path, How::Added);
    }
    differences.sort_by(|a, b| a.path.cmp(&b.path));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::artifact::ArtifactFile;

    fn manifest(files: &[(&str, &str, &str)]) -> Manifest {
        let file = |content: &str, content_type: &str| ArtifactFile {
            sha256: Sha256::of(content.as_bytes()),
            size: content.len() as u64,
            content_type: content_type.to_owned(),
            variants: Default::default(),
            script_hashes: Vec::new(),
            has_config_slot: false,
        };
        let files = files.iter().map(|(path, content, kind)| (path.parse().unwrap(), file(content, kind)));
        Manifest { files: files.collect() }
    }

    #[test]
    fn every_difference_is_named_and_equal_ids_have_none() {
        let first = manifest(&[("a", "1", "x"), ("b", "1", "x"), ("c", "1", "x"), ("e", "1", "x")]);
        let second = manifest(&[("a", "1", "x"), ("b", "2", "x"), ("d", "1", "x"), ("e", "1", "y")]);
        let differences = compare(&first, &second);
        let paths: Vec<_> = differences.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(paths, ["b", "c", "d", "e"]);
        assert!(matches!(differences[0].how, How::Content { .. }));
        assert_eq!((&differences[1].how, &differences[2].how), (&How::Missing, &How::Added));
        assert!(matches!(differences[3].how, How::ContentType { .. }));
        assert!(compare(&first, &first).is_empty());
    }
}
