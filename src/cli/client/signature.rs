//! Signs requests with the secret that client and service share: a HMAC over time, method, path and body.

use std::time::{SystemTime, UNIX_EPOCH};

use awc::http::Method;
use hmac::{Hmac, Mac};
use huemill_actors::delivery::hex;
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::form::BodyDigest;

const NAME: &str = "WEBHOOK_SECRET";

/// The signing key from the environment, if one is set.
pub(super) fn key() -> Result<Option<SecretString>, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(file) = variable(&format!("{NAME}_FILE")) {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{NAME}_FILE, {file}: {error}"))?;
        return Ok(Some(text.trim_end_matches(['\r', '\n']).into()));
    }
    Ok(variable(NAME).map(Into::into))
}

/// The three headers that sign a request. Each attempt needs new ones.
pub(super) fn headers(
    key: &SecretString,
    method: &Method,
    path: &str,
    digest: &BodyDigest,
) -> [(&'static str, String); 3] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let nonce = format!("{:016x}{:016x}", rand::rng().next_u64(), rand::rng().next_u64());
    let signature = format!("sha256={}", signature(key, now, method, path, digest));
    [("x-timestamp", now.to_string()), ("x-request-id", nonce), ("x-signature", signature)]
}

fn signature(key: &SecretString, now: u64, method: &Method, path: &str, digest: &BodyDigest) -> String {
    // HMAC accepts keys of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{now}\n{method}\n{path}\n{}", hex(digest)).as_bytes());
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_matches_what_the_service_expects() {
        let key = SecretString::from("a key of sixteen");
        let signature =
            signature(&key, 1_700_000_000, &Method::POST, "/jobs", &super::super::form::digest_of_nothing());
        // The expected value was computed with another program.
        assert_eq!(signature, "884d7aa132f6ef31d5d588fad37207c8d16c43efe88571613fea661d1a884173");
    }

    #[test]
    fn every_request_has_a_new_nonce() {
        let key = SecretString::from("k");
        let nonce = || headers(&key, &Method::POST, "/jobs", &[0; 32])[1].1.clone();
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
