//! Says why a TLS handshake with a service failed, and what helps. It knows the failures that a user can do something about;
//! all others keep the library's words.

use awc::error::ConnectError;
use awc::http::Uri;
use rustls::{CertificateError, Error, InvalidMessage};

/// What the user can do about a certificate that nothing vouches for.
const NAME_AUTHORITY: &str = "name the PEM file of its authority with --cacert or HUEMILL_CACERT";

/// Why the handshake failed, if it was the handshake. Trying again would not help.
pub(in crate::cli) fn tls_failure(server: &str, error: &ConnectError) -> Option<String> {
    let ConnectError::Io(error) = error else { return None };
    let reason = match error.get_ref()?.downcast_ref::<Error>()? {
        Error::InvalidCertificate(error) => certificate(server, error),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS there; its URL may begin with http://".to_owned()
        }
        error => format!("the TLS handshake failed: {error}"),
    };
    Some(reason)
}

fn certificate(server: &str, error: &CertificateError) -> String {
    match error {
        // A bad signature is what an authority of the same name and another key leads to.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("the server's certificate is of no authority that is trusted here; {NAME_AUTHORITY}")
        }
        // webpki has no name of its own for a self-signed certificate that is marked as an authority.
        CertificateError::Other(error) => {
            format!("the server's certificate cannot be trusted ({error}); {NAME_AUTHORITY}")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            wrong_name(server, &presented.join(", "))
        }
        CertificateError::NotValidForName => wrong_name(server, ""),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; its operator must renew it".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; check the clock of this machine".to_owned()
        }
        error => format!("the server's certificate is not valid: {error}"),
    }
}

fn wrong_name(server: &str, names: &str) -> String {
    let uri: Option<Uri> = server.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or(server);
    let names = if names.is_empty() { String::new() } else { format!(", but for {names}") };
    format!("the server's certificate is not for {host}{names}; name the service with --server as it does")
}
