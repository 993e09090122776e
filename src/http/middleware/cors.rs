//! Adds cross-origin (CORS) headers to every response, errors included.
//!
//! No library does this, because the contract wants 204 for preflight requests, headers on the framework's own errors,
//! and no refusal of unknown origins: they just get no header.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Retry-After, X-Request-Id, Location, Idempotency-Replayed, RateLimit, RateLimit-Policy, \
     Content-Disposition, Content-Range, Accept-Ranges",
);

/// The maximum number of request headers that a preflight response allows.
const MAX_REQUEST_HEADERS: usize = 32;
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Which origins may read responses.
#[derive(Debug, Clone)]
pub(crate) struct Cors {
    any: bool,
    origins: Vec<String>,
}

impl Cors {
    /// The configured origins; `*` among them allows any, and `https://*.example.com` all subdomains of one domain.
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

    /// The response to a preflight request with the headers `request`. [`Cors::add_headers`] adds the origin, as to every
    /// response.
    pub(crate) fn preflight(request: &HeaderMap, allow: &'static str) -> HttpResponse {
        let mut response = HttpResponse::NoContent();
        response
            .insert_header((header::ALLOW, allow))
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
            .append_header((header::VARY, header::ACCESS_CONTROL_REQUEST_HEADERS.as_str()));
        if let Some(names) = requested_headers(request) {
            response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, names));
        }
        response.finish()
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        self.origins.iter().any(|known| match known.split_once('*') {
            // The dot before the domain belongs to the pattern.
            Some((scheme, domain)) => origin
                .strip_prefix(scheme)
                .and_then(|host| host.strip_suffix(domain))
                .is_some_and(|subdomain| !subdomain.is_empty() && !subdomain.contains(['/', ':'])),
            None => known == origin,
        })
    }
}

/// The headers that a preflight request asks for, as far as they have valid names. Each is allowed: a list would cut off
/// front ends whose tracing adds its own, such as `baggage`, and would protect nothing, because browsers send no
/// credentials of their own.
fn requested_headers(request: &HeaderMap) -> Option<HeaderValue> {
    let lists = request.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).filter_map(|list| list.to_str().ok());
    let names =
        lists.flat_map(|list| list.split(',')).filter_map(|name| name.trim().parse::<HeaderName>().ok());
    let names: Vec<_> = names.take(MAX_REQUEST_HEADERS).map(|name| name.as_str().to_owned()).collect();
    HeaderValue::try_from(names.join(", ")).ok().filter(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_all_subdomains_and_nothing_else() {
        let cors = Cors::new(&["https://*.example.com".to_owned(), "http://*.test:8080".to_owned()]);
        for (origin, is_allowed) in [
            ("https://app.example.com", true),
            ("https://a.b.example.com", true),
            ("http://app.test:8080", true),
            ("https://example.com", false),
            ("https://.example.com", false),
            ("http://app.example.com", false),
            ("https://app.example.com:8443", false),
            ("https://evil.test:1/.example.com", false),
            ("https://evilexample.com", false),
            ("https://app.example.com.evil.test", false),
            ("null", false),
        ] {
            assert_eq!(cors.allows(&HeaderValue::from_static(origin)), is_allowed, "{origin}");
        }
    }

    #[test]
    fn what_a_preflight_request_asks_for_is_allowed_up_to_a_number_and_if_it_is_well_formed() {
        let allowed = |list: &str| {
            let mut request = HeaderMap::new();
            request.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::try_from(list).unwrap());
            requested_headers(&request).map(|names| names.to_str().unwrap().to_owned())
        };
        assert_eq!(allowed("x-api-key,baggage, Sentry-Trace").unwrap(), "x-api-key, baggage, sentry-trace");
        assert_eq!(allowed("a b, c(, , d").unwrap(), "d");
        assert_eq!(allowed(""), None);
        let many: Vec<_> = (0..40).map(|at| format!("x-{at}")).collect();
        assert_eq!(allowed(&many.join(",")).unwrap().split(", ").count(), 32);
    }
}
