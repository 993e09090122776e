//! The two signatures of a webhook, over the exact bytes that are sent: this service's own, and that of the Standard
//! Webhooks specification (<https://www.standardwebhooks.com>), which published libraries verify.

use base64_simd::STANDARD;
use hmac::{Hmac, Mac};
use huemill_store::{Caller, KeyId};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The prefix of the specification's secrets; base64 of the key follows.
const PREFIX: &str = "whsec_";

/// Signs with the current secret and, during a rotation, also with the previous one; webhooks about jobs of a key with
/// that key's own secret, so that no receiver can forge another's.
#[derive(Clone)]
pub struct Signer {
    current: SecretString,
    previous: Option<SecretString>,
    of_keys: KeySecrets,
}

/// Makes the webhook secrets of keys. They are derived from one secret, so that none of them is stored.
#[derive(Clone)]
pub struct KeySecrets(SecretString);

impl KeySecrets {
    /// Secrets that are derived from this one.
    #[must_use]
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The secret for jobs that belong to this key.
    #[must_use]
    pub fn of(&self, owner: KeyId) -> SecretString {
        let derived = mac(self.0.expose_secret().as_bytes(), &[b"webhooks of ", owner.as_str().as_bytes()]);
        format!("{PREFIX}{}", STANDARD.encode_to_string(derived)).into()
    }
}

/// The signature headers of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// `X-Signature`: over the body, with the current secret as written.
    pub own: String,
    /// `webhook-signature`: over id, time and body, one for each secret.
    pub standard: String,
}

impl Signer {
    /// A signer with these secrets. A secret is plain text, or `whsec_` followed by base64.
    #[must_use]
    pub fn new(current: SecretString, previous: Option<SecretString>, of_keys: KeySecrets) -> Self {
        Self { current, previous, of_keys }
    }

    /// Whether a secret with the specification's prefix is valid; all other secrets are.
    #[must_use]
    pub fn is_well_formed(secret: &str) -> bool {
        secret
            .strip_prefix(PREFIX)
            .is_none_or(|text| STANDARD.check(text.as_bytes()).is_ok() && !text.is_empty())
    }

    /// The signatures of a message about a job of this caller, with this id and sent at this time (Unix seconds).
    #[must_use]
    pub fn sign(&self, caller: Caller, id: &str, timestamp: u64, body: &[u8]) -> Signatures {
        let of_key = caller.key().map(|owner| self.of_keys.of(owner));
        let (current, previous) = match &of_key {
            Some(secret) => (secret, None),
            None => (&self.current, self.previous.as_ref()),
        };
        let own = mac(current.expose_secret().as_bytes(), &[body]);
        let head = format!("{id}.{timestamp}.");
        let each = |secret: &SecretString| {
            let digest = mac(&key(secret.expose_secret()), &[head.as_bytes(), body]);
            format!("v1,{}", STANDARD.encode_to_string(digest))
        };
        let secrets = std::iter::once(current).chain(previous);
        Signatures {
            own: format!("sha256={}", hex(&own)),
            standard: secrets.map(each).collect::<Vec<_>>().join(" "),
        }
    }
}

/// The bytes that a secret decodes to, or its bytes as written.
fn key(secret: &str) -> Vec<u8> {
    let decoded = secret.strip_prefix(PREFIX).and_then(|text| STANDARD.decode_to_vec(text).ok());
    decoded.unwrap_or_else(|| secret.as_bytes().to_vec())
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // An HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// The bytes in hex, two characters each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signer(current: &str, previous: Option<&str>) -> Signer {
        Signer::new(current.into(), previous.map(Into::into), KeySecrets::new("of keys".into()))
    }

    #[test]
    fn the_specifications_own_example_is_reproduced() {
        let signer = signer(SECRET, None);
        let signed = signer.sign(
            Caller::Service,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.standard, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_own_signature_covers_the_body_with_the_secret_as_written() {
        // Computed with another program.
        let signed = signer("key", None).sign(
            Caller::Service,
            "id",
            1,
            b"The quick brown fox jumps over the lazy dog",
        );
        assert_eq!(signed.own, "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    }

    #[test]
    fn a_rotation_signs_with_both_secrets_and_the_own_signature_with_the_current_one() {
        let alone = |secret: &str| signer(secret, None).sign(Caller::Service, "id", 7, b"body");
        let both = signer("new", Some(SECRET)).sign(Caller::Service, "id", 7, b"body");
        assert_eq!(both.standard, format!("{} {}", alone("new").standard, alone(SECRET).standard));
        assert_eq!(both.own, alone("new").own);
    }

    #[test]
    fn the_jobs_of_each_key_have_a_secret_of_their_own() {
        let key = |text: &str| KeyId::parse(text).unwrap();
        let signed = |caller| signer("shared", Some("before")).sign(caller, "id", 7, b"body");
        let secrets = KeySecrets::new("of keys".into());
        let of_first = secrets.of(key("000000000001"));
        let expected = signer(of_first.expose_secret(), None).sign(Caller::Service, "id", 7, b"body");
        assert_eq!(signed(Caller::Key(key("000000000001"))), expected);
        assert_ne!(signed(Caller::Key(key("000000000002"))), expected);
        assert!(Signer::is_well_formed(of_first.expose_secret()));
    }

    #[test]
    fn invalid_secrets_with_the_specifications_prefix_are_recognised() {
        for (secret, good) in [("plain", true), (SECRET, true), ("whsec_", false), ("whsec_***", false)] {
            assert_eq!(Signer::is_well_formed(secret), good, "{secret}");
        }
    }
}
