//! What the pages of a session's preview have told: the last events, numbered, bounded, and followed live.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::{Stream, stream};
use tokio::sync::watch;
use vitrine_edge::{Reported, Teller};
use vitrine_model::preview_event::{KeptPreviewEvent, PreviewEvent, read_batch};
use vitrine_model::{AppId, SessionId, Timestamp};
use vitrine_store::{Scope, StoreError};

use super::{Sessions, lock};

/// What is kept of one session.
const KEPT: Share = Share { events: 500, bytes: 256 * 1024 };

/// What visitors' pages may have of it: however much they tell, what a maker's own page said stays.
const KEPT_OF_VISITORS: Share = Share { events: 100, bytes: 64 * 1024 };

/// What a batch costs besides its bytes: work that is the same for a small one.
const BATCH_COST: u64 = 1_024;

/// What a maker's pages may tell: several tabs that each send what the script's own budgets allow.
const OWN_RATE: Rate = Rate { per_sec: 192 * 1024, at_once: 768 * 1024 };

/// What all pages of all visitors may tell.
const VISITORS_RATE: Rate = Rate { per_sec: 48 * 1024, at_once: 192 * 1024 };

#[derive(Clone, Copy)]
struct Share {
    events: usize,
    bytes: usize,
}

/// In bytes.
#[derive(Clone, Copy)]
struct Rate {
    per_sec: u64,
    at_once: u64,
}

/// The events of one session; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct PreviewEvents(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kept: Mutex<Kept>,
    news: watch::Sender<News>,
}

/// What followers wait on.
#[derive(Clone, Copy, Default)]
struct News {
    newest: u64,
    is_over: bool,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<(KeptPreviewEvent, usize)>,
    own_used: Bucket,
    visitors_used: Bucket,
    newest: u64,
}

/// What was told of late and is not forgotten yet.
#[derive(Default)]
struct Bucket {
    cost: u64,
    at_millis: i64,
}

impl Bucket {
    fn takes(&mut self, cost: u64, rate: Rate, now: Timestamp) -> bool {
        let passed = u64::try_from(now.as_millis() - self.at_millis).unwrap_or(0);
        self.cost = self.cost.saturating_sub(passed.saturating_mul(rate.per_sec) / 1_000);
        self.at_millis = now.as_millis();
        let fits = self.cost.saturating_add(cost) <= rate.at_once;
        if fits {
            self.cost += cost;
        }
        fits
    }
}

impl PreviewEvents {
    /// Takes a batch as it came; every text goes through `mask` before it is kept.
    fn take(&self, teller: Teller, batch: &[u8], now: Timestamp, mask: impl Fn(&mut String)) -> Reported {
        let cost = BATCH_COST + batch.len() as u64;
        let has_room = {
            let mut kept = lock(&self.0.kept);
            match teller {
                Teller::Own => kept.own_used.takes(cost, OWN_RATE, now),
                Teller::ByLink => kept.visitors_used.takes(cost, VISITORS_RATE, now),
            }
        };
        if !has_room {
            return Reported::TooMany;
        }
        let Ok(mut events) = read_batch(batch) else { return Reported::Unreadable };
        events.iter_mut().for_each(|event| event.map_texts(&mask));
        let newest = lock(&self.0.kept).push(teller, events, now);
        self.0.news.send_modify(|news| news.newest = newest);
        Reported::Taken
    }

    /// Events after number `seq`, those that are kept and then those to come, until the session is over. Who reads too slowly
    /// misses what is no longer kept, and sees that by the numbers. A number that was never given counts as none: the
    /// server has begun anew since.
    pub(crate) fn subscribe(&self, seq: u64) -> impl Stream<Item = KeptPreviewEvent> + Send + use<> {
        let news = self.0.news.subscribe();
        let seq = if seq > self.newest() { 0 } else { seq };
        let ready: VecDeque<KeptPreviewEvent> = VecDeque::new();
        stream::unfold(
            (self.clone(), news, seq, ready),
            |(events, mut news, mut seq, mut ready)| async move {
                loop {
                    if let Some(event) = ready.pop_front() {
                        seq = event.seq;
                        return Some((event, (events, news, seq, ready)));
                    }
                    let is_over = news.borrow_and_update().is_over;
                    ready.extend(events.after(seq));
                    if ready.is_empty() {
                        if is_over {
                            return None;
                        }
                        news.changed().await.ok()?;
                    }
                }
            },
        )
    }

    /// The number of the newest event; 0 before the first.
    pub(crate) fn newest(&self) -> u64 {
        lock(&self.0.kept).newest
    }

    fn after(&self, seq: u64) -> Vec<KeptPreviewEvent> {
        let kept = lock(&self.0.kept);
        let from = kept.events.partition_point(|(event, _)| event.seq <= seq);
        kept.events.range(from..).map(|(event, _)| event.clone()).collect()
    }

    /// Ends what follows them.
    pub(super) fn close(&self) {
        self.0.news.send_modify(|news| news.is_over = true);
    }
}

impl Kept {
    /// Answers the number of the newest.
    fn push(&mut self, teller: Teller, events: Vec<PreviewEvent>, now: Timestamp) -> u64 {
        for event in events {
            self.newest += 1;
            let visitor = teller == Teller::ByLink;
            let event = KeptPreviewEvent { seq: self.newest, received_at: now, visitor, event };
            // Numbers, texts and names of our own: writing them cannot fail.
            let bytes = serde_json::to_vec(&event).map_or(0, |json| json.len());
            self.events.push_back((event, bytes));
        }
        self.make_room(KEPT_OF_VISITORS, |event| event.visitor);
        self.make_room(KEPT, |_| true);
        self.newest
    }

