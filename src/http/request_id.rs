//! A request's display id: the client's `X-Request-Id` if it is usable, otherwise a generated one. It identifies log lines
//! and traces. It protects nothing, because it has only 32 bits.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use rand::Rng;

/// The header that carries it, in requests and responses.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// An id of 8 to 64 characters from `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The client's id if it is usable, otherwise a generated one. An unusable value is ignored and appears nowhere.
    pub(crate) fn of(headers: &HeaderMap, random: &mut impl Rng) -> Self {
        headers
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .and_then(Self::parse)
            .unwrap_or_else(|| Self::generate(random))
    }

    /// Parses an id; `None` if the text is not a usable id.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((8..=64).contains(&text.len()) && text.bytes().all(usable)).then(|| Self(text.to_owned()))
    }

    /// Generates an id of eight lower-case hex characters.
    pub(crate) fn generate(random: &mut impl Rng) -> Self {
        Self(format!("{:08x}", random.random::<u32>()))
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header value.
    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_usable_id_is_kept_unchanged() {
        for usable in ["c298c805", "A.b_c-9x", &"x".repeat(64)] {
            assert_eq!(RequestId::parse(usable).as_ref().map(RequestId::as_str), Some(usable));
        }
    }

    #[test]
    fn an_unusable_id_is_rejected() {
        for unusable in ["", "short", &"x".repeat(65), "a b;${jndi:x}", "äöüäöüäö", "abcd\nefgh"] {
            assert_eq!(RequestId::parse(unusable), None, "{unusable:?}");
        }
    }

    proptest! {
        #[test]
        fn a_fresh_id_is_eight_lower_case_hex_characters_and_usable(seed: u64) {
            use rand::SeedableRng;
            let id = RequestId::generate(&mut rand::rngs::StdRng::seed_from_u64(seed));
            prop_assert_eq!(id.as_str().len(), 8);
            prop_assert!(id.as_str().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
            prop_assert!(RequestId::parse(id.as_str()).is_some());
        }
    }
}
