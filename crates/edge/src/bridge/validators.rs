//! What a page is known again by: a page with our script in it is another one than without, or with another script.

use http::header::{ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};

/// Between the dev server's own tag and the version of the script.
const INFIX: &str = "-vt";

/// Says in the answer's entity tag that the script is in it. The tag stays as weak or strong as it was.
pub(super) fn mark(headers: &mut HeaderMap, version: &str) {
    let Some(tag) = headers.remove(ETAG) else { return };
    let marked =
        tag.to_str().ok().and_then(|tag| Some(format!("{}{INFIX}{version}\"", tag.strip_suffix('"')?)));
    if let Some(marked) = marked.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        headers.insert(ETAG, marked);
    }
}

/// Leaves in `If-None-Match` the tags that say this version, as the dev server knows them. True when there is one.
pub(super) fn keep_ours(headers: &mut HeaderMap, version: &str) -> bool {
    let ending = format!("{INFIX}{version}\"");
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let ours: Vec<String> = lines
        .flat_map(tags)
        .filter_map(|tag| tag.strip_suffix(&ending).map(|begin| format!("{begin}\"")))
        .collect();
    headers.remove(IF_NONE_MATCH);
    match HeaderValue::try_from(ours.join(", ")) {
        Ok(value) if !ours.is_empty() => {
            headers.insert(IF_NONE_MATCH, value);
            true
        }
        _ => false,
    }
}

/// The entity tags of a list (RFC 9110, 8.8.3): a comma inside of quotes does not end one.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let open = rest.find('"').filter(|open| matches!(&rest[..*open], "" | "W/"))?;
        let close = open + 1 + rest[open + 1..].find('"')?;
        let (tag, after) = rest.split_at(close + 1);
        rest = after;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &'static str) -> (bool, HeaderMap) {
        let mut headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
        let has_ours = keep_ours(&mut headers, "abc");
        (has_ours, headers)
    }

    #[test]
    fn a_tag_says_which_script_is_in_the_page_and_leads_back_to_the_dev_servers_own() {
        for (theirs, marked) in
            [("\"x\"", "\"x-vtabc\""), ("W/\"1,2\"", "W/\"1,2-vtabc\""), ("\"\"", "\"-vtabc\"")]
        {
            let mut headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static(theirs))]);
            mark(&mut headers, "abc");
            assert_eq!(headers[ETAG], marked);
            let (has_ours, headers) = asked(marked);
            assert!(has_ours);
            assert_eq!(headers[IF_NONE_MATCH], theirs);
        }
    }

    #[test]
    fn tags_of_other_versions_and_of_pages_without_the_script_are_not_asked_about() {
        for other in ["\"x\"", "\"x-vtabd\"", "*", "", "x-vtabc\"", "junk"] {
            let (has_ours, headers) = asked(other);
            assert!(!has_ours && !headers.contains_key(IF_NONE_MATCH), "{other}");
        }
        let (has_ours, headers) = asked("\"x\", W/\"a,b-vtabc\" ,\"y-vtabc\"");
        assert!(has_ours);
        assert_eq!(headers[IF_NONE_MATCH], "W/\"a,b\", \"y\"");
    }

    #[test]
    fn what_is_no_tag_is_dropped() {
        let mut headers = HeaderMap::from_iter([(ETAG, HeaderValue::from_static("x"))]);
        mark(&mut headers, "abc");
        assert!(!headers.contains_key(ETAG));
    }
}
