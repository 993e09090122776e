//! Who a request comes from and a job belongs to: an access key, or a network address where no key was sent. Plain data:
//! it decides nothing and never fails; limits and ownership are by caller.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Number of leading bits of an IPv6 address that tell callers apart: a household or a machine is given a /64.
const IPV6_PREFIX: u32 = 64;

/// Length of a key's id.
const KEY_ID_LENGTH: usize = 12;

/// The id of an access key: 12 characters of `[0-9A-Za-z]`. It is no secret and may appear in logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; KEY_ID_LENGTH]);

impl KeyId {
    /// Parses an id. Returns `None` if the text does not have the form of an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; KEY_ID_LENGTH] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // An id is ASCII from its construction on.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who a request comes from. Copying costs nothing, so that it can travel with every piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Nobody in particular: the service itself, or a job from before callers were stored.
    Service,
    /// Whoever uses this network address; see [`Caller::of_address`].
    Address(IpAddr),
    /// The holder of this key.
    Key(KeyId),
}

impl Caller {
    /// The caller at an address. An IPv4 address inside an IPv6 one counts as IPv4, and IPv6 addresses count by /64:
    /// whoever has one address of a network has them all.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> IPV6_PREFIX << IPV6_PREFIX))
            }
            address @ IpAddr::V4(_) => address,
        })
    }

    /// Parses the form that [`Display`](fmt::Display) writes. Anything else stands for [`Caller::Service`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let key = text.strip_prefix("key:").and_then(KeyId::parse).map(Self::Key);
        let address = || text.strip_prefix("ip:")?.parse().ok().map(Self::of_address);
        key.or_else(address).unwrap_or(Self::Service)
    }

    /// The key's id, if it is a key.
    #[must_use]
    pub fn key(&self) -> Option<KeyId> {
        if let Self::Key(id) = self { Some(*id) } else { None }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service => Ok(()),
            Self::Address(address) => write!(f, "ip:{address}"),
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(address: &str) -> Caller {
        Caller::of_address(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_network_are_one_caller() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::7"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:203.0.113.7"), of("203.0.113.7"));
        assert_ne!(of("203.0.113.7"), of("203.0.113.8"));
        assert_eq!(of("2001:db8:1:2::1").to_string(), "ip:2001:db8:1:2::");
    }

    #[test]
    fn a_key_id_has_twelve_letters_and_digits() {
        assert_eq!(KeyId::parse("0123456789aZ").unwrap().to_string(), "0123456789aZ");
        for text in ["", "0123456789a", "0123456789abc", "0123456789-_", "012345678ä"] {
            assert!(KeyId::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_text_of_a_caller_stands_for_it(bits in any::<u128>(), v4 in any::<u32>(), key in "[0-9A-Za-z]{12}") {
            let v6 = Caller::of_address(IpAddr::V6(Ipv6Addr::from_bits(bits)));
            let v4 = Caller::of_address(IpAddr::V4(v4.into()));
            let key = Caller::Key(KeyId::parse(&key).unwrap());
            for caller in [v6, v4, key, Caller::Service] {
                prop_assert_eq!(Caller::parse(&caller.to_string()), caller);
            }
        }

        #[test]
        fn any_text_is_parsed(text in any::<String>()) {
            let _ = Caller::parse(&text);
        }
    }
}
