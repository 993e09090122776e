//! Job ids: `job_`, then twelve hex digits with the milliseconds since 1970, then 32 random hex digits.
//!
//! Ids sort by time. They cannot be guessed, since everyone who knows an id may see its job.

use std::fmt;
use std::time::Duration;

use rand::RngCore;

const PREFIX: &str = "job_";
const DIGITS: usize = 44;
/// The number of digits for the time.
const TIME_DIGITS: usize = 12;

/// The number of bytes that the digits stand for.
pub const JOB_ID_BYTES: usize = DIGITS / 2;

/// A job's id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Box<str>);

impl JobId {
    /// A new id with this time (since 1970) and 128 random bits.
    #[must_use]
    pub fn generate(now: Duration, random: &mut impl RngCore) -> Self {
        let mut bits = [0; 16];
        random.fill_bytes(&mut bits);
        let millis = now.as_millis() as u64 & 0xffff_ffff_ffff;
        Self(format!("{PREFIX}{millis:012x}{:032x}", u128::from_be_bytes(bits)).into())
    }

    /// Parses an id. Returns `None` if the text does not have the form of an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == DIGITS && digits.bytes().all(hex)).then(|| Self(text.into()))
    }

    /// The bytes that the id's digits stand for.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; JOB_ID_BYTES] {
        let digits = &self.0[PREFIX.len()..];
        std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap_or_default())
    }

    /// The id whose digits stand for these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; JOB_ID_BYTES]) -> Self {
        let digit = |bits: u8| char::from_digit(u32::from(bits), 16).unwrap_or_default();
        let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
        Self(PREFIX.chars().chain(digits).collect::<String>().into())
    }

    /// When the id was generated, since 1970, in whole milliseconds.
    #[must_use]
    pub fn created_at(&self) -> Duration {
        let millis = &self.0[PREFIX.len()..PREFIX.len() + TIME_DIGITS];
        Duration::from_millis(u64::from_str_radix(millis, 16).unwrap_or_default())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_parse() {
        let at = |seconds| JobId::generate(Duration::from_secs(seconds), &mut rand::rng());
        let (early, late) = (at(1_700_000_000), at(1_700_000_001));
        assert!(early < late);
        assert_eq!(JobId::parse(early.as_str()).unwrap(), early);
        assert_eq!(JobId::from_bytes(early.to_bytes()), early);
        assert_ne!(at(1), at(1));
    }

    #[test]
    fn an_id_contains_the_time_of_its_creation() {
        for at in
            [Duration::ZERO, Duration::from_millis(1_700_000_000_123), Duration::from_millis((1 << 48) - 1)]
        {
            assert_eq!(JobId::generate(at, &mut rand::rng()).created_at(), at);
        }
    }

    #[test]
    fn invalid_ids_do_not_parse() {
        let id = JobId::generate(Duration::ZERO, &mut rand::rng());
        for text in [
            "",
            "job_",
            "job_1",
            "../job_",
            &id.as_str().to_uppercase(),
            &format!("{id}0"),
            &id.as_str()[1..],
        ] {
            assert!(JobId::parse(text).is_none(), "{text}");
        }
    }
}
