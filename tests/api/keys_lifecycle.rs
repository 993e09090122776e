//! Access keys: how they begin and end, what they limit, and what is kept of them.

use serde_json::{Value, json};

use crate::job_requests::{OPERATOR, accepted, album, id};
use crate::key_requests::{assert_refused, create, ended_job, get, key, pause, process, spawn, submit};
use crate::support::http::metric_in;
use crate::support::{files_below, wait_until};
use crate::test_service::{TestService, assert_problem};

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

#[test]
fn a_key_that_lacks_a_scope_is_its_holders_mistake() {
    let service = spawn();
    let writer = key(&service, &["jobs:read", "jobs:write"]);
    let wanted = service
        .post("/jobs?priority=high")
        .bearer_auth(&writer)
        .header("content-type", "application/zip")
        .body(album(1, 0));
    assert_problem(wanted.send().unwrap(), 403, "FORBIDDEN");
    let line = service.wait_for_event("http_error", |line| line["error_code"] == "FORBIDDEN");
    assert_eq!(line["level"], "info", "{line}");
    let is_alarm = |line: &Value| line["level"] == "error" || line["event"] == "security_violation";
    assert!(!service.log().iter().any(is_alarm));
}
