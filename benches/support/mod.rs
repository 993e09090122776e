//! What the load benchmark runs: a server, clients, the engine alone.

pub mod client;
pub mod engine;
pub mod server;
