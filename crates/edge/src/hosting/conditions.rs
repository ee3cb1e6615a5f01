//! Preconditions (RFC 9110, 13). Sites carry no time of change, so those about times are passed over, as 13.1.3 and 13.1.4
//! ask for.

use super::request::HostedRequest;

/// What the preconditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer as if there were none.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: the client wanted something else.
    Failed,
}

/// Compares with the tag of the form that would be sent, in the order of RFC 9110, 13.2.2.
pub(crate) fn judge(request: &HostedRequest<'_>, etag: &str) -> Verdict {
    if request.if_match.as_ref().is_some_and(|list| !names(list, |tag| tag == etag)) {
        return Verdict::Failed;
    }
    let is_held = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag) == etag;
    if request.if_none_match.as_ref().is_some_and(|list| names(list, is_held)) {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// True when a range may be sent: without a condition, or when the client's parts are of this very form.
pub(crate) fn range_applies(request: &HostedRequest<'_>, etag: &str) -> bool {
    request.if_range.as_ref().is_none_or(|tag| tag == etag)
}

/// True for `*` and for a list with a matching tag. Tags of ours have no comma: one cut by it at a comma matches nothing.
fn names(list: &str, is_match: impl Fn(&str) -> bool) -> bool {
    list.split(',').map(str::trim).any(|tag| tag == "*" || is_match(tag))
}

#[cfg(test)]
mod tests {
    use super::super::request::Verb;
    use super::*;

    fn verdict(name: &str, value: &str) -> Verdict {
        let mut request = HostedRequest::new(Verb::Get, "/");
        request.add(name, value.as_bytes());
        judge(&request, "\"a\"")
    }

    #[test]
    fn none_match_compares_weakly_and_match_strongly() {
        for held in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*", "\"b\",W/\"a\""] {
            assert_eq!(verdict("if-none-match", held), Verdict::NotModified, "{held}");
        }
        for other in ["\"b\"", "a", "\"a", "w/\"a\"", "\"x,a\"", ""] {
            assert_eq!(verdict("if-none-match", other), Verdict::Proceed, "{other}");
        }
        for held in ["\"a\"", "*", "\"b\", \"a\""] {
            assert_eq!(verdict("if-match", held), Verdict::Proceed, "{held}");
        }
        for other in ["W/\"a\"", "\"b\"", ""] {
            assert_eq!(verdict("if-match", other), Verdict::Failed, "{other}");
        }
    }
}
