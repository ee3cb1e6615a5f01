//! Sessions: leases on an app's one draft sandbox, their deadlines, and what the gateway asks about them.
//!
//! The store has the truth about sessions (who, until when, in which state); one [`Preview`] per app has the sandbox.
//! Killing a preview loses nothing.

mod eviction;
mod exec;
mod gateway;
mod links;
mod logs;
mod memory;
mod pace;
mod pool;
mod preview;
mod preview_events;
mod probe;
mod room;
mod startup;
mod sweep;
mod timings;
mod top;
mod turns;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::Stream;
use tokio::sync::oneshot;
use vitrine_build::template::TemplatePack;
use vitrine_model::problem::Problem;
use vitrine_model::session::{LogLine, SessionEvent, SessionStatus, SessionView};
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{AppId, LinkId, SessionId, TenantId, Timestamp, UserId};
use vitrine_sandbox::Driver;
use vitrine_store::{Draft, NewSession, Scope, SessionRow, Store, StoreError};

use crate::channels::Channels;
use crate::config::{SandboxConfig, SessionsConfig};
use crate::drafts::{Contents, Drafts};
use crate::egress::DevEgress;
use crate::provision::Provision;
use crate::secrets::Secrets;
use eviction::Evict;
pub(crate) use exec::{Exec, ExecEnd, ExecError, ExecEvent, problem_of as problem_of_exec};
use links::KnownLinks;
pub(crate) use memory::{available as available_memory, default_reserve};
pub(crate) use pool::Pool;
use preview::{Command, Preview};
pub(crate) use preview::{Phase, Snapshot};
use preview_events::PreviewEvents;
#[cfg(test)]
pub(crate) use room::AvailableMemory;
pub(crate) use room::Room;
pub(crate) use startup::Ports;
pub(crate) use top::{Counts, Durations, MachineView, MemoryView, SandboxView};

/// What sessions are made with.
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) provision: Arc<dyn Provision>,
    pub(crate) secrets: Secrets,
    pub(crate) egress: DevEgress,
    pub(crate) templates: Arc<Vec<TemplatePack>>,
    /// Dev servers that run already.
    pub(crate) pool: Pool,
    pub(crate) room: Arc<Room>,
    pub(crate) counts: Counts,
    /// Makes room. Set once, right after construction: starts ask sessions, and sessions start.
    pub(crate) evict: OnceLock<Arc<dyn Evict>>,
    /// Who looks at an app is told what becomes of its sessions.
    pub(crate) channels: Channels,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: SessionsConfig,
    pub(crate) sandbox: SandboxConfig,
    /// `.preview.example.com`: what dev servers must accept as host.
    pub(crate) preview_suffix: String,
    /// Where apps find the back end they share.
    pub(crate) api_base_path: String,
    /// True when pages have the bridge: dev servers are told to help it.
    pub(crate) has_bridge: bool,
    /// Counts starts; see [`vitrine_edge::Upstream::generation`].
    pub(crate) generations: AtomicU64,
    /// Ports for drivers whose sandboxes share the host's network.
    pub(crate) ports: Ports,
    /// Saves lockfiles that installations resolve. Set once, right after construction: drafts deliver to sessions and
    /// sessions save into drafts.
    pub(crate) drafts: OnceLock<Drafts>,
}

/// The service; cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Inner>);

struct Inner {
    context: Arc<Context>,
    previews: Mutex<HashMap<AppId, Arc<Preview>>>,
    known: Mutex<HashMap<SessionId, Arc<Known>>>,
    /// Set once, right after construction: the gateway asks sessions, and sessions ask it for links.
    links: OnceLock<Arc<dyn PreviewLinks>>,
    known_links: KnownLinks,
}

/// Makes the URLs that open previews.
pub(crate) trait PreviewLinks: Send + Sync {
    /// A URL with a fresh token.
    fn preview_url(&self, session: &SessionId) -> String;

    /// The same for a visitor by link.
    fn link_url(&self, session: &SessionId, link: &LinkId) -> String;

    /// Closes what the visitors of a link have open.
    fn close_link(&self, link: &LinkId);
}

/// What the gateway needs on every request, without asking the store.
pub(crate) struct Known {
    app: AppId,
    app_name: String,
    scope: Scope,
    /// Milliseconds since 1970 of the last use; written to the store by the sweep.
    last_use: AtomicU64,
    written_use: AtomicU64,
    /// Milliseconds since 1970 at which it ends, unless it is used.
    expires_at: AtomicI64,
    /// What its pages have told.
    events: PreviewEvents,
}

/// A change set on its way to a sandbox.
#[derive(Debug)]
pub(crate) struct Delivery {
    done: oneshot::Receiver<bool>,
}

