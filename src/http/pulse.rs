//! How the service does right now: requests in work, and the error rate of the last five minutes.
//!
//! Counts the users' routes alone, and as errors only what is our own doing (`INTERNAL_ERROR`,
//! `OVERLOADED`, `NOT_READY`), as the service level objectives do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Width of one bucket of the window.
const BUCKET: Duration = Duration::from_secs(10);
/// Buckets of five minutes.
const BUCKETS: usize = 30;

/// Shared by all HTTP threads.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    active: AtomicUsize,
    window: Mutex<[Bucket; BUCKETS]>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    number: u64,
    requests: u64,
    errors: u64,
}

impl Pulse {
    /// A request began; it is in work for as long as the beat lives, however it ends.
    pub(crate) fn begin(self: &Arc<Self>) -> Beat {
        self.active.fetch_add(1, Ordering::Relaxed);
        Beat(self.clone())
    }

    /// A request was answered, this long after the start of the service.
    pub(crate) fn answered(&self, error: bool, uptime: Duration) {
        let number = number(uptime);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut window[number as usize % BUCKETS];
        if bucket.number != number {
            *bucket = Bucket { number, ..Bucket::default() };
        }
        bucket.requests += 1;
        bucket.errors += u64::from(error);
    }

    /// Requests in work.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Errors over requests of the last five minutes, 0 to 1; `None` without requests.
    pub(crate) fn error_rate(&self, uptime: Duration) -> Option<f64> {
        let now = number(uptime);
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = window.iter().filter(|bucket| now - bucket.number.min(now) < BUCKETS as u64);
        let (requests, errors) =
            recent.fold((0, 0), |(r, e), bucket| (r + bucket.requests, e + bucket.errors));
        (requests > 0).then(|| errors as f64 / requests as f64)
    }
}

/// A request in work.
pub(crate) struct Beat(Arc<Pulse>);

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

fn number(uptime: Duration) -> u64 {
    uptime.as_secs() / BUCKET.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_requests_there_is_no_rate() {
        assert_eq!(Pulse::default().error_rate(after(1000)), None);
    }

    #[test]
    fn the_rate_is_of_the_last_five_minutes_alone() {
        let pulse = Pulse::default();
        for (error, at) in [(true, 0), (false, 100), (false, 290), (true, 299)] {
            pulse.answered(error, after(at));
        }
        assert_eq!(pulse.error_rate(after(299)), Some(0.5));
        assert_eq!(pulse.error_rate(after(310)), Some(1.0 / 3.0));
        assert_eq!(pulse.error_rate(after(450)), Some(0.5));
        assert_eq!(pulse.error_rate(after(700)), None);
    }

    #[test]
    fn a_request_is_in_work_until_its_beat_is_dropped() {
        let pulse = Arc::new(Pulse::default());
        let (one, two) = (pulse.begin(), pulse.begin());
        assert_eq!(pulse.active(), 2);
        drop((one, two));
        assert_eq!(pulse.active(), 0);
    }
}
