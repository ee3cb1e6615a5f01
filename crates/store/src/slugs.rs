//! Slugs for apps that were not given one.

use std::collections::HashSet;

use data_encoding::BASE32_NOPAD;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use vitrine_model::app::slug_from_name;
use vitrine_model::source::Entropy;

use crate::entity::apps;
use crate::error::StoreError;
use crate::hosting::PERMALINK_SLUG_CHARS;

/// After `my-app`, `my-app-2` … `my-app-199`, a slug ends in random characters.
const MOST_NUMBERED: u32 = 199;

/// Slugs that we make fit whole into a permalink's host; this leaves room for a hyphen and eight random characters.
const MOST_BASE_CHARS: usize = PERMALINK_SLUG_CHARS - 9;

/// A free slug for an app of this name; costs the same however many apps share the name.
pub(crate) async fn free_slug<C: ConnectionTrait>(
    tx: &C,
    entropy: &dyn Entropy,
    name: &str,
) -> Result<String, StoreError> {
    let wanted = slug_from_name(name);
    if taken(tx, vec![wanted.clone()]).await?.is_empty() {
        return Ok(wanted);
    }
    // ASCII by construction, so any cut is a character boundary.
    let base = wanted[..wanted.len().min(MOST_BASE_CHARS)].trim_end_matches('-').to_owned();
    let numbered: Vec<_> = (2..=MOST_NUMBERED).map(|number| format!("{base}-{number}")).collect();
    let taken = taken(tx, numbered.clone()).await?;
    match numbered.into_iter().find(|slug| !taken.contains(slug)) {
        Some(slug) => Ok(slug),
        // 40 random bits: a collision is left to the unique index.
        None => Ok(format!("{base}-{}", random_suffix(entropy))),
    }
}

fn random_suffix(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 5];
    entropy.fill(&mut bytes);
    BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}

async fn taken<C: ConnectionTrait>(tx: &C, slugs: Vec<String>) -> Result<HashSet<String>, StoreError> {
    let rows =
        apps::Entity::find().select_only().column(apps::Column::Slug).filter(apps::Column::Slug.is_in(slugs));
    Ok(rows.into_tuple().all(tx).await?.into_iter().collect())
}
