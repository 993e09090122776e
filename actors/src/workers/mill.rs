//! What a slot's thread does with bytes, as something a test can replace. In production it is imaging's engine.

use std::error::Error as StdError;
use std::sync::Arc;

use huemill_imaging::{Error, Options, Outcome, Watch};

/// What a picture will take, told from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Lower-case name of the format.
    pub format: &'static str,
    /// The most bytes that processing holds at once, the input not counted.
    pub memory: u64,
}

/// Makes outcomes of pictures; one a thread, made on it, never leaving it.
pub trait Mill {
    /// Reads the header alone, under the limits.
    fn weigh(&mut self, bytes: &[u8], options: &Options) -> Result<Load, Error>;

    /// Does the work, asking `watch` between its stages.
    fn process(&mut self, bytes: &[u8], options: &Options, watch: &dyn Watch) -> Result<Outcome, Error>;
}

/// Makes the mill of one thread; made anew after a panic.
pub type Mills = Arc<dyn Fn() -> Result<Box<dyn Mill>, Box<dyn StdError + Send + Sync>> + Send + Sync>;
