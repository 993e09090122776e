//! Parses the `Range` header (RFC 9110, 14) for one range of bytes. A request for several ranges or in another unit gets
//! everything.
//!
//! actix-web's own `Range` header is stricter about the unit's case, laxer about numbers (`+1`), and rejects numbers
//! beyond 64 bits, so this module parses by itself.

use std::ops::Range;

use actix_web::http::header::{HeaderMap, RANGE};

/// The part of a file that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RangeRequest {
    /// The whole file.
    Whole,
    /// These bytes: at least one, all within the file.
    Part(Range<u64>),
    /// Bytes that the file does not have.
    Unsatisfiable,
}

impl RangeRequest {
    /// Reads the header of a request for a file of `length` bytes.
    pub(crate) fn of(headers: &HeaderMap, length: u64) -> Self {
        let mut values = headers.get_all(RANGE);
        match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(value), None) => Self::parse(value, length),
            _ => Self::Whole,
        }
    }

    fn parse(value: &str, length: u64) -> Self {
        let Some((unit, range)) = value.split_once('=') else { return Self::Whole };
        let Some((first, last)) = range.trim().split_once('-') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        let range = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
            (Some(first), None) if last.is_empty() => first..length,
            (None, Some(count)) if first.is_empty() => length - count.min(length)..length,
            _ => return Self::Whole,
        };
        if range.is_empty() { Self::Unsatisfiable } else { Self::Part(range) }
    }
}

/// Parses digits only. A number beyond `u64` counts as the largest `u64`.
fn number(digits: &str) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_parsed() {
        for (value, parsed) in [
            ("bytes=0-0", RangeRequest::Part(0..1)),
            ("bytes=0-99", RangeRequest::Part(0..100)),
            ("BYTES=10-", RangeRequest::Part(10..100)),
            ("bytes=90-200", RangeRequest::Part(90..100)),
            ("bytes=-30", RangeRequest::Part(70..100)),
            ("bytes=-300", RangeRequest::Part(0..100)),
            ("bytes=5-99999999999999999999999", RangeRequest::Part(5..100)),
            ("bytes=100-", RangeRequest::Unsatisfiable),
            ("bytes=100-200", RangeRequest::Unsatisfiable),
            ("bytes=99999999999999999999999-", RangeRequest::Unsatisfiable),
            ("bytes=-0", RangeRequest::Unsatisfiable),
            ("bytes=0-1,5-6", RangeRequest::Whole),
            ("bytes=5-4", RangeRequest::Whole),
            ("bytes=-", RangeRequest::Whole),
            ("bytes=+1-2", RangeRequest::Whole),
            ("bytes=a-b", RangeRequest::Whole),
            ("bytes", RangeRequest::Whole),
            ("lines=0-1", RangeRequest::Whole),
            ("", RangeRequest::Whole),
        ] {
            assert_eq!(RangeRequest::parse(value, 100), parsed, "{value}");
        }
    }

    #[test]
    fn no_range_of_an_empty_file_is_satisfiable() {
        assert_eq!(RangeRequest::parse("bytes=0-", 0), RangeRequest::Unsatisfiable);
        assert_eq!(RangeRequest::parse("bytes=-5", 0), RangeRequest::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_is_within_the_file_and_not_empty(value in "bytes=[0-9]{0,3}-?[0-9]{0,3}", length in 0u64..500) {
            if let RangeRequest::Part(part) = RangeRequest::parse(&value, length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
