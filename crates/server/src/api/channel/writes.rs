//! Change sets that come over a channel: the same doors as for those that come as requests.

use std::sync::Arc;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use vitrine_model::change::Op;
use vitrine_model::hash::Sha256Hasher;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, Role, Sha256};
use vitrine_store::Idempotency;

use super::super::problem::{ApiError, ApiResult};
use super::super::throttle;
use super::super::vouch::Vouch;
use super::messages::{Label, ServerMessage};
use crate::channels::Author;
use crate::drafts::ChangeRequest;
use crate::limits::Class;
use crate::services::Services;

/// Characters of an idempotency key, as in its header.
const MOST_KEY_CHARS: usize = 255;

/// A change set that came in.
pub(super) struct Write {
    pub(super) label: Label,
    pub(super) base_version: Option<u64>,
    pub(super) ops: Vec<Op>,
    pub(super) key: Option<String>,
    pub(super) author: Author,
}

/// What is kept of an answer for when the same change set comes again.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u64,
}

/// Applies a change set, carried through whoever hangs up, and says how it went.
pub(super) async fn apply(services: Arc<Services>, vouch: Vouch, app: AppId, write: Write) -> ServerMessage {
    let id = write.label.clone();
    let applied = if id.is_short() {
        run(&services, &vouch, &app, write).await
    } else {
        return refused(None, ApiError::new(Code::InvalidRequest, "A label has at most 64 characters."));
    };
    match applied {
        Ok(version) => ServerMessage::Ack { id, version },
        Err(error) => refused(Some(id), error),
    }
}

/// An error as a message.
pub(super) fn refused(id: Option<Label>, error: ApiError) -> ServerMessage {
    let problem: Problem = error.into_problem();
    ServerMessage::Refused { id, problem: Box::new(problem) }
}

async fn run(services: &Services, vouch: &Vouch, app: &AppId, write: Write) -> ApiResult<u64> {
    // As they stand now: a channel may be open for days.
    vouch.check().await?;
    let caller = vouch.caller();
    if caller.role < Role::Editor {
        let detail = format!("This needs the role `{}`; you are `{}` here.", Role::Editor, caller.role);
        return Err(ApiError::new(Code::Forbidden, detail));
    }
    let class = Class::of(&Method::POST, &format!("/v1/apps/{app}/changes"));
    services.limits.check_caller(&caller.scope, class).map_err(throttle::too_many)?;
    match write.key.clone() {
        Some(key) => run_once(services, vouch, app, &key, write).await,
        None => commit(services, vouch, app, write).await,
    }
}

async fn run_once(
    services: &Services,
    vouch: &Vouch,
    app: &AppId,
    key: &str,
    write: Write,
) -> ApiResult<u64> {
    let is_key =
        !key.is_empty() && key.len() <= MOST_KEY_CHARS && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key {
        let detail = "An idempotency key has 1 to 255 visible ASCII characters.";
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    let (store, scope) = (&services.store, &vouch.caller().scope);
    services.limits.check_idempotency_key(scope).map_err(throttle::too_many)?;
    let refused = |detail: &str| Err(ApiError::new(Code::IdempotencyConflict, detail));
    match store.begin_idempotent(scope, key, fingerprint(app, &write)?).await? {
        Idempotency::Fresh => {}
        Idempotency::Replay { body, .. } => {
            let kept: Kept = serde_json::from_slice(&body).map_err(|error| ApiError::internal(&error))?;
            return Ok(kept.version);
        }
        Idempotency::InFlight => {
            return refused("The first change set with this key is still being applied.");
        }
        Idempotency::Mismatch => {
            return refused("This key came with another change set before; use a new one.");
        }
    }
    match commit(services, vouch, app, write).await {
        Ok(version) => {
            let body = serde_json::to_vec(&Kept { version }).map_err(|error| ApiError::internal(&error))?;
            store.finish_idempotent(scope, key, 200, body.into(), "application/json").await?;
            Ok(version)
        }
        Err(error) => {
            store.abandon_idempotent(scope, key).await?;
            Err(error)
        }
    }
}

async fn commit(services: &Services, vouch: &Vouch, app: &AppId, write: Write) -> ApiResult<u64> {
    let scope = &vouch.caller().scope;
    let Write { base_version, ops, author, .. } = write;
    let committed = services.drafts.apply(scope, app, ChangeRequest { base_version, ops, author }).await?;
    services.sessions.touch_app(scope, app);
    Ok(committed.version)
}

fn fingerprint(app: &AppId, write: &Write) -> ApiResult<Sha256> {
    let body =
        serde_json::to_vec(&(write.base_version, &write.ops)).map_err(|error| ApiError::internal(&error))?;
    let mut hasher = Sha256Hasher::default();
    hasher.update(format!("CHANGE /v1/apps/{app}/channel\n").as_bytes());
    hasher.update(&body);
    Ok(hasher.finish())
}
