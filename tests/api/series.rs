//! The series of /metrics that exist before anything has happened: all that a route can need, and no others.

use std::collections::BTreeMap;

use reqwest::blocking::RequestBuilder;
use reqwest::blocking::multipart::{Form, Part};

use crate::test_service::{TestService, spawn};

/// The series of a scrape with their values, without the parts of histograms.
fn plain_series(service: &TestService) -> BTreeMap<String, f64> {
    let scrape = service.get("/metrics").text().unwrap();
    let parts = ["_bucket", "_sum", "_count"];
    let is_part = |name: &str| parts.iter().any(|part| name.split('{').next().unwrap().ends_with(part));
    let samples =
        scrape.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples
        .filter(|(name, _)| !is_part(name))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn errors(series: &BTreeMap<String, f64>) -> BTreeMap<&str, f64> {
    let errors = series.iter().filter(|(name, _)| name.starts_with("errors_total{"));
    errors.map(|(name, value)| (name.as_str(), *value)).collect()
}

#[test]
fn no_series_exists_that_could_never_count_anything() {
    let series = plain_series(&spawn());
    let zeros: Vec<_> = series.iter().filter(|(_, value)| **value == 0.0).map(|(name, _)| name).collect();
    println!("{} of {} series are 0", zeros.len(), series.len());
    assert!((200..650).contains(&zeros.len()), "{} series are 0: {zeros:#?}", zeros.len());
    // Nothing is signed here, no keys are in force, and no archive is sent to /process.
    for (endpoint, code) in
        [("/jobs", "INVALID_SIGNATURE"), ("/jobs", "FORBIDDEN"), ("/process", "ZIP_TRAVERSAL")]
    {
        let name = format!("errors_total{{endpoint=\"{endpoint}\",error_code=\"{code}\"}}");
        assert!(!series.contains_key(&name), "{name}");
    }
}

/// Requests to the routes that process or store something, each wrong in another way.
fn refused_uploads(service: &TestService) -> Vec<RequestBuilder> {
    let mut requests = Vec::new();
    for path in ["/process", "/process_zip", "/fetch_url", "/jobs"] {
        requests.push(service.post(path));
        requests.push(service.post(path).header("content-type", "text/plain").body("nonsense"));
        for json in ["{", r#"{"url": "http://127.0.0.1/"}"#, r#"{"urls": ["http://[::1]/"]}"#] {
            requests.push(service.post(path).header("content-type", "application/json").body(json));
        }
        for field in ["image", "images", "zip_file"] {
            let part = Part::bytes(b"nonsense".to_vec()).file_name("a.bin");
            requests.push(service.post(path).multipart(Form::new().part(field, part)));
        }
    }
    requests
}

/// Requests with every method to every kind of path, of which most name something that does not exist.
fn refused_reads(service: &TestService) -> Vec<RequestBuilder> {
    let job = "/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let parts = [
        "",
        "/events",
        "/cancel",
        "/retry",
        "/results",
        "/results.zip",
        "/results/0/card",
        "/results/0/palette.css",
    ];
    let mut paths: Vec<String> = parts.iter().map(|part| format!("{job}{part}")).collect();
    let others = [
        "/links/x/results.zip",
        "/links/x/cards/0",
        "/links/x/events",
        "/webhooks/deliveries",
        "/webhooks/deliveries/x/redeliver",
        "/processes",
        "/queue",
        "/queue/pause",
        "/queue/resume",
        "/keys",
        "/keys/x",
        "/keys/x/rotate",
        "/health",
        "/ready",
        "/metrics",
        "/openapi.json",
        "/process",
        "/process_zip",
        "/jobs",
        "/nothing",
    ];
    paths.extend(others.map(str::to_owned));
    let mut requests = Vec::new();
    for path in paths {
        let url = service.url(&path);
        let client = &service.client;
        requests.extend([client.get(&url), client.post(&url), client.delete(&url), client.put(&url)]);
        requests.push(client.get(format!("{url}?limit=x&cards=x")).bearer_auth("wrong"));
    }
    requests
}

#[test]
fn the_errors_of_every_route_start_at_zero() {
    let service = spawn();
    let before = plain_series(&service);
    let requests: Vec<_> = refused_uploads(&service).into_iter().chain(refused_reads(&service)).collect();
    let sent = requests.len();
    let statuses = requests.into_iter().map(|request| request.send().unwrap().status().as_u16());
    let refused = statuses.filter(|status| *status >= 400).count();
    assert!(refused > sent / 2, "{refused} of {sent}");
    service.wait_for("all refusals are counted", |service| {
        errors(&plain_series(service)).values().sum::<f64>() >= refused as f64
    });
    let after = plain_series(&service);
    // A method that a route does not have is no error of the route's own.
    let is_own = |name: &&str| !name.contains("METHOD_NOT_ALLOWED");
    let new: Vec<_> =
        errors(&after).into_keys().filter(is_own).filter(|name| !before.contains_key(*name)).collect();
    assert!(new.is_empty(), "these did not start at 0: {new:#?}");
}
