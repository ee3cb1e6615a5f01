//! `vitrine serve`: wires the services together, says when it is ready, and stops in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vitrine_edge::{Gateway, GatewayConfig, GatewayLimits, HostMap, Scheme};
use vitrine_model::source::{Clock, Entropy};
use vitrine_sandbox::egress::SystemResolver;
use vitrine_store::{DatabaseConfig, Scope, Store, StoreConfig};

use crate::api::PreviewOrigins;
use crate::apps::Apps;
use crate::auth::host::HostTokens;
use crate::auth::{self, Auth, AuthSettings, Origins, PasswordCost, TrustedProxies};
use crate::channels::Channels;
use crate::collection::Collection;
use crate::config::{Config, SandboxConfig, parse_origin};
use crate::door::{self, Door};
use crate::drafts::Drafts;
use crate::egress::{Ceiling, DevEgress};
use crate::limits::RateLimits;
use crate::links::{LinkParts, Links};
use crate::listener::{self, Dispatch};
use crate::provision::{Machine, Provision};
use crate::publishing::{self, Ground, Publishing};
use crate::secrets::{self, Secrets};
use crate::services::Services;
use crate::sessions::{Context, Pool, Ports, Room, Sessions, available_memory, default_reserve};
use crate::sites::SiteUrls;
use crate::source::{SystemClock, SystemEntropy};
use crate::{Failure, api, bridge, machine, templates, warmup};

