//! Cross-origin answers, on every response, errors included.
//!
//! Ours and not a library's: the contract wants 204 preflights, headers on framework errors and no refusal of
//! strangers' origins (they just get no header), which the usual middleware does otherwise.

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

/// Which origins may read answers.
#[derive(Debug, Clone)]
pub(crate) struct Cors {
    any: bool,
    origins: Vec<String>,
}

impl Cors {
    /// Origins as configured; `*` among them allows any.
    #[must_use]
    pub(crate) fn new(origins: &[String]) -> Self {
        Self { any: origins.iter().any(|origin| origin == "*"), origins: origins.to_vec() }
    }

    /// Headers for an answer to a request with these headers.
    pub(crate) fn mark(&self, request: &HeaderMap, response: &mut HeaderMap) {
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

    /// The answer to a preflight. [`Cors::mark`] adds the origin, as on every answer.
    #[must_use]
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
