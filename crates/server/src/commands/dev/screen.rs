//! What `vitrine dev` tells: lines for people beside a start that is drawn, or one JSON document a line.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use vitrine_model::ProjectPath;

use crate::Failure;
use crate::commands::output::{Output, counted, plain};
use crate::commands::progress::{Step, Steps};

/// Files of one change that are named; of more, their number is told.
const MOST_NAMED: usize = 6;

/// Told from several tasks; each line whole.
pub(super) struct Screen {
    output: Output,
    steps: Mutex<Steps>,
    /// Why a line could not be printed, for the first one.
    fault: Mutex<Option<Failure>>,
}

impl Screen {
    pub(super) fn new(output: Output) -> Self {
        Self { output, steps: Mutex::new(Steps::new(output)), fault: Mutex::new(None) }
    }

    /// Something that happened. `words` are for people, who need not hear of everything.
    pub(super) fn tell(&self, name: &str, mut fields: Value, words: Option<String>) {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("event".to_owned(), json!(name));
        }
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let printed = steps.aside(|| self.output.event(&fields, || words));
        if let Err(failure) = printed {
            self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        }
    }

    /// Why nothing can be told any more.
    pub(super) fn fault(&self) -> Option<Failure> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Files that went one way.
    pub(super) fn tell_files(&self, name: &str, sign: &str, paths: &[&ProjectPath], version: u64) {
        if paths.is_empty() {
            return;
        }
        let words = match paths.len() {
            0..=MOST_NAMED => {
                let lines: Vec<_> =
                    paths.iter().map(|path| format!("{sign} {}", plain(path.as_str()))).collect();
                lines.join("\n")
            }
            count => format!("{sign} {}", counted(count, "file")),
        };
        self.tell(name, json!({ "paths": paths, "version": version }), Some(words));
    }

    /// How far the preview's start is.
    pub(super) fn show_steps(&self, steps: &[Step]) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).show(steps);
    }

    /// Another start: its steps are told again.
    pub(super) fn restart_steps(&self) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).restart();
    }

    /// Takes away what is drawn.
    pub(super) fn clear(&self) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
