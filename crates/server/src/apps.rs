//! Apps: created whole from a template or an archive, or not at all.

use std::sync::Arc;

use bytes::Bytes;
use vitrine_build::Files;
use vitrine_build::archive::{self, ArchiveError, ArchiveLimits};
use vitrine_build::profile::{self, ProfileError};
use vitrine_build::template::TemplatePack;
use vitrine_model::app::{App, InvalidSlug, check_slug};
use vitrine_model::limits::MAX_APP_NAME_BYTES;
use vitrine_model::profile::Profile;
use vitrine_model::tree::{FileEntry, FileMode, TreeError};
use vitrine_model::{AppId, Sha256, Tree};
use vitrine_store::{AppPatch, NewApp, Scope, Store, StoreError};

/// Creates and changes apps.
pub(crate) struct Apps {
    store: Store,
    templates: Arc<Vec<TemplatePack>>,
}

/// A new app.
pub(crate) struct CreateApp {
    pub(crate) name: String,
    pub(crate) slug: Option<String>,
    pub(crate) source: AppSource,
}

/// What a new app starts with.
pub(crate) enum AppSource {
    /// The key of a template.
    Template(String),
    /// A zip archive.
    Archive(Bytes),
}

/// Why there is no new app.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("a name has 1 to {MAX_APP_NAME_BYTES} bytes and no control characters")]
    InvalidName,
    #[error("there is no template `{0}`")]
    UnknownTemplate(String),
    #[error(transparent)]
    Slug(#[from] InvalidSlug),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Apps {
    pub(crate) fn new(store: Store, templates: Arc<Vec<TemplatePack>>) -> Self {
        Self { store, templates }
    }

    /// Creates an app; also tells which entries of an archive were left out.
    pub(crate) async fn create(
        &self,
        scope: &Scope,
        new: CreateApp,
    ) -> Result<(App, Vec<String>), CreateError> {
        let name = checked_name(&new.name)?;
        if let Some(slug) = &new.slug {
            check_slug(slug)?;
        }
        let seed = match new.source {
            AppSource::Template(key) => self.seed_from_template(key)?,
            AppSource::Archive(bytes) => {
                // Unpacking is all CPU: not on a thread that answers requests.
                let unpacked = tokio::task::spawn_blocking(move || seed_from_archive(&bytes)).await;
                unpacked.map_err(|error| StoreError::Corrupt(error.to_string()))??
            }
        };
        seed.tree.check()?;
        let app = NewApp {
            name,
            slug: new.slug,
            template: seed.template,
            profile: seed.profile,
            profile_is_set: false,
            tree: seed.tree,
        };
        Ok((self.store.create_app_of(scope, app, seed.contents).await?, seed.skipped))
    }

    /// Changes an app.
    pub(crate) async fn update(
        &self,
        scope: &Scope,
        app: &AppId,
        patch: AppPatch,
    ) -> Result<App, StoreError> {
        self.store.update_app(scope, app, patch).await
    }

    fn seed_from_template(&self, key: String) -> Result<Seed, CreateError> {
        let pack = self.templates.iter().find(|pack| pack.manifest.key == key);
        let pack = pack.ok_or_else(|| CreateError::UnknownTemplate(key.clone()))?;
        Ok(Seed {
            template: Some(key),
            profile: pack.manifest.profile.clone(),
            tree: pack.tree.clone(),
            contents: pack.files.values().cloned().collect(),
            skipped: Vec::new(),
        })
    }
}

struct Seed {
    template: Option<String>,
    profile: Profile,
    tree: Tree,
    contents: Vec<Bytes>,
    skipped: Vec<String>,
}

fn seed_from_archive(bytes: &Bytes) -> Result<Seed, CreateError> {
    let imported = archive::read_zip(bytes, &ArchiveLimits::default())?;
    let tree: Tree =
        imported.files.iter().map(|file| (file.path.clone(), entry(file.mode, &file.content))).collect();
    let files: Files = imported.files.into_iter().map(|file| (file.path, file.content)).collect();
    let detected = profile::detect(&files, None)?;
    let contents = files.into_values().collect();
    Ok(Seed { template: None, profile: detected.profile, tree, contents, skipped: imported.skipped })
}

fn entry(mode: FileMode, content: &Bytes) -> FileEntry {
    FileEntry { sha256: Sha256::of(content), size: content.len() as u64, mode }
}

/// A name for people: trimmed, printable, bounded.
pub(crate) fn checked_name(name: &str) -> Result<String, CreateError> {
    let name = name.trim();
    match (1..=MAX_APP_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(CreateError::InvalidName),
    }
}
