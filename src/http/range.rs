//! `Range` (RFC 9110, 14): one range of bytes. Whoever asks for several, or in another unit, is sent everything.

use std::ops::Range;

use actix_web::http::header::{HeaderMap, RANGE};

/// What a request asks of `length` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// All of them.
    All,
    /// These: at least one, all within the length.
    Part(Range<u64>),
    /// Some that are not there.
    Beyond,
}

impl Wish {
    /// Reads the header.
    #[must_use]
    pub(crate) fn of(headers: &HeaderMap, length: u64) -> Self {
        let mut values = headers.get_all(RANGE);
        match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(value), None) => Self::parse(value, length),
            _ => Self::All,
        }
    }

    fn parse(value: &str, length: u64) -> Self {
        let Some((unit, range)) = value.split_once('=') else { return Self::All };
        let Some((first, last)) = range.trim().split_once('-') else { return Self::All };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::All;
        }
        let range = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
            (Some(first), None) if last.is_empty() => first..length,
            (None, Some(count)) if first.is_empty() => length - count.min(length)..length,
            _ => return Self::All,
        };
        if range.is_empty() { Self::Beyond } else { Self::Part(range) }
    }
}

/// Digits alone; more of them than a `u64` holds are as many as it holds.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read() {
        for (value, wish) in [
            ("bytes=0-0", Wish::Part(0..1)),
            ("bytes=0-99", Wish::Part(0..100)),
            ("BYTES=10-", Wish::Part(10..100)),
            ("bytes=90-200", Wish::Part(90..100)),
            ("bytes=-30", Wish::Part(70..100)),
            ("bytes=-300", Wish::Part(0..100)),
            ("bytes=5-99999999999999999999999", Wish::Part(5..100)),
            ("bytes=100-", Wish::Beyond),
            ("bytes=100-200", Wish::Beyond),
            ("bytes=99999999999999999999999-", Wish::Beyond),
            ("bytes=-0", Wish::Beyond),
            ("bytes=0-1,5-6", Wish::All),
            ("bytes=5-4", Wish::All),
            ("bytes=-", Wish::All),
            ("bytes=+1-2", Wish::All),
            ("bytes=a-b", Wish::All),
            ("bytes", Wish::All),
            ("lines=0-1", Wish::All),
            ("", Wish::All),
        ] {
            assert_eq!(Wish::parse(value, 100), wish, "{value}");
        }
    }

    #[test]
    fn nothing_has_no_parts() {
        assert_eq!(Wish::parse("bytes=0-", 0), Wish::Beyond);
        assert_eq!(Wish::parse("bytes=-5", 0), Wish::Beyond);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_and_is_not_empty(value in "bytes=[0-9]{0,3}-?[0-9]{0,3}", length in 0u64..500) {
            if let Wish::Part(part) = Wish::parse(&value, length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
