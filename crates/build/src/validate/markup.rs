//! Markup: the tags of HTML, Vue, Svelte and Astro files that hold or name scripts and styles.

/// One opening tag, with the raw content of `script` and `style`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: String,
    /// Names in lower case, values without quotes, each with the offset of its value.
    pub(super) attributes: Vec<(String, &'a str, usize)>,
    /// Where it begins.
    pub(super) offset: usize,
    /// Where its raw content begins, and the content; only of `script` and `style`.
    pub(super) content: Option<(usize, &'a str)>,
    /// True when nothing stands before it on its line.
    pub(super) begins_line: bool,
}

impl<'a> Tag<'a> {
    /// The value of an attribute; empty when it has none.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(key, ..)| key == name).map(|(_, value, _)| *value)
    }

    /// Where the value of an attribute begins.
    pub(super) fn offset_of(&self, name: &str) -> usize {
        self.attributes.iter().find(|(key, ..)| key == name).map_or(self.offset, |(.., offset)| *offset)
    }
}

/// Every opening tag of `text` from `start` on, comments left out.
pub(super) fn tags(text: &str, start: usize) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut at = start;
    while let Some(next) = text[at..].find('<') {
        let open = at + next;
        let rest = &text[open..];
        at = if rest.starts_with("<!--") {
            rest.find("-->").map_or(text.len(), |end| open + end + 3)
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            let (tag, end) = read_tag(text, open);
            found.push(tag);
            end
        } else {
            open + 1
        };
    }
    found
}

fn read_tag(text: &str, open: usize) -> (Tag<'_>, usize) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '_');
    let name_end = text[open + 1..].find(|c| !is_name(c)).map_or(text.len(), |end| open + 1 + end);
    let name = text[open + 1..name_end].to_owned();
    let line = text[..open].rfind('\n').map_or(0, |at| at + 1);
    let begins_line = text[line..open].trim().is_empty();
    let (attributes, mut end, closed) = read_attributes(text, name_end);
    let mut content = None;
    // `Script` is a component.
    if matches!(name.as_str(), "script" | "style" | "SCRIPT" | "STYLE") && !closed {
        let length = raw_length(&text[end..], &name);
        content = Some((end, &text[end..end + length]));
        end += length;
    }
    (Tag { name: name.to_ascii_lowercase(), attributes, offset: open, content, begins_line }, end)
}

fn raw_length(text: &str, name: &str) -> usize {
    let ends = text.match_indices("</").map(|(at, _)| at);
    let mut closing = ends.filter(|at| {
        text.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
    });
    closing.next().unwrap_or(text.len())
}

type Attributes<'a> = Vec<(String, &'a str, usize)>;

/// The attributes, the index after `>`, and whether the tag closes itself.
fn read_attributes(text: &str, from: usize) -> (Attributes<'_>, usize, bool) {
    let bytes = text.as_bytes();
    let mut attributes = Vec::new();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'>' => return (attributes, at + 1, false),
            b'/' if bytes.get(at + 1) == Some(&b'>') => return (attributes, at + 2, true),
            b'{' => at = skip_braces(bytes, at),
            byte if byte.is_ascii_whitespace() || matches!(byte, b'/' | b'=' | b'"' | b'\'') => at += 1,
            _ => at = read_attribute(text, at, &mut attributes),
        }
    }
    (attributes, text.len(), false)
}

fn read_attribute<'a>(text: &'a str, from: usize, attributes: &mut Attributes<'a>) -> usize {
    let stops = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/' | '{' | '"' | '\'');
    let name_end = text[from..].find(stops).map_or(text.len(), |end| from + end);
    let name = text[from..name_end].to_ascii_lowercase();
    let bytes = text.as_bytes();
    let skip_space = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    let equals = skip_space(name_end);
    if bytes.get(equals) != Some(&b'=') {
        attributes.push((name, "", from));
        return name_end.max(from + 1);
    }
    let value = skip_space(equals + 1);
    let (start, end, next) = match bytes.get(value) {
        Some(b'"' | b'\'') => {
            let quote = char::from(bytes[value]);
            let end = text[value + 1..].find(quote).map_or(text.len(), |end| value + 1 + end);
            (value + 1, end, (end + 1).min(text.len()))
        }
        Some(b'{') => {
            let end = skip_braces(bytes, value);
            (value, end, end)
        }
        _ => {
            let end = text[value..].find(|c: char| c.is_whitespace() || c == '>');
            let end = end.map_or(text.len(), |end| value + end);
            (value, end, end)
        }
    };
    attributes.push((name, &text[start..end], start));
    next
}

/// The index after the brace that closes the one at `at`; quotes inside count as they do in JavaScript.
fn skip_braces(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut index, mut quote) = (0_usize, at, None);
    while index < bytes.len() {
        let byte = bytes[index];
        match quote {
            Some(_) if byte == b'\\' => index += 1,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None => match byte {
                b'"' | b'\'' | b'`' => quote = Some(byte),
                b'{' => depth += 1,
                b'}' if depth <= 1 => return index + 1,
                b'}' => depth -= 1,
                _ => {}
            },
        }
        index += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_with_their_attributes_and_raw_content() {
        let text = "<!-- <script src=no> --><p>Don't <b>\n<script type=module src='/a.ts'></script>\
            <style lang=\"scss\">a > b {}</style><script define:vars={{ a: '}' }} is:inline>x</script><Script/>";
        let found = tags(text, 0);
        let names: Vec<_> = found.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["p", "b", "script", "style", "script", "script"]);
        assert_eq!(found[2].attribute("src"), Some("/a.ts"));
        assert_eq!(&text[found[2].offset_of("src")..][..5], "/a.ts");
        assert!(found[2].begins_line && !found[3].begins_line);
        assert_eq!(found[3].content.unwrap().1, "a > b {}");
        assert_eq!(found[4].attribute("is:inline"), Some(""));
        assert_eq!(found[4].content.unwrap().1, "x");
        assert_eq!(found[5].content, None);
    }

    #[test]
    fn what_is_cut_off_is_read_to_its_end() {
        for text in
            ["<", "<a", "<a b", "<a b=", "<a b='", "<a b={", "<script", "<script>", "<!--", "<a =", "<é"]
        {
            tags(text, 0);
        }
    }
}
