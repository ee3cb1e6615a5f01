//! A request as hosting sees it: method, path, and the header fields that change an answer.

use std::borrow::Cow;

use http::request::Parts;

/// A header field's value; several lines of one name are one list (RFC 9110, 5.3).
pub(crate) type Field<'a> = Option<Cow<'a, str>>;

/// What is done with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Head,
    Other,
}

/// A request, whichever way it was read.
#[derive(Debug, Clone)]
pub(crate) struct HostedRequest<'a> {
    pub(crate) verb: Verb,
    /// As it was sent, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) accept: Field<'a>,
    pub(crate) accept_encoding: Field<'a>,
    pub(crate) if_match: Field<'a>,
    pub(crate) if_none_match: Field<'a>,
    pub(crate) if_range: Field<'a>,
    pub(crate) range: Field<'a>,
    pub(crate) fetch_mode: Field<'a>,
}

impl<'a> HostedRequest<'a> {
    /// A request for `target`, which is a path with an optional query.
    pub(crate) fn new(verb: Verb, target: &'a str) -> Self {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Self {
            verb,
            path,
            query,
            accept: None,
            accept_encoding: None,
            if_match: None,
            if_none_match: None,
            if_range: None,
            range: None,
            fetch_mode: None,
        }
    }

    /// A request that hyper has read.
    pub(crate) fn of(head: &'a Parts) -> Self {
        let verb = match head.method {
            http::Method::GET => Verb::Get,
            http::Method::HEAD => Verb::Head,
            _ => Verb::Other,
        };
        let mut request = Self::new(verb, head.uri.path());
        request.query = head.uri.query();
        for (name, value) in &head.headers {
            request.add(name.as_str(), value.as_bytes());
        }
        request
    }

    /// Takes in a header field; those that change nothing are passed over. By length first: most fields are none of ours.
    pub(crate) fn add(&mut self, name: &str, value: &'a [u8]) {
        let field = match name.len() {
            5 if name.eq_ignore_ascii_case("range") => &mut self.range,
            6 if name.eq_ignore_ascii_case("accept") => &mut self.accept,
            8 if name.eq_ignore_ascii_case("if-match") => &mut self.if_match,
            8 if name.eq_ignore_ascii_case("if-range") => &mut self.if_range,
            13 if name.eq_ignore_ascii_case("if-none-match") => &mut self.if_none_match,
            14 if name.eq_ignore_ascii_case("sec-fetch-mode") => &mut self.fetch_mode,
            15 if name.eq_ignore_ascii_case("accept-encoding") => &mut self.accept_encoding,
            _ => return,
        };
        let value = String::from_utf8_lossy(value);
        *field = Some(match field.take() {
            Some(earlier) => Cow::Owned(format!("{earlier}, {value}")),
            None => value,
        });
    }

    /// True when a person waits for a page: the browser says so, or a client without fetch metadata takes HTML.
    pub(crate) fn is_navigation(&self) -> bool {
        match &self.fetch_mode {
            Some(mode) => mode == "navigate",
            None => self.accept.as_ref().is_some_and(|accept| accept.contains("text/html")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_of_one_field_are_one_list() {
        let mut request = HostedRequest::new(Verb::Get, "/a?b?c");
        request.add("If-None-Match", b"\"a\"");
        request.add("if-none-match", b"\"b\"");
        request.add("X-Range", b"bytes=0-1");
        assert_eq!((request.path, request.query), ("/a", Some("b?c")));
        assert_eq!(request.if_none_match.as_deref(), Some("\"a\", \"b\""));
        assert_eq!(request.range, None);
    }

    #[test]
    fn fetch_metadata_decides_over_accept() {
        let mut request = HostedRequest::new(Verb::Get, "/");
        assert!(!request.is_navigation());
        request.add("accept", b"text/html,*/*;q=0.8");
        assert!(request.is_navigation());
        request.add("sec-fetch-mode", b"cors");
        assert!(!request.is_navigation());
    }
}
