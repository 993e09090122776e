//! Which requests are guarded: judged by what any reader on the way could take a path for, so that no spelling gets
//! around the guard.

use actix_web::http::Method;

/// Whether a method may change something.
pub(super) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether a path is under `/jobs`, `/queue` or `/webhooks`, with case, escapes, dots and doubled slashes taken out of the way.
pub(super) fn leads_there(path: &str) -> bool {
    let plain = unescaped(path).to_ascii_lowercase();
    let mut steps: Vec<&str> = Vec::new();
    for step in plain.split(['/', '\\']) {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    let guarded = ["jobs", "queue", "webhooks"];
    steps.first().is_some_and(|step| guarded.iter().any(|prefix| step.starts_with(prefix)))
}

fn unescaped(path: &str) -> String {
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
    fn a7_no_spelling_of_a_guarded_path_gets_around_the_guard() {
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
            assert!(leads_there(path), "{path}");
        }
        for path in ["/", "/process", "/process_zip", "/jobs/../process", "/x/jobs", "/%", "/%4"] {
            assert!(!leads_there(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "[ -~]{0,40}") {
            let _ = leads_there(&path);
        }
    }
}
