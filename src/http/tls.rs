//! TLS of the public listener: certificate chain, private key and, if clients must show certificates, their authorities.
//! They are PEM files, which are read again when they change; a connection uses what was valid when it began. Files that
//! cannot be used are an error at start, and are logged and ignored later.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use huemill_observability::log;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use crate::settings::TlsSection;

/// The protocols that clients may choose, the best one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];

/// What HTTP/2 is called in TLS.
pub(crate) const HTTP2: &[u8] = b"h2";

/// Why TLS cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A file does not contain what it should.
    #[error("{}: contains no {what} in PEM form: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should contain.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key cannot be used together, or one of them not at all.
    #[error("the certificate and its key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
    /// The authorities of client certificates cannot be used.
    #[error("{}: {reason}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
}

/// The TLS configuration that is in force. Clones share it.
#[derive(Clone)]
pub(crate) struct Tls {
    files: Arc<TlsSection>,
    current: Arc<RwLock<Arc<ServerConfig>>>,
    /// The digest of the files that `current` was made of.
    loaded: [u8; 32],
}

/// The contents of the files. Not printable: one of them is a private key.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files, if TLS is configured.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub(crate) fn load(files: &TlsSection) -> Result<Option<Self>, TlsError> {
        if !files.is_enabled() {
            return Ok(None);
        }
        let contents = Contents::read(files)?;
        let current = Arc::new(RwLock::new(Arc::new(contents.config(files)?)));
        Ok(Some(Self { files: Arc::new(files.clone()), current, loaded: contents.digest() }))
    }

    /// What a connection that begins now uses.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the files again and again, and uses new ones. Never ends.
    pub(crate) async fn follow(self) {
        let every = Duration::from_secs(self.files.poll_seconds);
        let (mut judged, mut seen) = (Ok(self.loaded), Ok(self.loaded));
        loop {
            tokio::time::sleep(every).await;
            let files = self.files.clone();
            // On a thread of its own: the files may be on a slow disk.
            let read = tokio::task::spawn_blocking(move || Contents::read(&files)).await;
            let Ok(read) = read else { return };
            let state = read.as_ref().map(Contents::digest).map_err(ToString::to_string);
            // Files are replaced one after the other: they are judged once they have stayed the same for a while.
            let has_settled = seen == state;
            seen = state.clone();
            if has_settled && judged != state {
                judged = state;
                self.replace(read);
            }
        }
    }

    fn replace(&self, read: Result<Contents, TlsError>) {
        match read.and_then(|contents| contents.config(&self.files)) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                log!(TLS_RELOADED);
            }
            Err(error) => log!(TLS_RELOAD_FAILED, cause = %error),
        }
    }
}

impl Contents {
    fn read(files: &TlsSection) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
        };
        let has_client_ca = !files.client_ca.as_os_str().is_empty();
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_ca: has_client_ca.then(|| read(&files.client_ca)).transpose()?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for file in [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten()
        {
            hasher.update((file.len() as u64).to_le_bytes());
            hasher.update(file);
        }
        hasher.finalize().into()
    }

    /// The configuration that these files describe. It names its cryptography provider rather than use a global one.
    fn config(&self, files: &TlsSection) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = match &self.client_ca {
            Some(pem) => builder.with_client_cert_verifier(verifier(&files.client_ca, pem)?),
            None => builder.with_no_client_auth(),
        };
        let chain = certificates(&files.certificate, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| TlsError::Pem {
            path: files.key.clone(),
            what: "private key",
            reason: error.to_string(),
        })?;
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

/// Accepts only clients with a certificate of these authorities.
fn verifier(path: &Path, pem: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |reason: String| TlsError::Authorities { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(error.to_string()))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |reason: String| TlsError::Pem { path: path.to_owned(), what: "certificate", reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| unusable(error.to_string()))?;
    if found.is_empty() { Err(unusable("there is none".to_owned())) } else { Ok(found) }
}
