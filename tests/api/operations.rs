//! What operators and probes see: /health, /ready and /metrics.

use serde_json::Value;

use crate::answers::photo;
use crate::support::http::client_builder;
use crate::support::servers::{Tool, require};
use crate::test_service::{TestService, spawn};

#[test]
fn health_reports_the_service_and_its_version() {
    let service = spawn();
    let body: Value = service.get("/health").json().unwrap();
    assert_eq!((&body["status"], &body["service"]), (&Value::from("healthy"), &Value::from("huemill")));
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert!(body["features"].as_array().is_some_and(|list| !list.is_empty()));
    assert!(body["uptime_seconds"].is_u64());
}

#[test]
fn every_answer_tells_browsers_to_guess_nothing_and_to_pass_nothing_on() {
    let service = spawn();
    let preflight = service.client.request(reqwest::Method::OPTIONS, service.url("/process")).send().unwrap();
    let answers = [
        service.process(photo("png")),
        service.post("/process").header("accept", "image/png").body(photo("png")).send().unwrap(),
        service.process(b"nonsense".to_vec()),
        service.get("/metrics"),
        service.get("/nowhere"),
        service.get("/process"),
        preflight,
    ];
    for answer in answers {
        let headers = answer.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{answer:?}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{answer:?}");
        assert_eq!(
            headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'",
            "{answer:?}"
        );
    }
}

#[test]
fn ready_lists_every_dependency() {
    let service = spawn();
    let body: Value = service.get("/ready").json().unwrap();
    assert_eq!(body["ready"], true);
    for name in ["disk", "mem", "colorthief", "smartcrop", "workers"] {
        assert_eq!(body["dependencies"][name], true, "{body}");
        assert!(body["checks"][name].is_object(), "{body}");
    }
    assert_eq!(body["active_requests"], 0);
    assert_eq!(body["error_rate_last_5m"], Value::Null);
    assert_eq!(service.process(photo("png")).status(), 200);
    service.wait_for("there is an error rate", |service| {
        service.get("/ready").json::<Value>().unwrap()["error_rate_last_5m"] == 0.0
    });
}

#[test]
fn a_service_with_a_full_disk_is_not_ready_and_says_why() {
    let service = TestService::start_unready(&[("HUEMILL__HEALTH__DISK_FREE_BYTES", "1000000000000000000")]);
    service.wait_for("the disk is reported", |service| {
        let answer = service.get("/ready");
        let status = answer.status();
        let body: Value = answer.json().unwrap();
        let dependencies = &body["dependencies"];
        status == 503
            && body["ready"] == false
            && dependencies["disk"] == false
            && dependencies["colorthief"] == true
    });
}

#[test]
fn the_scrape_has_all_series_before_the_first_request() {
    let service = spawn();
    let answer = service.get("/metrics");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let scrape = answer.text().unwrap();
    for series in [
        "requests_total{code=\"200\",endpoint=\"/process\"} 0",
        "errors_total{endpoint=\"/process\",error_code=\"PROCESSING_ERROR\"} 0",
        "images_processed_total{endpoint=\"/process_zip\"} 0",
        "request_duration_ms_bucket{endpoint=\"/process\",le=\"2000\"} 0",
        "actor_up{actor=\"workers\"} 1",
        "build_info{",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
    ] {
        assert!(scrape.contains(series), "{series} is missing in\n{scrape}");
    }
}

#[test]
fn requests_and_errors_are_counted_by_route() {
    let service = spawn();
    assert_eq!(service.process(photo("png")).status(), 200);
    assert_eq!(service.process(b"GIF89a broken".to_vec()).status(), 422);
    service.wait_for("all are counted", |service| {
        service.metric("requests_total{code=\"200\",endpoint=\"/process\"}") == 1
            && service.metric("requests_total{code=\"422\",endpoint=\"/process\"}") == 1
            && service.metric("errors_total{endpoint=\"/process\",error_code=\"PROCESSING_ERROR\"}") == 1
            && service.metric("request_duration_ms_count{endpoint=\"/process\"}") == 2
            && service.metric("image_stage_duration_seconds_count{stage=\"decode\"}") == 1
            && service.metric("images_by_aspect_total{aspect=\"landscape\"}") == 1
    });
}

#[test]
fn the_metrics_of_disk_and_memory_match_readiness() {
    let service = spawn();
    service.wait_for("the numbers match", |service| {
        let checks = &service.get("/ready").json::<Value>().unwrap()["checks"];
        let limit = service.metric("memory_limit_bytes");
        limit > 0
            && checks["mem"]["total_bytes"] == limit
            && service.metric("memory_used_bytes") < limit
            && service.metric("disk_free_bytes") > 0
    });
}

#[test]
fn actors_and_event_loops_report_their_delays() {
    let service = spawn();
    for series in [
        "actor_mailbox_wait_seconds_count{actor=\"dispatcher\"}",
        "actor_mailbox_wait_seconds_count{actor=\"workers\"}",
        "event_loop_lag_seconds_count{loop=\"actors\"}",
        "event_loop_lag_seconds_count{loop=\"http\"}",
    ] {
        service.wait_for(series, |service| service.metric(series) > 0);
    }
}

#[test]
fn clients_are_counted_by_address_without_operators() {
    let service = spawn();
    let active = |service: &TestService| {
        ["1h", "1d"].map(|window| service.metric(&format!("active_clients{{window=\"{window}\"}}")))
    };
    assert_eq!(service.get("/nowhere").status(), 404);
    assert_eq!(active(&service), [0, 0], "probes, scrapes or an unknown path counted as a client");
    for address in ["127.0.0.1", "127.0.0.2", "127.0.0.1"] {
        let client =
            client_builder().local_address(address.parse::<std::net::IpAddr>().unwrap()).build().unwrap();
        assert_eq!(client.get(service.url("/jobs/job_1")).send().unwrap().status(), 404);
    }
    service.wait_for("two clients are counted", |service| active(service) == [2, 2]);
}

#[test]
fn the_idle_service_uses_little_memory() {
    let service = spawn();
    assert!(service.resident_kib() < 60_000, "{} KiB", service.resident_kib());
}

#[test]
fn promtool_objects_only_to_the_two_names_of_the_specification() {
    require!(Promtool);
    let service = spawn();
    assert_eq!(service.process(photo("png")).status(), 200);
    let scrape = service.get("/metrics").text().unwrap();
    let mut promtool = std::process::Command::new(Tool::Promtool.path())
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut promtool.stdin.take().unwrap(), scrape.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["jobs_status_total", "request_duration_ms"], "{text}");
}

#[test]
fn the_recommended_probes_are_answered() {
    let probes = include_str!("../../observability/probes.yaml");
    let values = |key: &str| -> Vec<&str> {
        probes.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": ")).collect()
    };
    assert_eq!(values("path"), ["/health", "/ready"]);
    assert_eq!((values("periodSeconds"), values("timeoutSeconds")), (vec!["30", "10"], vec!["5", "3"]));
    let service = spawn();
    for path in values("path") {
        assert_eq!(service.get(path).status(), 200, "{path}");
    }
}
