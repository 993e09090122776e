//! The edge of Huemill: HTTP, settings, command line, start and stop. It knows the actors; nothing below knows
//! HTTP.

pub mod application;
pub mod cli;
mod crew_settings;
mod http;
mod keep;
pub mod settings;
mod signals;
