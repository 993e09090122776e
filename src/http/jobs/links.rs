//! Download links: a path, the time they end at, and a signature over both. Deterministic, so that a job's body
//! does not change between polls. The key is kept in the store, so that every process makes and takes the same.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Query;
use hmac::{Hmac, Mac};
use huemill_actors::fault::{Code, Fault};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::http::hex;

/// Makes and checks links.
#[derive(Clone)]
pub(crate) struct Links(Arc<SecretString>);

/// What the query of a request for a download says of its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nothing: the bare path was asked for.
    None,
    /// It holds.
    Good,
    /// It was ours, and is past its time.
    Late,
    /// It was never ours.
    Forged,
}

impl Links {
    /// Links that are signed with this key.
    #[must_use]
    pub(crate) fn new(key: SecretString) -> Self {
        Self(Arc::new(key))
    }

    /// The URL of `path` under `base`, good until `expires` (Unix seconds).
    #[must_use]
    pub(crate) fn url(&self, base: &str, path: &str, expires: i64) -> String {
        format!("{base}{path}?expires={expires}&signature={}", self.signature(path, expires))
    }

    /// Judges a request's link at this time (Unix seconds).
    #[must_use]
    pub(crate) fn check(&self, path: &str, query: &str, now: i64) -> Link {
        let Ok(pairs) = Query::<Vec<(String, String)>>::from_query(query) else { return Link::Forged };
        let all = |name: &str| -> Vec<&str> {
            pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
        };
        match (&all("expires")[..], &all("signature")[..]) {
            ([], []) => Link::None,
            ([expires], [signature]) => self.judge(path, expires, signature, now),
            _ => Link::Forged,
        }
    }

    fn judge(&self, path: &str, expires: &str, signature: &str, now: i64) -> Link {
        let Ok(time) = expires.parse::<i64>() else { return Link::Forged };
        let ours = self.signature(path, time);
        let same = bool::from(ours.as_bytes().ct_eq(signature.as_bytes()));
        // One spelling of the time alone: `+5` and `05` were not signed.
        if !same || time.to_string() != expires {
            Link::Forged
        } else if time <= now {
            Link::Late
        } else {
            Link::Good
        }
    }

    fn signature(&self, path: &str, expires: i64) -> String {
        let key = self.0.expose_secret().as_bytes();
        // An HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
        mac.update(format!("{path}\n{expires}").as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

impl Link {
    /// The refusal of a link that does not hold.
    pub(crate) fn verdict(self) -> Result<(), Fault> {
        match self {
            Self::None | Self::Good => Ok(()),
            Self::Late => Err(Fault::new(Code::ExpiredLink).with_cause("late")),
            Self::Forged => Err(Fault::new(Code::ExpiredLink).with_cause("forged")),
        }
    }

    /// Why the link does not hold, as metrics say it.
    #[must_use]
    pub(crate) fn reason(self) -> Option<&'static str> {
        match self {
            Self::None | Self::Good => None,
            Self::Late => Some("link_expired"),
            Self::Forged => Some("link_forged"),
        }
    }
}

/// The path of a job's results.
#[must_use]
pub(crate) fn results_path(job: &str) -> String {
    format!("/jobs/{job}/results.zip")
}

/// The path of one of a job's cards.
#[must_use]
pub(crate) fn card_path(job: &str, number: u32) -> String {
    format!("/jobs/{job}/results/{number}/card")
}

/// Where clients reach the service: as configured, else by the request's own host. Headers that a proxy adds are not
/// believed.
#[must_use]
pub(crate) fn base_url(configured: &str, request: &HttpRequest) -> String {
    if !configured.is_empty() {
        return configured.trim_end_matches('/').to_owned();
    }
    let named = request.headers().get(actix_web::http::header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(actix_web::http::uri::Authority::as_str).or(named);
    match host.filter(|host| is_host(host)) {
        Some(host) => format!("http://{host}"),
        None => format!("http://{}", request.app_config().local_addr()),
    }
}

fn is_host(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    (1..=255).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const PATH: &str = "/jobs/job_1/results.zip";

    fn links(key: &str) -> Links {
        Links::new(key.into())
    }

    fn query(links: &Links, path: &str, expires: i64) -> String {
        links.url("", path, expires).split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn a_link_is_good_until_its_time_and_always_the_same() {
        let links = links("a key");
        let query = query(&links, PATH, 1_000);
        assert_eq!(links.url("http://h", PATH, 1_000), links.url("http://h", PATH, 1_000));
        assert_eq!(links.check(PATH, &query, 999), Link::Good);
        assert_eq!(links.check(PATH, &query, 1_000), Link::Late);
        assert_eq!(links.check(PATH, "", 0), Link::None);
        assert_eq!(links.check(PATH, "other=1", 0), Link::None);
    }

    #[test]
    fn a_signature_is_the_standards_own() {
        // HMAC-SHA256(key = "key", "/p\n1"), computed with another program.
        assert_eq!(
            links("key").signature("/p", 1),
            "f07a3ff1d7389ca55e62ebddcd5fd502488576821317c52692d6097d96ea9b84"
        );
    }

    #[test]
    fn whatever_is_changed_makes_it_forged() {
        let ours = links("a key");
        let good = query(&ours, PATH, 1_000);
        for bad in [
            good.replace("expires=1000", "expires=2000"),
            good.replace("expires=1000", "expires=01000"),
            good.replace("expires=1000", "expires=%2B1000"),
            good.replace("expires=1000&", ""),
            good.replace("signature=", "signature=0"),
            good[..good.len() - 1].to_owned(),
            format!("{good}&expires=1000"),
            "expires=1000".to_owned(),
            "signature=".to_owned(),
            "expires=&signature=".to_owned(),
            query(&links("another"), PATH, 1_000),
            query(&ours, "/jobs/job_2/results.zip", 1_000),
        ] {
            assert_eq!(ours.check(PATH, &bad, 0), Link::Forged, "{bad}");
        }
    }

    #[test]
    fn the_base_is_the_configured_one_or_the_requests_host() {
        let base = |host: &'static str, forwarded: &'static str| {
            let request = TestRequest::default()
                .insert_header(("host", host))
                .insert_header(("x-forwarded-host", forwarded))
                .to_http_request();
            base_url("", &request)
        };
        assert_eq!(base("pictures.example:8080", "evil.example"), "http://pictures.example:8080");
        assert_eq!(base("[::1]:8080", ""), "http://[::1]:8080");
        assert!(!base("user@evil.example/", "").contains("evil"));
        let request = TestRequest::default().to_http_request();
        assert_eq!(base_url("https://huemill.example/", &request), "https://huemill.example");
    }
}
