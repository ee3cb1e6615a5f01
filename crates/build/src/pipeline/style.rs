//! The files that a style sheet names: `@import` and `url()`, found by a real tokenizer.

use cssparser::{ParseError, Parser, Token};

use super::references::{MAX_REFERENCES, Reference, ReferenceKind};

/// Blocks within blocks that are looked into; deeper ones can only have been made to be a nuisance.
const MAX_DEPTH: usize = 64;

/// Every address in a style sheet, or in the value of a `style` attribute.
pub(super) fn references(source: &str) -> Vec<Reference> {
    let mut parser = Parser::new(source);
    let mut found = Vec::new();
    walk(&mut parser, 0, ReferenceKind::Media, &mut found);
    found
}

/// `kind` is what an address is for that stands here: an `@import` in front makes it a style sheet.
fn walk(parser: &mut Parser<'_>, depth: usize, kind: ReferenceKind, found: &mut Vec<Reference>) {
    let mut expects = kind;
    // `url("…")` and `src("…")` are functions with a string; strings elsewhere are no addresses.
    let mut takes_string = false;
    while found.len() < MAX_REFERENCES {
        let token = match parser.next() {
            Ok(token) => token.clone(),
            Err(_) => return,
        };
        match token {
            Token::AtKeyword(name) => {
                takes_string = name.eq_ignore_ascii_case("import");
                expects = if takes_string { ReferenceKind::StyleSheet } else { kind };
            }
            Token::UnquotedUrl(address) => {
                found.push(Reference { kind: expects, address: address.as_ref().to_owned() });
                takes_string = false;
            }
            Token::QuotedString(address) if takes_string => {
                found.push(Reference { kind: expects, address: address.as_ref().to_owned() });
                takes_string = false;
            }
            Token::Function(name) => {
                let is_url = name.eq_ignore_ascii_case("url") || name.eq_ignore_ascii_case("src");
                if is_url {
                    takes_string = false;
                }
                enter(parser, depth, |inner, depth| match is_url {
                    true => {
                        if let Ok(address) = inner.expect_string() {
                            found.push(Reference { kind: expects, address: address.as_ref().to_owned() });
                        }
                    }
                    false => walk(inner, depth, kind, found),
                });
            }
            Token::ParenthesisBlock | Token::SquareBracketBlock => {
                enter(parser, depth, |inner, depth| walk(inner, depth, kind, found));
            }
            Token::CurlyBracketBlock => {
                (expects, takes_string) = (kind, false);
                enter(parser, depth, |inner, depth| walk(inner, depth, kind, found));
            }
            Token::Semicolon => (expects, takes_string) = (kind, false),
            _ => {}
        }
    }
}

/// Looks into the block that has just begun; a parser that is not asked to skips it.
fn enter(parser: &mut Parser<'_>, depth: usize, look: impl FnOnce(&mut Parser<'_>, usize)) {
    if depth >= MAX_DEPTH {
        return;
    }
    // What cannot be read is a browser's to ignore, too.
    let _ = parser.parse_nested_block(|inner| {
        look(inner, depth + 1);
        while inner.next().is_ok() {}
        Ok::<(), ParseError<()>>(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(source: &str) -> Vec<(bool, String)> {
        let is_sheet = |reference: &Reference| reference.kind == ReferenceKind::StyleSheet;
        references(source).into_iter().map(|reference| (is_sheet(&reference), reference.address)).collect()
    }

    #[test]
    fn imports_and_urls_are_found_and_comments_and_strings_are_not() {
        let source = r#"@charset "utf-8"; @import "a.css"; @import url(b.css) layer(x); @IMPORT url("c.css") supports(display: grid);
            /* url(no.png) @import "no.css"; */ a::before { content: "url(no.png)"; background: URL( 'd.png' ), url(e.png) }
            @media (min-width: 1px) { @font-face { src: local("no"), url(f.woff2) format("woff2") } }
            b { background: image-set(url(g.png) 1x, "h.png" 2x); cursor: url(data:,x), auto }"#;
        let sheets = ["a.css", "b.css", "c.css"].map(|address| (true, address.to_owned()));
        let media =
            ["d.png", "e.png", "f.woff2", "g.png", "data:,x"].map(|address| (false, address.to_owned()));
        assert_eq!(found(source), [sheets.as_slice(), media.as_slice()].concat());
    }

    #[test]
    fn a_sheet_of_nothing_but_brackets_is_read() {
        assert!(found(&"{(".repeat(200_000)).is_empty());
        assert_eq!(found("a { background: url(x.png").len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(source in "\\PC{0,60}|[@{}();\"'/* url]{0,40}") {
            let _ = found(&source);
        }
    }
}
