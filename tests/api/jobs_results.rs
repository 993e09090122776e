//! Downloading the results of a job: links, the ZIP, the cards, and ranges of them.

use std::io::Read;

use flate2::read::DeflateDecoder;
use serde_json::{Value, json};

use crate::answers::{card, photo};
use crate::archives::{Member, zip};
use crate::job_requests::{OPERATOR, accepted, album, blobs, ended, id, path_of, post_zip, spawn, zip_form};
use crate::test_service::{TestService, assert_problem};

/// Completes a job of this ZIP and returns its body.
fn completed(service: &TestService, zip: Vec<u8>) -> Value {
    ended(service, id(&accepted(post_zip(service, zip).send().unwrap())))
}

/// The names and bytes of an archive's stored and deflated members, by its central directory.
fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let number = |at: usize, size: usize| {
        bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    let (count, mut at) = (number(end + 10, 2), number(end + 16, 4));
    (0..count)
        .map(|_| {
            assert_eq!(&bytes[at..at + 4], b"PK\x01\x02");
            let (method, crc, packed) = (number(at + 10, 2), number(at + 16, 4), number(at + 20, 4));
            let (name, extra, comment) = (number(at + 28, 2), number(at + 30, 2), number(at + 32, 2));
            let local = number(at + 42, 4);
            let title = String::from_utf8(bytes[at + 46..at + 46 + name].to_vec()).unwrap();
            let data = local + 30 + number(local + 26, 2) + number(local + 28, 2);
            let mut content = bytes[data..data + packed].to_vec();
            if method == 8 {
                let mut inflated = Vec::new();
                DeflateDecoder::new(&content[..]).read_to_end(&mut inflated).unwrap();
                content = inflated;
            }
            assert_eq!(crc32fast::hash(&content) as usize, crc, "{title}");
            at += 46 + name + extra + comment;
            (title, content)
        })
        .collect()
}

#[test]
fn the_zip_contains_a_file_for_each_result_and_a_manifest() {
    let service = spawn();
    let job = completed(&service, album(2, 1));
    let answer = service.get(&path_of(&service, &job["download_url"]));
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/zip".parse().unwrap())
    );
    let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(disposition, "attachment; filename=\"results.zip\"");
    assert!(!answer.headers().contains_key("content-encoding"));
    let files = unzip(&answer.bytes().unwrap());
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["manifest.json", "01.png", "02.png"]);
    let manifest: Value = serde_json::from_slice(&files[0].1).unwrap();
    assert_eq!(
        (manifest.get("job_id"), &manifest["results"][0]["file"], &manifest["results"][0]["filename"]),
        (None, &json!("01.png"), &json!("trip/01.png"))
    );
    assert_eq!(manifest["results"][1]["palette"], job["results"][1]["palette"]);
    assert_eq!(manifest["failed"], job["failed"]);
    let first = image::load_from_memory(&files[1].1).unwrap();
    assert_eq!(first.to_rgb8(), card(&job["results"][0]).to_rgb8());
    assert_eq!(service.metric("results_downloaded_total{kind=\"zip\"}"), 1);
    service.assert_healthy();
}

#[test]
fn equal_file_names_of_different_folders_stay_distinct() {
    let service = spawn();
    let picture = photo("png");
    let names = ["a/x.png", "b/x.png", "manifest.json.png", "c/X.PNG", "CON.png"];
    let job = completed(&service, zip(&names.map(|name| Member::stored(name, &picture))));
    let files = unzip(&service.get(&path_of(&service, &job["download_url"])).bytes().unwrap());
    let mut lower: Vec<String> = files.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(lower.len(), 6);
    assert!(lower.iter().all(|name| !name.contains('/')), "{lower:?}");
    lower.sort();
    lower.dedup();
    assert_eq!(lower.len(), 6);
}

#[test]
fn a_card_has_the_same_name_in_the_zip_and_as_a_single_download() {
    let service = spawn();
    let picture = photo("png");
    let names = ["  .jpg", "CON.png", ".hidden.png", "a/-x.png", "plain.png"];
    let job = completed(&service, zip(&names.map(|name| Member::stored(name, &picture))));
    let files = unzip(&service.get(&path_of(&service, &job["download_url"])).bytes().unwrap());
    let packed: Vec<&str> = files[1..].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(packed, ["card.png", "_CON.png", "_hidden.png", "_x.png", "plain.png"]);
    for (at, name) in packed.iter().enumerate() {
        let answer = service.get(&format!("/jobs/{}/results/{at}/card", id(&job)));
        let disposition = answer.headers()["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with(&format!("attachment; filename=\"{name}\"")), "{disposition}");
    }
}

