//! The delays between the attempts of a request: each is twice the one before, within limits. It knows no clock and cannot fail.

use std::time::Duration;

/// The shortest and the longest delay between attempts. Signatures have a resolution of one second, so the delay must
/// not be shorter.
const MIN_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(60);

/// The next delay.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(MIN_DELAY)
    }
}

impl Backoff {
    pub(super) fn delay(&self) -> Duration {
        self.0
    }

    pub(super) fn double(&mut self) {
        self.0 = (self.0 * 2).min(MAX_DELAY);
    }

    /// A delay that a server asks for, within the limits.
    pub(super) fn limited(delay: Duration) -> Duration {
        delay.clamp(MIN_DELAY, MAX_DELAY)
    }

    /// The time that the next `count` delays take.
    pub(super) fn total(&self, count: u32) -> Duration {
        let (mut time, mut next, mut left) = (Duration::ZERO, Self(self.0), count);
        while left > 0 && next.0 < MAX_DELAY {
            time += next.0;
            next.double();
            left -= 1;
        }
        time + MAX_DELAY * left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let seconds = |first, count| Backoff(Duration::from_secs(first)).total(count).as_secs();
        assert_eq!((seconds(1, 0), seconds(1, 5), seconds(4, 2)), (0, 31, 12));
        assert_eq!((seconds(1, 8), seconds(60, 2)), (1 + 2 + 4 + 8 + 16 + 32 + 60 + 60, 120));
        assert_eq!(seconds(60, u32::MAX), 60 * u64::from(u32::MAX));
    }
}
