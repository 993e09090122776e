//! The outbound guard against hostile URLs, names and servers. Real sockets on loopback: where a server must be
//! reached, its address is opened; a canary on another one counts who comes all the same.

#![allow(clippy::unwrap_used)]

mod address;
mod dns;
mod form;
mod ground;
mod names;
mod posts;
mod redirects;
mod site;
mod tls;
mod transfer;
