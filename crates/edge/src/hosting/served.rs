//! A site as it is served: its files by path, ready to be answered from.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use vitrine_model::hosting::Fallback;
use vitrine_model::{ArtifactFile, Manifest, ProjectPath, Timestamp};

use super::caching;
use super::entry::{Entry, Kind};
use super::policy::Policy;
use super::source::{Site, SiteKey};
use super::usage::Counter;
use crate::config::Scheme;

/// The page of a folder.
const INDEX: &str = "index.html";

/// An app's own page for what it does not have.
const NOT_FOUND: &str = "404.html";

/// How deep an address may be beneath which a page's files are looked for: routers go three or four deep, and each step
/// is a look.
const MOST_FOLDERS_ABOVE: usize = 8;

/// What a site takes in memory besides its files.
const BASE_BYTES: u64 = 8 * 1024;

/// What one file of a site takes besides its path: its line in the manifest, its place by path, and, once it was asked
/// for, its prepared heads. Between what was counted for a file that nobody asks for (some 400 bytes) and one that is asked for
/// in every form (some 4,000).
const FILE_BYTES: u64 = 1_024;

/// A site in memory.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) site: Site,
    files: HashMap<ProjectPath, Lazy>,
    /// What the current artifact has no more, but a tab that is still open may ask for.
    earlier: HashMap<ProjectPath, Lazy>,
    policy: Arc<Policy>,
    is_app: bool,
    has_one_page: bool,
    /// The document at `/.vitrine/runtime-config`.
    pub(crate) runtime_config: Arc<Entry>,
    pub(crate) usage: Arc<Counter>,
    /// Milliseconds since 1970 when the source last said so.
    confirmed_at: AtomicI64,
    is_dropped: AtomicBool,
    is_being_confirmed: AtomicBool,
}

/// A file that is made ready when it is first asked for: a switch to a site of thousands of files is as quick as to one
/// of ten, and those that nobody wants take no memory.
#[derive(Debug)]
struct Lazy {
    manifest: Arc<Manifest>,
    entry: OnceLock<Arc<Entry>>,
}

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Found<'s> {
    File(&'s Arc<Entry>),
    /// A folder asked for without its slash.
    Folder,
    Nothing,
}

impl Served {
    pub(crate) fn new(
        site: Site,
        key: &SiteKey,
        scheme: Scheme,
        usage: Arc<Counter>,
        now: Timestamp,
    ) -> Self {
        let is_app = matches!(key, SiteKey::App { .. });
        let policy = Arc::new(Policy::new(&site.settings, scheme, is_app));
        let lazy = |manifest: &Arc<Manifest>| Lazy { manifest: manifest.clone(), entry: OnceLock::new() };
        let files: HashMap<_, _> =
            site.manifest.files.keys().map(|path| (path.clone(), lazy(&site.manifest))).collect();
        let mut earlier = HashMap::new();
        for manifest in &site.earlier {
            for (path, file) in &manifest.files {
                if !files.contains_key(path) && Kind::of(&file.content_type) != Kind::Page {
                    earlier.entry(path.clone()).or_insert_with(|| lazy(manifest));
                }
            }
        }
        let document = Bytes::from(site.runtime_config.to_string());
        let runtime_config = Arc::new(Entry::made(document, None, "application/json", &policy));
        Self {
            files,
            earlier,
            policy,
            is_app,
            has_one_page: has_one_page(&site.manifest),
            runtime_config,
            usage,
            confirmed_at: AtomicI64::new(now.as_millis()),
            is_dropped: AtomicBool::new(false),
            is_being_confirmed: AtomicBool::new(false),
            site,
        }
    }

    /// About how much memory this takes.
    pub(crate) fn bytes(&self) -> u64 {
        let paths = |files: &HashMap<ProjectPath, Lazy>| -> u64 {
            files.keys().map(|path| 2 * path.as_str().len() as u64 + FILE_BYTES).sum()
        };
        BASE_BYTES + paths(&self.files) + paths(&self.earlier)
    }

