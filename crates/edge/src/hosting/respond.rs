//! The one function that says what a request to a site is answered with. It performs no IO and knows no connection, so
//! that every way a request can come in gives the same answer.

use std::sync::Arc;

use http::StatusCode;

use super::conditions::{Verdict, judge, range_applies};
use super::entry::{Entry, Form};
use super::path::{decode, encode, is_asset};
use super::range::{Multipart, Ranges, content_range};
use super::reply::{Notice, Reply, ReplyBody};
use super::request::{HostedRequest, Verb};
use super::served::{Found, Served};
use super::source::SiteState;

/// What is Vitrine's own on every site.
const RESERVED: &str = ".vitrine";

/// The runtime configuration.
const RUNTIME_CONFIG: &str = ".vitrine/runtime-config";

/// What a request comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer.
    Reply(Reply),
    /// This page has to get its runtime configuration first ([`Entry::fill`]); then ask again.
    Fill(Arc<Entry>),
}

/// Answers `request`, whose path is taken to be beneath `base`: empty, or the path of the site without its last slash.
pub(crate) fn respond(request: &HostedRequest<'_>, served: &Served, base: &str) -> Outcome {
    if request.verb == Verb::Other {
        return Outcome::Reply(Reply::method_not_allowed());
    }
    match get(request, served, base) {
        Outcome::Reply(reply) if request.verb == Verb::Head => Outcome::Reply(reply.without_body()),
        outcome => outcome,
    }
}

fn get(request: &HostedRequest<'_>, served: &Served, base: &str) -> Outcome {
    let notice = |notice| Outcome::Reply(Reply::notice(notice, request.is_navigation()));
    if served.site.state == SiteState::Unpublished {
        return notice(Notice::Unpublished);
    }
    if served.site.settings.paused {
        return notice(Notice::Paused);
    }
    let raw = request.path.strip_prefix(base).unwrap_or_default();
    let Ok(path) = decode(raw) else {
        return Outcome::Reply(Reply::text(StatusCode::BAD_REQUEST, "The address is not valid.\n"));
    };
    if path == RUNTIME_CONFIG {
        return file(request, &served.runtime_config);
    }
    if path.strip_prefix(RESERVED).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return notice(Notice::NothingHere);
    }
    match served.find(&path) {
        Found::File(entry) => file(request, entry),
        Found::Folder => Outcome::Reply(Reply::moved(&folder_location(request, base, &path))),
        Found::Nothing => missing(request, served, &path),
    }
}

/// The address of a folder, with its slash and the query that was sent.
fn folder_location(request: &HostedRequest<'_>, base: &str, path: &str) -> String {
    let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{base}{}/{query}", encode(path))
}

fn missing(request: &HostedRequest<'_>, served: &Served, path: &str) -> Outcome {
    if let Some(entry) = served.find_earlier(path) {
        return file(request, entry);
    }
    if !request.is_navigation() || is_asset(path) {
        if let Some(entry) = served.find_beneath(path) {
            return file(request, entry);
        }
        return Outcome::Reply(Reply::notice(Notice::NothingHere, false));
    }
    if let Some(page) = served.fallback() {
        return file(request, page);
    }
    let Some(page) = served.not_found_page() else {
        return Outcome::Reply(Reply::notice(Notice::NothingHere, true));
    };
    let Some(entry) = page.served() else {
        return Outcome::Fill(page.clone());
    };
    let form = entry.form(request.accept_encoding.as_deref());
    Outcome::Reply(Reply::whole(entry.not_found(form), &form.content))
}

fn file(request: &HostedRequest<'_>, entry: &Arc<Entry>) -> Outcome {
    let Some(entry) = entry.served() else {
        return Outcome::Fill(entry.clone());
    };
    let ranges = ranges(request, entry);
    // Parts are of the plain form: what a client resumes or seeks in.
    let form = match ranges {
        Some(_) => &entry.plain,
        None => entry.form(request.accept_encoding.as_deref()),
    };
    Outcome::Reply(match judge(request, &form.etag) {
        Verdict::NotModified => Reply::empty(entry.not_modified(form)),
        Verdict::Failed => Reply::text(
            StatusCode::PRECONDITION_FAILED,
            "The file is not the one the request was made for.\n",
        ),
        Verdict::Proceed => match ranges {
            None => Reply::whole(entry.found(form), &form.content),
            Some(ranges) => part(entry, ranges),
        },
    })
}

/// The parts asked for; None for the whole.
fn ranges(request: &HostedRequest<'_>, entry: &Entry) -> Option<Ranges> {
    let field = request.range.as_deref()?;
    if request.verb != Verb::Get || !range_applies(request, &entry.plain.etag) {
        return None;
    }
    Some(Ranges::parse(field, entry.plain.content.len())).filter(|ranges| *ranges != Ranges::Whole)
}

fn part(entry: &Entry, ranges: Ranges) -> Reply {
    let Form { content, .. } = &entry.plain;
    let len = content.len();
    match ranges {
        Ranges::Whole => Reply::whole(entry.found(&entry.plain), content),
        Ranges::Unsatisfiable => Reply::unsatisfiable(len),
        Ranges::Parts(parts) => match <[_; 1]>::try_from(parts) {
            Ok([range]) => {
                let text = content_range(&range, len);
                let head = entry.partial(&entry.content_type, Some(&text), range.end - range.start);
                Reply { head, body: ReplyBody::Part(content.clone(), range) }
            }
            Err(parts) => {
                let frame = Multipart::new(&entry.sha256, &entry.content_type, parts, len);
                let head = entry.partial(&frame.content_type, None, frame.len);
                Reply { head, body: ReplyBody::Parts(content.clone(), Box::new(frame)) }
            }
        },
    }
}
