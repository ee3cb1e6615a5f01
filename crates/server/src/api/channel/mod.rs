//! An app's channel: a WebSocket over which drafts, sessions, publishes and people are told, and change sets come in.

mod connection;
mod messages;
mod pump;
mod writes;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use vitrine_model::AppId;
use vitrine_model::identity::ActorKind;
use vitrine_model::problem::{Code, Problem};
use vitrine_store::StoreError;

use super::extract::{Path, Query};
use super::problem::{ApiError, ApiResult};
use super::vouch::Vouch;
use crate::auth::Caller;
use crate::channels::RoomFull;
use crate::services::Services;
use connection::Connection;
use messages::ServerMessage;

/// The subprotocol, chosen by everybody who opens a channel.
const PROTOCOL: &str = "vitrine.v1";

/// Bytes of a message that comes in: a change set of text files. A larger one is sent by `POST …/changes`, with its content as
/// blobs.
const MOST_MESSAGE_BYTES: usize = 1024 * 1024;

/// Bytes that wait to be taken by a listener beyond what the system holds for it.
const MOST_UNSENT_BYTES: usize = 1024 * 1024;

/// When whoever found the room full may try again.
const RETRY_SECS: u64 = 30;

/// Characters of a name that others are shown.
const MOST_NAME_CHARS: usize = 80;

/// Where to go on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelQuery {
    /// The number of the last message that was received; what was told since comes first.
    after: Option<u64>,
}

/// Opens the app's channel: a WebSocket with the subprotocol `vitrine.v1` and JSON messages, whose forms are in the description of
/// this answer and in docs/channel.md. Programs send `Authorization`; pages of the builder their cookie; pages elsewhere a second
/// subprotocol, `bearer.` with the key behind it. Change sets need the role `editor`.
#[utoipa::path(get, path = "/v1/apps/{app}/channel", tag = "channel", params(("app" = String, Path), ChannelQuery),
    responses((status = 101, body = ServerMessage, description = "A WebSocket"), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 426, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn open_channel(
    State(services): State<Arc<Services>>,
    Extension(vouch): Extension<Vouch>,
    Path(app): Path<AppId>,
    Query(query): Query<ChannelQuery>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let caller = vouch.caller().clone();
    services.store.app(&caller.scope, &app).await?;
    check_origin(&services, &caller, &headers)?;
    let upgrade = upgrade.ok().map(|upgrade| upgrade.protocols([PROTOCOL]));
    let upgrade = upgrade.filter(|upgrade| upgrade.selected_protocol().is_some()).ok_or_else(|| {
        let detail = format!("Open a WebSocket with the subprotocol `{PROTOCOL}`.");
        ApiError::new(Code::UpgradeRequired, detail)
    })?;
    let place = services.limits.at_once().follow(&caller.scope)?;
    let name = name_of(&services, &caller).await?;
    let (seat, is_new) = services.channels.join(&app, &name, query.after)?;
    if is_new {
        tokio::spawn(pump::run(services.clone(), caller.scope.clone(), app.clone(), seat.room().clone()));
    }
    let connection = Connection { services, caller, vouch, app, seat, _place: place };
    let upgrade = upgrade
        .max_message_size(MOST_MESSAGE_BYTES)
        .max_frame_size(MOST_MESSAGE_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNSENT_BYTES);
    Ok(upgrade.on_upgrade(|socket| connection.run(socket)))
}

/// Browsers send a cookie along with whatever page opens a socket, and let it read what comes: a cookie counts only where the
/// browser says that the page is ours. Keys are not sent unasked.
fn check_origin(services: &Services, caller: &Caller, headers: &HeaderMap) -> ApiResult<()> {
    if caller.browser.is_none() {
        return Ok(());
    }
    let says_origin = headers.get(header::ORIGIN).is_some_and(|origin: &HeaderValue| !origin.is_empty());
    match says_origin {
        true => Ok(services.auth.check_origin(headers)?),
        false => {
            let detail = "A cookie opens the channel for pages of the builder alone; send a key.";
            Err(ApiError::new(Code::Forbidden, detail))
        }
    }
}

/// What others see of a caller: the name of the person, or of the key.
pub(super) async fn name_of(services: &Services, caller: &Caller) -> Result<String, StoreError> {
    let name = match (&caller.actor.kind, &caller.actor.key_id) {
        (ActorKind::Key, Some(key)) => services.store.key_name(&caller.scope, key).await?,
        _ => services.store.account(&caller.scope.user).await?.name,
    };
    Ok(name.chars().filter(|c| !c.is_control()).take(MOST_NAME_CHARS).collect())
}

impl From<RoomFull> for ApiError {
    fn from(error: RoomFull) -> Self {
        let detail = format!("Not now: {error}. Try again in {RETRY_SECS} s.");
        Self::new(Code::TooManyRequests, detail).with_retry_after(RETRY_SECS)
    }
}
