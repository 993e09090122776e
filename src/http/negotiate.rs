//! What a client asks of a picture: the query's options, and whether the answer is JSON or the card itself.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use actix_web::mime::{self, Mime};
use actix_web::web::Query;
use huemill_actors::fault::{Code, Fault};
use huemill_imaging::{CardFormat, Options};

/// What to make, and how to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// For the engine.
    pub options: Options,
    /// For the answer.
    pub reply: Reply,
}

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// JSON with the card inside.
    Json,
    /// The card's bytes.
    Card,
}

impl Asked {
    /// Reads the query and, for the reply and the card's format, `Accept`.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Fault> {
        let query = pairs(request.query_string())?;
        let asks = Asks::of(query.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        let (reply, accepted) = accepted(request.headers());
        Ok(Self { options: asks.options(accepted), reply })
    }
}

/// The options among these fields, each of which may come once.
pub(crate) fn options<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Options, Fault> {
    Asks::of(fields).map(|asks| asks.options(None))
}

/// The names and values of a query.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(|error| {
        invalid("The query cannot be read: write it as name=value&name=value.").with_cause(error)
    })?;
    Ok(pairs.into_inner())
}

/// The fields that [`options`] reads.
pub(crate) const OPTIONS: [&str; 4] = ["colors", "aspect", "format", "quality"];

/// The fields, parsed.
struct Asks {
    options: Options,
    format: Option<&'static str>,
    quality: Option<u8>,
}

impl Asks {
    fn of<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut asks = Self { options: Options::default(), format: None, quality: None };
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in fields.filter(|(name, _)| OPTIONS.contains(name)) {
            if seen.contains(&name) {
                return Err(invalid(format!("{name} is there twice: send it once.")));
            }
            seen.push(name);
            asks.set(name, value)?;
        }
        Ok(asks)
    }

    /// What is asked for; a format that is accepted wins over one that is named.
    fn options(self, accepted: Option<&'static str>) -> Options {
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
                    .ok_or_else(|| invalid("colors must be a whole number from 2 to 20."))?;
            }
            "aspect" => {
                self.options.aspect = value.parse().map_err(|_| {
                    invalid(
                        "aspect must be two whole numbers from 1 to 100 with a colon between, such as 3:2.",
                    )
                })?;
            }
            "format" => {
                self.format = match value {
                    "png" => Some("png"),
                    "jpeg" | "jpg" => Some("jpeg"),
                    "webp" => Some("webp"),
                    _ => return Err(invalid("format must be png, jpeg or webp.")),
                };
            }
            _ => {
                self.quality = value.parse().ok().filter(|quality| (1..=100).contains(quality));
                if self.quality.is_none() {
                    return Err(invalid("quality must be a whole number from 1 to 100."));
                }
            }
        }
        Ok(())
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).with_message(message)
}

/// The reply that the client likes best (RFC 9110, 12.5.1); JSON where it names nothing that we make, since an
/// answer that is not wished for helps more than none.
fn accepted(headers: &HeaderMap) -> (Reply, Option<&'static str>) {
    let mut wishes: Vec<(f32, Mime)> = headers
        .get_all(header::ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|item| item.trim().parse::<Mime>().ok())
        .map(|wish| (wish.get_param("q").and_then(|q| q.as_str().parse().ok()).unwrap_or(1.0), wish))
        .filter(|(weight, _)| *weight > 0.0)
        .collect();
    wishes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for (_, wish) in &wishes {
        match (wish.type_(), wish.subtype().as_str()) {
            (mime::IMAGE, "png") => return (Reply::Card, Some("png")),
            (mime::IMAGE, "jpeg") => return (Reply::Card, Some("jpeg")),
            (mime::IMAGE, "webp") => return (Reply::Card, Some("webp")),
            (mime::IMAGE, "*") => return (Reply::Card, None),
            (mime::STAR, _) | (mime::APPLICATION, "json" | "*") => return (Reply::Json, None),
            _ => {}
        }
    }
    (Reply::Json, None)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(uri: &str, accept: &str) -> Result<Asked, String> {
        let request = TestRequest::with_uri(uri).insert_header((header::ACCEPT, accept)).to_http_request();
        Asked::of(&request).map_err(|fault| fault.message.into_owned())
    }

    #[test]
    fn nothing_asked_is_ten_colours_three_to_two_and_json() {
        for accept in ["", "*/*", "application/json", "text/html", "application/json, text/plain, */*"] {
            assert_eq!(
                asked("/process", accept),
                Ok(Asked { options: Options::default(), reply: Reply::Json }),
                "{accept:?}"
            );
        }
    }

    #[test]
    fn an_accepted_picture_type_is_the_card_itself() {
        let card =
            |accept| asked("/process", accept).map(|asked| (asked.reply, asked.options.card.media_type()));
        assert_eq!(card("image/png"), Ok((Reply::Card, "image/png")));
        assert_eq!(card("image/webp, */*;q=0.1"), Ok((Reply::Card, "image/webp")));
        assert_eq!(card("application/json;q=0.5, image/jpeg"), Ok((Reply::Card, "image/jpeg")));
        assert_eq!(card("image/*"), Ok((Reply::Card, "image/png")));
        assert_eq!(card("image/png;q=0, application/json"), Ok((Reply::Json, "image/png")));
    }

    #[test]
    fn the_query_sets_the_options() {
        let asked = asked("/process?colors=5&aspect=1:1&format=jpeg&quality=70&cache=x", "*/*").unwrap();
        assert_eq!(asked.options.colors(), 5);
        assert_eq!(asked.options.aspect.to_string(), "1:1");
        assert_eq!(asked.options.card, CardFormat::Jpeg { quality: 70 });
    }

    #[test]
    fn a_value_out_of_range_says_what_is_right() {
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
            let told = asked(&format!("/process?{query}"), "*/*").unwrap_err();
            assert!(told.contains(name), "{query}: {told}");
        }
    }
}
