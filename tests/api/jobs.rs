//! The life of a job over HTTP: a client submits it, polls it, follows its events and reads its results.

use std::io::{BufRead, BufReader, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::answers::{assert_complete_result, photo};
use crate::archives::{Member, zip};
use crate::job_requests::{accepted, album, ended, id, paused, post_zip, resume, spawn, zip_form};
use crate::test_service::{TestService, assert_problem};

fn names(body: &Value) -> Vec<&str> {
    body["results"].as_array().unwrap().iter().map(|result| result["filename"].as_str().unwrap()).collect()
}

#[test]
fn a_zip_becomes_a_job_with_results() {
    let service = spawn();
    let answer = service
        .post("/jobs?colors=5")
        .header("x-request-id", "the-first-request")
        .multipart(zip_form(album(3, 1)).text("ttl_h", "2").text("format", "webp"))
        .send()
        .unwrap();
    let body = accepted(answer);
    assert_eq!((&body["status"], &body["request_id"]), (&json!("queued"), &json!("the-first-request")));
    let job = ended(&service, id(&body));
    assert_eq!(
        (&job["status"], &job["type"], &job["request_id"]),
        (&json!("completed"), &json!("zip_batch"), &json!("the-first-request"))
    );
    let time = |name: &str| job[name].as_i64().unwrap_or_else(|| panic!("{name} in {job}"));
    assert_eq!(time("expires_at") - time("created_at"), 2 * 3_600);
    assert!(time("created_at") <= time("started_at") && time("started_at") <= time("finished_at"));
    assert_eq!(time("download_expires_at"), time("expires_at"));
    assert_eq!(
        (names(&job), &job["results_count"]),
        (vec!["trip/01.png", "trip/02.png", "trip/03.png"], &json!(3))
    );
    for result in job["results"].as_array().unwrap() {
        assert_complete_result(result, 5);
        assert!(result["social_image"].as_str().unwrap().starts_with("data:image/webp;base64,"));
    }
    assert_eq!(job["failed_count"], 1);
    assert_eq!(
        (&job["failed"][0]["filename"], &job["failed"][0]["error_code"]),
        (&json!("trip/00.png"), &json!("PROCESSING_ERROR"))
    );
    assert!(job["failed"][0]["user_message"].is_string());
    service.wait_for_event("job_created", |line| line["job_id"] == body["job_id"]);
    service.assert_healthy();
}

#[test]
fn single_pictures_become_a_job_with_unique_names() {
    let service = spawn();
    let part = |name: &'static str| Part::bytes(photo("png")).file_name(name);
    let form = Form::new()
        .part("images", part("a.png"))
        .part("images", part("b.png"))
        .part("images", part("a.png"))
        .part("images", Part::bytes(photo("jpeg")))
        .part("images", Part::bytes(Vec::new()).file_name(""))
        .part("images", part("/home/me/trip/d.png"))
        .part("images", part("trip/d.png"))
        .part("images", Part::bytes(b"nothing".to_vec()).file_name("c.png"));
    let body = accepted(service.post("/jobs?cards=inline").multipart(form).send().unwrap());
    let job = ended(&service, id(&body));
    assert_eq!((&job["type"], &job["status"]), (&json!("image_batch"), &json!("completed")));
    assert_eq!(names(&job), ["a.png", "b.png", "a (2).png", "image-4", "d.png", "trip/d.png"]);
    assert_eq!(
        (job["failed"].as_array().unwrap().len(), &job["failed"][0]["filename"]),
        (1, &json!("c.png"))
    );
    service.assert_healthy();
}

#[test]
fn a_windows_path_is_reduced_to_its_file_name() {
    let service = spawn();
    let head =
        "--b\r\nContent-Disposition: form-data; name=\"images\"; filename=\"C:\\fakepath\\z.png\"\r\n\r\n";
    let body = [head.as_bytes(), &photo("png"), b"\r\n--b--\r\n"].concat();
    let request = service.post("/jobs").header("content-type", "multipart/form-data; boundary=b");
    let job = ended(&service, id(&accepted(request.body(body).send().unwrap())));
    assert_eq!(names(&job), ["z.png"]);
}

#[test]
fn json_raw_and_form_bodies_give_the_same_results() {
    let service = spawn();
    let zip = album(2, 0);
    let results = |answer| ended(&service, id(&accepted(answer)))["results"].clone();
    let form = results(service.post("/jobs").multipart(zip_form(zip.clone())).send().unwrap());
    let raw = results(post_zip(&service, zip.clone()).send().unwrap());
    let body = json!({"zip": STANDARD.encode(&zip), "ttl_h": 24, "colors": null, "priority": "low"});
    let json = results(service.post("/jobs").json(&body).send().unwrap());
    assert_eq!((&form, &form), (&raw, &json));
}

#[test]
fn fifty_pictures_of_which_three_are_broken_complete_with_forty_seven_results() {
    let service = spawn();
    let job = ended(&service, id(&accepted(post_zip(&service, album(47, 3)).send().unwrap())));
    assert_eq!(
        (&job["status"], &job["results_count"], &job["failed_count"]),
        (&json!("completed"), &json!(47), &json!(3))
    );
    assert_eq!(names(&job).len(), 47);
    let failed: Vec<_> =
        job["failed"].as_array().unwrap().iter().map(|failed| failed["filename"].clone()).collect();
    assert_eq!(failed, ["trip/00.png", "trip/16.png", "trip/32.png"]);
    assert!(names(&job).is_sorted(), "the results are not in the archive's order");
    let link = job["results"][0]["social_image"].as_str().unwrap();
    assert!(link.starts_with("http://") && link.contains("/links/") && link.ends_with("/cards/1"), "{link}");
    let inline = service.get(&format!("/jobs/{}?cards=inline", id(&job)));
    let refused = assert_problem(inline, 400, "INVALID_INPUT");
    assert!(refused["detail"].as_str().unwrap().contains("up to 20"), "{refused}");
    assert_eq!(service.metric("images_processed_total{endpoint=\"/jobs\"}"), 47);
    service.assert_healthy();
}

#[test]
fn up_to_twenty_cards_are_embedded_on_request() {
    let service = spawn();
    let job = ended(&service, id(&accepted(post_zip(&service, album(20, 1)).send().unwrap())));
    assert!(job["results"][0]["social_image"].as_str().unwrap().starts_with("http://"));
    let inline: Value = service.get(&format!("/jobs/{}?cards=inline", id(&job))).json().unwrap();
    assert_complete_result(&inline["results"][19], 10);
}

#[test]
fn a_job_without_any_result_fails_and_says_why() {
    let service = spawn();
    let job = ended(&service, id(&accepted(post_zip(&service, album(0, 2)).send().unwrap())));
    assert_eq!((&job["status"], &job["error_code"]), (&json!("failed"), &json!("PROCESSING_ERROR")));
    assert_eq!(job["message"], job["user_message"]);
    assert!(job["message"].as_str().unwrap().contains("2 pictures"), "{job}");
    assert_eq!(job["failed"].as_array().unwrap().len(), 2);
    assert!(job.get("results").is_none() && job.get("download_url").is_none(), "{job}");
}

#[test]
fn input_that_cannot_be_read_at_all_is_refused_at_once() {
    let service = spawn();
    assert_problem(post_zip(&service, b"no zip at all".to_vec()).send().unwrap(), 422, "PROCESSING_ERROR");
    assert_problem(
        post_zip(&service, zip(&[Member::stored("a.txt", b"x")])).send().unwrap(),
        422,
        "PROCESSING_ERROR",
    );
    assert_problem(
        post_zip(&service, zip(&[Member::stored("../a.png", b"x")])).send().unwrap(),
        422,
        "ZIP_TRAVERSAL",
    );
    assert_problem(service.post("/jobs").send().unwrap(), 400, "NO_INPUT");
    assert_problem(service.post("/jobs").json(&json!({})).send().unwrap(), 400, "NO_INPUT");
    assert_problem(service.post("/jobs").json(&json!({"urls": []})).send().unwrap(), 400, "NO_INPUT");
    let empty = Form::new().part("images", Part::bytes(Vec::new()).file_name(""));
    assert_problem(service.post("/jobs").multipart(empty).send().unwrap(), 400, "NO_INPUT");
    let text = service.post("/jobs").header("content-type", "text/plain").body("x").send().unwrap();
    assert_problem(text, 415, "UNSUPPORTED_MEDIA_TYPE");
    service.assert_healthy();
}

#[test]
fn polls_of_an_unchanged_job_are_answered_304() {
    let (service, live) = paused(8);
    let answer = service.get(&format!("/jobs/{live}"));
    assert_eq!(answer.headers()["content-type"], "application/json");
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((2..=30).contains(&wait), "{wait}");
    let body: Value = answer.json().unwrap();
    assert!(
        body["progress"].as_u64().is_some_and(|progress| progress < 100) && body["eta_s"].is_u64(),
        "{body}"
    );
    resume(&service);
    let job = ended(&service, &live);
    let path = format!("/jobs/{}", id(&job));
    let answer = service.get(&path);
    assert!(!answer.headers().contains_key("retry-after"));
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let ask =
        |header: &str| service.client.get(service.url(&path)).header("if-none-match", header).send().unwrap();
    for header in [&etag, &format!("W/{etag}"), &format!("\"x\", {etag}"), "*"] {
        let answer = ask(header);
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["etag"].to_str().unwrap()),
            (304, etag.as_str())
        );
        assert!(answer.bytes().unwrap().is_empty());
    }
    for header in ["\"x\"", "x", ""] {
        assert_eq!(ask(header).status(), 200, "{header}");
    }
    assert_eq!(service.get(&path).bytes().unwrap(), service.get(&path).bytes().unwrap());
    assert_eq!(service.metric("status_poll_304_total"), 4);
    assert!(service.metric("status_polls_total{result=\"unchanged\"}") >= 5);
}

