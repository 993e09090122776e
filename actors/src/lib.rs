//! The actors of Huemill and what they share: each file holds one actor or one building block.
//!
//! The edge (HTTP, settings, command line) starts them through [`actor_system`] and talks to them with messages. They
//! use the crates `store`, `imaging` and `observability`. A failed actor is restarted by [`supervise`].

/// Defines a struct of settings whose fields have defaults.
macro_rules! settings {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])* pub $field:ident: $kind:ty = $default:expr,)+ }) => {
        $(#[$meta])*
        pub struct $name { $($(#[$doc])* pub $field: $kind,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

pub mod access;
pub mod actor_system;
mod blob_quota;
pub mod budget;
mod canary;
pub mod clock;
pub mod delivery;
pub mod dispatcher;
mod estimate;
pub mod fault;
pub mod fetcher;
pub mod health;
pub mod idempotency;
pub mod intake;
pub mod janitor;
pub mod job_options;
pub mod line_sampler;
pub mod metrics;
pub mod observed;
pub mod outbound;
pub mod over_quota;
pub mod picture_summary;
pub mod pictures;
mod probe;
pub mod rates;
pub mod reached_limit;
pub mod repository;
pub mod share;
pub mod snapshots;
pub mod submission;
pub mod supervise;
pub mod telemetry;
mod turns;
pub mod workers;
