//! Access keys: what a key opens, whose a job is, and how keys begin and end.

use hmac::{Hmac, Mac};
use huemill_actors::delivery::hex;
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::answers::photo;
use crate::job_requests::{OPERATOR, accepted, album, id, zip_form};
use crate::support::http::metric_in;
use crate::support::receiver::{Receiver, Reply};
use crate::support::{files_below, loopback_settings, wait_for, wait_until};
use crate::test_service::{TestService, assert_problem};

const MODE: (&str, &str) = ("HUEMILL__ACCESS__MODE", "keys");

fn spawn() -> TestService {
    TestService::start(&[MODE, ("OPERATOR_TOKEN", OPERATOR)])
}

/// Creates a key with this body and returns the answer.
fn create(service: &TestService, body: &Value) -> Value {
    let answer = service.post("/keys").bearer_auth(OPERATOR).json(body).send().unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().unwrap()
}

/// A key with these scopes.
fn key(service: &TestService, scopes: &[&str]) -> String {
    let made = create(service, &json!({"name": "a test", "scopes": scopes}));
    made["key"].as_str().unwrap().to_owned()
}

fn process(service: &TestService, key: &str) -> Response {
    service
        .post("/process")
        .bearer_auth(key)
        .header("content-type", "image/png")
        .body(photo("png"))
        .send()
        .unwrap()
}

fn submit(service: &TestService, key: &str) -> Response {
    service.post("/jobs").bearer_auth(key).multipart(zip_form(album(1, 0))).send().unwrap()
}

fn get(service: &TestService, path: &str, key: &str) -> Response {
    service.client.get(service.url(path)).bearer_auth(key).send().unwrap()
}

/// Keeps jobs from starting.
fn pause(service: &TestService) {
    assert_eq!(service.post("/queue/pause").bearer_auth(OPERATOR).send().unwrap().status(), 200);
}

/// Creates a job with this key and returns it once it has ended.
fn ended_job(service: &TestService, key: &str) -> Value {
    let job = accepted(submit(service, key));
    let path = format!("/jobs/{}", id(&job));
    wait_for("the job ends", || {
        let body: Value = get(service, &path, key).json().unwrap();
        (body["status"] == "completed").then_some(body)
    })
}

#[track_caller]
fn assert_refused(answer: Response) -> String {
    assert!(answer.headers().contains_key("www-authenticate"), "{:?}", answer.headers());
    assert_problem(answer, 401, "UNAUTHORIZED")["message"].as_str().unwrap().to_owned()
}

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
fn a_revoked_key_is_refused_at_once_and_says_so() {
    let service = spawn();
    let made = create(&service, &json!({"name": "short-lived", "scopes": ["process"]}));
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert_eq!(process(&service, key).status(), 200);
    let revoke =
        || service.client.delete(service.url(&format!("/keys/{id}"))).bearer_auth(OPERATOR).send().unwrap();
    assert_eq!(revoke().status(), 204);
    assert!(assert_refused(process(&service, key)).contains("revoked"));
    assert_problem(revoke(), 404, "KEY_NOT_FOUND");
    let listed: Value = get(&service, "/keys", OPERATOR).json().unwrap();
    assert_eq!(listed["keys"], json!([]));
}

#[test]
fn a_rotated_key_lives_on_for_the_overlap_and_its_jobs_belong_to_the_new_one() {
    let service = spawn();
    let scopes = ["process", "jobs:read", "jobs:write"];
    let made = create(&service, &json!({"name": "shop", "scopes": scopes, "limits": {"open_jobs": 9}}));
    let old = made["key"].as_str().unwrap();
    let job = ended_job(&service, old);
    let rotate = |id: &Value, body: &Value| {
        let path = format!("/keys/{}/rotate", id.as_str().unwrap());
        service.post(&path).bearer_auth(OPERATOR).json(body).send().unwrap()
    };
    let second: Value = rotate(&made["id"], &json!({})).json().unwrap();
    let new = second["key"].as_str().unwrap();
    for member in ["name", "scopes", "limits", "webhook_secret"] {
        assert_eq!(second[member], made[member], "{member}");
    }
    assert_eq!(process(&service, old).status(), 200);
    assert_eq!(process(&service, new).status(), 200);
    assert_eq!(get(&service, &format!("/jobs/{}", id(&job)), new).status(), 200);
    let third: Value = rotate(&second["id"], &json!({"overlap_s": 0})).json().unwrap();
    assert!(assert_refused(process(&service, new)).contains("expired"));
    assert_eq!(process(&service, third["key"].as_str().unwrap()).status(), 200);
    assert_problem(rotate(&second["id"], &json!({})), 404, "KEY_NOT_FOUND");
    assert_problem(rotate(&third["id"], &json!({"overlap": 5})), 400, "INVALID_INPUT");
}

