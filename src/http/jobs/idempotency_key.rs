//! Parses `Idempotency-Key`: the client's key for one request, so that the request can be sent again without creating a
//! second job.

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use huemill_actors::delivery::hex;
use huemill_actors::fault::Fault;
use huemill_store::Caller;
use sha2::{Digest, Sha256};

use crate::http::problem::invalid;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Maximum length of a key.
const MAX_LENGTH: usize = 255;

/// A key and the scope in which it is unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey {
    /// Method, route and client.
    pub scope: String,
    /// The client's key.
    pub key: String,
}

impl IdempotencyKey {
    /// The request's key, if it has one. `owner` is the holder of an access key; otherwise clients with different
    /// `Authorization` headers have separate keys.
    pub(crate) fn of(headers: &HeaderMap, route: &str, owner: Option<Caller>) -> Result<Option<Self>, Fault> {
        let mut values = headers.get_all(HEADER);
        let Some(value) = values.next() else { return Ok(None) };
        let key = value.to_str().ok().filter(|_| values.next().is_none()).and_then(parse);
        let key = key.ok_or_else(|| {
            invalid("The Idempotency-Key must have 1 to 255 visible ASCII characters, quoted or not.")
        })?;
        let credential = || headers.get(AUTHORIZATION).map(|secret| hex(&Sha256::digest(secret.as_bytes())));
        let client = owner.map(|owner| owner.to_string()).or_else(credential);
        Ok(Some(Self { scope: format!("{route} {}", client.as_deref().unwrap_or("anyone")), key }))
    }
}

/// Parses a bare key or a quoted string (RFC 8941, 3.3.3).
fn parse(text: &str) -> Option<String> {
    let key = match text.strip_prefix('"') {
        Some(rest) => unquote(rest)?,
        None => text.to_owned(),
    };
    let is_usable = (1..=MAX_LENGTH).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_usable.then_some(key)
}

/// The string before the closing quote, which must be at the end.
fn unquote(text: &str) -> Option<String> {
    let mut key = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return letters.next().is_none().then_some(key),
            '\\' => key.push(letters.next().filter(|letter| matches!(letter, '"' | '\\'))?),
            letter => key.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quoted_and_a_bare_key_are_the_same() {
        assert_eq!(parse("\"k\""), Some("k".into()));
        assert_eq!(parse("k"), Some("k".into()));
        assert_eq!(parse(r#""a\"b\\c""#), Some(r#"a"b\c"#.into()));
        assert_eq!(parse(&"k".repeat(255)).map(|key| key.len()), Some(255));
        assert_eq!(parse(&format!("\"{}\"", "k".repeat(255))).map(|key| key.len()), Some(255));
    }

    #[test]
    fn invalid_keys_are_rejected() {
        for text in
            ["", "\"\"", "\"", "\"k", "\"k\"x", "a b", "\"a b\"", r#""a\b""#, "a\tb", &"k".repeat(256)]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_key_that_is_not_text_or_is_repeated_is_rejected() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes("schlüssel".as_bytes()).unwrap());
        assert!(IdempotencyKey::of(&headers, "POST /jobs", None).is_err());
        headers.insert(HEADER, HeaderValue::from_static("a"));
        assert!(IdempotencyKey::of(&headers, "POST /jobs", None).is_ok());
        headers.append(HEADER, HeaderValue::from_static("a"));
        assert!(IdempotencyKey::of(&headers, "POST /jobs", None).is_err());
    }

    #[test]
    fn keys_are_scoped_to_client_and_route_and_the_scope_holds_no_secret() {
        let scope = |client: Option<&'static str>, route: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_static("k"));
            if let Some(client) = client {
                headers.insert(AUTHORIZATION, HeaderValue::from_static(client));
            }
            IdempotencyKey::of(&headers, route, None).unwrap().unwrap().scope
        };
        let scopes = [
            scope(None, "POST /jobs"),
            scope(Some("Bearer one"), "POST /jobs"),
            scope(Some("Bearer two"), "POST /jobs"),
            scope(None, "POST /others"),
        ];
        let mut distinct = scopes.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), scopes.len());
        assert!(!scopes[1].contains("one"));
    }

    proptest! {
        #[test]
        fn quoting_changes_nothing(word in "[!-~]{1,255}") {
            let quoted = format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(parse(&quoted), Some(word.clone()));
            prop_assert_eq!(parse(&word), if word.starts_with('"') { parse(&word) } else { Some(word.clone()) });
        }

        #[test]
        fn no_text_causes_a_panic(text in "\\PC{0,300}") {
            let _ = parse(&text);
        }
    }
}
