//! Guarded outbound requests: the only way in which this service connects to addresses that users name.
//!
//! [`Target`] checks a URL's form at intake, without the network; [`Outbound`] checks the socket address that is
//! about to be connected, for each request and each hop of a redirect. The actors on the net arbiter hold an
//! [`Outbound`]; the edge builds its [`AddressPolicy`]. A request fails with an [`OutboundError`], which says
//! whether a retry may help, and which becomes a [`Fault`](crate::fault::Fault) that reveals nothing about
//! addresses.

pub mod address;
mod address_policy;
mod client;
mod connector;
mod error;
mod exchange;
mod resolver;
mod target;

pub use address_policy::{AddressPolicy, Authority};
pub use awc::http::header::{HeaderName, HeaderValue};
pub use client::{Download, Outbound, PostLimits, PostResponse};
pub use connector::SetupError;
pub use error::{DownloadError, OutboundError, Reason, RequestFailure, RequestPhase};
pub use ipnet::IpNet;
pub use target::{Target, endpoint_of};
