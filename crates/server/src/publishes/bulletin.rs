//! Tells followers that there is something new in the store about a publish.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use vitrine_model::publish::Publish;
use vitrine_model::{AppId, PublishId};
use vitrine_store::{Scope, StoreError};

use super::{News, Publishes, lock};

/// Lines read at once.
const LINES_AT_ONCE: u32 = 500;

/// A publish may run on another server, which cannot tell us: the store is looked at this often all the same.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// One channel per publish that somebody follows here.
#[derive(Default)]
pub(super) struct Bulletin(Mutex<HashMap<PublishId, watch::Sender<u64>>>);

impl Bulletin {
    /// There is something new; nobody need listen.
    pub(super) fn announce(&self, id: &PublishId) {
        let mut channels = lock(&self.0);
        if let Some(channel) = channels.get(id) {
            if channel.receiver_count() == 0 {
                channels.remove(id);
            } else {
                channel.send_modify(|count| *count += 1);
            }
        }
    }

    fn subscribe(&self, id: &PublishId) -> watch::Receiver<u64> {
        lock(&self.0).entry(id.clone()).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    fn forget_unheard(&self, id: &PublishId) {
        let mut channels = lock(&self.0);
        if channels.get(id).is_some_and(|channel| channel.receiver_count() == 0) {
            channels.remove(id);
        }
    }
}

/// Everything about a publish after line `after`, in order, ending with [`News::End`].
pub(super) fn follow(
    publishes: Publishes,
    scope: Scope,
    app: AppId,
    id: PublishId,
    after: u64,
) -> impl Stream<Item = News> + Send {
    let changes = publishes.0.bulletin.subscribe(&id);
    let follower =
        Follower { publishes, scope, app, id, after, last: None, changes: Some(changes), is_over: false };
    stream::unfold(follower, |mut follower| async move {
        let news = follower.next().await?;
        Some((stream::iter(news), follower))
    })
    .flatten()
}

struct Follower {
    publishes: Publishes,
    scope: Scope,
    app: AppId,
    id: PublishId,
    after: u64,
    last: Option<Publish>,
    changes: Option<watch::Receiver<u64>>,
    is_over: bool,
}

impl Follower {
    /// The next news, waiting for them; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Vec<News>> {
        if self.is_over {
            return None;
        }
        loop {
            match self.look().await {
                Ok(news) if !news.is_empty() => return Some(news),
                Ok(_) => self.wait().await,
                Err(error) => {
                    tracing::warn!(publish = %self.id, %error, "a publish cannot be followed any more");
                    // Without an end: the client resumes where it was.
                    return None;
                }
            }
        }
    }

    /// What the store has that was not told yet.
    async fn look(&mut self) -> Result<Vec<News>, StoreError> {
        if let Some(changes) = &mut self.changes {
            changes.mark_unchanged();
        }
        let store = &self.publishes.0.context.store;
        // The state first: whatever is logged before an end is there when the end is.
        let publish = store.publish(&self.scope, &self.app, &self.id).await?;
        let lines = store.publish_log(&self.scope, &self.app, &self.id, self.after, LINES_AT_ONCE).await?;
        let is_whole = lines.len() < LINES_AT_ONCE as usize;
        self.after = lines.last().map_or(self.after, |line| line.seq);
        let mut news: Vec<_> = lines.into_iter().map(News::Line).collect();
        if self.last.as_ref() != Some(&publish) {
            news.push(News::State(Box::new(publish.clone())));
        }
        if publish.status.is_over() && is_whole {
            news.push(News::End);
            self.is_over = true;
        }
        self.last = Some(publish);
        Ok(news)
    }

    async fn wait(&mut self) {
        let Some(changes) = &mut self.changes else { return };
        let _ = tokio::time::timeout(LOOK_INTERVAL, changes.changed()).await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.changes = None;
        self.publishes.0.bulletin.forget_unheard(&self.id);
    }
}
