//! A whole server in the test's process, without a socket, a registry or a kernel that allows sandboxes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use vitrine_build::Files;
use vitrine_build::layers::{Collected, Layer, LayerRequest, LayersUsage};
use vitrine_build::policy::{GatheredFacts, Policy};
use vitrine_build::prebundle::{PrebundleError, PrebundleKey};
use vitrine_build::profile::DetectedProfile;
use vitrine_build::template;
use vitrine_build::toolchain::Toolchain;
use vitrine_edge::{
    BridgeConfig, Entry, Gateway, GatewayConfig, GatewayLimits, HostKind, HostMap, Hosting, HostingConfig,
    Scheme, SiteHost,
};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::source::fixed::FixedClock;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{AppId, Sha256, Timestamp};
use vitrine_sandbox::Sandbox;
use vitrine_sandbox::egress::Resolver;
use vitrine_sandbox::fake::FakeDriver;
use vitrine_store::{DatabaseConfig, ObjectsConfig, Store, StoreConfig};

use super::publishes::Plan;
use crate::apps::Apps;
use crate::auth::host::HostTokens;
use crate::auth::{Auth, AuthSettings, Origins, PasswordCost, TrustedProxies};
use crate::collection::Collection;
use crate::config::{Config, EgressConfig, PublishConfig, SecretsConfig};
use crate::drafts::Drafts;
use crate::egress::{Ceiling, DevEgress};
use crate::limits::RateLimits;
use crate::links::LinkParts;
use crate::policies::Policies;
use crate::provision::{Provided, Provision};
use crate::publishes::{self, Maker, Publishes};
use crate::secrets::{self, Secrets};
use crate::services::Services;
use crate::sessions::{AvailableMemory, Context, Pool, Ports, Room, Sessions};
use crate::sites::{HostedVisitors, SiteUrls, Sites};
use crate::source::SystemEntropy;

pub(super) const KEY: &str = "vt_the-key-of-tests";

/// How long content is kept that nothing names.
pub(super) const KEEP_SECS: u64 = 3_600;

/// The password of everybody in tests.
pub(super) const PASSWORD: &str = "correct horse battery";

/// The template every test server offers.
pub(super) const TEMPLATE: &str = "tiny-vite";

pub(super) struct TestServer {
    pub(super) services: Arc<Services>,
    pub(super) driver: FakeDriver,
    pub(super) clock: Arc<FixedClock>,
    pub(super) sabotage: Arc<Plan>,
    /// What the machine has in memory; each sandbox takes 256 of it.
    pub(super) machine_mib: Arc<AtomicU64>,
    hosting: Arc<Hosting>,
    gateway: Arc<Gateway>,
    router: Router,
    pub(super) dir: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The problem document; panics when the answer is none, or says another status than it has.
    pub(super) fn problem(&self) -> Problem {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{self:?}");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert!(problem.request_id.is_some());
        problem
    }

    /// The first cookie it sets, as a browser sends it back.
    pub(super) fn cookie(&self) -> String {
        let line = self.headers.get(header::SET_COOKIE).unwrap_or_else(|| panic!("no cookie: {self:?}"));
        line.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    /// Where it leads.
    pub(super) fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION)
            .unwrap_or_else(|| panic!("leads nowhere: {self:?}"))
            .to_str()
            .unwrap()
    }

    /// Its body as text.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn code(&self) -> Code {
        self.problem().code
    }
}

impl TestServer {
    pub(super) async fn start() -> Self {
        Self::start_as(|_| {}, |_| None).await
    }

