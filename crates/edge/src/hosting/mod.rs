//! Hosting: answers every request to a published app, to its permalinks and under its CDN path.
//!
//! A request comes in by one of two ways: [`Hosting::serve`] reads the usual ones straight from the socket and writes
//! prepared bytes back; [`Hosting::handle`] takes those that hyper has read. Both ask [`respond::respond`], so the answers
//! are the same. The rules are in `docs/hosting.md`.

mod caching;
mod conditions;
mod config;
mod entry;
mod front;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod head;
mod negotiate;
mod objects;
mod path;
mod policy;
mod range;
mod ready;
mod reply;
mod request;
mod respond;
mod served;
mod sites;
mod slot;
mod source;
mod usage;

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use vitrine_model::source::Clock;
use vitrine_model::{AppId, ArtifactId, Sha256};

use crate::body::Body;
use crate::host::SiteHost;
use entry::{Content, Entry, FilledPage, Filling};
use objects::Objects;
use ready::{Piece, Ready};
use reply::{Notice, Reply, ReplyBody};
use request::HostedRequest;
use respond::{Outcome, respond};
use served::Served;
use sites::Sites;

pub use config::{HostingConfig, HostingLimits};
pub use front::Rewind;
pub use source::{Object, Site, SiteKey, SiteSource, SiteState, SourceError};
pub use usage::Usage;

/// Answers everything under the hosts of published apps.
pub struct Hosting {
    config: HostingConfig,
    sites: Arc<Sites>,
    objects: Objects,
    clock: Arc<dyn Clock>,
    threads: OnceLock<io::Result<front::Threads>>,
}

/// An app that everybody may see, for whoever answers in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicApp {
    /// The app.
    pub app: AppId,
    /// Its slug.
    pub slug: String,
    /// The policy that says who may frame the app.
    pub frames: HeaderValue,
}

/// Who answers a request to a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    /// Hosting, from the site's files.
    Static,
    /// The app's back end, which is not hosting's business.
    Gateway,
}

/// A request's site, and where in its URLs the site begins.
struct Place {
    key: SiteKey,
    /// Empty, or the path of the artifact without its last slash.
    base: String,
}

impl Hosting {
    /// Hosting without anything in memory.
    pub fn new(config: HostingConfig, source: Arc<dyn SiteSource>, clock: Arc<dyn Clock>) -> Self {
        let sites = Sites::new(source.clone(), clock.clone(), config.scheme, &config.limits);
        let objects = Objects::new(source, &config.limits);
        Self { config, sites, objects, clock, threads: OnceLock::new() }
    }

    /// The settings it runs with.
    pub fn config(&self) -> &HostingConfig {
        &self.config
    }

    /// Forgets what is known of an app. To be called after its release, its settings or its slug have changed: every
    /// request that comes after this has returned gets the new state, on every host of the app.
    pub fn invalidate(&self, app: &AppId) {
        self.sites.invalidate(app);
    }

    /// What was sent since the last call, by app; apps without requests are left out. What was drained is the caller's to
    /// keep.
    pub fn drain_usage(&self) -> Vec<(AppId, Usage)> {
        self.sites.counters().drain()
    }

    /// What was sent since the server began, for all apps together; never less than it was.
    pub fn total_usage(&self) -> Usage {
        self.sites.counters().total()
    }

    /// Who answers a request with this path on an app's host. Compared byte by byte, before any decoding: a path that is
    /// spelled otherwise is a file's.
    pub fn route(&self, path: &str) -> Routed {
        let below = self.config.gateway_prefix.as_deref().and_then(|prefix| path.strip_prefix(prefix));
        match below {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Routed::Gateway,
            _ => Routed::Static,
        }
    }

    /// Answers a request that hyper has read, for `host` as [`crate::HostMap`] has it. Never fails: what goes wrong is an
    /// answer. Bodies are not looked at. Ask [`Self::route`] first: this answers from files alone, and of a private site
    /// says that there is none.
    pub async fn handle(&self, host: &SiteHost, head: &Parts) -> Response<Body> {
        self.respond_to(host, head, false).await
    }

