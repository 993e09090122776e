//! Probes: what /ready looks at, with which figures, and that it is answered from the last verdict, whatever hangs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::{Value, json};

use super::archive::picture;
use super::postgres::Cluster;
use super::proxy::{Mode, Proxy};
use super::receiver::{Receiver, Reply};
use super::service::{PATIENCE, Service};
use super::{until, variables};

/// A service that asks probes, and a client that keeps its connection.
struct Ward {
    service: Service,
    client: Client,
    _data: tempfile::TempDir,
}

impl Ward {
    fn open(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let often = [("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"), ("HUEMILL__HEALTH__STORE_SECONDS", "1")];
        let service = Service::start(data.path(), &[variables(&often), variables(settings)].concat());
        Self::of(service, data)
    }

    fn of(service: Service, data: tempfile::TempDir) -> Self {
        let client = Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { service, client, _data: data }
    }

    fn ready(&self) -> (u16, Value) {
        let answer = self.client.get(self.service.url("/ready")).send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap())
    }

    fn process(&self, body: Vec<u8>) -> u16 {
        let request = self.client.post(self.service.url("/process")).header("content-type", "image/png");
        request.body(body).send().unwrap().status().as_u16()
    }

    fn is_ready(&self) -> bool {
        self.ready().0 == 200
    }
}

/// A service whose database lies behind a proxy.
fn behind_a_proxy(settings: &[(&str, &str)]) -> (Ward, Proxy) {
    let url = Cluster::shared().database();
    let (server, name) = url.rsplit_once('/').unwrap();
    let (user, address) = server.rsplit_once('@').unwrap();
    let proxy = Proxy::start(address.parse().unwrap());
    let database = format!("{user}@{}/{name}", proxy.address());
    let ward = Ward::open(&[&[("DATABASE_URL", &*database)], settings].concat());
    until("it is ready", || ward.is_ready());
    (ward, proxy)
}

/// The time under which so many of a hundred stay.
fn percentile(times: &mut [Duration], part: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * part / 100).min(times.len() - 1)]
}

#[test]
fn probes_are_answered_while_a_probe_hangs() {
    let (ward, proxy) = behind_a_proxy(&[]);
    // From here on nothing comes back from the database: the probe of the store hangs until its time is up.
    proxy.set(Mode::Hold);
    let (mut ready, mut health) = (Vec::new(), Vec::new());
    loop {
        let asked = Instant::now();
        let (_, body) = ward.ready();
        ready.push(asked.elapsed());
        let asked = Instant::now();
        assert_eq!(ward.client.get(ward.service.url("/health")).send().unwrap().status(), 200);
        health.push(asked.elapsed());
        if body["dependencies"]["store"] == false {
            let reason = body["checks"]["store"]["reason"].as_str().unwrap();
            assert!(reason.contains("no answer in") || reason.contains("away"), "{reason}");
            break;
        }
    }
    // Had one of them waited for the probe, they would be one or two.
    assert!(ready.len() > 100, "{} answers while the probe hung", ready.len());
    let (count, p50, p99) = (ready.len(), percentile(&mut ready, 50), percentile(&mut ready, 99));
    println!(
        "/ready while a probe hangs: {count} answers, p50 {p50:?}, p99 {p99:?}, worst {:?}",
        ready[count - 1]
    );
    let (p99, worst) = (percentile(&mut health, 99), percentile(&mut health, 100));
    println!("/health meanwhile: p99 {p99:?}, worst {worst:?}");
    proxy.set(Mode::Pass);
    until("it is ready again", || ward.is_ready());
}

