//! What signatures are made of, for the service and for its command line: HMAC-SHA256 in hex, the text that signs a
//! request, and the clock of the timestamps in it. Nothing here fails.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use huemill_actors::delivery::hex;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The signature of a request: of its time (Unix seconds), its method, its path, and the SHA-256 of its body in hex.
pub(crate) fn request_signature(
    key: &SecretString,
    time: i64,
    method: &str,
    path: &str,
    digest: &str,
) -> String {
    hmac_hex(key, &format!("{time}\n{method}\n{path}\n{digest}"))
}

/// The HMAC of `text` in lower-case hex.
pub(crate) fn hmac_hex(key: &SecretString, text: &str) -> String {
    // HMAC accepts keys of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// Seconds since 1970 by the machine's clock. Compare it with times that other machines send, but not with the store's
/// times: those are by a clock that does not jump.
pub(crate) fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}
