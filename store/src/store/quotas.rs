//! What a caller may use of the store at a time. The limits come with each new job; the store counts, in the transactions
//! that create, end and remove jobs, so the counts hold for all processes.

/// Something that a caller may use so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Jobs that have not ended.
    OpenJobs,
    /// The pictures of these jobs.
    OpenItems,
    /// Bytes of inputs and cards; for jobs that have not ended, of the cards as they are expected.
    StoredBytes,
}

impl Quota {
    /// All quotas, in the order in which they are checked.
    pub const ALL: [Self; 3] = [Self::OpenJobs, Self::OpenItems, Self::StoredBytes];
}

/// The limits of one caller. Without a limit, it may use as much as there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallerLimits {
    /// For [`Quota::OpenJobs`].
    pub open_jobs: Option<u64>,
    /// For [`Quota::OpenItems`].
    pub open_items: Option<u64>,
    /// For [`Quota::StoredBytes`].
    pub stored_bytes: Option<u64>,
}

impl CallerLimits {
    /// The limits in the order of [`Quota::ALL`].
    #[must_use]
    pub fn in_order(&self) -> [Option<u64>; 3] {
        [self.open_jobs, self.open_items, self.stored_bytes]
    }
}

/// What [`recount`](super::Store::recount) corrected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Corrections {
    /// The corrections of the counters, in their order.
    pub counters: [i64; 11],
    /// Number of callers whose use was corrected.
    pub callers: u64,
}
