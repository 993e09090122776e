//! Downloads a job's results: `GET /jobs/{id}/results.zip` and `GET /jobs/{id}/results/{n}/card`, with a signed link or
//! the bare path. Both stream from the blob store and support ranges.

use std::ops::Range;

use actix_web::body::{BodySize, SizedStream};
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_observability::{DOWNLOADS, Event};
use huemill_store::blobs::BlobError;
use huemill_store::job::{ItemState, Job};
use huemill_store::steady_clock::SteadyClock;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::links::LinkCheck;
use super::results_archive;
use crate::http::access::Identity;
use crate::http::body_stream::HeadBody;
use crate::http::context;
use crate::http::etag::ETag;
use crate::http::problem::Problem;
use crate::http::range::RangeRequest;
use crate::http::state::Jobs;

/// All results in one ZIP.
pub(super) async fn results(
    request: HttpRequest,
    path: Path<String>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let job = authorized_job(&request, &path, &jobs).await?;
    if !job.state.has_ended() {
        return Err(Fault::new(Code::NotFound)
            .with_message("The job has not ended yet. Its results can be downloaded when it has.")
            .into());
    }
    let file = DownloadFile {
        etag: ETag::new(format_args!("{}-zip", job.version)),
        media_type: "application/zip".into(),
        disposition: format!("attachment; filename=\"{}.zip\"", job.id),
        kind: DOWNLOADS[0],
    };
    if file.etag.matches(&request) {
        return Ok(file.etag.not_modified());
    }
    let (zip, blobs) = (results_archive::of(&jobs.repository, &job).await?, jobs.repository.blobs.clone());
    let bytes = |range| jobs.repository.stream(zip.stream(&blobs, range));
    Ok(file.respond(&request, &jobs, &job, zip.len(), bytes).await?)
}

/// One card.
pub(super) async fn card(
    request: HttpRequest,
    path: Path<(String, String)>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let (id, number) = path.into_inner();
    let job = authorized_job(&request, &id, &jobs).await?;
    let no_card = "The job has no such card. Its results list the cards it has.";
    let no_card = || Fault::new(Code::NotFound).with_message(no_card);
    let number = number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u32 = number.filter(|number| *number < job.total).ok_or_else(no_card)?;
    let item = jobs.repository.store.items(&job.id, number, 1).await?.pop();
    let item = item.filter(|item| item.number == number && item.state == ItemState::Done);
    let (name, card) = item.and_then(|item| Some((item.name, item.result?.card))).ok_or_else(no_card)?;
    let file = DownloadFile {
        etag: ETag::new(format_args!("{:08x}-{}", card.crc32, card.length)),
        disposition: inline_disposition(&results_archive::card_name(&name, &card.media_type)),
        media_type: card.media_type,
        kind: DOWNLOADS[1],
    };
    if file.etag.matches(&request) {
        return Ok(file.etag.not_modified());
    }
    let blobs = jobs.repository.blobs.clone();
    let bytes = |range| jobs.repository.stream(blobs.stream(card.key, Some(range)));
    Ok(file.respond(&request, &jobs, &job, card.length, bytes).await?)
}

/// The job, if the request has a valid link or none at all.
async fn authorized_job(request: &HttpRequest, id: &str, jobs: &Jobs) -> Result<Job, Fault> {
    let now = SteadyClock::of_process().seconds();
    let context = context::of(request);
    let link = jobs.links.check(request.path(), request.query_string(), now);
    match link.refusal() {
        None if link == LinkCheck::Valid => jobs.find(id, &Identity::Operator).await,
        None => jobs.find(id, context.identity()).await,
        Some((reason, cause)) => {
            jobs.recorder.record(Event::AuthFailed { reason });
            Err(Fault::new(Code::ExpiredLink).with_cause(cause))
        }
    }
}

/// The characters of a name that are percent-encoded.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// A `Content-Disposition` with the name in ASCII for old browsers (RFC 6266, appendix D) and unchanged for all others
/// (RFC 8187).
fn inline_disposition(name: &str) -> String {
    let is_plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ' ' | '(' | ')');
    let ascii: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let encoded = utf8_percent_encode(name, &ENCODED);
    format!("inline; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// A file to download.
struct DownloadFile {
    etag: ETag,
    media_type: String,
    disposition: String,
    kind: &'static str,
}

impl DownloadFile {
    /// The whole file, or the range that the request asks for. Its first bytes are read before the response starts, so
    /// that an unreadable file is an error and not a body that is cut short.
    async fn respond<S>(
        self,
        request: &HttpRequest,
        jobs: &Jobs,
        job: &Job,
        length: u64,
        bytes: impl FnOnce(Range<u64>) -> S,
    ) -> Result<HttpResponse, Fault>
    where
        S: Stream<Item = Result<Bytes, BlobError>> + 'static,
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
        builder.content_type(self.media_type).insert_header((ACCEPT_RANGES, "bytes"));
        builder.insert_header((ETAG, self.etag.header_value()));
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
        let mut bytes = bytes(range).map(|chunk| chunk.map_err(Fault::from)).boxed_local();
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
    let mut response = Problem(Fault::new(Code::RangeNotSatisfiable).with_message(message)).into_response();
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
            inline_disposition("my photo.png"),
            "inline; filename=\"my photo.png\"; filename*=UTF-8''my%20photo.png"
        );
        let hostile = inline_disposition("ü\"\r\n;\u{202e}x.png");
        assert!(HeaderValue::from_str(&hostile).is_ok(), "{hostile}");
        assert!(hostile.starts_with("inline; filename=\"_____"), "{hostile}");
    }
}
