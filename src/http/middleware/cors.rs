//! Adds cross-origin (CORS) headers to every response, errors included.
//!
//! No library does this, because the contract wants 204 for preflight requests, headers on the framework's own errors,
//! and no refusal of unknown origins: they just get no header.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Authorization, X-Request-Id, Idempotency-Key, If-None-Match, X-Timestamp, X-Signature, \
     traceparent, tracestate, Last-Event-ID",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Retry-After, X-Request-Id, Location, Idempotency-Replayed, RateLimit, RateLimit-Policy",
);
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Which origins may read responses.
#[derive(Debug, Clone)]
pub(crate) struct Cors {
    any: bool,
    origins: Vec<String>,
}

impl Cors {
    /// The configured origins; `*` among them allows any.
    pub(crate) fn new(origins: &[String]) -> Self {
        Self { any: origins.iter().any(|origin| origin == "*"), origins: origins.to_vec() }
    }

    /// Adds the headers of a response to a request with the headers `request`.
    pub(crate) fn add_headers(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.any {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        } else {
            response.append(header::VARY, HeaderValue::from(header::ORIGIN));
            let Some(origin) = request.get(header::ORIGIN).filter(|origin| self.allows(origin)) else {
                return;
            };
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    /// The response to a preflight request. [`Cors::add_headers`] adds the origin, as to every response.
    pub(crate) fn preflight(allow: &'static str) -> HttpResponse {
        HttpResponse::NoContent()
            .insert_header((header::ALLOW, allow))
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
            .finish()
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())
    }
}
