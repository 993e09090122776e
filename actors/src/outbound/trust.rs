//! The TLS configuration of outbound requests: it trusts the certificate authorities of the system and those of the
//! operator's own file. A server whose certificate is itself in that file is trusted too. A file that cannot be read is
//! an error before anything is sent.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
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
    Tls(#[from] TlsError),
}

/// The TLS configuration of outbound requests: it trusts the authorities of the system and the certificates of `extra`. It
/// names its cryptography provider rather than use a global one.
pub fn tls_config(extra: Option<&Path>) -> Result<Arc<ClientConfig>, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = TrustedCertificates::load(extra, &provider)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The largest file of certificates that is read: several times what a system trusts.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// The certificates in a PEM file; at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let broken = |why: String| SetupError::Roots { path: path.to_owned(), why };
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_PEM_BYTES + 1).read_to_end(&mut pem));
    read.map_err(|error| broken(error.to_string()))?;
    if pem.len() as u64 > MAX_PEM_BYTES {
        return Err(broken(format!("it has more than {} MiB", MAX_PEM_BYTES >> 20)));
    }
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| broken(error.to_string()))?;
    if found.is_empty() { Err(broken("it contains none".to_owned())) } else { Ok(found) }
}

/// Verifies servers as usual, except that a self-signed certificate may be both a server's and trusted.
#[derive(Debug)]
struct TrustedCertificates {
    authorities: Arc<WebPkiServerVerifier>,
    /// The certificates of the operator's file.
    own: Vec<CertificateDer<'static>>,
}

impl TrustedCertificates {
    fn load(extra: Option<&Path>, provider: &Arc<CryptoProvider>) -> Result<Self, SetupError> {
        let mut roots = RootCertStore::empty();
        // The system's store may contain certificates that cannot be parsed; those are skipped.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let own = extra.map(certificates).transpose()?.unwrap_or_default();
        for certificate in &own {
            roots.add(certificate.clone()).map_err(|error| SetupError::Roots {
                path: extra.unwrap_or(Path::new("")).to_owned(),
                why: error.to_string(),
            })?;
        }
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let authorities = builder.build().map_err(|error| TlsError::General(error.to_string()))?;
        Ok(Self { authorities, own })
    }
}

impl ServerCertVerifier for TrustedCertificates {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.authorities.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // What `openssl req -x509` makes is marked as an authority, and such a certificate is no server's for webpki.
            // That is among the errors without a name of their own; the dates are checked before.
            Err(TlsError::InvalidCertificate(CertificateError::Other(_)))
                if self.own.iter().any(|own| own == certificate) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    /// A self-signed certificate for `localhost`, in force until that year.
    fn self_signed(is_ca: IsCa, until: i32) -> rcgen::Certificate {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    }

    /// Whether a server with this certificate is believed to be `name` by a client whose file has that one.
    fn verify(shown: &rcgen::Certificate, trusted: &rcgen::Certificate, name: &str) -> Result<(), TlsError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, trusted.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = TrustedCertificates::load(Some(&file), &provider).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(shown.der(), &[], &name, &[], UnixTime::now()).map(drop)
    }

    #[test]
    fn a_self_signed_certificate_is_trusted_where_it_is_in_the_file() {
        for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let certificate = self_signed(is_ca, 4000);
            verify(&certificate, &certificate, "localhost").unwrap();
            assert!(verify(&certificate, &certificate, "example.com").is_err(), "{is_ca:?}: another name");
            let other = self_signed(is_ca, 4000);
            assert!(verify(&other, &certificate, "localhost").is_err(), "{is_ca:?}: another key");
            let expired = self_signed(is_ca, 2001);
            assert!(verify(&expired, &expired, "localhost").is_err(), "{is_ca:?}: expired");
        }
    }
}
