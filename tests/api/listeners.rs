//! The operators' own listener: what it answers, what the public one then does not, and that it answers while the public
//! one cannot (row O6).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::Response;
use serde_json::Value;

use crate::answers::photo;
use crate::job_requests::{OPERATOR, accepted, id};
use crate::support::{TIMEOUT, connect_from};
use crate::test_service::{TestService, assert_problem};

/// The operator's routes, and those of monitoring.
const OPERATORS: [(&str, &str); 9] = [
    ("GET", "/jobs"),
    ("POST", "/jobs/job_0/retry"),
    ("GET", "/webhooks/deliveries"),
    ("POST", "/webhooks/deliveries/dlv_0/redeliver"),
    ("GET", "/processes"),
    ("GET", "/queue"),
    ("POST", "/queue/pause"),
    ("GET", "/keys"),
    ("GET", "/metrics"),
];

/// Starts a service whose operators have a listener of their own, and returns its address.
fn start(more: &[(&str, &str)]) -> (TestService, SocketAddr) {
    let mut settings = vec![("HUEMILL__SERVER__OPERATIONS", "127.0.0.1:0"), ("OPERATOR_TOKEN", OPERATOR)];
    settings.extend_from_slice(more);
    let service = TestService::start(&settings);
    let started = service.wait_for_event("service_started", |_| true);
    let address = started["operations"].as_str().unwrap().parse().unwrap();
    (service, address)
}

fn request(service: &TestService, address: SocketAddr, method: &str, path: &str) -> Response {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = service.client.request(method, format!("http://{address}{path}"));
    request.bearer_auth(OPERATOR).send().unwrap()
}

#[test]
fn the_public_listener_has_no_route_of_operators() {
    let (service, operations) = start(&[]);
    for (method, path) in OPERATORS {
        assert_problem(request(&service, service.address, method, path), 404, "NOT_FOUND");
        let status = request(&service, operations, method, path).status();
        let is_unknown_id = path.contains("_0");
        assert!(if is_unknown_id { status == 404 } else { status.is_success() }, "{method} {path}: {status}");
    }
    for address in [service.address, operations] {
        assert_eq!(
            request(&service, address, "GET", "/openapi.json").status(),
            200,
            "every listener describes all"
        );
    }
    let answer = service.client.get(format!("http://{operations}/queue")).send().unwrap();
    assert_problem(answer, 401, "UNAUTHORIZED");
}

#[test]
fn the_public_listener_says_ready_alone() {
    let (service, operations) = start(&[]);
    assert_eq!(service.get("/ready").text().unwrap(), "{\"ready\":true}");
    assert_eq!(service.get("/health").status(), 200);
    assert_eq!(service.process(photo("png")).status(), 200);
    let ready: Value = request(&service, operations, "GET", "/ready").json().unwrap();
    assert_eq!((&ready["ready"], &ready["checks"]["disk"]["ok"]), (&true.into(), &true.into()), "{ready}");
    assert_eq!(request(&service, operations, "GET", "/health").status(), 200);
    assert_problem(request(&service, operations, "POST", "/process"), 404, "NOT_FOUND");
    assert_problem(request(&service, operations, "POST", "/jobs"), 404, "NOT_FOUND");
}

#[test]
fn o6_probes_are_answered_while_all_public_connections_are_taken() {
    let (service, operations) = start(&[("HUEMILL__SERVER__MAX_CONNECTIONS", "16")]);
    let idle: Vec<_> = (2..60).map(|host| connect_from([127, 0, 0, host].into(), service.address)).collect();
    let mut client = TcpStream::connect(service.address).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    client.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    let is_served = client.read_exact(&mut answer).is_ok() && answer.ends_with(b"200");
    assert!(!is_served, "connections are left: the test shows nothing");
    for path in ["/health", "/ready", "/metrics"] {
        let started = Instant::now();
        assert_eq!(request(&service, operations, "GET", path).status(), 200, "{path}");
        assert!(started.elapsed() < Duration::from_secs(1), "{path}: {:?}", started.elapsed());
    }
    drop(idle);
}

