//! Probes: what /ready checks, which numbers and reasons it reports, and that it answers from the last results even
//! while a check hangs.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::support::http::{client_builder, images_form};
use crate::support::pictures::small_png;
use crate::support::proxy::{Mode, Proxy};
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::service::Service;
use crate::support::{variables, wait_until};

/// A service that probes often, and a client that keeps its connection.
struct ProbedService {
    service: Service,
    client: Client,
    _data: tempfile::TempDir,
}

impl ProbedService {
    fn start(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let frequent = [("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"), ("HUEMILL__HEALTH__STORE_SECONDS", "1")];
        let service = Service::start(data.path(), &[variables(&frequent), variables(settings)].concat());
        Self::of(service, data)
    }

    fn of(service: Service, data: tempfile::TempDir) -> Self {
        Self { service, client: client_builder().build().unwrap(), _data: data }
    }

    /// The status and the body of /ready.
    fn ready(&self) -> (u16, Value) {
        let answer = self.client.get(self.service.url("/ready")).send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap())
    }

    /// The status of an answer of /process.
    fn process(&self, body: Vec<u8>) -> u16 {
        let request = self.client.post(self.service.url("/process")).header("content-type", "image/png");
        request.body(body).send().unwrap().status().as_u16()
    }

    fn is_ready(&self) -> bool {
        self.ready().0 == 200
    }
}

/// Starts a service whose database is behind a proxy.
fn start_behind_proxy() -> (ProbedService, Proxy) {
    let (proxy, database) = Proxy::before_database(&Cluster::shared().database());
    let probed = ProbedService::start(&[("DATABASE_URL", &*database)]);
    wait_until("the service is ready", || probed.is_ready());
    (probed, proxy)
}

#[test]
fn ready_and_health_answer_while_the_probe_of_the_store_hangs() {
    require!(PostgreSql);
    let (probed, proxy) = start_behind_proxy();
    // If /ready waited for the hanging probe, its answer would already report the store as away. A busy machine may
    // delay an answer until the probe times out: then the test tries again.
    wait_until("/ready answers with the last results while the probe hangs", || {
        proxy.set(Mode::Pass);
        wait_until("the service is ready", || probed.is_ready());
        proxy.set(Mode::Hold);
        wait_until("a statement waits for its answer", || proxy.unanswered() > 0);
        assert_eq!(probed.client.get(probed.service.url("/health")).send().unwrap().status(), 200);
        (0..20).all(|_| probed.ready().1["dependencies"]["store"] == true)
    });
    let mut body = Value::Null;
    wait_until("/ready reports the store", || {
        body = probed.ready().1;
        body["dependencies"]["store"] == false
    });
    let reason = body["checks"]["store"]["reason"].as_str().unwrap();
    assert!(reason.contains("no answer in") || reason.contains("away"), "{reason}");
    assert_eq!(probed.client.get(probed.service.url("/health")).send().unwrap().status(), 200);
    proxy.set(Mode::Pass);
    wait_until("the service is ready again", || probed.is_ready());
}

#[test]
fn ready_shows_every_dependency_with_its_numbers() {
    let probed = ProbedService::start(&[]);
    wait_until("the service is ready", || probed.is_ready());
    let (_, body) = probed.ready();
    for (name, numbers) in [
        ("disk", &["free_bytes", "least_bytes"][..]),
        ("mem", &["used_bytes", "most_bytes", "total_bytes"]),
        ("colorthief", &["canary_ms"]),
        ("smartcrop", &["canary_ms"]),
        ("workers", &["slots", "busy", "queued", "abandoned"]),
        ("store", &["store_ms", "blobs_ms"]),
        ("actors", &["up", "restarts"]),
    ] {
        assert_eq!((&body["dependencies"][name], &body["checks"][name]["ok"]), (&json!(true), &json!(true)));
        for number in numbers {
            assert!(body["checks"][name][number].is_u64(), "{name}: {number} in {body}");
        }
    }
    let names = |member: &str| body[member].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((names("dependencies").len(), names("checks")), (7, names("dependencies")));
    assert!(body["uptime_seconds"].is_u64());
}

