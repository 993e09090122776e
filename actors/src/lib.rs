//! Who does what, and what happens when one fails: one noun a file, one actor a noun.

pub mod actor_system;
mod blob_quota;
pub mod budget;
mod canary;
pub mod clock;
pub mod delivery;
pub mod dispatcher;
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
pub mod job_end;
pub mod job_options;
pub mod lag;
pub mod metrics;
pub mod observed;
pub mod outbound;
pub mod picture_summary;
pub mod pictures;
pub mod repository;
pub mod snapshots;
pub mod submission;
pub mod supervise;
pub mod traced;
pub mod workers;
