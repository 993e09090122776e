//! Who does what, and what happens when one fails: one noun a file, one actor a noun.

mod blob_quota;
pub mod budget;
mod canary;
pub mod clock;
pub mod crew;
pub mod delivery;
pub mod dispatcher;
pub mod ending;
mod estimate;
pub mod fault;
#[cfg(feature = "faults")]
pub mod faults;
pub mod fetcher;
pub mod health;
pub mod hex;
pub mod idempotency;
pub mod intake;
pub mod janitor;
pub mod lag;
pub mod members;
pub mod metrics;
pub mod observed;
pub mod orders;
pub mod outbound;
pub mod part;
pub mod pictures;
pub mod records;
pub mod snapshots;
pub mod submission;
pub mod supervise;
pub mod workers;
