//! The requests of a hostile client. Each part of them contains a canary.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::json;

use super::canary_service::CanaryService;
use crate::support::archives::{Member, zip};
use crate::support::pictures::png_with_comment;

/// Headers that carry secrets, or that the service reads. The user agent is logged.
const HEADERS: [&str; 27] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "idempotency-key",
    "referer",
    "origin",
    "host",
    "x-api-key",
    "x-request-id",
    "x-timestamp",
    "x-signature",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
    "if-match",
    "if-none-match",
    "if-range",
    "range",
    "accept",
    "accept-encoding",
    "accept-language",
    "content-language",
    "last-event-id",
    "traceparent",
    "tracestate",
    "access-control-request-headers",
];

/// The paths of all routes, with `{}` in place of ids.
const PATHS: [&str; 26] = [
    "/process",
    "/process_zip",
    "/fetch_url",
    "/health",
    "/ready",
    "/metrics",
    "/jobs",
    "/jobs/{}",
    "/jobs/{}/events",
    "/jobs/{}/cancel",
    "/jobs/{}/results",
    "/jobs/{}/results.zip",
    "/jobs/{}/results/0/card",
    "/links/{}/results.zip",
    "/links/{}/cards/0",
    "/links/{}/events",
    "/webhooks/deliveries",
    "/webhooks/deliveries/{}/redeliver",
    "/jobs/{}/retry",
    "/processes",
    "/queue",
    "/queue/pause",
    "/queue/resume",
    "/openapi.json",
    "/",
    "/docs",
];

/// Parameters that some route reads, and one that no route reads.
const PARAMETERS: [&str; 12] = [
    "colors",
    "aspect",
    "format",
    "quality",
    "cards",
    "status",
    "type",
    "limit",
    "cursor",
    "expires",
    "signature",
    "token",
];

/// Sends every header to every route, with every method.
pub fn send_headers(service: &CanaryService) {
    for path in PATHS {
        let path = path.replace("{}", &service.plant("an id in a path"));
        for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "TRACE", "PURGE"] {
            let mut request = service.request(method.parse().unwrap(), &path);
            for name in HEADERS {
                // A header whose form the service checks is sent in that form.
                let value = service.plant(&format!("the header {name}"));
                let value = match name {
                    "authorization" if method == "GET" => format!("Bearer {value}"),
                    "authorization" | "proxy-authorization" => {
                        format!("Basic {}", BASE64_STANDARD.encode(value))
                    }
                    "x-signature" => format!("sha256={value}"),
                    "x-request-id" => format!("{value} is no id"),
                    "if-none-match" | "if-match" => format!("\"{value}\""),
                    "range" => format!("bytes={value}-"),
                    _ => value,
                };
                request = request.header(name, value);
            }
            service.send(request);
        }
    }
}

/// Sends canaries in queries, and in paths that do not exist.
pub fn send_targets(service: &CanaryService) {
    for path in PATHS {
        let (path, method) = (path.replace("{}", &service.plant("an id in a path")), path.len() % 2);
        let query: Vec<String> = PARAMETERS
            .iter()
            .map(|name| format!("{name}={}", service.plant(&format!("the parameter {name}"))))
            .collect();
        let method = [Method::GET, Method::POST][method].clone();
        for query in query.iter().chain([&query.join("&"), &format!("%{}", service.plant("a query"))]) {
            service.send(service.request(method.clone(), &format!("{path}?{query}")));
        }
    }
    for path in ["/nowhere/{}", "//{}", "/jobs/%2e%2e/{}", "/jobs/{}/results/{}/card", "/{}\"%0a{{"] {
        service.get(&path.replace("{}", &service.plant("a path")));
    }
}

/// Sends bodies that are not valid pictures, forms, JSON or archives.
pub fn send_bodies(service: &CanaryService) {
    let secret = || service.plant("a body");
    let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    for path in ["/process", "/process_zip", "/fetch_url", "/jobs"] {
        let (member, text) = (if path == "/process_zip" { "zip" } else { "image" }, secret());
        for body in [
            format!("{{\"{member}\": \"{}", secret()),
            format!("{{\"{member}\": {}}}", secret()),
            format!("{{\"{}\": \"{}\"}}", secret(), secret()),
            format!("[\"{}\"]", secret()),
            format!("\"{}\"", secret()),
            json!({ member: [secret()], "urls": secret(), "url": [secret()] }).to_string(),
            json!({ member: format!("{}!", secret()) }).to_string(),
            json!({ member: encoded(secret().as_bytes()) }).to_string(),
            json!({ member: format!("data:image/{};base64,{}", secret(), encoded(text.as_bytes())) })
                .to_string(),
            json!({ "urls": [], "callback_url": secret(), "ttl_h": secret(), "priority": secret() })
                .to_string(),
            json!({ "zip": encoded(&stored(&format!("{}.png", secret()), secret().as_bytes())) }).to_string(),
        ] {
            send_both(service, path, "application/json", body.into_bytes());
        }
        for (kind, body) in [
            (format!("text/{}", secret()), secret().into_bytes()),
            ("image/png".to_owned(), secret().into_bytes()),
            ("image/png".to_owned(), [&png_with_comment(&secret())[..60], secret().as_bytes()].concat()),
            ("application/zip".to_owned(), secret().into_bytes()),
            ("application/zip".to_owned(), stored(&format!("../{}.png", secret()), b"x")),
            ("application/zip".to_owned(), stored(&format!("{}.png", secret()), secret().as_bytes())),
            (format!("multipart/form-data; boundary={}", secret()), secret().into_bytes()),
            ("multipart/form-data".to_owned(), secret().into_bytes()),
            ("multipart/form-data; boundary=b".to_owned(), form(service, "image")),
            ("multipart/form-data; boundary=b".to_owned(), form(service, "zip_file")),
            ("multipart/form-data; boundary=b".to_owned(), form(service, "images")),
        ] {
            send_both(service, path, &kind, body);
        }
    }
    let good = service.request(Method::POST, "/process").header("content-type", "image/png");
    assert_eq!(service.send(good.body(png_with_comment(&service.plant("a picture's comment")))).status, 200);
}

