//! The rows of the outbox: creates deliveries, claims them, records attempts and lists them.
//!
//! A claim moves `next_at` to the time at which the claim ends, so a delivery whose process died becomes due again on
//! its own.

mod attempt;
mod claim;
mod create;
mod list;
mod turns;

pub(super) use attempt::{RecordAttempt, Snooze};
pub(super) use claim::{ClaimDueDeliveries, next_due};
#[cfg(test)]
pub(super) use claim::{NEXT, OLDEST, OLDEST_OF_HOST};
pub(super) use create::{Redeliver, store_delivery};
pub(super) use list::list;
#[cfg(test)]
pub(super) use turns::{HOSTS, callers_statement};
