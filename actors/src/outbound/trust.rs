//! The certificate authorities that TLS trusts: the system's, and those of the operator's own file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// Why the client of outbound requests cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The operator's certificates cannot be read.
    #[error("{}: no certificates can be read from it: {why}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be configured.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The TLS configuration of outbound requests. It names its cryptography provider rather than use a global one.
pub(super) fn config(extra: Option<&Path>) -> Result<Arc<ClientConfig>, SetupError> {
    let mut roots = RootCertStore::empty();
    // The system's store may contain certificates that cannot be parsed; those are skipped.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = extra {
        let broken = |why: String| SetupError::Roots { path: path.to_owned(), why };
        let found: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| broken(error.to_string()))?;
        if found.is_empty() {
            return Err(broken("it contains none".to_owned()));
        }
        for certificate in found {
            roots.add(certificate).map_err(|error| broken(error.to_string()))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
