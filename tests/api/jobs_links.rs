//! The links in a job's bodies: what each gives, for how long, and what they do not tell.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::answers::card as card_of;
use crate::job_requests::{accepted, album, ended, id, now, path_of, post_zip, spawn};
use crate::support::database::Database;
use crate::test_service::{TestService, assert_problem};

/// Completes a job of so many pictures. Returns its body with the cards as links.
fn completed(service: &TestService, pictures: usize) -> Value {
    let job = ended(service, id(&accepted(post_zip(service, album(pictures, 0)).send().unwrap())));
    service.get(&format!("/jobs/{}?cards=url", id(&job))).json().unwrap()
}

fn card_path(service: &TestService, job: &Value, at: usize) -> String {
    path_of(service, &job["results"][at]["social_image"])
}

/// The id in a link's path.
fn link_id(path: &str) -> &str {
    path.strip_prefix("/links/").unwrap().split('/').next().unwrap()
}

/// The key in the service's store from which links are made.
fn link_key(service: &TestService) -> Vec<u8> {
    let store = Database::in_directory(service.data.path());
    store.texts("SELECT value FROM secrets WHERE name = 'link'").pop().unwrap().into_bytes()
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

/// The link of the old form to a path.
fn old_link(service: &TestService, path: &str, expires: i64) -> String {
    let signature = hmac(&link_key(service), format!("{path}\n{expires}").as_bytes());
    let signature = signature.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    format!("{path}?expires={expires}&signature={signature}")
}

/// The path of a link to a job's events, made as the decision record says.
fn events_link(service: &TestService, job: &str, expires: i64) -> String {
    let key = link_key(service);
    let digits = &job["job_".len()..];
    let mut plain: Vec<u8> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    plain.extend_from_slice(&expires.to_be_bytes()[3..]);
    let tag = hmac(&hmac(&key, b"huemill link tag"), &[&[2, 0, 0, 0, 0], &plain[..]].concat());
    let stream = hmac(&hmac(&key, b"huemill link stream"), &tag[..18]);
    let sealed = plain.iter().zip(stream).map(|(byte, mask)| byte ^ mask);
    let id = BASE64_URL_SAFE_NO_PAD.encode(tag[..18].iter().copied().chain(sealed).collect::<Vec<u8>>());
    format!("/links/{id}/events")
}

#[test]
fn a_card_by_its_link_is_saved_and_may_be_cached_until_the_link_expires() {
    let service = spawn();
    let job = completed(&service, 2);
    let path = card_path(&service, &job, 1);
    assert!(path.ends_with("/cards/1"), "{path}");
    let answer = service.get(&path);
    assert_eq!(answer.headers()["content-type"], "image/png");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"01.png\""), "{disposition}");
    let cached = answer.headers()["cache-control"].to_str().unwrap().to_owned();
    let seconds = cached.strip_prefix("private, max-age=").unwrap().strip_suffix(", immutable").unwrap();
    let left = job["expires_at"].as_i64().unwrap() - now();
    assert!((left - seconds.parse::<i64>().unwrap()).abs() < 5, "{cached}, expires in {left} s");
    let etag = answer.headers()["etag"].clone();
    let bytes = answer.bytes().unwrap();
    let whole: Value = service.get(&format!("/jobs/{}?cards=inline", id(&job))).json().unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8(), card_of(&whole["results"][1]).to_rgb8());
    let shown = service.get(&format!("{path}?disposition=inline"));
    assert!(shown.headers()["content-disposition"].to_str().unwrap().starts_with("inline; "));
    let held = service.client.get(service.url(&path)).header("if-none-match", etag).send().unwrap();
    assert_eq!(held.status(), 304);
    assert!(held.headers()["cache-control"].to_str().unwrap().starts_with("private, max-age="));
    let part = service.client.get(service.url(&path)).header("range", "bytes=1-3").send().unwrap();
    assert_eq!((part.status().as_u16(), &part.bytes().unwrap()[..]), (206, b"PNG".as_slice()));
    let head = service.client.head(service.url(&path)).send().unwrap();
    assert_eq!(head.headers()["content-length"], bytes.len().to_string().as_str());
}

#[test]
fn a_link_gives_only_what_it_is_for() {
    let service = spawn();
    let (job, other) = (completed(&service, 2), completed(&service, 2));
    let (one, zip) = (card_path(&service, &job, 0), path_of(&service, &job["download_url"]));
    let (card_id, zip_id) = (link_id(&one), link_id(&zip));
    let number = one.rsplit('/').next().unwrap();
    let mistyped = format!("{}{}", &zip_id[..59], if zip_id.ends_with('A') { 'B' } else { 'A' });
    let refused = [
        format!("/links/{card_id}/results.zip"),
        format!("/links/{card_id}/events"),
        format!("/links/{card_id}/cards/7"),
        format!("/links/{card_id}/cards/0{number}x"),
        format!("/links/{zip_id}/cards/{number}"),
        format!("/links/{zip_id}/events"),
        format!("/links/{}/results.zip", id(&job)),
        format!("/links/{mistyped}/results.zip"),
        format!("/links/{zip_id}A/results.zip"),
        format!("/links/x/cards/{number}"),
    ];
    for path in &refused {
        assert_problem(service.get(path), 403, "EXPIRED_LINK");
    }
    for path in [format!("/jobs/{zip_id}"), format!("/jobs/{card_id}/results.zip")] {
        assert_problem(service.get(&path), 404, "JOB_NOT_FOUND");
    }
    assert_eq!(service.metric("auth_failures_total{reason=\"link_forged\"}"), refused.len() as u64);
    assert_ne!(zip, path_of(&service, &other["download_url"]));
    assert_eq!(service.get(&zip).status(), 200);
    assert_eq!(service.get(&one).status(), 200);
}

