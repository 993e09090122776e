//! What is known of a processed picture, and of one that could not be processed.

// These types are only described, never made: the answers are written by the code that has the pictures.
#![allow(dead_code, reason = "the fields are read by the derived schemas alone")]

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::words::ErrorCode;
use crate::http::openapi::shapes;

/// Red, green and blue.
pub(in crate::http::openapi) struct Rgb;

impl PartialSchema for Rgb {
    fn schema() -> RefOr<Schema> {
        let triple = ArrayBuilder::new().items(shapes::whole(0, 255)).min_items(Some(3)).max_items(Some(3));
        RefOr::T(triple.description(Some("Red, green and blue in sRGB, 0 to 255 each.")).build().into())
    }
}

impl ToSchema for Rgb {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Rgb")
    }
}

/// A colour in Oklch.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Oklch {
    /// Lightness.
    #[schema(minimum = 0, maximum = 1)]
    l: f64,
    /// Chroma.
    #[schema(minimum = 0)]
    c: f64,
    /// Hue in degrees.
    #[schema(minimum = 0, maximum = 360)]
    h: f64,
}

/// A colour of a palette.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Color {
    /// The colour as CSS writes it.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    hex: String,
    rgb: Rgb,
    oklch: Oklch,
    /// The part of all opaque pixels that it stands for.
    #[schema(minimum = 0, maximum = 1)]
    share: f64,
    /// The nearest of some 1,500 common names.
    name: String,
    /// The nearest name of CSS.
    css_name: String,
    /// The colour of text that is readable on it: black or white.
    #[schema(pattern = "^#(000000|ffffff)$")]
    text: String,
    /// Whether it is a shade that was added because the picture has too few colours.
    derived: bool,
}

/// Colours of the palette by what they are good for. A role that no colour fits is null.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Roles {
    #[schema(required = true)]
    dominant: Option<Color>,
    #[schema(required = true)]
    vibrant: Option<Color>,
    #[schema(required = true)]
    muted: Option<Color>,
    #[schema(required = true)]
    dark: Option<Color>,
    #[schema(required = true)]
    light: Option<Color>,
    #[schema(required = true)]
    accent: Option<Color>,
    #[schema(required = true)]
    background: Option<Color>,
    #[schema(required = true)]
    text: Option<Color>,
}

/// The colours of an interface. Text on its ground has the contrast of WCAG 2.2 AA.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct SchemeColors {
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    background: String,
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    surface: String,
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    primary: String,
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    on_primary: String,
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    accent: String,
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    text: String,
}

/// The colours of an interface, on a light and on a dark ground.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Scheme {
    light: SchemeColors,
    dark: SchemeColors,
}

/// A part of the upright picture, in pixels.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Rect {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// The crop of the wanted aspect ratio in the upright picture, in pixels.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Crop {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    /// How well the crop fits what the picture shows; comparable for one picture and method.
    score: f64,
}

/// The picture as it was sent.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Source {
    /// Its format, such as `jpeg`.
    format: String,
    /// Width of the upright picture in pixels.
    #[schema(minimum = 1)]
    width: u32,
    /// Height of the upright picture in pixels.
    #[schema(minimum = 1)]
    height: u32,
    /// The EXIF orientation.
    #[schema(minimum = 1, maximum = 8)]
    orientation: u8,
}

/// Defines the schema of a picture's result: these members, and those that all results have.
macro_rules! result {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident: $type:ty,)+ } $card_doc:literal) => {
        $(#[$doc])*
        #[derive(ToSchema)]
        pub(in crate::http::openapi) struct $name {
            $($(#[$member_doc])* $member: $type,)+
            /// The colours, in the order of `colors`.
            #[schema(max_items = 20)]
            palette: Vec<Rgb>,
            /// The same colours with what is known of them.
            #[schema(max_items = 20)]
            colors: Vec<Color>,
            roles: Roles,
            scheme: Scheme,
            /// The average colour.
            #[schema(pattern = "^#[0-9a-f]{6}$")]
            average: String,
            /// Whether light text is more readable on the picture.
            is_dark: bool,
            /// A ThumbHash in base64, to show while the picture loads.
            placeholder: String,
            crop: Crop,
            /// The part of the picture that the card shows; null without a card.
            #[schema(required = true)]
            card_crop: Option<Rect>,
            /// What the picture shows, as a rectangle.
            subject: Rect,
            /// The faces that were found.
            faces: Vec<Rect>,
            source: Source,
            #[doc = $card_doc]
            #[schema(required = true)]
            social_image: Option<String>,
        }
    };
}

result! {
    /// A processed picture.
    PictureResult {
        /// Always true.
        success: bool,
    }
    "The card as a data: URL; null with `card=none`."
}

result! {
    /// A processed picture of a ZIP.
    ZipPicture {
        /// Its position among the pictures of the ZIP, from 0.
        index: u32,
        /// Its path in the ZIP.
        filename: String,
    }
    "The card as a data: URL; null with `card=none`."
}

result! {
    /// A processed picture of a job.
    JobPicture {
        /// Its position among the pictures of the job, from 0, in the order in which they were sent.
        index: u32,
        /// Its name.
        filename: String,
        /// The URL that it was downloaded from, as it was sent.
        #[schema(nullable = false)]
        url: Option<String>,
    }
    "The card, as a data: URL or as a link; null with `card=none`."
}

/// A picture that could not be processed.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct FailedPicture {
    /// Its position among the pictures, from 0, in the order in which they were sent.
    index: u32,
    /// Its name.
    filename: String,
    /// The URL that it was to be downloaded from, as it was sent.
    #[schema(nullable = false)]
    url: Option<String>,
    error_code: ErrorCode,
    /// What the person in front of a page can read.
    user_message: String,
}

/// The pictures of a ZIP.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct ZipResult {
    /// Always true.
    success: bool,
    /// The pictures that could be processed, in the order of the ZIP.
    results: Vec<ZipPicture>,
    /// How many these are.
    processed_count: u32,
    /// The pictures of the ZIP.
    total_files: u32,
    /// Those that could not be processed.
    failed: Vec<FailedPicture>,
}

/// A picture that was downloaded.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct FetchedPicture {
    /// Always true.
    success: bool,
    /// The picture as a data: URL, which `POST /process` accepts.
    image: String,
    /// The media type of its content.
    content_type: String,
    /// Its size in MiB, with two decimals.
    #[schema(minimum = 0)]
    size_mb: f64,
}
