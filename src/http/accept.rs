//! Reads what a client accepts: the lists with weights of `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2 and 12.5). Old
//! clients write them in their own ways (`*; q=.2`), so nothing in them is an error: what cannot be read is left out.

use actix_web::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};
use huemill_imaging::FormatName;

/// The formats of cards, the one first that is made if a client has no preference.
const CARD_FORMATS: [(FormatName, &str); 3] =
    [(FormatName::Png, "image/png"), (FormatName::Jpeg, "image/jpeg"), (FormatName::WebP, "image/webp")];

/// Maximum number of elements of a list that are read. Browsers send about ten.
const MAX_ELEMENTS: usize = 100;

/// The body that a client gets for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptedBody {
    /// JSON that contains the card.
    Json,
    /// The card itself, in this format if the client asks for one.
    Card(Option<FormatName>),
}

/// An element of a list, in lower case and without parameters, and its weight in thousandths.
type Weighted = (String, u16);

/// The body that a client accepts. It is the card only if the client accepts pictures alone: whoever accepts pages or
/// anything at all, such as a form in a browser, gets JSON. So does whoever accepts nothing that there is, because an
/// unwanted response helps more than none.
pub(crate) fn body(headers: &HeaderMap) -> AcceptedBody {
    let mut ranges = weighted_list(headers, ACCEPT);
    // Java writes `*` for `*/*`.
    ranges.iter_mut().filter(|(range, _)| range == "*").for_each(|(range, _)| range.push_str("/*"));
    // The most specific range decides.
    let weight = |names: [&str; 3]| {
        names
            .iter()
            .find_map(|name| ranges.iter().find(|(range, _)| range == name))
            .map(|(_, weight)| *weight)
    };
    let formats = CARD_FORMATS
        .map(|(format, name)| (format, name, weight([name, "image/*", "*/*"]).unwrap_or_default()));
    let is_accepted = |range: &Weighted| range.1 > 0;
    let is_picture = |range: &Weighted| range.0.starts_with("image/");
    let json_refused = weight(["application/json", "application/*", "*/*"]) == Some(0);
    let others = ranges.iter().any(|range| is_accepted(range) && !is_picture(range));
    let best = formats.iter().map(|(.., weight)| *weight).max().unwrap_or_default();
    if (others && !json_refused) || best == 0 {
        return AcceptedBody::Json;
    }
    let mut best_formats = formats.iter().filter(|(.., weight)| *weight == best);
    let named = ranges.iter().find_map(|(range, _)| {
        best_formats.clone().find(|(_, name, _)| range == name).map(|(format, ..)| *format)
    });
    // Among equal weights, the first in the header wins; a wildcard leaves the choice to the options.
    let excluded = formats.iter().any(|(.., weight)| *weight < best);
    let any = if excluded { best_formats.next().map(|(format, ..)| *format) } else { None };
    AcceptedBody::Card(named.or(any))
}

/// Whether a client accepts a response that is compressed with gzip.
pub(crate) fn gzip(headers: &HeaderMap) -> bool {
    let codings = weighted_list(headers, ACCEPT_ENCODING);
    let weight = |name: &str| codings.iter().find(|(coding, _)| coding == name).map(|(_, weight)| *weight);
    weight("gzip").or_else(|| weight("x-gzip")).or_else(|| weight("*")).is_some_and(|weight| weight > 0)
}

fn weighted_list(headers: &HeaderMap, name: HeaderName) -> Vec<Weighted> {
    let mut list = Vec::new();
    for value in headers.get_all(name) {
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        let elements = text.split(',').filter_map(element);
        list.extend(elements.take(MAX_ELEMENTS - list.len()));
    }
    list
}

/// Reads an element such as `text/html;level=1;q=0.5`. A weight that is none counts as 1.
fn element(text: &str) -> Option<Weighted> {
    let mut parts = text.split(';').map(str::trim);
    let value = parts.next().filter(|value| !value.is_empty())?;
    let weight = parts.find_map(|part| {
        let (name, weight) = part.split_once('=')?;
        (name.trim_end() == "q").then(|| thousandths(weight.trim()))
    });
    Some((value.to_owned(), weight.unwrap_or(1_000)))
}

