//! Finds out what a room is to be told about sessions and publishes; one task for each room, as long as there is one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use vitrine_model::problem::Problem;
use vitrine_model::publish::Publish;
use vitrine_model::session::{StepName, StepStatus};
use vitrine_model::{AppId, PublishId};
use vitrine_store::{Scope, StoreError};

use super::super::publishes::PublishView;
use crate::channels::{News, Room};
use crate::services::Services;
use crate::sessions::{Phase, Snapshot};

/// How often the steps of a start are looked at while it goes on: they are written by whoever starts, and tell nobody.
const STEPS_EVERY: Duration = Duration::from_millis(250);

/// Publishes whose last state is remembered, so that lines of a log are no news.
const REMEMBERED: usize = 16;

/// Everything about a session that is worth a message: not its times, which go on.
#[derive(PartialEq)]
struct Standing {
    phase: Phase,
    restarts: u32,
    problem: Option<Problem>,
    steps: Vec<(StepName, StepStatus, Option<String>)>,
}

impl Standing {
    fn of(snapshot: &Snapshot) -> Self {
        let steps = snapshot.timings().steps.into_iter().map(|step| (step.name, step.status, step.detail));
        Self {
            phase: snapshot.phase,
            restarts: snapshot.restarts,
            problem: snapshot.problem.clone(),
            steps: steps.collect(),
        }
    }
}

/// Tells a room until it is given up.
pub(super) async fn run(services: Arc<Services>, scope: Scope, app: AppId, room: Arc<Room>) {
    let mut pump = Pump { services, scope, app, room, published: Vec::new() };
    let room = pump.room.clone();
    let stopping = pump.services.stopping.clone();
    tokio::select! {
        () = room.closed() => {}
        () = stopping.cancelled() => {}
        () = pump.pump() => {}
    }
}

struct Pump {
    services: Arc<Services>,
    scope: Scope,
    app: AppId,
    room: Arc<Room>,
    /// The last states that were told, the newest last.
    published: Vec<Publish>,
}

impl Pump {
    async fn pump(&mut self) {
        let mut preview = self.services.sessions.watch_of(&self.app);
        let mut standing = preview.as_mut().map(look);
        loop {
            let room = self.room.clone();
            tokio::select! {
                marks = room.marks() => {
                    for publish in &marks.publishes {
                        self.tell_publish(publish).await;
                    }
                    if marks.session {
                        preview = self.services.sessions.watch_of(&self.app);
                        standing = preview.as_mut().map(look);
                        room.tell(News::Session);
                    }
                    continue;
                }
                is_there = changed(preview.as_mut(), standing.as_ref()) => {
                    if !is_there {
                        preview = None;
                    }
                }
            }
            let now = preview.as_mut().map(look);
            if now != standing {
                standing = now;
                room.tell(News::Session);
            }
        }
    }

    async fn tell_publish(&mut self, id: &PublishId) {
        match self.publish_view(id).await {
            Ok(Some(view)) => self.room.tell(News::Publish(view)),
            Ok(None) | Err(StoreError::NotFound) => {}
            Err(error) => tracing::warn!(publish = %id, %error, "a publish was not told of"),
        }
    }

    /// The publish as the API shows it; `None` when that was told already.
    async fn publish_view(&mut self, id: &PublishId) -> Result<Option<serde_json::Value>, StoreError> {
        let publish = self.services.store.publish(&self.scope, &self.app, id).await?;
        if self.published.contains(&publish) {
            return Ok(None);
        }
        self.published.retain(|told| told.id != publish.id);
        if self.published.len() == REMEMBERED {
            self.published.remove(0);
        }
        self.published.push(publish.clone());
        let slug = self.services.store.app(&self.scope, &self.app).await?.slug;
        Ok(serde_json::to_value(PublishView::of(&self.services, &slug, publish)).ok())
    }
}

fn look(preview: &mut watch::Receiver<Snapshot>) -> Standing {
    Standing::of(&preview.borrow_and_update())
}

/// Waits until a preview may be another one; false once it is gone. Without one it waits for ever: whoever makes one says so.
async fn changed(preview: Option<&mut watch::Receiver<Snapshot>>, standing: Option<&Standing>) -> bool {
    let Some(preview) = preview else { return std::future::pending().await };
    let is_starting = standing.is_some_and(|standing| standing.phase == Phase::Starting);
    tokio::select! {
        changed = preview.changed() => changed.is_ok(),
        () = tokio::time::sleep(STEPS_EVERY), if is_starting => true,
    }
}
