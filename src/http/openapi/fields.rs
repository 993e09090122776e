//! The options of pictures and the fields of jobs, which requests send in the query, in a form or in JSON. None of them
//! states its default in the schema: generated clients would send it, and an option that has no effect is an error.

use huemill_imaging::{CardKind, Export, Options, Theme};
use utoipa::openapi::Object;

use super::shapes::{count, described, pattern, url, whole, words};
use huemill_store::job::Priority;

/// A field with its schema.
pub(super) type Field = (&'static str, Object);

/// The options of pictures.
pub(super) fn options() -> Vec<Field> {
    let (colors, widths) = (Options::COLORS, Options::CARD_WIDTHS);
    let number = r"\d+(\.\d+)?";
    vec![
        (
            "colors",
            described(
                whole((*colors.start()).into(), (*colors.end()).into()),
                "Number of colours. The default is 10.",
            ),
        ),
        (
            "palette",
            described(
                words(["balanced", "classic"]),
                "How the colours are chosen: so that they cover what is in the picture (the default), or as ColorThief does.",
            ),
        ),
        (
            "aspect",
            described(
                pattern(&format!("^{number}:{number}$")),
                "Aspect ratio of the crop, such as 1.91:1. The default is 3:2. JSON may have a list of two numbers.",
            ),
        ),
        (
            "crop",
            described(
                words(["subject", "classic"]),
                "How the crop is placed: by what the picture shows (the default), or as smartcrop does.",
            ),
        ),
        (
            "focus",
            described(
                pattern(&format!("^{number},{number}$")),
                "The point around which the crop is placed instead: two numbers from 0 to 1. JSON may have a list of them.",
            ),
        ),
        ("faces", described(words(["on", "off"]), "Whether faces are searched for. The default is on.")),
        (
            "card",
            described(
                words(CardKind::ALL.map(CardKind::name)),
                "What the card shows, and its size. `none` makes no card, which is faster. The default is palette.",
            ),
        ),
        (
            "width",
            described(
                whole((*widths.start()).into(), (*widths.end()).into()),
                "Width of the card in pixels. It needs `card=crop`.",
            ),
        ),
        (
            "theme",
            described(words(Theme::ALL.map(Theme::name)), "The card's background. The default is light."),
        ),
        ("format", described(words(["png", "jpeg", "webp"]), "Format of the card. The default is png.")),
        ("quality", described(whole(1, 100), "Quality of a JPEG. It needs `format=jpeg`.")),
    ]
}

/// The option that asks for the palette as a file.
pub(super) fn export() -> Field {
    let formats = words(Export::ALL.map(Export::extension));
    (
        "export",
        described(formats, "Answers with the palette as a file of this format, without anything else."),
    )
}

/// The fields of a job.
pub(super) fn of_jobs() -> Vec<Field> {
    let priorities = words(Priority::ALL.iter().map(|priority| priority.as_str()));
    vec![
        ("callback_url", described(url(), "Webhook URL to call when the job ends.")),
        (
            "ttl_h",
            described(
                count(1),
                "Hours for which the job is kept. The default is 24; more than 168 count as 168.",
            ),
        ),
        (
            "priority",
            described(
                priorities,
                "The weight of the job among the jobs of its caller. `high` needs a key with the scope `priority` where keys \
             are in force.",
            ),
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
        let names = |fields: Vec<Field>| fields.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(options()), OPTION_NAMES);
        let mut described = [names(of_jobs()), names(options()), vec![export().0]].concat();
        let mut known = FIELD_NAMES.to_vec();
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(described, known);
    }
}