    /// What is at a decoded path.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        if path.is_empty() || path.ends_with('/') {
            return match self.page(path, INDEX) {
                Some(entry) => Found::File(entry),
                None => Found::Nothing,
            };
        }
        if let Some(entry) = self.file(path) {
            return Found::File(entry);
        }
        if let Some(entry) = self.page(path, ".html") {
            return Found::File(entry);
        }
        match self.page(path, "/index.html") {
            Some(_) => Found::Folder,
            None => Found::Nothing,
        }
    }

    /// An asset of an artifact in its grace period.
    pub(crate) fn find_earlier(&self, path: &str) -> Option<&Arc<Entry>> {
        self.earlier.get(path).and_then(|lazy| self.entry(path, lazy))
    }

    /// What a page meant that was served for a deeper address than its own: artifacts name their files relative to the page,
    /// so the page of `/` asks for `/docs/assets/a.js` when a visitor began at `/docs/intro`. Never a page, and only where
    /// unknown addresses get one.
    pub(crate) fn find_beneath(&self, path: &str) -> Option<&Arc<Entry>> {
        self.fallback().or_else(|| self.not_found_page())?;
        let candidates = path.match_indices('/').map(|(at, _)| &path[at + 1..]).take(MOST_FOLDERS_ABOVE);
        let mut found = candidates.filter_map(|path| self.file(path).or_else(|| self.find_earlier(path)));
        found.find(|entry| entry.kind != Kind::Page)
    }

    /// The page for addresses that are nothing here, if the app has a router.
    pub(crate) fn fallback(&self) -> Option<&Arc<Entry>> {
        let is_on = match self.site.settings.fallback {
            Fallback::Page => true,
            Fallback::NotFound => false,
            Fallback::Auto => self.has_one_page,
        };
        if is_on { self.file(INDEX) } else { None }
    }

    /// The app's own page for addresses that are nothing here.
    pub(crate) fn not_found_page(&self) -> Option<&Arc<Entry>> {
        self.file(NOT_FOUND)
    }

    fn page(&self, path: &str, rest: &str) -> Option<&Arc<Entry>> {
        match path {
            "" => self.file(rest),
            _ => self.file(&format!("{path}{rest}")),
        }
    }

    fn file(&self, path: &str) -> Option<&Arc<Entry>> {
        self.files.get(path).and_then(|lazy| self.entry(path, lazy))
    }

    fn entry<'s>(&self, path: &str, lazy: &'s Lazy) -> Option<&'s Arc<Entry>> {
        if let Some(entry) = lazy.entry.get() {
            return Some(entry);
        }
        let file = lazy.manifest.files.get(path)?;
        Some(
            lazy.entry
                .get_or_init(|| Arc::new(Entry::of(file, self.cache_control(path, file), &self.policy))),
        )
    }

    fn cache_control(&self, path: &str, file: &ArtifactFile) -> &'static str {
        match Kind::of(&file.content_type) {
            Kind::Page => caching::PAGE,
            // Under the host or path of one artifact, nothing ever changes.
            _ if !self.is_app || caching::is_hashed(path) => caching::FOR_EVER,
            _ => caching::REVALIDATE,
        }
    }

    /// True while this may be answered from without asking anybody.
    pub(crate) fn is_current(&self, now: Timestamp, ttl: Duration) -> bool {
        !self.is_dropped() && now.as_millis() - self.confirmed_at.load(Ordering::Relaxed) < millis(ttl)
    }

    /// True once the site was invalidated; nothing is answered from it any more.
    pub(crate) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Acquire)
    }

    pub(crate) fn drop_it(&self) {
        self.is_dropped.store(true, Ordering::Release);
    }

    /// The source said the same again.
    pub(crate) fn confirm(&self, now: Timestamp) {
        self.confirmed_at.store(now.as_millis(), Ordering::Relaxed);
    }

    /// True for the one caller that should ask the source again; [`Self::end_confirming`] lets in the next.
    pub(crate) fn begin_confirming(&self) -> bool {
        !self.is_being_confirmed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn end_confirming(&self) {
        self.is_being_confirmed.store(false, Ordering::Release);
    }
}

/// A duration in the unit of timestamps.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// True without a `404.html` and without pages besides the index: the app routes in the browser.
fn has_one_page(manifest: &Manifest) -> bool {
    let is_other_page = |(path, file): (&ProjectPath, &ArtifactFile)| {
        path.as_str() != INDEX && Kind::of(&file.content_type) == Kind::Page
    };
    !manifest.files.iter().any(is_other_page)
}
