//! Access keys: what a key opens, and whose a job is.

use hmac::{Hmac, Mac};
use huemill_actors::delivery::hex;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::answers::photo;
use crate::job_requests::{OPERATOR, accepted, album, id, zip_form};
use crate::key_requests::{MODE, assert_refused, create, ended_job, get, key, pause, process, spawn, submit};
use crate::support::receiver::{Receiver, Reply};
use crate::support::{loopback_settings, wait_for};
use crate::test_service::{TestService, assert_problem};

#[test]
fn every_route_wants_a_key_but_probes_and_links() {
    let service = spawn();
    let made = |method: &str, path: &str| -> RequestBuilder {
        service.client.request(method.parse().unwrap(), service.url(path))
    };
    for (method, path) in [
        ("POST", "/process"),
        ("POST", "/process_zip"),
        ("POST", "/fetch_url"),
        ("GET", "/jobs"),
        ("POST", "/jobs"),
        ("GET", "/jobs/job_1"),
        ("HEAD", "/jobs/job_1"),
        ("DELETE", "/jobs/job_1"),
        ("GET", "/jobs/job_1/events"),
        ("POST", "/jobs/job_1/cancel"),
        ("POST", "/jobs/job_1/retry"),
        ("GET", "/jobs/job_1/results"),
        ("GET", "/jobs/job_1/results.zip"),
        ("GET", "/jobs/job_1/results/0/card"),
        ("GET", "/webhooks/deliveries"),
        ("POST", "/webhooks/deliveries/dlv_1/redeliver"),
        ("GET", "/processes"),
        ("GET", "/queue"),
        ("POST", "/queue/pause"),
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("DELETE", "/keys/000000000001"),
        ("POST", "/keys/000000000001/rotate"),
        ("GET", "/metrics"),
    ] {
        assert_eq!(made(method, path).send().unwrap().status(), 401, "{method} {path}");
        let forged = format!("hm_000000000001_{}", "x".repeat(49));
        assert_eq!(made(method, path).bearer_auth(forged).send().unwrap().status(), 401, "{method} {path}");
        assert_eq!(
            made(method, path).header("x-api-key", "x").send().unwrap().status(),
            401,
            "{method} {path}"
        );
    }
    for path in ["/health", "/ready"] {
        assert_eq!(service.get(path).status(), 200, "{path}");
    }
    let preflight = made("OPTIONS", "/jobs").header("origin", "https://a.example");
    assert_eq!(preflight.header("access-control-request-method", "POST").send().unwrap().status(), 204);
    assert!(assert_refused(service.post("/process").send().unwrap()).contains("X-API-Key"));
    assert_eq!(get(&service, "/metrics", OPERATOR).status(), 200);
}

#[test]
fn a_key_opens_what_its_scopes_allow() {
    let service = spawn();
    let processing = key(&service, &["process"]);
    assert_eq!(process(&service, &processing).status(), 200);
    let other_header =
        service.post("/process").header("x-api-key", &processing).header("content-type", "image/png");
    assert_eq!(other_header.body(photo("png")).send().unwrap().status(), 200);
    let problem = assert_problem(submit(&service, &processing), 403, "FORBIDDEN");
    assert!(problem["message"].as_str().unwrap().contains("jobs:write"), "{problem}");
    let writing = key(&service, &["jobs:write"]);
    let job = accepted(submit(&service, &writing));
    assert_problem(get(&service, &format!("/jobs/{}", id(&job)), &writing), 403, "FORBIDDEN");
    assert_problem(process(&service, &writing), 403, "FORBIDDEN");
    let high = zip_form(album(1, 0)).text("priority", "high");
    let high = service.post("/jobs").bearer_auth(&writing).multipart(high).send().unwrap();
    assert!(assert_problem(high, 403, "FORBIDDEN")["message"].as_str().unwrap().contains("priority"));
    let hasty = key(&service, &["jobs:write", "priority"]);
    let high = zip_form(album(1, 0)).text("priority", "high");
    accepted(service.post("/jobs").bearer_auth(&hasty).multipart(high).send().unwrap());
    for path in ["/keys", "/processes", "/queue", "/metrics", "/webhooks/deliveries"] {
        assert_problem(get(&service, path, &writing), 403, "FORBIDDEN");
    }
    let operator = key(&service, &["operator"]);
    for path in ["/keys", "/processes", "/queue", "/metrics", "/webhooks/deliveries", "/jobs"] {
        assert_eq!(get(&service, path, &operator).status(), 200, "{path}");
        assert_eq!(get(&service, path, OPERATOR).status(), 200, "{path}");
    }
    assert_eq!(process(&service, OPERATOR).status(), 200);
}

#[test]
fn a_key_that_may_not_read_jobs_cancels_one_without_seeing_it() {
    let service = spawn();
    let (writing, reading) = (key(&service, &["jobs:write"]), key(&service, &["jobs:write", "jobs:read"]));
    pause(&service);
    let canceled = |key: &str| -> Value {
        let job = accepted(submit(&service, key));
        let path = format!("/jobs/{}/cancel", id(&job));
        let cancel = || service.post(&path).bearer_auth(key).send().unwrap();
        let first = cancel();
        assert_eq!(first.status(), 202);
        let body: Value = first.json().unwrap();
        assert_eq!((&body["job_id"], &body["status"]), (&job["job_id"], &json!("canceled")));
        assert_eq!(cancel().json::<Value>().unwrap(), body, "the second answer is the same");
        body
    };
    let (seen, all) = (canceled(&writing), canceled(&reading));
    assert_eq!(seen.as_object().unwrap().len(), 2, "{seen}");
    assert!(all["results"].is_array() && all["download_url"].is_string(), "{all}");
}

