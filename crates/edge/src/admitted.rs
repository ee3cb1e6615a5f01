//! Who a request is from once it was let in: one of the session's own people, or a visitor by link, whose pages and sockets
//! end with the link.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use vitrine_model::{LinkId, SessionId, Timestamp};

use crate::body::{Body, BoxError};
use crate::gateway::Gateway;
use crate::sockets::Seat;
use crate::target::{Activity, OpenLink, PreviewTargets};

/// How often is looked whether a link is open still, besides being told: it may have expired, or another server took it back.
const LINK_INTERVAL: Duration = Duration::from_secs(2);

/// Who a request is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// Somebody who may see the session.
    Own,
    /// Somebody with a link to it.
    ByLink(LinkId, OpenLink),
}

impl Admitted {
    /// The link they came by.
    pub(crate) fn link(&self) -> Option<&LinkId> {
        match self {
            Self::Own => None,
            Self::ByLink(link, _) => Some(link),
        }
    }

    /// When their link ends.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::Own => None,
            Self::ByLink(_, open) => Some(open.ends_at),
        }
    }

    /// True when this one may stay while the other has to go.
    pub(crate) fn outranks(&self, other: &Self) -> bool {
        *self == Self::Own && *other != Self::Own
    }

    /// True when what they do keeps a session awake, and wakes it.
    pub(crate) fn counts_at(&self, now: Timestamp) -> bool {
        match self {
            Self::Own => true,
            Self::ByLink(_, open) => now < open.counts_until,
        }
    }
}

/// What a visitor by link has open: told when the link ends.
pub(crate) struct LinkSeat {
    link: LinkId,
    seat: Seat<LinkId>,
    targets: Arc<dyn PreviewTargets>,
}

impl LinkSeat {
    /// Returns when the link is not open any more; at once when it was not to begin with.
    pub(crate) async fn ended(self: Arc<Self>) {
        while self.targets.link(&self.link).await.is_some() {
            tokio::select! {
                () = self.seat.closing() => return,
                () = tokio::time::sleep(LINK_INTERVAL) => {}
            }
        }
    }
}

/// [`LinkSeat::ended`], or never without a link.
pub(crate) async fn ended(seat: Option<Arc<LinkSeat>>) {
    match seat {
        Some(seat) => seat.ended().await,
        None => std::future::pending().await,
    }
}

impl Gateway {
    /// Who a credential is of that came by `link`, or by none; `None` when the link is not open any more.
    pub(crate) async fn admitted(&self, link: Option<LinkId>) -> Option<Admitted> {
        match link {
            None => Some(Admitted::Own),
            Some(link) => {
                let open = self.targets.link(&link).await?;
                (self.signer.now() < open.ends_at).then_some(Admitted::ByLink(link, open))
            }
        }
    }

    /// Closes what the visitors of a link have open. Call it after the link was taken back.
    pub fn close_link(&self, link: &LinkId) {
        self.links.close(link);
    }

    /// A place among what the visitors of a link have open; none for the session's own people.
    pub(crate) fn link_seat(&self, visitor: &Admitted) -> Option<Arc<LinkSeat>> {
        let link = visitor.link()?.clone();
        // The limit that counts is the session's.
        let seat = self.links.enter(&link, 0, usize::MAX)?;
        Some(Arc::new(LinkSeat { link, seat, targets: self.targets.clone() }))
    }

    /// Reports use, if what this visitor does counts.
    pub(crate) fn note_use(&self, session: &SessionId, visitor: &Admitted, activity: Activity) {
        if visitor.counts_at(self.signer.now()) {
            self.targets.touch(session, activity);
        }
    }

    /// The answer, cut off when the visitor's link ends.
    pub(crate) fn until_link_ends(&self, visitor: &Admitted, response: Response<Body>) -> Response<Body> {
        match self.link_seat(visitor) {
            Some(seat) => response.map(|body| {
                let end: Ending = Box::pin(seat.ended());
                ByLink { body, end }.boxed_unsync()
            }),
            None => response,
        }
    }
}

type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The link by which a body was asked for has ended.
#[derive(Debug, thiserror::Error)]
#[error("the link has ended")]
struct LinkEnded;

/// A body that breaks off when a link ends: an event stream would go on for ever otherwise.
struct ByLink {
    body: Body,
    end: Ending,
}

impl HttpBody for ByLink {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // First, or a stream that always has something would never be asked.
        match self.end.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Box::new(LinkEnded)))),
            Poll::Pending => Pin::new(&mut self.body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    #[tokio::test]
    async fn a_body_that_always_has_something_breaks_off_when_the_link_ends() {
        let (over, is_over) = tokio::sync::oneshot::channel::<()>();
        let pieces = futures::stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(b"x"))));
        let body: Body = http_body_util::StreamBody::new(pieces).boxed_unsync();
        let mut body = ByLink { body, end: Box::pin(async move { drop(is_over.await) }) };
        assert!(body.frame().await.unwrap().is_ok());
        drop(over);
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test]
    async fn what_a_body_holds_is_given_up_when_it_ends_or_is_dropped() {
        let held = Arc::new(());
        let mut read = body::holding(body::full("x"), held.clone());
        let left = body::holding(body::full("x"), held.clone());
        while read.frame().await.is_some() {}
        drop(left);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
