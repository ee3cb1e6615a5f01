//! What the preview gateway asks about sessions: answered from memory, and from the store once per session.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use vitrine_edge::{
    Activity, Gateway, OpenLink, PreviewApp, PreviewState, PreviewTargets, Redeemed, Redemption, Reported,
    Teller, WaitInfo,
};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, LinkId, SessionId, Timestamp};
use vitrine_store::{Scope, SessionRow, StoreError};

use super::preview::{Command, Phase, Preview, Snapshot};
use super::{Known, PreviewLinks, Sessions, lock};
use crate::sites::runtime_config;

#[async_trait]
impl PreviewTargets for Sessions {
    async fn resolve(&self, session: &SessionId) -> PreviewState {
        let known = match self.known(session).await {
            Ok(Some(known)) => known,
            Ok(None) => return PreviewState::NotFound,
            Err(Absent::Over) => return PreviewState::Over,
            Err(Absent::Store(error)) => {
                tracing::error!(%session, %error, "a session could not be looked up");
                return PreviewState::Failed(Problem::new(
                    Code::Internal,
                    "The session could not be looked up.",
                ));
            }
        };
        match self.snapshot(&known.app) {
            Some(snapshot) => state_of(&snapshot, &known),
            None => PreviewState::Asleep(known.wait_info(None)),
        }
    }

    async fn wake(&self, session: &SessionId) {
        let Ok(Some(known)) = self.known(session).await else { return };
        // A handshake is use when it is answered; what it wakes must not sleep again before.
        known.touch(self.0.context.clock.now().as_millis());
        if let Some(preview) = self.frozen(&known.app) {
            // What the store is told can wait until it moves.
            preview.order(Command::Ensure);
            return preview.thawed().await;
        }
        // Not one that has ended since it was last asked for: only its person brings that back.
        match self.0.context.store.wake_session(session).await {
            Ok(_) => self.preview_of(&known.scope, &known.app).order(Command::Wake),
            Err(error) => tracing::warn!(%session, %error, "a session was not woken"),
        }
    }

    async fn changed(&self, session: &SessionId) {
        let Ok(Some(known)) = self.known(session).await else { return };
        let mut watch = self.preview_of(&known.scope, &known.app).watch();
        watch.mark_unchanged();
        let _ = watch.changed().await;
    }

    async fn app(&self, session: &SessionId) -> Option<PreviewApp> {
        let known = self.known(session).await.ok().flatten()?;
        let (context, scope) = (&self.0.context, &known.scope);
        let app = context.store.app(scope, &known.app).await.ok()?;
        let settings = context.store.hosting_settings(scope, &known.app).await.ok()?;
        let runtime_config = runtime_config(&settings, (&app.slug, &app.name), &context.api_base_path);
        Some(PreviewApp { app: app.id, slug: app.slug, runtime_config })
    }

    async fn redeem(&self, token: Redemption<'_>) -> Redeemed {
        match self.0.context.store.redeem_token(token.subject, token.nonce, token.expires_at).await {
            Ok(true) => Redeemed::First,
            Ok(false) => Redeemed::Again,
            Err(error) => {
                tracing::error!(%error, "a preview token could not be used up");
                Redeemed::Unknown
            }
        }
    }

    async fn link(&self, link: &LinkId) -> Option<OpenLink> {
        let found = self.0.known_links.find(&self.0.context.store, link).await?;
        (self.0.context.clock.now() < found.ends_at).then_some(found)
    }

    fn expires_at(&self, session: &SessionId) -> Option<Timestamp> {
        let known = lock(&self.0.known).get(session).cloned()?;
        let by_use = known.last_use().plus_secs(self.0.context.settings.expiry_secs as i64);
        Some(by_use.max(Timestamp::from_millis(known.expires_at.load(Ordering::Relaxed))))
    }

    fn is_resting(&self, session: &SessionId) -> bool {
        let app = lock(&self.0.known).get(session).map(|known| known.app.clone());
        app.is_some_and(|app| self.frozen(&app).is_some())
    }

