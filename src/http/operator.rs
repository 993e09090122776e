//! The operator's token, which works like an access key with all scopes. Only its digest is kept.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of the operator's token.
#[derive(Debug)]
pub(crate) struct OperatorToken([u8; 32]);

impl OperatorToken {
    /// The configured or generated token.
    pub(crate) fn new(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret()).into())
    }

    /// Whether a request bears the token.
    pub(crate) fn is(&self, credential: &[u8]) -> bool {
        // Digests have one length, so the time of the comparison does not even reveal the token's length.
        Sha256::digest(credential).as_slice().ct_eq(&self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_passes() {
        let token = OperatorToken::new(&"the operator's token".into());
        assert!(token.is(b"the operator's token"));
        for other in ["", "the operator's toke", "the operator's tokens", "The operator's token", "ä"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
    }
}
