//! Conditions of requests on a version (RFC 9110, 13.1): `If-Match` and `If-Unmodified-Since`.

use reqwest::Method;
use reqwest::blocking::Response;

use crate::job_requests::{accepted, album, ended, id, paused, post_zip, spawn};
use crate::test_service::{TestService, assert_problem};

const LONG_AGO: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

fn ask(service: &TestService, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = service.client.request(method, service.url(path));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().unwrap()
}

#[test]
fn a_download_of_another_version_is_refused() {
    let service = spawn();
    let job = ended(&service, id(&accepted(post_zip(&service, album(2, 0)).send().unwrap())));
    let job = format!("/jobs/{}", id(&job));
    for path in ["/results.zip", "/results/0/card", "/results/0/palette.css", ""] {
        let path = format!("{job}{path}");
        let first = ask(&service, Method::GET, &path, &[]);
        let etag = first.headers()["etag"].to_str().unwrap().to_owned();
        let get = |headers: &[(&str, &str)]| ask(&service, Method::GET, &path, headers);
        assert_eq!(get(&[("if-match", &etag)]).status(), 200, "{path}");
        assert_eq!(get(&[("if-match", "*")]).status(), 200, "{path}");
        assert_problem(get(&[("if-match", "\"another\"")]), 412, "PRECONDITION_FAILED");
        assert_problem(
            get(&[("if-match", "\"another\""), ("range", "bytes=0-3"), ("if-none-match", &etag)]),
            412,
            "PRECONDITION_FAILED",
        );
    }
    for path in ["/results.zip", "/results/0/card"] {
        let path = format!("{job}{path}");
        let get = |headers: &[(&str, &str)]| ask(&service, Method::GET, &path, headers);
        let modified = get(&[]).headers()["last-modified"].to_str().unwrap().to_owned();
        assert_eq!(get(&[("if-unmodified-since", &modified)]).status(), 200, "{path}");
        assert_eq!(
            get(&[("if-unmodified-since", &modified), ("range", "bytes=0-3")]).status(),
            206,
            "{path}"
        );
        assert_problem(get(&[("if-unmodified-since", LONG_AGO)]), 412, "PRECONDITION_FAILED");
    }
}

#[test]
fn a_job_that_has_changed_is_neither_canceled_nor_deleted() {
    let (service, job) = paused(2);
    let (path, cancel) = (format!("/jobs/{job}"), format!("/jobs/{job}/cancel"));
    let etag = ask(&service, Method::GET, &path, &[]).headers()["etag"].to_str().unwrap().to_owned();
    for (method, path) in [(Method::DELETE, &path), (Method::POST, &cancel)] {
        let answer = ask(&service, method, path, &[("if-match", "\"another\"")]);
        assert_problem(answer, 412, "PRECONDITION_FAILED");
    }
    assert_eq!(ask(&service, Method::POST, &cancel, &[("if-match", &etag)]).status(), 202);
    assert_problem(ask(&service, Method::DELETE, &path, &[("if-match", &etag)]), 412, "PRECONDITION_FAILED");
    let late = ask(&service, Method::DELETE, &path, &[("if-unmodified-since", LONG_AGO)]);
    assert_problem(late, 412, "PRECONDITION_FAILED");
    let url = format!("{path}?cards=url");
    let etag = ask(&service, Method::GET, &url, &[]).headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(ask(&service, Method::DELETE, &path, &[("if-match", &etag)]).status(), 204);
}