#[test]
fn every_dependency_is_shown_with_its_figures() {
    let ward = Ward::open(&[]);
    until("it is ready", || ward.is_ready());
    let (_, body) = ward.ready();
    for (name, figures) in [
        ("disk", &["free_bytes", "least_bytes"][..]),
        ("mem", &["used_bytes", "most_bytes", "total_bytes"]),
        ("colorthief", &["canary_ms"]),
        ("smartcrop", &["canary_ms"]),
        ("workers", &["slots", "busy", "queued", "abandoned"]),
        ("store", &["store_ms", "blobs_ms"]),
        ("actors", &["up", "restarts"]),
    ] {
        assert_eq!((&body["dependencies"][name], &body["checks"][name]["ok"]), (&json!(true), &json!(true)));
        for figure in figures {
            assert!(body["checks"][name][figure].is_u64(), "{name}: {figure} in {body}");
        }
    }
    let names = |member: &str| body[member].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((names("dependencies").len(), names("checks")), (7, names("dependencies")));
    assert!(body["uptime_seconds"].is_u64());
}

#[test]
fn the_marks_are_a_gigabyte_of_disk_and_four_fifths_of_the_memory() {
    let data = tempfile::tempdir().unwrap();
    // As it is without settings of its own: the marks of other tests are taken back.
    let unset = ["-u", "HUEMILL__HEALTH__DISK_FREE_BYTES", "-u", "HUEMILL__HEALTH__MEMORY_USED_RATIO"];
    let service = Service::start_within(&[&["env"][..], &unset].concat(), data.path(), &[]);
    let ward = Ward::of(service, data);
    until("it has looked", || ward.ready().1["checks"]["mem"]["total_bytes"].is_u64());
    let (status, body) = ward.ready();
    let checks = &body["checks"];
    assert_eq!(checks["disk"]["least_bytes"], 1_000_000_000);
    let total = checks["mem"]["total_bytes"].as_u64().unwrap();
    assert_eq!(checks["mem"]["most_bytes"], (total as f64 * 0.8) as u64);
    let figure = |check: &str, name: &str| checks[check][name].as_u64().unwrap();
    assert_eq!(checks["disk"]["ok"], figure("disk", "free_bytes") > 1_000_000_000);
    assert_eq!(checks["mem"]["ok"], figure("mem", "used_bytes") < figure("mem", "most_bytes"));
    assert_eq!(status == 200, body["ready"] == true);
}

#[test]
fn what_is_wrong_is_told_with_figures_and_a_reason() {
    for (setting, value, name, reason) in [
        ("HUEMILL__HEALTH__DISK_FREE_BYTES", "1000000000000000000", "disk", "too little is free"),
        ("HUEMILL__HEALTH__MEMORY_USED_RATIO", "0.0001", "mem", "too much is used"),
    ] {
        let ward = Ward::open(&[(setting, value)]);
        until("it has looked", || ward.ready().1["reason"] != "starting");
        let (status, body) = ward.ready();
        assert_eq!(
            (status, &body["ready"], &body["dependencies"][name]),
            (503, &json!(false), &json!(false))
        );
        assert_eq!(body["checks"][name]["reason"], reason, "{body}");
        let figures = body["checks"][name].as_object().unwrap().values().filter(|figure| figure.is_u64());
        assert!(figures.count() >= 2, "{body}");
    }
}

#[test]
fn requests_in_work_and_the_rate_of_errors_are_true() {
    let (ward, proxy) = behind_a_proxy(&[]);
    assert_eq!(
        (&ward.ready().1["active_requests"], &ward.ready().1["error_rate_last_5m"]),
        (&json!(0), &Value::Null)
    );
    // One that is being sent.
    let mut slow = TcpStream::connect(ward.service.address).unwrap();
    let body = picture();
    let length = body.len();
    let head = "POST /process HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: image/png\r\n";
    write!(slow, "{head}content-length: {length}\r\n\r\n").unwrap();
    slow.write_all(&body[..length - 1]).unwrap();
    until("it is in work", || ward.ready().1["active_requests"] == 1);
    slow.write_all(&body[length - 1..]).unwrap();
    slow.read_to_end(&mut Vec::new()).unwrap();
    until("it is over", || ward.ready().1["active_requests"] == 0);
    assert_eq!(ward.ready().1["error_rate_last_5m"], 0.0);
    // A client's mistake is none of ours, a store that is away is.
    assert_eq!(ward.process(b"nonsense".to_vec()), 422);
    assert_eq!(ward.process(picture()), 200);
    proxy.set(Mode::Cut);
    let form = reqwest::blocking::multipart::Form::new()
        .part("images", reqwest::blocking::multipart::Part::bytes(picture()).file_name("a.png"));
    assert_eq!(ward.client.post(ward.service.url("/jobs")).multipart(form).send().unwrap().status(), 503);
    until("one in four failed", || ward.ready().1["error_rate_last_5m"] == 0.25);
}

