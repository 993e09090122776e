//! Outbound requests, guarded: the one way in which this service speaks to addresses that strangers name.
//!
//! Owns what may be asked for: [`Target`] judges a URL's form at intake, without the network; [`Outbound`] judges
//! the socket address that is about to be connected, at each request and at each hop of a redirect. The actors on
//! the net arbiter hold an [`Outbound`]; the edge builds its [`AddressPolicy`]. It fails with an [`OutboundError`], which
//! says whether trying again may help, and which becomes a [`Fault`](crate::fault::Fault) that says nothing of
//! addresses.

pub mod address;
mod client;
mod connector;
mod error;
mod exchange;
mod policy;
mod reason;
mod resolver;
mod target;
mod trust;

pub use awc::http::header::{HeaderName, HeaderValue};
pub use client::{Answer, Download, Outbound, PostLimits};
pub use error::{DownloadError, OutboundError, RequestFailure, RequestPhase};
pub use ipnet::IpNet;
pub use policy::{AddressPolicy, Authority};
pub use reason::Reason;
pub use target::Target;
pub use trust::SetupError;
