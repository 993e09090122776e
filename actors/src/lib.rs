//! Who does what, and what happens when one fails: one noun a file, one actor a noun.

pub mod budget;
mod canary;
pub mod clock;
pub mod crew;
pub mod fault;
pub mod health;
pub mod intake;
pub mod metrics;
pub mod pictures;
pub mod supervise;
pub mod workers;
