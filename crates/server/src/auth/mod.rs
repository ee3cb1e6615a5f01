//! Who is calling, and as what: the admin key, API keys, tokens of a host product, and browsers that are signed in.
//!
//! [`Auth::authenticate`] turns the head of a request into a [`Caller`]; `api::gate` decides what a caller may do. Whatever
//! changes who may do what goes through here, so that this process forgets at once what it has looked up.

mod address;
mod admin_key;
mod caller;
mod cookies;
mod credential;
mod error;
pub(crate) mod host;
mod key;
mod link;
mod lookups;
mod passwords;
mod sign_in;
mod throttle;
mod windows;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method};
use subtle::ConstantTimeEq as _;
use vitrine_model::identity::{Actor, ActorKind};
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{KeyId, Role, Sha256, TenantId, Timestamp};
use vitrine_store::{Scope, Store};

pub(crate) use address::TrustedProxies;
pub(crate) use admin_key::admin_key;
pub(crate) use caller::Caller;
use cookies::Cookies;
pub(crate) use cookies::Origins;
use credential::Credential;
pub(crate) use credential::bearer_protocol;
pub(crate) use error::AuthError;
use host::HostTokens;
pub(crate) use key::{mint_code, mint_key};
use link::SignInLink;
use lookups::{Known, Lookups};
pub(crate) use passwords::{HashError, PasswordCost, Passwords};
pub(crate) use sign_in::{NewPerson, PasswordChange, Proof, SignInError};

/// The header by which a person who belongs to several tenants says which one a request is about.
const TENANT_HEADER: &str = "vitrine-tenant";

/// The header that carries the CSRF token.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";

/// How often the use of one key is written down.
const USE_WRITTEN_EVERY_SECS: i64 = 60;

/// Checks credentials and issues the builder page's.
pub(crate) struct Auth {
    store: Store,
    owner: Scope,
    admin_key: Sha256,
    metrics_key: Option<Sha256>,
    cookies: Cookies,
    proxies: TrustedProxies,
    link: SignInLink,
    passwords: Arc<Passwords>,
    throttle: throttle::Throttle,
    lookups: Lookups,
    key_uses: Mutex<HashMap<KeyId, Timestamp>>,
    host: Option<HostTokens>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What [`Auth::new`] needs to know.
pub(crate) struct AuthSettings<'a> {
    /// Whom the admin key stands for.
    pub(crate) scope: Scope,
    pub(crate) admin_key: &'a str,
    /// What opens the metrics besides; empty for nothing.
    pub(crate) metrics_key: &'a str,
    pub(crate) signing_key: [u8; 32],
    /// Browsers share cookies between all ports of a host: the port keeps two servers apart.
    pub(crate) port: u16,
    pub(crate) origins: Origins,
    pub(crate) proxies: TrustedProxies,
    pub(crate) password_cost: PasswordCost,
    pub(crate) host: Option<HostTokens>,
}

