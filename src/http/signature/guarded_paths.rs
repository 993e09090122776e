//! Decides which requests are guarded. A path counts by what any proxy on the way could take it for, so that no other
//! spelling of a guarded path gets around the check.

use actix_web::http::Method;

/// Whether a request may change jobs, webhooks or the queue.
pub(super) fn is_guarded(method: &Method, path: &str) -> bool {
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !is_safe && has_guarded_prefix(path)
}

/// Whether a path is under `/jobs`, `/queue` or `/webhooks` once case, escapes, dots and doubled slashes are resolved.
fn has_guarded_prefix(path: &str) -> bool {
    let plain = unescape(path).to_ascii_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    for segment in plain.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let guarded = ["jobs", "queue", "webhooks"];
    segments.first().is_some_and(|segment| guarded.iter().any(|prefix| segment.starts_with(prefix)))
}

fn unescape(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, behind @ ..] = rest {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = (*first == b'%').then(|| digit(0).zip(digit(1))).flatten();
        let byte = escaped.map_or(*first, |(high, low)| (high * 16 + low) as u8);
        bytes.push(byte);
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a7_no_other_spelling_of_a_guarded_path_bypasses_the_check() {
        for path in [
            "/jobs",
            "/jobs/",
            "/jobs/x/cancel",
            "/JOBS",
            "//jobs",
            "/./jobs",
            "/x/../jobs",
            "/%6aobs",
            "/%4AOBS/x",
            "/%2e%2e/jobs",
            "/x%2F..%2Fjobs",
            "\\jobs",
            "/jobsx",
            "/webhooks/deliveries/1/redeliver",
            "/queue/pause",
            "/%71ueue/pause",
        ] {
            assert!(has_guarded_prefix(path), "{path}");
        }
        for path in ["/", "/process", "/process_zip", "/jobs/../process", "/x/jobs", "/%", "/%4"] {
            assert!(!has_guarded_prefix(path), "{path}");
        }
    }

    #[test]
    fn only_requests_that_change_state_are_guarded() {
        assert!(is_guarded(&Method::POST, "/jobs"));
        assert!(is_guarded(&Method::DELETE, "/jobs/x"));
        assert!(!is_guarded(&Method::GET, "/jobs/x"));
        assert!(!is_guarded(&Method::POST, "/process"));
    }

    proptest! {
        #[test]
        fn no_path_causes_a_panic(path in "[ -~]{0,40}") {
            let _ = has_guarded_prefix(&path);
        }
    }
}