#[test]
fn the_default_limits_are_a_gigabyte_of_disk_and_four_fifths_of_the_memory() {
    let data = tempfile::tempdir().unwrap();
    // Removes the settings that the harness makes for other tests.
    let unset = ["-u", "HUEMILL__HEALTH__DISK_FREE_BYTES", "-u", "HUEMILL__HEALTH__MEMORY_USED_RATIO"];
    let service = Service::start_within(&[&["env"][..], &unset].concat(), data.path(), &[]);
    let probed = ProbedService::of(service, data);
    wait_until("the first checks are done", || probed.ready().1["checks"]["mem"]["total_bytes"].is_u64());
    let (status, body) = probed.ready();
    let checks = &body["checks"];
    assert_eq!(checks["disk"]["least_bytes"], 1_000_000_000);
    let total = checks["mem"]["total_bytes"].as_u64().unwrap();
    assert_eq!(checks["mem"]["most_bytes"], (total as f64 * 0.8) as u64);
    let number = |check: &str, name: &str| checks[check][name].as_u64().unwrap();
    assert_eq!(checks["disk"]["ok"], number("disk", "free_bytes") > 1_000_000_000);
    assert_eq!(checks["mem"]["ok"], number("mem", "used_bytes") < number("mem", "most_bytes"));
    assert_eq!(status == 200, body["ready"] == true);
}

#[test]
fn ready_reports_a_failed_check_with_numbers_and_a_reason() {
    for (setting, value, name, reason) in [
        ("HUEMILL__HEALTH__DISK_FREE_BYTES", "1000000000000000000", "disk", "too little is free"),
        ("HUEMILL__HEALTH__MEMORY_USED_RATIO", "0.0001", "mem", "too much is used"),
    ] {
        let probed = ProbedService::start(&[(setting, value)]);
        wait_until("the first checks are done", || probed.ready().1["reason"] != "starting");
        let (status, body) = probed.ready();
        assert_eq!(
            (status, &body["ready"], &body["dependencies"][name]),
            (503, &json!(false), &json!(false))
        );
        assert_eq!(body["checks"][name]["reason"], reason, "{body}");
        let numbers = body["checks"][name].as_object().unwrap().values().filter(|number| number.is_u64());
        assert!(numbers.count() >= 2, "{body}");
    }
}

#[test]
fn ready_reports_the_active_requests_and_the_error_rate() {
    require!(PostgreSql);
    let (probed, proxy) = start_behind_proxy();
    assert_eq!(
        (&probed.ready().1["active_requests"], &probed.ready().1["error_rate_last_5m"]),
        (&json!(0), &Value::Null)
    );
    // A request whose last byte is missing.
    let mut slow = TcpStream::connect(probed.service.address).unwrap();
    let body = small_png();
    let length = body.len();
    let head = "POST /process HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: image/png\r\n";
    write!(slow, "{head}content-length: {length}\r\n\r\n").unwrap();
    slow.write_all(&body[..length - 1]).unwrap();
    wait_until("the request is active", || probed.ready().1["active_requests"] == 1);
    slow.write_all(&body[length - 1..]).unwrap();
    slow.read_to_end(&mut Vec::new()).unwrap();
    wait_until("the request is no longer active", || probed.ready().1["active_requests"] == 0);
    assert_eq!(probed.ready().1["error_rate_last_5m"], 0.0);
    // A client's mistake does not count as an error; a store that is away does.
    assert_eq!(probed.process(b"nonsense".to_vec()), 415);
    assert_eq!(probed.process(small_png()), 200);
    proxy.set(Mode::Cut);
    let form = images_form(&[small_png()]);
    assert_eq!(probed.client.post(probed.service.url("/jobs")).multipart(form).send().unwrap().status(), 503);
    wait_until("one request in four has failed", || probed.ready().1["error_rate_last_5m"] == 0.25);
}

