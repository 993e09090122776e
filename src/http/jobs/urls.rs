//! Checks the URLs of a job, its pictures' and its callback's, before anything is stored. Failures that only the network
//! shows come later: as the picture's own error, or as a failed delivery attempt.

use std::borrow::Cow;
use std::collections::HashSet;

use actix_web::HttpRequest;
use huemill_actors::fault::Fault;
use huemill_actors::outbound::Target;
use huemill_store::archive;
use percent_encoding::percent_decode_str;

use crate::http::context;
use crate::http::state::Jobs;

/// The distinct names and URLs of a job's pictures, in the order in which they were sent.
///
/// # Errors
/// `INVALID_URL` that gives the position of the first URL that cannot be used, without repeating the URL.
pub(super) fn with_names(
    list: &[String],
    request: &HttpRequest,
    jobs: &Jobs,
) -> Result<Vec<(String, String)>, Fault> {
    let context = context::of(request);
    let (mut targets, mut seen) = (Vec::new(), HashSet::new());
    for (at, url) in list.iter().enumerate() {
        let target = jobs.check_url(url, &context).map_err(|fault| {
            fault.with_message(format!("URL number {} in `urls` cannot be used. {USABLE}", at + 1))
        })?;
        if seen.insert(target.full().to_owned()) {
            targets.push(target);
        }
    }
    let wanted: Vec<_> = targets.iter().map(file_name).collect();
    let names = archive::distinct(wanted.iter().map(|name| &**name));
    Ok(names.into_iter().zip(targets).map(|(name, target)| (name, target.full().to_owned())).collect())
}

const USABLE: &str = "Send public http or https addresses, written out in full.";

/// Checks the callback URL.
pub(super) fn check_callback(url: &str, request: &HttpRequest, jobs: &Jobs) -> Result<(), Fault> {
    let context = context::of(request);
    let checked = jobs.check_url(url, &context).map(drop);
    checked.map_err(|fault| {
        fault.with_message(
            "`callback_url` must be a public address such as https://example.org/done, without user and password.",
        )
    })
}

/// A picture's name: the last segment of its path, otherwise its host.
fn file_name(target: &Target) -> Cow<'_, str> {
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
    fn a_picture_is_named_after_its_path_or_its_host() {
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
            assert_eq!(file_name(&Target::parse(url, &AddressPolicy::default()).unwrap()), name, "{url}");
        }
    }
}
