//! The sites in memory: found once, looked at again in the background, and forgotten the moment something changes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use vitrine_model::source::Clock;
use vitrine_model::{AppId, Timestamp};

use super::config::HostingLimits;
use super::served::{Served, millis};
use super::source::{Site, SiteKey, SiteSource, SourceError};
use super::usage::Counters;
use crate::config::Scheme;

/// How long a failure of the source is remembered: those who waited for the same answer do not each try again.
const FAILURE_TTL: Duration = Duration::from_millis(200);

/// A site that was not confirmed for this many times its time to live is loaded anew before it is answered from.
const STALE_AFTER_TTLS: u32 = 3;

/// How often a site is loaded anew because it was invalidated meanwhile.
const MAX_RELOADS: usize = 8;

/// Invalidations remembered for loads that are under way; a load that saw more of them begins anew.
const RECENT_INVALIDATIONS: usize = 1_024;

/// Names that are nobody's, kept at once; beyond, all are forgotten.
const MAX_MISSES: usize = 10_000;

/// What is known of a name.
pub(crate) type Lookup = Result<Option<Arc<Served>>, SourceError>;

/// The sites in memory.
pub(crate) struct Sites {
    source: Arc<dyn SiteSource>,
    clock: Arc<dyn Clock>,
    counters: Counters,
    scheme: Scheme,
    ttl: Duration,
    unknown_ttl: Duration,
    room: Room,
    table: RwLock<Table>,
    flights: Mutex<HashMap<SiteKey, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Default)]
struct Table {
    sites: HashMap<SiteKey, Kept>,
    /// What they take, as [`Served::bytes`] estimates it.
    bytes: u64,
    by_app: HashMap<AppId, HashSet<SiteKey>>,
    /// Names in the order in which they came, for making room; may hold some that are gone.
    order: VecDeque<SiteKey>,
    misses: HashMap<SiteKey, Miss>,
    /// How many invalidations there were, and the latest of them.
    invalidations: u64,
    recent: VecDeque<AppId>,
}

/// How much may be kept.
struct Room {
    sites: usize,
    bytes: u64,
}

struct Kept {
    served: Arc<Served>,
    bytes: u64,
    is_used: AtomicBool,
}

/// A name without a site.
struct Miss {
    until: Timestamp,
    error: Option<SourceError>,
}

/// One caller's place in the queue for a name.
struct Turn<'s> {
    sites: &'s Sites,
    key: &'s SiteKey,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut flights = self.sites.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and this one: nobody else waits.
        if Arc::strong_count(&self.lock) <= 2 {
            flights.remove(self.key);
        }
    }
}

