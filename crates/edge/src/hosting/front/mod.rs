//! The front: reads the usual requests to published apps straight from the socket and writes prepared answers back.
//!
//! hyper stands behind it. Whatever is for another host, has a body, wants to be upgraded or could be read in two ways is
//! handed over with the bytes that were read ([`Rewind`]), and the connection is hyper's from then on.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod head;
mod rewind;
mod threads;
mod wire;

use std::sync::Arc;

use http::StatusCode;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use vitrine_model::Timestamp;

use super::ready::Ready;
use super::reply::Reply;
use super::served::Served;
use super::source::SiteState;
use super::{Hosting, Routed};
use crate::host::{HostKind, SiteHost};
use head::{Head, Parsed};
use wire::{Input, Wire};

pub use rewind::Rewind;
pub(super) use threads::Threads;

/// What is to be done after a look at the bytes that have arrived.
enum Step {
    Wait,
    HandOver,
    Answer { len: usize, ready: Ready, closes: bool },
}

/// The site of a connection's last request: browsers ask one host on one connection.
#[derive(Default)]
struct Known {
    host: String,
    served: Option<Arc<Served>>,
}

/// The line with the date, made once a second.
struct Tail {
    second: i64,
    line: String,
}

impl Hosting {
    /// Answers the requests of a connection for as long as they are the usual ones to published apps. Returns the connection
    /// with everything not yet answered when a request comes that is somebody else's, and None when the connection has
    /// ended. While nothing is under way, `stopping` ends it.
    ///
    /// This is done on threads of hosting's own, which the first connection starts; the caller waits without doing anything.
    pub async fn serve(self: &Arc<Self>, stream: TcpStream, stopping: &CancellationToken) -> Option<Rewind> {
        match self.threads.get_or_init(Threads::start) {
            Ok(threads) => threads.serve(self.clone(), stream, stopping.clone()).await,
            Err(error) => {
                tracing::error!(%error, "hosting has no threads of its own");
                self.front(stream, stopping).await
            }
        }
    }

    /// [`Self::serve`] where it is called.
    pub(super) async fn front(&self, stream: TcpStream, stopping: &CancellationToken) -> Option<Rewind> {
        let limits = &self.config.limits;
        let mut wire = Wire::new(stream, stopping, limits.head_timeout);
        let mut input = Input::new();
        let mut known = Known::default();
        let mut tail = Tail { second: i64::MIN, line: String::new() };
        let mut seen = 0;
        loop {
            let now = self.clock.now();
            let step = match head::read(input.bytes(), seen) {
                Head::Partial => Step::Wait,
                Head::TooLarge => {
                    refuse_head(wire, &mut tail, now).await;
                    return None;
                }
                Head::Foreign => Step::HandOver,
                Head::Whole(parsed) => self.step(&parsed, &mut known, now).await,
            };
            match step {
                Step::Wait => {
                    seen = input.bytes().len();
                    if !wire.fill(&mut input).await {
                        return None;
                    }
                    if seen == 0 {
                        wire.allow(limits.head_timeout);
                    }
                }
                Step::HandOver => return Some(Rewind::new(wire.stream, input.bytes())),
                Step::Answer { len, ready, closes } => {
                    input.consume(len);
                    seen = 0;
                    let closes = closes || stopping.is_cancelled();
                    let sent = wire.send(&ready, tail.at(now, closes), limits.stall_timeout).await;
                    ready.count(ready.body_len());
                    if closes && sent.is_ok() {
                        wire.close().await;
                        return None;
                    }
                    sent.ok()?;
                    wire.allow(limits.idle_timeout);
                }
            }
        }
    }

    async fn step(&self, parsed: &Parsed<'_>, known: &mut Known, now: Timestamp) -> Step {
        if self.route(parsed.request.path) == Routed::Gateway {
            return Step::HandOver;
        }
        let ready = match known.current(self, parsed.host, now) {
            Some(served) => self.answer(served, &parsed.request, "").await,
            None => match self.config.hosts.classify(parsed.host) {
                HostKind::Site(host) => match self.answer_first(&host, parsed, known).await {
                    Some(ready) => ready,
                    None => return Step::HandOver,
                },
                _ => return Step::HandOver,
            },
        };
        Step::Answer { len: parsed.len, ready, closes: parsed.closes }
    }

    /// Answers a request whose site has to be looked up. `None` for one that a key is needed for: keys are not looked at
    /// here.
    async fn answer_first(&self, host: &SiteHost, parsed: &Parsed<'_>, known: &mut Known) -> Option<Ready> {
        let (served, base) = match self.locate(host, &parsed.request).await {
            Ok(found) => found,
            Err(reply) => return Some(Ready::of(reply)),
        };
        if served.site.state == SiteState::Private {
            return None;
        }
        let ready = self.answer(&served, &parsed.request, &base).await;
        // On a CDN host the path names the site, not the host.
        if !matches!(host, SiteHost::Cdn { .. }) {
            *known = Known { host: parsed.host.to_owned(), served: Some(served) };
        }
        Some(ready)
    }
}

impl Known {
    fn current(&self, hosting: &Hosting, host: &str, now: Timestamp) -> Option<&Arc<Served>> {
        let served = self.served.as_ref().filter(|_| self.host == host)?;
        hosting.sites.is_current(served, now).then_some(served)
    }
}

impl Tail {
    /// What ends a head that is sent now.
    fn at(&mut self, now: Timestamp, closes: bool) -> &[u8] {
        let second = now.as_millis().div_euclid(1_000);
        if second != self.second || self.line.contains("Connection") || closes {
            let connection = if closes { "Connection: close\r\n" } else { "" };
            self.line = format!("Date: {}\r\n{connection}\r\n", http_date(second));
            self.second = second;
        }
        self.line.as_bytes()
    }
}

/// The one date format of HTTP (RFC 9110, 5.6.7).
fn http_date(second: i64) -> String {
    let time = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

async fn refuse_head(mut wire: Wire<'_>, tail: &mut Tail, now: Timestamp) {
    let reply =
        Reply::text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large.\n");
    let _ = wire.send(&Ready::of(reply), tail.at(now, true), std::time::Duration::from_secs(1)).await;
    wire.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_the_date_and_with_the_connection_when_it_closes() {
        let mut tail = Tail { second: i64::MIN, line: String::new() };
        let at = |second: i64| Timestamp::from_millis(second * 1_000 + 999);
        assert_eq!(tail.at(at(784_111_777), false), b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
        let closing = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n";
        assert_eq!(tail.at(at(784_111_777), true), closing);
        assert_eq!(tail.at(at(784_111_778), false), b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n\r\n");
    }
}
