//! The memory budget: bytes that pictures may take, reserved before they are allocated. It serves requests in
//! order, so that small pictures do not starve a large one. An eighth is kept for small pictures, so that they do not
//! wait behind a large one that waits for the memory of another; only a picture that needs nearly everything takes of
//! it. A reservation is released when it is dropped, on any thread, so a panic never leaks any.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::clock::Instant;

/// The unit of accounting: a semaphore counts in 32 bits, which would limit bytes to 4 GiB.
const UNIT: u64 = 1024;

/// The part of a budget that is kept for small pictures.
const SMALL_PART: u64 = 8;

/// A number of bytes to share; clones share the same bytes.
#[derive(Debug, Clone)]
pub struct Budget {
    /// What pictures of any size share.
    units: Arc<Semaphore>,
    /// What is kept for small ones.
    small: Arc<Semaphore>,
    total: u64,
}

/// Reserved bytes, released on drop.
#[derive(Debug)]
#[must_use = "the bytes are free again as soon as this is dropped"]
pub struct MemoryReservation {
    _permits: [Option<OwnedSemaphorePermit>; 2],
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
        let part = |units: u64| Arc::new(Semaphore::new(units as usize));
        let small = units / SMALL_PART;
        Self { units: part(units - small), small: part(small), total: units * UNIT }
    }

    /// Total bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes in use now. What a waiting reservation has gathered so far counts as used.
    #[must_use]
    pub fn used(&self) -> u64 {
        let free = self.units.available_permits() + self.small.available_permits();
        self.total - free as u64 * UNIT
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
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Refusal::Canceled),
            // The semaphores are never closed, so this error cannot occur.
            permits = self.acquire(bytes) => permits.map_err(|_| Refusal::Canceled),
            () = tokio::time::sleep_until(deadline) => Err(Refusal::Late),
        }
    }

    async fn acquire(&self, bytes: u64) -> Result<MemoryReservation, AcquireError> {
        let acquire = |part: &Arc<Semaphore>, units: u32| Arc::clone(part).acquire_many_owned(units);
        let (units, rest) = self.split(bytes);
        let permits = if self.is_small(bytes) {
            tokio::select! {
                biased;
                permit = acquire(&self.small, units) => [Some(permit?), None],
                permit = acquire(&self.units, units) => [Some(permit?), None],
            }
        } else {
            let permit = acquire(&self.units, units).await?;
            [Some(permit), if rest > 0 { Some(acquire(&self.small, rest).await?) } else { None }]
        };
        Ok(MemoryReservation { _permits: permits })
    }

    /// Whether a picture may use the part that is kept for small ones: a sixteenth of the budget at most.
    fn is_small(&self, bytes: u64) -> bool {
        bytes <= self.total / (2 * SMALL_PART)
    }

    /// The units of the shared part that a picture takes, and those of the part for small ones.
    fn split(&self, bytes: u64) -> (u32, u32) {
        let units = bytes.div_ceil(UNIT);
        let total = self.total / UNIT;
        let shared = units.min(total - total / SMALL_PART);
        (shared as u32, (units - shared) as u32)
    }

    /// Reserves bytes if they are free now and no one else waits for them.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<MemoryReservation> {
        if bytes > self.total {
            return None;
        }
        let acquire = |part: &Arc<Semaphore>, units| Arc::clone(part).try_acquire_many_owned(units).ok();
        let (units, rest) = self.split(bytes);
        let permits = if self.is_small(bytes) {
            [Some(acquire(&self.small, units).or_else(|| acquire(&self.units, units))?), None]
        } else {
            let permit = acquire(&self.units, units)?;
            [Some(permit), if rest > 0 { Some(acquire(&self.small, rest)?) } else { None }]
        };
        Some(MemoryReservation { _permits: permits })
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