fn thousandths(weight: &str) -> u16 {
    match weight.parse::<f64>() {
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1_000.0).round() as u16,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        headers
    }

    fn accepted(accept: &str) -> AcceptedBody {
        body(&headers(ACCEPT, accept))
    }

    #[test]
    fn clients_that_accept_more_than_pictures_get_json() {
        for accept in [
            "",
            "*/*",
            "*",
            "application/json",
            "application/json, text/plain, */*",
            // Java's HttpURLConnection.
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
            // A form in a browser.
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
            // A picture in a page.
            "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
            "application/json;q=0.1, image/png",
            "image/webp, */*;q=0.1",
            "text/html, image/png",
            "image/png;q=0",
            "image/png;q=0, application/json",
            "image/avif",
            "image/svg+xml, image/gif",
        ] {
            assert_eq!(accepted(accept), AcceptedBody::Json, "{accept}");
        }
    }

    #[test]
    fn clients_that_accept_pictures_alone_get_the_card() {
        for (accept, format) in [
            ("image/png", Some(FormatName::Png)),
            ("IMAGE/PNG", Some(FormatName::Png)),
            ("image/avif, image/webp", Some(FormatName::WebP)),
            ("image/jpeg;q=0.5, image/webp;q=0.9", Some(FormatName::WebP)),
            ("image/jpeg, image/webp", Some(FormatName::Jpeg)),
            ("image/*", None),
            ("image/*;q=0.5, image/jpeg", Some(FormatName::Jpeg)),
            ("image/*, image/png;q=0", Some(FormatName::Jpeg)),
            ("image/png;q=0, image/jpeg;q=0, image/*", Some(FormatName::WebP)),
            ("image/png, application/json;q=0", Some(FormatName::Png)),
            ("image/png, */*;q=0", Some(FormatName::Png)),
            ("application/json;q=0, */*", None),
            ("image/png;level=1;q=1", Some(FormatName::Png)),
            ("image/png;q=high", Some(FormatName::Png)),
        ] {
            assert_eq!(accepted(accept), AcceptedBody::Card(format), "{accept}");
        }
    }

    #[test]
    fn gzip_is_sent_only_to_those_that_accept_it() {
        for (value, is_accepted) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("GZIP;Q=0.5", true),
            ("x-gzip", true),
            ("*", true),
            ("identity;q=1, *;q=0.5", true),
            ("", false),
            ("identity", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=0.000", false),
        ] {
            assert_eq!(gzip(&headers(ACCEPT_ENCODING, value)), is_accepted, "{value}");
        }
        assert!(!gzip(&HeaderMap::new()));
    }

    #[test]
    fn arbitrary_headers_are_read() {
        let seeds = [
            "text/html, image/gif, *; q=.2, */*; q=.2",
            "image/avif,image/*;q=0.8",
            "gzip;q=0, x-gzip, *",
            ";q=,;",
        ];
        crate::http::short_run::fuzz(2, &seeds.map(|seed| seed.as_bytes().to_vec()), |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
            let mut map = HeaderMap::new();
            map.insert(ACCEPT, value.clone());
            map.insert(ACCEPT_ENCODING, value);
            assert!(weighted_list(&map, ACCEPT).iter().all(|(_, weight)| *weight <= 1_000));
            assert_eq!((body(&map), gzip(&map)), (body(&map), gzip(&map)));
        });
    }

    #[test]
    fn of_a_long_list_the_start_is_read() {
        let long = "a,".repeat(60_000) + "image/png";
        assert_eq!(weighted_list(&headers(ACCEPT, &long), ACCEPT).len(), MAX_ELEMENTS);
        assert_eq!(accepted(&long), AcceptedBody::Json);
    }

    proptest! {
        #[test]
        fn no_header_causes_a_panic(value in "[a-z*/;,=.q0-9 \"\u{e9}]{0,60}") {
            let _ = (accepted(&value), gzip(&headers(ACCEPT_ENCODING, &value)));
        }

        #[test]
        fn whoever_accepts_json_gets_it(before in "(image/[a-z]{3,5}(;q=0\\.[0-9])?, ?){0,4}", after in "(, image/png)?") {
            prop_assert_eq!(accepted(&format!("{before}application/json{after}")), AcceptedBody::Json);
        }
    }
}
