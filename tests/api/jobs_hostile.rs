//! Hostile jobs (rows A14, H6, H9, J1, J2): the service refuses them as documented and keeps nothing of them.

use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::answers::photo;
use crate::archives::{Member, zip};
use crate::job_requests::{accepted, album, blobs, id, post_zip, spawn, zip_form};
use crate::test_service::{TestService, assert_problem};

/// Checks that the service has kept no blob.
fn assert_nothing_kept(service: &TestService) {
    assert_eq!(blobs(service), Vec::<String>::new(), "blobs are left over");
    service.assert_healthy();
}

#[test]
fn a14_invalid_and_guessed_ids_are_not_found() {
    let service = spawn();
    let body = accepted(post_zip(&service, album(1, 0)).send().unwrap());
    let known = id(&body);
    let neighbour = format!("{}{}", &known[..known.len() - 1], if known.ends_with('0') { '1' } else { '0' });
    for id in [
        neighbour.as_str(),
        "job_",
        "job_1",
        "1",
        &known.to_uppercase(),
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "'%20OR%201=1--",
        "%00",
        &"x".repeat(5_000),
    ] {
        for below in ["", "/events", "/results", "/results.zip"] {
            assert_problem(service.get(&format!("/jobs/{id}{below}")), 404, "JOB_NOT_FOUND");
        }
        assert_problem(service.post(&format!("/jobs/{id}/cancel")).send().unwrap(), 404, "JOB_NOT_FOUND");
        assert_problem(
            service.client.delete(service.url(&format!("/jobs/{id}"))).send().unwrap(),
            404,
            "JOB_NOT_FOUND",
        );
    }
    let scrape = service.get("/metrics").text().unwrap();
    assert!(!scrape.contains("job_0") && !scrape.contains("passwd"), "an id is a label");
    assert!(scrape.contains("endpoint=\"/jobs/{id}/events\""), "the route's template is no label");
    service.assert_healthy();
}

#[test]
fn j1_ttl_h_is_checked_in_every_form() {
    let service = spawn();
    let zip = album(1, 0);
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &zip);
    for bad in ["0", "-1", "1.5", "NaN", "abc", "inf"] {
        let form = zip_form(zip.clone()).text("ttl_h", bad);
        assert_problem(service.post("/jobs").multipart(form).send().unwrap(), 400, "INVALID_INPUT");
    }
    for bad in [json!(0), json!(-1), json!(1.5), json!("NaN"), json!(true), json!([24]), json!({})] {
        let answer = service.post("/jobs").json(&json!({"zip": base64, "ttl_h": bad})).send().unwrap();
        assert_problem(answer, 400, "INVALID_INPUT");
    }
    for bad in ["1e400", "NaN"] {
        let body = format!("{{\"zip\": \"{base64}\", \"ttl_h\": {bad}}}");
        let answer =
            service.post("/jobs").header("content-type", "application/json").body(body).send().unwrap();
        let message = assert_problem(answer, 400, "INVALID_INPUT")["detail"].to_string();
        assert!(message.contains("ttl_h") && !message.contains("zip"), "{message}");
    }
    assert_nothing_kept(&service);
    for (ttl, hours) in
        [(json!(1e9), 168), (json!(" 24 "), 24), (json!(24.0), 24), (json!(1), 1), (Value::Null, 24)]
    {
        let answer = service.post("/jobs").json(&json!({"zip": base64, "ttl_h": ttl})).send().unwrap();
        let job: Value = service.get(&format!("/jobs/{}", id(&accepted(answer)))).json().unwrap();
        let kept = job["expires_at"].as_i64().unwrap() - job["created_at"].as_i64().unwrap();
        assert_eq!(kept, hours * 3_600, "{ttl}");
    }
}

#[test]
fn j2_a_job_with_too_many_pictures_or_bytes_is_refused() {
    let service = TestService::start(&[
        ("HUEMILL__LIMITS__JOB_PICTURES", "3"),
        ("HUEMILL__LIMITS__IMAGE_BYTES", "100000"),
    ]);
    let urls: Vec<String> = (0..10_001).map(|at| format!("http://example.org/{at}.png")).collect();
    assert_problem(service.post("/jobs").json(&json!({"urls": urls})).send().unwrap(), 400, "INVALID_INPUT");
    assert_problem(service.post("/jobs").json(&json!({"urls": [1]})).send().unwrap(), 400, "INVALID_INPUT");
    let picture = photo("jpeg");
    let form = (0..4).fold(Form::new(), |form, at| {
        form.part("images", Part::bytes(picture.clone()).file_name(format!("{at}.jpg")))
    });
    assert_problem(service.post("/jobs").multipart(form).send().unwrap(), 400, "INVALID_INPUT");
    assert_problem(post_zip(&service, album(4, 0)).send().unwrap(), 422, "PROCESSING_ERROR");
    let large = Form::new().part("images", Part::bytes(vec![0; 200_000]).file_name("a.png"));
    assert_problem(service.post("/jobs").multipart(large).send().unwrap(), 413, "PAYLOAD_TOO_LARGE");
    assert_nothing_kept(&service);
    accepted(post_zip(&service, album(3, 0)).send().unwrap());
}

