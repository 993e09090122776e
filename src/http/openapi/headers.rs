//! The headers of answers. Each is described once, among the components, and answers refer to it.

use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{ObjectBuilder, Ref};

use super::shapes::{count, pattern, text, words};

/// A header: its name, whether an answer that lists it always has it, its shape, an example and what it says.
type Row = (&'static str, bool, fn() -> ObjectBuilder, &'static str, &'static str);

const ROWS: [Row; 16] = [
    (
        "X-Request-Id",
        true,
        || pattern("^[A-Za-z0-9._-]{8,64}$"),
        "c298c805",
        "The id of this request, which is in the log too: the one that was sent, if it is usable.",
    ),
    ("Cache-Control", true, text, "no-store", "Who may keep the answer, and for how long."),
    (
        "ETag",
        true,
        || pattern("^\"[^\"]+\"$"),
        "\"7\"",
        "The strong tag of this version. It changes exactly when the body does.",
    ),
    (
        "Retry-After",
        false,
        || count(1),
        "2",
        "Seconds after which to ask again. A job that has ended has none.",
    ),
    (
        "Location",
        true,
        text,
        "/jobs/job_018c0000000000112233445566778899aabbccddeeff",
        "The path of the new job.",
    ),
    (
        "Idempotency-Replayed",
        false,
        || words(["true"]),
        "true",
        "Present if the request was received before: the answer is about the first job.",
    ),
    (
        "RateLimit",
        false,
        text,
        "\"default\";r=0;t=30",
        "The limit that was reached: what is left of it and, for a rate, the seconds until it is free again.",
    ),
    (
        "RateLimit-Policy",
        false,
        text,
        "\"default\";q=100;w=60",
        "The limit itself: its quota, its unit and, for a rate, its window in seconds.",
    ),
    ("Content-Disposition", true, text, "attachment; filename=\"results.zip\"", "How to save the file."),
    (
        "Content-Range",
        true,
        || pattern("^bytes (\\d+-\\d+|\\*)/\\d+$"),
        "bytes 0-99/1000",
        "Which bytes of the file these are, or how many it has.",
    ),
    ("Accept-Ranges", true, || words(["bytes"]), "bytes", "Ranges of bytes can be asked for."),
    ("Last-Modified", true, text, "Wed, 21 Oct 2015 07:28:00 GMT", "When the file was made."),
    ("WWW-Authenticate", true, text, "Bearer realm=\"huemill\"", "How to authenticate."),
    ("Vary", false, text, "Accept", "The request headers on which the answer depends."),
    ("Content-Encoding", false, || words(["gzip"]), "gzip", "Present if the answer is compressed."),
    ("X-Accel-Buffering", true, || words(["no"]), "no", "Tells proxies not to hold events back."),
];

/// The headers of every answer.
pub(super) const EVERYWHERE: [&str; 2] = ["X-Request-Id", "Cache-Control"];

/// A reference to the header of this name.
pub(super) fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Adds all headers.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    ROWS.iter().fold(components, |components, row| components.header(row.0, describe(row)))
}

fn describe(&(_, always, shape, example, description): &Row) -> Header {
    let example = example.parse::<u64>().map_or_else(|_| example.into(), Into::into);
    let header =
        HeaderBuilder::new().schema(Some(shape())).description(Some(description)).example(Some(example));
    // utoipa has no member for it.
    let required = always.then(|| Extensions::from_iter([("required", true)]));
    header.extensions(required).build()
}
