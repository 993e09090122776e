//! Verifies signed requests (`REQUIRE_SIGNATURE`): clients sign the time, method, path and body of every request that
//! changes jobs, webhooks or the queue, with a key that they share with the service.
//!
//! The headers are checked before the body is read and the signature after, before anything is done with the body. A
//! valid signature is used up together with its nonce, in the store, so that no process accepts either again.

mod guarded_paths;

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::Payload;
use futures_util::StreamExt;
use huemill_actors::delivery::hex;
use huemill_actors::fault::{Code, Fault};
use huemill_store::store::Store;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use super::context;
use super::problem::broken_body;
use super::request_id::{self, RequestId};
use crate::signing::{request_signature, unix_now};

const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");

/// Maximum difference between a timestamp and now, in seconds, in either direction.
const WINDOW: i64 = 300;

/// How long used nonces are remembered. A timestamp is valid for at most twice the window.
const KEEP: Duration = Duration::from_secs(2 * WINDOW as u64 + 1);

/// Digits of a SHA-256 in hex.
const DIGITS: usize = 64;

/// Maximum size of a body that a route does not use.
const MAX_UNUSED_BODY: u64 = 64 * 1024;

/// Decides which requests must be signed, and verifies them.
pub(crate) struct Signatures {
    /// Any of these keys is valid. Without keys, no request needs a signature.
    keys: Vec<SecretString>,
    store: Arc<dyn Store>,
}

/// A request whose signature headers are valid but whose signature is not verified yet. `None` if it needs no signature.
#[derive(Debug)]
#[must_use = "the signature must be verified once the body is read"]
pub(crate) struct PendingSignature(Option<SignatureHeaders>);

#[derive(Debug, PartialEq, Eq)]
struct SignatureHeaders {
    timestamp: i64,
    nonce: String,
    signature: [u8; DIGITS],
}

impl Signatures {
    /// Requires signatures with any of `keys`. Used nonces are kept in `store`.
    pub(crate) fn new(keys: Vec<SecretString>, store: Arc<dyn Store>) -> Self {
        Self { keys, store }
    }

    /// Whether a request must be signed.
    pub(crate) fn are_required_for(&self, method: &Method, path: &str) -> bool {
        !self.keys.is_empty() && guarded_paths::is_guarded(method, path)
    }

    /// Checks everything that can be checked before the body is read.
    pub(crate) fn check_headers(&self, request: &HttpRequest) -> Result<PendingSignature, Fault> {
        if self.are_required_for(request.method(), request.uri().path()) {
            SignatureHeaders::parse(request.headers(), unix_now()).map(|head| PendingSignature(Some(head)))
        } else {
            Ok(PendingSignature(None))
        }
    }

    /// Verifies a request whose body is not used: the body is read and dropped.
    pub(crate) async fn verify_without_body(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<(), Fault> {
        let pending = self.check_headers(request)?;
        drain(payload).await?;
        self.verify(pending, request).await
    }

    /// Verifies a request that no handler takes, if it needs a signature or a proxy might think so. A client that cannot
    /// sign learns nothing else.
    pub(crate) async fn verify_unhandled(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<(), Fault> {
        if self.are_required_for(request.method(), request.uri().path()) {
            self.verify_without_body(request, payload).await
        } else {
            Ok(())
        }
    }

    /// Verifies the signature and uses it up. The whole body must have been read.
    pub(crate) async fn verify(&self, pending: PendingSignature, request: &HttpRequest) -> Result<(), Fault> {
        let PendingSignature(Some(head)) = pending else { return Ok(()) };
        let digest = hex(&context::of(request).body_digest().unwrap_or_default());
        let (method, path) = (request.method().as_str(), request.uri().path());
        let expected = |key| request_signature(key, head.timestamp, method, path, &digest);
        let matches = |expected: &String| bool::from(expected.as_bytes().ct_eq(&head.signature));
        let signature = self.keys.iter().map(expected).find(matches).ok_or(Code::InvalidSignature)?;
        let used = [format!("nonce:{}", head.nonce), format!("signature:{signature}")];
        if self.store.consume_nonces(&used, KEEP).await? { Ok(()) } else { Err(Code::NonceReused.into()) }
    }
}

/// Reads a body that is not used, up to the maximum.
async fn drain(mut payload: Payload) -> Result<(), Fault> {
    let mut size = 0;
    while let Some(chunk) = payload.next().await {
        size += chunk.map_err(broken_body)?.len() as u64;
        if size > MAX_UNUSED_BODY {
            return Err(Fault::new(Code::PayloadTooLarge)
                .with_detail("This endpoint takes no body. Send the request without one.")
                .with_cause(format!("more than {MAX_UNUSED_BODY} bytes received")));
        }
    }
    Ok(())
}

impl SignatureHeaders {
    fn parse(headers: &HeaderMap, now: i64) -> Result<Self, Fault> {
        let missing = |what: &'static str| Fault::new(Code::MissingSignature).with_cause(what);
        let timestamp = only_value(headers, &TIMESTAMP)?.ok_or_else(|| missing("X-Timestamp"))?;
        let signature = only_value(headers, &SIGNATURE)?.ok_or_else(|| missing("X-Signature"))?;
        let nonce = only_value(headers, &request_id::HEADER)?.and_then(RequestId::parse);
        let nonce = nonce.ok_or_else(|| missing("X-Request-Id"))?;
        let timestamp = parse_seconds(timestamp).ok_or_else(|| Fault::new(Code::InvalidTimestamp))?;
        if !(now - WINDOW..=now + WINDOW).contains(&timestamp) {
            return Err(Code::TimestampOutOfRange.into());
        }
        let signature = parse_signature(signature).ok_or_else(|| Fault::new(Code::InvalidSignature))?;
        Ok(Self { timestamp, nonce: nonce.as_str().to_owned(), signature })
    }
}

/// The header's only value, if the header is present. A value that is not text counts as empty.
fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name);
    let value = values.next().map(|value| value.to_str().unwrap_or_default());
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Fault::new(Code::InvalidSignature).with_cause(format!("more than one {name}"))),
    }
}