/// An archive with this one entry.
fn stored(name: &str, bytes: &[u8]) -> Vec<u8> {
    zip(&[Member::stored(name, bytes)])
}

/// Sends a body without a signature, and to /jobs with a signature too.
fn send_both(service: &CanaryService, path: &str, kind: &str, body: Vec<u8>) {
    service.send(service.request(Method::POST, path).header("content-type", kind).body(body.clone()));
    if path == "/jobs" {
        let key = service.plant("an idempotency key");
        service.send(service.signed(Method::POST, path, kind, body).header("idempotency-key", key));
    }
}

/// A form with a canary in every part.
fn form(service: &CanaryService, field: &str) -> Vec<u8> {
    let part = |head: String| format!("--b\r\n{head}\r\n\r\n{}\r\n", service.plant("a form's field"));
    let name = || service.plant("a form's name");
    [
        part(format!("content-disposition: form-data; name=\"{}\"", name())),
        part("content-disposition: form-data; name=\"callback_url\"".to_owned()),
        part("content-disposition: form-data; name=\"ttl_h\"".to_owned()),
        part(format!("content-disposition: form-data; name=\"{field}\"; filename=\"{}.png\"", name())),
        part(format!("content-disposition: form-data; name=\"{field}\"\r\ncontent-type: {}", name())),
        part(format!("content-disposition: {}", name())),
        part(format!("{}: {}", name(), name())),
        part(name()),
        "--b--\r\n".to_owned(),
    ]
    .concat()
    .into_bytes()
}

/// Sends bytes that are not valid HTTP, and text that would forge a log line if the service did not escape it.
pub fn send_raw(service: &CanaryService) {
    let secret = || service.plant("a raw request");
    let forged = r#""},"level":"error","event":"forged","ts":"1999-01-01T00:00:00.000000Z","x":""#;
    for text in [
        secret(),
        format!("GET /health HTTP/1.1\r\nhost: x\r\nx-a: {}\r\n{}\r\n\r\n", secret(), secret()),
        format!("GET /{} HTTP/9.9\r\nhost: {}\r\n\r\n", secret(), secret()),
        format!("GET /health{} HTTP/1.1\r\nhost: x\r\nx-b: a\rb{}\r\n\r\n", secret(), secret()),
        format!("GET /health HTTP/1.1\r\nhost: x\r\nx-c: \u{1b}[2J{}\u{0}\r\n\r\n", secret()),
        format!("POST /process HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", secret()),
        format!(
            "POST /process HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n{}",
            secret()
        ),
        format!("POST /process HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{}\r\n", secret()),
        format!(
            "POST /process HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3;{}\r\nabc\r\n{}",
            secret(),
            secret()
        ),
        format!("POST /process HTTP/1.1\r\nhost: x\r\ntransfer-encoding: {}\r\n\r\n", secret()),
        format!(
            "POST /process HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\ncontent-type: image/png\r\n\r\n{}",
            secret()
        ),
        format!("POST /process HTTP/1.1\r\nhost: x\r\nexpect: {}\r\ncontent-length: 2\r\n\r\nab", secret()),
        format!("GET /health HTTP/1.1\r\nhost: x\r\nupgrade: {}\r\nconnection: upgrade\r\n\r\n", secret()),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", secret()),
        format!("{} /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", secret().to_uppercase()),
        format!("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: {forged}\r\n\r\n"),
        format!(
            "GET /x{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: ab\u{85}cdefgh\r\n\r\n",
            forged.replace(' ', "")
        ),
        format!("GET /health HTTP/1.1\r\nhost: x\r\ncookie: {}{}\r\n\r\n", secret(), "y".repeat(200_000)),
        format!("GET /health HTTP/1.1\r\nhost: x\r\n{}\r\n", format!("z: {}\r\n", secret()).repeat(120)),
    ] {
        service.send_raw(text.as_bytes());
    }
}