#[test]
fn h12_any_range_of_the_zip_can_be_requested() {
    let service = spawn();
    let job = completed(&service, album(2, 0));
    let path = path_of(&service, &job["download_url"]);
    let whole = service.get(&path);
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
    let whole = whole.bytes().unwrap();
    let length = whole.len();
    let ask = |range: &str, condition: &str| {
        let request =
            service.client.get(service.url(&path)).header("range", range).header("accept-encoding", "gzip");
        let request = if condition.is_empty() { request } else { request.header("if-range", condition) };
        request.send().unwrap()
    };
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-99", 10, 100),
        (&format!("bytes={}-", length - 7), length - 7, length),
        ("bytes=-22", length - 22, length),
        (&format!("bytes=5000-{}", length * 2), 5000, length),
    ] {
        let answer = ask(range, &etag);
        assert_eq!(answer.status(), 206, "{range}");
        assert_eq!(answer.headers()["content-range"], format!("bytes {from}-{}/{length}", to - 1));
        assert_eq!(answer.bytes().unwrap(), whole[from..to], "{range}");
    }
    for (range, condition) in [("bytes=0-0", "\"other\""), ("bytes=0-1,4-5", ""), ("pages=1-2", "")] {
        let answer = ask(range, condition);
        assert_eq!((answer.status().as_u16(), answer.bytes().unwrap().len()), (200, length), "{range}");
    }
    let beyond = ask(&format!("bytes={length}-"), "");
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{length}"));
    assert_problem(beyond, 416, "RANGE_NOT_SATISFIABLE");
    let held = service.client.get(service.url(&path)).header("if-none-match", &etag).send().unwrap();
    assert_eq!(held.status(), 304);
}

#[test]
fn a_card_can_be_downloaded_by_its_path() {
    let service = spawn();
    let job = completed(&service, album(2, 1));
    let bare = format!("/jobs/{}/results/1/card", id(&job));
    let answer = service.get(&bare);
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"01.png\""), "{disposition}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let bytes = answer.bytes().unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8(), card(&job["results"][0]).to_rgb8());
    let part = service.client.get(service.url(&bare)).header("range", "bytes=1-3").send().unwrap();
    assert_eq!((part.status().as_u16(), &part.bytes().unwrap()[..]), (206, b"PNG".as_slice()));
    for number in ["0", "3", "99999999999", "-1", "+1", "x", "1.0"] {
        let nothing = service.get(&format!("/jobs/{}/results/{number}/card", id(&job)));
        assert_problem(nothing, 404, "NOT_FOUND");
    }
    assert_problem(service.get(&format!("{bare}?disposition=none")), 400, "INVALID_INPUT");
    assert_eq!(service.metric("results_downloaded_total{kind=\"card\"}"), 1);
}

#[test]
fn a_job_counts_as_fetched_once_with_its_first_card() {
    let service = spawn();
    // Six cards are too many for the body of the status.
    let large = completed(&service, album(6, 0));
    assert_eq!(service.metric("jobs_fetched_total"), 0);
    for _ in 0..2 {
        assert_eq!(service.get(&path_of(&service, &large["download_url"])).status(), 200);
        assert_eq!(service.get(&format!("/jobs/{}/results/3/card", id(&large))).status(), 200);
        service
            .wait_for("the first job counts as fetched", |service| service.metric("jobs_fetched_total") == 1);
    }
    // The body of a small job's final status contains its cards.
    completed(&service, album(2, 0));
    service.wait_for("the second job counts as fetched", |service| service.metric("jobs_fetched_total") == 2);
    assert_eq!(service.metric("store_errors_total{operation=\"fetched\"}"), 0);
}