/// What the actors show of their state.
fn state(ward: &Ward) -> Value {
    ward.ready().1["checks"]["actors"].clone()
}

#[test]
fn actors_show_what_they_do_and_wait_for() {
    let server = Receiver::start(|_, _| Reply::Silence);
    let port = server.port().to_string();
    let ward = Ward::open(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &port),
        ("OPERATOR_TOKEN", "the-operators-own-token"),
    ]);
    until("it is ready", || ward.is_ready());
    until("it sweeps", || state(&ward)["janitor"]["sweeps"] == true);
    let idle = json!({
        "claimed": 0, "downloads": 0, "paused": false, "suspects_waiting": false, "queue_paused": [],
    });
    assert_eq!((&state(&ward)["dispatcher"], &state(&ward)["delivery"]["in_flight"]), (&idle, &json!(0)));
    // A picture that does not come, and a webhook whose receiver does not answer.
    let job = |body: Value| {
        let answer = ward.client.post(ward.service.url("/jobs")).json(&body).send().unwrap();
        assert_eq!(answer.status(), 202);
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    };
    let stuck = job(json!({ "urls": [server.url("/picture")], "callback_url": server.url("/hook") }));
    until("it is downloaded", || {
        let dispatcher = state(&ward)["dispatcher"].clone();
        dispatcher["claimed"] == 1 && dispatcher["downloads"] == 1
    });
    let queue = |order: &str| {
        let request = ward.client.post(ward.service.url(&format!("/queue/{order}")));
        assert_eq!(request.bearer_auth("the-operators-own-token").send().unwrap().status(), 200);
    };
    queue("pause");
    assert_eq!(state(&ward)["dispatcher"]["queue_paused"], json!(["all"]));
    queue("resume");
    assert_eq!(state(&ward)["dispatcher"]["queue_paused"], json!([]));
    let path = ward.service.url(&format!("/jobs/{stuck}/cancel"));
    assert_eq!(ward.client.post(path).send().unwrap().status(), 202);
    until("the webhook is being sent", || state(&ward)["delivery"]["in_flight"] == 1);
    until("the picture is let go", || state(&ward)["dispatcher"] == idle);
}

#[test]
fn a_store_that_is_away_for_all_is_marked_and_pauses_the_work() {
    let (ward, proxy) = behind_a_proxy(&[]);
    assert_eq!(ward.ready().1["checks"]["store"]["shared"], true);
    assert!(ward.ready().1["checks"]["disk"].get("shared").is_none());
    proxy.set(Mode::Cut);
    until("it is not ready", || !ward.is_ready());
    let (status, body) = ward.ready();
    let store = &body["checks"]["store"];
    assert_eq!((status, &store["ok"], &store["shared"]), (503, &json!(false), &json!(true)), "{body}");
    until("claims pause", || {
        let dispatcher = state(&ward)["dispatcher"].clone();
        let causes = dispatcher["paused_by"].as_str().is_some_and(|cause| cause.contains("away"));
        dispatcher["paused"] == true && causes && dispatcher["resumes_in_ms"].is_u64()
    });
    proxy.set(Mode::Pass);
    until("claims go on", || state(&ward)["dispatcher"]["paused"] == false);
}
