//! URLs that a hostile client names, and proofs and links that are right, wrong, or come again, everything of them with a
//! canary inside.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::archive::{commented, picture};
use super::scene::Scene;

/// URLs with a canary in every place: refused, unreachable, redirected, answered with nonsense.
pub fn urls(scene: &Scene) -> Vec<String> {
    let (port, secret) = (scene.receiver.port(), || scene.plant("a URL"));
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

/// Every URL in every place that takes one.
pub fn send_urls(scene: &Scene) {
    for path in ["/fetch_url", "/process"] {
        for url in urls(scene) {
            scene.send(scene.request(Method::POST, path).json(&json!({ "url": url })));
        }
    }
    for url in urls(scene) {
        scene.job(&json!({ "urls": [url] }));
    }
    for callback in urls(scene) {
        let image =
            format!("http://127.0.0.1:{}/picture?token={}", scene.receiver.port(), scene.plant("a URL"));
        scene.job(&json!({ "urls": [image], "callback_url": callback }));
    }
}

/// Requests of the operator and of who is none; signatures that are right, wrong and sent twice; links likewise.
pub fn send_proofs(scene: &Scene) {
    let as_operator =
        |path: &str, token: &str| scene.send(scene.request(Method::GET, path).bearer_auth(token)).status;
    for path in ["/jobs", "/webhooks/deliveries"] {
        assert_eq!(as_operator(path, &scene.operator), 200);
        assert_eq!(as_operator(path, &scene.plant("a wrong token")), 401);
        assert_eq!(as_operator(&format!("{path}?cursor={}", scene.plant("a cursor")), &scene.operator), 400);
    }
    let body = || scene.signed(Method::POST, "/jobs", "image/png", Vec::new());
    let forged = "f00dfeed".repeat(8);
    scene.canaries.watch("a forged signature", &forged);
    let mut wrong = body().build().unwrap();
    wrong.headers_mut().insert("x-signature", format!("sha256={forged}").parse().unwrap());
    assert_eq!(scene.client.execute(wrong).unwrap().status(), 401);
    let once = body();
    let again = once.try_clone().unwrap();
    scene.send(once);
    assert_eq!(scene.send(again).json()["error_code"], "NONCE_REUSED");
}

/// A job that is done, with its links followed: right ones, and wrong ones.
pub fn follow_links(scene: &Scene) {
    let form = "multipart/form-data; boundary=b";
    let callback = format!("http://127.0.0.1:{}/thanks/{}", scene.receiver.port(), scene.plant("a callback"));
    let head = "content-disposition: form-data; name=\"images\"; filename=\"a.png\"";
    let field = "content-disposition: form-data; name=\"callback_url\"";
    let body = |picture: &[u8]| {
        let head = format!("--b\r\n{field}\r\n\r\n{callback}\r\n--b\r\n{head}\r\n\r\n");
        [head.as_bytes(), picture, b"\r\n--b--\r\n"].concat()
    };
    let key = scene.plant("an idempotency key");
    let send = |body: Vec<u8>| {
        let request = scene.signed(Method::POST, "/jobs", form, body);
        scene.send(request.header("idempotency-key", &key))
    };
    let said = send(body(&picture()));
    assert_eq!(said.status, 202, "{}", said.text);
    let other = body(&commented(&scene.plant("a picture's comment")));
    assert_eq!(send(other).json()["error_code"], "IDEMPOTENCY_VIOLATION");
    let job = said.json()["job_id"].as_str().unwrap().to_owned();
    let mut done = Value::Null;
    super::until("the job is done", || {
        done = scene.get(&format!("/jobs/{job}?cards=url")).json();
        done["status"] == "completed"
    });
    for link in [&done["download_url"], &done["results"][0]["social_image"]] {
        let link = link.as_str().unwrap();
        let (_, path) = link.split_once("//").unwrap().1.split_once('/').unwrap();
        let (rest, signature) = path.rsplit_once("signature=").unwrap();
        scene.canaries.watch("a link's signature", signature);
        assert_eq!(scene.get(&format!("/{path}")).status, 200);
        let wrong = scene.plant("a link's wrong signature");
        assert_eq!(scene.get(&format!("/{rest}signature={wrong}")).status, 403);
    }
}
