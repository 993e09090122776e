//! The webhook that the service sends when a job ends. Its headers and its answers are those of the delivery actor.

use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, HttpMethod, PathItem, Paths, PathsBuilder, Required, Response};

use super::examples;
use super::parameters::of_webhook;
use super::shapes::named;

const DESCRIPTION: &str = "Sent to the job's `callback_url` when the job ends: one delivery a job, as many attempts as it \
    takes, in order for each job. A receiver may get it more than once; `webhook-id` tells. Each signature is over exactly \
    the bytes of the body, which are what Python's `json.dumps(body, sort_keys=True)` writes.";

const HEADERS: [(&str, &str, &str); 8] = [
    ("User-Agent", "The service and its version.", "Huemill-Webhook/0.1.0"),
    ("X-Authed", "Always `true`.", "true"),
    ("X-Timestamp", "When this attempt was made, in Unix seconds.", "1700000010"),
    ("X-Request-Id", "The id of the request that created the job.", "c298c805"),
    (
        "X-Signature",
        "`sha256=` and the HMAC-SHA256 of the body in hex. The key is the webhook secret as it is written.",
        "sha256=884d7aa132f6ef31d5d588fad37207c8d16c43efe88571613fea661d1a884173",
    ),
    (
        "webhook-id",
        "The id of the delivery, the same in all attempts (Standard Webhooks).",
        "dlv_018c0000000000112233445566778899aabbccddeeff",
    ),
    ("webhook-timestamp", "When this attempt was made, in Unix seconds (Standard Webhooks).", "1700000010"),
    (
        "webhook-signature",
        "`v1,` and the HMAC-SHA256 in base64 of id, timestamp and body with dots between them (Standard Webhooks). The key \
         is what `whsec_` in the webhook secret decodes to. While a secret is replaced, there are two, with a space between.",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
];

/// All webhooks.
pub(super) fn all() -> Paths {
    let content = ContentBuilder::new().schema(Some(named("WebhookBody"))).example(Some(examples::webhook()));
    let body = RequestBodyBuilder::new()
        .description(Some("How the job ended."))
        .required(Some(Required::True))
        .content("application/json", content.build());
    let headers = HEADERS.map(|(name, description, example)| of_webhook(name, description, example));
    let operation = OperationBuilder::new()
        .operation_id(Some("jobEnded"))
        .tag("webhooks")
        .summary(Some("A job has ended"))
        .description(Some(DESCRIPTION))
        .parameters(Some(headers))
        .request_body(Some(body.build()))
        .response("2XX", Response::new("Acknowledges the delivery. The body is not used."))
        .response("410", Response::new("Disables the delivery: it is dead, and not tried again."))
        .response(
            "429",
            Response::new("The delivery is tried again, not before `Retry-After` if that is there."),
        )
        .response(
            "default",
            Response::new(
                "The delivery is tried again later, redirects included. After the last attempt it \
            is dead, and an operator can have it sent again.",
            ),
        );
    PathsBuilder::new().path("jobEnded", PathItem::new(HttpMethod::Post, operation)).build()
}
