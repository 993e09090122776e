//! The edge of Huemill: HTTP, settings, command line, start and stop. It knows the actors; nothing below knows
//! HTTP.

mod actor_settings;
pub mod application;
pub mod cli;
mod clock;
mod http;
pub mod settings;
mod signals;
mod storage;
