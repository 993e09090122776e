//! Signs and checks download links: a path, an expiry time, and a signature over both. Links are deterministic, so that a
//! job's body does not change between polls. The key is in the store, so that all processes make and accept the same links.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Query;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::http::client::is_loopback_name;
use crate::http::connection::ConnectionInfo;
use crate::http::context;
use crate::signing::hmac_hex;

/// Makes and checks links.
#[derive(Clone)]
pub(crate) struct DownloadLinks(Arc<SecretString>);

/// The result of checking a download request's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkCheck {
    /// The request has no link, only the bare path.
    Absent,
    /// The link is valid.
    Valid,
    /// The service made the link, but it has expired.
    Expired,
    /// The service did not make the link.
    Forged,
}

impl DownloadLinks {
    /// Links that are signed with this key.
    pub(crate) fn new(key: SecretString) -> Self {
        Self(Arc::new(key))
    }

    /// The URL of `path` under `base`, valid until `expires` (Unix seconds).
    pub(crate) fn url(&self, base: &str, path: &str, expires: i64) -> String {
        format!("{base}{path}?expires={expires}&signature={}", self.signature(path, expires))
    }

    /// Checks a request's link at the time `now` (Unix seconds).
    pub(crate) fn check(&self, path: &str, query: &str, now: i64) -> LinkCheck {
        let Ok(pairs) = Query::<Vec<(String, String)>>::from_query(query) else { return LinkCheck::Forged };
        let all = |name: &str| -> Vec<&str> {
            pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
        };
        match (&all("expires")[..], &all("signature")[..]) {
            ([], []) => LinkCheck::Absent,
            ([expires], [signature]) => self.check_signature(path, expires, signature, now),
            _ => LinkCheck::Forged,
        }
    }

    fn check_signature(&self, path: &str, expires: &str, signature: &str, now: i64) -> LinkCheck {
        let Ok(time) = expires.parse::<i64>() else { return LinkCheck::Forged };
        let expected = self.signature(path, time);
        let matches = bool::from(expected.as_bytes().ct_eq(signature.as_bytes()));
        // Only one spelling of the time was signed: `+5` and `05` are forged.
        if !matches || time.to_string() != expires {
            LinkCheck::Forged
        } else if time <= now {
            LinkCheck::Expired
        } else {
            LinkCheck::Valid
        }
    }

    fn signature(&self, path: &str, expires: i64) -> String {
        hmac_hex(&self.0, &format!("{path}\n{expires}"))
    }
}

impl LinkCheck {
    /// Why the link is refused, as a metric label and as the cause for the log.
    pub(crate) fn refusal(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Absent | Self::Valid => None,
            Self::Expired => Some(("link_expired", "late")),
            Self::Forged => Some(("link_forged", "forged")),
        }
    }
}

/// The path of a job's results.
pub(crate) fn results_path(job: &str) -> String {
    format!("/jobs/{job}/results.zip")
}

/// The path of one of a job's cards.
pub(crate) fn card_path(job: &str, number: u32) -> String {
    format!("/jobs/{job}/results/{number}/card")
}

/// The service's base URL for clients: the configured one, otherwise scheme and host as the client asked for them.
pub(crate) fn base_url(configured: &str, request: &HttpRequest) -> String {
    if !configured.is_empty() {
        return configured.trim_end_matches('/').to_owned();
    }
    let context = context::of(request);
    let scheme = context.client.scheme;
    if let Some(host) = &context.client.host {
        return format!("{scheme}://{host}");
    }
    let local = request.conn_data::<ConnectionInfo>().and_then(|connection| connection.local);
    format!("{scheme}://{}", local.map_or("localhost".to_owned(), |address| address.to_string()))
}

/// The base of the URLs in webhooks: the configured one, otherwise the job's own if it names this machine. Any other
/// host was chosen by whoever sent the request, and a receiver would trust it because of the signature.
pub(crate) fn webhook_base<'a>(configured: &'a str, of_job: &'a str) -> Option<&'a str> {
    if !configured.is_empty() {
        return Some(configured.trim_end_matches('/'));
    }
    let host = of_job.split_once("://").map_or(of_job, |(_, host)| host);
    is_loopback_name(host).then_some(of_job)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const PATH: &str = "/jobs/job_1/results.zip";

    fn links(key: &str) -> DownloadLinks {
        DownloadLinks::new(key.into())
    }

    fn query(links: &DownloadLinks, path: &str, expires: i64) -> String {
        links.url("", path, expires).split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn a_link_is_valid_until_it_expires_and_always_the_same() {
        let links = links("a key");
        let query = query(&links, PATH, 1_000);
        assert_eq!(links.url("http://h", PATH, 1_000), links.url("http://h", PATH, 1_000));
        assert_eq!(links.check(PATH, &query, 999), LinkCheck::Valid);
        assert_eq!(links.check(PATH, &query, 1_000), LinkCheck::Expired);
        assert_eq!(links.check(PATH, "", 0), LinkCheck::Absent);
        assert_eq!(links.check(PATH, "other=1", 0), LinkCheck::Absent);
    }

    #[test]
    fn a_signature_matches_another_implementation() {
        // HMAC-SHA256(key = "key", "/p\n1"), computed with another program.
        assert_eq!(
            links("key").signature("/p", 1),
            "f07a3ff1d7389ca55e62ebddcd5fd502488576821317c52692d6097d96ea9b84"
        );
    }

    #[test]
    fn any_change_makes_a_link_forged() {
        let own = links("a key");
        let good = query(&own, PATH, 1_000);
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
            query(&own, "/jobs/job_2/results.zip", 1_000),
        ] {
            assert_eq!(own.check(PATH, &bad, 0), LinkCheck::Forged, "{bad}");
        }
    }

    #[test]
    fn the_configured_base_wins() {
        let request = TestRequest::default().to_http_request();
        assert_eq!(base_url("https://huemill.example/", &request), "https://huemill.example");
    }

    #[test]
    fn a_webhook_bears_no_host_that_a_client_chose() {
        assert_eq!(
            webhook_base("https://huemill.example/", "http://evil.example"),
            Some("https://huemill.example")
        );
        assert_eq!(webhook_base("", "http://localhost:8080"), Some("http://localhost:8080"));
        assert_eq!(webhook_base("", "http://[::1]"), Some("http://[::1]"));
        assert_eq!(webhook_base("", "http://evil.example"), None);
        assert_eq!(webhook_base("", "http://localhost.evil.example"), None);
    }
}
