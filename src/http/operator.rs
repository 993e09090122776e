//! Checks the operator's bearer token. The operators' routes (jobs, webhooks, processes, queue) require it.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use huemill_actors::fault::{Code, Fault};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The operator's bearer token.
#[derive(Debug)]
pub(crate) struct OperatorToken(SecretString);

impl OperatorToken {
    /// The configured or generated token.
    pub(crate) fn new(token: SecretString) -> Self {
        Self(token)
    }

    /// Checks that a request carries the token.
    ///
    /// # Errors
    /// `UNAUTHORIZED` if the token is missing or wrong.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let given = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        let given = given.ok_or_else(|| Fault::new(Code::Unauthorized).with_cause("no bearer token"))?;
        // Digests have one length, so the time of the comparison does not even reveal the token's length.
        let same = Sha256::digest(given).ct_eq(&Sha256::digest(self.0.expose_secret()));
        if bool::from(same) {
            Ok(())
        } else {
            Err(Fault::new(Code::Unauthorized).with_cause("wrong bearer token"))
        }
    }
}

/// The token after `Bearer` (RFC 6750). The scheme is case-insensitive (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn passes(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        OperatorToken::new("the operator's token".into()).check(&headers).is_ok()
    }

    #[test]
    fn only_the_token_passes() {
        assert!(passes("Bearer the operator's token"));
        assert!(passes("bearer  the operator's token "));
        for other in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer the operator's toke",
            "Bearer the operator's tokens",
            "Basic the operator's token",
            "the operator's token",
            "Bearer ä",
        ] {
            assert!(!passes(other), "{other}");
        }
        assert!(OperatorToken::new("t".into()).check(&HeaderMap::new()).is_err());
    }
}
