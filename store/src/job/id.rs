//! Job ids: `job_`, twelve hex digits of milliseconds since 1970, 32 of randomness. Sortable by time, and not to
//! be guessed: who holds one may see its job.

use std::fmt;
use std::time::Duration;

use rand::RngCore;

const PREFIX: &str = "job_";
const DIGITS: usize = 44;
/// How many of them are the time.
const MILLIS: usize = 12;

/// A job's id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Box<str>);

impl JobId {
    /// A new id of this moment (since 1970) with 128 random bits.
    #[must_use]
    pub fn generate(now: Duration, random: &mut impl RngCore) -> Self {
        let mut bits = [0; 16];
        random.fill_bytes(&mut bits);
        let millis = now.as_millis() as u64 & 0xffff_ffff_ffff;
        Self(format!("{PREFIX}{millis:012x}{:032x}", u128::from_be_bytes(bits)).into())
    }

    /// The id that this text is, if it has the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == DIGITS && digits.bytes().all(hex)).then(|| Self(text.into()))
    }

    /// When the id was made, since 1970, to the millisecond.
    #[must_use]
    pub fn created_at(&self) -> Duration {
        let millis = &self.0[PREFIX.len()..PREFIX.len() + MILLIS];
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
        assert_ne!(at(1), at(1));
    }

    #[test]
    fn an_id_knows_when_it_was_made() {
        for at in
            [Duration::ZERO, Duration::from_millis(1_700_000_000_123), Duration::from_millis((1 << 48) - 1)]
        {
            assert_eq!(JobId::generate(at, &mut rand::rng()).created_at(), at);
        }
    }

    #[test]
    fn what_is_no_id_does_not_parse() {
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
