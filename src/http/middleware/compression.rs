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
const ROUTES: [&str; 6] = [
    route::PROCESS.path,
    route::PROCESS_ZIP.path,
    route::FETCH_URL.path,
    route::METRICS.path,
    route::HEALTH.path,
    route::READY.path,
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

/// A body that is compressed as it is sent, one chunk at a time. Chunks are small, so a thread that serves other clients
/// too is not busy with one of them for long.
struct GzipBody {
    body: BoxBody,
    /// `None` once the end was written.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl GzipBody {
    fn new(body: BoxBody) -> Self {
        Self { body, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }

    /// Compresses a chunk. What it becomes is sent at once, because the next one may take long.
    fn write(&mut self, chunk: &[u8]) -> std::io::Result<Vec<u8>> {
        let Some(encoder) = &mut self.encoder else { return Ok(Vec::new()) };
        encoder.write_all(chunk)?;
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
        let bytes = match ready!(Pin::new(&mut self.body).poll_next(task)) {
            Some(Ok(chunk)) => self.write(&chunk),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => self.encoder.take().map_or(Ok(Vec::new()), GzEncoder::finish),
        };
        Poll::Ready(Some(bytes.map(Bytes::from).map_err(Into::into)))
    }
}
