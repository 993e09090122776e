//! The operator: who sends the operator's token may see all jobs.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use huemill_actors::fault::{Code, Fault};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Passes the operator alone.
///
/// # Errors
/// `UNAUTHORIZED` for everybody else.
pub(crate) fn check(headers: &HeaderMap, token: &SecretString) -> Result<(), Fault> {
    let given = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    let given = given.ok_or_else(|| Fault::new(Code::Unauthorized))?;
    // Digests are of one length, so that not even the token's is told by the time this takes.
    let same = Sha256::digest(given).ct_eq(&Sha256::digest(token.expose_secret()));
    if bool::from(same) { Ok(()) } else { Err(Code::Unauthorized.into()) }
}

/// The token behind `Bearer` (RFC 6750; the scheme's case does not count, RFC 9110, 11.1).
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
        check(&headers, &"the operator's token".into()).is_ok()
    }

    #[test]
    fn the_token_alone_passes() {
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
        assert!(check(&HeaderMap::new(), &"t".into()).is_err());
    }
}
