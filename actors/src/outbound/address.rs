//! Which addresses may be connected: globally reachable unicast, and the networks that an operator allows.
//!
//! The tables follow IANA's registries of special-purpose addresses (RFC 6890 and its updates, version of 2025). An
//! IPv4 address inside an IPv6 address is checked too, since what carries it may deliver to it. No I/O; the check
//! of a URL's form and the connector use it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::address_policy::AddressPolicy;
use super::error::Reason;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 3], prefix: u8) -> Ipv6Net {
    let [a, b, c] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IPv4 networks that are not globally reachable, or must not be reached; the first match is the reason. The single
/// addresses are the metadata services of clouds: AWS and most others, Alibaba, Oracle, Azure (a public address
/// that is the host itself within Azure).
const CLOSED_V4: [(Ipv4Net, Reason); 20] = [
    (v4(169, 254, 169, 254, 32), Reason::Metadata),
    (v4(100, 100, 100, 200, 32), Reason::Metadata),
    (v4(192, 0, 0, 192, 32), Reason::Metadata),
    (v4(168, 63, 129, 16, 32), Reason::Metadata),
    (v4(0, 0, 0, 0, 32), Reason::Unspecified),
    (v4(0, 0, 0, 0, 8), Reason::Reserved),
    (v4(10, 0, 0, 0, 8), Reason::Private),
    (v4(100, 64, 0, 0, 10), Reason::Cgnat),
    (v4(127, 0, 0, 0, 8), Reason::Loopback),
    (v4(169, 254, 0, 0, 16), Reason::LinkLocal),
    (v4(172, 16, 0, 0, 12), Reason::Private),
    (v4(192, 0, 0, 0, 24), Reason::Reserved),
    (v4(192, 0, 2, 0, 24), Reason::Documentation),
    (v4(192, 88, 99, 0, 24), Reason::Reserved),
    (v4(192, 168, 0, 0, 16), Reason::Private),
    (v4(198, 18, 0, 0, 15), Reason::Reserved),
    (v4(198, 51, 100, 0, 24), Reason::Documentation),
    (v4(203, 0, 113, 0, 24), Reason::Documentation),
    (v4(224, 0, 0, 0, 4), Reason::Multicast),
    (v4(240, 0, 0, 0, 4), Reason::Reserved),
];

/// All IPv6 addresses assigned as global unicast; nothing else is globally reachable, except for [`NAT64`].
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0], 3);

/// IPv4 as IPv6-only networks see it (RFC 6052): as public as the address inside.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0], 96);

/// Translation within one network (RFC 8215).
const LOCAL_NAT64: Ipv6Net = v6([0x64, 0xff9b, 1], 48);

/// IPv6 networks that are not globally reachable and have a more specific reason than being outside [`GLOBAL_V6`].
const CLOSED_V6: [(Ipv6Net, Reason); 11] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), Reason::Unspecified),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), Reason::Loopback),
    // AWS; Google.
    (Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128), Reason::Metadata),
    (Ipv6Net::new_assert(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128), Reason::Metadata),
    (v6([0xff00, 0, 0], 8), Reason::Multicast),
    (v6([0xfe80, 0, 0], 10), Reason::LinkLocal),
    (v6([0xfec0, 0, 0], 10), Reason::Private),
    (v6([0xfc00, 0, 0], 7), Reason::Private),
    (v6([0x0100, 0, 0], 64), Reason::Reserved),
    (v6([0x2001, 0xdb8, 0], 32), Reason::Documentation),
    (v6([0x3fff, 0, 0], 20), Reason::Documentation),
];

/// IETF's protocol assignments with Teredo, and 6to4: within global unicast, but no place for web servers.
const PROTOCOLS: [Ipv6Net; 2] = [v6([0x2001, 0, 0], 23), v6([0x2002, 0, 0], 16)];

/// Whether an address may be connected. An allowed network is allowed only in the form in which it is listed; IPv4
/// mapped into IPv6 (`::ffff:0:0/96`) counts as that IPv4 address, as it does for the operating system.
pub fn check(ip: IpAddr, policy: &AddressPolicy) -> Result<(), Reason> {
    let ip = ip.to_canonical();
    if policy.allow_cidrs.iter().any(|net| net.contains(&ip)) {
        return Ok(());
    }
    match ip {
        IpAddr::V4(ip) => check_v4(ip),
        IpAddr::V6(ip) => check_v6(ip),
    }
}

/// [`check`] for the socket address that is about to be connected: a scope makes any address link-local.
pub(super) fn check_socket(address: SocketAddr, policy: &AddressPolicy) -> Result<(), Reason> {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Err(Reason::LinkLocal),
        _ => check(address.ip(), policy),
    }
}

fn check_v4(ip: Ipv4Addr) -> Result<(), Reason> {
    match CLOSED_V4.iter().find(|(net, _)| net.contains(&ip)) {
        Some((_, reason)) => Err(*reason),
        None => Ok(()),
    }
}

fn check_v6(ip: Ipv6Addr) -> Result<(), Reason> {
    if let Some((_, reason)) = CLOSED_V6.iter().find(|(net, _)| net.contains(&ip)) {
        return Err(*reason);
    }
    embedded(ip).try_for_each(check_v4)?;
    let global = GLOBAL_V6.contains(&ip) && !PROTOCOLS.iter().any(|net| net.contains(&ip));
    if global || NAT64.contains(&ip) { Ok(()) } else { Err(Reason::Reserved) }
}

/// The IPv4 address that a network without IPv4 reaches by this one.
pub(super) fn translated(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = ip.octets();
    NAT64.contains(&ip).then(|| Ipv4Addr::new(a, b, c, d))
}

/// The IPv4 addresses embedded in an IPv6 address, in any form.
fn embedded(ip: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let o = ip.octets();
    let s = ip.segments();
    let at = |i: [usize; 4]| Ipv4Addr::from(i.map(|i| o[i]));
    let last = at([12, 13, 14, 15]);
    let compatible = s[..6] == [0; 6];
    let isatap = (s[4] & !0x0200) == 0 && s[5] == 0x5efe;
    let teredo = s[..2] == [0x2001, 0];
    let local = LOCAL_NAT64.contains(&ip);
    [
        (compatible || isatap || NAT64.contains(&ip)).then_some(last),
        (s[0] == 0x2002).then(|| at([2, 3, 4, 5])),
        // Teredo (RFC 4380): the server as it is, the client with every bit inverted.
        teredo.then(|| at([4, 5, 6, 7])),
        teredo.then(|| Ipv4Addr::from(!u32::from(last))),
        // RFC 6052, 2.2, for prefixes of 96, 64, 56 and 48 bits; octet 8 is never part of the address.
        local.then_some(last),
        local.then(|| at([9, 10, 11, 12])),
        local.then(|| at([7, 9, 10, 11])),
        local.then(|| at([6, 7, 9, 10])),
    ]
    .into_iter()
    .flatten()
}
