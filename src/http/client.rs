//! Who sends a request, by the connection and by what trusted proxies say: address, scheme and host. What an untrusted
//! hop says is never believed. Nothing here fails: what cannot be read is left out.

mod forwarded;

use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::ServiceRequest;
use actix_web::http::{header, uri};
use huemill_actors::outbound::AddressPolicy;
use huemill_store::Caller;
use ipnet::IpNet;

use super::connection::ConnectionInfo;
use crate::settings::{ForwardedHeaders, ServerSection};

/// The proxies whose headers are believed.
#[derive(Debug, Clone)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    headers: ForwardedHeaders,
}

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address; unspecified if the connection has none.
    pub address: IpAddr,
    /// `https` where a trusted proxy says so.
    pub scheme: &'static str,
    /// The host that the client asked for, if it looks like one.
    pub host: Option<String>,
}

impl Client {
    /// A client that nothing is known of.
    pub(crate) fn unknown() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), scheme: "http", host: None }
    }

    /// The caller, as long as no key says who it is.
    pub(crate) fn caller(&self) -> Caller {
        Caller::of_address(self.address)
    }
}

impl TrustedProxies {
    /// The proxies of the settings.
    pub(crate) fn of(settings: &ServerSection) -> Self {
        let networks = settings.trusted_proxies.iter().filter_map(|text| AddressPolicy::network(text));
        Self { networks: networks.collect(), headers: settings.forwarded_headers }
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client of a request. The hops are read from the nearest on: the first that is not trusted is the client. If
    /// a hop cannot be read, the client is whoever passed it on.
    pub(crate) fn client_of(&self, request: &ServiceRequest) -> Client {
        let peer =
            request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip()).to_canonical();
        let own_host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let own_host = request.uri().authority().map(uri::Authority::as_str).or(own_host);
        let mut client =
            Client { address: peer, scheme: scheme_of(request), host: own_host.and_then(checked_host) };
        if !self.trusts(peer) {
            return client;
        }
        for hop in forwarded::hops(request.headers(), self.headers) {
            let Some(address) = hop.address else { break };
            client.address = address.to_canonical();
            if let Some(scheme) = hop.scheme {
                client.scheme = if scheme.eq_ignore_ascii_case("https") { "https" } else { "http" };
            }
            client.host = hop.host.as_deref().and_then(checked_host).or(client.host);
            if !self.trusts(client.address) {
                break;
            }
        }
        client
    }
}

/// Whether a host, with or without a port, is a name that no other machine has.
pub(crate) fn is_loopback_name(host: &str) -> bool {
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name =
        port.filter(|(name, _)| !name.contains(':') || name.ends_with(']')).map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn scheme_of(request: &ServiceRequest) -> &'static str {
    let connection = request.request().conn_data::<ConnectionInfo>();
    if connection.is_some_and(|connection| connection.is_secure) { "https" } else { "http" }
}

/// The text, if it can be the host and port of a URL.
fn checked_host(text: &str) -> Option<String> {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    ((1..=255).contains(&text.len()) && text.bytes().all(is_allowed)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn proxies(headers: ForwardedHeaders) -> TrustedProxies {
        let networks = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap());
        TrustedProxies { networks: networks.to_vec(), headers }
    }

    fn client(peer: &str, headers: &[(&str, &str)]) -> Client {
        let mut request = TestRequest::default().peer_addr((peer.parse::<IpAddr>().unwrap(), 5_000).into());
        let mut which = ForwardedHeaders::XForwarded;
        for (name, value) in headers {
            request = request.append_header((*name, *value));
            if *name == "forwarded" {
                which = ForwardedHeaders::Forwarded;
            }
        }
        proxies(which).client_of(&request.to_srv_request())
    }

    fn address(peer: &str, headers: &[(&str, &str)]) -> String {
        client(peer, headers).address.to_string()
    }

    #[test]
    fn the_first_hop_that_is_not_trusted_is_the_client() {
        for (peer, chain, expected) in [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("2001:db8::1", "::ffff:198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            assert_eq!(address(peer, &[("x-forwarded-for", chain)]), expected, "{peer} {chain}");
        }
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn only_the_configured_header_is_believed() {
        let both =
            [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=198.51.100.1;proto=https;host=a.example")];
        let client = client("10.0.0.1", &both);
        assert_eq!(client.address.to_string(), "198.51.100.1");
        assert_eq!((client.scheme, client.host.as_deref()), ("https", Some("a.example")));
    }

    #[test]
    fn scheme_and_host_come_from_a_trusted_proxy_or_the_request() {
        let headers = [
            ("host", "b.example"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-host", "a.example"),
        ];
        let trusted = client("10.0.0.1", &headers);
        assert_eq!((trusted.scheme, trusted.host.as_deref()), ("https", Some("a.example")));
        let untrusted = client("203.0.113.9", &headers);
        assert_eq!((untrusted.scheme, untrusted.host.as_deref()), ("http", Some("b.example")));
        assert_eq!(client("10.0.0.1", &[("host", "a b\"c")]).host, None);
    }

    #[test]
    fn loopback_names_are_told_from_others() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("evil.example:8080", false),
        ] {
            assert_eq!(is_loopback_name(host), expected, "{host}");
        }
    }

    /// A part of a forwarded header as anyone may write it.
    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(|octets| IpAddr::from(octets).to_string()),
            any::<[u8; 16]>().prop_map(|octets| format!("\"[{}]:1\"", IpAddr::from(octets))),
            "[ -~]{0,40}",
        ]
    }

    proptest! {
        /// Whatever comes from behind a hop that is not trusted changes nothing.
        #[test]
        fn an_untrusted_hop_never_chooses_its_address(forged in proptest::collection::vec(part(), 0..6), standard in any::<bool>(), direct in any::<bool>()) {
            let (name, own) = if standard { ("forwarded", "for=198.51.100.1") } else { ("x-forwarded-for", "198.51.100.1") };
            // The proxy adds the address of its peer behind what it received: as an element, or as a header of its own.
            let received: Vec<String> = forged.iter().map(|text| if standard { format!("for={text}") } else { text.clone() }).collect();
            let received = received.join(",");
            // A quotation mark that is never closed may swallow what the proxy adds to the same line: then it is the proxy.
            let one_line = format!("{received}, {own}");
            let seen = address("10.0.0.1", &[(name, &one_line)]);
            prop_assert!(seen == "198.51.100.1" || (standard && seen == "10.0.0.1"), "{}", seen);
            let headers: &[(&str, &str)] = if direct { &[(name, &received)] } else { &[(name, &received), (name, own)] };
            let peer = if direct { "198.51.100.1" } else { "10.0.0.1" };
            prop_assert_eq!(address(peer, headers), "198.51.100.1");
        }

        #[test]
        fn any_header_is_read(value in "[ -~]{0,200}", standard in any::<bool>()) {
            client("10.0.0.1", &[(if standard { "forwarded" } else { "x-forwarded-for" }, &value)]);
        }
    }
}
