//! How many requests each server gets at a time: by the name in the URL, and by the address that is connected.
//!
//! A thousand names that point to one server are one server, and one name with a hundred addresses is one, too. No
//! caller takes the last place of an endpoint, so that one whose requests hang leaves another a way to it. Nothing here
//! fails or waits; [`Endpoints::freed`] tells those who wait when to ask again. State is kept only for endpoints in use.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huemill_store::Caller;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::address::translated;
use super::error::{Busy, OutboundError};
use crate::share::Place;

/// Number of leading bits that tell IPv6 servers apart: whoever has one address of a /64 has them all.
const IPV6_PREFIX: u32 = 64;

/// Where a request goes: host and port of its URL, and the addresses that they have, which are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Host and port.
    pub endpoint: String,
    /// The addresses of the host, at least one.
    pub addresses: Vec<SocketAddr>,
}

/// Admits requests to their destinations, once their addresses are known.
pub trait Admission {
    /// Who makes the requests.
    fn caller(&self) -> Caller;

    /// Admits one request, or waits for that. While it waits, no time limit of the request runs. It is called again for
    /// each redirect, after the places of the request before were given back.
    fn admit(&self, destination: &Destination) -> impl Future<Output = Result<Admitted, OutboundError>>;
}

/// What an admitted request holds until its response has been read. The endpoint's place goes last: when those who wait
/// for one hear of it, the other is free, too.
#[derive(Debug)]
pub struct Admitted {
    /// A place among all requests.
    pub share: Option<Place>,
    /// A place at the endpoint.
    pub endpoint: EndpointPlace,
}

/// Admits requests that do not wait: without a place at their endpoint they are not made.
#[derive(Debug, Clone)]
pub struct AtOnce {
    /// The requests in flight.
    pub endpoints: Endpoints,
    /// Who makes the requests.
    pub caller: Caller,
}

impl Admission for AtOnce {
    fn caller(&self) -> Caller {
        self.caller
    }

    async fn admit(&self, destination: &Destination) -> Result<Admitted, OutboundError> {
        let endpoint = self.endpoints.try_enter(self.caller, destination);
        let endpoint = endpoint.ok_or(OutboundError::NoPlace(Busy::Endpoint))?;
        Ok(Admitted { share: None, endpoint })
    }
}

/// The requests in flight at each endpoint. Clones share them.
#[derive(Debug, Clone)]
pub struct Endpoints(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    each: u32,
    in_flight: Mutex<InFlight>,
    freed: Notify,
}

/// The number of requests by endpoint and caller.
type InFlight = HashMap<Endpoint, HashMap<Caller, u32>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Endpoint {
    /// Host and port of a URL.
    Name(String),
    /// A server's address, or its network, and the port.
    Server(IpAddr, u16),
}

impl Endpoint {
    fn server(address: SocketAddr) -> Self {
        let ip = match address.ip().to_canonical() {
            IpAddr::V6(ip) => translated(ip).map_or_else(|| IpAddr::V6(network(ip)), IpAddr::V4),
            ip @ IpAddr::V4(_) => ip,
        };
        Self::Server(ip, address.port())
    }
}

fn network(ip: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(ip.to_bits() >> IPV6_PREFIX << IPV6_PREFIX)
}

