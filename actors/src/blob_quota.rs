//! The blob quota: how many bytes of blobs may be stored. The store counts what is stored, and what live jobs are
//! expected to store, in the transactions that create, settle and remove; this process adds what it is receiving. At the
//! limit new jobs are refused, long before anything else fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fault::{Code, Fault};

/// The quota. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BlobQuota(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    used: Mutex<Used>,
    limit: u64,
}

#[derive(Debug, Default)]
struct Used {
    /// The store's last count, plus what this process has stored since.
    stored: u64,
    /// The cards that live jobs are expected to store, counted likewise.
    expected: u64,
    /// Bytes that are being received and not stored yet, with the cards that are expected of them.
    reserved: u64,
}

/// The bytes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JobBytes {
    /// Its inputs.
    pub(crate) input: u64,
    /// Its cards, as far as that can be estimated.
    pub(crate) expected: u64,
}

impl JobBytes {
    fn sum(self) -> u64 {
        self.input.saturating_add(self.expected)
    }
}

/// Reserved bytes of an upload. They are released when this is dropped, unless they were stored.
#[derive(Debug)]
pub(crate) struct QuotaReservation {
    quota: BlobQuota,
    bytes: JobBytes,
}

impl BlobQuota {
    /// A quota with nothing stored yet.
    pub(crate) fn new(limit: u64) -> Self {
        Self(Arc::new(Inner { used: Mutex::default(), limit }))
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the store's count.
    pub(crate) fn set_stored(&self, stored: u64, expected: u64) {
        let mut used = self.used();
        (used.stored, used.expected) = (stored, expected);
    }

    /// Reserves bytes, or says why that is not possible. `room` is what is left on the disk, if the blobs are on it;
    /// what is expected there already is not written yet.
    pub(crate) fn reserve(&self, bytes: JobBytes, room: Option<u64>) -> Result<QuotaReservation, Fault> {
        let (mut used, limit) = (self.used(), self.0.limit);
        let Used { stored, expected, reserved } = *used;
        let pending = expected.saturating_add(reserved).saturating_add(bytes.sum());
        let refused = |cause: String| Err(Fault::new(Code::Overloaded).with_cause(cause));
        if stored.saturating_add(pending) > limit {
            return refused(format!(
                "{stored} bytes of blobs are stored, {expected} are expected and {reserved} are being received, \
                 the limit is {limit}"
            ));
        }
        if let Some(room) = room.filter(|room| pending > *room) {
            return refused(format!("{pending} bytes of blobs are expected, the disk has room for {room}"));
        }
        used.reserved = reserved + bytes.sum();
        drop(used);
        Ok(QuotaReservation { quota: self.clone(), bytes })
    }
}

impl QuotaReservation {
    /// Moves the reserved bytes to the stored and the expected ones.
    pub(crate) fn commit(self) {
        let mut used = self.quota.used();
        used.stored = used.stored.saturating_add(self.bytes.input);
        used.expected = used.expected.saturating_add(self.bytes.expected);
    }
}

impl Drop for QuotaReservation {
    fn drop(&mut self) {
        self.quota.used().reserved -= self.bytes.sum();
    }
}

/// The free bytes of the disk, as Intake last measured them. Clones share it.
#[derive(Debug, Clone)]
pub struct FreeDisk(Arc<AtomicU64>);

impl Default for FreeDisk {
    /// Not measured yet.
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl FreeDisk {
    /// The free bytes, if they are known.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        let free = self.0.load(Ordering::Relaxed);
        (free != u64::MAX).then_some(free)
    }

    /// Takes over a measurement, or that there is none.
    pub fn set(&self, free: Option<u64>) {
        self.0.store(free.unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(quota: &BlobQuota, input: u64) -> Result<QuotaReservation, Fault> {
        quota.reserve(JobBytes { input, expected: 0 }, None)
    }

    #[test]
    fn received_bytes_count_until_they_are_stored_or_dropped() {
        let quota = BlobQuota::new(100);
        let first = reserve(&quota, 60).unwrap();
        assert_eq!(reserve(&quota, 60).unwrap_err().code, Code::Overloaded);
        drop(reserve(&quota, 40).unwrap());
        reserve(&quota, 40).unwrap().commit();
        assert!(reserve(&quota, 1).is_err());
        drop(first);
        assert!(reserve(&quota, 60).is_ok());
        quota.set_stored(10, 0);
        assert!(reserve(&quota, 90).is_ok());
        assert!(reserve(&quota, u64::MAX).is_err());
    }

    #[test]
    fn expected_cards_count_before_they_are_stored() {
        let quota = BlobQuota::new(100);
        let small = JobBytes { input: 1, expected: 30 };
        quota.reserve(small, None).unwrap().commit();
        let held = quota.reserve(small, None).unwrap();
        // The first input is on the disk, its cards and all of the second job are not.
        assert!(quota.reserve(small, Some(91)).is_err());
        drop(quota.reserve(small, Some(92)).unwrap());
        held.commit();
        quota.reserve(small, None).unwrap().commit();
        assert_eq!(quota.reserve(small, None).unwrap_err().code, Code::Overloaded);
        quota.set_stored(50, 20);
        assert!(quota.reserve(JobBytes { input: 0, expected: 31 }, None).is_err());
        assert!(quota.reserve(JobBytes { input: 0, expected: 30 }, Some(50)).is_ok());
    }
}
