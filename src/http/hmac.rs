//! HMAC-SHA256 in hex, which signs download links and checks signed requests.

use hmac::{Hmac, Mac};
use huemill_actors::delivery::hex;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The signature of `text` in lower-case hex.
#[must_use]
pub(crate) fn hmac_hex(key: &SecretString, text: &str) -> String {
    // HMAC accepts keys of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}
