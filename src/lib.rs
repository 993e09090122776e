//! The edge of Huemill: HTTP, settings, command line, start and stop.
//!
//! This crate uses the actors. The crates below it know nothing about HTTP.

mod actor_settings;
pub mod application;
pub mod cli;
mod http;
pub mod listeners;
mod registry;
mod service_manager;
pub mod settings;
mod signing;
mod storage;
