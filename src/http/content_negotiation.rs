//! Reads what a client asks for: the processing options in the query, and whether `Accept` wants JSON or the card itself.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};
use actix_web::mime;
use actix_web::web::Query;
use huemill_actors::fault::Fault;
use huemill_imaging::{CardFormat, Options};

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
}

impl ProcessParams {
    /// Reads the query and `Accept`, which decides the response's format and the card's.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Fault> {
        let query = query_pairs(request.query_string())?;
        let fields = OptionFields::parse(query.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        let (format, card) = accepted(request);
        Ok(Self { options: fields.into_options(card), format })
    }
}

/// The options among these fields, each of which may be given once.
pub(crate) fn parse_options<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Options, Fault> {
    OptionFields::parse(fields).map(|fields| fields.into_options(None))
}

/// The names and values of a query.
pub(crate) fn query_pairs(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|error| invalid("The query must have the form name=value&name=value.").with_cause(error))?;
    Ok(pairs.into_inner())
}

/// The names of the fields that [`parse_options`] reads.
pub(crate) const OPTION_NAMES: [&str; 5] = ["colors", "palette", "aspect", "format", "quality"];

/// The fields, parsed.
struct OptionFields {
    options: Options,
    format: Option<&'static str>,
    quality: Option<u8>,
}

impl OptionFields {
    fn parse<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut parsed = Self { options: Options::default(), format: None, quality: None };
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in fields.filter(|(name, _)| OPTION_NAMES.contains(name)) {
            if seen.contains(&name) {
                return Err(given_twice(name));
            }
            seen.push(name);
            parsed.set(name, value)?;
        }
        Ok(parsed)
    }

    /// The options. A card format in `Accept` overrides the `format` field.
    fn into_options(self, accepted: Option<&'static str>) -> Options {
        let card = match accepted.or(self.format).unwrap_or("png") {
            "jpeg" => CardFormat::Jpeg { quality: self.quality.unwrap_or(CardFormat::DEFAULT_QUALITY) },
            "webp" => CardFormat::WebP,
            _ => CardFormat::Png,
        };
        self.options.with_card(card)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "colors" => {
                self.options = value
                    .parse()
                    .ok()
                    .and_then(|colors| self.options.with_colors(colors))
                    .ok_or_else(|| invalid("`colors` must be a whole number from 2 to 20."))?;
            }
            "palette" => {
                self.options.palette =
                    value.parse().map_err(|_| invalid("`palette` must be balanced or classic."))?;
            }
            "aspect" => {
                self.options.aspect = value.parse().map_err(|_| {
                    invalid(
                        "`aspect` must be two whole numbers from 1 to 100, separated by a colon, such as 3:2.",
                    )
                })?;
            }
            "format" => {
                self.format = match value {
                    "png" => Some("png"),
                    "jpeg" | "jpg" => Some("jpeg"),
                    "webp" => Some("webp"),
                    _ => return Err(invalid("`format` must be png, jpeg or webp.")),
                };
            }
            _ => {
                self.quality = value.parse().ok().filter(|quality| (1..=100).contains(quality));
                if self.quality.is_none() {
                    return Err(invalid("`quality` must be a whole number from 1 to 100."));
                }
            }
        }
        Ok(())
    }
}

/// The response that the client prefers (RFC 9110, 12.5.1). If it accepts nothing that the service produces, it gets
/// JSON, because an unwanted response helps more than none.
fn accepted(request: &HttpRequest) -> (ResponseFormat, Option<&'static str>) {
    let mut items = Accept::parse(request).map(|accept| accept.0).unwrap_or_default();
    items.retain(|item| item.quality > Quality::ZERO);
    // A stable sort: among equal weights, the first in the header wins.
    items.sort_by_key(|item| std::cmp::Reverse(item.quality));
    for item in &items {
        match (item.item.type_(), item.item.subtype().as_str()) {
            (mime::IMAGE, "png") => return (ResponseFormat::Card, Some("png")),
            (mime::IMAGE, "jpeg") => return (ResponseFormat::Card, Some("jpeg")),
            (mime::IMAGE, "webp") => return (ResponseFormat::Card, Some("webp")),
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
        ] {
            let message = params(&format!("/process?{query}"), "*/*").unwrap_err();
            assert!(message.contains(name), "{query}: {message}");
        }
    }
}
