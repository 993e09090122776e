//! The interface through which a store reports its operations, so that they can be timed, counted and traced.
//!
//! A store calls [`Observer::start`] when an operation starts and [`Observation::end`] when it ends. It knows nothing
//! about metrics or traces. Observers must not block, panic or fail.

use futures_util::future::BoxFuture;

use super::outcomes::StoreError;

/// The names of all operations, as metrics and traces spell them.
pub const OPERATIONS: [&str; 45] = [
    "backup",
    "cancel",
    "claim",
    "collect",
    "create",
    "delete",
    "deliveries",
    "due",
    "expire",
    "fetched",
    "figures",
    "give_back",
    "heartbeat",
    "hold_duty",
    "items",
    "job",
    "key",
    "key_create",
    "key_find",
    "key_list",
    "key_revoke",
    "key_rotate",
    "key_used",
    "leave",
    "list",
    "living",
    "mark",
    "not_removed",
    "pause",
    "pauses",
    "probe",
    "processes",
    "put_off",
    "reap",
    "recount",
    "redeliver",
    "removable",
    "removed",
    "resume",
    "retry",
    "secret",
    "settle",
    "spend",
    "stalled",
    "tried",
];

/// Observes the operations of a store.
pub trait Observer: Send + Sync + 'static {
    /// An operation starts. Runs in the caller's task. `operation` is one of [`OPERATIONS`].
    fn start(&self, operation: &'static str) -> Box<dyn Observation>;
}

/// One running operation. It is dropped without [`Observation::end`] when its caller stops waiting for it.
pub trait Observation: Send + 'static {
    /// Wraps the work of the operation, for example to run it inside a span.
    fn instrument(&self, work: BoxFuture<'static, ()>) -> BoxFuture<'static, ()>;

    /// The operation ended, with this error if it failed.
    fn end(self: Box<Self>, error: Option<&StoreError>);
}
