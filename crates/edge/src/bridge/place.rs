//! Where in a page a script goes so that it runs before everything of the page's own: right after `<head>`, or where a
//! browser would put a head that is not written.
//!
//! A scanner of its own and not a parser of HTML: of a page only what may stand before its head has to be understood
//! (white space, comments, doctypes, the start tags of `html` and `head`; HTML, 13.2.6.4), everything behind passes unseen.

/// What is known after a piece of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// The script goes before this byte of the piece.
    At(usize),
    /// Further on. So many bytes at the end of the piece may be the first of what it has to stand before: they are handed in
    /// again, before the next piece.
    Further { undecided: usize },
}

/// Reads a page up to its head.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    within: Within,
    has_begun: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Within {
    #[default]
    Text,
    /// A doctype, a processing instruction, or what else ends with the next `>`.
    Declaration,
    Comment(Comment),
    Tag {
        is_head: bool,
        part: Part,
    },
}

/// The states of a comment in which its end is told apart (HTML, 13.2.5.43 to 13.2.5.52).
#[derive(Debug, Clone, Copy)]
enum Comment {
    Start,
    StartDash,
    Inside,
    Dash,
    DashDash,
    Bang,
}

/// The parts of a start tag: a `>` inside of quotes does not end it (HTML, 13.2.5.32 to 13.2.5.40).
#[derive(Debug, Clone, Copy)]
enum Part {
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    DoubleQuoted,
    SingleQuoted,
    Unquoted,
}

enum Token {
    Skip(usize, Within),
    Undecided,
    Here,
}

impl Scanner {
    /// Looks at the next piece, which begins with what was undecided of the last.
    pub(super) fn scan(&mut self, piece: &[u8]) -> Scan {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            match self.within {
                Within::Text => match self.token(&piece[at..]) {
                    Token::Skip(bytes, within) => {
                        at += bytes;
                        self.within = within;
                        continue;
                    }
                    Token::Undecided => return Scan::Further { undecided: piece.len() - at },
                    Token::Here => return Scan::At(at),
                },
                Within::Declaration if byte == b'>' => self.within = Within::Text,
                Within::Declaration => {}
                Within::Comment(comment) => {
                    self.within = comment.after(byte).map_or(Within::Text, Within::Comment);
                }
                Within::Tag { is_head, part } => match part.after(byte) {
                    Some(part) => self.within = Within::Tag { is_head, part },
                    None if is_head => return Scan::At(at + 1),
                    None => self.within = Within::Text,
                },
            }
            at += 1;
        }
        Scan::Further { undecided: 0 }
    }

    /// What begins here, outside of anything.
    fn token(&mut self, rest: &[u8]) -> Token {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        if !self.has_begun {
            self.has_begun = true;
            if rest.starts_with(BYTE_ORDER_MARK) {
                return Token::Skip(BYTE_ORDER_MARK.len(), Within::Text);
            }
            if BYTE_ORDER_MARK.starts_with(rest) {
                self.has_begun = false;
                return Token::Undecided;
            }
        }
        match rest {
            [b'\t' | b'\n' | b'\x0c' | b'\r' | b' ', ..] => Token::Skip(1, Within::Text),
            [b'<', b'!', ..] => markup(rest),
            [b'<', b'?', ..] => Token::Skip(2, Within::Declaration),
            [b'<', b'/', b'>', ..] => Token::Skip(3, Within::Text),
            [b'<', b'/', letter, ..] if letter.is_ascii_alphabetic() => Token::Here,
            [b'<', b'/', _, ..] => Token::Skip(2, Within::Declaration),
            [b'<'] | [b'<', b'/'] => Token::Undecided,
            [b'<', letter, ..] if letter.is_ascii_alphabetic() => start_tag(&rest[1..]),
            _ => Token::Here,
        }
    }
}

fn markup(rest: &[u8]) -> Token {
    const COMMENT: &[u8] = b"<!--";
    match rest.starts_with(COMMENT) {
        true => Token::Skip(COMMENT.len(), Within::Comment(Comment::Start)),
        false if COMMENT.starts_with(rest) => Token::Undecided,
        false => Token::Skip(2, Within::Declaration),
    }
}

fn start_tag(rest: &[u8]) -> Token {
    let ends = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'/' | b'>');
    let length = rest.iter().position(ends);
    let name = &rest[..length.unwrap_or(rest.len())];
    let tag = |is_head| Token::Skip(1 + name.len(), Within::Tag { is_head, part: Part::BeforeName });
    let begins = |whole: &[u8]| whole.get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name));
    match length {
        Some(_) if name.eq_ignore_ascii_case(b"html") => tag(false),
        Some(_) if name.eq_ignore_ascii_case(b"head") => tag(true),
        None if begins(b"html") || begins(b"head") => Token::Undecided,
        _ => Token::Here,
    }
}

