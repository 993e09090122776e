//! The schemas of the document. Answers are described by types of their own, because the code that writes them borrows,
//! streams, or writes stored JSON as it is; the contract tests hold the two together. Request bodies are in
//! [`requests`](super::requests).

pub(super) mod job;
pub(super) mod operator;
pub(super) mod picture;
pub(super) mod problem;
pub(super) mod words;

use utoipa::ToSchema;
use utoipa::openapi::schema::ComponentsBuilder;

/// Adds the schemas of all answers and of the webhook, and those that options of requests refer to.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    let adders: [fn(ComponentsBuilder) -> ComponentsBuilder; 26] = [
        with::<picture::PictureResult>,
        with::<picture::ZipResult>,
        with::<picture::FetchedPicture>,
        with::<job::JobAccepted>,
        with::<job::Job>,
        with::<job::JobPictures>,
        with::<job::CanceledJob>,
        with::<job::JobRetried>,
        with::<job::JobPage>,
        with::<job::WebhookBody>,
        with::<operator::DeliveryPage>,
        with::<operator::CreatedKey>,
        with::<operator::KeyPage>,
        with::<operator::QueueStatus>,
        with::<operator::ProcessList>,
        with::<operator::Health>,
        with::<operator::Readiness>,
        with::<problem::Problem>,
        with::<words::Priority>,
        with::<words::PaletteMethod>,
        with::<words::CropMethod>,
        with::<words::Switch>,
        with::<words::CardKind>,
        with::<words::CardTheme>,
        with::<words::CardFormat>,
        with::<words::ExportFormat>,
    ];
    adders.into_iter().fold(components, |components, add| add(components))
}

/// Adds a schema and those that it refers to.
fn with<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    components.schemas_from_iter(schemas)
}
