//! Looks again at who calls, where time has passed since the gate let them in: while a body came in, or while a stream of
//! events goes on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use vitrine_model::problem::Code;

use super::access::Rule;
use super::gate::{admit, app_of, peer_of};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

/// How often a stream looks again without being told: what another process has changed, or the end of a credential.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// And how soon after a look, at most: every sign-out is a change, and makes all streams of the server look.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// What is needed to look at a caller again; rides along with every request that the gate let in.
#[derive(Clone)]
pub(super) struct Vouch(Arc<Seen>);

struct Seen {
    services: Arc<Services>,
    method: Method,
    headers: HeaderMap,
    peer: Option<IpAddr>,
    app: Option<String>,
    rule: &'static Rule,
    caller: Caller,
}

impl Vouch {
    pub(super) fn new(
        services: Arc<Services>,
        request: &Request,
        rule: &'static Rule,
        caller: Caller,
    ) -> Self {
        Self(Arc::new(Seen {
            services,
            method: request.method().clone(),
            headers: request.headers().clone(),
            peer: peer_of(request),
            app: app_of(request).map(str::to_owned),
            rule,
            caller,
        }))
    }

    /// Who was let in.
    pub(super) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// Refuses whoever would not be let in now as they were then. To be called when a body is complete and before anything
    /// is done with it: a body may take long, and whoever sends it may have lost their role meanwhile.
    pub(super) async fn check(&self) -> ApiResult<()> {
        let seen = &self.0;
        let now = seen.services.auth.authenticate(&seen.method, &seen.headers, seen.peer).await?;
        admit(&now, seen.rule, seen.app.as_deref())?;
        // Handlers go by the caller of then.
        match now.scope == seen.caller.scope && now.role >= seen.caller.role {
            true => Ok(()),
            false => {
                let detail = "What you may do here changed while the request came in. Send it again.";
                Err(ApiError::new(Code::Forbidden, detail))
            }
        }
    }

    /// Returns once the caller would not be let in any more: a second after that, or half a minute when another process
    /// has changed it.
    pub(super) async fn ended(self) {
        let mut changes = self.0.services.auth.changes();
        loop {
            changes.mark_unchanged();
            if self.check().await.is_err() {
                return;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
            _ = tokio::time::timeout(LOOK_INTERVAL, changes.changed()).await;
        }
    }
}
