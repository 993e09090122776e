//! A limit that a caller has reached, and how an answer states it in the fields of draft-ietf-httpapi-ratelimit-headers-10.
//! Rates have a window of a minute. Quotas and shares have none: they are free again when something ends, so they state
//! no time at which they are reset. Nothing here fails.

use std::time::Duration;

/// The largest integer of a structured field (RFC 9651, 3.3.1).
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Requests, which the draft takes for granted.
    Requests,
    /// Requests at one time.
    ConcurrentRequests,
    /// Bytes.
    Bytes,
    /// Pictures.
    Pictures,
    /// Jobs.
    Jobs,
}

impl Unit {
    /// The unit as a parameter. The draft registers the first three; clients ignore units that they don't know.
    fn parameter(self) -> &'static str {
        match self {
            Self::Requests => "",
            Self::ConcurrentRequests => ";qu=\"concurrent-requests\"",
            Self::Bytes => ";qu=\"content-bytes\"",
            Self::Pictures => ";qu=\"pictures\"",
            Self::Jobs => ";qu=\"jobs\"",
        }
    }
}

/// A limit that a caller has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachedLimit {
    /// Its name.
    pub policy: &'static str,
    /// How much the caller may use.
    quota: u64,
    /// How much of that is left. What was refused needs more.
    left: u64,
    unit: Unit,
    window: Option<Duration>,
}

impl ReachedLimit {
    /// A limit of what a caller has at one time.
    #[must_use]
    pub fn quota(policy: &'static str, quota: u64, unit: Unit) -> Self {
        Self { policy, quota, left: 0, unit, window: None }
    }

    /// A limit of what a caller sends in a time.
    #[must_use]
    pub fn rate(policy: &'static str, quota: u64, unit: Unit, window: Duration) -> Self {
        Self { window: Some(window), ..Self::quota(policy, quota, unit) }
    }

    /// The same, if only so much is used of it.
    #[must_use]
    pub fn with_used(self, used: u64) -> Self {
        Self { left: self.quota.saturating_sub(used), ..self }
    }

    /// The value of `RateLimit-Policy`.
    #[must_use]
    pub fn policy_field(&self) -> String {
        let (policy, quota, unit) = (self.policy, self.quota.min(MAX_INTEGER), self.unit.parameter());
        let window = self.window.map_or(String::new(), |window| format!(";w={}", window.as_secs()));
        format!("\"{policy}\";q={quota}{unit}{window}")
    }

    /// The value of `RateLimit`, where the rest of the window takes this long.
    #[must_use]
    pub fn limit_field(&self, wait: Duration) -> String {
        let (policy, left) = (self.policy, self.left.min(MAX_INTEGER));
        let reset = self.window.map_or(String::new(), |_| format!(";t={}", wait.as_secs().max(1)));
        format!("\"{policy}\";r={left}{reset}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_window_and_a_quota_has_a_unit() {
        let (minute, wait) = (Duration::from_secs(60), Duration::from_millis(500));
        let stored = ReachedLimit::quota("stored_bytes", 1_000, Unit::Bytes).with_used(400);
        for (limit, policy, left) in [
            (
                ReachedLimit::rate("requests", 100, Unit::Requests, minute),
                "\"requests\";q=100;w=60",
                "\"requests\";r=0;t=1",
            ),
            (
                ReachedLimit::rate("pictures", 9, Unit::Pictures, minute),
                "\"pictures\";q=9;qu=\"pictures\";w=60",
                "\"pictures\";r=0;t=1",
            ),
            (
                ReachedLimit::quota("open_jobs", 1, Unit::Jobs),
                "\"open_jobs\";q=1;qu=\"jobs\"",
                "\"open_jobs\";r=0",
            ),
            (stored, "\"stored_bytes\";q=1000;qu=\"content-bytes\"", "\"stored_bytes\";r=600"),
            (stored.with_used(2_000), "\"stored_bytes\";q=1000;qu=\"content-bytes\"", "\"stored_bytes\";r=0"),
            (
                ReachedLimit::quota("uploads", u64::MAX, Unit::ConcurrentRequests),
                "\"uploads\";q=999999999999999;qu=\"concurrent-requests\"",
                "\"uploads\";r=0",
            ),
        ] {
            assert_eq!((limit.policy_field().as_str(), limit.limit_field(wait).as_str()), (policy, left));
        }
    }
}
