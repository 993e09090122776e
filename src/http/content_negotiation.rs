//! Reads what a client asks for: the processing options in the query, and whether `Accept` wants JSON or the card itself.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};
use actix_web::mime;
use actix_web::web::Query;
use huemill_actors::fault::Fault;
use huemill_imaging::{CardKind, Export, FormatName, OptionError, OptionFields, Options};

use super::problem::{given_twice, invalid};

/// What to produce, and how to respond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessParams {
    /// For the engine.
    pub options: Options,
    /// For the response.
    pub format: ResponseFormat,
}

/// How to respond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseFormat {
    /// JSON that contains the card.
    Json,
    /// The card's bytes.
    Card,
    /// The palette as a file.
    Palette(Export),
}

impl ProcessParams {
    /// Reads the query and `Accept`, which decides the response's format and the card's.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Fault> {
        let query = query_pairs(request.query_string())?;
        let fields = read_options(query.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        let (format, card) = accepted(request);
        let options = fields.finish(card).map_err(refused)?;
        match export(&query)? {
            // Nobody sees the card then.
            Some(export) => Ok(Self {
                options: options.with_card_kind(CardKind::None),
                format: ResponseFormat::Palette(export),
            }),
            None if options.card_kind == CardKind::None => Ok(Self { options, format: ResponseFormat::Json }),
            None => Ok(Self { options, format }),
        }
    }
}

/// The format in which only the palette is wanted.
fn export(query: &[(String, String)]) -> Result<Option<Export>, Fault> {
    let mut asked = query.iter().filter(|(name, _)| name == "export").map(|(_, value)| value.as_str());
    match (asked.next(), asked.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(given_twice("export")),
        (Some(name), None) => name.parse().map(Some).map_err(|_| {
            invalid("`export` must be css, scss, json, tokens.json, tailwind.css, ase, gpl or svg.")
        }),
    }
}

/// The options among these fields, each of which may be given once.
pub(crate) fn parse_options<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Options, Fault> {
    read_options(fields)?.finish(None).map_err(refused)
}

fn read_options<'a>(mut fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<OptionFields, Fault> {
    let mut parsed = OptionFields::default();
    fields.try_for_each(|(name, value)| parsed.set(name, value)).map_err(refused)?;
    Ok(parsed)
}

fn refused(error: OptionError) -> Fault {
    invalid(error.to_string())
}

/// The names and values of a query.
pub(crate) fn query_pairs(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|error| invalid("The query must have the form name=value&name=value.").with_cause(error))?;
    Ok(pairs.into_inner())
}

/// The response that the client prefers (RFC 9110, 12.5.1). If it accepts nothing that the service produces, it gets
/// JSON, because an unwanted response helps more than none.
fn accepted(request: &HttpRequest) -> (ResponseFormat, Option<FormatName>) {
    let mut items = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
    items.retain(|item| item.quality > Quality::ZERO);
    // A stable sort: among equal weights, the first in the header wins.
    items.sort_by_key(|item| std::cmp::Reverse(item.quality));
    for item in &items {
        match (item.item.type_(), item.item.subtype().as_str()) {
            (mime::IMAGE, "png") => return (ResponseFormat::Card, Some(FormatName::Png)),
            (mime::IMAGE, "jpeg") => return (ResponseFormat::Card, Some(FormatName::Jpeg)),
            (mime::IMAGE, "webp") => return (ResponseFormat::Card, Some(FormatName::WebP)),
            (mime::IMAGE, "*") => return (ResponseFormat::Card, None),
            (mime::STAR, _) | (mime::APPLICATION, "json" | "*") => return (ResponseFormat::Json, None),
            _ => {}
        }
    }
    (ResponseFormat::Json, None)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header;
    use actix_web::test::TestRequest;
    use huemill_imaging::CardFormat;

    use super::*;

    fn params(uri: &str, accept: &str) -> Result<ProcessParams, String> {
        let request = TestRequest::with_uri(uri).insert_header((header::ACCEPT, accept)).to_http_request();
        ProcessParams::of(&request).map_err(|fault| fault.message.into_owned())
    }

    #[test]
    fn without_options_the_response_is_json_with_ten_colours_and_three_to_two() {
        for accept in ["", "*/*", "application/json", "text/html", "application/json, text/plain, */*"] {
            assert_eq!(
                params("/process", accept),
                Ok(ProcessParams { options: Options::default(), format: ResponseFormat::Json }),
                "{accept:?}"
            );
        }
    }

    #[test]
    fn accepting_a_picture_type_returns_the_card_itself() {
        let card = |accept| {
            params("/process", accept).map(|params| (params.format, params.options.card.media_type()))
        };
        assert_eq!(card("image/png"), Ok((ResponseFormat::Card, "image/png")));
        assert_eq!(card("image/webp, */*;q=0.1"), Ok((ResponseFormat::Card, "image/webp")));
        assert_eq!(card("application/json;q=0.5, image/jpeg"), Ok((ResponseFormat::Card, "image/jpeg")));
        assert_eq!(card("image/*"), Ok((ResponseFormat::Card, "image/png")));
        assert_eq!(card("image/png;q=0, application/json"), Ok((ResponseFormat::Json, "image/png")));
    }

    #[test]
    fn the_query_sets_the_options() {
        let params = params("/process?colors=5&aspect=1:1&format=jpeg&quality=70&cache=x", "*/*").unwrap();
        assert_eq!(params.options.colors(), 5);
        assert_eq!(params.options.aspect.to_string(), "1:1");
        assert_eq!(params.options.card, CardFormat::Jpeg { quality: 70 });
    }

    #[test]
    fn an_export_or_no_card_decides_the_response() {
        let format =
            |query, accept| params(query, accept).map(|params| (params.format, params.options.card_kind));
        let css = (ResponseFormat::Palette(Export::Css), CardKind::None);
        assert_eq!(format("/process?export=css", "image/png"), Ok(css));
        assert_eq!(format("/process?card=none", "image/png"), Ok((ResponseFormat::Json, CardKind::None)));
        assert_eq!(format("/process?card=og", "image/png"), Ok((ResponseFormat::Card, CardKind::Og)));
    }

    #[test]
    fn an_error_names_the_field_that_is_out_of_range() {
        for (query, name) in [
            ("colors=1", "colors"),
            ("colors=21", "colors"),
            ("colors=-3", "colors"),
            ("colors=ten", "colors"),
            ("aspect=3x2", "aspect"),
            ("aspect=0:2", "aspect"),
            ("aspect=+3:2", "aspect"),
            ("format=gif", "format"),
            ("quality=0", "quality"),
            ("quality=101", "quality"),
            ("colors=5&colors=6", "colors"),
            ("crop=smart", "crop"),
            ("focus=2,0", "focus"),
            ("card=poster", "card"),
            ("quality=70", "quality"),
            ("theme=dark&card=crop", "theme"),
            ("export=png", "export"),
            ("export=css&export=css", "export"),
        ] {
            let message = params(&format!("/process?{query}"), "*/*").unwrap_err();
            assert!(message.contains(name), "{query}: {message}");
        }
    }
}