#[test]
fn a_link_tells_nothing_of_the_job() {
    let service = spawn();
    let job = completed(&service, 1);
    let id = id(&job);
    let mut shown = String::new();
    for path in [path_of(&service, &job["download_url"]), card_path(&service, &job, 0)] {
        let answer = service.get(&path);
        let headers = format!("{:?}", answer.headers());
        shown.extend([&*path, &*headers, &*String::from_utf8_lossy(&answer.bytes().unwrap())]);
    }
    assert!(!shown.contains(id) && !shown.contains(&id["job_".len()..][..16]), "{shown}");
    let line =
        service.wait_for_event("http_request", |line| line["endpoint"] == "/links/{link_id}/cards/{n}");
    assert_eq!(line["status_code"], 200);
    for path in [path_of(&service, &job["download_url"]), card_path(&service, &job, 0)] {
        let secret = link_id(&path);
        assert_problem(service.get(&format!("/links/{secret}/other")), 404, "NOT_FOUND");
        assert!(service.log().iter().all(|line| !line.to_string().contains(secret)), "{:#?}", service.log());
        assert!(!service.get("/metrics").text().unwrap().contains(secret));
    }
}

#[test]
fn an_events_link_shows_progress_and_neither_the_job_nor_its_results() {
    let service = spawn();
    let job = completed(&service, 1);
    let (zip, id, expires) =
        (path_of(&service, &job["download_url"]), id(&job), job["expires_at"].as_i64().unwrap());
    let owned = service.get(&format!("/jobs/{id}/events")).text().unwrap();
    assert!(owned.contains(id) && owned.contains(&zip), "{owned}");
    let answer = service.get(&events_link(&service, id, expires));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let shown = answer.text().unwrap();
    assert!(shown.contains("event: completed") && shown.contains("\"results_count\":1"), "{shown}");
    assert!(!shown.contains(id) && !shown.contains("/links/"), "{shown}");
    assert_problem(service.get(&events_link(&service, id, now() - 1)), 403, "EXPIRED_LINK");
    assert_eq!(service.metric("auth_failures_total{reason=\"link_expired\"}"), 1);
    assert!(job.get("events_url").is_none(), "{job}");
}

#[test]
fn links_end_with_their_job() {
    let service = spawn();
    let job = completed(&service, 1);
    let paths = [path_of(&service, &job["download_url"]), card_path(&service, &job, 0)];
    let deleted = service.client.delete(service.url(&format!("/jobs/{}", id(&job)))).send().unwrap();
    assert_eq!(deleted.status(), 204);
    for path in paths {
        assert_problem(service.get(&path), 404, "EXPIRED_JOB");
    }
}

#[test]
fn links_of_the_old_form_work_until_they_expire() {
    let service = spawn();
    let job = completed(&service, 1);
    let later = job["expires_at"].as_i64().unwrap();
    let zip = format!("/jobs/{}/results.zip", id(&job));
    let card = format!("/jobs/{}/results/0/card", id(&job));
    for path in [&zip, &card] {
        let good = old_link(&service, path, later);
        assert_eq!(service.get(&good).status(), 200, "{path}");
        let stale = old_link(&service, path, now() - 1);
        for bad in [&stale, &format!("{good}0"), good.split("&signature").next().unwrap()] {
            assert_problem(service.get(bad), 403, "EXPIRED_LINK");
        }
    }
    let name = service.get(&old_link(&service, &zip, later)).headers()["content-disposition"].clone();
    assert_eq!(name.to_str().unwrap(), format!("attachment; filename=\"{}.zip\"", id(&job)));
    let shown = service.get(&format!("{}&disposition=inline", old_link(&service, &card, later)));
    assert!(shown.headers()["content-disposition"].to_str().unwrap().starts_with("inline; "));
    assert!(shown.headers()["cache-control"].to_str().unwrap().ends_with(", immutable"));
    assert_eq!(service.metric("auth_failures_total{reason=\"link_expired\"}"), 2);
    assert!(service.log().iter().all(|line| !line.to_string().contains("signature=")));
}

#[test]
fn links_start_with_the_public_url_where_it_is_set() {
    let service = TestService::start(&[("PUBLIC_URL", "https://huemill.example/")]);
    let job = completed(&service, 1);
    let url = job["download_url"].as_str().unwrap();
    assert!(url.starts_with("https://huemill.example/links/") && url.ends_with("/results.zip"), "{url}");
}

#[test]
fn a_link_works_after_a_restart() {
    let mut service = spawn();
    let job = completed(&service, 1);
    let path = path_of(&service, &job["download_url"]);
    let before = service.get(&path).bytes().unwrap();
    service.restart(&[]);
    assert_eq!(service.get(&path).bytes().unwrap(), before);
}
