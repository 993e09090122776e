//! How full the blob store is: measured by the Janitor now and then, counted up by what is submitted meanwhile. New
//! jobs are refused at its limit, long before anything else fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fault::{Code, Fault};

/// See the module. Clones share.
#[derive(Debug, Clone)]
pub(crate) struct Fill(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    used: AtomicU64,
    limit: u64,
}

impl Fill {
    /// Nothing measured yet.
    pub(crate) fn new(limit: u64) -> Self {
        Self(Arc::new(Inner { used: AtomicU64::new(0), limit }))
    }

    /// So many bytes were found.
    pub(crate) fn measured(&self, bytes: u64) {
        self.0.used.store(bytes, Ordering::Relaxed);
    }

    /// Room for so many bytes more, or why not.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), Fault> {
        let room = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.0.limit);
        let taken = self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        taken.map(drop).map_err(|used| {
            Fault::new(Code::Overloaded)
                .because(format!("{used} bytes of blobs, the limit is {}", self.0.limit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_submitted_counts_until_it_is_measured() {
        let fill = Fill::new(100);
        assert!(fill.take(60).is_ok());
        assert_eq!(fill.take(60).unwrap_err().code, Code::Overloaded);
        assert!(fill.take(40).is_ok());
        fill.measured(10);
        assert!(fill.take(90).is_ok());
        assert!(fill.take(u64::MAX).is_err());
    }
}