/// Parses whole seconds in up to 18 decimal digits.
fn parse_seconds(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Parses the 64 lower-case digits after `sha256=`.
fn parse_signature(text: &str) -> Option<[u8; DIGITS]> {
    let digits: [u8; DIGITS] = text.strip_prefix("sha256=")?.as_bytes().try_into().ok()?;
    digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(digits)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000;
    const RIGHT: &str = "sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn head(
        timestamp: Option<&str>,
        nonce: Option<&str>,
        signature: Option<&str>,
    ) -> Result<SignatureHeaders, Code> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(TIMESTAMP, timestamp), (request_id::HEADER, nonce), (SIGNATURE, signature)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
        }
        SignatureHeaders::parse(&headers, NOW).map_err(|fault| fault.code)
    }

    fn at(timestamp: &str) -> Option<Code> {
        head(Some(timestamp), Some("a-nonce-of-mine"), Some(RIGHT)).err()
    }

    #[test]
    fn valid_headers_are_parsed() {
        let head = head(Some("1700000000"), Some("a-nonce-of-mine"), Some(RIGHT)).unwrap();
        assert_eq!((head.timestamp, head.nonce.as_str()), (NOW, "a-nonce-of-mine"));
    }

    #[test]
    fn a1_invalid_signatures_are_rejected() {
        let nonce = Some("a-nonce-of-mine");
        let signed = |text: &str| head(Some("1700000000"), nonce, Some(text)).err();
        assert_eq!(head(Some("1700000000"), nonce, None), Err(Code::MissingSignature));
        assert_eq!(head(None, nonce, Some(RIGHT)), Err(Code::MissingSignature));
        assert_eq!(head(Some("1700000000"), None, Some(RIGHT)), Err(Code::MissingSignature));
        assert_eq!(head(Some("1700000000"), Some("short"), Some(RIGHT)), Err(Code::MissingSignature));
        for text in [
            "",
            "garbage",
            &RIGHT.to_uppercase(),
            &RIGHT.replace("abcdef", "ABCDEF"),
            &RIGHT.replace("sha256=", "sha1="),
            &RIGHT.replace("sha256=", ""),
            &RIGHT[..RIGHT.len() - 1],
            &format!("{RIGHT}0"),
            &format!("{RIGHT},sha256=00"),
            "sha256=äääääääääääääääääääääääääääääääää",
        ] {
            assert_eq!(signed(text), Some(Code::InvalidSignature), "{text}");
        }
    }

    #[test]
    fn a2_a_timestamp_must_be_whole_seconds_near_now() {
        for good in ["1699999700", "1700000300"] {
            assert_eq!(at(good), None, "{good}");
        }
        for other in ["1699999699", "1700000301", "-1", "0", "1700000000000"] {
            assert_eq!(at(other), Some(Code::TimestampOutOfRange), "{other}");
        }
        for nothing in [
            "1e9",
            "0x10",
            "17000000000000000000",
            "",
            "+1700000000",
            " 1700000000",
            "1700000000.0",
            "--1",
            "-",
            "१",
        ] {
            assert_eq!(at(nothing), Some(Code::InvalidTimestamp), "{nothing}");
        }
    }

    #[test]
    fn a_signature_matches_another_implementation() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let key = SecretString::from("a key of sixteen");
        let signature = request_signature(&key, NOW, "POST", "/jobs", digest);
        // Computed with another program.
        assert_eq!(signature, "884d7aa132f6ef31d5d588fad37207c8d16c43efe88571613fea661d1a884173");
    }

    proptest! {
        #[test]
        fn no_headers_cause_a_panic(timestamp in "\\PC{0,24}", nonce in "\\PC{0,70}", signature in "\\PC{0,80}") {
            let _ = head(Some(&timestamp), Some(&nonce), Some(&signature));
        }
    }
}
