//! The outbound guard against hostile URLs, names and servers. The tests use real sockets on loopback: if a
//! server must be reached, its address is allowed; a forbidden server on another address counts the connections that
//! it gets anyway.

mod address;
mod dns_server;
mod harness;
mod http_server;
mod name_resolution;
mod posts;
mod redirects;
mod shares;
mod tls;
mod transfer;
mod url_form;
mod wire;
