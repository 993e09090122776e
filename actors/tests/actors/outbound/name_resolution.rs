//! Name resolution: every address that a name server returns is checked, and only checked addresses are connected.

use huemill_actors::outbound::{AddressPolicy, Outbound, OutboundError, PostLimits, Reason, Target};

use super::dns_server::DnsServer;
use super::harness::{ForbiddenServer, admit_all, fetch, policy};
use super::http_server::{HttpServer, ok};

fn using(dns: &DnsServer, policy: AddressPolicy) -> AddressPolicy {
    AddressPolicy { nameservers: vec![dns.address], ..policy }
}

#[actix_rt::test]
async fn a_name_is_resolved_to_its_address() {
    let server = HttpServer::start("127.0.0.2:0", |_| ok(b"picture")).await;
    let dns = DnsServer::start(&[("good.test", &[&["127.0.0.2"]])]).await;
    let policy = using(&dns, policy(&["127.0.0.2"], &[server.port()]));
    let (_, bytes) = fetch(&policy, &format!("http://good.test:{}/a?b=c", server.port())).await.unwrap();
    assert_eq!(bytes, b"picture");
    let requests = server.requests();
    let head = requests[0].to_lowercase();
    assert!(head.starts_with("get /a?b=c http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: good.test:{}\r\n", server.port())), "{head}");
}

#[actix_rt::test]
async fn s5_and_s8_a_name_with_a_closed_address_is_refused() {
    let forbidden = ForbiddenServer::start().await;
    let names: [(&str, &[&[&str]], Reason); 6] = [
        ("a.test", &[&["127.0.0.1"]], Reason::Loopback),
        ("b.test", &[&["::1"]], Reason::Loopback),
        ("c.test", &[&["::ffff:127.0.0.1"]], Reason::Loopback),
        ("d.test", &[&["64:ff9b::7f00:1"]], Reason::Loopback),
        ("e.test", &[&["10.1.2.3"]], Reason::Private),
        ("metadata.google.internal", &[&["169.254.169.254"]], Reason::Metadata),
    ];
    let dns = DnsServer::start(&names.map(|(name, turns, _)| (name, turns))).await;
    let policy = using(&dns, policy(&[], &[forbidden.port()]));
    for (name, _, reason) in names {
        let outcome = fetch(&policy, &format!("http://{name}:{}/", forbidden.port())).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(reason), "{name}");
    }
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn s9_one_closed_address_among_open_ones_closes_the_name() {
    let forbidden = ForbiddenServer::start().await;
    let server = HttpServer::start(&format!("127.0.0.2:{}", forbidden.port()), |_| ok(b"")).await;
    let dns = DnsServer::start(&[
        ("mixed.test", &[&["127.0.0.2", "10.0.0.1"]]),
        ("families.test", &[&["127.0.0.2", "fd00::1"]]),
        ("forbidden.test", &[&["127.0.0.2", "127.0.0.1"]]),
    ])
    .await;
    let policy = using(&dns, policy(&["127.0.0.2"], &[server.port()]));
    for (name, reason) in [
        ("mixed.test", Reason::Private),
        ("families.test", Reason::Private),
        ("forbidden.test", Reason::Loopback),
    ] {
        let outcome = fetch(&policy, &format!("http://{name}:{}/", server.port())).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(reason), "{name}");
    }
    assert!(server.requests().is_empty());
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn s10_a_name_whose_addresses_change_is_resolved_once_per_connection() {
    let forbidden = ForbiddenServer::start().await;
    let server = HttpServer::start(&format!("127.0.0.2:{}", forbidden.port()), |_| ok(b"first")).await;
    let dns = DnsServer::start(&[("rebind.test", &[&["127.0.0.2"], &["127.0.0.1"]])]).await;
    let policy = using(&dns, policy(&["127.0.0.2"], &[server.port()]));
    let url = format!("http://rebind.test:{}/", server.port());
    assert_eq!(fetch(&policy, &url).await.unwrap().1, b"first");
    assert_eq!(dns.queries("rebind.test"), 1);
    let outcome = fetch(&policy, &url).await;
    assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Loopback));
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn a_silent_address_leaves_time_for_the_next() {
    let server = HttpServer::start("127.0.0.2:0", |_| ok(b"second")).await;
    // Nothing listens on the first one.
    let dns = DnsServer::start(&[("two.test", &[&["127.0.0.3", "127.0.0.2"]])]).await;
    let policy = using(&dns, policy(&["127.0.0.0/8"], &[server.port()]));
    let (_, bytes) = fetch(&policy, &format!("http://two.test:{}/", server.port())).await.unwrap();
    assert_eq!(bytes, b"second");
}

#[actix_rt::test]
async fn a_name_without_addresses_is_refused_and_may_be_retried() {
    let dns = DnsServer::start(&[("empty.test", &[&[]])]).await;
    let policy = using(&dns, AddressPolicy::default());
    for name in ["empty.test", "unknown.test"] {
        let error = fetch(&policy, &format!("http://{name}/")).await.unwrap_err();
        assert_eq!(error, OutboundError::Refused(Reason::Unresolvable), "{name}");
        assert!(error.may_retry());
    }
}

#[actix_rt::test]
async fn addresses_from_the_systems_resolver_are_checked_too() {
    let forbidden = ForbiddenServer::start().await;
    let lax = policy(&["127.0.0.0/8"], &[forbidden.port()]);
    let target = Target::parse(&format!("http://localhost:{}/", forbidden.port()), &lax).unwrap();
    let outbound = Outbound::new(policy(&[], &[forbidden.port()])).unwrap();
    let outcome = outbound.post(&target, &[], bytes::Bytes::new(), PostLimits::default(), &admit_all()).await;
    assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Loopback));
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn w1_a_target_allowed_at_intake_is_checked_again_when_it_is_connected() {
    let forbidden = ForbiddenServer::start().await;
    let lax = policy(&["0.0.0.0/0", "::/0"], &[forbidden.port()]);
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "169.254.169.254"] {
        let target = Target::parse(&format!("http://{host}:{}/", forbidden.port()), &lax).unwrap();
        let outbound = Outbound::new(policy(&[], &[forbidden.port()])).unwrap();
        let outcome =
            outbound.post(&target, &[], bytes::Bytes::new(), PostLimits::default(), &admit_all()).await;
        assert!(matches!(outcome, Err(OutboundError::Refused(_))), "{host}");
        let other_ports = Outbound::new(policy(&["0.0.0.0/0", "::/0"], &[80])).unwrap();
        let outcome =
            other_ports.post(&target, &[], bytes::Bytes::new(), PostLimits::default(), &admit_all()).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Port), "{host}");
    }
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn s24_the_services_own_ports_are_refused_on_every_address_of_this_machine() {
    let forbidden = ForbiddenServer::start().await;
    let port = forbidden.port();
    let dns = DnsServer::start(&[("alias.test", &[&["127.0.0.1"]]), ("other.test", &[&["127.0.0.2"]])]).await;
    let open = using(&dns, policy(&["127.0.0.0/8", "::/0", "0.0.0.0"], &[port]));
    let policy = AddressPolicy { own_ports: vec![port], ..open };
    for host in ["alias.test", "other.test", "127.0.0.1", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"] {
        let outcome = fetch(&policy, &format!("http://{host}:{port}/")).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Own), "{host}");
    }
    forbidden.assert_untouched().await;
}