impl Delivery {
    /// True when the sandbox holds the change already; does not wait.
    pub(crate) fn is_done(&mut self) -> bool {
        self.done.try_recv().unwrap_or(false)
    }
}

impl Sessions {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let known_links = KnownLinks::new(context.settings.link_use_secs);
        let inner = Inner {
            context,
            previews: Mutex::default(),
            known: Mutex::default(),
            links: OnceLock::new(),
            known_links,
        };
        let sessions = Self(Arc::new(inner));
        let _ = sessions.0.context.evict.set(Arc::new(sessions.clone()));
        sessions
    }

    /// Closes the circle with the gateway; the second call does nothing.
    pub(crate) fn set_links(&self, links: Arc<dyn PreviewLinks>) {
        let _ = self.0.links.set(links);
    }

    /// Closes the circle with drafts; the second call does nothing.
    pub(crate) fn set_drafts(&self, drafts: Drafts) {
        let _ = self.0.context.drafts.set(drafts);
    }

    /// The rooms of apps.
    pub(crate) fn channels(&self) -> &Channels {
        &self.0.context.channels
    }

    /// What the app's preview does from now on; `None` as long as there is none.
    pub(crate) fn watch_of(&self, app: &AppId) -> Option<tokio::sync::watch::Receiver<Snapshot>> {
        Some(lock(&self.0.previews).get(app)?.watch())
    }

    /// Gives the caller a session on the app's draft, and brings its sandbox on its way. Idempotent.
    pub(crate) async fn ensure(&self, scope: &Scope, app: &AppId) -> Result<SessionView, StoreError> {
        let (row, was_asleep) = self.leased(scope, app).await?;
        let preview = self.preview_of(scope, app);
        preview.order(if was_asleep { Command::Wake } else { Command::Ensure });
        preview.thawed().await;
        Ok(self.view(&row))
    }

    /// The caller's live session, made when there is none, with its expiry moved; and whether its sandbox had been taken
    /// down for want of use.
    async fn leased(&self, scope: &Scope, app: &AppId) -> Result<(SessionRow, bool), StoreError> {
        let settings = &self.0.context.settings;
        let new = NewSession {
            expires_at: self.0.context.clock.now().plus_secs(settings.expiry_secs as i64),
            idle_timeout_secs: settings.idle_timeout_secs,
        };
        let store = &self.0.context.store;
        let (row, is_new) = store.ensure_session(scope, app, new).await?;
        let was_asleep = row.status == SessionStatus::Hibernated;
        let row = match store.wake_session(&row.id).await {
            // Ended between the two: what is asked for again is another one, if it may be at all.
            Err(StoreError::NotFound) => store.ensure_session(scope, app, new).await?.0,
            woken => woken?,
        };
        let known = self.remember(&row).await;
        known.touch(self.0.context.clock.now().as_millis());
        known.extend(row.expires_at);
        if is_new || was_asleep {
            self.channels().session_changed(app);
        }
        Ok((row, was_asleep))
    }

    /// The caller's session on the app, live or ended last.
    pub(crate) async fn get(&self, scope: &Scope, app: &AppId) -> Result<SessionView, StoreError> {
        let row = self.0.context.store.session(scope, app).await?;
        Ok(self.view(&row))
    }

    /// Moves the expiry and does nothing else.
    pub(crate) async fn heartbeat(&self, scope: &Scope, app: &AppId) -> Result<SessionView, StoreError> {
        let context = &self.0.context;
        let row = context.store.session(scope, app).await?;
        if row.status.is_over() {
            return Err(StoreError::NotFound);
        }
        let expires_at = context.clock.now().plus_secs(context.settings.expiry_secs as i64);
        context.store.extend_session(&row.id, expires_at).await?;
        if let Some(known) = lock(&self.0.known).get(&row.id) {
            known.extend(expires_at);
        }
        Ok(self.view(&SessionRow { expires_at, ..row }))
    }

    /// Starts the sandbox anew.
    pub(crate) async fn restart(&self, scope: &Scope, app: &AppId) -> Result<SessionView, StoreError> {
        self.0.context.store.session(scope, app).await?;
        let (row, _) = self.leased(scope, app).await?;
        self.preview_of(scope, app).order(Command::Restart);
        Ok(self.view(&row))
    }

    /// Starts the app's dev server anew because what it is given has changed; the old one answers until the new one does.
    /// Nothing happens when none runs.
    pub(crate) fn renew(&self, app: &AppId) {
        if let Some(preview) = lock(&self.0.previews).get(app) {
            preview.order(Command::Renew);
        }
    }

    /// Ends the caller's session; the sandbox goes with the last session of the app.
    pub(crate) async fn stop(&self, scope: &Scope, app: &AppId) -> Result<(), StoreError> {
        let row = self.0.context.store.session(scope, app).await?;
        if row.status.is_over() {
            return Err(StoreError::NotFound);
        }
        self.end(&row, SessionEvent::Stop).await
    }

    /// Ends the sessions of somebody who has lost what they had in a tenant, or of everybody there: an open preview would
    /// otherwise live on for as long as it is looked at.
    pub(crate) async fn end_of(&self, tenant: &TenantId, user: Option<&UserId>) -> Result<(), StoreError> {
        for row in self.0.context.store.sessions_of_tenant(tenant, user).await? {
            match self.end(&row, SessionEvent::Stop).await {
                // It ended by itself at the same moment.
                Ok(()) | Err(StoreError::NotFound | StoreError::InvalidTransition(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes down everything of an app that is being deleted.
    pub(crate) async fn forget_app(&self, app: &AppId) {
        let preview = lock(&self.0.previews).remove(app);
        if let Some(preview) = preview {
            preview.stop().await;
        }
        self.0.context.egress.forget(app);
        self.0.context.provision.forget(app);
        lock(&self.0.known).retain(|_, known| known.app != *app);
    }

    /// The lines of the app's log after number `seq`, now and as they come.
    pub(crate) fn follow_logs(
        &self,
        scope: &Scope,
        app: &AppId,
        seq: u64,
    ) -> impl Stream<Item = LogLine> + Send + use<> {
        self.preview_of(scope, app).logs.follow(seq)
    }

    /// Sends a draft to the app's sandbox, if it has one; see [`Preview`].
    pub(crate) fn deliver(
        &self,
        app: &AppId,
        draft: Draft,
        contents: Contents,
        is_install: bool,
    ) -> Option<Delivery> {
        let preview = lock(&self.0.previews).get(app).cloned()?;
        // Before it is on its way: what is being edited neither freezes nor goes, whoever edits it.
        preview.edited(self.0.context.clock.now());
        let (done, delivered) = oneshot::channel();
        preview.order(Command::Deliver { draft, contents, is_install, done });
        Some(Delivery { done: delivered })
    }

    /// What the app's preview is doing; `None` without one.
    pub(crate) fn snapshot(&self, app: &AppId) -> Option<Snapshot> {
        Some(lock(&self.0.previews).get(app)?.snapshot())
    }

    /// Brings back what ran when the last server process ended, however it ended.
    pub(crate) async fn resume(&self) -> Result<usize, StoreError> {
        let rows = self.0.context.store.sessions_needing_sandbox().await?;
        for row in &rows {
            if row.status == SessionStatus::Frozen {
                // Nobody used it: the next who does starts it.
                self.0.context.store.transition_session(&row.id, SessionEvent::Idle, None).await?;
                continue;
            }
            let scope = Scope { tenant: row.tenant_id.clone(), user: row.user_id.clone() };
            self.0.context.store.transition_session(&row.id, SessionEvent::Lost, None).await?;
            self.remember(row).await;
            self.preview_of(&scope, &row.app_id).order(Command::Ensure);
        }
        Ok(rows.len())
    }

    /// Takes all sandboxes down; rows keep saying that they run, so that the next process brings them back.
    pub(crate) async fn shut_down(&self) {
        let previews: Vec<_> = lock(&self.0.previews).drain().map(|(_, preview)| preview).collect();
        let stopping = futures::future::join_all(previews.iter().map(|preview| preview.stop()));
        tokio::join!(stopping, self.0.context.pool.shut_down());
        if let Err(error) = self.0.context.driver.remove_orphans().await {
            tracing::warn!(%error, "something of the sandboxes is left; the next start removes it");
        }
    }

    async fn end(&self, row: &SessionRow, event: SessionEvent) -> Result<(), StoreError> {
        let store = &self.0.context.store;
        store.transition_session(&row.id, event, None).await?;
        self.channels().session_changed(&row.app_id);
        if event != SessionEvent::Idle {
            lock(&self.0.known).remove(&row.id);
        }
        let others = store.sessions_of_app(&row.app_id).await?;
        if others.iter().any(|other| other.status.needs_sandbox()) {
            return Ok(());
        }
        let Some(preview) = lock(&self.0.previews).get(&row.app_id).cloned() else { return Ok(()) };
        // Use that is later than what its row says is use that the store has not been told of yet.
        let latest =
            others.iter().filter(|other| !other.status.is_over()).max_by_key(|row| row.last_activity_at);
        let Some(latest) = latest else {
            preview.stop().await;
            return Ok(());
        };
        let unused = match event {
            SessionEvent::Idle => self.unused_since(&row.app_id, latest.last_activity_at),
            // Edits of the one who goes keep nothing.
            _ => self.unopened_since(&row.app_id, latest.last_activity_at),
        };
        if !preview.hibernate(unused).await {
            self.back_in_use(latest).await?;
        }
        Ok(())
    }

    fn preview_of(&self, scope: &Scope, app: &AppId) -> Arc<Preview> {
        let mut previews = lock(&self.0.previews);
        let make = || {
            // Looked for when this lets go of the map.
            self.channels().session_changed(app);
            Arc::new(Preview::spawn(self.0.context.clone(), scope.clone(), app.clone()))
        };
        previews.entry(app.clone()).or_insert_with(make).clone()
    }

    /// The row as the API shows it, with what the preview is doing right now.
    fn view(&self, row: &SessionRow) -> SessionView {
        let snapshot = self
            .snapshot(&row.app_id)
            .filter(|_| row.status.needs_sandbox() || row.status == SessionStatus::Error);
        let status = snapshot.as_ref().map_or(row.status, |snapshot| status_of(snapshot, row.status));
        let last_use = lock(&self.0.known).get(&row.id).map(|known| known.last_use());
        SessionView {
            id: row.id.clone(),
            app_id: row.app_id.clone(),
            status,
            preview_url: self.0.links.get().map(|links| links.preview_url(&row.id)).unwrap_or_default(),
            expires_at: row.expires_at,
            idle_timeout_secs: row.idle_timeout_secs,
            last_activity_at: last_use.unwrap_or(row.last_activity_at).max(row.last_activity_at),
            driver: self.0.context.driver.name().to_owned(),
            draft_version: snapshot.as_ref().map_or(0, |snapshot| snapshot.draft_version),
            timings: snapshot.as_ref().map(Snapshot::timings).unwrap_or_default(),
            restarts: snapshot.as_ref().map_or(0, |snapshot| snapshot.restarts),
            error: snapshot.map_or_else(|| row.error.clone(), |snapshot| snapshot.problem),
        }
    }
}

/// What the preview is doing says more than the row, which is written a moment later.
fn status_of(snapshot: &Snapshot, stored: SessionStatus) -> SessionStatus {
    match snapshot.phase {
        Phase::Idle => stored,
        Phase::Starting => SessionStatus::Starting,
        Phase::Running => SessionStatus::Running,
        Phase::Frozen => SessionStatus::Frozen,
        Phase::Failed => SessionStatus::Error,
    }
}

impl Context {
    /// Writes what happened to the app's preview into the rows of its sessions. A row that cannot take it has moved on
    /// for its own reasons, which win.
    async fn record(&self, app: &AppId, event: SessionEvent, problem: Option<Problem>) {
        let rows = match self.store.sessions_of_app(app).await {
            Ok(rows) => rows,
            Err(error) => {
                return tracing::error!(%app, %error, "the state of the app's sessions was not written");
            }
        };
        for row in rows.into_iter().filter(|row| row.status.on(event).is_ok_and(|next| next != row.status)) {
            if let Err(error) = self.store.transition_session(&row.id, event, problem.clone()).await {
                tracing::warn!(session = %row.id, %error, "a session did not take its new state");
            }
        }
    }

    fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Drop for Known {
    /// The session is over, or gone: nothing more will be told.
    fn drop(&mut self) {
        self.events.close();
    }
}

impl Known {
    fn of(row: &SessionRow, scope: Scope, app_name: String) -> Self {
        let last_use = row.last_activity_at.as_millis().max(0) as u64;
        Self {
            app: row.app_id.clone(),
            app_name,
            scope,
            last_use: AtomicU64::new(last_use),
            written_use: AtomicU64::new(last_use),
            expires_at: AtomicI64::new(row.expires_at.as_millis()),
            events: PreviewEvents::default(),
        }
    }

    fn touch(&self, now_millis: i64) {
        self.last_use.fetch_max(now_millis.max(0) as u64, Ordering::Relaxed);
    }

    fn extend(&self, expires_at: Timestamp) {
        self.expires_at.fetch_max(expires_at.as_millis(), Ordering::Relaxed);
    }

    fn last_use(&self) -> Timestamp {
        Timestamp::from_millis(self.last_use.load(Ordering::Relaxed) as i64)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl Sessions {
    /// How many sandboxes of the pool can be claimed.
    pub(crate) fn warm_count(&self) -> usize {
        self.0.context.pool.warm_count()
    }

    /// Every line that is kept of the app's log.
    pub(crate) fn log_lines(&self, app: &AppId) -> Vec<LogLine> {
        lock(&self.0.previews).get(app).map(|preview| preview.logs.after(0)).unwrap_or_default()
    }
}