#[test]
fn probes_are_answered_until_the_last_request_is_done() {
    let (mut service, operations) = start(&[]);
    let mut upload = service.socket();
    let picture = photo("png");
    let head = format!(
        "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n",
        picture.len()
    );
    upload.write_all(head.as_bytes()).unwrap();
    service.wait_for("the request is in flight", |service| {
        request(service, operations, "GET", "/ready").json::<Value>().unwrap()["active_requests"] == 1
    });
    service.signal("-TERM");
    service.wait_for("the public listener is closed", |service| TcpStream::connect(service.address).is_err());
    let answer = request(&service, operations, "GET", "/ready");
    assert_eq!(answer.status(), 503);
    assert_eq!(request(&service, operations, "GET", "/metrics").status(), 200);
    upload.write_all(&picture).unwrap();
    upload.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut line = [0; 12];
    upload.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"HTTP/1.1 200");
    assert!(service.wait_for_exit().success());
}

#[test]
fn the_operators_commands_find_their_listener() {
    let (service, operations) = start(&[]);
    let run = |arguments: &[&str], more: &[(&str, &str)]| {
        let (address, port) = (operations.to_string(), service.address.port().to_string());
        let mut command = Command::new(env!("CARGO_BIN_EXE_huemill"));
        command.env_clear().env("OPERATOR_TOKEN", OPERATOR).env("PORT", port);
        command.env("HUEMILL__SERVER__OPERATIONS", address).envs(more.iter().copied());
        command.args(arguments).output().unwrap()
    };
    for arguments in [&["queue", "status"][..], &["jobs", "list"], &["deliveries", "list"], &["healthcheck"]]
    {
        let output = run(arguments, &[]);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let public = format!("http://{}", service.address);
    let elsewhere = run(&["queue", "status", "--tries", "1", "--server", &public], &[]);
    assert!(!elsewhere.status.success(), "the public listener does not know the route");
}

#[test]
fn holders_of_keys_list_what_is_theirs_on_the_public_listener() {
    let (service, operations) = start(&[("HUEMILL__ACCESS__MODE", "keys")]);
    let body = serde_json::json!({"name": "public", "scopes": ["jobs:read", "jobs:write", "webhooks"]});
    let url = format!("http://{operations}/keys");
    let made: Value =
        service.client.post(&url).bearer_auth(OPERATOR).json(&body).send().unwrap().json().unwrap();
    let key = made["key"].as_str().unwrap();
    let get = |path: &str| service.client.get(service.url(path)).bearer_auth(key).send().unwrap();
    for path in ["/jobs", "/webhooks/deliveries"] {
        assert_eq!(get(path).status(), 200, "{path}");
        assert_problem(service.get(path), 401, "UNAUTHORIZED");
    }
    for path in ["/keys", "/queue", "/processes", "/metrics"] {
        assert_problem(get(path), 404, "NOT_FOUND");
    }
    let operator = serde_json::json!({"name": "operator", "scopes": ["operator"]});
    let made = service.client.post(&url).bearer_auth(OPERATOR).json(&operator).send().unwrap();
    let operator_key = made.json::<Value>().unwrap()["key"].as_str().unwrap().to_owned();
    let album = service.post("/jobs").bearer_auth(key).header("content-type", "application/zip");
    let job = accepted(album.body(crate::job_requests::album(1, 0)).send().unwrap());
    let listed = |address: SocketAddr, credential: &str| {
        let request = service.client.get(format!("http://{address}/jobs")).bearer_auth(credential);
        request.send().unwrap().json::<Value>().unwrap()["jobs"].as_array().unwrap().len()
    };
    assert_eq!((listed(service.address, key), listed(operations, OPERATOR)), (1, 1));
    // A credential of an operator opens no view of everybody's things there.
    for (method, path) in OPERATORS {
        assert_problem(request(&service, service.address, method, path), 404, "NOT_FOUND");
    }
    assert_eq!((listed(service.address, &operator_key), listed(operations, &operator_key)), (0, 1));
    let delivery = format!("/webhooks/deliveries/dlv_{}/redeliver", &id(&job)["job_".len()..]);
    assert_problem(request(&service, service.address, "POST", &delivery), 404, "NOT_FOUND");
    // Whoever can reach the operators' listener may scrape it.
    let scrape = service.client.get(format!("http://{operations}/metrics")).send().unwrap();
    assert_eq!(scrape.status(), 200);
}
