//! What is told in a room.

use serde_json::Value;
use vitrine_model::ProjectPath;
use vitrine_model::change::Effects;

/// Paths that one message names; of a larger change, whoever listens reads the list of files.
const MOST_PATHS: usize = 200;

/// Bytes of these paths together.
const MOST_PATH_BYTES: usize = 16 * 1024;

/// Something that was told, with its number.
#[derive(Debug)]
pub(crate) struct Sequenced {
    /// Grows by one with everything told in a room.
    pub(crate) seq: u64,
    pub(crate) news: News,
}

/// Something that happened.
///
/// Events of previews belong here too, as a variant of their own: they are numbered, kept and sent like the others.
#[derive(Debug)]
pub(crate) enum News {
    /// The draft is at another version.
    Draft(DraftNews),
    /// Sessions of the app are in another state. Each listener is shown their own.
    Session,
    /// A publish as the API shows it.
    Publish(Value),
}

/// A change of the draft.
#[derive(Debug)]
pub(crate) struct DraftNews {
    pub(crate) version: u64,
    /// What changed; `None` when it is too much to name.
    pub(crate) paths: Option<Vec<ProjectPath>>,
    pub(crate) author: Author,
}

/// Who changed something, as far as others are told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Author {
    /// The listener it came from, so that a page knows its own changes.
    pub(crate) client_id: Option<String>,
    /// The name of the person or key.
    pub(crate) name: Option<String>,
}

impl DraftNews {
    pub(super) fn of(version: u64, effects: &Effects, author: Author) -> Self {
        let mut bytes = 0;
        let mut paths = Vec::new();
        for path in effects.paths() {
            bytes += path.as_str().len();
            if paths.len() == MOST_PATHS || bytes > MOST_PATH_BYTES {
                return Self { version, paths: None, author };
            }
            paths.push(path.clone());
        }
        paths.sort();
        Self { version, paths: Some(paths), author }
    }
}

impl News {
    /// What it takes to keep, roughly.
    pub(super) fn weight(&self) -> usize {
        const EACH: usize = 128;
        EACH + match self {
            Self::Draft(draft) => {
                draft.paths.iter().flatten().map(|path| path.as_str().len() + EACH / 2).sum::<usize>()
            }
            Self::Session => 0,
            Self::Publish(publish) => publish.to_string().len(),
        }
    }
}
