//! The memory budget: bytes that pictures may take, reserved before they are allocated. First come, first
//! served, so that a large picture is not starved by small ones. A reservation lets go when it is dropped, from
//! any thread; nothing is ever lost to a panic.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::clock::Instant;

/// The unit of account: a semaphore counts in 32 bits, bytes would end at 4 GiB.
const UNIT: u64 = 1024;

/// Bytes to share out; clones share the same bytes.
#[derive(Debug, Clone)]
pub struct Budget {
    units: Arc<Semaphore>,
    total: u64,
}

/// Bytes that are held; let go on drop.
#[derive(Debug)]
#[must_use = "the bytes are free again as soon as this is dropped"]
pub struct MemoryReservation {
    _permit: OwnedSemaphorePermit,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than the whole budget: waiting would not help.
    #[error("{asked} bytes are more than the whole budget of {total}")]
    TooLarge {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes there are.
        total: u64,
    },
    /// Too little was let go before the deadline.
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

    /// Bytes in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes held now. Those that a waiting reservation has gathered already count as held.
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
            // The semaphore is never closed, so this error cannot be.
            permit = units => permit.map(|permit| MemoryReservation { _permit: permit }).map_err(|_| Refusal::Canceled),
            () = tokio::time::sleep_until(deadline) => Err(Refusal::Late),
        }
    }

    /// Takes bytes if they are free now and nobody waits for them.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<MemoryReservation> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units).ok()?;
        Some(MemoryReservation { _permit: permit })
    }

    /// [`Budget::reserve`] from a thread that may block; the waiting is done on `io`.
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
