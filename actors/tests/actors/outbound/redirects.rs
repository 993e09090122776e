//! Redirects: each hop is checked like the first URL, and their number is limited.

use huemill_actors::fault::{Code, Fault};
use huemill_actors::outbound::{OutboundError, Reason, RequestFailure};

use super::harness::{ForbiddenServer, fetch, policy};
use super::http_server::{HttpServer, answer, ok, redirect};

#[actix_rt::test]
async fn redirects_are_followed_to_their_end() {
    let server = HttpServer::start("127.0.0.2:0", |path| match path {
        "/a/one" => redirect("301 Moved Permanently", "two?x=1"),
        "/a/two?x=1" => redirect("302 Found", "/three"),
        "/three" => redirect("308 Permanent Redirect", "?four"),
        "/three?four" => ok(b"there"),
        other => panic!("{other}"),
    })
    .await;
    let (download, bytes) =
        fetch(&policy(&["127.0.0.2"], &[server.port()]), &server.url("/a/one")).await.unwrap();
    assert_eq!(bytes, b"there");
    assert_eq!(download.redirects, 3);
    assert_eq!(download.target.full(), server.url("/three?four"));
    for request in server.requests() {
        let head = request.to_lowercase();
        assert!(head.contains("connection: close\r\n"), "{head}");
        assert!(!head.contains("referer") && !head.contains("cookie"), "{head}");
    }
}

#[actix_rt::test]
async fn s11_a_redirect_to_a_closed_address_is_refused() {
    let forbidden = ForbiddenServer::start().await;
    let port = forbidden.port();
    let rows = [
        ("302 Found", format!("http://127.0.0.1:{port}/"), Reason::Loopback),
        ("307 Temporary Redirect", format!("http://127.0.0.1:{port}/"), Reason::Loopback),
        ("303 See Other", format!("http://localhost:{port}/"), Reason::Loopback),
        ("301 Moved Permanently", format!("//[::1]:{port}/"), Reason::Loopback),
        ("301 Moved Permanently", format!("//2130706433:{port}/"), Reason::Loopback),
        ("308 Permanent Redirect", "http://169.254.169.254/".to_owned(), Reason::Metadata),
        ("302 Found", "http://good.test:22/".to_owned(), Reason::Port),
        ("302 Found", "file:///etc/passwd".to_owned(), Reason::Scheme),
        ("302 Found", format!("//user@127.0.0.2:{port}/"), Reason::Userinfo),
    ];
    for (status, location, reason) in rows {
        let sent = location.clone();
        let server = HttpServer::start("127.0.0.2:0", move |_| redirect(status, &sent)).await;
        let outcome = fetch(&policy(&["127.0.0.2"], &[server.port(), port, 80]), &server.url("/")).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(reason), "{location}");
        assert_eq!(Fault::from(reason).code, Code::InvalidUrl);
    }
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn a_redirect_to_what_is_no_url_is_the_servers_fault() {
    let forbidden = ForbiddenServer::start().await;
    let port = forbidden.port();
    for location in [
        format!("http:127.0.0.1:{port}/"),
        format!("/\\127.0.0.1:{port}/"),
        format!("http://127.0.0.1 :{port}/"),
        "http://".to_owned(),
        "/a\tb".to_owned(),
        format!("/{}", "a".repeat(2_100)),
    ] {
        let sent = location.clone();
        let server = HttpServer::start("127.0.0.2:0", move |_| redirect("302 Found", &sent)).await;
        let outcome = fetch(&policy(&["127.0.0.2"], &[server.port(), port, 80]), &server.url("/")).await;
        let malformed = OutboundError::Upstream { status: Some(302), what: RequestFailure::Malformed };
        assert_eq!(outcome.unwrap_err(), malformed, "{location}");
        assert_eq!(Fault::from(malformed).code, Code::UpstreamError);
    }
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn a_space_in_a_redirect_is_encoded() {
    let server = HttpServer::start("127.0.0.2:0", |path| match path {
        "/" => redirect("302 Found", "/my pictures/a b.png?x=1 2"),
        "/my%20pictures/a%20b.png?x=1%202" => ok(b"there"),
        other => panic!("{other}"),
    })
    .await;
    let (_, bytes) = fetch(&policy(&["127.0.0.2"], &[server.port()]), &server.url("/")).await.unwrap();
    assert_eq!(bytes, b"there");
}

#[actix_rt::test]
async fn a_response_that_a_proxy_has_changed_is_a_success() {
    let server =
        HttpServer::start("127.0.0.2:0", |_| answer("203 Non-Authoritative Information", "", b"there")).await;
    let (_, bytes) = fetch(&policy(&["127.0.0.2"], &[server.port()]), &server.url("/")).await.unwrap();
    assert_eq!(bytes, b"there");
}

#[actix_rt::test]
async fn s12_a_redirect_loop_ends_at_the_limit() {
    let server = HttpServer::start("127.0.0.2:0", |_| redirect("302 Found", "/again")).await;
    let outcome = fetch(&policy(&["127.0.0.2"], &[server.port()]), &server.url("/")).await;
    let error = outcome.unwrap_err();
    assert_eq!(error, OutboundError::Refused(Reason::Redirects));
    assert_eq!(Fault::from(error).code, Code::UpstreamError);
    assert_eq!(server.requests().len(), 4, "the URL and three redirects");
}

#[actix_rt::test]
async fn a_redirect_without_a_location_is_an_upstream_error() {
    let server = HttpServer::start("127.0.0.2:0", |path| match path {
        "/304" => super::http_server::answer("304 Not Modified", "Location: /a\r\n", b""),
        _ => super::http_server::answer("302 Found", "", b""),
    })
    .await;
    for (path, status) in [("/", 302), ("/304", 304)] {
        let outcome = fetch(&policy(&["127.0.0.2"], &[server.port()]), &server.url(path)).await;
        let error = OutboundError::Upstream { status: Some(status), what: RequestFailure::Status };
        assert_eq!(outcome.unwrap_err(), error);
    }
}
