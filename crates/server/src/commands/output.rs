//! Where a command's words go: standard output for what was asked for, standard error for the rest.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, TableStyle};
use serde::Serialize;
use serde_json::Value;

use crate::Failure;

/// For people, or for scripts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    /// Where a test reads it.
    #[cfg(test)]
    kept: Option<&'static std::sync::Mutex<String>>,
}

impl Output {
    /// `json` is for scripts: nothing but JSON on standard output, and no progress.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            #[cfg(test)]
            kept: None,
        }
    }

    /// Keeps what would stand on standard output, for a test.
    #[cfg(test)]
    pub(crate) fn kept() -> (Self, &'static std::sync::Mutex<String>) {
        let kept: &'static _ = Box::leak(Box::default());
        (Self { json: true, kept: Some(kept) }, kept)
    }

    fn line(self, text: &str) -> Result<(), Failure> {
        #[cfg(test)]
        if let Some(kept) = self.kept {
            kept.lock().unwrap().push_str(&format!("{text}\n"));
            return Ok(());
        }
        let mut out = std::io::stdout();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::print)
    }

    /// True when nothing but JSON is wanted.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// True when somebody looks at standard error.
    pub(crate) fn has_audience(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// What was asked for: a document for scripts, words for people.
    pub(crate) fn answer(
        self,
        document: &impl Serialize,
        words: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.json {
            true => self.line(&serde_json::to_string_pretty(document).map_err(Failure::failed)?),
            false => self.line(&words()),
        }
    }

    /// One of many things that happen: a line of JSON for scripts, words for people unless there are none.
    pub(crate) fn event(
        self,
        document: &impl Serialize,
        words: impl FnOnce() -> Option<String>,
    ) -> Result<(), Failure> {
        match self.json {
            true => self.line(&serde_json::to_string(document).map_err(Failure::failed)?),
            false => words().map_or(Ok(()), |words| self.line(&words)),
        }
    }

    /// Something beside what was asked for; for people alone.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            // Whoever closed standard error does not want to read it.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Asks on the terminal; `false` without one to ask on.
    pub(crate) fn confirms(self, question: &str) -> Result<bool, Failure> {
        if self.json || !std::io::stdin().is_terminal() {
            return Ok(false);
        }
        let mut err = std::io::stderr();
        write!(err, "{question} [y/N] ").and_then(|()| err.flush()).map_err(Failure::print)?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(Failure::failed)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}

/// A table for people.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table.add_rows(rows);
    table.to_string()
}

/// The text of a field, and nothing where there is none.
pub(crate) fn text(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::String(text) => plain(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A time as people read it: to the minute, in UTC.
pub(crate) fn time(value: &Value, field: &str) -> String {
    let text = text(value, field);
    match text.get(..16) {
        Some(start) => start.replacen('T', " ", 1),
        None => text,
    }
}

/// Text of others without what a terminal would obey: control characters, and the sequences that ESC begins (ECMA-48, §5.4).
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                // Up to and with the final byte.
                for c in chars.by_ref() {
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
            }
            '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

/// A count with its noun.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_others_cannot_steer_the_terminal() {
        let value = json!({ "name": "a\u{1b}]0;b\u{7}\n\tc", "count": 3 });
        assert_eq!(text(&value, "name"), "a]0;b\tc");
        assert_eq!([text(&value, "count"), text(&value, "missing")], ["3", ""]);
        assert_eq!(plain("\u{1b}[1;31mred\u{1b}[0m and \u{1b}[2J"), "red and ");
    }

    #[test]
    fn times_are_told_to_the_minute() {
        let value = json!({ "at": "2025-11-21T09:40:00.042Z" });
        assert_eq!(time(&value, "at"), "2025-11-21 09:40");
        assert_eq!(time(&value, "never"), "");
    }
}
