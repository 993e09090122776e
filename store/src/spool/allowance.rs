//! A limited number of bytes, and shares of it that are returned on drop. Nothing waits: if there is no room, the
//! request is denied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limit on the bytes that all holders together may use.
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

    /// A share of zero bytes, to be resized.
    pub(super) fn share(this: &Arc<Self>) -> AllowanceShare {
        AllowanceShare { allowance: Arc::clone(this), amount: 0 }
    }

    fn try_take(&self, more: u64) -> bool {
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

    /// Resizes the share to `amount` bytes. Shrinking always succeeds. If there is no room to grow, the share keeps its
    /// size and the result is `false`.
    pub(super) fn resize(&mut self, amount: u64) -> bool {
        if amount <= self.amount {
            self.allowance.used.fetch_sub(self.amount - amount, Ordering::Relaxed);
        } else if !self.allowance.try_take(amount - self.amount) {
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
