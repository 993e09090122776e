//! The options of pictures and the fields of jobs, which requests send in the query, in a form or in JSON. None of them
//! states its default in the schema: generated clients would send it, and an option that has no effect is an error.

use huemill_imaging::Options;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};

use super::shapes::{count, named, pattern, url, whole};

/// A field with its schema and what it is for.
pub(super) type Field = (&'static str, RefOr<Schema>, &'static str);

fn of(shape: ObjectBuilder) -> RefOr<Schema> {
    RefOr::T(shape.into())
}

/// The options of pictures.
pub(super) fn options() -> Vec<Field> {
    [of_palettes_and_crops(), of_cards()].concat()
}

fn of_palettes_and_crops() -> Vec<Field> {
    let (colors, number) = (Options::COLORS, r"\d+(\.\d+)?");
    vec![
        (
            "colors",
            of(whole((*colors.start()).into(), (*colors.end()).into())),
            "Number of colours. The default is 10.",
        ),
        (
            "palette",
            named("PaletteMethod"),
            "How the colours are chosen: so that they cover what is in the picture (`balanced`, the default), or as \
             ColorThief does.",
        ),
        (
            "aspect",
            of(pattern(&format!("^{number}:{number}$"))),
            "Aspect ratio of the crop, such as 1.91:1. The default is 3:2. JSON may have a list of two numbers.",
        ),
        (
            "crop",
            named("CropMethod"),
            "How the crop is placed: by what the picture shows (`subject`, the default), or as smartcrop does.",
        ),
        (
            "focus",
            of(pattern(&format!("^{number},{number}$"))),
            "The point around which the crop is placed instead: two numbers from 0 to 1. JSON may have a list of them.",
        ),
        (
            "faces",
            named("Switch"),
            "Whether faces are searched for. The default is `on`. JSON may have `true` or `false`.",
        ),
    ]
}

fn of_cards() -> Vec<Field> {
    let widths = Options::CARD_WIDTHS;
    vec![
        (
            "card",
            named("CardKind"),
            "What the card shows, and its size. `none` makes no card, which is faster. The default is `palette`.",
        ),
        (
            "width",
            of(whole((*widths.start()).into(), (*widths.end()).into())),
            "Width of the card in pixels. It needs `card=crop`.",
        ),
        ("theme", named("CardTheme"), "The card's background. The default is `light`."),
        ("format", named("CardFormat"), "Format of the card. The default is `png`."),
        ("quality", of(whole(1, 100)), "Quality of a JPEG. It needs `format=jpeg`."),
    ]
}

/// The option that asks for the palette as a file.
pub(super) fn export() -> Field {
    let text = "Answers with the palette as a file of this format, without anything else.";
    ("export", named("ExportFormat"), text)
}

/// The fields of a job.
pub(super) fn of_jobs() -> Vec<Field> {
    vec![
        ("callback_url", of(url()), "Webhook URL to call when the job ends."),
        (
            "ttl_h",
            of(count(1)),
            "Hours for which the job is kept. The default is 24; more than 168 count as 168.",
        ),
        (
            "priority",
            named("Priority"),
            "The weight of the job among the jobs of its caller. `high` needs a key with the scope `priority` where keys \
             are in force.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use huemill_imaging::OPTION_NAMES;

    use super::*;
    use crate::http::jobs::FIELD_NAMES;

    #[test]
    fn every_option_and_every_field_is_described() {
        let names = |fields: Vec<Field>| fields.into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
        assert_eq!(names(options()), OPTION_NAMES);
        let mut described = [names(of_jobs()), names(options()), vec![export().0]].concat();
        let mut known = FIELD_NAMES.to_vec();
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(described, known);
    }
}