#[test]
fn h6_malformed_job_forms_are_refused_as_invalid_input() {
    let service = spawn();
    let part =
        |head: &str, text: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n");
    let image = |name: &str| part(&format!("name=\"images\"; filename=\"{name}\""), "x");
    let zip_file = part("name=\"zip_file\"; filename=\"a.zip\"", "x");
    for body in [
        part("name=\"x\"", "x").repeat(10_000),
        part(&format!("name=\"images\"; filename=\"{}\"", "x".repeat(1_000_000)), "x"),
        part("filename=\"a.png\"", "x"),
        zip_file.repeat(2),
        zip_file.clone() + &image("a.png"),
        image("../../x.png"),
        image("..\\..\\x.png"),
        image("a%0D%0Ab.png"),
        image("a.png") + &part("name=\"ttl_h\"", "1").repeat(2),
        image("a.png") + &part("name=\"callback_url\"", &"x".repeat(10_000)),
        image("a.png") + &part("name=\"priority\"", "urgent"),
        image("a.png") + &part("name=\"colors\"", "1"),
        "garbage without any boundary".to_owned(),
    ] {
        let end = if body.starts_with("--b") { "--b--\r\n" } else { "" };
        let request = service.post("/jobs").header("content-type", "multipart/form-data; boundary=b");
        assert_problem(request.body(body + end).send().unwrap(), 400, "INVALID_INPUT");
    }
    assert_nothing_kept(&service);
}

#[test]
fn a_callback_that_is_not_a_valid_url_is_refused() {
    let service = spawn();
    for url in
        ["ftp://example.org/", "example.org", "http://user:pass@example.org/", "http://", "http://a b/"]
    {
        let form = zip_form(album(1, 0)).text("callback_url", url);
        assert_problem(service.post("/jobs").multipart(form).send().unwrap(), 400, "INVALID_URL");
    }
    assert_nothing_kept(&service);
    let form = zip_form(album(1, 0)).text("callback_url", "");
    accepted(service.post("/jobs").multipart(form).send().unwrap());
}

#[test]
fn h9_wrong_methods_and_paths_of_jobs_are_refused() {
    let service = spawn();
    let asked = |method: &str, path: &str| {
        service.client.request(method.parse().unwrap(), service.url(path)).send().unwrap()
    };
    for (path, allow) in [
        ("/jobs", "GET, HEAD, POST, OPTIONS"),
        ("/jobs/x", "GET, HEAD, DELETE, OPTIONS"),
        ("/jobs/x/cancel", "POST, OPTIONS"),
        ("/jobs/x/results/0/card", "GET, HEAD, OPTIONS"),
    ] {
        let preflight = asked("OPTIONS", path);
        assert_eq!(
            (preflight.status().as_u16(), &preflight.headers()["allow"]),
            (204, &allow.parse().unwrap()),
            "{path}"
        );
        assert_eq!(preflight.headers()["access-control-allow-methods"], "GET, HEAD, POST, DELETE, OPTIONS");
        let other = asked("PATCH", path);
        assert_eq!(other.headers()["allow"], allow, "{path}");
        assert_problem(other, 405, "METHOD_NOT_ALLOWED");
    }
    for path in ["/jobs/", "/jobs/x/", "/jobs/x/nothing", "/jobs/x/results/0", "/jobs/x/results/", "/JOBS"] {
        assert_problem(asked("GET", path), 404, "NOT_FOUND");
    }
    service.wait_for_event("http_request", |line| {
        line["endpoint"] == "/jobs/{id}/cancel" && line["method"] == "PATCH"
    });
}

#[test]
fn hostile_file_names_are_neutralized() {
    let service = spawn();
    let picture = photo("png");
    let name = "a\u{202e}gnp.exe\"<script>.png";
    let job = accepted(post_zip(&service, zip(&[Member::stored(name, &picture)])).send().unwrap());
    let job = crate::job_requests::ended(&service, id(&job));
    let shown = job["results"][0]["filename"].as_str().unwrap();
    assert!(!shown.contains('\u{202e}'), "{shown:?}");
    let path = format!("/jobs/{}/results/0/card", id(&job));
    let answer = service.get(&path);
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(!disposition.contains("\"<") && disposition.contains("filename*=UTF-8''"), "{disposition}");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}
