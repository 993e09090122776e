//! Settings of Workers: how many pictures are processed at a time, and how long they may wait.

use std::time::Duration;

use huemill_imaging::Limits;

/// How many pictures are processed at a time, and how long they may wait.
#[derive(Debug, Clone)]
pub struct WorkersSettings {
    /// Pictures processed at a time, at least 1.
    pub slots: usize,
    /// Maximum number of clients' pictures that wait for a slot.
    pub queue: usize,
    /// How long a picture may wait for slot and memory together.
    pub queue_wait: Duration,
    /// Bytes of memory that all pictures in progress share, inputs read from disk included.
    pub memory: u64,
    /// Maximum length of an input in bytes.
    pub longest_input: u64,
    /// Maximum size of a picture; error messages name it, the engines enforce it.
    pub limits: Limits,
    /// How long an attempt may run past its deadline before it is abandoned.
    pub grace: Duration,
    /// Maximum number of abandoned threads; one more is a fatal error.
    pub most_abandoned: usize,
}

impl Default for WorkersSettings {
    /// One slot per core, 256 waiting for at most 10 s, 512 MiB, inputs of 50 MB, 5 s of grace, 4 abandoned.
    fn default() -> Self {
        Self {
            slots: std::thread::available_parallelism().map_or(1, usize::from),
            queue: 256,
            queue_wait: Duration::from_secs(10),
            memory: 512 << 20,
            longest_input: 50_000_000,
            limits: Limits::default(),
            grace: Duration::from_secs(5),
            most_abandoned: 4,
        }
    }
}