impl Endpoints {
    /// No requests in flight, and this many of a caller allowed at each endpoint; there is one place more, which is left
    /// to other callers.
    #[must_use]
    pub fn new(each: u32) -> Self {
        Self(Arc::new(Inner { each: each.max(1), in_flight: Mutex::default(), freed: Notify::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, InFlight> {
        self.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at the destination, at the first of its servers that has one; `None` if there is none.
    #[must_use]
    pub fn try_enter(&self, caller: Caller, destination: &Destination) -> Option<EndpointPlace> {
        let mut in_flight = self.lock();
        let name = Endpoint::Name(destination.endpoint.clone());
        if !self.has_room(&in_flight, &name, caller) {
            return None;
        }
        let mut addresses = destination.addresses.iter();
        let address =
            *addresses.find(|address| self.has_room(&in_flight, &Endpoint::server(**address), caller))?;
        enter(&mut in_flight, name.clone(), caller);
        enter(&mut in_flight, Endpoint::server(address), caller);
        drop(in_flight);
        Some(EndpointPlace { endpoints: self.clone(), caller, name, address })
    }

    fn has_room(&self, in_flight: &InFlight, endpoint: &Endpoint, caller: Caller) -> bool {
        let Some(callers) = in_flight.get(endpoint) else { return true };
        let held = callers.get(&caller).copied().unwrap_or_default();
        callers.values().sum::<u32>() <= self.0.each && held < self.0.each
    }

    /// Waits until a place is given back. A future that was enabled misses none from then on.
    pub fn freed(&self) -> Notified<'_> {
        self.0.freed.notified()
    }
}

fn enter(in_flight: &mut InFlight, endpoint: Endpoint, caller: Caller) {
    *in_flight.entry(endpoint).or_default().entry(caller).or_default() += 1;
}

fn leave(in_flight: &mut InFlight, endpoint: &Endpoint, caller: Caller) {
    let Some(callers) = in_flight.get_mut(endpoint) else { return };
    if let Some(held) = callers.get_mut(&caller) {
        *held -= 1;
        if *held == 0 {
            callers.remove(&caller);
        }
    }
    if callers.is_empty() {
        in_flight.remove(endpoint);
    }
}

/// A place at an endpoint, until this is dropped.
#[derive(Debug)]
#[must_use = "the place is free again as soon as this is dropped"]
pub struct EndpointPlace {
    endpoints: Endpoints,
    caller: Caller,
    name: Endpoint,
    address: SocketAddr,
}

impl EndpointPlace {
    /// The address to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes a place at another address of the same name instead. Returns false, and keeps the place, if there is none.
    pub(super) fn move_to(&mut self, address: SocketAddr) -> bool {
        let (from, to) = (Endpoint::server(self.address), Endpoint::server(address));
        if from != to {
            let mut in_flight = self.endpoints.lock();
            if !self.endpoints.has_room(&in_flight, &to, self.caller) {
                return false;
            }
            enter(&mut in_flight, to, self.caller);
            leave(&mut in_flight, &from, self.caller);
            drop(in_flight);
            self.endpoints.0.freed.notify_waiters();
        }
        self.address = address;
        true
    }
}

impl Drop for EndpointPlace {
    fn drop(&mut self) {
        let mut in_flight = self.endpoints.lock();
        leave(&mut in_flight, &self.name, self.caller);
        leave(&mut in_flight, &Endpoint::server(self.address), self.caller);
        drop(in_flight);
        self.endpoints.0.freed.notify_waiters();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn caller(number: u8) -> Caller {
        Caller::of_address([192, 0, 2, number].into())
    }

    fn destination(name: &str, addresses: &[&str]) -> Destination {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Destination { endpoint: format!("{name}:443"), addresses }
    }

    #[test]
    fn names_with_one_address_are_one_server() {
        let endpoints = Endpoints::new(3);
        let name = |number: u8| destination(&format!("{number}.example"), &["198.51.100.1:443"]);
        let places: Vec<_> = (0..9).filter_map(|n| endpoints.try_enter(caller(1), &name(n))).collect();
        assert_eq!(places.len(), 3);
        let other = destination("a.example", &["198.51.100.2:443"]);
        assert!(endpoints.try_enter(caller(1), &other).is_some());
        drop(places);
        assert!(endpoints.lock().is_empty());
    }

    #[test]
    fn one_name_with_many_addresses_is_one_endpoint_and_uses_those_that_have_room() {
        let endpoints = Endpoints::new(2);
        let both = |name| destination(name, &["198.51.100.1:443", "198.51.100.2:443"]);
        let first: Vec<_> = (0..2).filter_map(|_| endpoints.try_enter(caller(1), &both("a"))).collect();
        assert_eq!(first[0].address(), first[1].address());
        assert!(endpoints.try_enter(caller(1), &both("a")).is_none());
        let second = endpoints.try_enter(caller(1), &both("b")).unwrap();
        assert_eq!(second.address(), "198.51.100.2:443".parse().unwrap());
    }

    #[test]
    fn no_caller_takes_the_last_place() {
        let endpoints = Endpoints::new(4);
        let server = destination("a", &["198.51.100.1:443"]);
        let places: Vec<_> = std::iter::from_fn(|| endpoints.try_enter(caller(1), &server)).take(9).collect();
        assert_eq!(places.len(), 4);
        let _other = endpoints.try_enter(caller(2), &server).unwrap();
        assert!(endpoints.try_enter(caller(3), &server).is_none());
    }

    #[test]
    fn ipv6_servers_count_by_network_and_translated_ones_as_ipv4() {
        let server = |text: &str| Endpoint::server(text.parse().unwrap());
        assert_eq!(server("[2606:4700::1]:443"), server("[2606:4700::ffff:1]:443"));
        assert_ne!(server("[2606:4700::1]:443"), server("[2606:4700:0:1::1]:443"));
        assert_ne!(server("[2606:4700::1]:443"), server("[2606:4700::1]:80"));
        assert_eq!(server("[64:ff9b::c633:6401]:443"), server("198.51.100.1:443"));
        assert_eq!(server("[::ffff:198.51.100.1]:443"), server("198.51.100.1:443"));
    }

    #[test]
    fn a_place_moves_only_where_there_is_room() {
        let endpoints = Endpoints::new(1);
        let first = destination("a", &["198.51.100.1:443"]);
        let second = destination("b", &["198.51.100.2:443"]);
        let mut place = endpoints.try_enter(caller(1), &first).unwrap();
        let taken = [2, 3].map(|number| endpoints.try_enter(caller(number), &second).unwrap());
        assert!(!place.move_to(second.addresses[0]));
        drop(taken);
        assert!(place.move_to(second.addresses[0]));
        let third = destination("c", &["198.51.100.2:443"]);
        assert!(endpoints.try_enter(caller(1), &third).is_none());
        drop(place);
        assert!(endpoints.lock().is_empty());
    }
}
