//! A file that a client downloads: its headers, its ranges, and its bytes, which stream from the blob store. Its first
//! bytes are read before the response starts, so that an unreadable file is an error and not a body that is cut short.

use std::ops::Range;

use actix_web::body::{BodySize, SizedStream};
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, HeaderValue, LAST_MODIFIED,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_observability::Event;
use huemill_store::blobs::BlobError;
use huemill_store::job::Job;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::job_picture;
use crate::http::body_stream::HeadBody;
use crate::http::etag::{self, ETag};
use crate::http::problem::Problem;
use crate::http::range::RangeRequest;
use crate::http::state::Jobs;

/// The characters of a name that are percent-encoded.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// A `Content-Disposition` with the name in ASCII for old browsers (RFC 6266, appendix D) and unchanged for all others
/// (RFC 8187).
pub(super) fn named(disposition: &str, name: &str) -> String {
    let is_plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ' ' | '(' | ')');
    let ascii: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let encoded = utf8_percent_encode(name, &ENCODED);
    format!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// A file to download.
pub(super) struct DownloadFile {
    /// Its strong tag.
    pub etag: ETag,
    /// When it was made (Unix seconds).
    pub modified: i64,
    /// Its `Content-Type`.
    pub media_type: String,
    /// Its `Content-Disposition`.
    pub disposition: String,
    /// Its `Cache-Control`, if the client may keep it.
    pub cache_control: Option<String>,
    /// Its label in the metrics.
    pub kind: &'static str,
}

impl DownloadFile {
    /// 304 if the client has the file.
    ///
    /// # Errors
    /// `PRECONDITION_FAILED` if the request is meant for another version.
    pub(super) fn not_modified(&self, request: &HttpRequest) -> Result<Option<HttpResponse>, Fault> {
        etag::check_preconditions(request, std::slice::from_ref(&self.etag), Some(self.modified))?;
        Ok(self.etag.matches(request).then(|| {
            let mut response = self.etag.not_modified();
            if let Some(value) = self.cache_control_value() {
                response.headers_mut().insert(CACHE_CONTROL, value);
            }
            response
        }))
    }

    fn cache_control_value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(self.cache_control.as_deref()?).ok()
    }

    /// The whole file, or the range that the request asks for. `open` opens a range of the file.
    pub(super) async fn respond<S>(
        self,
        request: &HttpRequest,
        jobs: &Jobs,
        job: &Job,
        length: u64,
        open: impl Fn(Range<u64>) -> S + Send + 'static,
    ) -> Result<HttpResponse, Fault>
    where
        S: Stream<Item = Result<Bytes, BlobError>> + Send + 'static,
    {
        let requested = if self.etag.allows_range(request) && request.method() == Method::GET {
            RangeRequest::of(request.headers(), length)
        } else {
            RangeRequest::Whole
        };
        let (status, range) = match requested {
            RangeRequest::Whole => (StatusCode::OK, 0..length),
            RangeRequest::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
            RangeRequest::Unsatisfiable => return Ok(unsatisfiable(length)),
        };
        let mut builder = HttpResponse::build(status);
        if let Some(value) = self.cache_control_value() {
            builder.insert_header((CACHE_CONTROL, value));
        }
        builder.content_type(self.media_type).insert_header((ACCEPT_RANGES, "bytes"));
        builder.insert_header((ETAG, self.etag.header_value()));
        builder.insert_header((LAST_MODIFIED, etag::http_date(self.modified)));
        let disposition = HeaderValue::from_str(&self.disposition);
        let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
        builder.insert_header((CONTENT_DISPOSITION, disposition));
        if status == StatusCode::PARTIAL_CONTENT {
            let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            builder.insert_header((CONTENT_RANGE, content_range));
        }
        if request.method() == Method::HEAD {
            return Ok(builder.body(HeadBody(BodySize::Sized(length))));
        }
        let (start, size) = (range.start, range.end - range.start);
        let bytes = jobs.repository.stream(range, open);
        let mut bytes =
            job_picture::blob_of_job(jobs.repository.clone(), job.id.clone(), bytes).boxed_local();
        let first = bytes.next().await.transpose()?;
        if start == 0 {
            jobs.recorder.record(Event::ResultsDownloaded { kind: self.kind });
            jobs.mark_fetched(job);
        }
        Ok(builder.body(SizedStream::new(size, stream::iter(first.map(Ok)).chain(bytes))))
    }
}

/// The response to a range outside of a file of `length` bytes.
fn unsatisfiable(length: u64) -> HttpResponse {
    let message = format!("The file has {length} bytes. Ask for a range within them.");
    let mut response = Problem(Fault::new(Code::RangeNotSatisfiable).with_detail(message)).into_response();
    let content_range = HeaderValue::from_str(&format!("bytes */{length}"));
    response
        .headers_mut()
        .insert(CONTENT_RANGE, content_range.unwrap_or(HeaderValue::from_static("bytes */0")));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_a_valid_header() {
        assert_eq!(
            named("inline", "my photo.png"),
            "inline; filename=\"my photo.png\"; filename*=UTF-8''my%20photo.png"
        );
        let hostile = named("attachment", "ü\"\r\n;\u{202e}x.png");
        assert!(HeaderValue::from_str(&hostile).is_ok(), "{hostile}");
        assert!(hostile.starts_with("attachment; filename=\"_____"), "{hostile}");
    }
}
