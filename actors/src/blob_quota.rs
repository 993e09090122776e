//! The blob quota: how many bytes of blobs may be stored. The store counts what is stored, in the transactions that
//! create, settle and remove; this process adds what it is receiving. At the limit new jobs are refused, long before
//! anything else fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fault::{Code, Fault};

/// The quota. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BlobQuota(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The store's last count, plus what this process has stored since.
    stored: AtomicU64,
    /// Bytes that are being received and not stored yet.
    reserved: AtomicU64,
    limit: u64,
}

/// Reserved bytes of an upload. They are released when this is dropped, unless they were stored.
#[derive(Debug)]
pub(crate) struct QuotaReservation {
    quota: BlobQuota,
    bytes: u64,
}

impl BlobQuota {
    /// A quota with nothing stored yet.
    pub(crate) fn new(limit: u64) -> Self {
        Self(Arc::new(Inner { stored: AtomicU64::new(0), reserved: AtomicU64::new(0), limit }))
    }

    /// Takes over the store's count.
    pub(crate) fn set_stored(&self, bytes: u64) {
        self.0.stored.store(bytes, Ordering::Relaxed);
    }

    /// Reserves bytes, or says why that is not possible.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<QuotaReservation, Fault> {
        let stored = self.0.stored.load(Ordering::Relaxed);
        let room = |reserved: u64| {
            let sum = stored.checked_add(reserved)?.checked_add(bytes)?;
            (sum <= self.0.limit).then(|| reserved + bytes)
        };
        match self.0.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(QuotaReservation { quota: self.clone(), bytes }),
            Err(reserved) => Err(Fault::new(Code::Overloaded).with_cause(format!(
                "{stored} bytes of blobs are stored and {reserved} are being received, the limit is {}",
                self.0.limit
            ))),
        }
    }
}

impl QuotaReservation {
    /// Moves the reserved bytes to the stored ones.
    pub(crate) fn commit(self) {
        self.quota.0.stored.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

impl Drop for QuotaReservation {
    fn drop(&mut self) {
        self.quota.0.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_bytes_count_until_they_are_stored_or_dropped() {
        let quota = BlobQuota::new(100);
        let first = quota.reserve(60).unwrap();
        assert_eq!(quota.reserve(60).unwrap_err().code, Code::Overloaded);
        drop(quota.reserve(40).unwrap());
        quota.reserve(40).unwrap().commit();
        assert!(quota.reserve(1).is_err());
        drop(first);
        assert!(quota.reserve(60).is_ok());
        quota.set_stored(10);
        assert!(quota.reserve(90).is_ok());
        assert!(quota.reserve(u64::MAX).is_err());
    }
}
