//! Which addresses may be connected: properties over all of IPv4 and its IPv6 forms, and examples of hostile input.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use huemill_actors::outbound::address::check;
use huemill_actors::outbound::{AddressPolicy, IpNet, Reason};
use proptest::prelude::*;

/// The closed networks, copied from the registry independently of the code.
const CLOSED: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "168.63.129.16/32",
];

fn closed() -> Vec<IpNet> {
    CLOSED.iter().map(|text| text.parse().unwrap()).collect()
}

fn closed_address() -> impl Strategy<Value = Ipv4Addr> {
    (0..CLOSED.len(), any::<u32>()).prop_map(|(index, bits)| {
        let IpNet::V4(net) = closed()[index] else { unreachable!() };
        let host = u32::MAX.checked_shr(u32::from(net.prefix_len())).unwrap_or(0);
        Ipv4Addr::from(u32::from(net.network()) | (bits & host))
    })
}

fn public_address() -> impl Strategy<Value = Ipv4Addr> {
    let is_public = |ip: &Ipv4Addr| !closed().iter().any(|net| net.contains(&IpAddr::V4(*ip)));
    any::<u32>().prop_map(Ipv4Addr::from).prop_filter("closed", is_public)
}

/// The forms that deliver to the IPv4 address wherever they work; they are public if it is.
fn transparent(ip: Ipv4Addr) -> [Ipv6Addr; 4] {
    let [a, b, c, d] = ip.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    [
        ip.to_ipv6_mapped(),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2a00, 0x1450, 1, 2, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2a00, 0x1450, 1, 2, 0x200, 0x5efe, high, low),
    ]
}

/// The forms that work only within one network, or no longer.
fn opaque(ip: Ipv4Addr) -> [Ipv6Addr; 9] {
    let [a, b, c, d] = ip.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let local = |octets: [u8; 10]| {
        let mut all = [0, 0x64, 0xff, 0x9b, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        all[6..].copy_from_slice(&octets);
        Ipv6Addr::from(all)
    };
    [
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        // Teredo: by its client, by its server.
        Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0, !high, !low),
        Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0xf7f7, 0xf7f7),
        // RFC 6052, figure 1: prefixes of 48, 56, 64 and 96 bits.
        local([a, b, 0, c, d, 0, 0, 0, 0, 0]),
        local([9, a, 0, b, c, d, 0, 0, 0, 0]),
        local([9, 9, 0, a, b, c, d, 0, 0, 0]),
        local([9, 9, 0, 9, 9, 9, a, b, c, d]),
    ]
}

proptest! {
    #[test]
    fn a_closed_ipv4_address_is_closed_in_every_form(ip in closed_address()) {
        let policy = AddressPolicy::default();
        prop_assert!(check(ip.into(), &policy).is_err());
        for form in transparent(ip).into_iter().chain(opaque(ip)) {
            prop_assert!(check(form.into(), &policy).is_err(), "{form}");
        }
    }

    #[test]
    fn a_public_ipv4_address_passes_in_its_globally_reachable_forms(ip in public_address()) {
        let policy = AddressPolicy::default();
        prop_assert_eq!(check(ip.into(), &policy), Ok(()));
        for form in transparent(ip) {
            prop_assert_eq!(check(form.into(), &policy), Ok(()), "{}", form);
        }
        for form in opaque(ip) {
            prop_assert!(check(form.into(), &policy).is_err(), "{form}");
        }
    }

    #[test]
    fn outside_global_unicast_only_translated_ipv4_passes(bits in any::<u128>()) {
        let ip = Ipv6Addr::from(bits);
        let global = bits >> 125 == 1;
        let translated = bits >> 32 == 0x0064_ff9b_0000_0000_0000_0000;
        let mapped = bits >> 32 == 0xffff;
        prop_assume!(!global && !translated && !mapped);
        prop_assert!(check(ip.into(), &AddressPolicy::default()).is_err(), "{ip}");
    }
}

#[test]
fn each_address_has_its_reason() {
    let rows = [
        ("127.0.0.1", Reason::Loopback),
        ("::1", Reason::Loopback),
        ("::ffff:127.0.0.1", Reason::Loopback),
        ("64:ff9b::7f00:1", Reason::Loopback),
        ("2002:7f00:1::", Reason::Loopback),
        ("0.0.0.0", Reason::Unspecified),
        ("::", Reason::Unspecified),
        ("10.0.0.1", Reason::Private),
        ("172.31.255.255", Reason::Private),
        ("192.168.1.1", Reason::Private),
        ("fd12::1", Reason::Private),
        ("fec0::1", Reason::Private),
        ("100.64.0.1", Reason::Cgnat),
        ("169.254.1.1", Reason::LinkLocal),
        ("fe80::1", Reason::LinkLocal),
        ("169.254.169.254", Reason::Metadata),
        ("::ffff:169.254.169.254", Reason::Metadata),
        ("fd00:ec2::254", Reason::Metadata),
        ("100.100.100.200", Reason::Metadata),
        ("168.63.129.16", Reason::Metadata),
        ("224.0.0.251", Reason::Multicast),
        ("ff02::1", Reason::Multicast),
        ("192.0.0.1", Reason::Reserved),
        ("198.18.0.1", Reason::Reserved),
        ("240.0.0.1", Reason::Reserved),
        ("255.255.255.255", Reason::Reserved),
        ("100::1", Reason::Reserved),
        ("5f00::1", Reason::Reserved),
        ("203.0.113.1", Reason::Documentation),
        ("2001:db8::1", Reason::Documentation),
        ("3fff::1", Reason::Documentation),
    ];
    for (text, reason) in rows {
        assert_eq!(check(text.parse().unwrap(), &AddressPolicy::default()), Err(reason), "{text}");
    }
}

#[test]
fn public_addresses_pass() {
    for text in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"] {
        assert_eq!(check(text.parse().unwrap(), &AddressPolicy::default()), Ok(()), "{text}");
    }
}

#[test]
fn an_allowed_network_passes_and_its_neighbours_do_not() {
    let policy = AddressPolicy {
        allow_cidrs: ["10.1.0.0/16", "fd00::5"].map(|text| AddressPolicy::network(text).unwrap()).to_vec(),
        ..AddressPolicy::default()
    };
    for allowed in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::5"] {
        assert_eq!(check(allowed.parse().unwrap(), &policy), Ok(()), "{allowed}");
    }
    for closed in ["10.2.0.1", "64:ff9b::a01:203", "2002:a01:203::", "fd00::6", "127.0.0.1"] {
        assert!(check(closed.parse().unwrap(), &policy).is_err(), "{closed}");
    }
}

#[test]
fn networks_are_parsed_as_operators_write_them() {
    assert_eq!(AddressPolicy::network(" 10.0.0.0/8 "), "10.0.0.0/8".parse().ok());
    assert_eq!(AddressPolicy::network("::1"), "::1/128".parse().ok());
    assert_eq!(AddressPolicy::network("10.0.0.0/33"), None);
    assert_eq!(AddressPolicy::network("localhost"), None);
}
