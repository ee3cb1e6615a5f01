//! A source of sites in memory, and a server that answers as Vitrine's listener does.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use vitrine_edge::{
    HostKind, HostMap, Hosting, HostingConfig, Object, Routed, Scheme, Site, SiteKey, SiteSource, SiteState,
    SourceError,
};
use vitrine_model::artifact::RUNTIME_CONFIG_SLOT;
use vitrine_model::hosting::HostingSettings;
use vitrine_model::source::fixed::FixedClock;
use vitrine_model::{AppId, ArtifactFile, Encoding, Manifest, ProjectPath, Sha256, Variant};

use super::client::Client;

/// Objects larger than this come as files: small, so that tests reach both ways.
const LARGE_BYTES: usize = 10_000;

/// The site of most tests.
pub(crate) const SLUG: &str = "site";

/// What a source knows; tests change it.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) sites: Mutex<HashMap<SiteKey, Site>>,
    pub(crate) objects: Mutex<HashMap<Sha256, Vec<u8>>>,
    pub(crate) failing: Mutex<bool>,
    pub(crate) looks: AtomicUsize,
    pub(crate) reads: AtomicUsize,
    /// Looks wait for a permit each while this is set.
    pub(crate) gate: Mutex<Option<Arc<Semaphore>>>,
}

#[async_trait]
impl SiteSource for Source {
    async fn site(&self, key: &SiteKey) -> Result<Option<Site>, SourceError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        // Read before waiting: what comes back may be out of date by then.
        let site = self.sites.lock().unwrap().get(key).cloned();
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        if *self.failing.lock().unwrap() {
            return Err(SourceError::Unavailable("the database is away".to_owned()));
        }
        Ok(site)
    }

    async fn object(&self, sha256: &Sha256, _size: u64) -> Result<Object, SourceError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let bytes = self.objects.lock().unwrap().get(sha256).cloned().ok_or(SourceError::Missing)?;
        if bytes.len() <= LARGE_BYTES {
            return Ok(Object::Bytes(Bytes::from(bytes)));
        }
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        Ok(Object::File { file: Arc::new(file), len: bytes.len() as u64 })
    }
}

impl Source {
    /// Stores files; those named `x.br`, `x.zst` or `x.gz` are compressed forms of `x`.
    pub(crate) fn manifest(&self, files: &[(&str, &[u8])]) -> Arc<Manifest> {
        let mut manifest = Manifest::default();
        let mut objects = self.objects.lock().unwrap();
        let packed = [(".br", Encoding::Brotli), (".zst", Encoding::Zstd), (".gz", Encoding::Gzip)];
        for (name, content) in files {
            let (sha256, size) = (Sha256::of(content), content.len() as u64);
            objects.insert(sha256, content.to_vec());
            match packed.iter().find_map(|(ending, encoding)| Some((name.strip_suffix(ending)?, encoding))) {
                Some((plain, encoding)) => {
                    let file = manifest.files.get_mut(plain).expect("the plain form comes first");
                    file.variants.insert(*encoding, Variant { sha256, size });
                }
                None => {
                    let path: ProjectPath = name.parse().unwrap();
                    manifest.files.insert(path, file(name, content));
                }
            }
        }
        Arc::new(manifest)
    }

    /// Puts a site behind [`SLUG`], its permalink and its CDN path.
    pub(crate) fn publish(&self, site: &Site) {
        let mut sites = self.sites.lock().unwrap();
        sites.insert(SiteKey::App { slug: site.slug.clone() }, site.clone());
        let key =
            SiteKey::Artifact { artifact: site.artifact.clone(), slug: site.slug.clone(), is_cut: false };
        sites.insert(key, site.clone());
    }
}

fn file(name: &str, content: &[u8]) -> ArtifactFile {
    let essence = mime_guess::from_path(name).first_or_octet_stream();
    let charset = if essence.type_() == "text" { "; charset=utf-8" } else { "" };
    ArtifactFile {
        sha256: Sha256::of(content),
        size: content.len() as u64,
        content_type: format!("{essence}{charset}"),
        variants: BTreeMap::new(),
        script_hashes: Vec::new(),
        has_config_slot: content
            .windows(RUNTIME_CONFIG_SLOT.len())
            .any(|window| window == RUNTIME_CONFIG_SLOT.as_bytes()),
    }
}

/// An app's id; another number, another app.
pub(crate) fn app(number: u8) -> AppId {
    format!("app_01hf7yat00000000000000000{number}").parse().unwrap()
}

/// A published site with the first version and these files.
pub(crate) fn site(manifest: Arc<Manifest>) -> Site {
    Site {
        app: app(1),
        slug: SLUG.to_owned(),
        version: 1,
        state: SiteState::Published,
        artifact: manifest.id(),
        manifest,
        earlier: Vec::new(),
        settings: HostingSettings::default(),
        runtime_config: serde_json::json!({"name": "Site"}),
    }
}

/// A server with one source.
pub(crate) struct World {
    pub(crate) source: Arc<Source>,
    pub(crate) hosting: Arc<Hosting>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) stopping: CancellationToken,
    address: SocketAddr,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut HostingConfig)) -> Self {
        let hosts =
            HostMap::new(["localhost"], "preview.localhost", "apps.localhost", "cdn.localhost").unwrap();
        let mut config = HostingConfig::new(hosts, Scheme::Http);
        change(&mut config);
        let source = Arc::new(Source::default());
        let clock = Arc::new(FixedClock::at_millis(1_700_000_000_000));
        let hosting = Arc::new(Hosting::new(config, source.clone(), clock.clone()));
        let stopping = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn({
            let (hosting, stopping) = (hosting.clone(), stopping.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(hosting.clone(), stream, stopping.clone()));
                }
            }
        });
        Self { source, hosting, clock, stopping, address }
    }

    /// With these files published.
    pub(crate) async fn of(files: &[(&str, &[u8])]) -> Self {
        let world = Self::new().await;
        world.publish(files, |_| {});
        world
    }

    /// Publishes files, with settings changed.
    pub(crate) fn publish(&self, files: &[(&str, &[u8])], change: impl FnOnce(&mut Site)) -> Site {
        let mut site = site(self.source.manifest(files));
        change(&mut site);
        self.source.publish(&site);
        site
    }

    /// How often an object was read.
    pub(crate) fn reads(&self) -> usize {
        self.source.reads.load(Ordering::SeqCst)
    }

    /// A connection whose requests name this host.
    pub(crate) async fn client(&self, host: &str) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap(), host)
    }

    /// A connection to the site of most tests.
    pub(crate) async fn visitor(&self) -> Client {
        self.client(&format!("{SLUG}.apps.localhost")).await
    }

    /// The same by hyper's way: its first request is one that the front hands over.
    pub(crate) async fn hyper_visitor(&self) -> Client {
        let mut client = self.visitor().await;
        let handed = client.ask("OPTIONS", "/", &[]).await;
        assert_eq!(handed.status, 405);
        client
    }
}

/// What Vitrine's listener does with a connection.
async fn serve(hosting: Arc<Hosting>, stream: TcpStream, stopping: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let Some(rest) = hosting.serve(stream, &stopping).await else {
        return;
    };
    let service = service_fn(move |request: http::Request<Incoming>| {
        let hosting = hosting.clone();
        async move {
            let (head, _body) = request.into_parts();
            Ok::<_, Infallible>(match hosting.config().hosts.classify_request(&head) {
                HostKind::Site(host) if hosting.route(head.uri.path()) == Routed::Static => {
                    hosting.handle(&host, &head).await
                }
                _ => vitrine_edge::misdirected(&head),
            })
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(rest), service).await;
}
