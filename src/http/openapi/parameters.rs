//! The parameters of operations: in the path, in the query and in headers.

use huemill_imaging::Export;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required};

use super::fields::{self, Field};
use super::shapes::{count, named, pattern, text, whole, words};

/// An id of a job, as examples show it.
pub(super) const JOB_ID: &str = "job_018c0000000000112233445566778899aabbccddeeff";

fn parameter(name: &str, place: ParameterIn, shape: ObjectBuilder, description: &str) -> ParameterBuilder {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(shape))
}

fn path(name: &str, shape: ObjectBuilder, description: &str, example: &str) -> Parameter {
    let example = example.parse::<u64>().map_or_else(|_| example.into(), Into::into);
    parameter(name, ParameterIn::Path, shape, description).example(Some(example)).build()
}

fn query(name: &str, shape: ObjectBuilder, description: &str) -> Parameter {
    parameter(name, ParameterIn::Query, shape, description).build()
}

fn header(name: &str, shape: ObjectBuilder, description: &str, example: &str) -> Parameter {
    parameter(name, ParameterIn::Header, shape, description).example(Some(example.into())).build()
}

/// What every operation reads.
pub(super) fn everywhere() -> Parameter {
    let text = "An id for this request, in the answer and in the log. One that is not usable is replaced. In a signed \
                request it is the nonce.";
    header("X-Request-Id", pattern("^[A-Za-z0-9._-]{8,64}$"), text, "c298c805")
}

pub(super) fn job_id() -> Parameter {
    path("id", text(), "The id of the job.", JOB_ID)
}

pub(super) fn number() -> Parameter {
    path("n", count(0), "The picture's position in the job: its `index`.", "0")
}

pub(super) fn palette_file() -> Parameter {
    let files = Export::ALL.map(|export| format!("palette.{}", export.extension()));
    path("palette", words(files.iter().map(String::as_str)), "The file's name.", "palette.css")
}

pub(super) fn link_id() -> Parameter {
    path("link_id", text(), "The id of the link, which the job's body has.", "etwP_lKn0bPz")
}

pub(super) fn delivery_id() -> Parameter {
    let example = "dlv_018c0000000000112233445566778899aabbccddeeff";
    path("id", text(), "The id of the delivery: the `webhook-id` of its webhook.", example)
}

pub(super) fn key_id() -> Parameter {
    path("id", text(), "The id of the key.", "4fTq8Zb1Xc0P")
}

fn of_fields(fields: Vec<Field>) -> Vec<Parameter> {
    let described = |(name, schema, description): Field| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(schema))
            .build()
    };
    fields.into_iter().map(described).collect()
}

/// The options of pictures.
pub(super) fn options() -> Vec<Parameter> {
    of_fields(fields::options())
}

/// The options of pictures, and that of palettes.
pub(super) fn options_and_export() -> Vec<Parameter> {
    of_fields([fields::options(), vec![fields::export()]].concat())
}

/// The fields of jobs and the options of pictures.
pub(super) fn job_fields() -> Vec<Parameter> {
    [of_fields(fields::of_jobs()), options()].concat()
}

/// The parameters of lists.
pub(super) fn page() -> [Parameter; 2] {
    [
        query("limit", whole(1, 200), "Maximum number of rows (1–200). The default is 50."),
        query("cursor", text(), "The `next_cursor` of the page before."),
    ]
}

/// The window of a job's pictures.
pub(super) fn window() -> [Parameter; 2] {
    [
        query("from", count(0), "The index of the first picture of the window. The default is 0."),
        query("limit", whole(1, 100), "Maximum number of pictures in the window (1–100). The default is 50."),
    ]
}

/// A filter by one of the words of this schema.
pub(super) fn filter(name: &str, schema: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(named(schema)))
        .build()
}

pub(super) fn job_filter() -> Parameter {
    query("job_id", text(), "Filter by job.")
}

pub(super) fn cards() -> Parameter {
    let text = "How the body has the cards: as data: URLs, for up to 20 results, or as links. Without it, up to 5 are data: \
                URLs.";
    query("cards", words(["inline", "url"]), text)
}

pub(super) fn disposition() -> Parameter {
    query(
        "disposition",
        words(["attachment", "inline"]),
        "Whether a browser saves the card (the default) or shows it.",
    )
}

/// The signature of links of the old form.
pub(super) fn old_link() -> [Parameter; 2] {
    let text_of = |what| format!("{what} of a link of the old form. Nothing makes such links any more.");
    [
        query("expires", count(0), &text_of("The expiry time")),
        query("signature", text(), &text_of("The signature")),
    ]
}

pub(super) fn idempotency_key() -> Parameter {
    let text = "A key of your own for this job, 1 to 255 visible ASCII characters. A second request with the same key and \
                body creates no second job.";
    header("Idempotency-Key", pattern("^[!-~]{1,255}$"), text, "9f1b6c7e-order-1042")
}

/// The conditions of requests that read.
pub(super) fn conditions() -> [Parameter; 2] {
    [
        header(
            "If-None-Match",
            text(),
            "The tags that you have. If one is current, the answer is 304.",
            "\"7\"",
        ),
        if_match(),
    ]
}

/// The condition of requests that change a job.
pub(super) fn if_match() -> Parameter {
    header(
        "If-Match",
        text(),
        "The tags that the request is meant for. If none is current, the answer is 412.",
        "\"7\"",
    )
}

/// The parts of a file.
pub(super) fn ranges() -> [Parameter; 2] {
    [
        header("Range", text(), "The bytes that you want: one range.", "bytes=0-99"),
        header(
            "If-Range",
            text(),
            "The tag that the range belongs to; with another one, you get the whole file.",
            "\"7\"",
        ),
    ]
}

pub(super) fn last_event_id() -> Parameter {
    header("Last-Event-ID", text(), "The id of the last event that you have; you get newer ones.", "7")
}

/// The headers of signed requests, beside `X-Request-Id` and `X-Signature`.
pub(super) fn timestamp() -> Parameter {
    header("X-Timestamp", text(), "Of a signed request: the time in Unix seconds.", "1700000000")
}

/// A required header of a webhook.
pub(super) fn of_webhook(name: &str, description: &str, example: &str) -> Parameter {
    parameter(name, ParameterIn::Header, text(), description)
        .required(Required::True)
        .example(Some(example.into()))
        .build()
}
