//! Who may touch the folders that blobs lie in: those who put blobs into them, together, or one who takes empty ones
//! away. Without it the two can keep step for long, each folder made for nothing. It holds for this process; against
//! another one a put tries again.

use std::sync::{Arc, PoisonError, RwLock};

/// Cheap to clone; all clones are one gate.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<RwLock<()>>);

impl Gate {
    /// Does something for which folders have to stay. Blocks.
    pub(super) fn shared<T>(&self, act: impl FnOnce() -> T) -> T {
        let _held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        act()
    }

    /// Does something that takes folders away. Blocks, and should be short: puts wait for it.
    pub(super) fn alone<T>(&self, act: impl FnOnce() -> T) -> T {
        let _held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        act()
    }
}
