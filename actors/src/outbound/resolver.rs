//! Looks up a name's addresses, with the system's resolver or the name servers of the policy.
//!
//! Each look-up asks once, and nothing is cached: the connector checks and connects what comes back. Configured
//! servers are asked for the name exactly as written: no hosts file, no search domains. On any error the name has
//! no address.
//!
//! The number of look-ups is limited and shared among callers, so that nobody whose names take long delays others or
//! takes all threads: the system's resolver needs one, which it keeps even after the request has timed out.

use std::net::{SocketAddr, ToSocketAddrs};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use huemill_store::Caller;
use tokio::task::spawn_blocking;

use super::error::Reason;
use crate::share::{Place, Places};

/// Maximum number of look-ups at a time: a small part of the threads for blocking work.
const MAX_LOOKUPS: u64 = 64;

/// The look-ups in progress. Clones share them.
#[derive(Clone)]
pub(super) struct Resolver(Places);

impl Resolver {
    pub(super) fn new() -> Self {
        Self(Places::new(MAX_LOOKUPS))
    }

    /// The addresses of a name with this port; at least one. Waits if the caller, or all, have too many look-ups.
    pub(super) async fn lookup(
        &self,
        caller: Caller,
        (host, port): (&str, u16),
        nameservers: &[SocketAddr],
    ) -> Result<Vec<SocketAddr>, Reason> {
        let place = self.0.take(caller, 1).await;
        let addresses = if nameservers.is_empty() {
            system(host.to_owned(), port, place).await
        } else {
            configured(host, port, nameservers).await
        };
        addresses.filter(|addresses| !addresses.is_empty()).ok_or(Reason::Unresolvable)
    }
}

async fn system(host: String, port: u16, place: Place) -> Option<Vec<SocketAddr>> {
    let lookup = move || {
        let addresses = (host, port).to_socket_addrs().map(Iterator::collect);
        drop(place);
        addresses
    };
    spawn_blocking(lookup).await.ok()?.ok()
}

async fn configured(host: &str, port: u16, nameservers: &[SocketAddr]) -> Option<Vec<SocketAddr>> {
    // Each look-up has a new resolver: a shared one would cache answers and keep connections of another runtime.
    let resolver = resolver(nameservers).ok()?;
    // The trailing dot makes the name absolute.
    let name = format!("{}.", host.trim_end_matches('.'));
    let found = resolver.lookup_ip(name).await.ok()?;
    Some(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

fn resolver(nameservers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let servers = nameservers.iter().map(|server| {
        let at = |mut connection: ConnectionConfig| {
            connection.port = server.port();
            connection
        };
        let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
        NameServerConfig::new(server.ip(), true, connections)
    });
    let config = ResolverConfig::from_name_servers(servers.collect());
    let mut options = ResolverOpts::default();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = 0;
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options).build()
}
