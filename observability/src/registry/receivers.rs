//! Failed webhook deliveries by receiver. Alerts tell a receiver that is dead from a service that cannot deliver by them.
//!
//! Receivers come from clients, so their number is limited: the first ones to fail get a series, and the rest share
//! `other`. A series makes room for another receiver once it has counted nothing for longer than alerts look back.
//! Nothing here fails.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounterVec;

use super::families::{Families, LabelValues};

/// Maximum number of receivers that have a series of their own.
const MAX_RECEIVERS: usize = 20;

/// The label of all other receivers.
const OTHER: &str = "other";

/// How long a series stays after its last failure. Alerts look back half an hour.
const KEEP: Duration = Duration::from_secs(40 * 60);

#[derive(Debug)]
pub(super) struct ReceiverMetrics {
    failures: IntCounterVec,
    /// By label.
    receivers: Mutex<HashMap<String, Receiver>>,
    has_names: bool,
}

/// A receiver with a series of its own.
#[derive(Debug)]
struct Receiver {
    last_failure: Instant,
    /// Failures that the series does not count yet. It is 0 in its first scrape: `increase()` does not see what a series
    /// begins with.
    waiting: Option<u64>,
}

impl ReceiverMetrics {
    pub(super) fn new(families: Families<'_>, known: &LabelValues<'_>) -> Result<Self, prometheus::Error> {
        let failures = families.counters(
            "webhook_receiver_failures_total",
            "Failed webhook delivery attempts, by receiver.",
            &["receiver"],
        )?;
        failures.with_label_values(&[OTHER]);
        Ok(Self { failures, receivers: Mutex::default(), has_names: known.names_receivers })
    }

    /// Counts a failed attempt at this receiver.
    pub(super) fn failed(&self, receiver: &str) {
        self.failed_at(receiver, Instant::now());
    }

    fn failed_at(&self, receiver: &str, now: Instant) {
        let label = if self.has_names { receiver.to_owned() } else { fingerprint(receiver) };
        let mut receivers = self.receivers();
        if let Some(known) = receivers.get_mut(&label) {
            known.last_failure = now;
            match &mut known.waiting {
                Some(waiting) => *waiting += 1,
                None => self.failures.with_label_values(&[&label]).inc(),
            }
        } else if receivers.len() < MAX_RECEIVERS || self.make_room(&mut receivers, now) {
            self.failures.with_label_values(&[&label]);
            receivers.insert(label, Receiver { last_failure: now, waiting: Some(1) });
        } else {
            self.failures.with_label_values(&[OTHER]).inc();
        }
    }

    /// Removes the series whose last failure is the oldest, if that was long ago.
    fn make_room(&self, receivers: &mut HashMap<String, Receiver>, now: Instant) -> bool {
        let oldest = receivers.iter().min_by_key(|(_, receiver)| receiver.last_failure);
        let Some((label, _)) = oldest.filter(|(_, oldest)| now.duration_since(oldest.last_failure) > KEEP)
        else {
            return false;
        };
        let label = label.clone();
        // It fails only where the series does not exist.
        let _ = self.failures.remove_label_values(&[&label]);
        receivers.remove(&label).is_some()
    }

    /// After a scrape: new series have been shown at 0 and count from now on.
    pub(super) fn rendered(&self) {
        for (label, receiver) in self.receivers().iter_mut() {
            if let Some(waiting) = receiver.waiting.take() {
                self.failures.with_label_values(&[label]).inc_by(waiting);
            }
        }
    }

    /// No code panics while it holds the lock.
    fn receivers(&self) -> MutexGuard<'_, HashMap<String, Receiver>> {
        self.receivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A short label that differs between receivers, and is the same in all processes of a version.
fn fingerprint(receiver: &str) -> String {
    let mut hasher = DefaultHasher::new();
    receiver.hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(has_names: bool) -> ReceiverMetrics {
        let known = LabelValues { names_receivers: has_names, ..LabelValues::default() };
        ReceiverMetrics::new(Families(&prometheus::Registry::new()), &known).unwrap()
    }

    /// The series as a scrape shows them.
    fn series(metrics: &ReceiverMetrics) -> Vec<(String, u64)> {
        use prometheus::core::Collector;
        let families = metrics.failures.collect();
        let found = families.iter().flat_map(prometheus::proto::MetricFamily::get_metric).map(|metric| {
            (metric.get_label()[0].value().to_owned(), metric.get_counter().get_value() as u64)
        });
        let mut found: Vec<_> = found.collect();
        found.sort();
        found
    }

    #[test]
    fn a_new_series_is_zero_in_its_first_scrape() {
        let metrics = metrics(true);
        for _ in 0..3 {
            metrics.failed("https://a");
        }
        assert_eq!(series(&metrics), [("https://a".to_owned(), 0), (OTHER.to_owned(), 0)]);
        metrics.rendered();
        assert_eq!(series(&metrics), [("https://a".to_owned(), 3), (OTHER.to_owned(), 0)]);
        metrics.failed("https://a");
        assert_eq!(series(&metrics), [("https://a".to_owned(), 4), (OTHER.to_owned(), 0)]);
    }

    #[test]
    fn however_many_receivers_fail_a_few_have_series_and_none_is_lost() {
        let (metrics, start) = (metrics(true), Instant::now());
        for number in 0..1_000 {
            metrics.failed_at(&format!("https://{number}"), start);
        }
        metrics.rendered();
        assert_eq!(series(&metrics).len(), MAX_RECEIVERS + 1);
        assert_eq!(series(&metrics).iter().map(|(_, count)| count).sum::<u64>(), 1_000);
    }

    #[test]
    fn a_series_makes_room_only_after_a_long_silence() {
        let (metrics, start) = (metrics(true), Instant::now());
        for number in 0..MAX_RECEIVERS {
            metrics.failed_at(&number.to_string(), start + Duration::from_secs(number as u64));
        }
        let has = |label: &str| series(&metrics).iter().any(|(found, _)| found == label);
        metrics.failed_at("new", start + KEEP);
        assert!(has("0") && !has("new"));
        metrics.failed_at("new", start + KEEP + Duration::from_millis(1));
        assert!(!has("0") && has("1") && has("new"));
    }

    #[test]
    fn a_fingerprint_tells_receivers_apart_and_does_not_name_them() {
        let metrics = metrics(false);
        for receiver in ["https://a.example", "https://b.example", "https://a.example"] {
            metrics.failed(receiver);
        }
        metrics.rendered();
        let series = series(&metrics);
        assert_eq!(series.iter().map(|(_, count)| count).sum::<u64>(), 3);
        assert_eq!(series.len(), 3);
        assert!(series.iter().all(|(label, _)| !label.contains("example")), "{series:?}");
    }
}
