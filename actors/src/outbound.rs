//! Guarded outbound requests: the only way in which this service connects to addresses that users name.
//!
//! [`Target`] checks a URL's form at intake, without the network; [`Outbound`] checks the socket address that is
//! about to be connected, for each request and each hop of a redirect, and counts every byte that comes back. An
//! [`Admission`] decides when each hop may begin; [`Endpoints`] limits the requests to each server. The actors on the net arbiter hold an
//! [`Outbound`]; the edge builds its [`AddressPolicy`]. A request fails with an [`OutboundError`], which says
//! whether a retry may help, and which becomes a [`Fault`](crate::fault::Fault) that reveals nothing about
//! addresses.

pub mod address;
mod address_policy;
mod client;
mod connector;
mod endpoints;
mod error;
mod exchange;
mod resolver;
mod target;
mod trust;
mod wire;

pub use address_policy::{AddressPolicy, Authority};
pub use awc::http::header::{HeaderName, HeaderValue};
pub use client::{Download, Outbound, PostLimits, PostResponse};
pub use endpoints::{Admission, Admitted, AtOnce, Destination, EndpointPlace, Endpoints};
pub use error::{Busy, DownloadError, OutboundError, Reason, RequestFailure, RequestPhase};
pub use ipnet::IpNet;
pub use target::{Target, endpoint_of};
pub use trust::{SetupError, tls_config};