impl Sites {
    pub(crate) fn new(
        source: Arc<dyn SiteSource>,
        clock: Arc<dyn Clock>,
        scheme: Scheme,
        limits: &HostingLimits,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            clock,
            counters: Counters::default(),
            scheme,
            ttl: limits.site_ttl,
            unknown_ttl: limits.unknown_ttl,
            room: Room { sites: limits.max_sites.max(1), bytes: limits.max_site_bytes },
            table: RwLock::default(),
            flights: Mutex::default(),
        })
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The site behind a name. Callers that ask for the same at once wait for one look at the source.
    pub(crate) async fn get(self: &Arc<Self>, key: &SiteKey) -> Lookup {
        if let Some(known) = self.known(key) {
            return known;
        }
        let turn = self.queue(key);
        let _mine = turn.lock.lock().await;
        match self.known(key) {
            Some(known) => known,
            None => self.load(key).await,
        }
    }

    /// True while `served` may be answered from without asking here again.
    pub(crate) fn is_current(&self, served: &Served, now: Timestamp) -> bool {
        served.is_current(now, self.ttl)
    }

    /// Forgets everything of an app: whoever asks after this has returned gets what the source says then.
    pub(crate) fn invalidate(&self, app: &AppId) {
        let mut table = self.write();
        table.invalidations += 1;
        table.recent.push_back(app.clone());
        if table.recent.len() > RECENT_INVALIDATIONS {
            table.recent.pop_front();
        }
        for key in table.by_app.remove(app).unwrap_or_default() {
            if let Some(kept) = table.sites.remove(&key) {
                table.bytes -= kept.bytes;
                kept.served.drop_it();
            }
        }
        // A name that was nobody's may be the app's now.
        table.misses.clear();
    }

    fn known(self: &Arc<Self>, key: &SiteKey) -> Option<Lookup> {
        let now = self.clock.now();
        let table = self.read();
        if let Some(kept) = table.sites.get(key) {
            kept.is_used.store(true, Ordering::Relaxed);
            let served = kept.served.clone();
            if !served.is_current(now, self.ttl * STALE_AFTER_TTLS) {
                // Nobody asked for so long that it may be anything by now: this visitor waits for the truth.
                return None;
            }
            if !served.is_current(now, self.ttl) && served.begin_confirming() {
                tokio::spawn(self.clone().confirm(key.clone(), served.clone()));
            }
            return Some(Ok(Some(served)));
        }
        let miss = table.misses.get(key).filter(|miss| miss.until > now)?;
        Some(miss.error.clone().map_or(Ok(None), Err))
    }

    async fn load(&self, key: &SiteKey) -> Lookup {
        for _ in 0..MAX_RELOADS {
            let seen = self.read().invalidations;
            let site = match self.source.site(key).await {
                Ok(site) => site,
                Err(error) => {
                    tracing::warn!(?key, %error, "a site could not be looked up");
                    if let Some(kept) = self.read().sites.get(key) {
                        // Better the last that is known than nothing, while nobody can say.
                        return Ok(Some(kept.served.clone()));
                    }
                    self.write().miss(key, self.until(FAILURE_TTL), Some(error.clone()));
                    return Err(error);
                }
            };
            if let Some(settled) = self.settle(key, site, seen) {
                return Ok(settled);
            }
        }
        Err(SourceError::Unavailable("the app is changing faster than it can be read".to_owned()))
    }

    /// Asks the source again about a site that has been known for a while. Visitors do not wait for this.
    async fn confirm(self: Arc<Self>, key: SiteKey, served: Arc<Served>) {
        let seen = self.read().invalidations;
        let answer = self.source.site(&key).await;
        let is_late = |site: &Site| site.app == served.site.app && site.version < served.site.version;
        match answer {
            Ok(Some(site)) if site == served.site || is_late(&site) => served.confirm(self.clock.now()),
            Ok(site) => {
                self.settle(&key, site, seen);
            }
            Err(error) => {
                // What is known is shown until the source answers again.
                tracing::warn!(?key, %error, "a site could not be looked at again");
                served.confirm(self.clock.now());
            }
        }
        served.end_confirming();
    }

    /// Takes in what the source said; None when that may be out of date, as the app was invalidated since.
    fn settle(&self, key: &SiteKey, site: Option<Site>, seen: u64) -> Option<Option<Arc<Served>>> {
        let served = site.map(|site| {
            let usage = self.counters.of(&site.app);
            Arc::new(Served::new(site, key, self.scheme, usage, self.clock.now()))
        });
        let mut table = self.write();
        if table.is_outdated(served.as_ref().map(|served| &served.site.app), seen) {
            return None;
        }
        table.forget(key);
        match &served {
            Some(served) => table.keep(key, served, &self.room),
            // Under the same lock: an invalidation comes before this or forgets it.
            None => table.miss(key, self.until(self.unknown_ttl), None),
        }
        Some(served)
    }

    fn until(&self, ttl: Duration) -> Timestamp {
        Timestamp::from_millis(self.clock.now().as_millis().saturating_add(millis(ttl)))
    }

    fn queue<'s>(&'s self, key: &'s SiteKey) -> Turn<'s> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = flights.entry(key.clone()).or_default().clone();
        Turn { sites: self, key, lock }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether an answer about `app` (or that there is none), asked for after `seen` invalidations, may be too old.
    fn is_outdated(&self, app: Option<&AppId>, seen: u64) -> bool {
        let since = usize::try_from(self.invalidations - seen).unwrap_or(usize::MAX);
        match app {
            _ if since > self.recent.len() => true,
            Some(app) => self.recent.iter().rev().take(since).any(|changed| changed == app),
            None => since > 0,
        }
    }

    fn miss(&mut self, key: &SiteKey, until: Timestamp, error: Option<SourceError>) {
        if self.misses.len() >= MAX_MISSES {
            self.misses.clear();
        }
        self.misses.insert(key.clone(), Miss { until, error });
    }

    /// Keeps a site, also one that is larger than all the room there is: it is being asked for.
    fn keep(&mut self, key: &SiteKey, served: &Arc<Served>, room: &Room) {
        let bytes = served.bytes();
        let is_full =
            |table: &Self| table.sites.len() >= room.sites || table.bytes.saturating_add(bytes) > room.bytes;
        while is_full(self) && self.make_room() {}
        self.bytes += bytes;
        self.misses.remove(key);
        self.by_app.entry(served.site.app.clone()).or_default().insert(key.clone());
        self.sites
            .insert(key.clone(), Kept { served: served.clone(), bytes, is_used: AtomicBool::new(false) });
        if self.order.len() > 2 * room.sites {
            let mut listed = HashSet::new();
            let sites = &self.sites;
            self.order.retain(|listing| sites.contains_key(listing) && listed.insert(listing.clone()));
        }
        self.order.push_back(key.clone());
    }

    /// Removes the oldest site that was not asked for since its last turn. False when there is none at all.
    fn make_room(&mut self) -> bool {
        while let Some(key) = self.order.pop_front() {
            match self.sites.get(&key) {
                Some(kept) if kept.is_used.swap(false, Ordering::Relaxed) => self.order.push_back(key),
                Some(_) => {
                    self.forget(&key);
                    return true;
                }
                None => {}
            }
        }
        false
    }

    /// Removes a site; connections that hold it have to ask again.
    fn forget(&mut self, key: &SiteKey) {
        let Some(kept) = self.sites.remove(key) else {
            return;
        };
        kept.served.drop_it();
        self.bytes -= kept.bytes;
        let app = &kept.served.site.app;
        if let Some(keys) = self.by_app.get_mut(app) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_app.remove(app);
            }
        }
    }
}