    /// With other settings than the defaults.
    pub(super) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_as(change, |_| None).await
    }

    /// With tokens of a host product.
    pub(super) async fn start_for_host(host: impl FnOnce(Arc<FixedClock>) -> HostTokens) -> Self {
        Self::start_as(|_| {}, |clock| Some(host(clock))).await
    }

    async fn start_as(
        change: impl FnOnce(&mut Config),
        host: impl FnOnce(Arc<FixedClock>) -> Option<HostTokens>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at_millis(1_760_000_000_000));
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let config = StoreConfig {
            database: DatabaseConfig::Sqlite { path: dir.path().join("test.db") },
            objects: ObjectsConfig::Local { dir: dir.path().join("objects") },
        };
        let store = Store::open(config, clock.clone(), entropy.clone()).await.unwrap();
        let driver = FakeDriver::new();
        let machine_mib = Arc::new(AtomicU64::new(u64::MAX >> 20));
        let mut settings = Config::default();
        // Tests count sandboxes; those of the pool say when they want one.
        settings.pool.ceiling = 0;
        change(&mut settings);
        store.set_default_quotas(settings.quotas.quotas());
        let provision: Arc<dyn Provision> = Arc::new(FakeProvision::below(dir.path()));
        let key = SecretsConfig { master_key: "2a".repeat(32), ..SecretsConfig::default() };
        let vault = secrets::prepare(&key, dir.path(), &store, entropy.as_ref()).await.unwrap();
        let secrets = Secrets::new(store.clone(), vault);
        let ceiling = EgressConfig { allow_cidrs: "127.0.0.0/8".to_owned(), ..settings.egress.clone() };
        let ceiling = Ceiling::of(&ceiling, None).unwrap();
        let egress = DevEgress::new(store.clone(), ceiling, Arc::new(Loopback), clock.clone());
        let templates = Arc::new(template::load(tiny_template()).unwrap().into_values().collect::<Vec<_>>());
        let context = Context {
            store: store.clone(),
            driver: Arc::new(driver.clone()),
            provision: provision.clone(),
            secrets: secrets.clone(),
            egress: egress.clone(),
            templates: templates.clone(),
            pool: Pool::new(settings.pool.clone()),
            room: Arc::new(Room::new(memory_of(&driver, &machine_mib), 0, 64)),
            counts: Default::default(),
            evict: Default::default(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            settings: settings.sessions.clone(),
            sandbox: settings.sandbox.clone(),
            preview_suffix: settings.preview.host_suffix.clone(),
            api_base_path: settings.backend.path.clone(),
            has_bridge: false,
            generations: AtomicU64::new(0),
            ports: Ports::default(),
            drafts: Default::default(),
        };
        let sessions = Sessions::new(Arc::new(context));
        let gateway = gateway(&sessions, &clock);
        sessions.set_links(gateway.clone());
        let drafts = Drafts::new(store.clone(), sessions.clone());
        sessions.set_drafts(drafts.clone());
        let (publishes, hosting, urls, sabotage) =
            publishing(&store, &driver, &provision, (&drafts, &secrets), (&clock, &gateway));
        tokio::spawn({
            let publishes = publishes.clone();
            async move { publishes.work(CancellationToken::new()).await }
        });
        let scope = store.default_scope().await.unwrap();
        let auth = AuthSettings {
            scope,
            admin_key: KEY,
            metrics_key: &settings.server.metrics_key,
            signing_key: [1; 32],
            port: 4400,
            origins: Origins(vec!["http://localhost:4400".to_owned()]),
            proxies: TrustedProxies::default(),
            // What a hash costs is tested where hashes are made.
            password_cost: PasswordCost { memory_kib: 8, passes: 1 },
            host: host(clock.clone()),
        };
        let auth = Auth::new(store.clone(), auth, clock.clone(), entropy.clone());
        let limits = Arc::new(RateLimits::new(&settings.limits));
        let links = crate::links::Links::new(LinkParts {
            store: store.clone(),
            sessions: sessions.clone(),
            urls: urls.clone(),
            limits: limits.clone(),
            passwords: auth.passwords(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            most_secs: settings.preview.link_max_secs,
            origin: "http://localhost:4400".to_owned(),
        });
        let collection = Collection {
            store: store.clone(),
            provision: provision.clone(),
            clock: clock.clone(),
            holder: "test".to_owned(),
            keep_secs: KEEP_SECS,
        };
        let services = Arc::new(Services {
            collection,
            links,
            limits,
            apps: Apps::new(store.clone(), templates.clone()),
            auth,
            clock: clock.clone() as Arc<dyn Clock>,
            stopping: CancellationToken::new(),
            store,
            drafts,
            sessions,
            publishes,
            secrets,
            egress,
            urls,
            hosting: hosting.clone(),
            templates,
            entropy,
        });
        let router = super::super::router(services.clone());
        Self { router, services, driver, clock, sabotage, hosting, gateway, machine_mib, dir }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        // A stream of events has no end.
        let is_stream =
            parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body = match is_stream {
            true => Bytes::new(),
            false => axum::body::to_bytes(body, usize::MAX).await.unwrap(),
        };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// An answer whose body is not read yet.
    pub(super) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// All that a stream of events tells; of one that has an end.
    pub(super) async fn told(&self, path: &str) -> String {
        let request = Request::get(path).header("authorization", format!("Bearer {KEY}"));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// A call by a signed-in browser: with its cookie, and with its CSRF token where that is needed.
    pub(super) async fn browse(&self, cookie: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let me = Request::get("/v1/me").header("cookie", cookie).body(Body::empty()).unwrap();
        let me = self.send(me).await;
        let token = match me.status {
            StatusCode::OK => me.json()["csrf_token"].as_str().unwrap().to_owned(),
            _ => String::new(),
        };
        let request = Request::builder().method(method).uri(path).header("cookie", cookie);
        let request = request.header("x-csrf-token", token).header("content-type", "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// Signs a browser in as the owner, by the link of the ready line; returns its cookie.
    pub(super) async fn owners_browser(&self) -> String {
        let link = format!("/sign-in?code={}", self.services.auth.issue_code());
        cookie_of(&self.send(Request::get(link).body(Body::empty()).unwrap()).await)
    }

    /// Makes a person with an account in the tenant of a key; returns the cookie of their browser.
    pub(super) async fn person(&self, key: &str, email: &str, role: &str) -> String {
        let invite =
            self.call_as(key, "POST", "/v1/invites", Some(json!({ "name": email, "role": role }))).await;
        assert_eq!(invite.status, StatusCode::CREATED, "{invite:?}");
        let accepted = self.accept(invite.json()["code"].as_str().unwrap(), email).await;
        assert_eq!(accepted.status, StatusCode::NO_CONTENT, "{accepted:?}");
        cookie_of(&accepted)
    }

    /// Accepts an invitation with [`PASSWORD`], as a stranger does.
    pub(super) async fn accept(&self, code: &str, email: &str) -> Answer {
        let body = json!({ "code": code, "email": email, "password": PASSWORD });
        self.open_call("/v1/invites/accept", body).await
    }

    /// True when the text stands anywhere in the files of the database.
    pub(super) fn database_contains(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut found = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap());
        found.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    /// A POST without a caller.
    pub(super) async fn open_call(&self, path: &str, body: Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A key of the tenant of another key.
    pub(super) async fn key(&self, maker: &str, body: Value) -> String {
        let made = self.call_as(maker, "POST", "/v1/keys", Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        made.json()["secret"].as_str().unwrap().to_owned()
    }

    /// Makes a tenant; returns its id and its owner's key.
    pub(super) async fn tenant(&self, name: &str) -> (String, String) {
        let made = self.post("/v1/tenants", json!({ "name": name })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let made = made.json();
        (made["id"].as_str().unwrap().to_owned(), made["key"]["secret"].as_str().unwrap().to_owned())
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(KEY, method, path, body).await
    }

    /// A call with another key.
    pub(super) async fn call_as(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let request = match body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    /// Makes an app of the tiny template.
    pub(super) async fn app(&self) -> AppId {
        let answer = self.post("/v1/apps", json!({ "name": "An app", "template": TEMPLATE })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()["id"].as_str().unwrap().parse().unwrap()
    }

    pub(super) async fn change(&self, app: &AppId, ops: Value) -> Answer {
        self.post(&format!("/v1/apps/{app}/changes"), json!({ "ops": ops })).await
    }

    pub(super) async fn read(&self, app: &AppId, path: &str) -> String {
        let answer = self.get(&format!("/v1/apps/{app}/files/{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// The files and the version: equal before and after whatever must change nothing.
    pub(super) async fn draft(&self, app: &AppId) -> Value {
        self.get(&format!("/v1/apps/{app}/files")).await.json()
    }

    /// What a visitor gets at a path of a published app; `None` unless it is a page.
    pub(super) async fn visit(&self, slug: &str, path: &str) -> Option<String> {
        let host = SiteHost::App { slug: slug.to_owned() };
        let request = Request::get(path).header("host", format!("{slug}.apps.localhost:4400")).body(());
        let response = self.hosting.handle(&host, &request.unwrap().into_parts().0).await;
        let is_page = response.status() == StatusCode::OK;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        is_page.then(|| String::from_utf8(body.to_vec()).unwrap())
    }

    /// What a browser with this cookie gets at an address of a preview, or of an artifact behind a key.
    pub(super) async fn preview(&self, url: &str, cookie: &str) -> Answer {
        let (authority, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let request = Request::get(format!("/{target}")).header("host", authority).header("cookie", cookie);
        let request = request.header("accept", "text/html").body(Body::empty()).unwrap();
        let response = match hosts().classify(authority) {
            HostKind::Preview(session) => self.gateway.handle(session, request).await,
            HostKind::Site(host) => {
                let (head, _) = request.into_parts();
                let (app, artifact) = self.hosting.private(&host).await.unwrap();
                match self.gateway.enter_artifact(&app, &artifact, &head).await {
                    Entry::Open(_) => self.hosting.handle_private(&host, &head).await,
                    Entry::Answered(response) => *response,
                }
            }
            other => panic!("{authority} is {other:?}"),
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A page of a preview tells something; answers the status.
    pub(super) async fn tell(&self, preview: &str, cookie: &str, batch: &Value) -> StatusCode {
        let authority = preview.strip_prefix("http://").unwrap().trim_end_matches('/');
        let HostKind::Preview(session) = hosts().classify(authority) else { panic!("{preview}") };
        let request = Request::post("/.vitrine/events")
            .header("host", authority)
            .header("cookie", cookie)
            .header("content-type", "application/json")
            .body(Body::from(batch.to_string()));
        self.gateway.handle(session, request.unwrap()).await.status()
    }

    /// Follows a stream of events after one of them.
    pub(super) async fn follow(&self, path: &str, key: &str, last: &str) -> axum::response::Response {
        let request = Request::get(path).header("authorization", format!("Bearer {key}"));
        self.open(request.header("last-event-id", last).body(Body::empty()).unwrap()).await
    }

    /// Lets the leases of all workers run out, and tells those that are there.
    pub(super) fn let_leases_run_out(&self) {
        self.clock.advance_secs(Config::default().publish.lease_secs as i64 + 1);
        self.services.publishes.nudge();
    }

    /// Waits until no worker of this server has a publish.
    pub(super) async fn until_idle(&self) {
        let waiting = async {
            while self.services.publishes.running_count() > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(
            tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(),
            "a worker is busy still"
        );
    }

    /// Waits until so many sandboxes run.
    pub(super) async fn session_runs(&self, count: usize) {
        let waiting = async {
            while self.driver.running().len() != count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(
            tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok(),
            "not {count} sandboxes"
        );
    }

    /// Waits until the app's session has the status; panics after ten seconds.
    pub(super) async fn session_is(&self, app: &AppId, status: &str) -> Value {
        let path = format!("/v1/apps/{app}/session");
        let waiting = async {
            loop {
                let session = self.get(&path).await.json();
                if session["status"] == status {
                    return session;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(10), waiting).await {
            Ok(session) => session,
            Err(_) => panic!("not {status} but {}", self.get(&path).await.json()),
        }
    }
}

/// The cookie that an answer sets.
pub(super) fn cookie_of(answer: &Answer) -> String {
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// A zip with these entries, uploaded as a form.
pub(super) fn import(name: &str, archive: &[u8]) -> Request<Body> {
    let mut body = Vec::new();
    body.extend_from_slice(
        format!("--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n--b\r\ncontent-disposition: form-data; name=\"archive\"; filename=\"a.zip\"\r\n\r\n").as_bytes(),
    );
    body.extend_from_slice(archive);
    body.extend_from_slice(b"\r\n--b--\r\n");
    Request::post("/v1/apps")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Body::from(body))
        .unwrap()
}

/// The preview gateway, over the server's own sessions.
fn gateway(sessions: &Sessions, clock: &Arc<FixedClock>) -> Arc<Gateway> {
    let config = GatewayConfig {
        hosts: hosts(),
        scheme: Scheme::Http,
        public_port: Some(4400),
        builder_origins: vec!["http://localhost:4400".to_owned()],
        bridge: Some(BridgeConfig { script: String::new(), origins: Vec::new() }),
        limits: GatewayLimits::default(),
    };
    let sources = (clock.clone() as Arc<dyn Clock>, Arc::new(SystemEntropy) as Arc<dyn Entropy>);
    Arc::new(Gateway::new(config, Arc::new(sessions.clone()), &[3; 32], sources).unwrap())
}

fn hosts() -> HostMap {
    HostMap::new(["localhost"], "preview.localhost", "apps.localhost", "cdn.localhost").unwrap()
}

/// Everything about publishing, over the server's own parts.
fn publishing(
    store: &Store,
    driver: &FakeDriver,
    provision: &Arc<dyn Provision>,
    (drafts, secrets): (&Drafts, &Secrets),
    (clock, gateway): (&Arc<FixedClock>, &Arc<Gateway>),
) -> (Publishes, Arc<Hosting>, Arc<SiteUrls>, Arc<Plan>) {
    let hosts = hosts();
    let grace = Duration::from_secs(3_600);
    let sites = Arc::new(Sites::new(store.clone(), "/api/py".to_owned(), grace));
    let config = HostingConfig::new(hosts.clone(), Scheme::Http);
    let hosting = Arc::new(Hosting::new(config, sites, clock.clone()));
    let visitors = Arc::new(HostedVisitors::default());
    visitors.set(hosting.clone());
    let sabotage = Arc::new(Plan::default());
    let maker = Maker {
        store: store.clone(),
        driver: Arc::new(driver.clone()),
        provision: provision.clone(),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
        // Two, so that another worker can take over from one that is lost.
        settings: PublishConfig { workers: 2, ..PublishConfig::default() },
        public_url: "http://localhost:4400".to_owned(),
    };
    let context = publishes::Context {
        store: store.clone(),
        maker,
        drafts: drafts.clone(),
        policies: Policies::new(store.clone(), Policy::Open { min_age_secs: 0 }),
        secrets: secrets.clone(),
        visitors,
        sabotage: sabotage.clone(),
    };
    let urls = Arc::new(SiteUrls::new(hosts, (Scheme::Http, 4400), gateway.clone()));
    (Publishes::new(context), hosting, urls, sabotage)
}

/// Every name is this machine's.
struct Loopback;

#[async_trait]
impl Resolver for Loopback {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        Ok(vec![[127, 0, 0, 1].into()])
    }
}

/// Directories that look like a toolchain and a layer.
struct FakeProvision {
    toolchain: PathBuf,
    node_modules: PathBuf,
}

impl FakeProvision {
    fn below(dir: &std::path::Path) -> Self {
        let node_modules = dir.join("node_modules");
        std::fs::create_dir_all(node_modules.join("vite")).unwrap();
        let manifest = r#"{"name":"vite","version":"8.0.0","bin":{"vite":"bin/vite.js"}}"#;
        std::fs::write(node_modules.join("vite/package.json"), manifest).unwrap();
        Self { toolchain: dir.join("toolchain"), node_modules }
    }
}

#[async_trait]
impl Provision for FakeProvision {
    async fn toolchain(&self, detected: &DetectedProfile) -> Result<Toolchain, Problem> {
        Ok(Toolchain { id: "test".to_owned(), dir: self.toolchain.clone(), node: detected.node })
    }

    async fn layer(&self, request: LayerRequest) -> Result<Provided, Problem> {
        let manifest = request.files.iter().find(|(path, _)| path.as_str() == "package.json");
        if manifest.is_some_and(|(_, content)| content.windows(11).any(|bytes| bytes == b"no-such-pkg")) {
            return Err(Problem::new(
                Code::InstallFailed,
                "npm error 404 no-such-pkg is not in the registry.",
            ));
        }
        Ok(Provided {
            id: Sha256::of(b"the layer of tests"),
            node_modules: self.node_modules.clone(),
            resolved_lockfile: None,
            diagnostics: Vec::new(),
            reused: true,
            lease: None,
        })
    }

    async fn facts(&self, _: &Files, _: &DetectedProfile, _: &Policy) -> GatheredFacts {
        GatheredFacts::nothing(Timestamp::from_millis(1_760_000_000_000))
    }

    fn compile_cache(&self, _: &Provided, _: &Toolchain) -> Option<PathBuf> {
        None
    }

    fn prebundle(&self, _: &Provided, _: &[PrebundleKey]) -> Option<PathBuf> {
        None
    }

    async fn keep_prebundle(&self, _: Layer, _: AppId, _: Arc<dyn Sandbox>) -> Result<(), PrebundleError> {
        Ok(())
    }

    fn forget(&self, _: &AppId) {}

    async fn layers_usage(&self) -> Option<LayersUsage> {
        Some(LayersUsage { count: 1, in_use: 0, bytes: 1_000, budget_bytes: 10_000 })
    }

    async fn collect_layers(&self, _: bool) -> Result<Collected, Problem> {
        Ok(Collected::default())
    }
}

/// Memory of a machine on which every sandbox takes as much as is taken for granted for a start.
fn memory_of(driver: &FakeDriver, machine_mib: &Arc<AtomicU64>) -> AvailableMemory {
    let (driver, machine_mib) = (driver.clone(), machine_mib.clone());
    Box::new(move || {
        let used_mib = 256 * driver.running().len() as u64;
        Some(machine_mib.load(Ordering::SeqCst).saturating_sub(used_mib) << 20)
    })
}

fn tiny_template() -> Vec<(String, Bytes)> {
    let manifest = json!({
        "key": TEMPLATE, "name": "Tiny", "description": "For tests.", "tags": ["test"], "thumbnail": "thumbnail.png",
        "profile": { "kind": "vite" }, "entry_file": "src/main.tsx",
    });
    let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a].as_slice();
    let files: [(&str, Bytes); 6] = [
        ("template.manifest.json", manifest.to_string().into()),
        ("thumbnail.png", Bytes::copy_from_slice(png)),
        ("project/index.html", r#"<script type="module" src="/src/main.tsx"></script>"#.into()),
        ("project/package.json", r#"{"devDependencies":{"vite":"8.0.0"}}"#.into()),
        ("project/package-lock.json", r#"{"lockfileVersion":3}"#.into()),
        ("project/src/main.tsx", "export const text = 'first';\n".into()),
    ];
    files.into_iter().map(|(path, content)| (format!("{TEMPLATE}/{path}"), content)).collect()
}