    /// The artifact behind a host, and its app, when a key is needed to see it.
    pub async fn private(&self, host: &SiteHost) -> Option<(AppId, ArtifactId)> {
        let served = self.served(host).await?;
        (served.site.state == SiteState::Private)
            .then(|| (served.site.app.clone(), served.site.artifact.clone()))
    }

    /// The same as [`Self::handle`] for a visitor who has shown the key that [`Self::private`] asks for.
    pub async fn handle_private(&self, host: &SiteHost, head: &Parts) -> Response<Body> {
        let mut response = self.respond_to(host, head, true).await;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
        response
    }

    /// The app behind a host, when everybody may see it.
    pub async fn public_app(&self, host: &SiteHost) -> Option<PublicApp> {
        let served = self.served(host).await?;
        let site = &served.site;
        if site.state != SiteState::Published || site.settings.paused {
            return None;
        }
        let frames = policy::frame_ancestors(&site.settings.frame_ancestors);
        // Settings were checked when they were made; should one not fit a header, nobody may frame the app.
        let frames = HeaderValue::try_from(frames)
            .unwrap_or_else(|_| HeaderValue::from_static("frame-ancestors 'none'"));
        Some(PublicApp { app: site.app.clone(), slug: site.slug.clone(), frames })
    }

    /// The site that a host names without a path.
    async fn served(&self, host: &SiteHost) -> Option<Arc<Served>> {
        let key = match host {
            SiteHost::App { slug } => SiteKey::App { slug: slug.clone() },
            SiteHost::Artifact { artifact, slug } => SiteKey::of_permalink(artifact, slug),
            SiteHost::Cdn { .. } | SiteHost::Unknown => return None,
        };
        self.sites.get(&key).await.ok().flatten()
    }

    async fn respond_to(&self, host: &SiteHost, head: &Parts, has_key: bool) -> Response<Body> {
        let request = HostedRequest::of(head);
        let ready = match self.locate(host, &request).await {
            Ok((served, _)) if served.site.state == SiteState::Private && !has_key => {
                Ready::of(reply_to(&request, Reply::notice(Notice::NoSite, request.is_navigation())))
            }
            Ok((served, base)) => self.answer(&served, &request, &base).await,
            Err(reply) => Ready::of(reply),
        };
        ready.count(ready.body_len());
        ready.into_response()
    }

    /// The site a request is for, or the answer when there is none.
    async fn locate(
        &self,
        host: &SiteHost,
        request: &HostedRequest<'_>,
    ) -> Result<(Arc<Served>, String), Reply> {
        let place = place(host, request).map_err(|reply| reply_to(request, *reply))?;
        let notice = match self.sites.get(&place.key).await {
            Ok(Some(served)) => return Ok((served, place.base)),
            Ok(None) => Notice::NoSite,
            Err(error) => notice_of(&error),
        };
        Err(reply_to(request, Reply::notice(notice, request.is_navigation())))
    }

    /// Answers from a site, with everything the answer needs at hand.
    async fn answer(&self, served: &Arc<Served>, request: &HostedRequest<'_>, base: &str) -> Ready {
        let outcome = match respond(request, served, base) {
            Outcome::Reply(reply) => self.fetch(reply).await,
            Outcome::Fill(page) => match self.fill(&page, served).await {
                Ok(()) => match respond(request, served, base) {
                    Outcome::Reply(reply) => self.fetch(reply).await,
                    Outcome::Fill(_) => Err(SourceError::Missing),
                },
                Err(error) => Err(error),
            },
        };
        let ready = outcome.unwrap_or_else(|error| {
            let reply = Reply::notice(notice_of(&error), request.is_navigation());
            Ready::of(reply_to(request, reply))
        });
        ready.for_site(&served.usage)
    }

    /// Makes a page with the runtime configuration in it; from then on it is served like any other.
    async fn fill(&self, page: &Entry, served: &Served) -> Result<(), SourceError> {
        let filling = Filling { page: page.plain.content.clone(), config: served.config() };
        let made = self.make(&filling).await?;
        page.fill(&made, &Arc::new(filling));
        for (sha256, bytes) in [Some(made.plain), made.packed].into_iter().flatten() {
            self.objects.put(sha256, bytes).await;
        }
        Ok(())
    }

