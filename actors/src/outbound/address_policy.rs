//! The policy of outbound requests: plain data, which the edge builds from the settings.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

settings! {
    /// Which addresses may be connected, and limits for requests.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AddressPolicy {
        /// Networks that are allowed although they are not public. An allowed IPv4 network is not allowed in its IPv6
        /// forms, except for `::ffff:0:0/96`.
        pub allow_cidrs: Vec<IpNet> = Vec::new(),
        /// The ports that may be connected.
        pub allow_ports: Vec<u16> = vec![80, 443],
        /// The public URLs of this service, which must not be requested.
        pub own: Vec<Authority> = Vec::new(),
        /// The ports on which this process listens; refused on every address of this machine.
        pub own_ports: Vec<u16> = Vec::new(),
        /// Maximum number of redirects.
        pub redirects: u8 = 3,
        /// Time limit for look-up and connection of one hop, and again for its TLS handshake.
        pub connect: Duration = Duration::from_secs(10),
        /// Time limit of one hop until the response's head has arrived, connecting included.
        pub head: Duration = Duration::from_secs(30),
        /// Time limit of a whole download, over all hops.
        pub total: Duration = Duration::from_secs(40),
        /// The name servers to use; if empty, the system's resolver.
        pub nameservers: Vec<SocketAddr> = Vec::new(),
        /// A PEM file of certificates that are trusted beside the system's.
        pub roots: Option<PathBuf> = None,
        /// Whether requests carry the headers of their trace.
        pub propagate_trace: bool = false,
    }
}

impl AddressPolicy {
    /// Parses a network as operators write it: `10.0.0.0/8`, or a single address.
    #[must_use]
    pub fn network(text: &str) -> Option<IpNet> {
        let text = text.trim();
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
    }

    /// Whether `localhost` may be requested: if loopback is allowed, its address decides.
    pub(super) fn allows_loopback(&self) -> bool {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.allow_cidrs.iter().any(|net| net.contains(&loopback))
    }

    pub(super) fn is_own(&self, url: &Url) -> bool {
        Authority::of(url).is_some_and(|authority| self.own.contains(&authority))
    }
}

/// A host and a port; the host is normalised as in URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    host: String,
    port: u16,
}

impl Authority {
    /// The authority of an http(s) URL; `None` if the text is not one.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        Self::of(&Url::parse(url).ok()?)
    }

    fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?.trim_end_matches('.').to_owned();
        Some(Self { host, port: url.port_or_known_default()? })
    }
}
