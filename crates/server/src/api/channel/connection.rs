//! One open channel: what is told goes out, what a client says comes in, each at its pace.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use vitrine_model::AppId;
use vitrine_model::problem::Code;
use vitrine_store::StoreError;

use super::super::problem::ApiError;
use super::super::vouch::Vouch;
use super::messages::{ClientMessage, Label, ServerMessage};
use super::writes::{self, Write};
use crate::auth::Caller;
use crate::channels::{Author, Heard, News, Seat, Sequenced};
use crate::limits::Share;
use crate::services::Services;

/// How long a message may wait to be taken.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);

/// How long a farewell may.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);

/// How often a quiet client is asked whether it is there.
const ASKED_EVERY: Duration = Duration::from_secs(20);

/// A client that has said nothing for so long, although it was asked, is gone.
const GONE_AFTER: Duration = Duration::from_secs(65);

/// Who is there is told so often at most.
const PEOPLE_EVERY: Duration = Duration::from_millis(100);

/// Messages that a client may send at once, and in a second for a long time: typing sends five.
const MESSAGES_AT_ONCE: f64 = 60.0;
const MESSAGES_PER_SEC: f64 = 20.0;

/// Why a channel is closed, by code. 1000 to 2999 are the protocol's own (RFC 6455, section 7.4).
mod close {
    /// The server stops, or starts anew.
    pub(super) const GOING_AWAY: u16 = 1001;
    /// Frames that are no text.
    pub(super) const UNSUPPORTED: u16 = 1003;
    /// A message that is too large.
    pub(super) const TOO_LARGE: u16 = 1009;
    /// The caller would not be let in any more.
    pub(super) const NOT_ALLOWED: u16 = 4003;
    /// The app is gone.
    pub(super) const GONE: u16 = 4004;
    /// The client does not take what it is told as fast as it happens.
    pub(super) const TOO_SLOW: u16 = 4008;
}

/// A channel.
pub(super) struct Connection {
    pub(super) services: Arc<Services>,
    pub(super) caller: Caller,
    pub(super) vouch: Vouch,
    pub(super) app: AppId,
    pub(super) seat: Seat,
    /// Among all that are open.
    pub(super) _place: Share,
}

/// Why a channel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client has left, or nobody knows.
    Gone,
    /// It is told why.
    Closed(u16, &'static str),
}

impl Connection {
    /// Speaks until either side ends it. What a client has sent and what was taken from it is carried through.
    pub(super) async fn run<S, E>(mut self, socket: S)
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message> + Unpin,
    {
        let mut socket = socket;
        let end = match self.speak(&mut socket).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        if let End::Closed(code, reason) = end {
            let farewell = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
            let _ = timeout(FAREWELL_WITHIN, socket.send(farewell)).await;
        }
        let _ = timeout(FAREWELL_WITHIN, socket.close()).await;
    }