#[test]
fn a_missing_card_cuts_the_archive_short_and_is_an_error_alone() {
    let service = spawn();
    let job = completed(&service, album(2, 0));
    let card =
        blobs(&service).into_iter().find(|key| key.ends_with(&format!("{}/out/1.png", id(&job)))).unwrap();
    std::fs::remove_file(service.data.path().join("blobs").join(card)).unwrap();
    let get = |below: &str, name: &str| {
        let url = service.url(&format!("/jobs/{}/{below}", id(&job)));
        service.client.get(url).header("x-request-id", name).send()
    };
    let answer = get("results.zip", "broken-zip");
    assert!(answer.and_then(reqwest::blocking::Response::bytes).is_err());
    assert_problem(get("results/1/card", "missing-card").unwrap(), 500, "INTERNAL_ERROR");
    for (event, name) in [("answer_broken", "broken-zip"), ("http_error", "missing-card")] {
        let line = service.wait_for_event(event, |line| line["request_id"] == name);
        assert_eq!((&line["level"], &line["error_code"]), (&json!("error"), &json!("INTERNAL_ERROR")));
        assert!(line["cause"].as_str().unwrap().contains("out/1.png"), "{line}");
    }
    let errors = service.log().iter().filter(|line| line["level"] == "error").count();
    assert_eq!(errors, 2, "{:#?}", service.log());
    // The archive counts as failed although its client has seen a status of success.
    let (zip, card) = ("endpoint=\"/jobs/{id}/results.zip\"", "endpoint=\"/jobs/{id}/results/{n}/card\"");
    for series in [
        format!("answers_broken_total{{{zip}}}"),
        format!("errors_total{{{zip},error_code=\"INTERNAL_ERROR\"}}"),
        format!("requests_total{{code=\"200\",{zip}}}"),
        format!("errors_total{{{card},error_code=\"INTERNAL_ERROR\"}}"),
        format!("requests_total{{code=\"500\",{card}}}"),
    ] {
        service.wait_for(&series, |service| service.metric(&series) == 1);
    }
    assert!(service.get("/ready").json::<Value>().unwrap()["error_rate_last_5m"].as_f64().unwrap() > 0.0);
}

/// Checks that neither a card nor a palette of this picture can be had, for this reason.
#[track_caller]
fn assert_no_result(service: &TestService, job: &str, number: u32, reason: &str) {
    for file in ["card", "palette.css"] {
        let answer = service.get(&format!("/jobs/{job}/results/{number}/{file}"));
        let detail = assert_problem(answer, 404, "NOT_FOUND")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(reason), "{file} of {number}: {detail}");
    }
}

#[test]
fn a_picture_without_a_result_says_why() {
    let service = TestService::start(&[("OPERATOR_TOKEN", OPERATOR)]);
    let order = |order: &str| {
        let answer = service.post(&format!("/queue/{order}")).bearer_auth(OPERATOR).send().unwrap();
        assert_eq!(answer.status(), 200);
    };
    order("pause");
    let job = accepted(post_zip(&service, album(1, 1)).send().unwrap());
    assert_no_result(&service, id(&job), 0, "no result yet");
    let canceled = accepted(post_zip(&service, album(1, 0)).send().unwrap());
    assert_eq!(service.post(&format!("/jobs/{}/cancel", id(&canceled))).send().unwrap().status(), 202);
    ended(&service, id(&canceled));
    assert_no_result(&service, id(&canceled), 0, "canceled");
    order("resume");
    let body = ended(&service, id(&job));
    let failed = body["failed"][0]["index"].as_u64().unwrap() as u32;
    assert_no_result(&service, id(&job), failed, "failed with PROCESSING_ERROR");
    let path = format!("/jobs/{}/results/7/palette.css", id(&job));
    let detail = assert_problem(service.get(&path), 404, "NOT_FOUND")["detail"].clone();
    assert!(detail.as_str().unwrap().starts_with("The job has no such palette."), "{detail}");
    let form = zip_form(album(1, 0)).text("card", "none");
    let bare = accepted(service.post("/jobs").multipart(form).send().unwrap());
    ended(&service, id(&bare));
    let answer = service.get(&format!("/jobs/{}/results/0/card", id(&bare)));
    let detail = assert_problem(answer, 404, "NOT_FOUND")["detail"].clone();
    assert!(detail.as_str().unwrap().contains("card=none"), "{detail}");
    assert_eq!(service.get(&format!("/jobs/{}/results/0/palette.css", id(&bare))).status(), 200);
}
