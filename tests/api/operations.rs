//! What operators and probes see.

use serde_json::Value;

use crate::app::{App, spawn};
use crate::cards::photo;

#[test]
fn health_says_who_serves() {
    let app = spawn();
    let body: Value = app.get("/health").json().unwrap();
    assert_eq!((&body["status"], &body["service"]), (&Value::from("healthy"), &Value::from("huemill")));
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert!(body["features"].as_array().is_some_and(|list| !list.is_empty()));
    assert!(body["uptime_seconds"].is_u64());
}

#[test]
fn ready_names_every_dependency() {
    let app = spawn();
    let body: Value = app.get("/ready").json().unwrap();
    assert_eq!(body["ready"], true);
    for name in ["disk", "mem", "colorthief", "smartcrop", "workers"] {
        assert_eq!(body["dependencies"][name], true, "{body}");
        assert!(body["checks"][name].is_object(), "{body}");
    }
    assert_eq!(body["active_requests"], 0);
    assert_eq!(body["error_rate_last_5m"], Value::Null);
    assert_eq!(app.process(photo("png")).status(), 200);
    app.wait_for("a rate", |app| app.get("/ready").json::<Value>().unwrap()["error_rate_last_5m"] == 0.0);
}

#[test]
fn a_full_disk_is_not_ready_and_says_so() {
    let app = App::start_unready(&[("HUEMILL__HEALTH__DISK_FREE_BYTES", "1000000000000000000")]);
    app.wait_for("the disk's verdict", |app| {
        let answer = app.get("/ready");
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
fn the_scrape_knows_its_series_before_anything_happens() {
    let app = spawn();
    let answer = app.get("/metrics");
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
    let app = spawn();
    assert_eq!(app.process(photo("png")).status(), 200);
    assert_eq!(app.process(b"nonsense".to_vec()).status(), 422);
    app.wait_for("the counts", |app| {
        app.metric("requests_total{code=\"200\",endpoint=\"/process\"}") == 1
            && app.metric("requests_total{code=\"422\",endpoint=\"/process\"}") == 1
            && app.metric("errors_total{endpoint=\"/process\",error_code=\"PROCESSING_ERROR\"}") == 1
            && app.metric("request_duration_ms_count{endpoint=\"/process\"}") == 2
            && app.metric("image_stage_duration_seconds_count{stage=\"decode\"}") == 1
            && app.metric("images_by_aspect_total{aspect=\"landscape\"}") == 1
    });
}

#[test]
fn disk_and_memory_show_what_readiness_judges() {
    let app = spawn();
    app.wait_for("the figures", |app| {
        let checks = &app.get("/ready").json::<Value>().unwrap()["checks"];
        let limit = app.metric("memory_limit_bytes");
        limit > 0
            && checks["mem"]["total_bytes"] == limit
            && app.metric("memory_used_bytes") < limit
            && app.metric("disk_free_bytes") > 0
    });
}

#[test]
fn actors_and_event_loops_tell_how_late_they_are() {
    let app = spawn();
    for series in [
        "actor_mailbox_wait_seconds_count{actor=\"dispatcher\"}",
        "actor_mailbox_wait_seconds_count{actor=\"workers\"}",
        "event_loop_lag_seconds_count{loop=\"actors\"}",
        "event_loop_lag_seconds_count{loop=\"http\"}",
    ] {
        app.wait_for(series, |app| app.metric(series) > 0);
    }
}

#[test]
fn clients_are_counted_by_address_and_operators_are_none() {
    let app = spawn();
    let active =
        |app: &App| ["1h", "1d"].map(|window| app.metric(&format!("active_clients{{window=\"{window}\"}}")));
    assert_eq!(app.get("/nowhere").status(), 404);
    assert_eq!(active(&app), [0, 0], "after readiness, scrapes and an unknown path");
    for address in ["127.0.0.1", "127.0.0.2", "127.0.0.1"] {
        let client = reqwest::blocking::Client::builder()
            .local_address(address.parse::<std::net::IpAddr>().unwrap())
            .no_proxy()
            .build()
            .unwrap();
        assert_eq!(client.get(app.url("/jobs/job_1")).send().unwrap().status(), 404);
    }
    app.wait_for("two clients", |app| active(app) == [2, 2]);
}

#[test]
fn at_rest_the_service_is_small() {
    let app = spawn();
    assert!(app.resident_kib() < 60_000, "{} KiB", app.resident_kib());
}

#[test]
fn promtool_complains_of_the_contracts_two_names_alone() {
    let app = spawn();
    assert_eq!(app.process(photo("png")).status(), 200);
    let scrape = app.get("/metrics").text().unwrap();
    let mut promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("promtool is installed by `make setup`");
    std::io::Write::write_all(&mut promtool.stdin.take().unwrap(), scrape.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let mut names: Vec<&str> = told.lines().filter_map(|line| line.split(' ').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["jobs_status_total", "request_duration_ms"], "{told}");
}

#[test]
fn the_probes_that_are_recommended_are_answered() {
    let probes = include_str!("../../observability/probes.yaml");
    let values = |key: &str| -> Vec<&str> {
        probes.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": ")).collect()
    };
    assert_eq!(values("path"), ["/health", "/ready"]);
    assert_eq!((values("periodSeconds"), values("timeoutSeconds")), (vec!["30", "10"], vec!["5", "3"]));
    let app = spawn();
    for path in values("path") {
        assert_eq!(app.get(path).status(), 200, "{path}");
    }
}
