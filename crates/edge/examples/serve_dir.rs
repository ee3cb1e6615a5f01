//! Serves a directory as one published app, for measuring and looking at hosting alone:
//! `serve_dir DIRECTORY [ADDRESS]`, then `http://site.apps.localhost:PORT/`. A file beside another with `.br`, `.zst` or `.gz`
//! added to its name is that one's compressed form.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use vitrine_edge::{
    HostKind, HostMap, Hosting, HostingConfig, Object, Scheme, Site, SiteKey, SiteSource, SiteState,
    SourceError,
};
use vitrine_model::source::Clock;
use vitrine_model::{ArtifactFile, Encoding, Manifest, ProjectPath, Sha256, Timestamp, Variant};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Objects larger than this are handed out as files.
const LARGE_BYTES: u64 = 64 * 1024;

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

struct Directory {
    site: Site,
    objects: HashMap<Sha256, PathBuf>,
}

#[async_trait]
impl SiteSource for Directory {
    async fn site(&self, key: &SiteKey) -> Result<Option<Site>, SourceError> {
        let (SiteKey::App { slug } | SiteKey::Artifact { slug, .. }) = key;
        Ok((*slug == self.site.slug).then(|| self.site.clone()))
    }

    async fn object(&self, sha256: &Sha256, size: u64) -> Result<Object, SourceError> {
        let path = self.objects.get(sha256).ok_or(SourceError::Missing)?;
        let unavailable = |error: std::io::Error| SourceError::Unavailable(error.to_string());
        if size > LARGE_BYTES {
            let file = std::fs::File::open(path).map_err(unavailable)?;
            return Ok(Object::File { file: Arc::new(file), len: size });
        }
        Ok(Object::Bytes(Bytes::from(std::fs::read(path).map_err(unavailable)?)))
    }
}

impl Directory {
    fn read(root: &Path) -> Result<Self, AnyError> {
        let mut manifest = Manifest::default();
        let mut objects = HashMap::new();
        let mut variants = Vec::new();
        for path in files_below(root)? {
            let content = std::fs::read(&path)?;
            let (sha256, size) = (Sha256::of(&content), content.len() as u64);
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            objects.insert(sha256, path);
            let packed = [(".br", Encoding::Brotli), (".zst", Encoding::Zstd), (".gz", Encoding::Gzip)];
            match packed.iter().find_map(|(ending, encoding)| Some((name.strip_suffix(ending)?, *encoding))) {
                Some((plain, encoding)) => {
                    variants.push((plain.to_owned(), encoding, Variant { sha256, size }))
                }
                None => {
                    let content_type = mime_guess::from_path(&name).first_or_octet_stream().to_string();
                    manifest.files.insert(name.parse()?, file(sha256, size, content_type));
                }
            }
        }
        for (plain, encoding, variant) in variants {
            if let Some(file) = manifest.files.get_mut(&plain.parse::<ProjectPath>()?) {
                file.variants.insert(encoding, variant);
            }
        }
        let site = Site {
            app: "app_01hf7yat000000000000000000".parse()?,
            slug: "site".to_owned(),
            version: 1,
            state: SiteState::Published,
            artifact: manifest.id(),
            manifest: Arc::new(manifest),
            earlier: Vec::new(),
            settings: Default::default(),
            runtime_config: serde_json::json!({}),
        };
        Ok(Self { site, objects })
    }
}

fn file(sha256: Sha256, size: u64, content_type: String) -> ArtifactFile {
    ArtifactFile {
        sha256,
        size,
        content_type,
        variants: Default::default(),
        script_hashes: Vec::new(),
        has_config_slot: false,
    }
}

fn files_below(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

async fn serve(hosting: Arc<Hosting>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Some(rest) = hosting.serve(stream, &CancellationToken::new()).await else {
        return;
    };
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let hosting = hosting.clone();
        async move {
            let (head, _body) = request.into_parts();
            Ok::<_, Infallible>(match hosting.config().hosts.classify_request(&head) {
                HostKind::Site(host) => hosting.handle(&host, &head).await,
                _ => vitrine_edge::misdirected(&head),
            })
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(rest), service).await;
}

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let mut words = std::env::args().skip(1);
    let root = words.next().ok_or("usage: serve_dir DIRECTORY [ADDRESS]")?;
    let listener = TcpListener::bind(words.next().as_deref().unwrap_or("127.0.0.1:0")).await?;
    let hosts = HostMap::new(["localhost"], "preview.localhost", "apps.localhost", "cdn.localhost")?;
    let config = HostingConfig::new(hosts, Scheme::Http);
    let hosting = Hosting::new(config, Arc::new(Directory::read(Path::new(&root))?), Arc::new(SystemClock));
    let hosting = Arc::new(hosting);
    eprintln!("http://site.apps.localhost:{}/", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(hosting.clone(), stream));
    }
}
