//! The bodies of requests. Each route that takes a file takes it in a form, in JSON and as it is; generators of clients use
//! the form, which [`member_order`](super::member_order) puts first.

use serde_json::{Value, json};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::{Content, ContentBuilder, Object, ObjectBuilder, RefOr, Required, Schema};

use super::fields::{self, Field};
use super::shapes::{count, described, file, list, named, text, url, whole};

const FORM: &str = "multipart/form-data";
const JSON: &str = "application/json";

/// The largest lists that the default settings allow.
const MAX_PICTURES: usize = 200;
const MAX_URLS: usize = 1_000;

const BASE64: &str =
    "A file in base64, with or without the head of a data: URL. The media type in it is ignored.";

/// Adds the schemas of all bodies.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    let rotation = ObjectBuilder::new()
        .property(
            "overlap_s",
            described(
                whole(0, 365 * 86_400),
                "Seconds for which the old key goes on working. The default is a day.",
            ),
        )
        .description(Some("How a key is replaced."));
    let of_url = ObjectBuilder::new()
        .property("url", described(url(), "The URL of the picture."))
        .required("url")
        .description(Some("The URL of a picture."));
    let components = add_jobs(add_zips(add_pictures(components)));
    components.schema("UrlJson", of_url).schema("NewKey", new_key()).schema("KeyRotation", rotation)
}

fn add_pictures(components: ComponentsBuilder) -> ComponentsBuilder {
    let options = [fields::options(), vec![fields::export()]].concat();
    let form = ObjectBuilder::new().property("image", described(file(), "The picture.")).required("image");
    let json = ObjectBuilder::new()
        .property("image", described(text(), BASE64))
        .property("url", described(url(), "The URL of the picture, in place of `image`."));
    let text = "A picture, as `image` or as `url`, and its options.";
    components
        .schema("PictureForm", with_fields(form, &options, "A picture and its options."))
        .schema("PictureJson", with_fields(json, &options, text))
}

fn add_zips(components: ComponentsBuilder) -> ComponentsBuilder {
    let options = fields::options();
    let file = described(file(), "A ZIP with up to 50 pictures.");
    let form = ObjectBuilder::new().property("zip_file", file).required("zip_file");
    let json = ObjectBuilder::new().property("zip", described(text(), BASE64)).required("zip");
    let text = "A ZIP of pictures and the options of all of them.";
    components
        .schema("ZipForm", with_fields(form, &options, text))
        .schema("ZipJson", with_fields(json, &options, text))
}

fn add_jobs(components: ComponentsBuilder) -> ComponentsBuilder {
    let fields = [fields::of_jobs(), fields::options()].concat();
    let images = list(file(), Some(MAX_PICTURES)).description(Some("Pictures, in place of a ZIP."));
    let form = ObjectBuilder::new()
        .property("zip_file", described(file(), "A ZIP with up to 200 pictures."))
        .property("images", images);
    let urls = list(url(), Some(MAX_URLS)).description(Some("The URLs of the pictures."));
    let json = ObjectBuilder::new().property("urls", urls).property("zip", described(text(), BASE64));
    let text = "The URLs of pictures, or a ZIP, and what to do with them.";
    components
        .schema(
            "JobForm",
            with_fields(form, &fields, "A ZIP, or pictures one by one, and what to do with them."),
        )
        .schema("JobJson", with_fields(json, &fields, text))
}

fn with_fields(body: ObjectBuilder, fields: &[Field], description: &str) -> ObjectBuilder {
    let add = |body: ObjectBuilder, (name, schema, text): &Field| {
        let mut schema = schema.clone();
        match &mut schema {
            RefOr::Ref(reference) => (*text).clone_into(&mut reference.description),
            RefOr::T(Schema::Object(object)) => object.description = Some((*text).to_owned()),
            RefOr::T(_) => {}
        }
        body.property(*name, schema)
    };
    fields.iter().fold(body, add).description(Some(description))
}

fn new_key() -> Object {
    ObjectBuilder::new()
        .property("name", described(text().min_length(Some(1)).max_length(Some(100)), "What the key is for."))
        .required("name")
        .property("scopes", list(named("Scope"), None))
        .required("scopes")
        .property("limits", named("KeyLimits"))
        .property("expires_at", described(count(1), "Unix seconds. Without it, the key does not expire."))
        .description(Some("A new API key."))
        .build()
}

fn content(schema: &str, example: Value) -> Content {
    ContentBuilder::new().schema(Some(named(schema))).example(Some(example)).build()
}

fn raw() -> Content {
    ContentBuilder::new().schema(Some(Schema::from(file()))).build()
}

fn body(description: &str) -> RequestBodyBuilder {
    RequestBodyBuilder::new().description(Some(description)).required(Some(Required::True))
}

/// One picture.
pub(super) fn picture() -> RequestBody {
    body("One picture: in a form, in JSON, by its URL, or as it is.")
        .content(FORM, content("PictureForm", json!({ "image": "(the file)", "colors": 5 })))
        .content(
            JSON,
            content("PictureJson", json!({ "url": "https://example.org/photo.jpg", "card": "og" })),
        )
        .content("image/*", raw())
        .build()
}

/// A ZIP.
pub(super) fn zip() -> RequestBody {
    body("A ZIP: in a form, in JSON, or as it is.")
        .content(FORM, content("ZipForm", json!({ "zip_file": "(the file)", "card": "none" })))
        .content(JSON, content("ZipJson", json!({ "zip": "UEsDBBQAAAAIAA…" })))
        .content("application/zip", raw())
        .build()
}

/// The URL of a picture.
pub(super) fn url_of_picture() -> RequestBody {
    body("The URL of a picture.")
        .content(JSON, content("UrlJson", json!({ "url": "https://example.org/photo.jpg" })))
        .build()
}

/// A job.
pub(super) fn job() -> RequestBody {
    let callback = "https://example.org/hooks/huemill";
    body("A ZIP in a form, in JSON or as it is; pictures in a form; or the URLs of pictures in JSON.")
        .content(FORM, content("JobForm", json!({ "images": ["(a file)"], "callback_url": callback })))
        .content(JSON, content("JobJson", json!({ "urls": ["https://example.org/photo.jpg"], "ttl_h": 48 })))
        .content("application/zip", raw())
        .build()
}

/// A new API key.
pub(super) fn key() -> RequestBody {
    let example = json!({ "name": "web front end", "scopes": ["process", "jobs:read", "jobs:write"] });
    body("The key's name, scopes and limits.").content(JSON, content("NewKey", example)).build()
}

/// The rotation of a key.
pub(super) fn rotation() -> RequestBody {
    body("How long the old key goes on working.")
        .required(Some(Required::False))
        .content(JSON, content("KeyRotation", json!({ "overlap_s": 3_600 })))
        .build()
}
