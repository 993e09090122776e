//! How log lines name a client by its address (`log.client_address`). Nothing here fails.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How much of a client's address is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAddress {
    /// The address.
    Full,
    /// Its network: 24 bits of IPv4, 64 of IPv6.
    Network,
    /// A hash that tells clients apart until the process restarts.
    Hashed,
    /// Nothing.
    Off,
}

impl ClientAddress {
    /// The words of the setting.
    pub(super) const WORDS: [&str; 4] = ["full", "network", "hashed", "off"];

    /// What the log says of this address. `hash` is a keyed hash of it.
    #[must_use]
    pub fn shown(self, address: IpAddr, hash: impl FnOnce(IpAddr) -> u64) -> Option<String> {
        match self {
            Self::Full => Some(address.to_string()),
            Self::Network => Some(network(address)),
            Self::Hashed => Some(format!("{:016x}", hash(address))),
            Self::Off => None,
        }
    }
}

fn network(address: IpAddr) -> String {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { 24 } else { 64 };
    IpNet::new(address, bits).map_or_else(|_| address.to_string(), |network| network.trunc().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_shows_no_more_than_it_says() {
        for (address, net) in [
            ("198.51.100.7", "198.51.100.0/24"),
            ("::ffff:198.51.100.7", "198.51.100.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let shown = |form: ClientAddress| form.shown(address, |_| 0xab);
            assert_eq!(shown(ClientAddress::Full), Some(address.to_string()));
            assert_eq!(shown(ClientAddress::Network).as_deref(), Some(net));
            assert_eq!(shown(ClientAddress::Hashed).as_deref(), Some("00000000000000ab"));
            assert_eq!(shown(ClientAddress::Off), None);
        }
    }
}