    /// Lets the oldest go of those that are `counted` and more than their share.
    fn make_room(&mut self, share: Share, counted: fn(&KeptPreviewEvent) -> bool) {
        let theirs = || self.events.iter().filter(|(event, _)| counted(event));
        let (mut count, mut bytes) =
            theirs().fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes));
        self.events.retain(|(event, size)| {
            let goes = counted(event) && (count > share.events || bytes > share.bytes);
            if goes {
                count -= 1;
                bytes -= size;
            }
            !goes
        });
    }
}

impl Sessions {
    /// The events of the caller's live session; [`StoreError::NotFound`] when there is none.
    pub(crate) async fn preview_events(
        &self,
        scope: &Scope,
        app: &AppId,
    ) -> Result<PreviewEvents, StoreError> {
        let row = self.0.context.store.session(scope, app).await?;
        if row.status.is_over() {
            return Err(StoreError::NotFound);
        }
        Ok(self.remember(&row).await.events.clone())
    }

    /// What a page of a session has told. Secrets of its dev server are hidden, as in its log.
    pub(super) fn told(&self, session: &SessionId, teller: Teller, batch: &[u8]) -> Reported {
        // It was asked for a moment ago, when the request was let in.
        let Some(known) = lock(&self.0.known).get(session).cloned() else { return Reported::TooMany };
        let logs = lock(&self.0.previews).get(&known.app).map(|preview| preview.logs.clone());
        let mask = |text: &mut String| {
            if let Some(masked) = logs.as_ref().and_then(|logs| logs.masked(text)) {
                *text = masked;
            }
        };
        known.events.take(teller, batch, self.0.context.clock.now(), mask)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use serde_json::json;

    use super::*;

    fn batch(texts: &[String]) -> Vec<u8> {
        let event = |text: &String| json!({ "id": "d-1", "at": 1, "kind": "blank", "route": text });
        json!({ "events": texts.iter().map(event).collect::<Vec<_>>() }).to_string().into_bytes()
    }

    fn tell(events: &PreviewEvents, teller: Teller, secs: i64, texts: &[String]) -> Reported {
        events.take(teller, &batch(texts), Timestamp::from_millis(0).plus_secs(secs), |_| {})
    }

    fn some(count: usize) -> Vec<String> {
        (0..count).map(|n| n.to_string()).collect()
    }

    #[test]
    fn the_last_events_are_kept_and_no_more_bytes_than_there_is_room_for() {
        let events = PreviewEvents::default();
        for secs in 0..6 {
            assert_eq!(tell(&events, Teller::Own, secs * 10, &some(100)), Reported::Taken);
        }
        let kept = events.after(0);
        assert_eq!((kept.len(), kept[0].seq, events.newest()), (500, 101, 600));
        for secs in 0..60 {
            let long = vec!["x".repeat(8 * 1024); 5];
            assert_eq!(tell(&events, Teller::Own, 100 + secs, &long), Reported::Taken);
        }
        let bytes: usize = lock(&events.0.kept).events.iter().map(|(_, bytes)| bytes).sum();
        assert!(bytes <= KEPT.bytes && bytes > KEPT.bytes / 2, "{bytes}");
    }

    #[test]
    fn what_visitors_tell_never_pushes_out_what_a_maker_was_told() {
        let events = PreviewEvents::default();
        tell(&events, Teller::Own, 0, &["mine".to_owned()]);
        for secs in 0..20 {
            tell(&events, Teller::ByLink, secs * 10, &some(100));
        }
        let kept = events.after(0);
        assert!(!kept[0].visitor);
        assert_eq!(kept.iter().filter(|event| event.visitor).count(), KEPT_OF_VISITORS.events);
    }

    #[test]
    fn who_tells_too_much_is_refused_alone_and_for_a_while() {
        let events = PreviewEvents::default();
        let flood = vec!["x".repeat(8 * 1024); 7];
        let refused =
            (0..100).filter(|_| tell(&events, Teller::ByLink, 1, &flood) == Reported::TooMany).count();
        assert!(refused > 90, "{refused}");
        assert_eq!(tell(&events, Teller::Own, 1, &some(1)), Reported::Taken);
        assert_eq!(tell(&events, Teller::ByLink, 6, &flood), Reported::Taken);
    }

    #[test]
    fn texts_are_masked_before_they_are_kept() {
        let events = PreviewEvents::default();
        let mask = |text: &mut String| *text = text.replace("secret", "[hidden]");
        events.take(Teller::Own, &batch(&["a secret".to_owned()]), Timestamp::from_millis(0), mask);
        let json = serde_json::to_string(&events.after(0)).unwrap();
        assert!(json.contains("a [hidden]") && !json.contains("secret"), "{json}");
    }

    #[tokio::test]
    async fn a_follower_sees_old_and_new_ones_and_the_end() {
        let events = PreviewEvents::default();
        tell(&events, Teller::Own, 0, &some(3));
        let mut following = Box::pin(events.subscribe(2));
        assert_eq!(following.next().await.unwrap().seq, 3);
        tell(&events, Teller::Own, 0, &some(1));
        assert_eq!(following.next().await.unwrap().seq, 4);
        let mut from_another_life = Box::pin(events.subscribe(900));
        assert_eq!(from_another_life.next().await.unwrap().seq, 1);
        events.close();
        assert!(following.next().await.is_none());
    }
}