/// Everything is stopped by force when it takes longer than this after `SIGTERM`.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Serves until a signal.
pub(crate) fn run(config: Config) -> Result<(), Failure> {
    machine::come_first(&config);
    let descriptors = door::raise_descriptors();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    let outcome = runtime.block_on(serve(config, descriptors));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve(config: Config, descriptors: u64) -> Result<(), Failure> {
    let begun = Instant::now();
    let data_dir = config.data_dir();
    let _lock = claim(&data_dir)?;
    let listener = TcpListener::bind(config.server.listen).await.map_err(|error| {
        Failure::address(format!(
            "cannot listen on {}: {error}; choose another with --listen",
            config.server.listen
        ))
    })?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    let public = PublicUrl::of(&config, address)?;
    let stopping = CancellationToken::new();
    let server = wire(&config, &data_dir, &public, stopping.clone()).await?;
    let resumed = server.services.sessions.resume().await.map_err(Failure::failed)?;
    tracing::info!(resumed, ms = begun.elapsed().as_millis(), "ready");
    announce(&public, &server)?;

    let sweeping = tokio::spawn({
        let sessions = server.services.sessions.clone();
        let every = Duration::from_secs(config.sessions.sweep_secs);
        let limits = server.services.limits.clone();
        async move { tokio::join!(sessions.sweep_on(every), sessions.collect_on(), limits.prune_on()) }
    });
    let publishing = {
        let (templates, collection) = (server.services.templates.clone(), server.services.collection.clone());
        server.publishing.start(&config, (templates, collection), &stopping)
    };
    let drain = Duration::from_secs(config.server.drain_secs);
    let door = Door::new(door::most_connections(descriptors, config.server.max_connections));
    let accepting =
        tokio::spawn(listener::accept(listener, door, server.dispatch.clone(), stopping.clone(), drain));
    wait_for_signal().await?;
    tracing::info!("stopping");
    stopping.cancel();
    sweeping.abort();
    let stopped = async {
        let _ = accepting.await;
        publishing.wait().await;
        server.services.sessions.shut_down().await;
    };
    tokio::select! {
        result = tokio::time::timeout(STOP_WITHIN, stopped) => {
            if result.is_err() {
                tracing::warn!("not everything stopped in time");
            }
        }
        result = wait_for_signal() => {
            result?;
            tracing::warn!("stopped at once, as asked twice");
        }
    }
    Ok(())
}

struct Server {
    services: Arc<Services>,
    dispatch: Arc<Dispatch>,
    publishing: Publishing,
    /// Shown once, when it was made just now.
    new_admin_key: Option<String>,
}

async fn wire(
    config: &Config,
    data_dir: &Path,
    public: &PublicUrl,
    stopping: CancellationToken,
) -> Result<Server, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = open_store(config, data_dir, clock.clone(), entropy.clone()).await?;
    store.set_default_quotas(config.quotas.quotas());
    let scope = store.default_scope().await.map_err(Failure::failed)?;
    let vault = secrets::prepare(&config.secrets, data_dir, &store, entropy.as_ref()).await?;
    let secrets = Secrets::new(store.clone(), vault);
    let driver = machine::driver(config, data_dir).await?;
    let orphans = driver.remove_orphans().await.map_err(Failure::machine)?;
    if orphans.sandboxes + orphans.leftovers > 0 {
        tracing::info!(?orphans, "removed what an earlier process left behind");
    }
    let templates = Arc::new(templates::load().map_err(Failure::failed)?);
    let sources = (clock.clone(), entropy.clone());
    let (layers, facts, ca_bundle) = machine::layers(config, data_dir, driver.clone(), sources).await?;
    if config.install.warm_templates {
        tokio::spawn(warmup::run(layers.clone(), templates.clone()));
    }
    let provision: Arc<dyn Provision> =
        Arc::new(Machine { layers, facts, clock: clock.clone(), weighed: Default::default() });
    let ceiling = Ceiling::of(&config.egress, ca_bundle).map_err(Failure::unusable)?;
    let egress = DevEgress::new(store.clone(), ceiling, Arc::new(SystemResolver), clock.clone());
    let backend = publishing::backend(config)?;
    let gateway_config = gateway_config(config, public)?;
    let channels = Channels::new(clock.clone(), entropy.clone());
    let context = Arc::new(Context {
        store: store.clone(),
        channels: channels.clone(),
        driver: driver.clone(),
        provision: provision.clone(),
        secrets: secrets.clone(),
        egress: egress.clone(),
        templates: templates.clone(),
        pool: Pool::new(config.pool.clone()),
        room: Arc::new(room(&config.sandbox)),
        counts: Default::default(),
        evict: std::sync::OnceLock::new(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        settings: config.sessions.clone(),
        sandbox: config.sandbox.clone(),
        preview_suffix: config.preview.host_suffix.clone(),
        has_bridge: gateway_config.bridge.is_some(),
        api_base_path: backend.path().to_owned(),
        generations: AtomicU64::new(0),
        ports: Ports::default(),
        drafts: std::sync::OnceLock::new(),
    });
    let sessions = Sessions::new(context);
    let key = store.signing_key("preview").await.map_err(Failure::failed)?;
    let gateway = Gateway::new(
        gateway_config.clone(),
        Arc::new(sessions.clone()),
        &key,
        (clock.clone(), entropy.clone()),
    );
    let gateway = Arc::new(gateway.map_err(Failure::unusable)?.with_backend(backend.clone()));
    sessions.set_links(gateway.clone());
    let drafts = Drafts::new(store.clone(), sessions.clone());
    sessions.set_drafts(drafts.clone());
    let collection = Collection {
        store: store.clone(),
        provision: provision.clone(),
        clock: clock.clone(),
        // The database lies in the data directory, which one server has at a time: its name for as long as its data lives.
        holder: format!("server of {}", data_dir.display()),
        keep_secs: config.objects.keep_unneeded_secs,
    };
    let ground = Ground {
        store: store.clone(),
        driver,
        provision,
        drafts: drafts.clone(),
        secrets: secrets.clone(),
        backend,
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    let hosts = gateway_config.hosts.clone();
    let publishing = Publishing::wire(config, ground, &hosts, (public.scheme, public.first_origin()))?;
    let urls = Arc::new(SiteUrls::new(hosts, (public.scheme, public.port), gateway.clone()));
    let (auth, new_admin_key) =
        make_auth(config, data_dir, public, &store, scope, (clock.clone(), entropy.clone())).await?;
    let apps = Apps::new(store.clone(), templates.clone());
    let sources = (clock.clone(), entropy.clone());
    let limits = Arc::new(RateLimits::new(&config.limits));
    let links = Links::new(LinkParts {
        store: store.clone(),
        sessions: sessions.clone(),
        urls: urls.clone(),
        limits: limits.clone(),
        passwords: auth.passwords(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        most_secs: config.preview.link_max_secs,
        origin: public.first_origin(),
    });
    let services = Arc::new(Services {
        store,
        apps,
        drafts,
        channels,
        sessions,
        publishes: publishing.publishes.clone(),
        secrets,
        egress,
        collection,
        links,
        limits,
        urls,
        hosting: publishing.hosting.clone(),
        templates,
        auth,
        clock,
        entropy,
        stopping,
    });
    let origins = PreviewOrigins(public.preview_origins(config));
    let builder = api::router(services.clone()).layer(axum::Extension(origins));
    let (clock, entropy) = sources;
    let dispatch = Arc::new(Dispatch {
        hosts: gateway_config.hosts,
        builder,
        gateway,
        hosting: publishing.hosting.clone(),
        backend: publishing.backend.clone(),
        scheme: public.scheme,
        clock,
        entropy,
    });
    Ok(Server { services, dispatch, publishing, new_admin_key })
}

/// One server per data directory: two would pull the sandboxes from under each other.
/// How much of this machine sandboxes may have.
fn room(config: &SandboxConfig) -> Room {
    let reserve_bytes = match config.memory_reserve_mib {
        0 => default_reserve(),
        mib => mib << 20,
    };
    let starts_at_once = match config.starts_at_once {
        0 => std::thread::available_parallelism().map_or(2, |cores| 2 * cores.get()),
        count => count,
    };
    Room::new(Box::new(available_memory), reserve_bytes, starts_at_once)
}

fn claim(data_dir: &Path) -> Result<std::fs::File, Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    let unusable = |error| Failure::failed(format!("cannot use {}: {error}", data_dir.display()));
    // Others may pass through (sandboxed users reach their layers), but not look around.
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(data_dir).map_err(unusable)?;
    let lock = std::fs::File::create(data_dir.join("lock")).map_err(unusable)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Failure::failed(format!(
            "another vitrine serves from {}; give this one its own --data-dir",
            data_dir.display()
        ))
    })?;
    Ok(lock)
}

