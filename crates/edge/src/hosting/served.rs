//! A site as it is served: its files by path, ready to be answered from.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use vitrine_model::hosting::Fallback;
use vitrine_model::{ArtifactFile, Manifest, ProjectPath, Timestamp};

use super::caching;
use super::entry::{Content, Entry, Kind};
use super::head::HeadRoom;
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

/// What a site takes in memory besides its files and its heads.
const BASE_BYTES: u64 = 4 * 1024;

/// What one file of a site takes besides its path: its line in the manifest and its place by path, for which some 400 bytes were
/// counted, and its entry once it was asked for.
const FILE_BYTES: u64 = 600;

/// What each form of a file takes in its entry.
const FORM_BYTES: u64 = 250;

/// What heads may take that are kept: of every site, so that small ones have all of theirs, and for each of its files, which is
/// one head with its 304.
const SITE_HEADS_BYTES: u64 = 4 * 1024;
const FILE_HEADS_BYTES: u64 = 512;

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
        let heads = HeadRoom::new(heads_bytes(&site));
        let policy = Arc::new(Policy::new(&site.settings, scheme, is_app, heads));
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
        let runtime_config = Arc::new(Entry::made(document, "application/json", &policy));
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

    /// About how much memory this takes at most: what is made ready later is weighed from the beginning.
    pub(crate) fn bytes(&self) -> u64 {
        let files = manifests(&self.site).flat_map(|manifest| &manifest.files);
        let files: u64 = files.map(|(path, file)| file_bytes(path, file)).sum();
        BASE_BYTES + heads_bytes(&self.site) + self.runtime_config.plain.content.len() + files
    }

    /// The runtime configuration as JSON.
    pub(crate) fn config(&self) -> Bytes {
        match &self.runtime_config.plain.content {
            Content::Made(document) => document.clone(),
            _ => Bytes::from(self.site.runtime_config.to_string()),
        }
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

fn manifests(site: &Site) -> impl Iterator<Item = &Manifest> {
    std::iter::once(&site.manifest).chain(&site.earlier).map(|manifest| &**manifest)
}

/// What the heads of a site's files may take.
fn heads_bytes(site: &Site) -> u64 {
    let files: u64 = manifests(site).map(|manifest| manifest.files.len() as u64).sum();
    SITE_HEADS_BYTES + files * FILE_HEADS_BYTES
}

/// Everything about a file but its heads. Its texts are in the manifest and in the entry, filled pages have two.
fn file_bytes(path: &ProjectPath, file: &ArtifactFile) -> u64 {
    let entries = if file.has_config_slot { 2 } else { 1 };
    let hashes: usize = file.script_hashes.iter().map(|hash| hash.len() + size_of::<String>()).sum();
    let texts = (file.content_type.len() + hashes) as u64;
    let forms = 1 + file.variants.len() as u64;
    2 * path.as_str().len() as u64 + FILE_BYTES + entries * forms * FORM_BYTES + (1 + entries) * texts
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

#[cfg(test)]
mod tests {
    use vitrine_model::hosting::HostingSettings;
    use vitrine_model::{Encoding, Sha256, Variant};

    use super::super::source::SiteState;
    use super::super::usage::Counters;
    use super::*;

    fn page(name: &str) -> (ProjectPath, ArtifactFile) {
        let variant = |encoding| (encoding, Variant { sha256: Sha256::of(b"packed"), size: 6 });
        let file = ArtifactFile {
            sha256: Sha256::of(name.as_bytes()),
            size: 1,
            content_type: "text/html; charset=utf-8".to_owned(),
            variants: [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip].map(variant).into(),
            script_hashes: Vec::new(),
            has_config_slot: false,
        };
        (name.parse().unwrap(), file)
    }

    fn served(pages: usize, policy: &str) -> Served {
        let files = (0..pages).map(|number| page(&format!("{number}.html"))).collect();
        let manifest = Arc::new(Manifest { files });
        let site = Site {
            app: "app_01hf7yat000000000000000001".parse().unwrap(),
            slug: "site".to_owned(),
            version: 1,
            state: SiteState::Published,
            artifact: manifest.id(),
            manifest,
            earlier: Vec::new(),
            settings: HostingSettings {
                content_security_policy: Some(policy.to_owned()),
                ..HostingSettings::default()
            },
            runtime_config: serde_json::json!({}),
        };
        let usage = Counters::default().of(&site.app);
        let key = SiteKey::App { slug: "site".to_owned() };
        Served::new(site, &key, Scheme::Http, usage, Timestamp::from_millis(0))
    }

    /// Every head of every form of a page, asked for twice; the bytes of those that are kept.
    fn ask_for_all(entry: &Entry) -> u64 {
        let fields = [None, Some("br"), Some("zstd"), Some("gzip")];
        let heads = fields.map(|field| {
            let form = entry.form(field);
            let heads = || [entry.found(form), entry.not_found(form), entry.not_modified(form)];
            let (first, second) = (heads(), heads());
            let kept =
                first.iter().zip(&second).filter(|(first, second)| first.own.as_ptr() == second.own.as_ptr());
            kept.map(|(head, _)| head.own.len() as u64).sum::<u64>()
        });
        heads.iter().sum()
    }

    #[test]
    fn what_a_site_takes_in_heads_was_weighed_when_it_was_loaded_whatever_its_policy() {
        const PAGES: usize = 200;
        let policy = format!("default-src {}", "https://a.example ".repeat(220));
        let served = served(PAGES, &policy);
        let weighed = served.bytes();
        let kept: u64 = (0..PAGES)
            .map(|number| match served.find(&format!("{number}.html")) {
                Found::File(entry) => ask_for_all(entry),
                other => panic!("{other:?}"),
            })
            .sum();
        assert!(kept > 0 && kept <= heads_bytes(&served.site), "{kept}");
        assert!(weighed < PAGES as u64 * 4_000 && weighed > kept, "{weighed}");
        assert!(served.policy.of_documents().len() > policy.len());
    }

    #[test]
    fn a_small_site_keeps_every_head_that_browsers_ask_for() {
        let served = served(3, "default-src 'self'");
        for number in 0..3 {
            let Found::File(entry) = served.find(&format!("{number}.html")) else { panic!("a file") };
            let form = entry.form(Some("br"));
            for _ in 0..2 {
                let heads = || [entry.found(form), entry.not_modified(form)];
                for (first, second) in heads().iter().zip(heads()) {
                    assert_eq!(first.own.as_ptr(), second.own.as_ptr());
                }
            }
        }
    }
}
