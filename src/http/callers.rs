//! Who calls, as a number that tells nothing: a hash of the address under a key that is made at start and never
//! shown. Addresses themselves are not kept.
//!
//! The address is that of the connection: what a header says of it, anybody can write.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// The key. Its `Debug` does not show it.
#[derive(Debug, Default)]
pub(crate) struct Callers(RandomState);

impl Callers {
    /// The number of this address. One network of IPv6 (64 bits) is one caller: every device changes its addresses
    /// within it at will.
    pub(crate) fn mark(&self, address: IpAddr) -> u64 {
        match address.to_canonical() {
            IpAddr::V4(address) => self.0.hash_one(address),
            IpAddr::V6(address) => self.0.hash_one(&address.segments()[..4]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_number_and_another_start_another_one() {
        let (callers, others) = (Callers::default(), Callers::default());
        let mark = |address: &str| callers.mark(address.parse().unwrap());
        assert_eq!(mark("192.0.2.1"), mark("192.0.2.1"));
        assert_eq!(mark("192.0.2.1"), mark("::ffff:192.0.2.1"));
        assert_ne!(mark("192.0.2.1"), mark("192.0.2.2"));
        assert_eq!(mark("2001:db8:1:2::3"), mark("2001:db8:1:2:4:5:6:7"));
        assert_ne!(mark("2001:db8:1:2::3"), mark("2001:db8:1:3::3"));
        assert_ne!(mark("192.0.2.1"), others.mark("192.0.2.1".parse().unwrap()));
        assert!(!format!("{callers:?}").contains(char::is_numeric));
    }
}
