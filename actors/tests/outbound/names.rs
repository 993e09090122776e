//! Names: what a name server says is judged, whatever it says, and what was judged is connected.

use huemill_actors::outbound::{AddressPolicy, Outbound, OutboundError, PostLimits, Reason, Target};

use crate::dns::Dns;
use crate::ground::{Canary, fetch, on_actix, policy};
use crate::site::{Site, ok};

fn asking(dns: &Dns, policy: AddressPolicy) -> AddressPolicy {
    AddressPolicy { nameservers: vec![dns.address], ..policy }
}

#[test]
fn a_name_leads_to_its_address() {
    on_actix(async {
        let site = Site::open("127.0.0.2:0", |_| ok(b"picture")).await;
        let dns = Dns::new(&[("good.test", &[&["127.0.0.2"]])]).await;
        let policy = asking(&dns, policy(&["127.0.0.2"], &[site.port()]));
        let (_, bytes) = fetch(&policy, &format!("http://good.test:{}/a?b=c", site.port())).await.unwrap();
        assert_eq!(bytes, b"picture");
        let requests = site.requests();
        let head = requests[0].to_lowercase();
        assert!(head.starts_with("get /a?b=c http/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("host: good.test:{}\r\n", site.port())), "{head}");
    });
}

#[test]
fn s5_and_s8_a_name_of_a_closed_address() {
    on_actix(async {
        let canary = Canary::new().await;
        let names: [(&str, &[&[&str]], Reason); 6] = [
            ("a.test", &[&["127.0.0.1"]], Reason::Loopback),
            ("b.test", &[&["::1"]], Reason::Loopback),
            ("c.test", &[&["::ffff:127.0.0.1"]], Reason::Loopback),
            ("d.test", &[&["64:ff9b::7f00:1"]], Reason::Loopback),
            ("e.test", &[&["10.1.2.3"]], Reason::Private),
            ("metadata.google.internal", &[&["169.254.169.254"]], Reason::Metadata),
        ];
        let dns = Dns::new(&names.map(|(name, turns, _)| (name, turns))).await;
        let policy = asking(&dns, policy(&[], &[canary.port()]));
        for (name, _, reason) in names {
            let outcome = fetch(&policy, &format!("http://{name}:{}/", canary.port())).await;
            assert_eq!(outcome.unwrap_err(), OutboundError::Refused(reason), "{name}");
        }
        canary.is_untouched().await;
    });
}

#[test]
fn s9_one_closed_address_among_open_ones_closes_the_name() {
    on_actix(async {
        let canary = Canary::new().await;
        let site = Site::open(&format!("127.0.0.2:{}", canary.port()), |_| ok(b"")).await;
        let dns = Dns::new(&[
            ("mixed.test", &[&["127.0.0.2", "10.0.0.1"]]),
            ("families.test", &[&["127.0.0.2", "fd00::1"]]),
            ("canary.test", &[&["127.0.0.2", "127.0.0.1"]]),
        ])
        .await;
        let policy = asking(&dns, policy(&["127.0.0.2"], &[site.port()]));
        for (name, reason) in [
            ("mixed.test", Reason::Private),
            ("families.test", Reason::Private),
            ("canary.test", Reason::Loopback),
        ] {
            let outcome = fetch(&policy, &format!("http://{name}:{}/", site.port())).await;
            assert_eq!(outcome.unwrap_err(), OutboundError::Refused(reason), "{name}");
        }
        assert!(site.requests().is_empty());
        canary.is_untouched().await;
    });
}

#[test]
fn s10_a_name_that_changes_its_mind_is_asked_once_a_connection() {
    on_actix(async {
        let canary = Canary::new().await;
        let site = Site::open(&format!("127.0.0.2:{}", canary.port()), |_| ok(b"first")).await;
        let dns = Dns::new(&[("rebind.test", &[&["127.0.0.2"], &["127.0.0.1"]])]).await;
        let policy = asking(&dns, policy(&["127.0.0.2"], &[site.port()]));
        let url = format!("http://rebind.test:{}/", site.port());
        assert_eq!(fetch(&policy, &url).await.unwrap().1, b"first");
        assert_eq!(dns.asked("rebind.test"), 1);
        let outcome = fetch(&policy, &url).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Loopback));
        canary.is_untouched().await;
    });
}

#[test]
fn an_address_that_is_silent_leaves_time_for_the_next() {
    on_actix(async {
        let site = Site::open("127.0.0.2:0", |_| ok(b"second")).await;
        // Nobody listens on the first one.
        let dns = Dns::new(&[("two.test", &[&["127.0.0.3", "127.0.0.2"]])]).await;
        let policy = asking(&dns, policy(&["127.0.0.0/8"], &[site.port()]));
        let (_, bytes) = fetch(&policy, &format!("http://two.test:{}/", site.port())).await.unwrap();
        assert_eq!(bytes, b"second");
    });
}

#[test]
fn a_name_without_addresses_is_no_url_to_use() {
    on_actix(async {
        let dns = Dns::new(&[("empty.test", &[&[]])]).await;
        let policy = asking(&dns, AddressPolicy::default());
        for name in ["empty.test", "unknown.test"] {
            let error = fetch(&policy, &format!("http://{name}/")).await.unwrap_err();
            assert_eq!(error, OutboundError::Refused(Reason::Unresolvable), "{name}");
            assert!(error.may_retry());
        }
    });
}

#[test]
fn the_system_s_resolver_is_judged_as_well() {
    on_actix(async {
        let canary = Canary::new().await;
        let lax = policy(&["127.0.0.0/8"], &[canary.port()]);
        let target = Target::parse(&format!("http://localhost:{}/", canary.port()), &lax).unwrap();
        let outbound = Outbound::new(policy(&[], &[canary.port()])).unwrap();
        let outcome = outbound.post(&target, &[], bytes::Bytes::new(), PostLimits::default()).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Loopback));
        canary.is_untouched().await;
    });
}

#[test]
fn w1_what_was_open_at_intake_is_judged_again_when_it_is_connected() {
    on_actix(async {
        let canary = Canary::new().await;
        let lax = policy(&["0.0.0.0/0", "::/0"], &[canary.port()]);
        for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "169.254.169.254"] {
            let target = Target::parse(&format!("http://{host}:{}/", canary.port()), &lax).unwrap();
            let outbound = Outbound::new(policy(&[], &[canary.port()])).unwrap();
            let outcome = outbound.post(&target, &[], bytes::Bytes::new(), PostLimits::default()).await;
            assert!(matches!(outcome, Err(OutboundError::Refused(_))), "{host}");
            let other_ports = Outbound::new(policy(&["0.0.0.0/0", "::/0"], &[80])).unwrap();
            let outcome = other_ports.post(&target, &[], bytes::Bytes::new(), PostLimits::default()).await;
            assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Port), "{host}");
        }
        canary.is_untouched().await;
    });
}

#[test]
fn s24_our_own_ports_are_closed_on_every_address_of_this_machine() {
    on_actix(async {
        let canary = Canary::new().await;
        let port = canary.port();
        let dns = Dns::new(&[("alias.test", &[&["127.0.0.1"]]), ("other.test", &[&["127.0.0.2"]])]).await;
        let open = asking(&dns, policy(&["127.0.0.0/8", "::/0", "0.0.0.0"], &[port]));
        let policy = AddressPolicy { own_ports: vec![port], ..open };
        for host in
            ["alias.test", "other.test", "127.0.0.1", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
        {
            let outcome = fetch(&policy, &format!("http://{host}:{port}/")).await;
            assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Own), "{host}");
        }
        canary.is_untouched().await;
    });
}