impl Comment {
    /// None at its end.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Start | Self::StartDash | Self::DashDash | Self::Bang, b'>') => return None,
            (Self::Start, b'-') => Self::StartDash,
            (Self::StartDash | Self::Dash | Self::DashDash, b'-') => Self::DashDash,
            (Self::Inside | Self::Bang, b'-') => Self::Dash,
            (Self::DashDash, b'!') => Self::Bang,
            _ => Self::Inside,
        })
    }
}

impl Part {
    /// None at the end of the tag.
    fn after(self, byte: u8) -> Option<Self> {
        let is_space = matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
        Some(match (self, byte) {
            (Self::DoubleQuoted, b'"') | (Self::SingleQuoted, b'\'') => Self::BeforeName,
            (Self::DoubleQuoted | Self::SingleQuoted, _) => self,
            (_, b'>') => return None,
            (Self::BeforeValue, _) if is_space => self,
            (Self::BeforeValue, b'"') => Self::DoubleQuoted,
            (Self::BeforeValue, b'\'') => Self::SingleQuoted,
            (Self::BeforeValue, _) => Self::Unquoted,
            (Self::Unquoted, _) if is_space => Self::BeforeName,
            (Self::Unquoted, _) => self,
            (Self::Name | Self::AfterName, b'=') => Self::BeforeValue,
            (Self::Name | Self::AfterName, b'/') => Self::BeforeName,
            (Self::Name | Self::AfterName, _) if is_space => Self::AfterName,
            (Self::BeforeName, b'/') => self,
            (Self::BeforeName, _) if is_space => self,
            _ => Self::Name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page with a mark at the place, read in pieces of `size`.
    fn marked(page: &[u8], size: usize) -> Vec<u8> {
        let mut scanner = Scanner::default();
        let (mut out, mut held, mut is_found) = (Vec::new(), Vec::new(), false);
        for piece in page.chunks(size.max(1)) {
            if is_found {
                out.extend_from_slice(piece);
                continue;
            }
            held.extend_from_slice(piece);
            match scanner.scan(&held) {
                Scan::At(at) => {
                    out.extend_from_slice(&held[..at]);
                    out.push(b'#');
                    out.extend_from_slice(&held[at..]);
                    is_found = true;
                    held.clear();
                }
                Scan::Further { undecided } => {
                    let decided = held.len() - undecided;
                    out.extend(held.drain(..decided));
                }
            }
        }
        out.extend(held);
        out
    }

    fn assert_marked(page: &str) {
        for size in [1, 2, 3, 7, 1_000] {
            let found = String::from_utf8(marked(page.replacen('#', "", 1).as_bytes(), size)).unwrap();
            assert_eq!(found, page, "in pieces of {size}");
        }
    }

    #[test]
    fn it_goes_right_after_the_head_begins() {
        for page in [
            "<!doctype html><html><head>#<meta charset=utf-8>",
            "\u{feff}<!DOCTYPE html>\n<!-- a -- b -->\n<HTML lang=\"a>b\">\n<HEAD data-x='>' y=>#",
            "<?xml version=\"1.0\"?><!doctype html SYSTEM \"about:legacy-compat\"><html><head\n/>#",
            "<!--><head>#-->",
            "<!---><head>#",
            "<!-- x --!><head>#",
            "<!-- <head> ---><head>#<title>",
            "<html a=b/><head a = 'x' b = >#",
            "<html a=\"1\"b='>'><head>#",
            "</><head>#",
            "</ x><head>#",
            "<html><html><head>#",
        ] {
            assert_marked(page);
        }
    }

    #[test]
    fn without_a_head_it_goes_before_what_would_end_one() {
        for page in [
            "<!doctype html>\n#<title>a</title>",
            "<!doctype html><html>#<body>",
            "#<script>1</script>",
            "#text",
            "<html>#</html>",
            "#<header>",
            "#<h1>",
            "#<heads>",
            "#</p>",
            "#< x",
            "#<<head>",
            "#\u{e9}",
        ] {
            assert_marked(page);
        }
    }

    #[test]
    fn a_page_that_does_not_get_as_far_has_no_place() {
        for page in [
            "",
            "  \n",
            "<!doctype html>",
            "<!-- never ends <head>",
            "<html",
            "<head title=\"",
            "<hea",
            "\u{feff}",
        ] {
            assert_eq!(marked(page.as_bytes(), 3), page.as_bytes());
        }
    }
}
