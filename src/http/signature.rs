//! Signed requests: who shares a key with the service signs time, method, path and body of what changes jobs or
//! webhooks (`REQUIRE_SIGNATURE`).
//!
//! The head is judged before the body is read, the signature once it is there, and nothing is done with the body
//! before that. A right signature is spent together with its nonce, in the store, so that no process takes either
//! again.

mod guarded;

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::Payload;
use hmac::{Hmac, Mac};
use huemill_actors::fault::{Code, Fault};
use huemill_store::store::Store;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::context::{self, Context};
use super::request_id::{self, RequestId};
use super::{hex, unix_now, upload};

const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");

/// How far a timestamp may be from now, in seconds, either way.
const WINDOW: i64 = 300;

/// How long what was spent is remembered: a timestamp is good for twice the window at most.
const KEEP: Duration = Duration::from_secs(2 * WINDOW as u64 + 1);

/// Digits of a SHA-256 in hex.
const DIGITS: usize = 64;

/// Which requests must be signed, and with what.
pub(crate) struct Signatures {
    /// Any of them; none where no signature is needed.
    keys: Vec<SecretString>,
}

/// A request's signature whose head is in order; `None` where none is needed.
#[derive(Debug)]
#[must_use = "nothing is proven before it is settled"]
pub(crate) struct Signed(Option<Head>);

#[derive(Debug, PartialEq, Eq)]
struct Head {
    timestamp: i64,
    nonce: String,
    signature: [u8; DIGITS],
}

impl Signatures {
    /// Whatever changes something must be signed with this key, or with the one before it while there is one.
    #[must_use]
    pub(crate) fn required(key: SecretString, previous: Option<SecretString>) -> Self {
        Self { keys: [key].into_iter().chain(previous).collect() }
    }

    /// No request needs one.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self { keys: Vec::new() }
    }

    /// Whether a request must be signed: it changes something on the routes of jobs, webhooks or the queue, or on
    /// a path that some proxy could take for one of theirs.
    #[must_use]
    pub(crate) fn guards(&self, method: &Method, path: &str) -> bool {
        !self.keys.is_empty() && guarded::changes(method) && guarded::leads_there(path)
    }

    /// Judges all that can be judged before the body is there.
    pub(crate) fn begin(&self, request: &HttpRequest) -> Result<Signed, Fault> {
        if self.guards(request.method(), request.uri().path()) {
            Head::read(request.headers(), unix_now()).map(|head| Signed(Some(head)))
        } else {
            Ok(Signed(None))
        }
    }

    /// All of it for a request whose body says nothing: it is read and dropped.
    pub(crate) async fn without_body(
        &self,
        request: &HttpRequest,
        payload: Payload,
        store: &dyn Store,
    ) -> Result<(), Fault> {
        let signed = self.begin(request)?;
        upload::drain(payload).await?;
        self.settle(signed, request, store).await
    }

    /// Judges and spends the signature. The whole body must have been read.
    pub(crate) async fn settle(
        &self,
        signed: Signed,
        request: &HttpRequest,
        store: &dyn Store,
    ) -> Result<(), Fault> {
        let Signed(Some(head)) = signed else { return Ok(()) };
        let digest = digest(&context::of(request));
        let expected = |key| expected(key, head.timestamp, request.method(), request.uri().path(), &digest);
        let is_right = |right: &String| bool::from(right.as_bytes().ct_eq(&head.signature));
        let right = self.keys.iter().map(expected).find(is_right).ok_or(Code::InvalidSignature)?;
        let spent = [format!("nonce:{}", head.nonce), format!("signature:{right}")];
        if store.consume_nonces(&spent, KEEP).await? { Ok(()) } else { Err(Code::NonceReused.into()) }
    }
}

/// SHA-256 of the body; of nothing, where there is none.
fn digest(context: &Context) -> String {
    hex(&context.body_digest().unwrap_or_default())
}

fn expected(key: &SecretString, timestamp: i64, method: &Method, path: &str, digest: &str) -> String {
    // An HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{timestamp}\n{method}\n{path}\n{digest}").as_bytes());
    hex(&mac.finalize().into_bytes())
}

impl Head {
    fn read(headers: &HeaderMap, now: i64) -> Result<Self, Fault> {
        let missing = |what: &'static str| Fault::new(Code::MissingSignature).with_cause(what);
        let timestamp = one(headers, &TIMESTAMP)?.ok_or_else(|| missing("X-Timestamp"))?;
        let signature = one(headers, &SIGNATURE)?.ok_or_else(|| missing("X-Signature"))?;
        let nonce = one(headers, &request_id::HEADER)?.and_then(RequestId::parse);
        let nonce = nonce.ok_or_else(|| missing("X-Request-Id"))?;
        let timestamp = seconds(timestamp).ok_or_else(|| Fault::new(Code::InvalidTimestamp))?;
        if !(now - WINDOW..=now + WINDOW).contains(&timestamp) {
            return Err(Code::TimestampOutOfRange.into());
        }
        let signature = parse(signature).ok_or_else(|| Fault::new(Code::InvalidSignature))?;
        Ok(Self { timestamp, nonce: nonce.as_str().to_owned(), signature })
    }
}

/// The header's only value, where there is one; what is no text is an empty one.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name);
    let value = values.next().map(|value| value.to_str().unwrap_or_default());
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Fault::new(Code::InvalidSignature).with_cause(format!("{name} twice"))),
    }
}

/// Whole seconds in decimal digits, as many as fit.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The 64 lower-case digits behind `sha256=`.
fn parse(text: &str) -> Option<[u8; DIGITS]> {
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

    fn head(timestamp: Option<&str>, nonce: Option<&str>, signature: Option<&str>) -> Result<Head, Code> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(TIMESTAMP, timestamp), (request_id::HEADER, nonce), (SIGNATURE, signature)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
        }
        Head::read(&headers, NOW).map_err(|fault| fault.code)
    }

    fn at(timestamp: &str) -> Option<Code> {
        head(Some(timestamp), Some("a-nonce-of-mine"), Some(RIGHT)).err()
    }

    #[test]
    fn a_head_in_order_is_read() {
        let head = head(Some("1700000000"), Some("a-nonce-of-mine"), Some(RIGHT)).unwrap();
        assert_eq!((head.timestamp, head.nonce.as_str()), (NOW, "a-nonce-of-mine"));
    }

    #[test]
    fn a1_what_is_no_signature_is_refused() {
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
    fn a2_a_timestamp_is_plain_seconds_of_now() {
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
    fn a_signature_is_the_standards_own() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let key = SecretString::from("a key of sixteen");
        let signature = expected(&key, NOW, &Method::POST, "/jobs", digest);
        // Computed with another program.
        assert_eq!(signature, "884d7aa132f6ef31d5d588fad37207c8d16c43efe88571613fea661d1a884173");
    }

    #[test]
    fn what_changes_nothing_needs_no_signature() {
        let signatures = Signatures::required("a key of sixteen".into(), None);
        assert!(signatures.guards(&Method::POST, "/jobs"));
        assert!(signatures.guards(&Method::DELETE, "/jobs/x"));
        assert!(!signatures.guards(&Method::GET, "/jobs/x"));
        assert!(!signatures.guards(&Method::POST, "/process"));
        assert!(!Signatures::none().guards(&Method::POST, "/jobs"));
    }

    proptest! {
        #[test]
        fn no_head_panics(timestamp in "\\PC{0,24}", nonce in "\\PC{0,70}", signature in "\\PC{0,80}") {
            let _ = head(Some(&timestamp), Some(&nonce), Some(&signature));
        }
    }
}
