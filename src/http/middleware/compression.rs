//! Compresses responses with gzip for clients that accept it: JSON without secrets, and metrics. Never an archive or a
//! picture, which are compressed, and never what has links or ids of jobs in it: whoever can see the length of such a
//! response, and have something of his own in it, could guess them (BREACH).

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::http::accept;
use crate::http::body_stream::HeadBody;
use crate::http::route;

/// The routes whose responses have no secrets.
const ROUTES: [&str; 7] = [
    route::PROCESS.path,
    route::PROCESS_ZIP.path,
    route::FETCH_URL.path,
    route::METRICS.path,
    route::HEALTH.path,
    route::READY.path,
    route::OPENAPI.path,
];

/// Bodies of fewer bytes are not compressed: they fit into one packet anyway.
const MIN_BYTES: u64 = 1_024;

/// Compresses a response of this route if it may be and if the client accepts that.
pub(super) fn compress(
    mut response: HttpResponse<BoxBody>,
    request: &HeaderMap,
    method: &Method,
    endpoint: &str,
) -> HttpResponse<BoxBody> {
    let is_text = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
        [b"application/json".as_slice(), b"text/plain"].iter().any(|text| kind.as_bytes().starts_with(text))
    });
    if !ROUTES.contains(&endpoint) || !is_text || response.status() != StatusCode::OK {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let is_small = matches!(response.body().size(), BodySize::None | BodySize::Sized(..MIN_BYTES));
    if is_small || !accept::gzip(request) {
        return response;
    }
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let is_head = method == Method::HEAD;
    response.map_body(|_, body| {
        // The length of what a GET would get is not known.
        if is_head { BoxBody::new(HeadBody(BodySize::Stream)) } else { BoxBody::new(GzipBody::new(body)) }
    })
}

/// Bytes that are compressed before the thread serves others.
const SLICE: usize = 64 * 1024;

/// A body that is compressed as it is sent, one slice at a time. A body may come as one chunk of many megabytes, so the
/// thread turns to its other clients after each slice.
struct GzipBody {
    body: BoxBody,
    /// What is not compressed yet of the last chunk.
    rest: Bytes,
    /// Whether a slice was compressed since the thread last turned to others.
    has_worked: bool,
    /// `None` once the end was written.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl GzipBody {
    fn new(body: BoxBody) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            has_worked: false,
            encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }

    /// Compresses a slice. What it becomes is sent at once, because the next one may take long.
    fn write(&mut self, slice: &[u8]) -> std::io::Result<Vec<u8>> {
        let Some(encoder) = &mut self.encoder else { return Ok(Vec::new()) };
        encoder.write_all(slice)?;
        encoder.flush()?;
        Ok(std::mem::take(encoder.get_mut()))
    }
}

impl MessageBody for GzipBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.encoder.is_none() {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.has_worked) {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(task)) {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let end = self.encoder.take().map_or(Ok(Vec::new()), GzEncoder::finish);
                    return Poll::Ready(Some(end.map(Bytes::from).map_err(Into::into)));
                }
            }
        }
        let length = self.rest.len().min(SLICE);
        let slice = self.rest.split_to(length);
        self.has_worked = true;
        let bytes = self.write(&slice);
        Poll::Ready(Some(bytes.map(Bytes::from).map_err(Into::into)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::task::Waker;

    use flate2::read::GzDecoder;

    use super::*;

    /// The compressed pieces of a body, and how often the thread turned to others meanwhile.
    fn compressed(body: BoxBody) -> (Vec<Bytes>, usize) {
        let (mut body, mut pieces, mut turns) = (GzipBody::new(body), Vec::new(), 0);
        let mut task = Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut body).poll_next(&mut task) {
                Poll::Ready(Some(piece)) => pieces.push(piece.unwrap()),
                Poll::Ready(None) => return (pieces, turns),
                Poll::Pending => turns += 1,
            }
        }
    }

    #[test]
    fn the_thread_turns_to_others_after_each_slice_of_a_large_body() {
        for length in [0, 1, SLICE, SLICE + 1, 40 * SLICE - 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * at / 7) as u8).collect();
            let (pieces, turns) = compressed(BoxBody::new(bytes.clone()));
            let slices = length.div_ceil(SLICE);
            assert_eq!((pieces.len(), turns), (slices + 1, slices), "{length}");
            assert!(pieces.iter().all(|piece| !piece.is_empty()), "an empty chunk would end the answer");
            let mut plain = Vec::new();
            GzDecoder::new(pieces.concat().as_slice()).read_to_end(&mut plain).unwrap();
            assert!(plain == bytes, "{length}");
        }
    }
}
