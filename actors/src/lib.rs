//! Who does what, and what happens when one fails: one noun a file, one actor a noun.

pub mod budget;
pub mod clock;
pub mod fault;
pub mod metrics;
pub mod supervise;
