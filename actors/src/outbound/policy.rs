//! What may be asked for: plain data, built by the edge from the settings.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

/// What outbound requests may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Networks that are open though they are not public. An opened IPv4 network is not open in its IPv6 forms, but
    /// for `::ffff:0:0/96`.
    pub allow_cidrs: Vec<IpNet>,
    /// The ports that may be connected.
    pub allow_ports: Vec<u16>,
    /// Where this service is known to be: what its public URL names.
    pub own: Vec<Authority>,
    /// The ports on which this process listens: closed on every address of this machine.
    pub own_ports: Vec<u16>,
    /// How many redirects are followed.
    pub redirects: u8,
    /// How long name and connection of one hop may take, and its TLS handshake as long again.
    pub connect: Duration,
    /// How long one hop may take until its answer's head is there, connecting included.
    pub head: Duration,
    /// How long a whole download may take, hops and bytes.
    pub total: Duration,
    /// Whom to ask for names; nobody named means the system's resolver.
    pub nameservers: Vec<SocketAddr>,
    /// A PEM file of certificates that are trusted beside the system's.
    pub roots: Option<PathBuf>,
    /// Whether others are told of the trace that a request to them belongs to.
    pub propagate_trace: bool,
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self {
            allow_cidrs: Vec::new(),
            allow_ports: vec![80, 443],
            own: Vec::new(),
            own_ports: Vec::new(),
            redirects: 3,
            connect: Duration::from_secs(10),
            head: Duration::from_secs(30),
            total: Duration::from_secs(40),
            nameservers: Vec::new(),
            roots: None,
            propagate_trace: false,
        }
    }
}

impl AddressPolicy {
    /// A network as an operator writes it: `10.0.0.0/8`, or an address alone.
    #[must_use]
    pub fn network(text: &str) -> Option<IpNet> {
        let text = text.trim();
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
    }

    /// Whether `localhost` may be asked for: where this machine has been opened, it is judged by its address.
    pub(super) fn opens_loopback(&self) -> bool {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.allow_cidrs.iter().any(|net| net.contains(&loopback))
    }

    pub(super) fn is_own(&self, url: &Url) -> bool {
        Authority::of(url).is_some_and(|authority| self.own.contains(&authority))
    }
}

/// A host and a port, the host as URLs are normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    host: String,
    port: u16,
}

impl Authority {
    /// What an http(s) URL names; none if it is no such URL.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        Self::of(&Url::parse(url).ok()?)
    }

    fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?.trim_end_matches('.').to_owned();
        Some(Self { host, port: url.port_or_known_default()? })
    }
}