pub(crate) async fn open_store(
    config: &Config,
    data_dir: &Path,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<Store, Failure> {
    let settings = StoreConfig {
        database: DatabaseConfig::Sqlite { path: data_dir.join("vitrine.db") },
        objects: publishing::objects_config(config, data_dir),
    };
    Store::open(settings, clock, entropy).await.map_err(Failure::failed)
}

fn gateway_config(config: &Config, public: &PublicUrl) -> Result<GatewayConfig, Failure> {
    let hosts = HostMap::new(
        &public.hosts,
        &config.preview.host_suffix,
        &config.hosting.apps_host,
        &config.hosting.cdn_host,
    )
    .map_err(Failure::unusable)?;
    let limits = GatewayLimits {
        token_ttl: Duration::from_secs(config.preview.token_secs),
        cookie_ttl: Duration::from_secs(config.sessions.expiry_secs),
        response_timeout: Duration::from_secs(config.preview.response_timeout_secs),
        max_request_body_bytes: config.preview.max_request_bytes,
        max_requests: config.preview.max_requests,
        ..GatewayLimits::default()
    };
    let builder_origins = public.origins();
    Ok(GatewayConfig {
        hosts,
        scheme: public.scheme,
        public_port: Some(public.port),
        builder_origins,
        bridge: bridge::configured(&config.preview),
        limits,
    })
}

async fn make_auth(
    config: &Config,
    data_dir: &Path,
    public: &PublicUrl,
    store: &Store,
    scope: Scope,
    (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
) -> Result<(Auth, Option<String>), Failure> {
    let kept = auth::admin_key(&config.server.admin_key, data_dir, entropy.as_ref());
    let (key, is_new) =
        kept.map_err(|error| Failure::failed(format!("the admin key cannot be kept: {error}")))?;
    let signing_key = store.signing_key("builder").await.map_err(Failure::failed)?;
    let host = config.jwt.settings().map_err(Failure::unusable)?;
    let settings = AuthSettings {
        scope,
        admin_key: &key,
        metrics_key: &config.server.metrics_key,
        signing_key,
        port: public.port,
        origins: Origins(public.origins()),
        proxies: TrustedProxies::new(config.server.proxies().map_err(Failure::unusable)?),
        password_cost: PasswordCost::default(),
        host: host.map(|settings| HostTokens::new(settings, clock.clone())),
    };
    let auth = Auth::new(store.clone(), settings, clock, entropy);
    Ok((auth, is_new.then_some(key)))
}

/// Where browsers reach this server.
pub(crate) struct PublicUrl {
    scheme: Scheme,
    hosts: Vec<String>,
    port: u16,
}

impl PublicUrl {
    fn of(config: &Config, address: SocketAddr) -> Result<Self, Failure> {
        if config.server.public_url.is_empty() {
            // `localhost` first: its subdomains resolve everywhere, those of an address nowhere.
            let hosts = vec!["localhost".to_owned(), address.ip().to_string()];
            return Ok(Self { scheme: Scheme::Http, hosts, port: address.port() });
        }
        let uri = parse_origin(&config.server.public_url).map_err(Failure::unusable)?;
        let scheme = if uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(scheme.default_port());
        Ok(Self { scheme, hosts: vec![host], port })
    }

    fn origin(&self, host: &str) -> String {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self.port == self.scheme.default_port() {
            true => format!("{}://{host}", self.scheme.as_str()),
            false => format!("{}://{host}:{}", self.scheme.as_str(), self.port),
        }
    }

    /// The one that people are told.
    fn first_origin(&self) -> String {
        self.origin(self.hosts.first().map_or("localhost", String::as_str))
    }

    fn origins(&self) -> Vec<String> {
        self.hosts.iter().map(|host| self.origin(host)).collect()
    }

    /// Live previews, and static builds of drafts where no dev server runs.
    fn preview_origins(&self, config: &Config) -> String {
        let suffixes = [&config.preview.host_suffix, &config.hosting.apps_host];
        suffixes.map(|suffix| self.origin(&format!("*.{suffix}"))).join(" ")
    }
}

/// Tells the person at the terminal; the last line ends with the URL to open.
fn announce(public: &PublicUrl, server: &Server) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = std::io::stdout();
    if let Some(key) = &server.new_admin_key {
        let note = "Admin key (shown once; also in the file admin-key of the data directory)";
        writeln!(out, "{note}: {key}").map_err(Failure::failed)?;
    }
    let origin = public.first_origin();
    let code = server.services.auth.issue_code();
    writeln!(out, "Vitrine is ready: {origin}/sign-in?code={code}").map_err(Failure::failed)?;
    out.flush().map_err(Failure::failed)
}

async fn wait_for_signal() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
