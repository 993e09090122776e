//! The edge of Huemill: HTTP, settings, command line, start and stop. It knows the actors; nothing below knows
//! HTTP.

pub mod answer;
