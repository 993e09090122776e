//! The OpenAPI document of the service: what each route takes and answers. It is put together once, from the tables of
//! routes, error codes and options and from descriptions beside them, and served at `/openapi.json`. The file
//! `docs/openapi.json` is the same document, which `huemill openapi` prints. Making it cannot fail; tests hold it to the
//! code and to real answers.

mod examples;
mod fields;
mod headers;
mod member_order;
mod operation;
mod operations;
mod parameters;
mod requests;
mod responses;
mod schemas;
mod security;
mod shapes;
mod webhooks;

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, ETAG, VARY};
use actix_web::web::{Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::delivery::hex;
use sha2::{Digest, Sha256};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContactBuilder, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server, Tag,
};

use super::accept;
use super::etag::ETag;
use super::resource::get;
use super::route;

/// The document in one line, as it is served.
static SERVED: LazyLock<Bytes> = LazyLock::new(|| member_order::forms_first(&document_text(), false).into());

const DESCRIPTION: &str = "Huemill turns pictures into palettes, smart crops and social cards.\n\n\
    Every error is a problem document (RFC 9457) with an `error_code`. A method that a path does not have is a 405 \
    (`METHOD_NOT_ALLOWED`) with `Allow`, a path that does not exist a 404 (`NOT_FOUND`). Requests that are not valid HTTP \
    get a bare 400, 408 or 431. HEAD answers as GET without the body, and OPTIONS is a preflight (204).\n\n\
    Every answer has the headers of CORS, `X-Content-Type-Options: nosniff`, `Referrer-Policy: no-referrer` and a \
    `Content-Security-Policy`. Answers may have more members and headers than this document names.";

/// The tags with what is under them, in alphabetical order.
const TAGS: [(&str, &str); 7] = [
    ("downloads", "Results of jobs."),
    ("jobs", "Work you don't want to wait for."),
    ("keys", "API keys. For the operator."),
    ("monitoring", "What probes, monitoring and tools read."),
    ("pictures", "Pictures while the client waits."),
    ("queue", "The queue and the processes that work on it. For the operator."),
    ("webhooks", "Deliveries of webhooks: those of a key's own jobs, or all of them for the operator."),
];

/// Registers the route, which every listener and every process has.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(get(route::OPENAPI, serve));
}

/// The document as a file: with indents, and a line's end after it.
pub(crate) fn file() -> String {
    member_order::forms_first(&document_text(), true) + "\n"
}

/// The document, or 304 if the client has it. Compressed, it is another representation with a tag of its own.
async fn serve(request: HttpRequest) -> HttpResponse {
    static DIGEST: LazyLock<String> = LazyLock::new(|| hex(&Sha256::digest(&*SERVED)[..16]));
    let suffix = if accept::gzip(request.headers()) { "-gzip" } else { "" };
    let etag = ETag::new(format_args!("{}{suffix}", *DIGEST));
    if etag.matches(&request) {
        let mut response = etag.not_modified();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, actix_web::http::header::HeaderValue::from_static("no-cache"));
        headers.insert(VARY, actix_web::http::header::HeaderValue::from_static("Accept-Encoding"));
        return response;
    }
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((ETAG, etag.header_value()))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(SERVED.clone())
}

fn document_text() -> String {
    document().to_json().unwrap_or_default()
}

fn document() -> OpenApi {
    let components = ComponentsBuilder::new();
    let components = [schemas::add, requests::add, headers::add, responses::add_examples, security::add]
        .into_iter()
        .fold(components, |components, add: fn(ComponentsBuilder) -> ComponentsBuilder| add(components));
    let tag =
        |(name, text): (&str, &str)| -> Tag { TagBuilder::new().name(name).description(Some(text)).build() };
    OpenApiBuilder::new()
        .info(info())
        // Relative to the document, so that it holds behind a proxy that adds a path.
        .servers(Some([Server::new(".")]))
        .tags(Some(TAGS.map(tag)))
        .paths(operations::paths())
        .webhooks(Some(webhooks::all()))
        .components(Some(components.build()))
        .build()
}

fn info() -> Info {
    let license = env!("CARGO_PKG_LICENSE");
    InfoBuilder::new()
        .title("Huemill")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .contact(Some(ContactBuilder::new().name(Some("The operators of this service")).build()))
        .license(Some(LicenseBuilder::new().name(license).identifier(Some(license)).build()))
        .build()
}
