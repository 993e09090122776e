//! Statistics about recent requests, shared by all HTTP threads: requests in flight, the error rate of the last five
//! minutes, and a hash of each client.
//!
//! Only users' routes count. Only the service's own failures are errors (`INTERNAL_ERROR`, `OVERLOADED`, `NOT_READY`), as
//! in the service level objectives.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Width of one bucket of the window.
const BUCKET: Duration = Duration::from_secs(10);
/// The number of buckets in five minutes.
const BUCKETS: usize = 30;

/// Requests in flight and the recent error rate.
#[derive(Debug)]
pub(crate) struct RequestStats {
    started: Instant,
    in_flight: AtomicUsize,
    window: Mutex<[Bucket; BUCKETS]>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    number: u64,
    requests: u64,
    errors: u64,
}

impl Default for RequestStats {
    /// Empty statistics; uptime counts from now.
    fn default() -> Self {
        Self { started: Instant::now(), in_flight: AtomicUsize::default(), window: Mutex::default() }
    }
}

impl RequestStats {
    /// Time since the service started.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin_request(self: &Arc<Self>) -> InFlightGuard {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self.clone())
    }

    /// Records a request that has just ended.
    pub(crate) fn record(&self, error: bool) {
        self.record_at(error, self.uptime());
    }

    fn record_at(&self, error: bool, uptime: Duration) {
        let number = bucket_number(uptime);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut window[number as usize % BUCKETS];
        if bucket.number != number {
            *bucket = Bucket { number, ..Bucket::default() };
        }
        bucket.requests += 1;
        bucket.errors += u64::from(error);
    }

    /// Requests in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Errors divided by requests in the last five minutes, 0 to 1; `None` without requests.
    pub(crate) fn error_rate(&self) -> Option<f64> {
        self.error_rate_at(self.uptime())
    }

    fn error_rate_at(&self, uptime: Duration) -> Option<f64> {
        let now = bucket_number(uptime);
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = window.iter().filter(|bucket| now - bucket.number.min(now) < BUCKETS as u64);
        let (requests, errors) =
            recent.fold((0, 0), |(r, e), bucket| (r + bucket.requests, e + bucket.errors));
        (requests > 0).then(|| errors as f64 / requests as f64)
    }
}

/// Keeps a request counted as in flight.
pub(crate) struct InFlightGuard(Arc<RequestStats>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn bucket_number(uptime: Duration) -> u64 {
    uptime.as_secs() / BUCKET.as_secs()
}

/// Turns clients' addresses into hashes, so that distinct clients can be counted without storing addresses. The key is
/// random, made at start and never shown.
#[derive(Debug, Default)]
pub(crate) struct ClientSketch(RandomState);

impl ClientSketch {
    /// The hash of the connection's address; headers are not trusted. An IPv6 network (64 bits) is one client, because
    /// every device changes its addresses within it at will.
    pub(crate) fn hash(&self, address: IpAddr) -> u64 {
        match address.to_canonical() {
            IpAddr::V4(address) => self.0.hash_one(address),
            IpAddr::V6(address) => self.0.hash_one(&address.segments()[..4]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn there_is_no_rate_without_requests() {
        assert_eq!(RequestStats::default().error_rate_at(after(1000)), None);
    }

    #[test]
    fn the_rate_covers_only_the_last_five_minutes() {
        let stats = RequestStats::default();
        for (error, at) in [(true, 0), (false, 100), (false, 290), (true, 299)] {
            stats.record_at(error, after(at));
        }
        assert_eq!(stats.error_rate_at(after(299)), Some(0.5));
        assert_eq!(stats.error_rate_at(after(310)), Some(1.0 / 3.0));
        assert_eq!(stats.error_rate_at(after(450)), Some(0.5));
        assert_eq!(stats.error_rate_at(after(700)), None);
    }

    #[test]
    fn a_request_is_in_flight_until_its_guard_is_dropped() {
        let stats = Arc::new(RequestStats::default());
        let (one, two) = (stats.begin_request(), stats.begin_request());
        assert_eq!(stats.in_flight(), 2);
        drop((one, two));
        assert_eq!(stats.in_flight(), 0);
    }

    #[test]
    fn an_address_has_one_hash_per_start_of_the_service() {
        let (clients, restarted) = (ClientSketch::default(), ClientSketch::default());
        let hash = |address: &str| clients.hash(address.parse().unwrap());
        assert_eq!(hash("192.0.2.1"), hash("192.0.2.1"));
        assert_eq!(hash("192.0.2.1"), hash("::ffff:192.0.2.1"));
        assert_ne!(hash("192.0.2.1"), hash("192.0.2.2"));
        assert_eq!(hash("2001:db8:1:2::3"), hash("2001:db8:1:2:4:5:6:7"));
        assert_ne!(hash("2001:db8:1:2::3"), hash("2001:db8:1:3::3"));
        assert_ne!(hash("192.0.2.1"), restarted.hash("192.0.2.1".parse().unwrap()));
        assert!(!format!("{clients:?}").contains(char::is_numeric));
    }
}
