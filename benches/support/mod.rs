//! What the load benchmark runs: a server, clients, and the engine without a server.

#![allow(dead_code, reason = "a module of several benchmarks, none of which uses all of it")]

pub mod client;
pub mod engine;
pub mod server;
