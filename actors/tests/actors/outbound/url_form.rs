//! URLs that are refused at intake, without the network. Test names begin with the row in the list of hostile input.

use huemill_actors::fault::{Code, Fault};
use huemill_actors::outbound::{AddressPolicy, Authority, OutboundError, Reason, Target};

use proptest::prelude::*;

use super::harness::{ForbiddenServer, fetch, policy};

fn refused(url: &str) -> Reason {
    match Target::parse(url, &AddressPolicy::default()) {
        Err(reason) => {
            assert_eq!(Fault::from(reason).code, Code::InvalidUrl, "{url}");
            reason
        }
        Ok(target) => panic!("{url} passed as {}", target.full()),
    }
}

fn all_refused(reason: Reason, urls: &[&str]) {
    for url in urls {
        assert_eq!(refused(url), reason, "{url}");
    }
}

#[test]
fn s1_to_s4_this_machine_is_refused_in_every_notation() {
    let loopback = [
        "http://127.0.0.1/",
        "http://127.0.0.1/x.png",
        "https://127.8.9.10/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://127.1/",
        "http://127.1./",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://%31%32%37.0.0.1/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
    ];
    all_refused(Reason::Loopback, &loopback);
    all_refused(Reason::Loopback, &["http://[::127.0.0.1]/"]);
    all_refused(Reason::Unspecified, &["http://0/", "http://0.0.0.0/", "http://0x0/", "http://[::]/"]);
}

#[actix_rt::test]
async fn s1_to_s4_a_server_on_an_allowed_port_is_not_reached() {
    let forbidden = ForbiddenServer::start().await;
    let port = forbidden.port();
    for host in ["127.0.0.1", "localhost", "127.1", "0", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]"] {
        let outcome = fetch(&policy(&[], &[port]), &format!("http://{host}:{port}/x.png")).await;
        assert!(matches!(outcome, Err(OutboundError::Refused(_))), "{host}");
    }
    forbidden.assert_untouched().await;
}

#[test]
fn s5_metadata_services_are_refused() {
    let urls = ["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://0xa9fea9fe/"];
    all_refused(Reason::Metadata, &urls);
}

#[test]
fn s6_non_public_ipv4_is_refused() {
    let hosts = [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "192.0.0.1",
        "203.0.113.1",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
    ];
    for host in hosts {
        refused(&format!("http://{host}/"));
        refused(&format!("https://{host}/a.png?b"));
    }
}

#[test]
fn s7_non_public_ipv6_is_refused() {
    let hosts = [
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "ff02::1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b:1:7f00:0:100::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2001:0:7f00:1::",
        "2a00:1450:4001:81b:0:5efe:7f00:1",
        "2a00:1450:4001:81b:200:5efe:a00:1",
    ];
    for host in hosts {
        refused(&format!("http://[{host}]/"));
    }
    all_refused(Reason::Form, &["http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/"]);
}

#[test]
fn s14_other_schemes_are_refused() {
    let urls = [
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/a.png",
        "data:image/png;base64,AAAA",
        "jar:http://example.com!/a",
        "dict://example.com/",
        "ws://example.com/",
        "javascript:alert(1)",
    ];
    all_refused(Reason::Scheme, &urls);
}

#[test]
fn s15_urls_that_programs_interpret_differently_are_refused() {
    let userinfo = [
        "http://good.com@127.0.0.1/",
        "http://user:secret@good.com/",
        "http://@good.com/",
        "http://good.com:80@127.0.0.1:80/",
    ];
    all_refused(Reason::Userinfo, &userinfo);
    let forms = [
        "http://127.0.0.1:80\\@good.com/",
        "http:\\\\good.com\\",
        "http:127.0.0.1/",
        "http:/good.com/",
        "http:///good.com/",
        "https:good.com",
        "//good.com/",
        "good.com/a.png",
        "http://",
        "http://:80/",
        "http://good.com:99999/",
        "http://%00.good.com/",
        "http://good%40evil.com/",
        "http://./",
        "",
    ];
    all_refused(Reason::Form, &forms);
}

#[test]
fn s16_names_are_checked_after_unicode_folding() {
    all_refused(Reason::Loopback, &["http://ⓛocalhost/", "http://①②⑦.0.0.1/", "http://127。0。0。1/"]);
}

#[test]
fn s17_only_listed_ports_are_allowed() {
    for port in [22, 25, 6379, 8080] {
        all_refused(
            Reason::Port,
            &[&format!("http://93.184.216.34:{port}/"), &format!("http://good.com:{port}/")],
        );
    }
    let policy = policy(&[], &[8443]);
    assert!(Target::parse("https://good.com:8443/", &policy).is_ok());
    assert_eq!(Target::parse("https://good.com/", &policy), Err(Reason::Port));
}