    fn report(&self, session: &SessionId, teller: Teller, batch: &[u8]) -> Reported {
        self.told(session, teller, batch)
    }

    fn touch(&self, session: &SessionId, _: Activity) {
        let Some(known) = lock(&self.0.known).get(session).cloned() else { return };
        known.touch(self.0.context.clock.now().as_millis());
        // Somebody who came through just before it was frozen, or speaks over a socket, waits for it.
        if let Some(preview) = self.frozen(&known.app) {
            preview.order(Command::Ensure);
        }
    }
}

impl PreviewLinks for Gateway {
    fn preview_url(&self, session: &SessionId) -> String {
        Gateway::preview_url(self, session)
    }

    fn link_url(&self, session: &SessionId, link: &LinkId) -> String {
        Gateway::link_url(self, session, link)
    }

    fn close_link(&self, link: &LinkId) {
        Gateway::close_link(self, link);
    }
}

/// Why a session that once was is not to be had.
enum Absent {
    Over,
    Store(StoreError),
}

impl Sessions {
    /// Everything that edits an app is use of its sessions by that person.
    pub(crate) fn touch_app(&self, scope: &Scope, app: &AppId) {
        let now = self.0.context.clock.now().as_millis();
        let known = lock(&self.0.known);
        known
            .values()
            .filter(|known| known.app == *app && known.scope == *scope)
            .for_each(|known| known.touch(now));
    }

    fn frozen(&self, app: &AppId) -> Option<Arc<Preview>> {
        let preview = lock(&self.0.previews).get(app).cloned()?;
        preview.is_frozen().then_some(preview)
    }

    /// True once the app has, or had, a sandbox under this process.
    pub(crate) fn has_preview(&self, app: &AppId) -> bool {
        lock(&self.0.previews).contains_key(app)
    }

    async fn known(&self, session: &SessionId) -> Result<Option<Arc<Known>>, Absent> {
        if let Some(known) = lock(&self.0.known).get(session) {
            return Ok(Some(known.clone()));
        }
        match self.0.context.store.session_by_id(session).await {
            Ok(Some(row)) if row.status.is_over() => Err(Absent::Over),
            Ok(Some(row)) => Ok(Some(self.remember(&row).await)),
            Ok(None) => Ok(None),
            Err(error) => Err(Absent::Store(error)),
        }
    }

    /// Keeps what the gateway will ask about a session.
    pub(super) async fn remember(&self, row: &SessionRow) -> Arc<Known> {
        if let Some(known) = lock(&self.0.known).get(&row.id) {
            return known.clone();
        }
        let scope = Scope { tenant: row.tenant_id.clone(), user: row.user_id.clone() };
        let app_name =
            self.0.context.store.app(&scope, &row.app_id).await.map(|app| app.name).unwrap_or_default();
        let known = Arc::new(Known::of(row, scope, app_name));
        lock(&self.0.known).entry(row.id.clone()).or_insert(known).clone()
    }
}

fn state_of(snapshot: &Snapshot, known: &Known) -> PreviewState {
    // A preview that is being replaced answers until the next one does.
    if let Some(upstream) = &snapshot.upstream {
        return PreviewState::Running(upstream.clone());
    }
    match snapshot.phase {
        Phase::Idle | Phase::Frozen => PreviewState::Asleep(known.wait_info(Some(snapshot))),
        Phase::Starting | Phase::Running => PreviewState::Starting(known.wait_info(Some(snapshot))),
        Phase::Failed => {
            let unknown = || Problem::new(Code::SandboxUnavailable, "The preview does not run.");
            PreviewState::Failed(snapshot.problem.clone().unwrap_or_else(unknown))
        }
    }
}

impl Known {
    fn wait_info(&self, snapshot: Option<&Snapshot>) -> WaitInfo {
        let steps = snapshot.map(|snapshot| snapshot.timings().steps).unwrap_or_default();
        WaitInfo { app_name: self.app_name.clone(), steps }
    }
}
