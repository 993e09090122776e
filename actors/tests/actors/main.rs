//! Tests of the actors through their public interface, in one program so that it is linked once. Those in `outbound` and
//! the files named after an actor test that actor; `support` has the systems and engines that they share.

#![allow(clippy::unwrap_used)] // clippy does not see that shared helpers are test code

mod actix_facts;
mod actor_system;
mod budget;
mod dispatcher;
mod health;
mod intake;
mod janitor;
mod metrics;
mod outbound;
mod outbound_actors;
#[path = "../../../tests/support/proxy.rs"]
#[allow(dead_code, unreachable_pub, reason = "other suites use the rest")]
mod proxy;
#[path = "../../../store/tests/support/servers.rs"]
mod servers;
mod snapshots;
mod supervision;
mod support;
mod workers;
mod workers_faults;
mod workers_memory;
