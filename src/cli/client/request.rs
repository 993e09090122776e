//! One request to the service: its parts, the parts of its URL, and its signature with the secret that client and
//! service share. A key that cannot be read is an error before anything is sent.

use awc::http::Method;
use huemill_actors::delivery::hex;
use rand::RngCore;
use secrecy::SecretString;

use super::form::{BodyDigest, Form};
use crate::signing::request_signature;

/// How often a request is sent at most: one that only reads soon fails, and what changes something outlasts a restart of the
/// service.
const READING_TRIES: u32 = 3;
const PATIENT_TRIES: u32 = 6;

/// A request to the service.
#[derive(Debug)]
pub(in crate::cli) struct ApiRequest<'a> {
    pub(super) method: Method,
    /// The path with its query.
    pub(super) path: &'a str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) form: Option<&'a Form>,
    /// The number of attempts unless `--tries` gives it.
    pub(super) default_tries: u32,
}

impl<'a> ApiRequest<'a> {
    fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, headers: Vec::new(), form: None, default_tries: PATIENT_TRIES }
    }

    pub(in crate::cli) fn get(path: &'a str) -> Self {
        Self { default_tries: READING_TRIES, ..Self::new(Method::GET, path) }
    }

    pub(in crate::cli) fn post(path: &'a str, form: Option<&'a Form>) -> Self {
        Self { form, ..Self::new(Method::POST, path) }
    }

    pub(in crate::cli) fn delete(path: &'a str) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Outlasts a restart of the service although it only reads.
    pub(in crate::cli) fn patient(self) -> Self {
        Self { default_tries: PATIENT_TRIES, ..self }
    }

    /// Authenticates as the operator.
    pub(in crate::cli) fn operator(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Whether it authenticates as the operator.
    pub(super) fn is_operators(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == "authorization")
    }

    pub(in crate::cli) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Adds the parameters that have a value to the path as its query.
pub(in crate::cli) fn path_with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
    format!("{path}?{}", given.collect::<Vec<_>>().join("&"))
}

/// Removes user and query from a URL, because passwords and tokens may be there.
pub(in crate::cli) fn masked(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(before, _)| before);
    let Some((before, host)) = url.rsplit_once('@') else { return url.to_owned() };
    let scheme = before.split_once("//").map_or("", |(scheme, _)| scheme);
    if scheme.is_empty() { format!("…@{host}") } else { format!("{scheme}//…@{host}") }
}

const KEY_NAME: &str = "WEBHOOK_SECRET";

/// The signing key from the environment, if one is set.
pub(super) fn signing_key() -> Result<Option<SecretString>, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(file) = variable(&format!("{KEY_NAME}_FILE")) {
        let text =
            std::fs::read_to_string(&file).map_err(|error| format!("{KEY_NAME}_FILE, {file}: {error}"))?;
        return Ok(Some(text.trim_end_matches(['\r', '\n']).into()));
    }
    Ok(variable(KEY_NAME).map(Into::into))
}

/// The three headers that sign a request at the time `now` (Unix seconds). Each attempt needs new ones.
pub(super) fn signature_headers(
    key: &SecretString,
    now: i64,
    method: &Method,
    path: &str,
    digest: &BodyDigest,
) -> [(&'static str, String); 3] {
    let nonce = format!("{:016x}{:016x}", rand::rng().next_u64(), rand::rng().next_u64());
    let signature = request_signature(key, now, method.as_str(), path, &hex(digest));
    [
        ("x-timestamp", now.to_string()),
        ("x-request-id", nonce),
        ("x-signature", format!("sha256={signature}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::form::digest_of_nothing;

    fn headers() -> [String; 3] {
        let key = SecretString::from("a key of sixteen");
        signature_headers(&key, 1_700_000_000, &Method::POST, "/jobs", &digest_of_nothing())
            .map(|(_, value)| value)
    }

    #[test]
    fn the_signature_matches_what_the_service_expects() {
        // The expected value was computed with another program.
        let digits = "884d7aa132f6ef31d5d588fad37207c8d16c43efe88571613fea661d1a884173";
        assert_eq!(headers()[2], format!("sha256={digits}"));
    }

    #[test]
    fn every_request_has_a_new_nonce() {
        assert_ne!(headers()[1], headers()[1]);
        assert_eq!(headers()[1].len(), 32);
    }
}
