//! How much is worked on at a time, and how long anything may wait.

use std::time::Duration;

use huemill_imaging::Limits;

/// How much is worked on at a time, and how long anything may wait.
#[derive(Debug, Clone)]
pub struct WorkersSettings {
    /// Pictures worked on at a time, 1 at least.
    pub slots: usize,
    /// Pictures that may wait for a slot.
    pub queue: usize,
    /// How long a picture may wait for slot and memory together.
    pub queue_wait: Duration,
    /// Bytes of memory that all pictures in work share, inputs read from disk included.
    pub memory: u64,
    /// The longest input, in bytes.
    pub longest_input: u64,
    /// How large a picture may be; told to users, enforced by the mills.
    pub limits: Limits,
    /// How long an attempt past its deadline may take to notice.
    pub grace: Duration,
    /// Abandoned threads that are borne; one more is the doom.
    pub most_abandoned: usize,
}

impl Default for WorkersSettings {
    /// A slot a core, 256 waiting for 10 s at most, 512 MiB, inputs of 50 MB, 5 s of grace, 4 abandoned.
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
