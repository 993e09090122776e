//! The web page and its files as browsers get them: headers, caching and compression. What people do with it is tested in a
//! real browser.

use std::io::Read;

use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use serde_json::Value;

use crate::support::TIMEOUT;
use crate::test_service::{TestService, assert_problem, spawn};

/// The addresses that a page names: its modules and styles.
fn assets(page: &str) -> Vec<String> {
    let named = page.split('"').filter(|text| text.starts_with("assets/"));
    named.map(|path| format!("/{path}")).collect()
}

#[test]
fn pages_have_a_strict_policy_and_are_asked_for_each_time() {
    let service = spawn();
    for path in ["/", "/docs"] {
        let answer = service.get(path);
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-cache");
        let policy = headers["content-security-policy"].to_str().unwrap();
        for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let body = answer.text().unwrap();
        assert!(!body.contains('{'), "something was not filled in: {body}");

        let again =
            service.client.get(service.url(path)).header(IF_NONE_MATCH, &headers["etag"]).send().unwrap();
        assert_eq!(again.status(), 304);
        assert_eq!(again.headers()["content-security-policy"], headers["content-security-policy"]);
        let head = service.client.head(service.url(path)).send().unwrap();
        assert_eq!((head.status(), &head.headers()["etag"]), (reqwest::StatusCode::OK, &headers["etag"]));
    }
}

#[test]
fn files_are_kept_for_ever_under_the_digest_of_this_version_alone() {
    let service = spawn();
    let page = service.get("/").text().unwrap();
    let paths = assets(&page);
    assert!(paths.len() >= 4, "{page}");
    for path in &paths {
        let answer = service.get(path);
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let expected = match path.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "application/json",
        };
        assert_eq!(kind, expected, "{path}");
    }
    let script = paths.iter().find(|path| path.ends_with("/app.js")).unwrap();
    let digest = script.split('/').nth(2).unwrap();
    let other = service.get(&script.replace(digest, "0000000000000000"));
    assert_eq!(
        (other.status(), &other.headers()["cache-control"]),
        (reqwest::StatusCode::OK, &"no-store".parse().unwrap())
    );
    for unknown in ["nothing.js", "lib/nothing.js", "..%2fCargo.toml", "index.html", "lib/..%2fapp.js"] {
        assert_problem(service.get(&format!("/assets/{digest}/{unknown}")), 404, "NOT_FOUND");
    }
}

#[test]
fn files_are_compressed_for_those_that_accept_it() {
    let service = spawn();
    let page = service.get("/").text().unwrap();
    let path = assets(&page).into_iter().find(|path| path.ends_with("/app.js")).unwrap();
    let plain = service.get(&path);
    assert_eq!(plain.headers()["vary"], "Accept-Encoding");
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().unwrap();
    let packed = service.client.get(service.url(&path)).header(ACCEPT_ENCODING, "gzip, br").send().unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.bytes().unwrap();
    assert!(packed.len() < plain.len() * 2 / 3, "{} of {} bytes", packed.len(), plain.len());
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.as_ref()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

#[test]
fn each_listener_has_the_views_that_it_has_the_routes_for() {
    let views =
        |page: &str| page.split("data-views=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(views(&spawn().get("/").text().unwrap()), "studio batches operations");
    let service = TestService::start(&[("HUEMILL__SERVER__OPERATIONS", "127.0.0.1:0")]);
    assert_eq!(views(&service.get("/").text().unwrap()), "studio batches");
    let started: Value = service.wait_for_event("service_started", |_| true);
    let operations = started["operations"].as_str().unwrap();
    let answer = service.client.get(format!("http://{operations}/")).timeout(TIMEOUT).send().unwrap();
    assert_eq!(views(&answer.text().unwrap()), "operations");
}

#[test]
fn a_page_needs_no_key() {
    let service = TestService::start(&[("HUEMILL__ACCESS__MODE", "keys")]);
    let page = service.get("/").text().unwrap();
    for path in assets(&page).into_iter().chain(["/docs".to_owned()]) {
        assert_eq!(service.get(&path).status(), 200, "{path}");
    }
    assert_eq!(service.post("/process").send().unwrap().status(), 401);
}
