//! Small shapes of schemas that the document's parts share: texts, words of a list, numbers within bounds, triples and
//! files. They are what generators of clients understand: a file is `format: binary`, and a triple is a list with a
//! length, because `contentMediaType` and `prefixItems` break some of them.

use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, Schema, SchemaFormat};
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Type};

/// A text.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text of this form.
pub(super) fn pattern(regex: &str) -> ObjectBuilder {
    text().pattern(Some(regex))
}

/// One of these words.
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}

/// A whole number from `min` on.
pub(super) fn count(min: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min))
}

/// A whole number within bounds.
pub(super) fn whole(min: u64, max: u64) -> ObjectBuilder {
    count(min).maximum(Some(max))
}

/// The bytes of a file.
pub(super) fn file() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
}

/// A URL.
pub(super) fn url() -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom("uri".to_owned())))
}

/// A list.
pub(super) fn list(items: impl Into<RefOr<Schema>>, max: Option<usize>) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into()).min_items(Some(1)).max_items(max)
}

/// A reference to a schema of the document.
pub(super) fn named(schema: &str) -> RefOr<Schema> {
    Ref::from_schema_name(schema).into()
}

/// A shape with what it is for.
pub(super) fn described(shape: ObjectBuilder, description: &str) -> Object {
    shape.description(Some(description)).build()
}