    async fn speak<S, E>(&mut self, socket: &mut S) -> Result<std::convert::Infallible, End>
    where
        S: Stream<Item = Result<Message, E>> + Sink<Message> + Unpin,
    {
        self.greet(socket).await?;
        let (stopping, vouch) = (self.services.stopping.clone(), self.vouch.clone());
        let mut ended = pin!(vouch.ended());
        let mut asking = interval_at(Instant::now() + ASKED_EVERY, ASKED_EVERY);
        asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pace = Pace::new();
        let mut heard_from = Instant::now();
        let mut people_from = Instant::now();
        let mut people_wait = false;
        let mut writing: Option<JoinHandle<ServerMessage>> = None;
        loop {
            let may_read = writing.is_none();
            tokio::select! {
                biased;
                () = stopping.cancelled() => {
                    if let (false, Ok(answer)) = (may_read, timeout(FAREWELL_WITHIN, written(&mut writing)).await) {
                        send(socket, &answer).await?;
                    }
                    return Err(End::Closed(close::GOING_AWAY, "the server stops"));
                }
                () = &mut ended => return Err(End::Closed(close::NOT_ALLOWED, "sign in again")),
                answer = written(&mut writing) => send(socket, &answer).await?,
                heard = self.seat.hear() => match heard {
                    Heard::News(told) => self.tell(socket, &told).await?,
                    Heard::People => people_wait = true,
                    Heard::TooSlow => return Err(End::Closed(close::TOO_SLOW, "too slow")),
                    Heard::Closed => return Err(End::Closed(close::GONE, "the app is gone")),
                },
                () = sleep_until(people_from), if people_wait => {
                    people_wait = false;
                    people_from = Instant::now() + PEOPLE_EVERY;
                    send(socket, &ServerMessage::Presence { people: self.seat.everybody() }).await?;
                },
                message = next(socket, pace.opens_at()), if may_read => {
                    heard_from = Instant::now();
                    match message {
                        Some(Ok(message)) => writing = self.take(socket, message, &mut pace).await?,
                        Some(Err(end)) => return Err(end),
                        None => return Err(End::Gone),
                    }
                },
                _ = asking.tick() => {
                    if may_read && heard_from.elapsed() > GONE_AFTER {
                        return Err(End::Gone);
                    }
                    put(socket, Message::Ping(Default::default())).await?;
                },
            }
        }
    }

    async fn greet<S: Sink<Message> + Unpin>(&mut self, socket: &mut S) -> Result<(), End> {
        let draft =
            self.services.store.draft(&self.caller.scope, &self.app).await.map_err(|error| match error {
                StoreError::NotFound => End::Closed(close::GONE, "the app is gone"),
                _ => End::Closed(close::GOING_AWAY, "the draft cannot be read now"),
            })?;
        let missed = self.seat.missed().map(<[_]>::to_vec);
        // What is sent after it comes after this number, also when it is cut off in between.
        let first = missed.as_ref().and_then(|missed| missed.first()).map(|told| told.seq - 1);
        let seq = first.unwrap_or(self.seat.seq());
        let client_id = self.seat.person().client_id;
        let presence = self.seat.everybody();
        send(socket, &ServerMessage::Hello { client_id, seq, version: draft.version, presence }).await?;
        match missed {
            Some(missed) => {
                for told in &missed {
                    self.tell(socket, told).await?;
                }
                Ok(())
            }
            None => send(socket, &ServerMessage::Gap { seq }).await,
        }
    }

    async fn tell<S: Sink<Message> + Unpin>(&self, socket: &mut S, told: &Sequenced) -> Result<(), End> {
        let message = match (&told.news, ServerMessage::of(told)) {
            (_, Some(message)) => message,
            (News::Session, None) | (_, None) => match self.session().await {
                Some(session) => ServerMessage::Session { seq: told.seq, session },
                None => return Ok(()),
            },
        };
        send(socket, &message).await
    }

    /// The caller's own session, without what opens it: a channel's messages are kept by pages and shown to tools.
    async fn session(&self) -> Option<Value> {
        let session = self.services.sessions.get(&self.caller.scope, &self.app).await.ok()?;
        let mut session = serde_json::to_value(session).ok()?;
        session.as_object_mut()?.remove("preview_url");
        Some(session)
    }

    /// Takes a message. A change set is applied beside this, and nothing more is read until it is.
    async fn take<S: Sink<Message> + Unpin>(
        &self,
        socket: &mut S,
        message: Message,
        pace: &mut Pace,
    ) -> Result<Option<JoinHandle<ServerMessage>>, End> {
        pace.pay();
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(End::Closed(close::UNSUPPORTED, "send text")),
            Message::Ping(_) | Message::Pong(_) => return Ok(None),
            Message::Close(_) => return Err(End::Gone),
        };
        match serde_json::from_str(text.as_str()) {
            Ok(ClientMessage::Ping) => send(socket, &ServerMessage::Pong).await?,
            Ok(ClientMessage::Presence { file, line }) => self.seat.move_to(file, line),
            Ok(ClientMessage::Change { id, base_version, ops, idempotency_key }) => {
                let person = self.seat.person();
                let author = Author { client_id: Some(person.client_id), name: Some(person.name) };
                let write = Write { label: id, base_version, ops, key: idempotency_key, author };
                let (services, vouch, app) = (self.services.clone(), self.vouch.clone(), self.app.clone());
                return Ok(Some(tokio::spawn(writes::apply(services, vouch, app, write))));
            }
            Err(error) => {
                let error = ApiError::new(Code::InvalidJson, format!("The message was refused: {error}."));
                send(socket, &writes::refused(label_in(text.as_str()), error)).await?;
            }
        }
        Ok(None)
    }
}

