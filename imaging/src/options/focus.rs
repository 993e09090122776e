//! The point around which a caller wants a picture to be cropped.

use std::str::FromStr;

/// The point of a picture that matters most, to a ten-thousandth of its width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Focus {
    x: u16,
    y: u16,
}

impl Focus {
    const STEPS: f64 = 10_000.0;

    /// Creates a focus from the left and top edge, 0 to 1. Returns `None` outside of the picture.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        let steps = |part: f64| (0.0..=1.0).contains(&part).then(|| (part * Self::STEPS).round() as u16);
        Some(Self { x: steps(x)?, y: steps(y)? })
    }

    /// Distance from the left edge, 0 to 1.
    #[must_use]
    pub fn x(self) -> f64 {
        f64::from(self.x) / Self::STEPS
    }

    /// Distance from the top edge, 0 to 1.
    #[must_use]
    pub fn y(self) -> f64 {
        f64::from(self.y) / Self::STEPS
    }
}

impl std::fmt::Display for Focus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{}", self.x(), self.y())
    }
}

impl FromStr for Focus {
    type Err = FocusError;

    fn from_str(text: &str) -> Result<Self, FocusError> {
        let (x, y) = text.split_once(',').ok_or(FocusError)?;
        // Digits and one point: no exponents, signs or names of numbers.
        let part = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            is_plain.then(|| text.parse().ok()).flatten()
        };
        part(x).zip(part(y)).and_then(|(x, y)| Self::new(x, y)).ok_or(FocusError)
    }
}

/// The text is not a focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a focus is two numbers from 0 to 1 with a comma between them, such as 0.5,0.3")]
pub struct FocusError;
