//! Looks up a name's addresses, with the system's resolver or the name servers of the policy.
//!
//! Each look-up asks once, and nothing is cached: the connector checks and connects what comes back. Configured
//! servers are asked for the name exactly as written: no hosts file, no search domains. On any error the name has
//! no address, which is not the same as a resolver that did not answer.
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

/// Why a look-up has no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookupFailure {
    /// The name has none.
    NoAddress,
    /// The resolver did not tell.
    Unknown,
}

impl From<LookupFailure> for Reason {
    fn from(_: LookupFailure) -> Self {
        Self::Unresolvable
    }
}

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
    ) -> Result<Vec<SocketAddr>, LookupFailure> {
        let place = self.0.take(caller, 1).await;
        let addresses = if nameservers.is_empty() {
            system(host.to_owned(), port, place).await
        } else {
            configured(host, port, nameservers).await
        }?;
        if addresses.is_empty() { Err(LookupFailure::NoAddress) } else { Ok(addresses) }
    }
}

async fn system(host: String, port: u16, place: Place) -> Result<Vec<SocketAddr>, LookupFailure> {
    let lookup = move || {
        let addresses = (host, port).to_socket_addrs().map(Iterator::collect);
        drop(place);
        addresses
    };
    let found = spawn_blocking(lookup).await.map_err(|_| LookupFailure::Unknown)?;
    found.map_err(|error| system_failure(&error))
}

/// What the system's resolver says. The standard library has no kind for its errors, only their text (`gai_strerror`); the
/// one of a failure that may pass names it.
fn system_failure(error: &std::io::Error) -> LookupFailure {
    let text = error.to_string();
    let is_known = ["not known", "No address associated"].iter().any(|known| text.contains(known));
    if is_known { LookupFailure::NoAddress } else { LookupFailure::Unknown }
}

async fn configured(
    host: &str,
    port: u16,
    nameservers: &[SocketAddr],
) -> Result<Vec<SocketAddr>, LookupFailure> {
    // Each look-up has a new resolver: a shared one would cache answers and keep connections of another runtime.
    let resolver = resolver(nameservers).map_err(|_| LookupFailure::Unknown)?;
    // The trailing dot makes the name absolute.
    let name = format!("{}.", host.trim_end_matches('.'));
    let found = resolver.lookup_ip(name).await.map_err(|error| {
        let is_known = error.is_nx_domain() || error.is_no_records_found();
        if is_known { LookupFailure::NoAddress } else { LookupFailure::Unknown }
    })?;
    Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_may_pass_is_not_the_names() {
        for (text, failure) in [
            ("failed to lookup address information: Name or service not known", LookupFailure::NoAddress),
            (
                "failed to lookup address information: No address associated with hostname",
                LookupFailure::NoAddress,
            ),
            (
                "failed to lookup address information: Temporary failure in name resolution",
                LookupFailure::Unknown,
            ),
            ("Too many open files", LookupFailure::Unknown),
        ] {
            assert_eq!(system_failure(&std::io::Error::other(text)), failure, "{text}");
        }
    }
}