#[test]
fn head_is_answered_as_get_without_a_body() {
    let service = spawn();
    let job = ended(&service, id(&accepted(post_zip(&service, album(1, 0)).send().unwrap())));
    for path in ["", "/events", "/results", "/results.zip", "/results/0/card"] {
        let url = service.url(&format!("/jobs/{}{path}", id(&job)));
        let (get, head) =
            (service.client.get(&url).send().unwrap(), service.client.head(&url).send().unwrap());
        assert_eq!(
            (head.status(), &head.headers()["content-type"]),
            (get.status(), &get.headers()["content-type"]),
            "{path}"
        );
        assert_eq!(head.headers().get("etag"), get.headers().get("etag"), "{path}");
        assert!(head.bytes().unwrap().is_empty(), "{path}");
    }
}

/// The events of a job until its stream ends: name, id and data. Calls `once_open` when the stream is open.
fn events(
    service: &TestService,
    id: &str,
    last: Option<&str>,
    once_open: impl FnOnce(),
) -> Vec<(String, i64, Value)> {
    let mut request = service.client.get(service.url(&format!("/jobs/{id}/events")));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let answer = request.send().unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    once_open();
    let mut text = String::new();
    BufReader::new(answer).read_to_string(&mut text).unwrap();
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    text.split("\n\n")
        .filter(|event| event.contains("event:"))
        .map(|event| {
            let data = serde_json::from_str(&field(event, "data:")).unwrap();
            (field(event, "event:"), field(event, "id:").parse().unwrap(), data)
        })
        .collect()
}

