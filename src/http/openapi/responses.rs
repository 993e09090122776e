//! The answers of operations: good ones with their headers and examples, and errors by status, with the codes that come
//! with each. An error's example is written by the code that writes real ones.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::reached_limit::{ReachedLimit, Unit};
use serde_json::{Value, json};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::schema::{ComponentsBuilder, Schema};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};

use super::headers::{EVERYWHERE, header};
use super::shapes::{file, named, text};
use crate::http::problem;
use crate::http::request_id::RequestId;

const PROBLEM: &str = "application/problem+json";

/// An answer without a body.
pub(super) fn empty(description: &str) -> ResponseBuilder {
    let response = ResponseBuilder::new().description(description);
    EVERYWHERE.iter().fold(response, |response, name| response.header_ref(*name, header(name)))
}

/// An answer in JSON.
pub(super) fn json(description: &str, schema: &str, example: Value) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(named(schema))).example(Some(example));
    empty(description).content("application/json", content.build())
}

/// An answer that is an object of this shape.
pub(super) fn object(response: ResponseBuilder, shape: ObjectBuilder) -> ResponseBuilder {
    let shape = shape.schema_type(Type::Object);
    let content = ContentBuilder::new().schema(Some(shape)).example(Some(json!({ "openapi": "3.1.0" })));
    response.content("application/json", content.build())
}

/// An answer that is a file of one of these types.
pub(super) fn files(response: ResponseBuilder, media_types: &[&str]) -> ResponseBuilder {
    let content = || ContentBuilder::new().schema(Some(Schema::from(file()))).build();
    media_types.iter().fold(response, |response, media_type| response.content(*media_type, content()))
}

/// An answer that is a text.
pub(super) fn plain(response: ResponseBuilder, media_type: &str, example: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Schema::from(text()))).example(Some(example.into()));
    response.content(media_type, content.build())
}

/// Adds headers to an answer.
pub(super) fn with_headers(response: ResponseBuilder, names: &[&str]) -> ResponseBuilder {
    names.iter().fold(response, |response, name| response.header_ref(*name, header(name)))
}

/// A link to an operation, with the value of each of its parameters.
pub(super) fn link(operation: &str, description: &str, parameters: &[(&str, &str)]) -> Link {
    let link = LinkBuilder::new().operation_id(operation).description(description);
    parameters.iter().fold(link, |link, (name, value)| link.parameter(*name, *value)).build()
}

/// The errors with these codes, by status.
pub(super) fn errors(codes: &[Code]) -> Vec<(u16, Response)> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(problem::status(*code).as_u16()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status, error(status, &codes))).collect()
}

fn error(status: u16, codes: &[Code]) -> Response {
    let words: Vec<_> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let examples = codes.iter().map(|code| {
        (code.as_str(), RefOr::<Example>::Ref(Ref::new(format!("#/components/examples/{}", code.as_str()))))
    });
    let content = ContentBuilder::new().schema(Some(named("Problem"))).examples_from_iter(examples);
    let response = empty(&format!("{}.", words.join(", "))).content(PROBLEM, content.build());
    let names: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        409 if codes.contains(&Code::IdempotencyInProgress) => &["Retry-After"],
        416 => &["Content-Range"],
        429 => &["Retry-After", "RateLimit", "RateLimit-Policy"],
        503 => &["Retry-After"],
        _ => &[],
    };
    with_headers(response, names).build()
}

/// Adds an example of each error.
pub(super) fn add_examples(components: ComponentsBuilder) -> ComponentsBuilder {
    // A method that a path does not have is no operation.
    let codes = Code::ALL.into_iter().filter(|code| *code != Code::MethodNotAllowed);
    codes.fold(components, |components, code| {
        let example = ExampleBuilder::new().summary(code.as_str()).value(Some(example_of(code)));
        components.example(code.as_str(), example.build())
    })
}

fn example_of(code: Code) -> Value {
    let mut fault = Fault::new(code);
    if code == Code::RateLimited {
        let window = Duration::from_secs(60);
        fault = fault.with_limit(ReachedLimit::rate("default", 100, Unit::Requests, window));
    }
    if matches!(code, Code::UrlTimeout | Code::UpstreamError) {
        fault.retryable = Some(true);
    }
    let Some(id) = RequestId::parse("c298c805") else { return Value::Null };
    let response = HttpResponse::new(problem::status(code));
    let response = problem::write(response, &fault, &id, Duration::from_secs(1_700_000_000));
    let bytes = response.into_body().try_into_bytes().unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({}))
}
