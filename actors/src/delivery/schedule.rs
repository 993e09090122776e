//! The retry schedule: when a failed delivery is attempted again, and when it is abandoned.

use std::time::Duration;

use huemill_store::outbox::AfterAttempt;

/// The most by which a wait is randomly extended, as a share of it: receivers that failed together must not get all
/// retries together.
const JITTER: f64 = 0.2;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The wait before each attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    waits: Vec<Duration>,
    /// The longest wait that a receiver may request.
    longest: Duration,
}

impl Schedule {
    /// The first attempt runs at once, whatever the first wait says; an empty schedule allows one attempt.
    #[must_use]
    pub fn new(waits: Vec<Duration>, longest: Duration) -> Self {
        Self { waits, longest }
    }

    /// What follows the failed attempt of this number, counted from 1. `requested` is what the receiver asked for;
    /// `random` lies in 0 to 1.
    #[must_use]
    pub fn after(&self, tries: u32, requested: Option<Duration>, random: f64) -> AfterAttempt {
        let Some(wait) = self.waits.get(tries as usize) else { return AfterAttempt::Dead };
        let wait = wait.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0));
        AfterAttempt::Again(wait.max(requested.unwrap_or_default().min(self.longest)))
    }
}

impl Default for Schedule {
    fn default() -> Self {
        let seconds = [
            0,
            5,
            30,
            5 * MINUTE,
            30 * MINUTE,
            2 * HOUR,
            5 * HOUR,
            10 * HOUR,
            14 * HOUR,
            20 * HOUR,
            24 * HOUR,
        ];
        Self::new(seconds.map(Duration::from_secs).to_vec(), Duration::from_secs(24 * HOUR))
    }
}

/// Parses a `Retry-After` header into a wait, `now` in Unix seconds: it holds seconds or a date. `None` if it is
/// invalid or the date has passed.
#[must_use]
pub(super) fn parse_retry_after(header: &str, now: u64) -> Option<Duration> {
    let header = header.trim();
    if header.bytes().all(|byte| byte.is_ascii_digit()) && !header.is_empty() {
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    let at = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(at.checked_sub(now)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_default_schedule_has_eleven_attempts() {
        let schedule = Schedule::default();
        let waits: Vec<_> = (1..=11).map(|tries| schedule.after(tries, None, 0.0)).collect();
        let again = |n| AfterAttempt::Again(seconds(n));
        assert_eq!(waits[0], again(5));
        assert_eq!(waits[9], again(86_400));
        assert_eq!(waits[10], AfterAttempt::Dead);
        assert_eq!(Schedule::new(Vec::new(), seconds(1)).after(1, None, 0.0), AfterAttempt::Dead);
    }

    #[test]
    fn jitter_only_extends_a_wait_and_only_a_little() {
        let schedule = Schedule::default();
        assert_eq!(schedule.after(1, None, 1.0), AfterAttempt::Again(seconds(6)));
        assert_eq!(schedule.after(1, None, 7.0), AfterAttempt::Again(seconds(6)));
    }

    #[test]
    fn a_receiver_may_request_a_longer_wait_within_bounds() {
        let schedule = Schedule::default();
        assert_eq!(schedule.after(1, Some(seconds(3_600)), 0.0), AfterAttempt::Again(seconds(3_600)));
        assert_eq!(schedule.after(1, Some(seconds(999_999_999)), 0.0), AfterAttempt::Again(seconds(86_400)));
        assert_eq!(schedule.after(1, Some(seconds(1)), 0.0), AfterAttempt::Again(seconds(5)));
        assert_eq!(schedule.after(11, Some(seconds(1)), 0.0), AfterAttempt::Dead);
    }

    #[test]
    fn a_header_holds_seconds_or_a_date() {
        assert_eq!(parse_retry_after("120", 0), Some(seconds(120)));
        assert_eq!(parse_retry_after(" 0 ", 0), Some(seconds(0)));
        assert_eq!(parse_retry_after("99999999999999999999999", 0), Some(seconds(u64::MAX)));
        assert_eq!(parse_retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 20), Some(seconds(100)));
        for invalid in ["Thu, 01 Jan 1970 00:02:00 GMT", "-1", "1.5", "soon", ""] {
            assert_eq!(parse_retry_after(invalid, 1_000), None, "{invalid}");
        }
    }
}
