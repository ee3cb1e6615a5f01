//! Answers: a head, and what comes after it.

use std::ops::Range;

use bytes::Bytes;
use http::StatusCode;

use super::entry::Content;
use super::head::{Head, HeadWriter};
use super::range::Multipart;
use crate::page::{POLICY, Page};

/// An answer, before its bytes were fetched.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// See [`super::head`].
    pub(crate) head: Head,
    pub(crate) body: ReplyBody,
}

/// What comes after the head.
#[derive(Debug, Clone)]
pub(crate) enum ReplyBody {
    Empty,
    Whole(Content),
    Part(Content, Range<u64>),
    Parts(Content, Box<Multipart>),
}

impl Reply {
    pub(crate) fn empty(head: impl Into<Head>) -> Self {
        Self { head: head.into(), body: ReplyBody::Empty }
    }

    pub(crate) fn whole(head: impl Into<Head>, content: &Content) -> Self {
        Self { head: head.into(), body: ReplyBody::Whole(content.clone()) }
    }

    /// The same for `HEAD`.
    pub(crate) fn without_body(self) -> Self {
        Self::empty(self.head)
    }

    /// A short text for programs.
    pub(crate) fn text(status: StatusCode, text: &'static str) -> Self {
        let head = own(status).field("Content-Type", "text/plain; charset=utf-8").length(text.len() as u64);
        Self::whole(head.finish(), &Content::Made(Bytes::from_static(text.as_bytes())))
    }

    /// The answer to a method that files do not have.
    pub(crate) fn method_not_allowed() -> Self {
        const TEXT: &str = "Only GET and HEAD are answered here.\n";
        let head = own(StatusCode::METHOD_NOT_ALLOWED)
            .field("Allow", "GET, HEAD")
            .field("Content-Type", "text/plain; charset=utf-8")
            .length(TEXT.len() as u64);
        Self::whole(head.finish(), &Content::Made(Bytes::from_static(TEXT.as_bytes())))
    }

    /// The answer to ranges that a file of `len` bytes has nothing of.
    pub(crate) fn unsatisfiable(len: u64) -> Self {
        let head = own(StatusCode::RANGE_NOT_SATISFIABLE).field("Content-Range", &format!("bytes */{len}"));
        Self::empty(head.length(0).finish())
    }

    /// To another address of the same site, for good.
    pub(crate) fn moved(location: &str) -> Self {
        let head = HeadWriter::new(StatusCode::PERMANENT_REDIRECT)
            .field("Location", location)
            // A release later the folder may be a page: not kept without asking.
            .field("Cache-Control", super::caching::PAGE)
            .length(0);
        Self::empty(head.finish())
    }

    /// A page of ours for people, a line for programs.
    pub(crate) fn notice(notice: Notice, is_navigation: bool) -> Self {
        let (status, title, text, line) = notice.words();
        let (content_type, body) = match is_navigation {
            true => {
                let page = Page { title: title.into(), text: text.into(), ..Page::default() };
                ("text/html; charset=utf-8", Bytes::from(page.html()))
            }
            false => ("text/plain; charset=utf-8", Bytes::from_static(line.as_bytes())),
        };
        let policy = format!("{}; frame-ancestors 'none'", POLICY.as_str());
        let head = own(status)
            .field("Content-Type", content_type)
            .length(body.len() as u64)
            .optional("Retry-After", notice.retry_after())
            .optional("Content-Security-Policy", is_navigation.then_some(policy.as_str()));
        Self::whole(head.finish(), &Content::Made(body))
    }
}

/// What hosting says in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// No app has this name.
    NoSite,
    /// The app exists, but has no release.
    Unpublished,
    /// The owner has paused it.
    Paused,
    /// The site is there, the address is not.
    NothingHere,
    /// Our storage does not answer.
    Unavailable,
    /// A file is lost: asking again does not help.
    Lost,
}

impl Notice {
    /// Status, title and text for people, and a line for programs.
    const fn words(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::NoSite => (
                StatusCode::NOT_FOUND,
                "There is no app at this address",
                "Check the address, or ask whoever gave it to you.",
                "There is no app at this address.\n",
            ),
            Self::Unpublished => (
                StatusCode::NOT_FOUND,
                "This app is not published",
                "Its owner has not published it, or has taken it down.",
                "This app is not published.\n",
            ),
            Self::Paused => (
                StatusCode::SERVICE_UNAVAILABLE,
                "This app is paused",
                "Its owner has paused it for a while. Try again later.",
                "This app is paused.\n",
            ),
            Self::NothingHere => (
                StatusCode::NOT_FOUND,
                "There is nothing at this address",
                "The app has no page here. Its front page may help.",
                "Not found.\n",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The app cannot be shown right now",
                "This is on our side and should pass. Try again in a moment.",
                "The storage does not answer. Try again in a moment.\n",
            ),
            Self::Lost => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "A part of this app is missing",
                "This is on our side. Publishing the app again puts it right.",
                "A stored file is missing.\n",
            ),
        }
    }

    const fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Paused => Some("300"),
            Self::Unavailable => Some("2"),
            _ => None,
        }
    }
}

/// The head of what is ours and not the app's: kept by nobody, found by no search engine.
fn own(status: StatusCode) -> HeadWriter {
    HeadWriter::new(status).fields([
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Robots-Tag", "noindex"),
    ])
}
