//! Writes settings that contain credentials without them, so that they can be printed. It cannot fail but by the
//! serializer.

use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;

/// What is printed in place of a secret.
const MASK: &str = "********";

/// Writes a mask instead of the secret. An empty secret stays empty, so that the output shows that none is set.
pub(super) fn masked<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() { "" } else { MASK })
}

/// Writes a URL with a mask instead of user, password and query, where people put credentials.
pub(super) fn masked_url<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let Ok(mut parsed) = url::Url::parse(url) else { return serializer.serialize_str(url) };
    let mut hides = parsed.password().is_some() || !parsed.username().is_empty();
    if hides && (parsed.set_username(MASK).is_err() || parsed.set_password(None).is_err()) {
        return serializer.serialize_str(MASK);
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        parsed.set_query(Some(MASK));
        parsed.set_fragment(None);
        hides = true;
    }
    serializer.serialize_str(if hides { parsed.as_str() } else { url })
}
