//! URLs of a hostile client, and tokens, signatures and links that are right, wrong or reused. Each contains a canary.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::canary_service::CanaryService;
use crate::support::pictures::{png_with_comment, small_png};
use crate::support::wait_until;

/// URLs with a canary in every part: refused, unreachable, redirected, answered with nonsense.
pub fn urls(service: &CanaryService) -> Vec<String> {
    let (port, secret) = (service.receiver.port(), || service.plant("a URL"));
    let tail = || format!("{}?token={}#{}", secret(), secret(), secret());
    let mut urls: Vec<String> =
        ["page", "away", "inward", "on", "nonsense", "gone", "later", "broken", "fails"]
            .iter()
            .map(|word| format!("http://127.0.0.1:{port}/{word}/{}", tail()))
            .collect();
    urls.extend([
        format!("http://{}:{}@127.0.0.1:{port}/picture/{}", secret(), secret(), tail()),
        format!("http://127.0.0.1:1/{}", tail()),
        format!("http://169.254.169.254/{}", tail()),
        format!("http://localhost:{port}/{}", tail()),
        format!("http://[::1]:{port}/{}", tail()),
        format!("https://127.0.0.1:{port}/{}", tail()),
        format!("file:///{}", tail()),
        format!("data:image/png;base64,{}", BASE64_STANDARD.encode(secret())),
        format!("gopher://{}", tail()),
        format!("http:///{}", tail()),
        format!("http://127.0.0.1:{}/", secret()),
        format!("http://127.0.0.1:{port}/ \r\nx-{}: {}", secret(), secret()),
        format!("http://\u{0}{}/", secret()),
        secret(),
        "h".repeat(100_000) + &secret(),
    ]);
    urls
}

/// Sends every URL to every place that accepts one.
pub fn send_urls(service: &CanaryService) {
    for path in ["/fetch_url", "/process"] {
        for url in urls(service) {
            service.send(service.request(Method::POST, path).json(&json!({ "url": url })));
        }
    }
    for url in urls(service) {
        service.job(&json!({ "urls": [url] }));
    }
    for callback in urls(service) {
        let image =
            format!("http://127.0.0.1:{}/picture?token={}", service.receiver.port(), service.plant("a URL"));
        service.job(&json!({ "urls": [image], "callback_url": callback }));
    }
}

/// Sends requests with right and wrong operator tokens, and with right, wrong and reused signatures.
pub fn send_credentials(service: &CanaryService) {
    let as_operator =
        |path: &str, token: &str| service.send(service.request(Method::GET, path).bearer_auth(token)).status;
    for path in ["/jobs", "/webhooks/deliveries"] {
        assert_eq!(as_operator(path, &service.operator), 200);
        assert_eq!(as_operator(path, &service.plant("a wrong token")), 401);
        assert_eq!(
            as_operator(&format!("{path}?cursor={}", service.plant("a cursor")), &service.operator),
            400
        );
    }
    let body = || service.signed(Method::POST, "/jobs", "image/png", Vec::new());
    let forged = "f00dfeed".repeat(8);
    service.canaries.watch("a forged signature", &forged);
    let mut wrong = body().build().unwrap();
    wrong.headers_mut().insert("x-signature", format!("sha256={forged}").parse().unwrap());
    assert_eq!(service.client.execute(wrong).unwrap().status(), 401);
    let once = body();
    let again = once.try_clone().unwrap();
    service.send(once);
    assert_eq!(service.send(again).json()["error_code"], "NONCE_REUSED");
}

/// Completes a job and follows its links with right and wrong signatures.
pub fn follow_links(service: &CanaryService) {
    let form = "multipart/form-data; boundary=b";
    let callback =
        format!("http://127.0.0.1:{}/thanks/{}", service.receiver.port(), service.plant("a callback"));
    let head = "content-disposition: form-data; name=\"images\"; filename=\"a.png\"";
    let field = "content-disposition: form-data; name=\"callback_url\"";
    let body = |picture: &[u8]| {
        let head = format!("--b\r\n{field}\r\n\r\n{callback}\r\n--b\r\n{head}\r\n\r\n");
        [head.as_bytes(), picture, b"\r\n--b--\r\n"].concat()
    };
    let key = service.plant("an idempotency key");
    let send = |body: Vec<u8>| {
        let request = service.signed(Method::POST, "/jobs", form, body);
        service.send(request.header("idempotency-key", &key))
    };
    let accepted = send(body(&small_png()));
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let other = body(&png_with_comment(&service.plant("a picture's comment")));
    assert_eq!(send(other).json()["error_code"], "IDEMPOTENCY_VIOLATION");
    let job = accepted.json()["job_id"].as_str().unwrap().to_owned();
    let mut done = Value::Null;
    wait_until("the job is completed", || {
        done = service.get(&format!("/jobs/{job}?cards=url")).json();
        done["status"] == "completed"
    });
    for link in [&done["download_url"], &done["results"][0]["social_image"]] {
        let link = link.as_str().unwrap();
        let (_, path) = link.split_once("//").unwrap().1.split_once('/').unwrap();
        let (id, thing) = path.strip_prefix("links/").unwrap().split_once('/').unwrap();
        service.canaries.watch("a link's id", id);
        assert_eq!(service.get(&format!("/{path}")).status, 200);
        let wrong = service.plant("a link's wrong id");
        assert_eq!(service.get(&format!("/links/{wrong}/{thing}")).status, 403);
    }
}