#[test]
fn the_operators_token_may_look_like_a_key() {
    let token = key(&spawn(), &["process"]);
    let service = TestService::start(&[MODE, ("OPERATOR_TOKEN", &token)]);
    assert_eq!(get(&service, "/keys", &token).status(), 200);
    let changed = format!("{}{}", &token[..64], if token.ends_with('0') { '1' } else { '0' });
    assert_refused(get(&service, "/keys", &changed));
}

#[test]
fn a_job_of_another_key_is_unknown_on_every_route() {
    let service = spawn();
    let scopes = ["jobs:read", "jobs:write", "webhooks"];
    let (own, other) = (key(&service, &scopes), key(&service, &scopes));
    let job = ended_job(&service, &own);
    let path = format!("/jobs/{}", id(&job));
    for (method, path) in [
        ("GET", path.clone()),
        ("HEAD", path.clone()),
        ("GET", format!("{path}/events")),
        ("POST", format!("{path}/cancel")),
        ("GET", format!("{path}/results")),
        ("GET", format!("{path}/results.zip")),
        ("GET", format!("{path}/results/0/card")),
        ("DELETE", path.clone()),
    ] {
        let request = service.client.request(method.parse().unwrap(), service.url(&path));
        let answer = request.bearer_auth(&other).send().unwrap();
        assert_eq!(answer.status(), 404, "{method} {path}");
        if method != "HEAD" {
            assert_problem(answer, 404, "JOB_NOT_FOUND");
        }
    }
    let listed = |key: &str| -> Vec<Value> {
        let body: Value = get(&service, "/jobs", key).json().unwrap();
        body["jobs"].as_array().unwrap().clone()
    };
    assert_eq!((listed(&own).len(), listed(&other).len(), listed(OPERATOR).len()), (1, 0, 1));
    assert_eq!(get(&service, &format!("{path}/results.zip"), &own).status(), 200);
    assert_eq!(get(&service, &path, OPERATOR).status(), 200);
    // The link in the body opens what it names for anybody, and nothing else.
    let link = job["download_url"].as_str().unwrap();
    let link = &link[link.find("/jobs").or_else(|| link.find("/links")).unwrap()..];
    assert_eq!(service.get(link).status(), 200);
    let forged = format!("{path}/results/0/card?expires=9999999999&signature=00");
    assert_problem(service.get(&forged), 403, "EXPIRED_LINK");
    assert_refused(service.get(&format!("{path}/results/0/card?x=signature=")));
    let own_job = service.client.delete(service.url(&path)).bearer_auth(&own).send().unwrap();
    assert_eq!(own_job.status(), 204);
}

#[test]
fn idempotency_keys_are_separate_for_each_access_key() {
    let service = spawn();
    let scopes = ["jobs:write"];
    let send = |key: &str| {
        let request = service.post("/jobs").bearer_auth(key).header("idempotency-key", "one");
        accepted(request.multipart(zip_form(album(1, 0))).send().unwrap())["job_id"].clone()
    };
    let (first, second) = (key(&service, &scopes), key(&service, &scopes));
    assert_eq!(send(&first), send(&first));
    assert_ne!(send(&first), send(&second));
}

#[test]
fn webhooks_about_the_jobs_of_a_key_are_signed_with_its_own_secret() {
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let mut settings = loopback_settings(&[receiver.port()]);
    settings.extend(
        [MODE, ("OPERATOR_TOKEN", OPERATOR)].map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    let service = TestService::start(&settings);
    let scopes = json!(["jobs:read", "jobs:write", "webhooks"]);
    let keys: Vec<Value> =
        (0..2).map(|n| create(&service, &json!({"name": format!("shop {n}"), "scopes": scopes}))).collect();
    assert_ne!(keys[0]["webhook_secret"], keys[1]["webhook_secret"]);
    for made in &keys {
        let key = made["key"].as_str().unwrap();
        let form = zip_form(album(1, 0)).text("callback_url", receiver.url("/hook"));
        let job = accepted(service.post("/jobs").bearer_auth(key).multipart(form).send().unwrap());
        let request = wait_for("the webhook arrives", || {
            receiver.requests().into_iter().find(|request| {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                body["job_id"] == job["job_id"]
            })
        });
        let secret = made["webhook_secret"].as_str().unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(&request.body);
        let expected = hex(&mac.finalize().into_bytes());
        assert_eq!(request.header("x-signature"), format!("sha256={expected}"));
        let list: Value = get(&service, "/webhooks/deliveries", key).json().unwrap();
        let ids: Vec<_> =
            list["deliveries"].as_array().unwrap().iter().map(|row| row["job_id"].clone()).collect();
        assert_eq!(ids, [job["job_id"].clone()], "each sees its own");
        let delivery = list["deliveries"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/webhooks/deliveries/{delivery}/redeliver");
        let other = keys.iter().find(|other| other["id"] != made["id"]).unwrap()["key"].as_str().unwrap();
        assert_problem(service.post(&path).bearer_auth(other).send().unwrap(), 404, "NOT_FOUND");
        assert_eq!(service.post(&path).bearer_auth(key).send().unwrap().status(), 202);
    }
}