#[test]
fn the_list_shows_keys_without_secrets_and_when_they_were_used() {
    let service = spawn();
    let used = key(&service, &["process"]);
    for number in 0..3 {
        create(&service, &json!({"name": format!("unused {number}"), "scopes": ["jobs:read"]}));
    }
    assert_eq!(process(&service, &used).status(), 200);
    let page = |query: &str| -> Value { get(&service, &format!("/keys{query}"), OPERATOR).json().unwrap() };
    let first = page("?limit=3");
    let second = page(&format!("?limit=3&cursor={}", first["next_cursor"].as_str().unwrap()));
    assert_eq!((first["keys"].as_array().unwrap().len(), second["keys"].as_array().unwrap().len()), (3, 1));
    assert_eq!(second["next_cursor"], Value::Null);
    let text = format!("{first}{second}");
    assert!(!text.contains("hm_") && !text.contains("whsec_"), "{text}");
    wait_until("the use is stored", || {
        let keys = page("");
        let used = |key: &&Value| {
            key["name"] == "a test" && key["last_used_at"].as_i64().is_some_and(|at| at % 60 == 0)
        };
        keys["keys"].as_array().unwrap().iter().find(used).is_some()
    });
}

#[test]
fn a_key_has_limits_of_its_own() {
    let service = spawn();
    let limited = |limits: Value| {
        let body =
            json!({"name": "limited", "scopes": ["process", "jobs:read", "jobs:write"], "limits": limits});
        create(&service, &body)["key"].as_str().unwrap().to_owned()
    };
    let slow = limited(json!({"requests_per_minute": 2}));
    assert_eq!(process(&service, &slow).status(), 200);
    assert_eq!(process(&service, &slow).status(), 200);
    let answer = process(&service, &slow);
    assert_eq!(answer.headers()["ratelimit-policy"], "\"requests\";q=2;w=60");
    let problem = assert_problem(answer, 429, "RATE_LIMITED");
    let message = problem["user_message"].as_str().unwrap();
    assert!(message.contains("2 requests a minute are allowed (limit `requests`)"), "{message}");
    let few = limited(json!({"open_jobs": 1}));
    pause(&service);
    accepted(submit(&service, &few));
    let problem = assert_problem(submit(&service, &few), 429, "RATE_LIMITED");
    let message = problem["user_message"].as_str().unwrap();
    assert!(message.contains("1 are allowed (limit `open_jobs`)"), "{message}");
    assert_eq!(process(&service, &limited(json!({}))).status(), 200);
    let scrape = get(&service, "/metrics", OPERATOR).text().unwrap();
    for policy in ["requests", "open_jobs"] {
        assert_eq!(
            metric_in(&scrape, &format!("rate_limited_total{{policy=\"{policy}\"}}")),
            Some(1.0),
            "{policy}"
        );
    }
}

#[test]
fn bodies_that_cannot_be_used_are_refused() {
    let service = spawn();
    let send = |body: &str| service.post("/keys").bearer_auth(OPERATOR).body(body.to_owned()).send().unwrap();
    for body in [
        "",
        "[]",
        "{}",
        r#"{"name": "", "scopes": ["process"]}"#,
        r#"{"name": "a", "scopes": []}"#,
        r#"{"name": "a", "scopes": ["root"]}"#,
        r#"{"name": "a", "scopes": ["process"], "expires_at": 5}"#,
        r#"{"name": "a", "scopes": ["process"], "limits": {"speed": 1}}"#,
        r#"{"name": "a", "scopes": ["process"], "key": "mine"}"#,
    ] {
        assert_problem(send(body), 400, "INVALID_INPUT");
    }
    assert_problem(send(&format!("\"{}\"", "x".repeat(20_000))), 413, "PAYLOAD_TOO_LARGE");
    let gone = service.client.delete(service.url("/keys/x")).bearer_auth(OPERATOR).send().unwrap();
    assert_problem(gone, 404, "KEY_NOT_FOUND");
}

#[test]
fn no_secret_of_a_key_is_stored_or_logged() {
    let service = spawn();
    let made = create(&service, &json!({"name": "secret", "scopes": ["process", "jobs:read", "jobs:write"]}));
    let token = made["key"].as_str().unwrap();
    assert_eq!(process(&service, token).status(), 200);
    ended_job(&service, token);
    assert_problem(process(&service, &format!("{token}x")), 401, "UNAUTHORIZED");
    let secret = &token[16..59];
    let webhook_secret = made["webhook_secret"].as_str().unwrap();
    for file in files_below(service.data.path()) {
        let bytes = std::fs::read(service.data.path().join(&file)).unwrap();
        for text in [secret, webhook_secret] {
            assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{file}");
        }
    }
    let log = service.log();
    assert!(log.iter().all(|line| !line.to_string().contains(secret)), "a secret is in the log");
    assert!(log.iter().all(|line| !line.to_string().contains(webhook_secret)), "a secret is in the log");
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

#[test]
fn in_open_mode_nobody_needs_a_key_and_any_credential_is_ignored() {
    let service = TestService::start(&[("OPERATOR_TOKEN", OPERATOR)]);
    assert_eq!(process(&service, "hm_nonsense").status(), 200);
    let job = accepted(submit(&service, "whatever a proxy adds"));
    assert_eq!(service.get(&format!("/jobs/{}", id(&job))).status(), 200);
    assert_eq!(service.get("/metrics").status(), 200);
    // The operator's routes want a credential of the operator, and keys can be made before they are in force.
    assert_problem(service.get("/jobs"), 401, "UNAUTHORIZED");
    let operator = key(&service, &["operator"]);
    assert_eq!(get(&service, "/jobs", &operator).status(), 200);
    let reader = key(&service, &["jobs:read"]);
    assert_problem(get(&service, "/jobs", &reader), 403, "FORBIDDEN");
}
