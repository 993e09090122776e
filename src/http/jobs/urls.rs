//! The addresses that a job names: its pictures and its callback, judged before anything is kept.
//!
//! What only the network can tell is told later: of a picture as its own verdict, of a callback as an attempt's.

use std::borrow::Cow;
use std::collections::HashSet;

use actix_web::HttpRequest;
use huemill_actors::fault::Fault;
use huemill_actors::outbound::Target;
use huemill_store::archive;
use percent_encoding::percent_decode_str;

use crate::http::context;
use crate::http::doors::Doors;

/// Names and URLs of a job's pictures, each once, in the order in which they were sent.
///
/// # Errors
/// `INVALID_URL` that says which of them is the first that cannot be used, and does not repeat it.
pub(super) fn named(
    list: &[String],
    request: &HttpRequest,
    doors: &Doors,
) -> Result<Vec<(String, String)>, Fault> {
    let context = context::of(request);
    let (mut targets, mut seen) = (Vec::new(), HashSet::new());
    for (at, url) in list.iter().enumerate() {
        let target = doors.target(url, context.id.as_str()).map_err(|fault| {
            let told = format!("The URL number {} of urls cannot be used. {USABLE}", at + 1);
            fault.with_message(told)
        })?;
        if seen.insert(target.full().to_owned()) {
            targets.push(target);
        }
    }
    let wishes: Vec<_> = targets.iter().map(wish).collect();
    let names = archive::distinct(wishes.iter().map(|wish| &**wish));
    Ok(names.into_iter().zip(targets).map(|(name, target)| (name, target.full().to_owned())).collect())
}

const USABLE: &str = "Send public http or https addresses, written out in full.";

/// Refuses a callback that cannot be called.
pub(super) fn callback(url: &str, request: &HttpRequest, doors: &Doors) -> Result<(), Fault> {
    let context = context::of(request);
    let judged = doors.target(url, context.id.as_str()).map(drop);
    judged.map_err(|fault| {
        fault.with_message(
            "callback_url must be a public address such as https://example.org/done, without user and password.",
        )
    })
}

/// What a picture would be called: the last step of its path, else its host.
fn wish(target: &Target) -> Cow<'_, str> {
    let name = percent_decode_str(target.file_name()).decode_utf8_lossy();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        let endpoint = target.endpoint();
        return endpoint.rsplit_once(':').map_or_else(String::new, |(host, _)| host.to_owned()).into();
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use huemill_actors::outbound::AddressPolicy;

    use super::*;

    #[test]
    fn a_picture_is_called_as_its_path_ends_else_as_its_host() {
        for (url, name) in [
            ("http://example.org/trip/one.jpg?size=2#top", "one.jpg"),
            ("http://example.org/caf%C3%A9%20au%20lait.png", "caf\u{e9} au lait.png"),
            ("http://example.org/%FF.png", "\u{fffd}.png"),
            ("http://example.org/a/..%2f..%2fetc%2fpasswd", "passwd"),
            ("http://example.org/C%3A%5Cx.png", "x.png"),
            ("http://example.org/%20", "example.org"),
            ("http://example.org/pictures/", "example.org"),
            ("https://EXAMPLE.org", "example.org"),
            ("http://[2606:4700::1]/", "[2606:4700::1]"),
        ] {
            assert_eq!(wish(&Target::parse(url, &AddressPolicy::default()).unwrap()), name, "{url}");
        }
    }
}
