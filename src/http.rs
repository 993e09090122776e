//! HTTP: routes, what comes in, what goes out. Knows the actors through [`Doors`]; nothing below knows HTTP.

mod access;
mod answer;
mod context;
mod cors;
mod doors;
mod finish;
mod negotiate;
mod operations;
mod pace;
pub(crate) mod problem;
mod process;
mod process_zip;
mod pulse;
mod request_id;
pub(crate) mod route;
mod server;
mod upload;

pub(crate) use doors::Doors;
pub(crate) use server::{Listening, listen};
