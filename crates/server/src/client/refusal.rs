//! What a server says when it refuses, as the command line reads it.

use serde::{Deserialize, Serialize};

/// A problem document. Codes are texts here: a newer server may have codes that this binary does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<RefusedItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) latest_version: Option<u64>,
}

/// One of several faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusedItem {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// Faults that are shown one by one; beyond these a count says more.
const MOST_SHOWN: usize = 20;

impl Refusal {
    /// From an answer that is no success.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| Self {
            status,
            detail: format!("The server answered with status {status} and no explanation."),
            ..Self::default()
        })
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.detail.as_str(), self.title.as_str()) {
            ("", title) => f.write_str(title)?,
            (detail, _) => f.write_str(detail)?,
        }
        for item in self.errors.iter().take(MOST_SHOWN) {
            write!(f, "\n  {item}")?;
        }
        if let Some(more @ 1..) = self.errors.len().checked_sub(MOST_SHOWN) {
            write!(f, "\n  and {more} more")?;
        }
        match (&self.request_id, self.status) {
            // Only where whoever runs the server has to look.
            (Some(id), 500..) => write!(f, " ({id})"),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for RefusedItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, "{path}:{line}: {}", self.message),
            (Some(path), None) => write!(f, "{path}: {}", self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_this_binary_does_not_know_are_read_all_the_same() {
        let body = br#"{"type":"x","title":"T","status":409,"code":"of_tomorrow","detail":"Not now.",
            "errors":[{"path":"a.ts","line":3,"code":"new","message":"No."}]}"#;
        let refusal = Refusal::read(409, body);
        assert_eq!(refusal.code, "of_tomorrow");
        assert_eq!(refusal.to_string(), "Not now.\n  a.ts:3: No.");
    }

    #[test]
    fn an_answer_without_an_explanation_says_its_status() {
        assert!(Refusal::read(502, b"<html>").to_string().contains("502"));
    }
}
