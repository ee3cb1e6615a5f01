//! Cursors of lists: where the last page ended, opaque to clients.

use data_encoding::BASE64URL_NOPAD;
use vitrine_model::app::Page;

use crate::error::StoreError;

/// Writes a position as a cursor.
pub(crate) fn encode(position: i64, tie_breaker: &str) -> String {
    BASE64URL_NOPAD.encode(format!("{position} {tie_breaker}").as_bytes())
}

/// Reads a cursor back. Clients may send anything, so any text either parses or is refused.
pub(crate) fn decode(cursor: &str) -> Result<(i64, String), StoreError> {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).map_err(|_| StoreError::InvalidCursor)?;
    let text = String::from_utf8(bytes).map_err(|_| StoreError::InvalidCursor)?;
    let (position, tie_breaker) = text.split_once(' ').ok_or(StoreError::InvalidCursor)?;
    let position = position.parse().map_err(|_| StoreError::InvalidCursor)?;
    Ok((position, tie_breaker.to_owned()))
}

/// Makes a page of at most `limit` items from rows of which one more was asked for.
pub(crate) fn page<R, T>(
    mut rows: Vec<R>,
    limit: u32,
    cursor: impl Fn(&R) -> String,
    item: impl Fn(R) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let limit = limit as usize;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| has_more).map(cursor);
    let items = rows.into_iter().map(item).collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_its_position_and_foreign_text_is_refused() {
        let cursor = encode(1_763_718_000_042, "app_x");
        assert_eq!(decode(&cursor).unwrap(), (1_763_718_000_042, "app_x".to_owned()));
        for text in ["", "x", "äöü", "bm8", "!!!!"] {
            assert!(matches!(decode(text), Err(StoreError::InvalidCursor)), "{text}");
        }
    }
}
