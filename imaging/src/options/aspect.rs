//! The aspect ratio of a crop, as requests name it: `3:2`, `40:21`, `1.91:1`.

use std::str::FromStr;

/// A ratio of width to height, in numbers up to 100 with up to two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aspect {
    /// Both in hundredths if either is above [`Aspect::MAX`].
    width: u32,
    height: u32,
}

impl Aspect {
    /// Maximum of either number.
    pub const MAX: u32 = 100;

    /// Creates `width:height`, both in hundredths. Returns `None` if either is 0 or above [`Aspect::MAX`], or if one is more
    /// than [`Aspect::MAX`] times the other.
    fn of_hundredths(width: u32, height: u32) -> Option<Self> {
        const ONE: u32 = 100;
        let fits = |side, other| (1..=Self::MAX * ONE).contains(&side) && side <= other * Self::MAX;
        if !fits(width, height) || !fits(height, width) {
            return None;
        }
        let divisor = common_divisor(width, height);
        let reduced = Self { width: width / divisor, height: height / divisor };
        let is_whole = reduced.width.max(reduced.height) <= Self::MAX;
        Some(if is_whole { reduced } else { Self { width, height } })
    }

    /// Creates `width:height`. Returns `None` unless both are between 1 and [`Aspect::MAX`].
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let fits = |side| (1..=Self::MAX).contains(&side);
        (fits(width) && fits(height)).then_some(Self { width, height })
    }

    /// The width, in the same unit as the height.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width
    }

    /// The height, in the same unit as the width.
    #[must_use]
    pub fn height(self) -> u32 {
        self.height
    }
}

impl Default for Aspect {
    /// 3:2.
    fn default() -> Self {
        Self { width: 3, height: 2 }
    }
}

impl std::fmt::Display for Aspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.width.max(self.height) <= Self::MAX {
            return write!(f, "{}:{}", self.width, self.height);
        }
        write!(f, "{}:{}", f64::from(self.width) / 100.0, f64::from(self.height) / 100.0)
    }
}

impl FromStr for Aspect {
    type Err = AspectError;

    fn from_str(text: &str) -> Result<Self, AspectError> {
        let (width, height) = text.split_once(':').ok_or(AspectError)?;
        let whole = |digits: &str| {
            (digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
        };
        let of_whole = |(width, height)| Self::new(width, height);
        let of_decimals = || Self::of_hundredths(hundredths(width)?, hundredths(height)?);
        whole(width).zip(whole(height)).map_or_else(of_decimals, of_whole).ok_or(AspectError)
    }
}

/// A number with up to two decimals, in hundredths.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || !is_number(whole)
        || !is_number(decimals)
        || decimals.len() > 2
        || text.ends_with('.')
    {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let decimals: u32 = format!("{decimals:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(decimals)
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// The text is not an aspect ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an aspect ratio is two numbers up to 100 with a colon between them, such as 3:2 or 1.91:1")]
pub struct AspectError;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_aspect_ratio_has_whole_numbers_or_decimals() {
        for (text, sides, shown) in [
            ("3:2", (3, 2), "3:2"),
            ("40:21", (40, 21), "40:21"),
            ("6:4", (6, 4), "6:4"),
            ("100:1", (100, 1), "100:1"),
            ("1.91:1", (191, 100), "1.91:1"),
            ("1:1.91", (100, 191), "1:1.91"),
            ("2.5:1", (5, 2), "5:2"),
            ("0.8:1.0", (4, 5), "4:5"),
            ("99.99:1", (9_999, 100), "99.99:1"),
        ] {
            let aspect: Aspect = text.parse().unwrap();
            assert_eq!((aspect.width(), aspect.height()), sides, "{text}");
            assert_eq!(aspect.to_string(), shown, "{text}");
        }
        for text in [
            "",
            ":",
            "3",
            "3:",
            "0:2",
            "3:0",
            "101:1",
            "1.911:1",
            "1.:1",
            ".5:1",
            "1,91:1",
            "-1:1",
            "+3:2",
            "1.91:0.01",
            "0.00:1",
            "1e1:1",
            "NaN:1",
            "3:2:1",
            "100.01:50",
            "99999999999:1",
        ] {
            assert_eq!(text.parse::<Aspect>(), Err(AspectError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_aspect_ratio_survives_a_round_trip(text in "[0-9]{1,3}(\\.[0-9]{1,2})?:[0-9]{1,3}(\\.[0-9]{1,2})?") {
            if let Ok(aspect) = text.parse::<Aspect>() {
                prop_assert_eq!(aspect.to_string().parse(), Ok(aspect));
                prop_assert!(aspect.width() <= 100 * aspect.height() && aspect.height() <= 100 * aspect.width());
            }
        }
    }
}
