//! A counted resource with a ceiling, and leases on it that give back on drop. Never waits: no room means no.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes of one kind may be held in all.
#[derive(Debug)]
pub(super) struct Allowance {
    used: AtomicU64,
    total: u64,
}

impl Allowance {
    pub(super) fn new(total: u64) -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(0), total })
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A lease on nothing yet.
    pub(super) fn lease(this: &Arc<Self>) -> AllowanceShare {
        AllowanceShare { allowance: Arc::clone(this), amount: 0 }
    }

    fn take(&self, more: u64) -> bool {
        let taken = |used: u64| used.checked_add(more).filter(|sum| *sum <= self.total);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

/// A share of an allowance.
#[derive(Debug)]
pub(super) struct AllowanceShare {
    allowance: Arc<Allowance>,
    amount: u64,
}

impl AllowanceShare {
    pub(super) fn amount(&self) -> u64 {
        self.amount
    }

    /// Makes the share `amount` bytes. Getting smaller always works; if there is no room to get larger, the share
    /// stays as it is and the answer is `false`.
    pub(super) fn resize(&mut self, amount: u64) -> bool {
        if amount <= self.amount {
            self.allowance.used.fetch_sub(self.amount - amount, Ordering::Relaxed);
        } else if !self.allowance.take(amount - self.amount) {
            return false;
        }
        self.amount = amount;
        true
    }
}

impl Drop for AllowanceShare {
    fn drop(&mut self) {
        self.allowance.used.fetch_sub(self.amount, Ordering::Relaxed);
    }
}
