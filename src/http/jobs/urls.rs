//! Checks the URLs of a job, its pictures' and its callback's, before anything is stored. A picture's URL that cannot be used
//! fails as that picture's own error, like what only the network shows.

use std::borrow::Cow;
use std::collections::HashMap;

use actix_web::HttpRequest;
use huemill_actors::fault::Fault;
use huemill_actors::outbound::Target;
use huemill_actors::submission::UrlPicture;
use huemill_store::archive::{self, Wanted};
use percent_encoding::percent_decode_str;

use crate::http::context;
use crate::http::state::Jobs;

/// The longest URL that is kept, in bytes. A longer one cannot be used, and is cut to as much.
const LONGEST: usize = 2_048;

/// A job's pictures in the order in which their URLs were sent, each with a name of its own.
///
/// # Errors
/// `INVALID_URL` if none of the URLs can be used.
pub(super) fn pictures(
    list: &[String],
    request: &HttpRequest,
    jobs: &Jobs,
) -> Result<Vec<UrlPicture>, Fault> {
    let targets: Vec<_> = list.iter().map(|url| jobs.target(url)).collect();
    if targets.iter().all(Option::is_none) {
        // Only this refusal is counted here: those of single pictures are counted when they are requested.
        let first = list.first().map_or("", String::as_str);
        jobs.check_url(first, &context::of(request)).map_err(|fault| {
            let detail = format!("None of `urls` can be used. The first: {}", fault.detail());
            fault
                .with_message("None of these addresses can be used. Send public http or https addresses.")
                .with_detail(detail)
        })?;
    }
    let names: Vec<_> =
        list.iter().zip(&targets).map(|(url, target)| PictureName::of(url, target.as_ref())).collect();
    let names = archive::distinct(names.iter().map(PictureName::wanted));
    let mut first_with: HashMap<&str, u32> = HashMap::new();
    let pictures = list.iter().zip(&targets).zip(names).enumerate().map(|(number, ((url, target), name))| {
        let number = number as u32;
        let first = target.as_ref().map(|target| *first_with.entry(target.full()).or_insert(number));
        UrlPicture { name, url: shortened(url), same_as: first.filter(|first| *first != number) }
    });
    Ok(pictures.collect())
}

/// A URL that is not longer than any that can be used. The mark at the end keeps a shortened one from being used.
fn shortened(url: &str) -> String {
    if url.len() <= LONGEST {
        return url.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|end| url.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &url[..end])
}

/// Checks the callback URL and where its host leads now. It is checked again when it is called.
pub(super) async fn check_callback(url: &str, request: &HttpRequest, jobs: &Jobs) -> Result<(), Fault> {
    let checked = jobs.check_host(url, &context::of(request)).await;
    checked.map_err(|fault| {
        let detail = format!("`callback_url` cannot be used. {}", fault.detail());
        fault.with_detail(detail)
    })
}

/// A picture's name: the last segment of its path, otherwise its host.
#[derive(Debug, PartialEq, Eq)]
enum PictureName<'a> {
    File(Cow<'a, str>),
    Host(String),
}

impl<'a> PictureName<'a> {
    fn of(url: &'a str, target: Option<&'a Target>) -> Self {
        let Some(target) = target else {
            // What is no URL has no path. Without its query, which may be a secret, this is what its sender knows it by.
            let path = url.split(['?', '#']).next().unwrap_or_default();
            let last = path.rsplit(['/', '\\']).find(|segment| !segment.is_empty());
            return Self::File(last.unwrap_or_default().into());
        };
        let name = percent_decode_str(target.file_name()).decode_utf8_lossy();
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned();
        if name.is_empty() {
            let endpoint = target.endpoint();
            return Self::Host(
                endpoint.rsplit_once(':').map_or_else(String::new, |(host, _)| host.to_owned()),
            );
        }
        Self::File(name.into())
    }

    fn wanted(&self) -> Wanted<'_> {
        match self {
            Self::File(name) => Wanted::File(name),
            Self::Host(name) => Wanted::Host(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use huemill_actors::outbound::AddressPolicy;

    use super::*;

    #[test]
    fn a_picture_is_named_after_its_path_or_its_host() {
        let (file, host) = (
            |name: &'static str| PictureName::File(name.into()),
            |name: &str| PictureName::Host(name.into()),
        );
        for (url, name) in [
            ("http://example.org/trip/one.jpg?size=2#top", file("one.jpg")),
            ("http://example.org/caf%C3%A9%20au%20lait.png", file("caf\u{e9} au lait.png")),
            ("http://example.org/%FF.png", file("\u{fffd}.png")),
            ("http://example.org/a/..%2f..%2fetc%2fpasswd", file("passwd")),
            ("http://example.org/C%3A%5Cx.png", file("x.png")),
            ("http://example.org/%20", host("example.org")),
            ("http://example.org/pictures/", host("example.org")),
            ("https://EXAMPLE.org", host("example.org")),
            ("http://[2606:4700::1]/", host("[2606:4700::1]")),
        ] {
            let target = Target::parse(url, &AddressPolicy::default()).unwrap();
            assert_eq!(PictureName::of(url, Some(&target)), name, "{url}");
        }
        for (url, name) in [
            ("not a url", "not a url"),
            ("ftp://host/a.png?token=1", "a.png"),
            ("", ""),
            ("http://10.0.0.1/", "10.0.0.1"),
        ] {
            assert_eq!(PictureName::of(url, None), file(name), "{url}");
        }
    }

    #[test]
    fn a_url_that_is_too_long_is_cut_and_stays_unusable() {
        let long = format!("http://example.org/{}", "é".repeat(5_000));
        let kept = shortened(&long);
        assert!(
            kept.len() > LONGEST
                && kept.len() < LONGEST + 4
                && Target::parse(&kept, &AddressPolicy::default()).is_err()
        );
        assert_eq!(shortened("http://example.org/"), "http://example.org/");
    }
}
