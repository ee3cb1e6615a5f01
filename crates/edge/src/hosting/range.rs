//! Byte ranges (RFC 9110, 14): which parts of a file are asked for, and how several of them are put into one answer.

use std::ops::Range;

use bytes::Bytes;
use vitrine_model::Sha256;

/// Ranges in one request; more are ignored, as a list of thousands costs us more than it can be worth to anybody.
const MAX_RANGES: usize = 16;

/// What a `Range` field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// Nothing we serve in parts: malformed, another unit, too many, or more than the whole. The whole is sent.
    Whole,
    /// Nothing that the file has.
    Unsatisfiable,
    /// These parts, none empty, in the order asked for.
    Parts(Vec<Range<u64>>),
}

impl Ranges {
    /// Reads the field for a file of `len` bytes.
    pub(crate) fn parse(field: &str, len: u64) -> Self {
        let Some((unit, list)) = field.split_once('=') else {
            return Self::Whole;
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") || list.split(',').count() > MAX_RANGES {
            return Self::Whole;
        }
        let mut parts = Vec::new();
        for spec in list.split(',') {
            match part(spec.trim(), len) {
                Ok(Some(range)) => parts.push(range),
                Ok(None) => {}
                Err(Malformed) => return Self::Whole,
            }
        }
        // Overlapping parts could make an answer many times the file.
        let total: u64 = parts.iter().map(|range| range.end - range.start).sum();
        match parts.is_empty() {
            true => Self::Unsatisfiable,
            false if total > len => Self::Whole,
            false => Self::Parts(parts),
        }
    }
}

struct Malformed;

/// One range of the list, cut to the file; None when it lies beyond.
fn part(spec: &str, len: u64) -> Result<Option<Range<u64>>, Malformed> {
    let (first, last) = spec.split_once('-').ok_or(Malformed)?;
    let range = match (first.is_empty(), last.is_empty()) {
        (true, true) => return Err(Malformed),
        (true, false) => len.saturating_sub(number(last)?)..len,
        (false, true) => number(first)?..len,
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err(Malformed);
            }
            first..len.min(last.saturating_add(1))
        }
    };
    Ok((range.start < range.end).then_some(range))
}

/// A position; beyond what fits it is the end of every file.
fn number(text: &str) -> Result<u64, Malformed> {
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Malformed);
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// The frame of an answer with several parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Multipart {
    /// Each part's own head, and the bytes it stands before.
    pub(crate) parts: Vec<(Bytes, Range<u64>)>,
    /// What stands after the last.
    pub(crate) end: Bytes,
    /// The value of `Content-Type`.
    pub(crate) content_type: String,
    /// The length of it all.
    pub(crate) len: u64,
}

impl Multipart {
    /// Frames parts of the file with this hash. The boundary is made of the hash: no file contains its own.
    pub(crate) fn new(file: &Sha256, content_type: &str, ranges: Vec<Range<u64>>, len: u64) -> Self {
        let boundary = &file.to_hex()[..40];
        let parts: Vec<_> = ranges
            .into_iter()
            .map(|range| {
                let content_range = content_range(&range, len);
                let head = format!(
                    "\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range}\r\n\r\n"
                );
                (Bytes::from(head), range)
            })
            .collect();
        let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        let heads: u64 = parts.iter().map(|(head, range)| head.len() as u64 + range.end - range.start).sum();
        let content_type = format!("multipart/byteranges; boundary={boundary}");
        Self { len: heads + end.len() as u64, parts, end, content_type }
    }
}

/// The value of `Content-Range`.
pub(crate) fn content_range(range: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end - 1)
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one range is what is asked for")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file_and_what_lies_beyond_is_left_out() {
        let parts = |ranges: &[Range<u64>]| Ranges::Parts(ranges.to_vec());
        for (field, ranges) in [
            ("bytes=0-0", parts(&[0..1])),
            ("bytes=2-", parts(&[2..10])),
            ("bytes=-3", parts(&[7..10])),
            ("bytes=-99", parts(&[0..10])),
            ("Bytes=0-99999999999999999999999", parts(&[0..10])),
            ("bytes=0-1, 8-,20-30", parts(&[0..2, 8..10])),
            ("bytes=10-", Ranges::Unsatisfiable),
            ("bytes=-0", Ranges::Unsatisfiable),
            ("bytes=99999999999999999999-", Ranges::Unsatisfiable),
            ("bytes=0-9,0-9", Ranges::Whole),
            ("bytes=5-2", Ranges::Whole),
            ("bytes=-", Ranges::Whole),
            ("bytes=a-b", Ranges::Whole),
            ("bytes=+1-2", Ranges::Whole),
            ("items=0-1", Ranges::Whole),
            ("bytes", Ranges::Whole),
        ] {
            assert_eq!(Ranges::parse(field, 10), ranges, "{field}");
        }
        assert_eq!(Ranges::parse("bytes=-1", 0), Ranges::Unsatisfiable);
    }

    #[test]
    fn the_limit_of_ranges_is_reached_and_not_passed() {
        let field = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        assert!(
            matches!(Ranges::parse(&field(MAX_RANGES), 100), Ranges::Parts(parts) if parts.len() == MAX_RANGES)
        );
        assert_eq!(Ranges::parse(&field(MAX_RANGES + 1), 100), Ranges::Whole);
    }

    proptest! {
        #[test]
        fn no_part_reaches_beyond_the_file(field in "bytes=([0-9]{0,3}-[0-9]{0,3},?){1,4}", len in 0_u64..500) {
            if let Ranges::Parts(parts) = Ranges::parse(&field, len) {
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= len));
                prop_assert!(parts.iter().map(|part| part.end - part.start).sum::<u64>() <= len);
            }
        }
    }
}
