//! What a request for processing asks for: the options, in the query or in the body's fields, and the response's form,
//! which `Accept` or an export decides.

use actix_web::HttpRequest;
use actix_web::web::Query;
use huemill_actors::fault::Fault;
use huemill_imaging::{CardKind, Export, FormatName, OPTION_NAMES, OptionError, OptionFields, Options};

use super::accept::{self, AcceptedBody};
use super::option_names::refuse_misspelt;
use super::problem::{given_twice, invalid};

/// The names of the fields that a body may have beside its picture.
pub(crate) const FIELDS: [&str; 1 + OPTION_NAMES.len()] = {
    let mut names = [EXPORT; 1 + OPTION_NAMES.len()];
    let mut option = 0;
    while option < OPTION_NAMES.len() {
        names[1 + option] = OPTION_NAMES[option];
        option += 1;
    }
    names
};

const EXPORT: &str = "export";

/// The options that decide which colours an export has. All others have no effect on it.
const OF_PALETTES: [&str; 2] = ["colors", "palette"];

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

/// The parameters in a request's head. Those in its body follow.
#[derive(Debug)]
pub(crate) struct RequestedParams {
    fields: OptionFields,
    export: Option<Export>,
    accepted: AcceptedBody,
}

impl RequestedParams {
    /// Reads the query and `Accept`.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Fault> {
        let accepted = accept::body(request.headers());
        let mut params = Self { fields: OptionFields::default(), export: None, accepted };
        for (name, value) in query_pairs(request.query_string())? {
            refuse_misspelt(&name, &FIELDS)?;
            params.set(&name, &value)?;
        }
        Ok(params)
    }

    /// Adds the fields of the body. An empty field counts as missing, because forms send those.
    pub(crate) fn with_fields(mut self, fields: &[(&'static str, String)]) -> Result<ProcessParams, Fault> {
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            self.set(name, value)?;
        }
        self.finish()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if name != EXPORT {
            return self.fields.set(name, value).map_err(refused);
        }
        let export = value.parse().map_err(|_| {
            invalid("`export` must be css, scss, json, tokens.json, tailwind.css, ase, gpl or svg.")
        })?;
        if self.export.replace(export).is_some() { Err(given_twice(EXPORT)) } else { Ok(()) }
    }

    fn finish(self) -> Result<ProcessParams, Fault> {
        let Self { fields, export, accepted } = self;
        if let Some(export) = export {
            let other = fields.names().iter().find(|name| !OF_PALETTES.contains(name));
            if let Some(name) = other {
                return Err(invalid(format!("`{name}` has no effect with `export`.")));
            }
            // Nobody sees the card then.
            let options = fields.finish(None).map_err(refused)?.with_card_kind(CardKind::None);
            return Ok(ProcessParams { options, format: ResponseFormat::Palette(export) });
        }
        let (format, card): (_, Option<FormatName>) = match accepted {
            AcceptedBody::Json => (ResponseFormat::Json, None),
            AcceptedBody::Card(format) => (ResponseFormat::Card, format),
        };
        let options = fields.finish(card).map_err(refused)?;
        let has_card = options.card_kind != CardKind::None;
        Ok(ProcessParams { options, format: if has_card { format } else { ResponseFormat::Json } })
    }
}

/// The options among these fields, each of which may be given once.
pub(crate) fn parse_options<'a>(
    mut fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Options, Fault> {
    let mut parsed = OptionFields::default();
    fields.try_for_each(|(name, value)| parsed.set(name, value)).map_err(refused)?;
    parsed.finish(None).map_err(refused)
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

#[cfg(test)]
mod tests {
    use actix_web::http::header;
    use actix_web::test::TestRequest;
    use huemill_imaging::CardFormat;

    use super::*;

    fn params(uri: &str, accept: &str) -> Result<ProcessParams, String> {
        let request = TestRequest::with_uri(uri).insert_header((header::ACCEPT, accept)).to_http_request();
        let params = RequestedParams::of(&request).and_then(|params| params.with_fields(&[]));
        params.map_err(|fault| fault.detail().to_owned())
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
        assert_eq!(card("image/webp, */*;q=0.1"), Ok((ResponseFormat::Json, "image/png")));
        assert_eq!(card("image/jpeg"), Ok((ResponseFormat::Card, "image/jpeg")));
        assert_eq!(card("image/*"), Ok((ResponseFormat::Card, "image/png")));
        assert_eq!(card("image/png;q=0, application/json"), Ok((ResponseFormat::Json, "image/png")));
    }

    #[test]
    fn the_query_sets_the_options() {
        let params =
            params("/process?colors=5&aspect=1:1&format=jpeg&quality=70&cache=x&utm_source=y", "*/*")
                .unwrap();
        assert_eq!(params.options.colors(), 5);
        assert_eq!(params.options.aspect.to_string(), "1:1");
        assert_eq!(params.options.card, CardFormat::Jpeg { quality: 70 });
    }

    #[test]
    fn fields_of_the_body_count_like_the_query_and_each_may_be_given_once() {
        let with = |query: &str, fields: &[(&'static str, &str)]| {
            let request = TestRequest::with_uri(&format!("/process{query}")).to_http_request();
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            RequestedParams::of(&request).and_then(|params| params.with_fields(&fields))
        };
        let params = with("?quality=70", &[("format", "jpeg"), ("colors", "5"), ("theme", "")]).unwrap();
        assert_eq!(params.options.colors(), 5);
        assert_eq!(params.options.card, CardFormat::Jpeg { quality: 70 });
        let params = with("", &[("export", "css")]).unwrap();
        assert_eq!(params.format, ResponseFormat::Palette(Export::Css));
        for (query, field) in [("?colors=5", "colors"), ("?export=css", "export")] {
            let twice = with(query, &[(field, "5")]).unwrap_err();
            assert!(twice.detail().contains(field), "{twice}");
        }
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
    fn an_error_about_quality_names_what_decides_the_format() {
        let message = |accept| params("/process?quality=70", accept).unwrap_err();
        assert!(message("image/webp").contains("`Accept`"), "{}", message("image/webp"));
        assert!(message("image/*").ends_with("without `format=jpeg`."), "{}", message("image/*"));
        assert!(message("image/jpeg, text/html").ends_with("without `format=jpeg`."));
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
            ("export=css&format=jpeg", "format"),
            ("export=css&aspect=1:1", "aspect"),
            ("colours=5", "`colors`"),
            ("Format=png", "`format`"),
        ] {
            let message = params(&format!("/process?{query}"), "*/*").unwrap_err();
            assert!(message.contains(name), "{query}: {message}");
        }
    }
}
