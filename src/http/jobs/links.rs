//! Makes and checks the links in bodies: to a job's results, its cards and its events. A link has an id of its own, which
//! tells nothing of the job. Links are deterministic, so that a job's body does not change between polls. The key is in
//! the store, so that all processes make and accept the same links.
//!
//! Links of the old form, a job's path with an expiry time and a signature over both, are accepted until they expire.
//! Nothing makes them any more. A link that is refused is an `EXPIRED_LINK`.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Query;
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::JobId;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use super::link_id::LinkSealer;
pub(crate) use super::link_id::{BadLink, LinkedThing};
use crate::http::client::is_loopback_name;
use crate::http::connection::ConnectionInfo;
use crate::http::context;
use crate::signing::hmac_hex;

/// Makes and checks links.
#[derive(Clone)]
pub(crate) struct Links(Arc<Inner>);

struct Inner {
    /// Signs the links of the old form.
    key: SecretString,
    sealer: LinkSealer,
}

impl BadLink {
    /// Why the link is refused, as a metric label.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Expired => "link_expired",
            Self::Forged => "link_forged",
        }
    }
}

impl From<BadLink> for Fault {
    fn from(bad: BadLink) -> Self {
        Self::new(Code::ExpiredLink).with_cause(match bad {
            BadLink::Expired => "late",
            BadLink::Forged => "forged",
        })
    }
}

impl Links {
    /// Links that are made with this key.
    pub(crate) fn new(key: SecretString) -> Self {
        let sealer = LinkSealer::new(&key);
        Self(Arc::new(Inner { key, sealer }))
    }

    /// The URL of a part of a job under `base`, valid until `expires` (Unix seconds).
    pub(crate) fn url(&self, base: &str, job: &JobId, thing: LinkedThing, expires: i64) -> String {
        let id = self.0.sealer.seal(job, thing, expires);
        match thing {
            LinkedThing::Results => format!("{base}/links/{id}/results.zip"),
            LinkedThing::Events => format!("{base}/links/{id}/events"),
            LinkedThing::Card(number) => format!("{base}/links/{id}/cards/{number}"),
        }
    }

    /// The job of a link, and when the link expires. `now` is in Unix seconds.
    ///
    /// # Errors
    /// The link was not made for this thing, or has expired.
    pub(crate) fn open(&self, id: &str, thing: LinkedThing, now: i64) -> Result<(JobId, i64), BadLink> {
        self.0.sealer.open(id, thing, now)
    }

    /// Checks a request to a job's path that may be a link of the old form. Returns when the link expires, or `None` if
    /// the request has only the path.
    ///
    /// # Errors
    /// The service did not make the link, or it has expired at the time `now` (Unix seconds).
    pub(crate) fn check_signed(&self, path: &str, query: &str, now: i64) -> Result<Option<i64>, BadLink> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(|_| BadLink::Forged)?;
        let all = |name: &str| -> Vec<&str> {
            pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
        };
        match (&all("expires")[..], &all("signature")[..]) {
            ([], []) => Ok(None),
            ([expires], [signature]) => self.check_signature(path, expires, signature, now).map(Some),
            _ => Err(BadLink::Forged),
        }
    }

    fn check_signature(&self, path: &str, expires: &str, signature: &str, now: i64) -> Result<i64, BadLink> {
        let time = expires.parse::<i64>().map_err(|_| BadLink::Forged)?;
        let expected = self.signature(path, time);
        let matches = bool::from(expected.as_bytes().ct_eq(signature.as_bytes()));
        // Only one spelling of the time was signed: `+5` and `05` are forged.
        if !matches || time.to_string() != expires {
            Err(BadLink::Forged)
        } else if time <= now {
            Err(BadLink::Expired)
        } else {
            Ok(time)
        }
    }

    fn signature(&self, path: &str, expires: i64) -> String {
        hmac_hex(&self.0.key, &format!("{path}\n{expires}"))
    }
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

/// The path of the configured base URL, without a slash at its end: where the service is for clients of its proxy.
pub(crate) fn base_path(configured: &str) -> &str {
    let authority = configured.split_once("://").map_or(configured, |(_, authority)| authority);
    authority.find('/').map_or("", |path| authority[path..].trim_end_matches('/'))
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

    fn links(key: &str) -> Links {
        Links::new(key.into())
    }

    /// The query of a link of the old form.
    fn query(links: &Links, path: &str, expires: i64) -> String {
        format!("expires={expires}&signature={}", links.signature(path, expires))
    }

    #[test]
    fn the_path_of_the_base_url_is_that_of_the_service() {
        for (configured, path) in [
            ("", ""),
            ("https://huemill.example", ""),
            ("https://huemill.example/", ""),
            ("https://example.org/api/huemill/", "/api/huemill"),
            ("http://[::1]:8080/x", "/x"),
        ] {
            assert_eq!(base_path(configured), path, "{configured}");
        }
    }

    #[test]
    fn a_link_names_what_it_gives_and_not_the_job() {
        let job = JobId::parse("job_018c0000000000112233445566778899aabbccddeeff").unwrap();
        let links = links("a key");
        for (thing, end) in [
            (LinkedThing::Results, "/results.zip"),
            (LinkedThing::Events, "/events"),
            (LinkedThing::Card(7), "/cards/7"),
        ] {
            let url = links.url("http://h", &job, thing, 1_000);
            assert_eq!(url, links.url("http://h", &job, thing, 1_000));
            let id = url.strip_prefix("http://h/links/").unwrap().strip_suffix(end).unwrap();
            assert_eq!(links.open(id, thing, 999), Ok((job.clone(), 1_000)));
            assert!(!url.contains("018c") && !url.contains('?'), "{url}");
        }
    }

    #[test]
    fn a_link_of_the_old_form_is_valid_until_it_expires() {
        let links = links("a key");
        let query = query(&links, PATH, 1_000);
        assert_eq!(links.check_signed(PATH, &query, 999), Ok(Some(1_000)));
        assert_eq!(links.check_signed(PATH, &format!("disposition=inline&{query}"), 999), Ok(Some(1_000)));
        assert_eq!(links.check_signed(PATH, &query, 1_000), Err(BadLink::Expired));
        assert_eq!(links.check_signed(PATH, "", 0), Ok(None));
        assert_eq!(links.check_signed(PATH, "other=1", 0), Ok(None));
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
    fn any_change_makes_a_link_of_the_old_form_forged() {
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
            assert_eq!(own.check_signed(PATH, &bad, 0), Err(BadLink::Forged), "{bad}");
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