/// The label in a message that is none otherwise, so that whoever sent it knows which.
fn label_in(text: &str) -> Option<Label> {
    let mut message: Value = serde_json::from_str(text).ok()?;
    let label: Option<Label> = serde_json::from_value(message.get_mut("id")?.take()).ok();
    label.filter(Label::is_short)
}

/// The answer to the change set that is being applied; never, without one.
async fn written(writing: &mut Option<JoinHandle<ServerMessage>>) -> ServerMessage {
    let Some(task) = writing else { return std::future::pending().await };
    let answer = task.await;
    *writing = None;
    answer.unwrap_or_else(|error| writes::refused(None, ApiError::internal(&error)))
}

/// The next message, read no sooner than at its time: who sends too fast is not read, and waits.
async fn next<S, E>(socket: &mut S, opens_at: Option<Instant>) -> Option<Result<Message, End>>
where
    S: Stream<Item = Result<Message, E>> + Unpin,
{
    if let Some(opens_at) = opens_at {
        sleep_until(opens_at).await;
    }
    // Frames that are too large, too: what a socket says after an error makes no sense.
    let message = socket.next().await?;
    Some(message.map_err(|_| End::Closed(close::TOO_LARGE, "the message is too large, or was cut off")))
}

async fn send<S: Sink<Message> + Unpin>(socket: &mut S, message: &ServerMessage) -> Result<(), End> {
    let Ok(text) = serde_json::to_string(message) else { return Ok(()) };
    put(socket, Message::text(text)).await
}

async fn put<S: Sink<Message> + Unpin>(socket: &mut S, message: Message) -> Result<(), End> {
    match timeout(TAKEN_WITHIN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Closed(close::TOO_SLOW, "too slow")),
    }
}

/// An allowance of messages that fills up with time.
struct Pace {
    left: f64,
    filled: Instant,
}

impl Pace {
    fn new() -> Self {
        Self { left: MESSAGES_AT_ONCE, filled: Instant::now() }
    }

    fn pay(&mut self) {
        let now = Instant::now();
        let earned = now.duration_since(self.filled).as_secs_f64() * MESSAGES_PER_SEC;
        self.left = (self.left + earned).min(MESSAGES_AT_ONCE) - 1.0;
        self.filled = now;
    }

    /// When the next message may be read; `None` for now.
    fn opens_at(&self) -> Option<Instant> {
        let lacks = 1.0 - self.left;
        (lacks > 0.0).then(|| self.filled + Duration::from_secs_f64(lacks / MESSAGES_PER_SEC))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let (mut socket, _untaken) = futures::channel::mpsc::channel(0);
        let begun = Instant::now();
        let refused = put(&mut socket, Message::text("hello")).await;
        assert_eq!(refused, Err(End::Closed(close::TOO_SLOW, "too slow")));
        assert_eq!(begun.elapsed(), TAKEN_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_read_at_once_and_a_flood_at_its_pace() {
        let mut pace = Pace::new();
        let begun = Instant::now();
        for _ in 0..200 {
            if let Some(opens_at) = pace.opens_at() {
                sleep_until(opens_at).await;
            }
            pace.pay();
        }
        let secs = begun.elapsed().as_secs_f64();
        assert!((6.9..7.2).contains(&secs), "{secs}");
    }
}
