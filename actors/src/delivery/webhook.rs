//! The body of a webhook: the job's end as JSON. It is byte for byte what Python's `json.dumps(body, sort_keys=True)`
//! writes: receivers verify a signature by parsing the body and writing it again, because their frameworks hide its bytes.

use std::collections::BTreeMap;
use std::io::{self, Write};

use huemill_store::job::{ItemError, JobId, JobState};
use huemill_store::outbox::Notice;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};

use crate::fault::Code;

/// The body, sent at this time (Unix seconds). `download` is the URL of the results, if it is known.
pub(super) fn body(
    job: &JobId,
    request_id: &str,
    notice: &Notice,
    download: Option<&str>,
    timestamp: u64,
) -> Vec<u8> {
    let mut members: BTreeMap<&str, Value> = BTreeMap::from([
        ("job_id", json!(job.as_str())),
        ("status", json!(notice.state.as_str())),
        ("request_id", json!(request_id)),
        ("created_at", json!(notice.created_at)),
        ("finished_at", json!(notice.finished_at)),
        ("timestamp", json!(timestamp)),
    ]);
    if matches!(notice.state, JobState::Completed | JobState::Canceled) {
        members.insert("results_count", json!(notice.succeeded));
        members.insert("failed_count", json!(notice.failed));
        if let Some(url) = download {
            members.insert("download_url", json!(url));
        }
    }
    if let (JobState::Failed, Some(why)) = (notice.state, &notice.failure) {
        let (error_code, message) = failure(&why.first, why.same, notice.total);
        let error = BTreeMap::from([("error_code", error_code), ("message", message)]);
        members.insert("error", json!(error));
    }
    dumps(&members)
}

/// JSON as Python writes it by default.
fn dumps(value: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::new();
    // Serialising maps of strings and numbers into memory cannot fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut json, PythonFormatter));
    json
}

/// Writes a space after each comma and colon, and everything beyond printable ASCII as escapes of UTF-16.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        for letter in text.chars() {
            if matches!(letter, ' '..='~') {
                write!(writer, "{letter}")?;
                continue;
            }
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// Code and message of a job without a successful picture. `first` is the error of its first picture, `same`
/// whether all pictures have the same code.
#[must_use]
pub fn failure(first: &ItemError, same: bool, total: u32) -> (String, String) {
    let code = if same { first.code.clone() } else { Code::ProcessingError.as_str().to_owned() };
    let message = if total == 1 {
        first.message.clone()
    } else {
        format!("None of the job's {total} pictures gave a result. The first: {}", first.message)
    };
    (code, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use huemill_store::outbox::JobFailure;

    use super::*;

    fn notice(state: JobState) -> Notice {
        let first = ItemError { code: "PROCESSING_ERROR".into(), message: "It is damaged.".into() };
        Notice {
            state,
            created_at: 1_700_000_000,
            finished_at: 1_700_000_009,
            expires_at: 1_700_086_400,
            base_url: "https://huemill.example".into(),
            total: 3,
            succeeded: 2,
            failed: 1,
            failure: (state == JobState::Failed).then_some(JobFailure { first, same: true }),
        }
    }

    fn text(state: JobState) -> String {
        let job = JobId::parse("job_018c0000000000112233445566778899aabbccddeeff").unwrap();
        String::from_utf8(body(&job, "c298c805", &notice(state), Some("https://d/"), 1_700_000_010)).unwrap()
    }

    #[test]
    fn a_completed_job_names_the_url_of_its_results() {
        assert_eq!(
            text(JobState::Completed),
            "{\"created_at\": 1700000000, \"download_url\": \"https://d/\", \"failed_count\": 1, \"finished_at\": 1700000009, \
             \"job_id\": \"job_018c0000000000112233445566778899aabbccddeeff\", \"request_id\": \"c298c805\", \
             \"results_count\": 2, \"status\": \"completed\", \"timestamp\": 1700000010}"
        );
    }

    #[test]
    fn json_is_written_as_python_writes_it() {
        // What json.dumps of Python 3.11 writes.
        let value = json!({
            "b": [1, "é\u{1f600}\u{7f}\u{1}\"\\\n/", true, null, [], {}],
            "a": {"é": -1, "e": "\u{8}\u{c}\u{2028}"}
        });
        let text = String::from_utf8(dumps(&value)).unwrap();
        assert_eq!(
            text,
            "{\"a\": {\"e\": \"\\b\\f\\u2028\", \"\\u00e9\": -1}, \"b\": [1, \
             \"\\u00e9\\ud83d\\ude00\\u007f\\u0001\\\"\\\\\\n/\", true, null, [], {}]}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_failed_job_says_why() {
        let text = text(JobState::Failed);
        let error = "\"error\": {\"error_code\": \"PROCESSING_ERROR\", \"message\": \"None of the job's 3 pictures gave a \
                     result. The first: It is damaged.\"}";
        assert!(text.contains(error), "{text}");
        assert!(!text.contains("download_url"), "{text}");
    }

    #[test]
    fn pictures_that_failed_for_different_reasons_get_the_general_code() {
        let first = ItemError { code: "URL_TIMEOUT".into(), message: "Late.".into() };
        assert_eq!(failure(&first, false, 2).0, "PROCESSING_ERROR");
        assert_eq!(failure(&first, true, 1), ("URL_TIMEOUT".to_owned(), "Late.".to_owned()));
    }
}