#[test]
fn s18_long_urls_and_control_characters_are_refused() {
    let long = format!("http://good.com/{}", "a".repeat(100_000));
    all_refused(Reason::Form, &[&long]);
    for bad in ['\0', '\r', '\n', '\t', ' ', '\u{7f}', '\u{85}', '\u{a0}', '\u{2028}'] {
        for url in [
            format!("http://good.com/a{bad}b"),
            format!("http://go{bad}od.com/"),
            format!("ht{bad}tp://good.com/"),
        ] {
            all_refused(Reason::Form, &[&url]);
        }
    }
}

#[test]
fn s24_the_services_own_public_url_is_refused() {
    let own = ["https://mill.example/base/", "http://93.184.216.34"];
    let policy = AddressPolicy {
        own: own.iter().map(|url| Authority::of_url(url).unwrap()).collect(),
        ..policy(&["0.0.0.0/0"], &[80, 443])
    };
    for url in [
        "https://mill.example/jobs",
        "https://MILL.example:443/",
        "https://mill.example./",
        "http://0x5db8d822/",
    ] {
        assert_eq!(Target::parse(url, &policy), Err(Reason::Own), "{url}");
    }
    assert!(Target::parse("http://mill.example/", &policy).is_ok(), "another port is another server");
}

#[test]
fn public_urls_pass_and_are_normalised() {
    let rows = [
        ("http://example.com", "http://example.com/"),
        ("  HTTPS://Example.COM:443/A b".trim_end_matches(" b"), "https://example.com/A"),
        ("https://example.com/a%20b.png?x={1}#frag", "https://example.com/a%20b.png?x={1}"),
        ("http://bücher.example/ä.png", "http://xn--bcher-kva.example/%C3%A4.png"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700::1111]/", "http://[2606:4700:4700::1111]/"),
        ("http://intranet/", "http://intranet/"),
    ];
    for (text, full) in rows {
        assert_eq!(Target::parse(text, &AddressPolicy::default()).unwrap().full(), full);
    }
}

#[test]
fn a_target_prints_without_its_query() {
    let target =
        Target::parse("https://example.com:443/a/b.png?token=secret#more", &AddressPolicy::default())
            .unwrap();
    assert_eq!(target.to_string(), "https://example.com/a/b.png");
    assert!(!format!("{target:?}").contains("secret"));
    assert_eq!(target.file_name(), "b.png");
    assert_eq!(target.endpoint(), "example.com:443");
}

#[test]
fn localhost_is_checked_by_its_address_if_loopback_is_allowed() {
    assert!(Target::parse("http://localhost/", &policy(&["127.0.0.0/8"], &[80])).is_ok());
    assert_eq!(Target::parse("http://localhost/", &policy(&["10.0.0.0/8"], &[80])), Err(Reason::Loopback));
}

#[test]
fn users_see_what_to_do_and_no_internal_reason() {
    for reason in Reason::ALL {
        let fault = Fault::from(reason);
        let expected = if reason == Reason::Redirects { Code::UpstreamError } else { Code::InvalidUrl };
        assert_eq!(fault.code, expected);
        assert!(fault.cause.unwrap().contains(reason.as_str()), "the log has the reason");
        for word in ["private", "loopback", "metadata", "blocked", "127."] {
            assert!(!fault.message.contains(word), "{}", fault.message);
        }
    }
}

/// URL-like text, assembled from pieces in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("http://".to_owned()),
        Just("https://".to_owned()),
        Just("127.0.0.1".to_owned()),
        Just("good.com".to_owned()),
        Just("[::1]".to_owned()),
        Just("%31".to_owned()),
        "[:/?#@.%0-9a-zx]{1,3}",
        "\\PC{1,4}",
    ];
    proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn an_accepted_url_parses_to_itself_again(rest in pieces()) {
        let policy = AddressPolicy::default();
        if let Ok(target) = Target::parse(&format!("http://{rest}"), &policy) {
            prop_assert!(target.full().starts_with("http://"));
            prop_assert!(target.full().is_ascii());
            prop_assert_eq!(Target::parse(target.full(), &policy), Ok(target));
        }
    }
}

#[test]
fn s5_internal_and_invalid_names_are_refused() {
    all_refused(
        Reason::Metadata,
        &["http://metadata.google.internal/", "http://METADATA.google.internal./x"],
    );
    all_refused(Reason::Private, &["http://db.internal/", "http://internal/"]);
    let long = format!("http://{}.example/", "a".repeat(64));
    all_refused(Reason::Form, &["http://*.com/", "http://a..b/", "http://-a.com/", "http://a-.com/", &long]);
    let opened = AddressPolicy {
        allow_cidrs: vec![AddressPolicy::network("10.0.0.0/8").unwrap()],
        ..AddressPolicy::default()
    };
    assert!(
        Target::parse("http://db.internal/", &opened).is_ok(),
        "an operator who allows a network may have names in it"
    );
    assert!(Target::parse("http://a_b.example-1.com/", &AddressPolicy::default()).is_ok());
}