#[test]
fn the_changes_of_a_job_arrive_as_events_until_it_has_ended() {
    let (service, live) = paused(8);
    let events = events(&service, &live, None, || resume(&service));
    let (name, version, data) = events.last().unwrap();
    assert_eq!(
        (name.as_str(), &data["status"], &data["results_count"]),
        ("completed", &json!("completed"), &json!(8))
    );
    assert!(events.len() > 2, "{events:?}");
    assert!(events[..events.len() - 1].iter().all(|(name, _, _)| name == "progress"), "{events:?}");
    let versions: Vec<i64> = events.iter().map(|(_, version, _)| *version).collect();
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
    let etag = service.get(&format!("/jobs/{live}")).headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(etag, format!("\"{version}\""));
    assert_eq!(self::events(&service, &live, Some("1"), || ()).len(), 1);
    let again = service
        .client
        .get(service.url(&format!("/jobs/{live}/events")))
        .header("last-event-id", version.to_string());
    assert_eq!(again.send().unwrap().status(), 204);
}

#[test]
fn an_event_id_that_the_job_has_not_reached_suppresses_no_event() {
    let (service, live) = paused(8);
    for last in ["1000000", "x"] {
        let events = events(&service, &live, Some(last), || resume(&service));
        assert!(!events.is_empty() && events.last().unwrap().0 == "completed", "{last}: {events:?}");
        assert!(last == "x" || events.len() > 2, "there is no progress event: {events:?}");
    }
}

#[test]
fn an_event_stream_ends_cleanly_with_the_service_and_is_logged_with_the_status_of_its_head() {
    let (mut service, live) = paused(1);
    let request = service
        .client
        .get(service.url(&format!("/jobs/{live}/events")))
        .header("x-request-id", "the-event-stream");
    let mut lines = BufReader::new(request.send().unwrap()).lines();
    let retry = |line: &str| -> u32 { line.strip_prefix("retry: ").unwrap().parse().unwrap() };
    let first = retry(&lines.next().unwrap().unwrap());
    service.signal("-TERM");
    assert!(service.wait_for_exit().success());
    let rest: Vec<String> = lines.map(|line| line.expect("the body ends cleanly")).collect();
    let last = rest.iter().rev().find(|line| !line.is_empty()).unwrap();
    for retry in [first, retry(last)] {
        assert!((2_000..=6_000).contains(&retry), "{retry}");
    }
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "the-event-stream");
    assert_eq!((&line["endpoint"], &line["status_code"]), (&json!("/jobs/{id}/events"), &json!(200)));
}
