//! What the gateway asks of whoever owns the sessions, and how it reaches a dev server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use vitrine_model::problem::Problem;
use vitrine_model::session::Step;
use vitrine_model::{AppId, LinkId, SessionId, Timestamp};
use vitrine_sandbox::{DriverError, Sandbox, Stream};

/// How long [`PreviewTargets::changed`] waits unless the implementation knows better.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Knows the sessions: implemented by the server's session service, and by tests.
///
/// Every call may come many times at once and may be dropped half-way (the browser has gone): what was begun for one
/// request must go on for the others.
#[async_trait]
pub trait PreviewTargets: Send + Sync + 'static {
    /// Where a session stands now. Asked for every request, so it reads memory, not a database; it changes nothing.
    async fn resolve(&self, session: &SessionId) -> PreviewState;

    /// Brings back a session that is [`PreviewState::Asleep`]. Returns as soon as it is on its way (or runs); for any
    /// other state, or when it is on its way already, it does nothing.
    async fn wake(&self, session: &SessionId);

    /// Returns when [`Self::resolve`] may answer something else than before; for no reason is allowed, too late is not.
    async fn changed(&self, session: &SessionId) {
        let _ = session;
        tokio::time::sleep(POLL_INTERVAL).await;
    }

    /// The app behind a session, as its page and its back end are told about it; asked when a page wants to know, not for
    /// every request.
    async fn app(&self, session: &SessionId) -> Option<PreviewApp> {
        let _ = session;
        None
    }

    /// Uses a token up, for the whole installation and for good. A token that was not used up opens nothing.
    async fn redeem(&self, token: Redemption<'_>) -> Redeemed;

    /// A link that a credential names; none when it was taken back or has expired. Asked for every request of its visitors,
    /// so it reads memory; how long it may take to notice what another server did is the implementation's to say.
    async fn link(&self, link: &LinkId) -> Option<OpenLink>;

    /// When a session ends unless it is used; cookies do not outlive it. None when that is not known.
    fn expires_at(&self, session: &SessionId) -> Option<Timestamp>;

    /// True while a session's dev server stands still and its connections stay open. Must not block; asked for every piece
    /// that comes over a WebSocket.
    fn is_resting(&self, session: &SessionId) -> bool {
        let _ = session;
        false
    }

    /// Takes what a page of the preview tells: `{"events": [...]}`, at most 64 KiB, written by the page or by whoever forges it.
    /// Must not block.
    fn report(&self, session: &SessionId, teller: Teller, batch: &[u8]) -> Reported {
        let _ = (session, teller, batch);
        Reported::Unreadable
    }

    /// Somebody uses the preview. Must not block; called for every request that counts as use.
    fn touch(&self, session: &SessionId, activity: Activity);
}

/// A token that is about to be exchanged for a cookie.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// What it opens: a session, or an artifact of an app.
    pub subject: &'a str,
    /// What it is told from other tokens by.
    pub nonce: &'a str,
    /// Until when it is good: after that nobody need remember it.
    pub expires_at: Timestamp,
}

/// Whether a token may be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// It may: this was the first time.
    First,
    /// It was used up before.
    Again,
    /// That cannot be told now.
    Unknown,
}

/// A link whose visitors may see a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    /// From when on it opens nothing.
    pub ends_at: Timestamp,
    /// Until when what its visitors do counts as use of the session. After that they have to open the link anew to wake it.
    pub counts_until: Timestamp,
}

/// The app behind a session.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewApp {
    /// The app.
    pub app: AppId,
    /// Its slug.
    pub slug: String,
    /// The document at `/.vitrine/runtime-config`; the same as when it is published.
    pub runtime_config: serde_json::Value,
}

/// Where a session stands, as the gateway sees it.
#[derive(Clone)]
pub enum PreviewState {
    /// There is no such session.
    NotFound,
    /// Frozen or hibernated: use brings it back.
    Asleep(WaitInfo),
    /// On its way.
    Starting(WaitInfo),
    /// Its dev server can be dialled.
    Running(Arc<dyn Upstream>),
    /// It cannot run as it is; the builder has to ensure it again.
    Failed(Problem),
    /// Stopped or expired: its URL answers nobody.
    Over,
}

/// What the waiting page shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WaitInfo {
    /// The app's name, for people.
    pub app_name: String,
    /// The steps of the start, in order; may be empty.
    pub steps: Vec<Step>,
}

/// Whose browser shows the page that tells something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// Of somebody who may see the session.
    Own,
    /// Of a visitor by link.
    ByLink,
}

/// What became of what a page has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// It is kept, as far as it could be made sense of.
    Taken,
    /// There was too much of late; nothing is kept.
    TooMany,
    /// It is no batch of events.
    Unreadable,
}

/// What kind of use was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A request for the app. Probes of an HMR client do not count.
    Request,
    /// Its answer is awaited or comes. At most one a second and request, and none for streams of events.
    Answer,
    /// A WebSocket was opened.
    SocketOpened,
    /// The browser sent something over a WebSocket that is not an HMR channel. At most one a second and socket.
    SocketData,
}

/// One server behind us: a session's dev server, or the back end.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// A fresh connection to it.
    async fn dial(&self) -> Result<Stream, DialError>;

    /// Another number for another process: connections of older ones are closed when it changes.
    fn generation(&self) -> u64;
}

/// Why a dev server cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// It does not listen (yet, or any more).
    #[error("nothing listens on the dev server's port")]
    Refused,
    /// Its sandbox is gone; the session will say what is next.
    #[error("the sandbox has ended")]
    Gone,
    /// Something else, on our side.
    #[error("{0}")]
    Failed(String),
}

impl From<DriverError> for DialError {
    fn from(error: DriverError) -> Self {
        match error {
            DriverError::ConnectionRefused(_) => Self::Refused,
            DriverError::Ended => Self::Gone,
            other => Self::Failed(other.to_string()),
        }
    }
}

/// A dev server that listens on a port of a sandbox's loopback.
pub struct SandboxUpstream {
    /// Where it runs.
    pub sandbox: Arc<dyn Sandbox>,
    /// Where it listens.
    pub port: u16,
    /// Which process it is; see [`Upstream::generation`].
    pub generation: u64,
}

#[async_trait]
impl Upstream for SandboxUpstream {
    async fn dial(&self) -> Result<Stream, DialError> {
        Ok(self.sandbox.dial(self.port).await?)
    }

    fn generation(&self) -> u64 {
        self.generation
    }
}
