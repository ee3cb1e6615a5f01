//! Apps and drafts as the API shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::Sha256;
use crate::id::{AppId, RevisionId};
use crate::path::ProjectPath;
use crate::profile::Profile;
use crate::time::Timestamp;
use crate::tree::Tree;

/// What strangers see of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppStatus {
    /// Never published, or unpublished.
    Draft,
    /// A release is current.
    Published,
}

/// One project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct App {
    /// The app.
    pub id: AppId,
    /// Its name, for people.
    pub name: String,
    /// Its name in host names; unique on this server.
    pub slug: String,
    /// What strangers see.
    pub status: AppStatus,
    /// The template it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How it runs: detected, unless its owner set it.
    pub profile: Profile,
    /// The version of its draft.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the app or its draft last changed.
    pub updated_at: Timestamp,
}

/// A slug that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlug {
    /// Outside `^[a-z0-9-]{3,63}$`, or starting, ending or doubled with hyphens where DNS or our hosts forbid it.
    #[error("a slug has 3 to 63 of a–z, 0–9 and hyphens, none of them at an end or doubled")]
    Shape,
    /// Kept for the service itself.
    #[error("this slug is reserved")]
    Reserved,
}

/// Labels that must never be an app's host.
const RESERVED_SLUGS: [&str; 24] = [
    "admin",
    "api",
    "app",
    "apps",
    "assets",
    "auth",
    "builder",
    "cdn",
    "dashboard",
    "dev",
    "docs",
    "ftp",
    "help",
    "localhost",
    "login",
    "mail",
    "preview",
    "root",
    "static",
    "status",
    "support",
    "test",
    "vitrine",
    "www",
];

/// Checks a slug given by a person. Double hyphens are refused: `{artifact}--{slug}` is a host of its own.
pub fn check_slug(slug: &str) -> Result<(), InvalidSlug> {
    let shaped = (3..=63).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && !slug.contains("--");
    match shaped {
        false => Err(InvalidSlug::Shape),
        true if RESERVED_SLUGS.contains(&slug) => Err(InvalidSlug::Reserved),
        true => Ok(()),
    }
}

/// Characters of slugs made from names: with `-app` behind it, one still fits whole into a permalink's host beside the
/// artifact.
const MOST_MADE_SLUG_CHARS: usize = 30;

/// Makes a slug from a name; always valid, not necessarily free.
pub fn slug_from_name(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
        if slug.len() >= MOST_MADE_SLUG_CHARS {
            break;
        }
    }
    let slug = slug.trim_matches('-').to_owned();
    match check_slug(&slug) {
        Ok(()) => slug,
        Err(_) if slug.is_empty() => "my-app".to_owned(),
        Err(_) => format!("{slug}-app"),
    }
}

/// The files of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileList {
    /// The draft version.
    pub version: u64,
    /// Every file by path.
    pub files: Tree,
}

/// What a client holds, to be compared with the draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffRequest {
    /// The client's files by path.
    #[schema(value_type = BTreeMap<String, String>)]
    pub files: BTreeMap<ProjectPath, Sha256>,
}

/// How a client's files differ from the draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DiffResponse {
    /// The draft version compared with.
    pub version: u64,
    /// Content the server does not have: upload these before writing them by hash.
    pub missing: Vec<Sha256>,
    /// Paths that are new at the client or differ there.
    pub changed: Vec<ProjectPath>,
    /// Paths only the draft has.
    pub extra: Vec<ProjectPath>,
}

/// A named, immutable snapshot of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Revision {
    /// The revision.
    pub id: RevisionId,
    /// The app.
    pub app_id: AppId,
    /// The draft version it was taken at.
    pub draft_version: u64,
    /// The hash of its tree.
    pub tree: Sha256,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How many files it has.
    pub file_count: u64,
    /// The size of all its content in bytes.
    pub size_bytes: u64,
    /// When it was taken.
    pub created_at: Timestamp,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Pass as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_made_from_names_are_valid() {
        for (name, slug) in [
            ("My First App!", "my-first-app"),
            ("  ", "my-app"),
            ("a", "a-app"),
            ("API", "api-app"),
            ("Ünïcode -- café", "n-code-caf"),
        ] {
            assert_eq!(slug_from_name(name), slug);
            assert_eq!(check_slug(&slug_from_name(name)), Ok(()));
        }
        assert!(check_slug(&slug_from_name(&"x-".repeat(100))).is_ok());
    }

    #[test]
    fn slugs_that_would_clash_with_hosts_are_refused() {
        for slug in ["ab", "Abc", "-abc", "abc-", "a--b", "a.b", "a_b", &"a".repeat(65)] {
            assert_eq!(check_slug(slug), Err(InvalidSlug::Shape), "{slug}");
        }
        assert_eq!(check_slug("www"), Err(InvalidSlug::Reserved));
    }
}
