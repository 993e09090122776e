//! The memory budget: bytes that pictures may take, reserved before they are allocated. It serves requests in
//! order, so that small pictures do not starve a large one. A reservation is released when it is dropped, on any
//! thread, so a panic never leaks any.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::clock::Instant;

/// The unit of accounting: a semaphore counts in 32 bits, which would limit bytes to 4 GiB.
const UNIT: u64 = 1024;

/// A number of bytes to share; clones share the same bytes.
#[derive(Debug, Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    total: u64,
}

/// Reserved bytes, released on drop.
#[derive(Debug)]
#[must_use = "the bytes are free again as soon as this is dropped"]
pub struct MemoryReservation {
    _permit: OwnedSemaphorePermit,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than the whole budget, so waiting would not help.
    #[error("{asked} bytes are more than the whole budget of {total}")]
    TooLarge {
        /// Requested bytes.
        asked: u64,
        /// Bytes in the budget.
        total: u64,
    },
    /// Too little was released before the deadline.
    #[error("the memory budget was not free in time")]
    Late,
    /// The work is no longer wanted.
    #[error("canceled")]
    Canceled,
}

impl Budget {
    /// A budget of this many bytes, in whole KiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let units = (bytes / UNIT).min(Semaphore::MAX_PERMITS as u64).min(u64::from(u32::MAX));
        Self { units: Arc::new(Semaphore::new(units as usize)), total: units * UNIT }
    }

    /// Total bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes in use now. What a waiting reservation has gathered so far counts as used.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.total - self.units.available_permits() as u64 * UNIT
    }

    /// Waits for bytes until the deadline.
    pub async fn reserve(
        &self,
        bytes: u64,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Result<MemoryReservation, Refusal> {
        if bytes > self.total {
            return Err(Refusal::TooLarge { asked: bytes, total: self.total });
        }
        let units = Arc::clone(&self.units).acquire_many_owned(bytes.div_ceil(UNIT) as u32);
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Refusal::Canceled),
            // The semaphore is never closed, so this error cannot occur.
            permit = units => permit.map(|permit| MemoryReservation { _permit: permit }).map_err(|_| Refusal::Canceled),
            () = tokio::time::sleep_until(deadline) => Err(Refusal::Late),
        }
    }

    /// Reserves bytes if they are free now and no one else waits for them.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<MemoryReservation> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units).ok()?;
        Some(MemoryReservation { _permit: permit })
    }

    /// [`Budget::reserve`] for a thread that may block; the wait runs on `io`.
    pub fn reserve_blocking(
        &self,
        io: &Handle,
        bytes: u64,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Result<MemoryReservation, Refusal> {
        io.block_on(self.reserve(bytes, deadline, cancel))
    }
}