impl Auth {
    pub(crate) fn new(
        store: Store,
        settings: AuthSettings<'_>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            owner: settings.scope,
            admin_key: Sha256::of(settings.admin_key.as_bytes()),
            metrics_key: Some(settings.metrics_key)
                .filter(|key| !key.is_empty())
                .map(|key| Sha256::of(key.as_bytes())),
            cookies: Cookies::new(settings.port, settings.origins, settings.signing_key),
            proxies: settings.proxies,
            link: SignInLink::default(),
            passwords: Arc::new(Passwords::new(settings.password_cost, entropy.clone())),
            throttle: throttle::Throttle::new(clock.clone()),
            lookups: Lookups::new(clock.clone()),
            key_uses: Mutex::default(),
            host: settings.host,
            clock,
            entropy,
        }
    }

    /// Decides about a request by its head and the address of the connection it came on.
    pub(crate) async fn authenticate(
        &self,
        method: &Method,
        headers: &HeaderMap,
        peer: Option<std::net::IpAddr>,
    ) -> Result<Caller, AuthError> {
        let credential = Credential::of(headers, &self.cookies).ok_or(AuthError::Unauthenticated)?;
        let tenant = match headers.get(TENANT_HEADER) {
            Some(value) => {
                let id = value.to_str().ok().and_then(|text| text.parse().ok());
                Some(id.ok_or(AuthError::NoSuchTenant)?)
            }
            None => None,
        };
        let known = self.known(&credential, tenant.as_ref()).await?;
        if known.standing.is_suspended {
            return Err(AuthError::Suspended);
        }
        let mut caller = known.caller(self.proxies.client(peer, headers));
        // Of their own tenant alone: a browser may look at another one, or have lost this one.
        let has_servers_own = caller.is_operator() || caller.proof.is_some_and(Proof::is_servers_own);
        caller.runs_server = has_servers_own && caller.scope == self.owner;
        if let Credential::Browser(cookie) = &credential {
            caller.csrf_token = Some(self.cookies.check(method, headers, cookie)?);
            caller.browser = Some(Sha256::of(cookie.as_bytes()));
        }
        if let Some(key) = &caller.actor.key_id {
            self.note_use(key);
        }
        Ok(caller)
    }

    /// Where whoever presents a credential stands: as it was looked up a moment ago, or as it is.
    async fn known(
        &self,
        credential: &Credential,
        tenant: Option<&TenantId>,
    ) -> Result<Arc<Known>, AuthError> {
        let name = credential.fingerprint(tenant);
        if let Some(known) = self.lookups.get(&name) {
            return Ok(known);
        }
        let epoch = self.lookups.epoch();
        let known = Arc::new(self.look_up(credential, tenant).await?);
        self.lookups.put(name, epoch, known.clone());
        Ok(known)
    }

    async fn look_up(&self, credential: &Credential, tenant: Option<&TenantId>) -> Result<Known, AuthError> {
        match credential {
            Credential::Bearer(text) if self.is_admin_key(text) => self.known_operator(tenant),
            Credential::Bearer(text) => match key::parse(text) {
                Some((id, secret)) => self.known_key(&id, &secret, tenant).await,
                None => self.known_host_user(text, tenant).await,
            },
            Credential::Browser(cookie) => self.known_browser(cookie, tenant).await,
        }
    }

    fn known_operator(&self, tenant: Option<&TenantId>) -> Result<Known, AuthError> {
        is_of(&self.owner, tenant)?;
        let standing =
            vitrine_store::Standing { scope: self.owner.clone(), role: Role::Owner, is_suspended: false };
        Ok(Known::new(standing, ActorKind::AdminKey))
    }

    async fn known_key(
        &self,
        id: &KeyId,
        secret: &Sha256,
        tenant: Option<&TenantId>,
    ) -> Result<Known, AuthError> {
        let record = self.store.key_record(id).await?.ok_or(AuthError::Unauthenticated)?;
        let is_right: bool = record.secret.as_bytes().ct_eq(secret.as_bytes()).into();
        if !is_right || record.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(AuthError::Unauthenticated);
        }
        is_of(&record.standing.scope, tenant)?;
        let mut known = Known::new(record.standing, ActorKind::Key);
        known.standing.role = known.standing.role.min(record.role);
        known.key = Some(id.clone());
        known.apps = record.apps.map(Into::into);
        known.expires_at = record.expires_at;
        Ok(known)
    }

    async fn known_host_user(&self, token: &str, tenant: Option<&TenantId>) -> Result<Known, AuthError> {
        let host = self.host.as_ref().ok_or(AuthError::Unauthenticated)?;
        let vouched = host.verify(token).await?;
        let standing = self.store.host_standing(&vouched.user, host.sight()).await?;
        let standing = standing.ok_or(AuthError::Unauthenticated)?;
        is_of(&standing.scope, tenant)?;
        let mut known = Known::new(standing, ActorKind::Host);
        known.expires_at = Some(vouched.expires_at);
        Ok(known)
    }

    async fn known_browser(&self, cookie: &str, tenant: Option<&TenantId>) -> Result<Known, AuthError> {
        let session = self.store.browser_session(&Sha256::of(cookie.as_bytes())).await?;
        let session = session.ok_or(AuthError::Unauthenticated)?;
        let standing = match tenant {
            Some(tenant) => {
                self.store.standing(&session.user, Some(tenant)).await?.ok_or(AuthError::NoSuchTenant)?
            }
            // Somebody who has left the tenant they looked at, or whose it was suspended, looks at another one.
            None => match self.store.standing(&session.user, Some(&session.tenant)).await? {
                Some(standing) if !standing.is_suspended => standing,
                _ => self.store.standing(&session.user, None).await?.ok_or(AuthError::NoTenant)?,
            },
        };
        let mut known = Known::new(standing, ActorKind::Browser);
        known.expires_at = Some(session.expires_at);
        known.proof = Proof::of(&session.proof);
        Ok(known)
    }

    /// True for the admin key; takes the same time for every wrong one.
    pub(crate) fn is_admin_key(&self, key: &str) -> bool {
        Sha256::of(key.as_bytes()).as_bytes().ct_eq(self.admin_key.as_bytes()).into()
    }

    /// Whether a request may read the metrics: with their own key, or with the admin key, as a bearer token. No cookie opens
    /// them: no browser reads them.
    pub(crate) fn may_read_metrics(&self, headers: &HeaderMap) -> bool {
        let Some(Credential::Bearer(text)) = Credential::of(headers, &self.cookies) else { return false };
        let shown = Sha256::of(text.as_bytes());
        let is_theirs = |key: &Sha256| bool::from(shown.as_bytes().ct_eq(key.as_bytes()));
        self.metrics_key.as_ref().is_some_and(is_theirs) || is_theirs(&self.admin_key)
    }

    /// Where passwords are hashed, whoever's they are: there is one queue for all of them.
    pub(crate) fn passwords(&self) -> Arc<Passwords> {
        self.passwords.clone()
    }

    /// The operator, whom the admin key stands for.
    pub(crate) fn owner(&self) -> &Scope {
        &self.owner
    }

    /// Where people are told to go.
    pub(crate) fn first_origin(&self) -> &str {
        self.cookies.first_origin()
    }

    /// The client's address, as far as it can be believed.
    pub(crate) fn client_address(
        &self,
        peer: Option<std::net::IpAddr>,
        headers: &HeaderMap,
    ) -> Option<std::net::IpAddr> {
        self.proxies.client(peer, headers)
    }

    /// Refuses a browser's request that another site's page made.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), AuthError> {
        self.cookies.check_origin(headers)
    }

    /// Forgets what was looked up. To be called after every change of who may do what, before it is answered: the very next
    /// request sees the change.
    pub(crate) fn forget(&self) {
        self.lookups.forget();
    }

    /// Tells of every [`Self::forget`]: for those who were let in and are still there.
    pub(crate) fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.lookups.changes()
    }

    /// Writes down that a key was used, beside the request and once a minute at most.
    fn note_use(&self, key: &KeyId) {
        let now = self.clock.now();
        let mut uses = self.key_uses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_written = uses.get(key).is_some_and(|last| now < last.plus_secs(USE_WRITTEN_EVERY_SECS));
        if is_written {
            return;
        }
        uses.insert(key.clone(), now);
        let (store, key) = (self.store.clone(), key.clone());
        tokio::spawn(async move {
            if let Err(error) = store.note_key_use(&key).await {
                tracing::warn!(%key, %error, "the use of a key was not written down");
            }
        });
    }
}

/// A credential that is for one tenant is for no other.
fn is_of(scope: &Scope, tenant: Option<&TenantId>) -> Result<(), AuthError> {
    match tenant.is_none_or(|tenant| *tenant == scope.tenant) {
        true => Ok(()),
        false => Err(AuthError::NoSuchTenant),
    }
}

impl Known {
    fn caller(&self, from: Option<std::net::IpAddr>) -> Caller {
        Caller {
            scope: self.standing.scope.clone(),
            role: self.standing.role,
            actor: Actor {
                kind: self.kind,
                user_id: self.standing.scope.user.clone(),
                key_id: self.key.clone(),
            },
            apps: self.apps.clone(),
            expires_at: self.expires_at,
            proof: self.proof,
            runs_server: false,
            from,
            csrf_token: None,
            browser: None,
        }
    }
}
