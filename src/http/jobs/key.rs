//! `Idempotency-Key`: the client's word for one request, so that it can be sent again without a second job.

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use huemill_actors::fault::{Code, Fault};
use sha2::{Digest, Sha256};

use crate::http::hex;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Most characters of a key.
const LONGEST: usize = 255;

/// A key, and within what it is unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey {
    /// Method, route and caller.
    pub scope: String,
    /// The client's word.
    pub word: String,
}

impl IdempotencyKey {
    /// The request's key, if it has one. Another caller, told by `Authorization`, has keys of its own.
    pub(crate) fn of(headers: &HeaderMap, route: &str) -> Result<Option<Self>, Fault> {
        let mut values = headers.get_all(HEADER);
        let Some(value) = values.next() else { return Ok(None) };
        let word = value.to_str().ok().filter(|_| values.next().is_none()).and_then(parse);
        let word = word.ok_or_else(|| {
            Fault::new(Code::InvalidInput).with_message(
                "The Idempotency-Key must be one word of 1 to 255 visible ASCII characters, quoted or not.",
            )
        })?;
        let caller = headers.get(AUTHORIZATION).map(|secret| hex(&Sha256::digest(secret.as_bytes())));
        Ok(Some(Self { scope: format!("{route} {}", caller.as_deref().unwrap_or("anyone")), word }))
    }
}

/// The bare word, or what a quoted string (RFC 8941, 3.3.3) says.
fn parse(text: &str) -> Option<String> {
    let word = match text.strip_prefix('"') {
        Some(rest) => unquoted(rest)?,
        None => text.to_owned(),
    };
    let usable = (1..=LONGEST).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic());
    usable.then_some(word)
}

/// The string in front of the closing quote, which must be the end.
fn unquoted(text: &str) -> Option<String> {
    let mut word = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return letters.next().is_none().then_some(word),
            '\\' => word.push(letters.next().filter(|letter| matches!(letter, '"' | '\\'))?),
            letter => word.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quoted_and_a_bare_word_are_the_same_key() {
        assert_eq!(parse("\"k\""), Some("k".into()));
        assert_eq!(parse("k"), Some("k".into()));
        assert_eq!(parse(r#""a\"b\\c""#), Some(r#"a"b\c"#.into()));
        assert_eq!(parse(&"k".repeat(255)).map(|key| key.len()), Some(255));
        assert_eq!(parse(&format!("\"{}\"", "k".repeat(255))).map(|key| key.len()), Some(255));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in
            ["", "\"\"", "\"", "\"k", "\"k\"x", "a b", "\"a b\"", r#""a\b""#, "a\tb", &"k".repeat(256)]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_key_that_is_no_text_or_comes_twice_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes("schlüssel".as_bytes()).unwrap());
        assert!(IdempotencyKey::of(&headers, "POST /jobs").is_err());
        headers.insert(HEADER, HeaderValue::from_static("a"));
        assert!(IdempotencyKey::of(&headers, "POST /jobs").is_ok());
        headers.append(HEADER, HeaderValue::from_static("a"));
        assert!(IdempotencyKey::of(&headers, "POST /jobs").is_err());
    }

    #[test]
    fn each_caller_and_route_has_keys_of_its_own_and_no_secret_is_in_the_scope() {
        let scope = |caller: Option<&'static str>, route: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_static("k"));
            if let Some(caller) = caller {
                headers.insert(AUTHORIZATION, HeaderValue::from_static(caller));
            }
            IdempotencyKey::of(&headers, route).unwrap().unwrap().scope
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
        fn no_text_panics(text in "\\PC{0,300}") {
            let _ = parse(&text);
        }
    }
}
