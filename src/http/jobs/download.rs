//! What is taken home of a job: `GET /jobs/{id}/results.zip` and `GET /jobs/{id}/results/{n}/card`. By the link's own
//! signature, or by the bare path, as the job itself. Streamed from the blobs; a range of it can be asked for.

use std::fmt::Write;
use std::ops::Range;

use actix_web::body::SizedStream;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use huemill_observability::{DOWNLOADS, Event};
use huemill_store::blobs::BlobError;
use huemill_store::job::{ItemState, Job};

use super::{archive, fetched, find};
use crate::http::answer::Hollow;
use crate::http::doors::Doors;
use crate::http::etag::ETag;
use crate::http::problem::Problem;
use crate::http::range::Wish;
use crate::http::steady_now;

/// All results in one file.
pub(super) async fn results(
    request: HttpRequest,
    path: Path<String>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let job = permitted(&request, &path, &doors).await?;
    if !job.state.has_ended() {
        return Err(Fault::new(Code::NotFound)
            .with_message("The job has not ended yet. Its results can be downloaded when it has.")
            .into());
    }
    let file = File {
        etag: ETag::new(format_args!("{}-zip", job.version)),
        media_type: "application/zip".into(),
        disposition: format!("attachment; filename=\"{}.zip\"", job.id),
        kind: DOWNLOADS[0],
    };
    if file.etag.is_held(request.headers()) {
        return Ok(file.not_modified());
    }
    let (zip, blobs) = (archive::of(&doors.repository, &job).await?, doors.repository.blobs.clone());
    let bytes = |range| doors.repository.stream(zip.stream(&blobs, range));
    Ok(file.answer(&request, &doors, &job, zip.len(), bytes).await?)
}

/// One card.
pub(super) async fn card(
    request: HttpRequest,
    path: Path<(String, String)>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let (job, number) = path.into_inner();
    let job = permitted(&request, &job, &doors).await?;
    let nothing = || {
        Fault::new(Code::NotFound).with_message("The job has no such card. Its results name those it has.")
    };
    let number = number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u32 = number.filter(|number| *number < job.total).ok_or_else(nothing)?;
    let item = doors.repository.store.items(&job.id, number, 1).await?.pop();
    let item = item.filter(|item| item.number == number && item.state == ItemState::Done);
    let (name, card) = item.and_then(|item| Some((item.name, item.result?.card))).ok_or_else(nothing)?;
    let file = File {
        etag: ETag::new(format_args!("{:08x}-{}", card.crc32, card.length)),
        disposition: inline(&archive::card_name(&name, &card.media_type)),
        media_type: card.media_type,
        kind: DOWNLOADS[1],
    };
    if file.etag.is_held(request.headers()) {
        return Ok(file.not_modified());
    }
    let blobs = doors.repository.blobs.clone();
    let bytes = |range| doors.repository.stream(blobs.stream(card.key, Some(range)));
    Ok(file.answer(&request, &doors, &job, card.length, bytes).await?)
}

/// The job, for whoever has a link that holds or none at all.
async fn permitted(request: &HttpRequest, id: &str, doors: &Doors) -> Result<Job, Fault> {
    let link = doors.links.check(request.path(), request.query_string(), steady_now());
    if let Some(reason) = link.reason() {
        doors.recorder.record(Event::AuthFailed { reason });
    }
    link.verdict()?;
    find(doors, id).await
}

/// A name for a browser: for old ones in ASCII (RFC 6266, appendix D), for all others as it is (RFC 8187).
fn inline(name: &str) -> String {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ' ' | '(' | ')');
    let ascii: String = name.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect();
    let mut coded = String::new();
    for byte in name.bytes() {
        match byte {
            b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => coded.push(char::from(byte)),
            _ => {
                let _ = write!(coded, "%{byte:02X}");
            }
        }
    }
    format!("inline; filename=\"{ascii}\"; filename*=UTF-8''{coded}")
}

/// A file to be downloaded.
struct File {
    etag: ETag,
    media_type: String,
    disposition: String,
    kind: &'static str,
}

impl File {
    fn not_modified(&self) -> HttpResponse {
        let mut response = HttpResponse::NotModified().finish();
        response.headers_mut().insert(ETAG, self.etag.header_value());
        response
    }

    /// The file or the range of it that was asked for. Its first bytes are read before the answer begins, so that a
    /// file that cannot be read is an error and not an answer that breaks off.
    async fn answer<S>(
        self,
        request: &HttpRequest,
        doors: &Doors,
        job: &Job,
        length: u64,
        bytes: impl FnOnce(Range<u64>) -> S,
    ) -> Result<HttpResponse, Fault>
    where
        S: Stream<Item = Result<Bytes, BlobError>> + 'static,
    {
        let wish = if self.etag.allows_range(request.headers()) && request.method() == Method::GET {
            Wish::of(request.headers(), length)
        } else {
            Wish::All
        };
        let (status, range) = match wish {
            Wish::All => (StatusCode::OK, 0..length),
            Wish::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
            Wish::Beyond => {
                let told = format!("The file has {length} bytes: ask for some of those.");
                let fault = Fault::new(Code::RangeNotSatisfiable).with_message(told);
                let mut response = Problem(fault).into_response();
                let place = HeaderValue::from_str(&format!("bytes */{length}"));
                response
                    .headers_mut()
                    .insert(CONTENT_RANGE, place.unwrap_or(HeaderValue::from_static("bytes */0")));
                return Ok(response);
            }
        };
        let mut builder = HttpResponse::build(status);
        builder.content_type(self.media_type).insert_header((ACCEPT_RANGES, "bytes"));
        builder.insert_header((ETAG, self.etag.header_value()));
        let disposition = HeaderValue::from_str(&self.disposition);
        builder.insert_header((
            CONTENT_DISPOSITION,
            disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment")),
        ));
        if status == StatusCode::PARTIAL_CONTENT {
            let place = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            builder.insert_header((CONTENT_RANGE, place));
        }
        if request.method() == Method::HEAD {
            return Ok(builder.body(Hollow::of(length)));
        }
        let (start, size) = (range.start, range.end - range.start);
        let mut bytes = bytes(range).map(|chunk| chunk.map_err(Fault::from)).boxed_local();
        let first = bytes.next().await.transpose()?;
        if start == 0 {
            doors.recorder.record(Event::ResultsDownloaded { kind: self.kind });
            fetched::note(job, doors);
        }
        Ok(builder.body(SizedStream::new(size, stream::iter(first.map(Ok)).chain(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_into_the_header_whatever_it_holds() {
        assert_eq!(
            inline("my photo.png"),
            "inline; filename=\"my photo.png\"; filename*=UTF-8''my%20photo.png"
        );
        let hostile = inline("ü\"\r\n;\u{202e}x.png");
        assert!(HeaderValue::from_str(&hostile).is_ok(), "{hostile}");
        assert!(hostile.starts_with("inline; filename=\"_____"), "{hostile}");
    }
}
