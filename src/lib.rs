//! The edge of Huemill: HTTP, settings, command line, start and stop. It knows the actors; nothing below knows
//! HTTP.

pub mod answer;
pub mod application;
pub mod cli;
mod crew_settings;
mod http;
pub mod settings;
mod signals;