    async fn make(&self, filling: &Filling) -> Result<FilledPage, SourceError> {
        let Content::Stored { sha256, size } = &filling.page else { return Err(SourceError::Missing) };
        let bytes = match self.objects.get(sha256, *size).await? {
            Object::Bytes(bytes) => bytes,
            Object::File { file, len } => ready::read(file, 0..len)
                .await
                .map_err(|error| SourceError::Unavailable(format!("a page could not be read: {error}")))?,
        };
        let config = filling.config.clone();
        // Hashing and compressing are all CPU: not on a thread that answers others meanwhile.
        let work = tokio::task::spawn_blocking(move || slot::make(&bytes, &config));
        work.await.map_err(|error| SourceError::Unavailable(error.to_string()))
    }

    /// A form of a filled page that had to make room meanwhile.
    async fn make_again(&self, form: &Sha256, filling: &Filling) -> Result<Object, SourceError> {
        let made = self.make(filling).await?;
        let forms = [Some(made.plain), made.packed];
        let found = forms.into_iter().flatten().find(|(sha256, _)| sha256 == form);
        found.map(|(_, bytes)| Object::Bytes(bytes)).ok_or(SourceError::Missing)
    }

    async fn fetch(&self, reply: Reply) -> Result<Ready, SourceError> {
        let Reply { head, body } = reply;
        let piece = match body {
            ReplyBody::Empty => return Ok(Ready::new(head, Piece::Empty)),
            ReplyBody::Whole(content) => Piece::of(self.content(&content).await?),
            ReplyBody::Part(content, range) => Piece::of(self.content(&content).await?).slice(range),
            ReplyBody::Parts(content, frame) => {
                let whole = Piece::of(self.content(&content).await?);
                return Ok(Ready::multipart(head, &whole, *frame));
            }
        };
        Ok(Ready::new(head, piece))
    }

    async fn content(&self, content: &Content) -> Result<Object, SourceError> {
        match content {
            Content::Made(bytes) => Ok(Object::Bytes(bytes.clone())),
            Content::Stored { size: 0, .. } => Ok(Object::Bytes(Bytes::new())),
            Content::Stored { sha256, size } => self.objects.get(sha256, *size).await,
            Content::Filled { sha256, size, filling } => {
                self.objects.get_or(sha256, *size, self.make_again(sha256, filling)).await
            }
        }
    }
}

/// The site a request names, by host and, on a CDN host, by path.
fn place(host: &SiteHost, request: &HostedRequest<'_>) -> Result<Place, Box<Reply>> {
    let missing = || Box::new(Reply::notice(Notice::NoSite, request.is_navigation()));
    let key = match host {
        SiteHost::App { slug } => SiteKey::App { slug: slug.clone() },
        SiteHost::Artifact { artifact, slug } => SiteKey::of_permalink(artifact, slug),
        SiteHost::Cdn { slug } => {
            let rest = request.path.strip_prefix("/apps/").ok_or_else(missing)?;
            let rest = rest
                .strip_prefix(slug.as_str())
                .and_then(|rest| rest.strip_prefix('/'))
                .ok_or_else(missing)?;
            let (revision, file) = rest.split_once('/').map_or((rest, None), |(id, file)| (id, Some(file)));
            let artifact: ArtifactId = revision.parse().map_err(|_| missing())?;
            let base = format!("/apps/{slug}/{artifact}");
            if file.is_none() {
                // Relative addresses in the page begin at the folder.
                let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
                return Err(Box::new(Reply::moved(&format!("{base}/{query}"))));
            }
            return Ok(Place {
                key: SiteKey::Artifact { artifact, slug: slug.clone(), is_cut: false },
                base,
            });
        }
        SiteHost::Unknown => return Err(missing()),
    };
    Ok(Place { key, base: String::new() })
}

fn reply_to(request: &HostedRequest<'_>, reply: Reply) -> Reply {
    match request.verb {
        request::Verb::Get => reply,
        request::Verb::Head => reply.without_body(),
        request::Verb::Other => Reply::method_not_allowed(),
    }
}

fn notice_of(error: &SourceError) -> Notice {
    match error {
        SourceError::Unavailable(_) => Notice::Unavailable,
        SourceError::Missing => Notice::Lost,
    }
}