/// The state of the actors in /ready.
fn actor_state(probed: &ProbedService) -> Value {
    probed.ready().1["checks"]["actors"].clone()
}

#[test]
fn actors_report_what_they_do_and_wait_for() {
    let server = Receiver::start(|_, _| Reply::Silence);
    let port = server.port().to_string();
    let probed = ProbedService::start(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &port),
        // Neither the download nor the webhook times out before the test has seen it.
        ("HUEMILL__OUTBOUND__HEAD_SECONDS", "600"),
        ("HUEMILL__OUTBOUND__TOTAL_SECONDS", "600"),
        ("OPERATOR_TOKEN", "the-operators-own-token"),
    ]);
    wait_until("the service is ready", || probed.is_ready());
    wait_until("the Janitor sweeps", || actor_state(&probed)["janitor"]["sweeps"] == true);
    let idle = json!({
        "claimed": 0, "downloads": 0, "paused": false, "suspects_waiting": false, "queue_paused": [],
    });
    assert_eq!(
        (&actor_state(&probed)["dispatcher"], &actor_state(&probed)["delivery"]["in_flight"]),
        (&idle, &json!(0))
    );
    // The picture's server and the webhook's receiver do not answer.
    let submit = |body: Value| {
        let answer = probed.client.post(probed.service.url("/jobs")).json(&body).send().unwrap();
        assert_eq!(answer.status(), 202);
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    };
    let job = submit(json!({ "urls": [server.url("/picture")], "callback_url": server.url("/hook") }));
    wait_until("the download has begun", || {
        let dispatcher = actor_state(&probed)["dispatcher"].clone();
        dispatcher["claimed"] == 1 && dispatcher["downloads"] == 1
    });
    let set_queue = |order: &str| {
        let request = probed.client.post(probed.service.url(&format!("/queue/{order}")));
        assert_eq!(request.bearer_auth("the-operators-own-token").send().unwrap().status(), 200);
    };
    set_queue("pause");
    assert_eq!(actor_state(&probed)["dispatcher"]["queue_paused"], json!(["all"]));
    set_queue("resume");
    assert_eq!(actor_state(&probed)["dispatcher"]["queue_paused"], json!([]));
    let path = probed.service.url(&format!("/jobs/{job}/cancel"));
    assert_eq!(probed.client.post(path).send().unwrap().status(), 202);
    wait_until("the webhook is in flight", || actor_state(&probed)["delivery"]["in_flight"] == 1);
    wait_until("the picture is no longer claimed", || actor_state(&probed)["dispatcher"] == idle);
}

#[test]
fn ready_marks_a_store_that_is_away_for_all_processes_and_claims_pause() {
    require!(PostgreSql);
    let (probed, proxy) = start_behind_proxy();
    assert_eq!(probed.ready().1["checks"]["store"]["shared"], true);
    assert!(probed.ready().1["checks"]["disk"].get("shared").is_none());
    proxy.set(Mode::Cut);
    wait_until("the service is not ready", || !probed.is_ready());
    let (status, body) = probed.ready();
    let store = &body["checks"]["store"];
    assert_eq!((status, &store["ok"], &store["shared"]), (503, &json!(false), &json!(true)), "{body}");
    wait_until("claims pause", || {
        let dispatcher = actor_state(&probed)["dispatcher"].clone();
        let causes = dispatcher["paused_by"].as_str().is_some_and(|cause| cause.contains("unavailable"));
        dispatcher["paused"] == true && causes && dispatcher["resumes_in_ms"].is_u64()
    });
    proxy.set(Mode::Pass);
    wait_until("claims resume", || actor_state(&probed)["dispatcher"]["paused"] == false);
}
