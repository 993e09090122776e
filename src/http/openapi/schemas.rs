//! The schemas of the document. Answers are described by types of their own, because the code that writes them borrows,
//! streams, or writes stored JSON as it is; the contract tests hold the two together. Request bodies are in
//! [`requests`](super::requests).

pub(super) mod job;
pub(super) mod operator;
pub(super) mod picture;
pub(super) mod problem;
pub(super) mod words;

use utoipa::openapi::schema::ComponentsBuilder;

/// Adds the schemas of all answers and of the webhook.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    components
        .schema_from::<picture::PictureResult>()
        .schema_from::<picture::ZipResult>()
        .schema_from::<picture::FetchedPicture>()
        .schema_from::<job::JobAccepted>()
        .schema_from::<job::Job>()
        .schema_from::<job::CanceledJob>()
        .schema_from::<job::JobRetried>()
        .schema_from::<job::JobPage>()
        .schema_from::<job::WebhookBody>()
        .schema_from::<operator::Delivery>()
        .schema_from::<operator::DeliveryPage>()
        .schema_from::<operator::CreatedKey>()
        .schema_from::<operator::KeyPage>()
        .schema_from::<operator::QueueStatus>()
        .schema_from::<operator::ProcessList>()
        .schema_from::<operator::Health>()
        .schema_from::<operator::Readiness>()
        .schema_from::<problem::Problem>()
        .schema_from::<words::Priority>()
}
